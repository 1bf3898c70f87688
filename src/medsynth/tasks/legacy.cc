#include "medsynth/tasks/legacy.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include <boost/json/parse.hpp>

namespace medsynth::tasks {
namespace {

Error no_record(std::string why) {
  return Error{
      Code::conflict, "the stored task record cannot be read: " + std::move(why), "not_a_task_record", {}};
}

Result<std::string> strict(std::string_view raw) {
  if (json::is_json(raw)) return std::string(raw);
  boost::json::parse_options options;
  options.allow_infinity_and_nan = true;
  options.allow_invalid_utf16 = true;
  options.numbers = boost::json::number_precision::precise;
  options.max_depth = 64;
  boost::system::error_code error;
  json::value value = boost::json::parse(raw, error, {}, options);
  if (error) return no_record("a value is not JSON");
  json::drop_non_finite(value);
  return json::write(value);
}

// A time as text, or as seconds since 1970, which Python code likes.
std::optional<WallTime> time_of(const Record& record, std::string_view name) {
  if (const auto text = record.text(name)) {
    const auto time = parse_rfc3339(*text);
    return time ? std::optional(*time) : std::nullopt;
  }
  const auto seconds = record.number(name);
  constexpr double kYear9999 = 253402300799;
  if (!seconds || *seconds < 0 || *seconds > kYear9999) return std::nullopt;
  return WallTime{std::chrono::microseconds(static_cast<std::int64_t>(*seconds * 1e6))};
}

bool is_count(std::string_view text) {
  return !text.empty() && text.size() < 16 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Result<Fields> split_legacy(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \n\r\t");
  if (start == std::string_view::npos || text[start] != '{') return no_record("it is not a JSON object");
  const auto members = json::members(text);
  if (!members) return no_record(members.error().message);
  Fields fields;
  std::unordered_map<std::string_view, std::size_t> places;
  for (const auto& [name, raw] : *members) {
    BOOST_OUTCOME_TRY(auto value, strict(raw));
    const auto [place, is_new] = places.emplace(name, fields.size());
    if (is_new)
      fields.emplace_back(name, std::move(value));
    else
      fields[place->second].second = std::move(value);
  }
  return fields;
}

Adopted adopt(Fields fields, WallTime now) {
  const Record record{"", std::move(fields)};
  const auto updated = time_of(record, "updated_at");
  const WallTime created = time_of(record, "created_at").value_or(updated.value_or(now));
  Adopted adopted;
  adopted.created_micros = micros(created);
  for (const auto& [name, value] : record.fields) {
    const bool odd_id = name == "message_id" && !record.text(name);
    if (!is_owned(name) && name != "status" && !odd_id) adopted.fields.emplace_back(name, value);
  }
  adopted.fields.emplace_back("status", json_text(record.status().value_or(Status::pending)));
  adopted.fields.emplace_back("created_at", json::write_string(rfc3339(created)));
  adopted.fields.emplace_back("updated_at", json::write_string(rfc3339(updated.value_or(created))));
  const std::string_view attempt = record.raw("attempt");
  adopted.fields.emplace_back("attempt", is_count(attempt) ? attempt : "0");
  return adopted;
}

}  // namespace medsynth::tasks
