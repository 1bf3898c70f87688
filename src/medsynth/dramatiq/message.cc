#include "medsynth/dramatiq/message.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <unordered_map>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/base/json.h"
#include "medsynth/dramatiq/json_text.h"

namespace medsynth::dramatiq {
namespace {

constexpr std::array<std::string_view, 7> kKeys{"queue_name", "actor_name",       "args", "kwargs", "options",
                                                "message_id", "message_timestamp"};
// Messages within messages that a producer's check looks into; those beyond are looked at when they are
// fetched.
constexpr int kMaxFollowers = 16;
constexpr double kFar = 8e12;  // ms; as nanoseconds it still fits into 64 bits

std::string pointer(std::string_view key) {
  return fmt::format("/{}", key);
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The text of a JSON string that has no escapes, as nearly all have none; empty for any other.
std::string_view plain_text(std::string_view raw) {
  if (raw.size() < 2 || raw.front() != '"' || raw.find('\\') != std::string_view::npos) return {};
  return raw.substr(1, raw.size() - 2);
}

template <class Number>
std::optional<Number> whole_number(std::string_view raw) {
  Number number{};
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), number);
  return error == std::errc{} && end == raw.data() + raw.size() ? std::optional(number) : std::nullopt;
}

// False: it is no string of valid Unicode.
bool read_text(std::string& into, std::string_view raw) {
  if (const std::string_view text = plain_text(raw); !text.empty()) {
    into = text;
    return true;
  }
  const auto value = json::parse(raw);
  if (!value || !value->is_string()) return false;
  into = value->get_string();
  return true;
}

// Precondition, as for the next two: read_object() let the whole payload pass.
Result<> read_string(std::string& into, std::string_view key, std::string_view raw) {
  if (read_text(into, raw)) return success();
  return invalid(pointer(key), "must be a string of valid Unicode");
}

Result<> read_raw(std::string& into, std::string_view key, std::string_view raw, char open) {
  if (!raw.starts_with(open))
    return invalid(pointer(key), open == '[' ? "must be an array" : "must be an object");
  into = raw;
  return success();
}

Result<> read_time(std::int64_t& into, std::string_view key, std::string_view raw) {
  if (const auto number = whole_number<std::int64_t>(raw)) {
    into = *number;
    return success();
  }
  const auto value = json::parse(raw);
  if (!value || !value->is_int64()) return invalid(pointer(key), "must be an integer of milliseconds");
  into = value->get_int64();
  return success();
}

// `member` is a place in kKeys.
Result<> read_member(Message& message, std::size_t member, std::string_view raw) {
  const std::string_view key = kKeys[member];
  switch (member) {
    case 0:
      return read_string(message.queue_name, key, raw);
    case 1:
      return read_string(message.actor_name, key, raw);
    case 2:
      return read_raw(message.args, key, raw, '[');
    case 3:
      return read_raw(message.kwargs, key, raw, '{');
    case 4: {
      BOOST_OUTCOME_TRY(message.options, read_options(raw));
      return success();
    }
    case 5:
      return read_string(message.message_id, key, raw);
    default:
      return read_time(message.message_timestamp, key, raw);
  }
}

// A name is that of an option which holds a message, or a list of them.
Result<> check_names_below(const Message& message, const std::string& at, int followers);

Result<> check_follower(std::string_view text, const std::string& at, int followers) {
  const auto message = decode(text);
  return message ? check_names_below(*message, at, followers - 1) : success();
}

// Lower- or uppercase hex in groups of 8-4-4-4-12.
bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !std::isxdigit(static_cast<unsigned char>(text[i]))) return false;
  }
  return true;
}

Result<> check_option_names(const Message& message, const std::string& at, int followers) {
  for (const auto& [name, text] : message.options) {
    const std::string place = at + "/options/" + name;
    const bool callback = name == "on_success" || name == "on_failure" || name == "on_retry_exhausted";
    if (callback && text.starts_with('"') && text != "\"\"") {
      std::string actor;
      if (!read_text(actor, text)) return invalid(place, "must be a string of valid Unicode");
      BOOST_OUTCOME_TRY(check_name(place, actor));
    } else if (name == "group_completion_uuid" && text != "null") {
      const auto group = json::parse(text);
      if (!group || !group->is_string() || !is_uuid(group->get_string()))
        return invalid(place, "must be a UUID: it is a key of Redis as it is");
    } else if (followers > 0 && name == "pipe_target") {
      BOOST_OUTCOME_TRY(check_follower(text, place, followers));
    } else if (followers > 0 && name == "group_completion_callbacks") {
      const auto callbacks = json::members(text);
      for (std::size_t i = 0; callbacks && i < callbacks->size(); ++i) {
        BOOST_OUTCOME_TRY(check_follower((*callbacks)[i].second, fmt::format("{}/{}", place, i), followers));
      }
    }
  }
  return success();
}

