#include "medsynth/fleet/fleet.h"

#include <algorithm>
#include <charconv>
#include <tuple>

#include <fmt/format.h>

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

Result<Step<std::int64_t>> version_of(Replies replies) {
  BOOST_OUTCOME_TRY(auto version, redis::integer(replies[0]));
  return Step<std::int64_t>{version};
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::optional<Request> parse_request(const std::string& text) {
  const std::size_t first = text.find('\n');
  const std::size_t second = text.find('\n', first + 1);
  if (first == std::string::npos || second == std::string::npos) return std::nullopt;
  const auto version = number(std::string_view(text).substr(0, first));
  if (!version) return std::nullopt;
  return Request{static_cast<std::int64_t>(*version), text.substr(first + 1, second - first - 1),
                 text.substr(second + 1)};
}

// Snapshots by worker id; one that cannot be read (a newer version's) is left out.
std::vector<Snapshot> parse_snapshots(const std::vector<redis::Reply>& replies) {
  std::vector<Snapshot> found;
  for (const redis::Reply& reply : replies) {
    if (reply.kind != redis::Reply::Kind::text) continue;
    if (auto snapshot = described::parse<Snapshot>(reply.text)) found.push_back(std::move(*snapshot));
  }
  std::sort(found.begin(), found.end(), [](const Snapshot& a, const Snapshot& b) {
    return std::tie(a.host, a.worker_id) < std::tie(b.host, b.worker_id);
  });
  return found;
}

}  // namespace

Fleet::Fleet(const FleetOptions& options)
    // The prefix is last: with a hash tag in it ("{a}task:") all keys of ours share its slot.
    : base_(fmt::format("medsynth:{}:{}:{}:", options.database, options.namespace_, options.prefix)) {}

std::string Fleet::bell_channel() const {
  return base_ + "bell";
}

Query<Done> Fleet::publish(const Snapshot& snapshot, std::chrono::milliseconds ttl, WallTime now) const {
  return redis::all_ok(
      {Command("SET", base_ + "worker:" + snapshot.worker_id, described::write(snapshot), "PX", ttl.count()),
       Command("ZADD", base_ + "workers", millis(now) + ttl.count(), snapshot.worker_id),
       Command("ZREMRANGEBYSCORE", base_ + "workers", "-inf", millis(now))});
}

Query<Done> Fleet::leave(const std::string& worker_id) const {
  return redis::all_ok(
      {Command("DEL", base_ + "worker:" + worker_id), Command("ZREM", base_ + "workers", worker_id)});
}

Query<std::vector<Snapshot>> Fleet::snapshots(WallTime now) const {
  using Answer = std::vector<Snapshot>;
  return {{Command("ZRANGE", base_ + "workers", millis(now), "+inf", "BYSCORE")},
          [base = base_](Replies replies) -> Result<Step<Answer>> {
            BOOST_OUTCOME_TRY(auto ids, redis::texts(replies[0]));
            if (ids.empty()) return Step<Answer>{Answer{}};
            Command get("MGET");
            for (const std::string& id : ids) get.words.push_back(base + "worker:" + id);
            return Step<Answer>{Query<Answer>{{std::move(get)}, [](Replies found) -> Result<Step<Answer>> {
                                                BOOST_OUTCOME_TRY(auto texts, redis::list(found[0]));
                                                return Step<Answer>{parse_snapshots(texts)};
                                              }}};
          }};
}

Query<Control> Fleet::control(std::int64_t since) const {
  return {{Command("HGETALL", base_ + "control"),
           Command("ZRANGE", base_ + "requests", fmt::format("({}", since), "+inf", "BYSCORE")},
          [](Replies replies) -> Result<Step<Control>> {
            BOOST_OUTCOME_TRY(auto fields, redis::texts(replies[0]));
            BOOST_OUTCOME_TRY(auto requests, redis::texts(replies[1]));
            Control control;
            for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
              const auto value = number(fields[i + 1]);
              if (!value) continue;
              if (fields[i] == "version")
                control.version = static_cast<std::int64_t>(*value);
              else if (fields[i].starts_with(kLimitField))
                control.limits[fields[i].substr(kLimitField.size())] = *value;
            }
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

}  // namespace medsynth::fleet
