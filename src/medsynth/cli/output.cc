#include "medsynth/cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

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

std::string padded(std::string_view text, std::size_t columns, bool right) {
  const std::string space(columns > width(text) ? columns - width(text) : 0, ' ');
  return right ? space + std::string(text) : std::string(text) + space;
}

std::string coloured(std::string_view text, std::string_view code) {
  return colourful() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

bool wants_colour(int descriptor) {
  return isatty(descriptor) && !process_environment("NO_COLOR");
}

}  // namespace

std::string table(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::size_t widest = width(columns[i].title);
    for (const auto& row : rows) widest = std::max(widest, i < row.size() ? width(row[i]) : 0);
    widths.push_back(widest);
  }
  std::string out;
  const auto line = [&](const std::function<std::string(std::size_t)>& text) {
    std::string built;
    for (std::size_t i = 0; i < columns.size(); ++i)
      built += (i ? "  " : "") + padded(text(i), widths[i], columns[i].right);
    built.erase(built.find_last_not_of(' ') + 1);
    out += built + "\n";
  };
  line([&](std::size_t i) { return bold(columns[i].title); });
  for (const auto& row : rows) line([&](std::size_t i) { return i < row.size() ? row[i] : std::string(); });
  if (!out.empty()) out.pop_back();
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

bool colourful() {
  static const bool yes = wants_colour(STDOUT_FILENO);
  return yes;
}
std::string bold(std::string_view text) {
  return coloured(text, "1");
}
std::string red(std::string_view text) {
  return coloured(text, "31");
}
std::string green(std::string_view text) {
  return coloured(text, "32");
}
std::string yellow(std::string_view text) {
  return coloured(text, "33");
}

Result<> confirm(std::string_view question, bool yes) {
  if (yes) return success();
  if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
    return invalid("--yes", "this cannot be undone, and there is no terminal to ask on: add --yes");
  fmt::print(stderr, "{} [y/N] ", question);
  std::fflush(stderr);
  std::string line;
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) line += static_cast<char>(c);
  if (line == "y" || line == "Y" || line == "yes") return success();
  return Error{Code::cancelled, "nothing was changed", ""};
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

void print_json(const json::value& value) {
  print(isatty(STDOUT_FILENO) ? json::write_pretty(value) : json::write(value));
}

int fail(const Error& error) {
  const std::string_view label = wants_colour(STDERR_FILENO) ? "\x1b[31merror:\x1b[0m" : "error:";
  fmt::print(stderr, "{} {}\n", label, error.message);
  for (const Fault& fault : error.faults) {
    if (error.message.find(fault.detail) == std::string::npos)
      fmt::print(stderr, "  {}: {}\n", fault.pointer, fault.detail);
  }
  return info(error.code).exit_code;
}

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO)) {}

ProgressLine::~ProgressLine() {
  if (terminal_ && width_ > 0) fmt::print(stderr, "\r{}\r", std::string(width_, ' '));
}

void ProgressLine::show(std::string_view text) {
  if (!terminal_) return;
  fmt::print(stderr, "\r{}", padded(text, width_, false));
  std::fflush(stderr);
  width_ = width(text);
}

void ProgressLine::show(std::string_view text, double percent) {
  constexpr int kWidth = 20;
  const int full = static_cast<int>(std::clamp(percent, 0.0, 100.0) / 100 * kWidth);
  std::string bar;
  for (int i = 0; i < kWidth; ++i) bar += i < full ? "█" : "░";
  show(fmt::format("{} {} {:3.0f} %", text, bar, percent));
}

}  // namespace medsynth::cli
