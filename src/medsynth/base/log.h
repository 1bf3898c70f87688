// Structured logging: an event and its fields, to stderr. Readable text on a terminal, entries with fields in systemd's
// journal, JSON lines elsewhere. Thread safe.
//
//   log::info("task completed", {{"task_id", id}, {"duration_ms", 12.5}});
//
// Never log a claim's text above debug level, a query string, or a secret.
#pragma once

#include <initializer_list>
#include <string_view>
#include <type_traits>

#include <boost/json/value.hpp>

namespace medsynth::log {

enum class Level { debug, info, warning, error };
struct Field {
  template <class T>
  Field(std::string_view name_, const T& value_) : name(name_), value(as_json(value_)) {}
  std::string_view name;
  boost::json::value value;

 private:
  static boost::json::value as_json(std::string_view text) { return boost::json::value(text); }
  template <class T>
  static boost::json::value as_json(const T& other) {
    if constexpr (std::is_convertible_v<const T&, std::string_view>)
      return boost::json::value(std::string_view(other));
    else
      return boost::json::value(other);
  }
};
using Fields = std::initializer_list<Field>;

// Once, at the start of the process: `level` debug|info|warning|error, `format` auto|text|json; `process`
// ("serve", "worker", ...) is written with every line.
void start(std::string_view level, std::string_view format, std::string_view process);

bool enabled(Level level);
void write(Level level, std::string_view event, Fields fields = {});

inline void debug(std::string_view event, Fields fields = {}) {
  write(Level::debug, event, fields);
}
inline void info(std::string_view event, Fields fields = {}) {
  write(Level::info, event, fields);
}
inline void warning(std::string_view event, Fields fields = {}) {
  write(Level::warning, event, fields);
}
inline void error(std::string_view event, Fields fields = {}) {
  write(Level::error, event, fields);
}

}  // namespace medsynth::log
