// medsynth tasks list | errors | show | rm | cancel | replay
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/api/payloads.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/many.h"
#include "medsynth/cli/screen.h"
#include "medsynth/cli/verdict.h"
#include "medsynth/tasks/timeline.h"

namespace medsynth::cli {
namespace {

// The server's answer about a task does not repeat its id; people who named several want to know which.
int fail_about(const std::string& task_id, Error error) {
  error.message = task_id + ": " + error.message;
  return fail(error);
}

Text coloured_status(const std::string& status) {
  if (status == "completed") return green(status);
  if (status == "failed") return red(status);
  return status == "processing" || status == "retrying" ? yellow(status) : status;
}

// The first four fit into 80 columns.
constexpr std::size_t kNarrowColumns = 4, kWideScreen = 120;

Row task_row(const json::object& task) {
  return {cell(task, "task_id"),
          coloured_status(cell(task, "status")),
          waits_for(task),
          ago(cell(task, "created_at")),
          cell(task, "progress") + " %",
          cell(task, "actor"),
          task.contains("error") && !task.at("error").is_null() ? shortened(cell(task, "error"), 60) : ""};
}

constexpr std::size_t kShortId = 4, kWholeId = 36;  // characters
constexpr std::size_t kMostNamed = 5;

// `id`, or that of the one task whose id begins with it, as docker takes them: a column is often too narrow for more.
// conflict ("ambiguous_id"): several begin so. Where none does it stays as it is, and the server says what is wrong.
Result<std::string> whole_id(const HttpClient& client, const std::string& id) {
  const bool is_short =
      id.size() >= kShortId && id.size() < kWholeId && id.find_first_not_of("0123456789abcdef-") == id.npos;
  if (!is_short) return id;
  std::vector<std::string> found;
  for (std::string cursor = ""; cursor != "-";) {
    const auto page = client.call<api::TaskPage>(
        "GET", fmt::format("/v1/tasks/?limit=100&text={}{}{}", percent_encode(id),
                           cursor.empty() ? "" : "&cursor=", percent_encode(cursor)));
    if (!page) return id;  // of a key that may not read, say
    for (const json::value& task : page->at("tasks").as_array()) {
      std::string other = cell(task.as_object(), "task_id");
      if (other == id) return id;
      if (other.starts_with(id)) found.push_back(std::move(other));
    }
    cursor = cell(page->as_object(), "next_cursor");
  }
  if (found.empty()) return id;
  if (found.size() == 1) return found[0];
  const std::size_t named = std::min(found.size(), kMostNamed);
  return Error{
      Code::conflict,
      fmt::format("{} tasks have an id that begins with {} ({}{}): give more of it", found.size(), id,
                  fmt::join(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(named), ", "),
                  named < found.size() ? ", ..." : ""),
      "ambiguous_id"};
}

// What `tasks list` was asked for.
struct Listing {
  Filter filter;
  std::int64_t limit = 20;
  std::int64_t offset = 0;
  std::string cursor;
  bool results = false;
};

// Pages until there are enough, or all were looked at: one call of a search looks only so far.
Result<json::object> tasks_of(const HttpClient& client, const Listing& wanted) {
  BOOST_OUTCOME_TRY(const auto filter, wanted.filter.query());
  json::object all;
  std::string cursor = wanted.cursor;
  ProgressLine progress;
  for (std::int64_t left = wanted.limit;;) {
    std::string target = fmt::format("/v1/tasks/?limit={}{}", left, filter);
    if (wanted.offset != 0) target += fmt::format("&offset={}", wanted.offset);
    if (wanted.results) target += "&include=result";
    if (!cursor.empty()) target += "&cursor=" + percent_encode(cursor);
    BOOST_OUTCOME_TRY(auto page, client.call<api::TaskPage>("GET", target));
    json::object& found = page.as_object();
    left -= static_cast<std::int64_t>(found.at("tasks").as_array().size());
    if (!all.empty()) {
      json::array tasks = std::move(all.at("tasks").as_array());
      for (json::value& task : found.at("tasks").as_array()) tasks.push_back(std::move(task));
      found["tasks"] = std::move(tasks);
    }
    all = std::move(found);
    const std::string next = cell(all, "next_cursor");
    if (left <= 0 || next == "-" || filter.empty()) return all;
    cursor = next;
    progress.show(fmt::format("{} of {} looked at", cell(all, "scanned"), cell(all, "total")));
  }
}

int list(const Session& session, const Listing& wanted) {
  const auto client = session.client();
  if (!client) return fail(client.error());
  const auto page = tasks_of(*client, wanted);
  if (!page) return fail(page.error());
  if (session.format == Format::json) return print_json(*page), 0;
  std::vector<Row> rows;
  for (const json::value& task : page->at("tasks").as_array()) rows.push_back(task_row(task.as_object()));
  if (rows.empty()) {
    print(wanted.filter.empty() ? "No tasks. Submit one: medsynth contradict \"CLAIM A\" \"CLAIM B\""
                                : "No task matches.");
    return 0;
  }
  std::vector<Column> columns{{"TASK"},           {"STATUS"}, {"WAITS FOR"}, {"CREATED"},
                              {"PROGRESS", true}, {"ACTOR"},  {"ERROR"}};
  if (const std::size_t width = screen_width(); width > 0 && width < kWideScreen)
    columns.resize(kNarrowColumns);
  print(table(columns, rows));
  const auto total = page->at("total").to_number<std::int64_t>();
  const std::string next = cell(*page, "next_cursor");
  const std::string further = next == "-" ? "" : "; the next page: --cursor " + next;
  if (wanted.filter.empty() && total > static_cast<std::int64_t>(rows.size()))
    print(fmt::format("{} of {}{}", rows.size(), total, further));
  else if (!wanted.filter.empty() && next != "-")
    print(fmt::format("{} among the newest {} of {}{}", rows.size(), cell(*page, "scanned"), total, further));
  return 0;
}

void add_waiting(const json::object& task, const json::object& waiting, std::vector<Row>& rows) {
  rows.push_back({"waiting", yellow(cell(waiting, "reason"))});
  rows.push_back({"", waiting_text(task)});
  rows.push_back({"", "since " + ago(cell(waiting, "since"))});
  if (const std::string holder = cell(waiting, "holder"); holder != "-")
    rows.push_back({"", "held by task " + holder});
  rows.push_back({"", waiting_remedy(task)});
}

// A line for each phase; nothing where the server is too old to tell.
void print_timeline(const HttpClient& client, const std::string& path) {
  const auto timeline = client.call<tasks::Timeline>("GET", path + "/timeline");
  if (!timeline) return;
  std::vector<Row> rows;
  for (const json::value& each : timeline->at("attempts").as_array()) {
    const json::object& attempt = each.as_object();
    for (const json::value& of_attempt : attempt.at("phases").as_array()) {
      const json::object& phase = of_attempt.as_object();
      const auto from = parse_rfc3339(cell(phase, "from")), to = parse_rfc3339(cell(phase, "to"));
      const double took = from && to ? std::chrono::duration<double>(*to - *from).count() : -1;
      rows.push_back({cell(attempt, "number"), cell(phase, "name"), cell(phase, "from"),
                      took < 0 ? "goes on" : seconds(took), cell(phase, "detail"), cell(attempt, "host")});
    }
    if (const std::string error = cell(attempt, "error"); error != "-")
      rows.push_back({cell(attempt, "number"), red("error"), "", "", shortened(error, 60)});
  }
  if (rows.empty()) return;
  print("");
  print(table({{"ATTEMPT", true},
               {"PHASE"},
               {"FROM"},
               {"TOOK", true},
               {"DETAIL", false, true},
               {"HOST", false, true}},
              rows));
}

int show(const Session& session, const std::string& id) {
  const auto checked = path_of("/v1/tasks/", "TASK", id);
  const auto client = checked ? session.client() : checked.error();
  if (!client) return fail(client.error());
  const auto whole = whole_id(*client, id);
  const auto path = whole ? path_of("/v1/tasks/", "TASK", *whole) : whole.error();
  if (!path) return fail(path.error());
  const auto task = client->call<tasks::TaskInfo>("GET", *path);
  if (!task) return fail_about(id, task.error());
  if (session.format == Format::json) return print_json(*task), 0;
  std::vector<Row> rows;
  for (const auto& [name, value] : task->as_object()) {
    if (name == "waiting" && value.is_object())
      add_waiting(task->as_object(), value.get_object(), rows);
    else if (name != "result" && !value.is_null())
      rows.push_back({std::string(name), plain(value)});
  }
  print(table({{"FIELD"}, {"VALUE"}}, rows));
  print_timeline(*client, *path);
  if (const json::value* result = task->as_object().if_contains("result"); result && !result->is_null())
    print(lines("result\n" + json::write_pretty(*result)));
  return 0;
}

// What `tasks rm` was told to delete: these, or all that the filters let through.
struct Selection {
  std::vector<std::string> ids;
  Filter filter;
  std::optional<std::int64_t> older_than;  // s
  bool all = false;
  bool yes = false;