Result<> check_names_below(const Message& message, const std::string& at, int followers) {
  if (auto checked = check_queue_name(canonical_queue(message.queue_name)); !checked)
    return invalid(at + "/queue_name", checked.error().faults.at(0).detail);
  BOOST_OUTCOME_TRY(check_name(at + "/actor_name", message.actor_name));
  BOOST_OUTCOME_TRY(check_name(at + "/message_id", message.message_id));
  return check_option_names(message, at, followers);
}

Result<> check_task_id_in(std::string_view raw, std::string_view at) {
  std::string id;
  return raw.starts_with('"') && read_text(id, raw) ? check_name(at, id) : success();
}

// The id of the task that the message stands for, where it names one.
Result<> check_task_name(const Message& message) {
  BOOST_OUTCOME_TRY(auto kwargs, read_object(message.kwargs));
  for (const auto& [name, raw] : kwargs) {
    std::string decoded;
    if (name != R"("task_id")" && name.find('\\') == std::string_view::npos) continue;
    if (!read_text(decoded, name) || decoded != "task_id") continue;
    BOOST_OUTCOME_TRY(check_task_id_in(raw, "/kwargs/task_id"));
  }
  return check_task_id_in(message.option("task_id"), "/options/task_id");
}

}  // namespace

std::string_view Message::option(std::string_view name) const {
  for (const auto& [key, text] : options)
    if (key == name) return text;
  return {};
}

std::optional<std::int64_t> Message::integer_option(std::string_view name) const {
  const std::string_view text = option(name);
  if (text.empty()) return std::nullopt;
  if (text == "Infinity") return static_cast<std::int64_t>(kFar);
  if (text == "-Infinity") return static_cast<std::int64_t>(-kFar);
  const auto value = json::parse(text);
  if (!value || !value->is_number()) return std::nullopt;
  return static_cast<std::int64_t>(std::clamp(value->to_number<double>(), -kFar, kFar));
}

