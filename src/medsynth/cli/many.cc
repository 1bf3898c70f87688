#include "medsynth/cli/many.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <map>

#include <fmt/format.h>

#include "medsynth/api/bulk_payloads.h"
#include "medsynth/cli/time_option.h"

namespace medsynth::cli {
namespace {

constexpr int kMostPages = 1000;  // of a search: ten million tasks

std::string plural(std::int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::int64_t count_of(const json::object& object, std::string_view name) {
  return static_cast<std::int64_t>(number(object, name));
}

// Adds `more`, {reason, count} each, to those of the same reason.
void add_reasons(json::array& all, const json::array& more) {
  for (const json::value& each : more) {
    const auto same = std::ranges::find_if(
        all, [&](const json::value& known) { return known.at("reason") == each.at("reason"); });
    if (same == all.end())
      all.push_back(each);
    else
      same->at("count") =
          same->at("count").to_number<std::int64_t>() + each.at("count").to_number<std::int64_t>();
  }
}

// One kind of calls to the end; the sum of what they answered. `expected` -1: a dry run.
Result<json::object> call_all(const HttpClient& client, const Work& work, const json::object& filter,
                              std::int64_t expected) {
  const bool dry_run = expected < 0;
  json::object sum{{"action", work.action},
                   {"matched", 0},
                   {"done", 0},
                   {"skipped", json::array()},
                   {"failed", json::array()}};
  std::int64_t matched = 0, done = 0;
  json::value cursor;
  ProgressLine progress;
  do {
    json::object body{{"action", work.action}, {"filter", filter}, {"dry_run", dry_run}};
    if (!dry_run) body["expected"] = expected - matched;
    if (cursor.is_string()) body["cursor"] = cursor;
    BOOST_OUTCOME_TRY(const auto answer, client.call<api::ManyAnswer>("POST", work.path, json::write(body)));
    const json::object& data = answer.at("data").as_object();
    if (!sum.contains("at")) sum["at"] = data.at("at");
    matched += count_of(data, "matched");
    done += count_of(data, "done");
    add_reasons(sum["skipped"].as_array(), data.at("skipped").as_array());
    add_reasons(sum["failed"].as_array(), data.at("failed").as_array());
    const json::value* next = data.if_contains("next_cursor");
    cursor = next ? *next : json::value();
    progress.show(dry_run ? fmt::format("{} match so far", matched)
                          : fmt::format("{} of {} done", done, expected));
  } while (cursor.is_string() && (dry_run || matched < expected));
  sum["matched"] = matched;
  sum["done"] = done;
  return sum;
}

}  // namespace

void Filter::add(CLI::App& command, const char* name, const char* option, const char* help, bool is_time) {
  given_.push_back(std::make_unique<Given>(Given{name, option, std::nullopt, is_time}));
  command.add_option(option, given_.back()->value, help);
}

void Filter::add_task_options(CLI::App& command) {
  add(command, "status", "--status",
      "Of this status: pending, processing, retrying, completed, failed or cancelled");
  add(command, "actor", "--actor", "Of this actor");
  add(command, "queue", "--queue", "Of this queue");
  add(command, "worker", "--worker", "Whose worker's host or id has this in it");
  add(command, "error", "--error", "That failed with these words ('medsynth tasks errors' lists them)");
  add(command, "text", "--text", "With this in an id, their metadata, or the arguments of their message");
  add(command, "created_after", "--created-after", "Created in this time (2h) or since a time (RFC 3339)",
      true);
  add(command, "created_before", "--created-before", "Created longer ago, or before a time", true);
  add(command, "updated_after", "--updated-after", "Changed in this time, or since a time", true);
  add(command, "updated_before", "--updated-before", "Not changed for so long, or since a time", true);
}

void Filter::add_dead_options(CLI::App& command) {
  add(command, "queue", "--queue", "Of this queue");
  add(command, "actor", "--actor", "Of this actor");
  add(command, "error", "--error", "That died of these words ('medsynth dead errors' lists them)");
  add(command, "text", "--text", "With this in an id or in their arguments");
}

bool Filter::empty() const {
  return std::ranges::none_of(given_, [](const auto& each) { return each->value.has_value(); });
}

std::string Filter::given(std::string_view name) const {
  for (const auto& each : given_)
    if (each->name == name) return each->value.value_or("");
  return "";
}

Result<std::string> Filter::value_of(const Given& given) const {
  if (!given.is_time || parse_rfc3339(*given.value)) return *given.value;
  BOOST_OUTCOME_TRY(const auto time, time_of(*given.value, given.option));
  return rfc3339(time);
}

Result<std::string> Filter::query() const {
  std::string query;
  for (const auto& each : given_) {
    if (!each->value) continue;
    BOOST_OUTCOME_TRY(const auto value, value_of(*each));
    query += fmt::format("&{}={}", each->name, percent_encode(value));
  }
  return query;
}

Result<json::object> Filter::members() const {
  json::object members;
  for (const auto& each : given_) {
    if (!each->value) continue;
    BOOST_OUTCOME_TRY(members[each->name], value_of(*each));
  }
  return members;
}

Result<> may_ask(bool yes) {
  if (yes || (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))) return success();
  return confirm("", false);
}

Result<json::object> change_all(const HttpClient& client, const Work& work, json::object filter, bool yes) {
  BOOST_OUTCOME_TRY(const auto counted, call_all(client, work, filter, -1));
  const std::int64_t matched = count_of(counted, "matched");
  if (matched == 0) return counted;
  if (work.asks) {
    BOOST_OUTCOME_TRY(confirm(fmt::format("{} match: {} {}?", plural(matched, work.noun), work.action,
                                          matched == 1 ? "it" : "them"),
                              yes));
  }
  // Nothing that came after they were counted. Dead letters are older than that already.
  if (work.noun == "task" && !filter.contains("created_before")) filter["created_before"] = counted.at("at");
  return call_all(client, work, filter, matched);
}

int run_change(const Session& session, const Work& work, const Filter& filter, bool yes) {
  auto members = filter.members();
  if (members && members->empty())
    return fail(Error(invalid(fmt::format("{}s {}", work.noun, work.action), "say which")));
  if (!members) return fail(members.error());
  if (const auto asked = work.asks ? may_ask(yes) : Result<>(success()); !asked) return fail(asked.error());
  const auto client = session.client();
  if (!client) return fail(client.error());
  const auto sum = change_all(*client, work, std::move(*members), yes);
  return sum ? print_change(session, work, *sum) : fail(sum.error());
}

int print_change(const Session& session, const Work& work, const json::object& sum) {
  const bool well = sum.at("failed").as_array().empty();
  if (session.format == Format::json) return print_json(sum), well ? 0 : 1;
  const std::int64_t matched = count_of(sum, "matched"), done = count_of(sum, "done");
  print(done == matched ? fmt::format("{} {}", work.done, plural(done, work.noun))
                        : fmt::format("{} {} of {}", work.done, done, plural(matched, work.noun)));
  for (const char* name : {"skipped", "failed"})
    for (const json::value& each : sum.at(name).as_array())
      print(fmt::format("{}: {} ({})", name, cell(each.as_object(), "reason"),
                        cell(each.as_object(), "count")));
  return well ? 0 : 1;
}

int show_errors(const Session& session, std::string_view path, const Filter& filter) {
  const auto query = filter.query();
  const auto client = query ? session.client() : query.error();
  if (!client) return fail(client.error());
  std::map<std::string, json::object> groups;  // by their words
  std::int64_t scanned = 0, total = 0;
  std::string cursor;
  ProgressLine progress;
  for (int page = 0; page == 0 || (!cursor.empty() && page < kMostPages); ++page) {
    std::string target =
        fmt::format("{}?{}{}", path, cursor.empty() ? "" : "&cursor=" + percent_encode(cursor), *query);
    if (target.ends_with('?')) target.pop_back();
    if (const std::size_t at = target.find("?&"); at != target.npos) target.erase(at + 1, 1);
    const auto answer = client->call<api::ErrorGroups>("GET", target);
    if (!answer) return fail(answer.error());
    const json::object& found = answer->as_object();
    for (const json::value& each : found.at("groups").as_array()) {
      json::object group = each.as_object();
      const auto [known, is_new] = groups.try_emplace(cell(group, "error"), group);
      if (!is_new) known->second["count"] = count_of(known->second, "count") + count_of(group, "count");
    }
    // Of tasks it is where the pages have come to, of dead letters how many this one had.
    scanned = path.ends_with("dead") ? scanned + count_of(found, "scanned") : count_of(found, "scanned");
    total = count_of(found, "total");
    const std::string next = cell(found, "next_cursor");
    cursor = next == "-" ? "" : next;
    progress.show(fmt::format("{} of {} looked at", scanned, total));
  }
  std::vector<json::object> sorted;
  for (auto& [words, group] : groups) sorted.push_back(std::move(group));
  std::ranges::sort(sorted, [](const json::object& a, const json::object& b) {
    const std::int64_t left = count_of(a, "count"), right = count_of(b, "count");
    return left != right ? left > right : cell(a, "error") < cell(b, "error");
  });
  if (session.format == Format::json) {
    json::array all;
    for (json::object& group : sorted) all.push_back(std::move(group));
    return print_json(json::object{{"groups", std::move(all)}, {"scanned", scanned}, {"total", total}}), 0;
  }
  if (sorted.empty()) return print("No errors."), 0;
  std::vector<Row> rows;
  for (const json::object& group : sorted)
    rows.push_back(
        {cell(group, "count"), cell(group, "error"), ago(cell(group, "newest_at")), cell(group, "newest")});
  print(table({{"COUNT", true}, {"ERROR", false, true}, {"NEWEST", false}, {"ID", false, true}}, rows));
  return 0;
}

}  // namespace medsynth::cli
