// What the command line prints: tables, JSON, errors as what, why, what next. Colour and progress only on a
// terminal.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/base/json.h"
#include "medsynth/base/text.h"

namespace medsynth::cli {

enum class Format { table, json };

struct Column {
  std::string title;
  bool right = false;  // numbers
};

// Rows under their titles, as wide as they need; nothing but the titles when there is no row.
std::string table(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows);

// A member of a JSON object as text for people: "-" for null and absent, numbers without a trailing ".0".
std::string cell(const json::object& object, std::string_view name);
std::string plain(const json::value& value);
std::string bytes(double count);            // "1.2 GB"
std::string seconds(double count);          // "1.9 s", "4 min"
std::string ago(std::string_view rfc3339);  // "12 s ago"

// On a terminal with colours (NO_COLOR unset).
bool colourful();
std::string bold(std::string_view text);
std::string red(std::string_view text);
std::string green(std::string_view text);
std::string yellow(std::string_view text);

// Asks on the terminal before something that cannot be undone; with `yes` it asks nothing. cancelled: the
// answer was no; invalid_argument: there is no terminal to ask on.
Result<> confirm(std::string_view question, bool yes);

void print(std::string_view text);  // to stdout, with a newline
void print_json(const json::value& value);

// To stderr; gives the exit code.
int fail(const Error& error);

// One line on stderr that is rewritten as work goes on; silent when stderr is no terminal.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();  // clears the line
  void show(std::string_view text);
  // Shows `text` with a bar for 0-100.
  void show(std::string_view text, double percent);

 private:
  bool terminal_;
  std::size_t width_ = 0;
};

}  // namespace medsynth::cli
