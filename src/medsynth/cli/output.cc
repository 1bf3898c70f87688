#include "medsynth/cli/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/clock.h"
#include "medsynth/base/settings.h"

namespace medsynth::cli {
namespace {

// Columns that a text takes on the screen: code points, which is right for all but wide scripts.
std::size_t width(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\x1b') {
      at = std::min(text.find('m', at), text.size());
    } else if ((static_cast<unsigned char>(text[at]) & 0xC0u) != 0x80u) {
      ++columns;
    }
  }
  return columns;
}

Text padded(const Text& text, std::size_t columns, bool right) {
  const std::size_t taken = width(text.str());
  const Text space = std::string(columns > taken ? columns - taken : 0, ' ');
  return right ? space + text : text + space;
}

bool wants_colour(int descriptor) {
  return isatty(descriptor) && !process_environment("NO_COLOR");
}

const std::string* interrupt_notice = nullptr;

// The signal takes its default action as soon as this has returned (SA_RESETHAND).
void say_and_end(int signal) {
  (void)!::write(STDERR_FILENO, interrupt_notice->data(), interrupt_notice->size());
  ::raise(signal);
}

int write_error = 0;  // errno of the first write to stdout that failed

void write_line(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
                       std::fputc('\n', stdout) != EOF && std::fflush(stdout) == 0;
  if (!written && write_error == 0) write_error = errno;
}

}  // namespace

Text coloured(const Text& text, std::string_view code) {
  if (!colourful()) return text;
  Text out;
  out.shown_ = fmt::format("\x1b[{}m{}\x1b[0m", code, text.str());
  return out;
}

Text& Text::operator+=(const Text& more) {
  shown_ += more.shown_;
  return *this;
}

Text& Text::add_line(const Text& line) {
  shown_ += '\n';
  return *this += line;
}

Text operator+(Text first, const Text& second) {
  return std::move(first += second);
}

Text lines(std::string_view text) {
  Text out = text.substr(0, text.find('\n'));
  for (std::size_t at = text.find('\n'); at != text.npos;) {
    const std::size_t next = text.find('\n', at + 1);
    out.add_line(text.substr(at + 1, std::min(next, text.size()) - at - 1));
    at = next;
  }
  return out;
}

namespace {

// Columns that may be cut get narrower, the widest first, until all fit or nothing is left to take.
void fit(const std::vector<Column>& columns, std::size_t screen, std::vector<std::size_t>& widths) {
  constexpr std::size_t kNarrowest = 8;
  if (screen == 0 || widths.empty()) return;
  std::size_t taken = 2 * (widths.size() - 1);
  for (const std::size_t each : widths) taken += each;
  while (taken > screen) {
    std::size_t* widest = nullptr;
    for (std::size_t i = 0; i < widths.size(); ++i)
      if (columns[i].cut && widths[i] > std::max(kNarrowest, columns[i].title.size()) &&
          (!widest || widths[i] > *widest))
        widest = &widths[i];
    if (!widest) return;
    --*widest;
    --taken;
  }
}

}  // namespace

Text cut(const Text& text, std::size_t columns) {
  const std::string& shown = text.str();
  if (width(shown) <= columns || shown.find('\x1b') != shown.npos) return text;
  std::size_t end = shown.size();
  while (end > 0 && (width(std::string_view(shown).substr(0, end)) + 1 > columns ||
                     (static_cast<unsigned char>(shown[end]) & 0xC0) == 0x80))
    --end;
  Text out;
  out.shown_ = shown.substr(0, end) + "…";
  return out;
}

std::vector<Text> aligned(const std::vector<Column>& columns, const std::vector<Row>& rows,
                          std::size_t screen) {
  std::vector<std::size_t> widths;
  Row titles;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    titles.emplace_back(columns[i].title);
    std::size_t widest = width(titles[i].str());
    for (const Row& row : rows) widest = std::max(widest, i < row.size() ? width(row[i].str()) : 0);
    widths.push_back(widest);
  }
  fit(columns, screen, widths);
  const auto line = [&](const Row& row) {
    Text line;
    for (std::size_t i = 0; i < std::min(row.size(), columns.size()); ++i)
      line += Text(i ? "  " : "") + padded(cut(row[i], widths[i]), widths[i], columns[i].right);
    line.shown_.erase(line.shown_.find_last_not_of(' ') + 1);
    return line;
  };
  std::vector<Text> out{line(titles)};
  for (const Row& row : rows) out.push_back(line(row));
  return out;
}

Text table(const std::vector<Column>& columns, const std::vector<Row>& rows, std::size_t screen) {
  const std::vector<Text> lines = aligned(columns, rows, screen);
  Text out = bold(lines.front());
  for (std::size_t i = 1; i < lines.size(); ++i) out.add_line(lines[i]);
  return out;
}

std::string plain(const json::value& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_double()) {
    const double number = value.get_double();
    return number == std::floor(number) && std::abs(number) < 1e15 ? fmt::format("{:.0f}", number)
                                                                   : fmt::format("{:.4g}", number);
  }
  return json::write(value);
}

std::string cell(const json::object& object, std::string_view name) {
  const json::value* member = object.if_contains(name);
  return member ? plain(*member) : "-";
}

std::string joined(const json::array& values) {
  std::string out;
  for (const json::value& each : values) out += (out.empty() ? "" : ", ") + plain(each);
  return out;
}

double number(const json::object& object, std::string_view name) {
  const json::value* member = object.if_contains(name);
  return member && member->is_number() ? member->to_number<double>() : 0.0;
}

