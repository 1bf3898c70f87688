// medsynth tasks list | show | rm | cancel
#include <cstdint>
#include <memory>

#include <fmt/format.h>

#include "medsynth/cli/app.h"

namespace medsynth::cli {
namespace {

std::string path_of(const std::string& task_id) {
  return "/v1/tasks/" + percent_encode(task_id);
}

// The server's answer about a task does not repeat its id; people who named several want to know which.
int fail_about(const std::string& task_id, Error error) {
  error.message = task_id + ": " + error.message;
  return fail(error);
}

std::string coloured_status(const std::string& status) {
  if (status == "completed") return green(status);
  if (status == "failed") return red(status);
  return status == "processing" || status == "retrying" ? yellow(status) : status;
}

std::string shortened(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  text.resize(limit);
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0x80u) != 0)
    text.pop_back();  // no half character
  return text + "...";
}

std::vector<std::string> task_row(const json::object& task) {
  return {cell(task, "task_id"),
          coloured_status(cell(task, "status")),
          cell(task, "progress") + " %",
          cell(task, "actor"),
          ago(cell(task, "created_at")),
          task.contains("error") && !task.at("error").is_null() ? shortened(cell(task, "error"), 60) : ""};
}

int list(const Session& session, const std::string& status, std::int64_t limit, std::int64_t offset) {
  const auto client = session.client();
  if (!client) return fail(client.error());
  std::string target = fmt::format("/v1/tasks/?limit={}&offset={}", limit, offset);
  if (!status.empty()) target += "&status=" + percent_encode(status);
  const auto page = client->call("GET", target);
  if (!page) return fail(page.error());
  if (session.format == Format::json) return print_json(*page), 0;
  std::vector<std::vector<std::string>> rows;
  for (const json::value& task : page->at("tasks").as_array()) rows.push_back(task_row(task.as_object()));
  if (rows.empty()) {
    print("No tasks. Submit one: medsynth contradict \"CLAIM A\" \"CLAIM B\"");
    return 0;
  }
  print(table({{"TASK"}, {"STATUS"}, {"PROGRESS", true}, {"ACTOR"}, {"CREATED"}, {"ERROR"}}, rows));
  const auto total = page->at("total").to_number<std::int64_t>();
  if (total > static_cast<std::int64_t>(rows.size())) print(fmt::format("{} of {}", rows.size(), total));
  return 0;
}

int show(const Session& session, const std::string& id) {
  const auto client = session.client();
  if (!client) return fail(client.error());
  const auto task = client->call("GET", path_of(id));
  if (!task) return fail_about(id, task.error());
  if (session.format == Format::json) return print_json(*task), 0;
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : task->as_object()) {
    if (name != "result" && !value.is_null()) rows.push_back({std::string(name), plain(value)});
  }
  print(table({{"FIELD"}, {"VALUE"}}, rows));
  if (const json::value& result = task->at("result"); !result.is_null())
    print("result\n" + json::write_pretty(result));
  return 0;
}

int remove(const Session& session, const std::vector<std::string>& ids, const std::string& status,
           std::int64_t older_than, bool all) {
  const auto client = session.client();
  if (!client) return fail(client.error());
  const bool many = !status.empty() || older_than >= 0 || all;
  if (ids.empty() == !many)
    return fail(
        invalid("tasks rm", "give task ids, or --status, --older-than or --all, not both and not none"));
  std::int64_t deleted = 0;
  for (const std::string& id : ids) {
    const auto answer = client->call("DELETE", path_of(id));
    if (!answer) return fail_about(id, answer.error());
    ++deleted;
  }
  if (many) {
    std::string target = "/v1/tasks/?";
    if (!status.empty()) target += "status=" + percent_encode(status) + "&";
    if (older_than >= 0) target += fmt::format("older_than={}&", older_than);
    target.pop_back();
    const auto answer = client->call("DELETE", target);
    if (!answer) return fail(answer.error());
    deleted += answer->at("data").at("deleted_count").to_number<std::int64_t>();
  }
  if (session.format == Format::json) return print_json(json::object{{"deleted_count", deleted}}), 0;
  print(fmt::format("deleted {} task{}", deleted, deleted == 1 ? "" : "s"));
  return 0;
}

int cancel(const Session& session, const std::string& id) {
  const auto client = session.client();
  if (!client) return fail(client.error());
  const auto answer = client->call("POST", path_of(id) + "/cancel");
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
    auto ids = std::make_shared<std::vector<std::string>>();
    auto status = std::make_shared<std::string>();
    auto older_than = std::make_shared<std::int64_t>(-1);
    auto all = std::make_shared<bool>(false);
    CLI::App* command = add_command(
        *tasks, chosen, "rm", "Delete tasks; waiting ones never run, running ones are stopped",
        [=](const Session& session) { return remove(session, *ids, *status, *older_than, *all); });
    command->add_option("TASK", *ids, "Task ids");
    command->add_option("--status", *status, "All with this status");
    command->add_option("--older-than", *older_than,
                        "All that were last updated this many seconds ago or earlier");
    command->add_flag("--all", *all, "All there are");
  }
  {
    auto id = std::make_shared<std::string>();
    CLI::App* command = add_command(*tasks, chosen, "cancel", "Cancel a task",
                                    [=](const Session& session) { return cancel(session, *id); });
    command->add_option("TASK", *id, "Task id")->required();
  }
}

}  // namespace medsynth::cli
