// What the command line prints: tables, JSON, errors as what, why, what next. Colour and progress only on a
// terminal. Not thread safe.
#pragma once

#include <signal.h>

#include <concepts>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/base/json.h"
#include "medsynth/base/text.h"
#include "medsynth/cli/screen.h"

namespace medsynth::cli {

enum class Format { table, json };

struct Column {
  std::string title;
  bool right = false;  // numbers
  bool cut = false;    // remarks: cells end in "…" where the screen is too narrow
};

// Text that a terminal may be given. Any other text becomes one by being escaped (printable(), so it stays
// one line), which is why everything that prints takes a Text: names, errors and results of others reach a
// terminal in no other way. Our own colours and line breaks are added to it here.
class Text {
 public:
  Text() = default;
  template <std::convertible_to<std::string_view> T>
  Text(const T& line) : shown_(printable(line)) {}

  Text& operator+=(const Text& more);
  Text& add_line(const Text& line);  // below what there is
  bool empty() const { return shown_.empty(); }
  const std::string& str() const { return shown_; }

 private:
  friend Text coloured(const Text& text, std::string_view code);
  friend Text cut(const Text& text, std::size_t columns);
  friend std::vector<Text> aligned(const std::vector<Column>& columns,
                                   const std::vector<std::vector<Text>>& rows, std::size_t screen);
  std::string shown_;
};
Text operator+(Text first, const Text& second);
// `text` with its line breaks; each line is escaped by itself.
Text lines(std::string_view text);

// At most so many columns of it; it ends in "…" where something is left out. Coloured text stays as it is: it is
// short.
Text cut(const Text& text, std::size_t columns);

using Row = std::vector<Text>;

// The titles and then each row, a line each, in columns as wide as they need. On a `screen` of so many columns
// what may be cut is, 0: nothing is.
std::vector<Text> aligned(const std::vector<Column>& columns, const std::vector<Row>& rows,
                          std::size_t screen);
// The same as one text; nothing but the titles when there is no row.
Text table(const std::vector<Column>& columns, const std::vector<Row>& rows,
           std::size_t screen = screen_width());

// A member of a JSON object as text for people: "-" for null and absent, numbers without a trailing ".0".
std::string cell(const json::object& object, std::string_view name);
std::string plain(const json::value& value);
std::string joined(const json::array& values);                     // with commas between
double number(const json::object& object, std::string_view name);  // 0 when it is none
// A measured number as `format` shows it; what is not there could not be measured, and is not 0.
std::string measured(const json::object& object, std::string_view name,
                     const std::function<std::string(double)>& format);
std::string percent_of(const json::object& object, std::string_view used,
                       std::string_view limit);  // "5.0 of 90 %"
std::string bar(double percent, int width);      // of blocks
std::string bytes(double count);                 // "1.2 GB"
std::string seconds(double count);               // "1.9 s", "4 min"
std::string ago(std::string_view rfc3339);       // "12 s ago"
// At most about `limit` bytes, with "..." where something is left out; no half characters.
std::string shortened(std::string text, std::size_t limit);

// On a terminal with colours (NO_COLOR unset).
bool colourful();
Text bold(const Text& text);
Text red(const Text& text);
Text green(const Text& text);
Text yellow(const Text& text);

// Asks on the terminal before something that cannot be undone; with `yes` it asks nothing. cancelled: the
// answer was no; invalid_argument: there is no terminal to ask on.
Result<> confirm(const Text& question, bool yes);

void print(const Text& text);  // to stdout, with a newline
void print_json(const json::value& value);

// Stands in for a standard stream that was closed, so that no other file gets its number and the output.
void reserve_standard_streams();
// The exit code of a command that would end with `code`: not 0 when something could not be written to stdout.
// That is said, but of a pipe whose reader went away (`| head`).
int after_output(int code);

// To stderr; gives the exit code.
int fail(const Error& error);

// One line on stderr that is rewritten as work goes on; silent when stderr is no terminal.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();  // clears the line
  void show(const Text& text);
  // Shows `text` with a bar for 0-100.
  void show(const Text& text, double percent);

 private:
  bool terminal_;
  std::size_t width_ = 0;
};

// While it lives, Ctrl-C says `text` on stderr before it ends the process, as ever. One at a time.
class InterruptNotice {
 public:
  explicit InterruptNotice(const Text& text);
  ~InterruptNotice();
  InterruptNotice(const InterruptNotice&) = delete;

 private:
  std::string text_;
  struct sigaction before_{};
};

}  // namespace medsynth::cli
