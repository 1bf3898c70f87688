// medsynth tasks list | show | rm | cancel
#include <chrono>
#include <cstdint>
#include <memory>

#include <fmt/format.h>

#include "medsynth/api/payloads.h"
#include "medsynth/cli/app.h"
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

int list(const Session& session, const std::string& status, std::int64_t limit, std::int64_t offset) {
  const auto client = session.client();
  if (!client) return fail(client.error());
  std::string target = fmt::format("/v1/tasks/?limit={}&offset={}", limit, offset);
  if (!status.empty()) target += "&status=" + percent_encode(status);
  const auto page = client->call<api::TaskPage>("GET", target);
  if (!page) return fail(page.error());
  if (session.format == Format::json) return print_json(*page), 0;
  std::vector<Row> rows;
  for (const json::value& task : page->at("tasks").as_array()) rows.push_back(task_row(task.as_object()));
  if (rows.empty()) {
    print("No tasks. Submit one: medsynth contradict \"CLAIM A\" \"CLAIM B\"");
    return 0;
  }
  std::vector<Column> columns{{"TASK"},           {"STATUS"}, {"WAITS FOR"}, {"CREATED"},
                              {"PROGRESS", true}, {"ACTOR"},  {"ERROR"}};
  if (const std::size_t width = screen_width(); width > 0 && width < kWideScreen)
    columns.resize(kNarrowColumns);
  print(table(columns, rows));
  const auto total = page->at("total").to_number<std::int64_t>();
  if (total > static_cast<std::int64_t>(rows.size())) print(fmt::format("{} of {}", rows.size(), total));
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
  const auto path = path_of("/v1/tasks/", "TASK", id);
  const auto client = path ? session.client() : path.error();
  if (!client) return fail(client.error());
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
struct Deletion {
  std::vector<std::string> ids;
  std::optional<std::string> status;
  std::optional<std::int64_t> older_than;  // s
  bool all = false;
  bool yes = false;

  bool filtered() const { return status || older_than; }
};

// The calls that carry it out. Every value is looked at before the first of them is made.
Result<std::vector<std::string>> paths_of(const Deletion& wanted) {
  if (wanted.ids.empty() == !(wanted.filtered() || wanted.all) || (wanted.filtered() && wanted.all))
    return invalid("tasks rm", "give task ids, or filters (--status, --older-than), or --all");
  std::vector<std::string> paths;
  for (const std::string& id : wanted.ids) {
    BOOST_OUTCOME_TRY(paths.emplace_back(), path_of("/v1/tasks/", "TASK", id));
  }
  if (!wanted.ids.empty()) return paths;
  std::string filters = wanted.all ? "&all=true" : "";
  if (wanted.status) filters += "&status=" + percent_encode(*wanted.status);
  if (wanted.older_than) filters += fmt::format("&older_than={}", *wanted.older_than);
  filters[0] = '?';
  return std::vector{"/v1/tasks/" + filters};
}

std::string question(const Deletion& wanted) {
  return fmt::format(
      "Delete every {}task{}? Waiting ones never run, running ones are stopped.",
      wanted.status ? *wanted.status + " " : "",
      wanted.older_than ? fmt::format(" without a change in the last {} s", *wanted.older_than) : "");
}

int remove(const Session& session, const Deletion& wanted) {
  const auto paths = paths_of(wanted);
  const auto client = paths ? session.client() : paths.error();
  if (!client) return fail(client.error());
  if (const auto sure = confirm(question(wanted), wanted.yes || !wanted.ids.empty()); !sure)
    return fail(sure.error());
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

int cancel(const Session& session, const std::string& id) {
  const auto path = path_of("/v1/tasks/", "TASK", id, "/cancel");
  const auto client = path ? session.client() : path.error();
  if (!client) return fail(client.error());
  const auto answer = client->call<api::CancelAnswer>("POST", *path);
  if (!answer) return fail_about(id, answer.error());
  if (session.format == Format::json) return print_json(*answer), 0;
  print(cell(answer->as_object(), "message"));
  return 0;
}

}  // namespace

void add_task_commands(CLI::App& app, Run& chosen) {
  CLI::App* tasks = app.add_subcommand("tasks", "List, show, delete and cancel tasks");
  tasks->require_subcommand(1);
  {
    auto status = std::make_shared<std::string>();
    auto limit = std::make_shared<std::int64_t>(20);
    auto offset = std::make_shared<std::int64_t>(0);
    CLI::App* command =
        add_command(*tasks, chosen, "list", "Tasks, newest first",
                    [=](const Session& session) { return list(session, *status, *limit, *offset); });
    command->add_option("--status", *status, "pending, processing, retrying, completed, failed or cancelled");
    command->add_option("--limit", *limit, "At most this many (20)");
    command->add_option("--offset", *offset, "Leave out this many");
  }
  {
    auto id = std::make_shared<std::string>();
    CLI::App* command = add_command(*tasks, chosen, "show", "One task with its result",
                                    [=](const Session& session) { return show(session, *id); });
    command->add_option("TASK", *id, "Task id")->required();
  }
  {
    auto wanted = std::make_shared<Deletion>();
    CLI::App* command =
        add_command(*tasks, chosen, "rm", "Delete tasks; waiting ones never run, running ones are stopped",
                    [=](const Session& session) { return remove(session, *wanted); });
    command->add_option("TASK", wanted->ids, "Task ids");
    command->add_option("--status", wanted->status, "All with this status");
    command
        ->add_option("--older-than", wanted->older_than,
                     "All that were last updated this many seconds ago or earlier")
        ->check(CLI::NonNegativeNumber);
    command->add_flag("--all", wanted->all, "All there are");
    command->add_flag("--yes", wanted->yes, "Do not ask before deleting by filter or all");
  }
  {
    auto id = std::make_shared<std::string>();
    CLI::App* command = add_command(*tasks, chosen, "cancel", "Cancel a task",
                                    [=](const Session& session) { return cancel(session, *id); });
    command->add_option("TASK", *id, "Task id")->required();
  }
}

}  // namespace medsynth::cli
