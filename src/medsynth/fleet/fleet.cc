#include "medsynth/fleet/fleet.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "medsynth/base/stored.h"
#include "medsynth/base/text.h"
#include "medsynth/fleet/keys.h"
#include "medsynth/fleet/scripts.h"

namespace medsynth::fleet {
namespace {

using redis::Command;
using redis::Done;
using redis::Query;
using redis::Replies;
using redis::Step;

constexpr std::string_view kLimitField = "limit:";
// Confirmations are read within a second; a minute leaves room for people who debug.
constexpr int kConfirmationSeconds = 60;
// A worker that fell silent is named for as long: people look within minutes.
constexpr const char* kRememberedMillis = "600000";
constexpr double kMaxMillis = 253'402'300'799'000;  // the year 9999

Result<Step<std::int64_t>> version_of(Replies replies) {
  BOOST_OUTCOME_TRY(auto version, redis::integer(replies[0]));
  return Step<std::int64_t>{version};
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && std::isfinite(static_cast<double>(value)) ? std::optional(value) : std::nullopt;
}

std::optional<Request> parse_request(const std::string& text) {
  const std::size_t first = text.find('\n');
  const std::size_t second = first == std::string::npos ? first : text.find('\n', first + 1);
  if (second == std::string::npos) return std::nullopt;
  const auto version = number<std::int64_t>(std::string_view(text).substr(0, first));
  if (!version) return std::nullopt;
  return Request{*version, text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

// Of one control field; unknown ones are a newer version's.
void read_control(const std::string& field, const std::string& value, Control& control) {
  bool read = true;
  if (field == "version") {
    const auto version = number<std::int64_t>(value);
    read = version && *version >= 0;
    if (read) control.version = *version;
  } else if (field.starts_with(kLimitField)) {
    const auto limit = number<double>(value);
    read = limit.has_value();
    if (read) control.limits[field.substr(kLimitField.size())] = *limit;
  }
  if (!read) control.faults.push_back({"/" + printable(field), "must be a finite number"});
}

// One worker of the index, and what lies where its snapshot should.
struct Entry {
  std::string worker_id;
  double stale_at = 0;  // milliseconds
};

// Elements are pairs of member and score.
Result<std::vector<Entry>> entries_of(const redis::Reply& reply) {
  BOOST_OUTCOME_TRY(auto pairs, redis::list(reply));
  std::vector<Entry> entries;
  for (const redis::Reply& pair : pairs) {
    BOOST_OUTCOME_TRY(auto words, redis::texts(pair));
    if (words.size() == 2) entries.push_back({words[0], number<double>(words[1]).value_or(0)});
  }
  return entries;
}

// With NaN and Infinity, as a writer of another version may have let them through: they are passed over.
Result<json::value> parse_stored(const std::string& text) {
  boost::json::parse_options options;
  options.allow_infinity_and_nan = true;
  options.max_depth = 64;
  boost::system::error_code error;
  json::value value = boost::json::parse(text, error, {}, options);
  if (error) return invalid("", "is not JSON");
  return value;
}

// Another version's, too: what is known is read. What is no JSON object at all says only that somebody
// writes.
Snapshot read_snapshot(const std::string& worker_id, const std::string& text) {
  std::vector<Fault> faults;
  Snapshot snapshot;
  if (const auto value = parse_stored(text))
    snapshot = described::from_stored<Snapshot>(*value, faults);
  else
    faults.push_back({"", value.error().message});
  snapshot.worker_id = worker_id;
  snapshot.faults = std::move(faults);
  return snapshot;
}

Roll roll_of(const std::vector<Entry>& entries, const std::vector<redis::Reply>& texts,
             std::chrono::milliseconds ttl) {
  Roll roll;
  for (std::size_t i = 0; i < std::min(entries.size(), texts.size()); ++i) {
    const Entry& entry = entries[i];
    if (texts[i].kind == redis::Reply::Kind::text) {
      roll.alive.push_back(read_snapshot(entry.worker_id, texts[i].text));
    } else {
      const auto stale_at = static_cast<std::int64_t>(std::clamp(entry.stale_at, 0.0, kMaxMillis));
      roll.silent.push_back({entry.worker_id, WallTime(std::chrono::milliseconds(stale_at) - ttl)});
    }
  }
  std::sort(roll.alive.begin(), roll.alive.end(), [](const Snapshot& a, const Snapshot& b) {
    return std::tie(a.host, a.worker_id) < std::tie(b.host, b.worker_id);
  });
  return roll;
}

// Who is in the index, then their snapshots; `T` is made of both.
template <class T>
Query<T> look(const std::string& base, T (*result)(Roll)) {
  return {{Command("ZRANGE", base + "workers", 0, -1, "WITHSCORES")},
          [base, result](Replies replies) -> Result<Step<T>> {
            BOOST_OUTCOME_TRY(auto entries, entries_of(replies[0]));
            if (entries.empty()) return Step<T>{result({})};
            Command get("MGET");
            for (const Entry& entry : entries) get.words.push_back(base + "worker:" + entry.worker_id);
            return Step<T>{Query<T>{{std::move(get)},
                                    [entries = std::move(entries), result](Replies found) -> Result<Step<T>> {
                                      BOOST_OUTCOME_TRY(auto texts, redis::list(std::move(found[0])));
                                      return Step<T>{result(roll_of(entries, texts, kReportTtl))};
                                    }}};
          }};
}

constexpr std::chrono::seconds kKnownFor = std::chrono::days(30);  // since the last new one

}  // namespace

Fleet::Fleet(const FleetOptions& options) : base_(key_base(options)) {}

std::string Fleet::bell_channel() const {
  return base_ + "bell";
}

Query<Done> Fleet::publish(const Snapshot& snapshot, std::chrono::milliseconds ttl) const {
  return redis::all_ok({Command::eval(
      scripts::report, {base_ + "worker:" + snapshot.worker_id, base_ + "workers"},
      {described::write(snapshot), std::to_string(ttl.count()), snapshot.worker_id, kRememberedMillis})});
}

Query<Done> Fleet::count(const Tally& tally) const {
  const auto percent = [](const std::optional<double>& value) {
    return value && std::isfinite(*value) ? fmt::format("{:.1f}", *value) : "-";
  };
  std::vector<std::string> keys;
  std::vector<std::string> arguments{std::to_string(tally.ended),   std::to_string(tally.failed),
                                     std::to_string(tally.started), fmt::format("{:.3f}", tally.waited),
                                     percent(tally.cpu_percent),    percent(tally.memory_percent)};
  for (const Span span : {Span::hour, Span::day}) {
    const Division division = division_of(span);
    keys.push_back(base_ + std::string(division.key));
    arguments.push_back(std::to_string(division.step.count()));
    arguments.push_back(std::to_string(division.kept));
  }
  return redis::all_ok({Command::eval(scripts::history, std::move(keys), std::move(arguments))});
}

Query<std::vector<HistoryStep>> Fleet::history(Span span) const {
  using Steps = std::vector<HistoryStep>;
  const Division division = division_of(span);
  return {{Command("HGETALL", base_ + std::string(division.key)), Command("TIME")},
          [division](Replies replies) -> Result<Step<Steps>> {
            BOOST_OUTCOME_TRY(const auto fields, redis::texts(std::move(replies[0])));
            BOOST_OUTCOME_TRY(const auto time, redis::texts(std::move(replies[1])));
            const WallTime now(
                std::chrono::seconds(time.empty() ? 0 : number<std::int64_t>(time[0]).value_or(0)));
            Steps steps;
            for (std::size_t i = 1; i < fields.size(); i += 2) {
              auto step = read_step(fields[i], division.step);
              // A slot keeps what nobody has written over: it may be of the round before.
              if (step && step->at <= now && step->at > now - division.step * division.kept)
                steps.push_back(std::move(*step));
            }
            std::ranges::sort(steps, {}, &HistoryStep::at);
            return Step<Steps>{std::move(steps)};
          }};
}

Query<Done> Fleet::leave(const std::string& worker_id) const {
  return redis::all_ok(
      {Command("DEL", base_ + "worker:" + worker_id), Command("ZREM", base_ + "workers", worker_id)});
}

Query<std::vector<Snapshot>> Fleet::snapshots() const {
  return look<std::vector<Snapshot>>(base_, [](Roll roll) { return std::move(roll.alive); });
}

Query<Roll> Fleet::roll() const {
  return look<Roll>(base_, [](Roll roll) { return roll; });
}

Query<Done> Fleet::probe() const {
  return redis::all_ok({Command::eval(scripts::report, {base_ + "probe", base_ + "probes"},
                                      {"probe", "1000", "probe", kRememberedMillis}),
                        Command("PUBLISH", base_ + "probe", "")});
}

Query<Control> Fleet::control(std::int64_t since) const {
  return {{Command("HGETALL", base_ + "control"),
           Command("ZRANGE", base_ + "requests", fmt::format("({}", since), "+inf", "BYSCORE")},
          [](Replies replies) -> Result<Step<Control>> {
            BOOST_OUTCOME_TRY(auto fields, redis::texts(replies[0]));
            BOOST_OUTCOME_TRY(auto requests, redis::texts(replies[1]));
            Control control;
            for (std::size_t i = 0; i + 1 < fields.size(); i += 2)
              read_control(fields[i], fields[i + 1], control);
            for (const std::string& text : requests) {
              if (auto request = parse_request(text)) control.requests.push_back(std::move(*request));
            }
            return Step<Control>{std::move(control)};
          }};
}

Query<std::int64_t> Fleet::set_limits(const std::map<std::string, double>& changed) const {
  std::vector<std::string> arguments{bell_channel(), "limits"};
  for (const auto& [name, value] : changed) {
    arguments.push_back(name);
    arguments.push_back(json::write_number(value));
  }
  return {{Command::eval(scripts::change, {base_ + "control", base_ + "requests"}, std::move(arguments))},
          version_of};
}

Query<std::int64_t> Fleet::reset_limits() const {
  return {
      {Command::eval(scripts::change, {base_ + "control", base_ + "requests"}, {bell_channel(), "reset"})},
      version_of};
}

Query<std::int64_t> Fleet::request(const std::string& kind, const std::string& argument) const {
  return {{Command::eval(scripts::change, {base_ + "control", base_ + "requests"},
                         {bell_channel(), "request", kind, argument})},
          version_of};
}

Query<Done> Fleet::confirm(std::int64_t version, const std::string& worker_id,
                           const json::object& answer) const {
  const std::string key = fmt::format("{}confirm:{}", base_, version);
  return redis::all_ok(
      {Command("HSET", key, worker_id, json::write(answer)), Command("EXPIRE", key, kConfirmationSeconds)});
}

Query<std::map<std::string, json::object>> Fleet::confirmations(std::int64_t version) const {
  using Answer = std::map<std::string, json::object>;
  return {{Command("HGETALL", fmt::format("{}confirm:{}", base_, version))},
          [](Replies replies) -> Result<Step<Answer>> {
            BOOST_OUTCOME_TRY(auto fields, redis::texts(replies[0]));
            Answer answers;
            for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
              auto value = json::parse(fields[i + 1]);
              if (value && value->is_object()) answers[fields[i]] = value->get_object();
            }
            return Step<Answer>{std::move(answers)};
          }};
}

Query<Done> Fleet::block_model(const BlockedModel& model, std::chrono::milliseconds time) const {
  const std::string key = base_ + "blocked";
  return redis::all_ok(
      {Command("HSET", key, model.model, described::write(model)), Command("PEXPIRE", key, time.count())});
}

Query<Done> Fleet::note_model(std::string_view what, const std::string& version) const {
  const std::string key = base_ + std::string(what);
  return redis::all_ok({Command("SADD", key, version), Command("EXPIRE", key, kKnownFor.count())});
}

Query<bool> Fleet::is_model(std::string_view what, const std::string& version) const {
  return {{Command("SISMEMBER", base_ + std::string(what), version)},
          [](Replies replies) -> Result<Step<bool>> {
            BOOST_OUTCOME_TRY(auto found, redis::integer(replies[0]));
            return Step<bool>{found == 1};
          }};
}

Query<std::int64_t> Fleet::count_killer(const std::string& version) const {
  const std::string key = base_ + "killers";
  return {{Command("HINCRBY", key, version, 1), Command("EXPIRE", key, kKnownFor.count())},
          [](Replies replies) -> Result<Step<std::int64_t>> {
            BOOST_OUTCOME_TRY(auto count, redis::integer(replies[0]));
            return Step<std::int64_t>{count};
          }};
}

Query<std::vector<BlockedModel>> Fleet::blocked_models(WallTime now) const {
  using Answer = std::vector<BlockedModel>;
  return {{Command("HGETALL", base_ + "blocked")}, [now](Replies replies) -> Result<Step<Answer>> {
            BOOST_OUTCOME_TRY(auto fields, redis::texts(replies[0]));
            Answer blocked;
            for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
              const auto value = parse_stored(fields[i + 1]);
              if (!value) continue;
              std::vector<Fault> ignored;
              auto model = described::from_stored<BlockedModel>(*value, ignored);
              const auto until = parse_rfc3339(model.until);
              if (until && *until > now) blocked.push_back(std::move(model));
            }
            return Step<Answer>{std::move(blocked)};
          }};
}

}  // namespace medsynth::fleet