std::string measured(const json::object& object, std::string_view name,
                     const std::function<std::string(double)>& format) {
  const json::value* member = object.if_contains(name);
  return member && member->is_number() ? format(member->to_number<double>()) : "unknown";
}

std::string percent_of(const json::object& object, std::string_view used, std::string_view limit) {
  const auto one_digit = [](double number) { return fmt::format("{:.1f}", number); };
  return fmt::format("{} of {:.0f} %", measured(object, used, one_digit), number(object, limit));
}

std::string bar(double percent, int width) {
  const int full = static_cast<int>(std::clamp(percent, 0.0, 100.0) / 100 * width);
  std::string out;
  for (int i = 0; i < width; ++i) out += i < full ? "█" : "░";
  return out;
}

std::string bytes(double count) {
  constexpr std::array kUnits{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (; count >= 1000 && unit + 1 < kUnits.size(); ++unit) count /= 1000;
  return unit == 0 ? fmt::format("{:.0f} B", count) : fmt::format("{:.1f} {}", count, kUnits[unit]);
}

std::string seconds(double count) {
  if (count < 1) return fmt::format("{:.0f} ms", count * 1000);
  if (count < 120) return fmt::format("{:.1f} s", count);
  if (count < 7200) return fmt::format("{:.0f} min", count / 60);
  return count < 172800 ? fmt::format("{:.0f} h", count / 3600) : fmt::format("{:.0f} days", count / 86400);
}

std::string ago(std::string_view rfc3339) {
  const auto time = parse_rfc3339(rfc3339);
  if (!time) return std::string(rfc3339);
  const double passed = static_cast<double>((system_clock().now() - *time).count()) / 1e6;
  return passed < 0 ? "in " + seconds(-passed) : seconds(std::floor(passed)) + " ago";
}

std::string shortened(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  text.resize(limit);
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0x80u) != 0) text.pop_back();
  return text + "...";
}

bool colourful() {
  static const bool yes = wants_colour(STDOUT_FILENO);
  return yes;
}
Text bold(const Text& text) {
  return coloured(text, "1");
}
Text red(const Text& text) {
  return coloured(text, "31");
}
Text green(const Text& text) {
  return coloured(text, "32");
}
Text yellow(const Text& text) {
  return coloured(text, "33");
}

Result<> confirm(const Text& question, bool yes) {
  if (yes) return success();
  if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
    return invalid("--yes", "this cannot be undone, and there is no terminal to ask on: add --yes");
  fmt::print(stderr, "{} [y/N] ", question.str());
  std::fflush(stderr);
  std::string line;
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) line += static_cast<char>(c);
  if (line == "y" || line == "Y" || line == "yes") return success();
  return Error{Code::cancelled, "nothing was changed", ""};
}

void print(const Text& text) {
  write_line(text.str());
}

// The writer's JSON is ASCII without control characters: it needs no escaping.
void print_json(const json::value& value) {
  write_line(isatty(STDOUT_FILENO) ? json::write_pretty(value) : json::write(value));
}

void reserve_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // The wrong way round, so that writing to a closed stdout is an error and not silence.
    if (fcntl(stream, F_GETFD) < 0 && errno == EBADF)
      (void)open("/dev/null", stream == STDOUT_FILENO ? O_RDONLY : O_RDWR);
  }
}

int after_output(int code) {
  if (std::fflush(stdout) != 0 && write_error == 0) write_error = errno;
  if (write_error == 0) return code;
  if (write_error != EPIPE)
    (void)fail({Code::internal,
                fmt::format("the output could not be written: {}", std::strerror(write_error)),
                "output_lost"});
  return code == 0 ? 1 : code;
}

// A key that was put into the wrong place is not repeated.
int fail(const Error& error) {
  const std::string_view label = wants_colour(STDERR_FILENO) ? "\x1b[31merror:\x1b[0m" : "error:";
  fmt::print(stderr, "{} {}\n", label, Text(without_keys(error.message)).str());
  for (const Fault& fault : error.faults) {
    if (error.message.find(fault.detail) == std::string::npos)
      fmt::print(stderr, "  {}: {}\n", Text(without_keys(fault.pointer)).str(),
                 Text(without_keys(fault.detail)).str());
  }
  return info(error.code).exit_code;
}

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO)) {}

ProgressLine::~ProgressLine() {
  if (terminal_ && width_ > 0) fmt::print(stderr, "\r{}\r", std::string(width_, ' '));
}

void ProgressLine::show(const Text& text) {
  if (!terminal_) return;
  fmt::print(stderr, "\r{}", padded(text, width_, false).str());
  std::fflush(stderr);
  width_ = width(text.str());
}

void ProgressLine::show(const Text& text, double percent) {
  constexpr int kWidth = 20;
  show(text + fmt::format(" {} {:3.0f} %", bar(percent, kWidth), percent));
}

InterruptNotice::InterruptNotice(const Text& text) : text_("\n" + text.str() + "\n") {
  interrupt_notice = &text_;
  struct sigaction action{};
  action.sa_handler = say_and_end;
  action.sa_flags = SA_RESETHAND;
  ::sigaction(SIGINT, &action, &before_);
  if (before_.sa_handler == SIG_IGN) ::sigaction(SIGINT, &before_, nullptr);  // as nohup asked for
}

InterruptNotice::~InterruptNotice() {
  ::sigaction(SIGINT, &before_, nullptr);
}

}  // namespace medsynth::cli
