#include "medsynth/base/log.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "medsynth/base/clock.h"
#include "medsynth/base/journal.h"
#include "medsynth/base/json.h"
#include "medsynth/base/log_file.h"
#include "medsynth/base/text.h"

namespace medsynth::log {
namespace {

constexpr std::array<std::string_view, 4> kNames{"debug", "info", "warning", "error"};
constexpr std::array kLevels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                             spdlog::level::err};
constexpr std::array<std::string_view, 4> kPriorities{"7", "6", "4", "3"};  // syslog(3)

// Set once by start(), before other threads log.
struct State {
  std::shared_ptr<spdlog::logger> logger =
      std::make_shared<spdlog::logger>("medsynth", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  std::string process = "medsynth";
  bool json = false;
  std::unique_ptr<Journal> journal;  // null: stderr leads elsewhere
  std::filesystem::path file;        // "": there is none
};
State& state() {
  static State state;
  return state;
}

// For a terminal, so that nothing in it acts on the terminal or makes a second line.
std::string as_text(std::string_view event, Fields fields) {
  std::string line(event);
  for (const auto& [name, value] : fields) {
    line.append("  ").append(name).append("=");
    if (value.is_string())
      line.append(value.get_string());
    else
      json::write_to(line, value);
  }
  return printable(line);
}

// Writes as it goes: one line per request is logged, an object per line would cost more than the request's
// answer.
std::string as_json(Level level, std::string_view event, Fields fields) {
  std::string line;
  line.reserve(256);
  line.append(R"({"ts":")").append(rfc3339(system_clock().now()));
  line.append(R"(","level":")").append(kNames[static_cast<std::size_t>(level)]).append(R"(","msg":)");
  json::write_string_to(line, event);
  line.append(R"(,"process":)");
  json::write_string_to(line, state().process);
  line.append(R"(,"pid":)").append(std::to_string(getpid()));
  for (const auto& [name, value] : fields) {
    line += ',';
    json::write_string_to(line, name);
    line += ':';
    const double* number = value.if_double();
    json::write_to(line, number && !std::isfinite(*number) ? json::value(nullptr) : value);
  }
  return line += '}';
}

// A field for each of ours; what is read without asking for fields says all of it.
std::string as_entry(Level level, std::string_view event, Fields fields) {
  std::string entry;
  entry.reserve(512);
  add_journal_field(entry, "MESSAGE", as_text(event, fields));
  add_journal_field(entry, "PRIORITY", kPriorities[static_cast<std::size_t>(level)]);
  add_journal_field(entry, "SYSLOG_IDENTIFIER", "medsynth");
  add_journal_field(entry, "PROCESS", state().process);
  add_journal_field(entry, "EVENT", event);
  for (const auto& [name, value] : fields) {
    std::string text;
    if (value.is_string())
      text = value.get_string();
    else
      json::write_to(text, value);
    add_journal_field(entry, name, text);
  }
  return entry;
}

}  // namespace

void start(std::string_view level, std::string_view format, std::string_view process) {
  State& s = state();
  s.process = process;
  s.json = format == "json" || (format == "auto" && !isatty(STDERR_FILENO));
  const char* stream = std::getenv("JOURNAL_STREAM");
  if (format == "auto" && stream && leads_to_journal(stream, STDERR_FILENO))
    s.journal = std::make_unique<Journal>();
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == level) s.logger->set_level(kLevels[i]);
  }
  s.logger->set_pattern(s.json ? "%v" : "%H:%M:%S.%e %^%-7l%$ %v");
  s.logger->flush_on(spdlog::level::debug);
}

void keep_in(const std::filesystem::path& file) {
  state().file = file;
}

bool enabled(Level level) {
  return state().logger->should_log(kLevels[static_cast<std::size_t>(level)]);
}

void write(Level level, std::string_view event, Fields fields) {
  if (!enabled(level)) return;
  if (state().journal && state().journal->send(as_entry(level, event, fields))) return;
  if (!state().file.empty()) append_to_log(state().file, as_json(level, event, fields));
  const std::string line = state().json ? as_json(level, event, fields) : as_text(event, fields);
  state().logger->log(kLevels[static_cast<std::size_t>(level)],
                      spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace medsynth::log