  bool filtered() const { return !filter.empty() || older_than; }
};

// Every id is looked at before the first call is made, and known before anything is changed.
Result<std::vector<std::string>> paths_of(const Session& session, const Selection& wanted,
                                          std::string_view rest = "") {
  std::vector<std::string> paths;
  for (const std::string& id : wanted.ids) {
    BOOST_OUTCOME_TRY(path_of("/v1/tasks/", "TASK", id));
  }
  BOOST_OUTCOME_TRY(const auto client, session.client());
  for (const std::string& id : wanted.ids) {
    BOOST_OUTCOME_TRY(const auto whole, whole_id(client, id));
    BOOST_OUTCOME_TRY(paths.emplace_back(), path_of("/v1/tasks/", "TASK", whole, rest));
  }
  return paths;
}

// Those without a change in the last `older_than` seconds: a filter as well, which only `rm` has.
Result<json::object> members_of(const Selection& wanted) {
  BOOST_OUTCOME_TRY(auto members, wanted.filter.members());
  if (!wanted.older_than) return members;
  if (members.contains("updated_before"))
    return invalid("--older-than", "means the same as --updated-before: give one of them");
  constexpr std::int64_t kLongest = 3'150'000'000;  // a hundred years
  members["updated_before"] =
      rfc3339(system_clock().now() - std::chrono::seconds(std::min(*wanted.older_than, kLongest)));
  return members;
}

constexpr Work kDelete{"/v1/tasks/actions", "delete", "deleted", "task"};
constexpr Work kCancel{"/v1/tasks/actions", "cancel", "cancelled", "task"};
constexpr Work kReplay{"/v1/tasks/actions", "replay", "replayed", "task"};

int remove(const Session& session, const Selection& wanted) {
  if (wanted.ids.empty() == !(wanted.filtered() || wanted.all) || (wanted.filtered() && wanted.all))
    return fail(invalid("tasks rm", "give task ids, or filters (--status, --older-than, ...), or --all"));
  auto paths = paths_of(session, wanted);
  const auto members = members_of(wanted);
  if (const auto asked = may_ask(wanted.yes || !wanted.ids.empty()); !asked) return fail(asked.error());
  const auto client = !paths ? paths.error() : !members ? members.error() : session.client();
  if (!client) return fail(client.error());
  if (wanted.filtered()) {
    auto sum = change_all(*client, kDelete, *members, wanted.yes);
    if (!sum) return fail(sum.error());
    (*sum)["deleted_count"] = sum->at("done");
    return print_change(session, kDelete, *sum);
  }
  if (wanted.all) {
    const std::string_view question = "Delete every task? Waiting ones never run, running ones are stopped.";
    if (const auto sure = confirm(question, wanted.yes); !sure) return fail(sure.error());
    paths->push_back("/v1/tasks/?all=true");
  }
  std::int64_t deleted = 0;
  for (std::size_t i = 0; i < paths->size(); ++i) {
    const auto answer = client->call<api::Deleted>("DELETE", (*paths)[i]);
    if (!answer) return wanted.ids.empty() ? fail(answer.error()) : fail_about(wanted.ids[i], answer.error());
    deleted += answer->at("data").at("deleted_count").to_number<std::int64_t>();
  }
  if (session.format == Format::json) return print_json(json::object{{"deleted_count", deleted}}), 0;
  print(fmt::format("deleted {} task{}", deleted, deleted == 1 ? "" : "s"));
  return 0;
}

int cancel(const Session& session, const Selection& wanted) {
  if (wanted.ids.empty() == wanted.filter.empty())
    return fail(invalid("tasks cancel", "give task ids, or filters (--status, --queue, ...)"));
  if (wanted.ids.empty()) return run_change(session, kCancel, wanted.filter, wanted.yes);
  const auto paths = paths_of(session, wanted, "/cancel");
  const auto client = paths ? session.client() : paths.error();
  if (!client) return fail(client.error());
  for (std::size_t i = 0; i < paths->size(); ++i) {
    const auto answer = client->call<api::CancelAnswer>("POST", (*paths)[i]);
    if (!answer) return fail_about(wanted.ids[i], answer.error());
    if (session.format == Format::json)
      print_json(*answer);
    else
      print(cell(answer->as_object(), "message"));
  }
  return 0;
}

}  // namespace

void add_task_commands(CLI::App& app, Run& chosen) {
  CLI::App* tasks = app.add_subcommand("tasks", "Find, show, cancel, delete and replay tasks");
  tasks->require_subcommand(1);
  {
    auto wanted = std::make_shared<Listing>();
    CLI::App* command = add_command(*tasks, chosen, "list", "Tasks that match, newest first",
                                    [=](const Session& session) { return list(session, *wanted); });
    wanted->filter.add_task_options(*command);
    command->add_option("--limit", wanted->limit, "At most this many (20)");
    command->add_option("--offset", wanted->offset, "Leave out this many; alone or with --status");
    command->add_option("--cursor", wanted->cursor, "Goes on after a page");
    command->add_flag("--results", wanted->results,
                      "With --json: results above 64 KiB too, fewer tasks to a page then");
  }
  {
    auto filter = std::make_shared<Filter>();
    CLI::App* command = add_command(
        *tasks, chosen, "errors", "What tasks failed of, in groups of the same words",
        [=](const Session& session) { return show_errors(session, "/v1/errors/tasks", *filter); });
    filter->add_task_options(*command);
  }
  {
    auto id = std::make_shared<std::string>();
    CLI::App* command = add_command(*tasks, chosen, "show", "One task with its result",
                                    [=](const Session& session) { return show(session, *id); });
    command->add_option("TASK", *id, "Task id, or how it begins")->required();
  }
  {
    auto wanted = std::make_shared<Selection>();
    CLI::App* command =
        add_command(*tasks, chosen, "rm", "Delete tasks; waiting ones never run, running ones are stopped",
                    [=](const Session& session) { return remove(session, *wanted); });
    command->add_option("TASK", wanted->ids, "Task ids, or how they begin");
    wanted->filter.add_task_options(*command);
    command
        ->add_option("--older-than", wanted->older_than,
                     "All that were last updated this many seconds ago or earlier")
        ->check(CLI::NonNegativeNumber);
    command->add_flag("--all", wanted->all, "All there are");
    command->add_flag("--yes", wanted->yes, "Do not ask before deleting by filter or all");
  }
  {
    auto wanted = std::make_shared<Selection>();
    CLI::App* command = add_command(*tasks, chosen, "cancel", "Cancel tasks: running ones are asked to stop",
                                    [=](const Session& session) { return cancel(session, *wanted); });
    command->add_option("TASK", wanted->ids, "Task ids, or how they begin");
    wanted->filter.add_task_options(*command);
    command->add_flag("--yes", wanted->yes, "Do not ask before cancelling by filter");
  }
  {
    auto wanted = std::make_shared<Selection>();
    CLI::App* command = add_command(
        *tasks, chosen, "replay", "Run tasks again whose message is a dead letter: all that match",
        [=](const Session& session) { return run_change(session, kReplay, wanted->filter, wanted->yes); });
    wanted->filter.add_task_options(*command);
    command->add_flag("--yes", wanted->yes, "Do not ask");
  }
}

}  // namespace medsynth::cli