std::optional<std::string> Message::text_option(std::string_view name) const {
  const std::string_view raw = option(name);
  if (raw.empty()) return std::nullopt;
  const auto value = json::parse(raw);
  if (!value || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

void Message::set_option(std::string_view name, std::string json) {
  for (auto& [key, text] : options)
    if (key == name) return void(text = std::move(json));
  options.emplace_back(name, std::move(json));
}

void Message::erase_option(std::string_view name) {
  std::erase_if(options, [&](const auto& option) { return option.first == name; });
}

Message make_message(std::string queue, std::string actor, std::string kwargs_json, WallTime now) {
  Message message;
  message.queue_name = std::move(queue);
  message.actor_name = std::move(actor);
  message.kwargs = std::move(kwargs_json);
  message.message_id = new_uuid();
  message.message_timestamp = millis(now);
  return message;
}

// Duplicates as Python's dict: the first one's position, the last one's value.
Result<Options> read_options(std::string_view json) {
  if (!json.starts_with('{')) return invalid("/options", "must be an object");
  BOOST_OUTCOME_TRY(auto members, read_object(json));
  Options found;
  found.reserve(members.size());
  const bool many = members.size() > 16;
  std::unordered_map<std::string, std::size_t> places;  // of many: comparing all would take a square of time
  for (const auto& [name, text] : members) {
    std::string decoded;
    if (!read_text(decoded, name)) return invalid("/options", "has a name that is not valid Unicode");
    const auto same = [&](const auto& option) { return option.first == decoded; };
    std::size_t place = found.size();
    if (many)
      place = places.emplace(decoded, place).first->second;
    else
      place = static_cast<std::size_t>(std::find_if(found.begin(), found.end(), same) - found.begin());
    if (place == found.size())
      found.emplace_back(std::move(decoded), text);
    else
      found[place].second = text;
  }
  return found;
}

Result<> check(const Message& message) {
  if (!check_json(message.args) || !message.args.starts_with('['))
    return invalid("/args", "must be a JSON array");
  if (!check_json(message.kwargs) || !message.kwargs.starts_with('{'))
    return invalid("/kwargs", "must be a JSON object");
  for (const auto& [name, text] : message.options)
    if (!check_json(text)) return invalid("/options/" + name, "must be JSON");
  BOOST_OUTCOME_TRY(check_names_below(message, "", kMaxFollowers));
  BOOST_OUTCOME_TRY(check_task_name(message));
  BOOST_OUTCOME_TRY(
      decode(encode(message)));  // what only shows in the whole: depth, names that are not Unicode
  return success();
}

Result<> check_names(const Message& message) {
  return check_names_below(message, "", 1);
}

std::string encode(const Message& message) {
  std::string out = R"({"queue_name":)" + json::write_string(message.queue_name);
  out += R"(,"actor_name":)" + json::write_string(message.actor_name);
  out += R"(,"args":)" + message.args;
  out += R"(,"kwargs":)" + message.kwargs;
  out += R"(,"options":{)";
  bool first = true;
  for (const auto& [name, text] : message.options) {
    if (!std::exchange(first, false)) out += ',';
    out += json::write_string(name) + ':' + text;
  }
  out += R"(},"message_id":)" + json::write_string(message.message_id);
  out += fmt::format(R"(,"message_timestamp":{}}})", message.message_timestamp);
  return out;
}

Result<Message> decode(std::string_view payload) {
  const auto members = read_object(payload);
  if (!members) return check_json(payload) ? invalid("", "a message must be a JSON object") : members.error();
  Message message;
  std::array<bool, kKeys.size()> seen{};
  std::size_t expected = 0;  // as Python writes them, one after the other
  for (const auto& [name, raw] : *members) {
    std::string decoded;
    std::string_view key = plain_text(name);
    if (key.empty()) {
      read_text(decoded, name);
      key = decoded;
    }
    const bool in_order = expected < kKeys.size() && key == kKeys[expected];
    const std::size_t member =
        in_order ? expected
                 : static_cast<std::size_t>(std::find(kKeys.begin(), kKeys.end(), key) - kKeys.begin());
    if (member == kKeys.size()) {
      const bool showable = key.size() <= 40 && std::all_of(key.begin(), key.end(), is_word);
      return invalid("", fmt::format("a message has no key '{}'", showable ? key : "..."));
    }
    expected = member + 1;
    seen[member] = true;
    BOOST_OUTCOME_TRY(read_member(message, member, raw));
  }
  for (std::size_t i = 0; i < kKeys.size(); ++i)
    if (!seen[i]) return invalid(pointer(kKeys[i]), "is missing");
  return message;
}

Result<> check_queue_name(std::string_view name) {
  const auto wrong = [&](std::string_view why) { return invalid("/queue_name", std::string(why)); };
  const bool begins = !name.empty() && is_word(name[0]) && !(name[0] >= '0' && name[0] <= '9');
  const bool fits =
      std::all_of(name.begin(), name.end(), [](char c) { return is_word(c) || c == '.' || c == '-'; });
  if (name.size() > 200) return wrong("must have at most 200 bytes");
  if (!begins || !fits)
    return wrong("must be letters, digits, '_', '.', '-', and begin with a letter or '_'");
  for (const std::string_view ending : {".DQ", ".XQ", ".msgs", ".acks"})
    if (name.ends_with(ending)) return wrong(fmt::format("must not end with '{}', Dramatiq's own", ending));
  for (const std::string_view beginning : {"__heartbeats__", "__acks__", "__medsynth__"})
    if (name.starts_with(beginning)) return wrong(fmt::format("must not begin with '{}'", beginning));
  return success();
}

bool is_delay_queue(std::string_view queue) {
  return queue.ends_with(".DQ");
}

std::string canonical_queue(std::string_view queue) {
  const bool suffixed = queue.ends_with(".DQ") || queue.ends_with(".XQ");
  return std::string(queue.substr(0, queue.size() - (suffixed ? 3 : 0)));
}

std::string delay_queue(std::string_view queue) {
  return canonical_queue(queue) + ".DQ";
}

std::optional<WallTime> due(const Message& message, WallTime now) {
  const std::string_view eta = message.option("eta");
  if (eta.empty() || eta == "null") return std::nullopt;
  const auto at = message.integer_option("eta");
  return at ? WallTime{std::chrono::milliseconds{*at}} : now;
}

}  // namespace medsynth::dramatiq
