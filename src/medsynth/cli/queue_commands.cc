// medsynth send, medsynth queues ls | pause | resume | purge
#include <cstdint>
#include <memory>
#include <tuple>

#include <fmt/format.h>

#include "medsynth/api/queue_payloads.h"
#include "medsynth/base/paths.h"
#include "medsynth/cli/app.h"
#include "medsynth/dramatiq/json_text.h"

namespace medsynth::cli {
namespace {

Result<std::string> queue_path(const std::string& queue, std::string_view rest) {
  return path_of("/v1/queues/", "QUEUE", queue, rest);
}

int list(const Session& session, bool all) {
  const auto client = session.client();
  if (!client) return fail(client.error());
  const auto answer = client->call<api::QueueList>("GET", all ? "/v1/queues/?all=true" : "/v1/queues/");
  if (!answer) return fail(answer.error());
  if (session.format == Format::json) return print_json(*answer), 0;
  std::vector<Row> rows;
  for (const json::value& each : answer->at("queues").as_array()) {
    const json::object& queue = each.as_object();
    const std::string state = cell(queue, "state");
    const std::string dead = cell(queue, "dead");
    rows.push_back({cell(queue, "name"), state == "paused" ? yellow(state) : Text(state),
                    cell(queue, "ready"), cell(queue, "delayed"), cell(queue, "running"),
                    dead == "0" ? Text(dead) : red(dead), cell(queue, "workers")});
  }
  print(table({{"QUEUE"},
               {"STATE"},
               {"READY", true},
               {"DELAYED", true},
               {"RUNNING", true},
               {"DEAD", true},
               {"WORKERS", true}},
              rows));
  return 0;
}

// pause and resume.
int change(const Session& session, const std::string& queue, std::string_view what) {
  const auto path = queue_path(queue, fmt::format("/{}", what));
  const auto client = path ? session.client() : path.error();
  if (!client) return fail(client.error());
  const auto answer = client->call<api::QueueAnswer>("POST", *path);
  if (!answer) return fail(answer.error());
  if (session.format == Format::json) return print_json(*answer), 0;
  print(fmt::format("{}: {}", queue, cell(answer->as_object(), "message")));
  return 0;
}

int purge(const Session& session, const std::string& queue, bool yes) {
  const auto path = queue_path(queue, "/messages");
  const auto client = path ? session.client() : path.error();
  if (!client) return fail(client.error());
  const auto sure = confirm(
      fmt::format("Drop every waiting and delayed message of queue {} and cancel their tasks?", queue), yes);
  if (!sure) return fail(sure.error());
  std::int64_t purged = 0, remaining = 1, step = 1;
  ProgressLine progress;
  while (remaining > 0 && step > 0) {
    const auto answer = client->call<api::PurgeAnswer>("DELETE", *path);
    if (!answer) return fail(answer.error());
    step = answer->at("data").at("purged_count").to_number<std::int64_t>();
    remaining = answer->at("data").at("remaining").to_number<std::int64_t>();
    progress.show(fmt::format("{} dropped, {} left", purged += step, remaining));
  }
  if (session.format == Format::json)
    return print_json(json::object{{"purged_count", purged}, {"remaining", remaining}}), 0;
  print(fmt::format("dropped {} message{}", purged, purged == 1 ? "" : "s"));
  return 0;
}

struct Message {
  std::string actor, args = "[]", kwargs = "{}", options = "{}", queue;
  std::int64_t delay = 0;
};

// The three go into the body as the text that they are: numbers of any size pass untouched.
Result<> check(const Message& message) {
  const std::tuple<std::string_view, const std::string&, char, std::string_view> parts[] = {
      {"--args", message.args, '[', "array"},
      {"--kwargs", message.kwargs, '{', "object"},
      {"--options", message.options, '{', "object"}};
  for (const auto& [flag, text, open, kind] : parts) {
    const auto checked = dramatiq::check_json(text);
    const std::size_t start = text.find_first_not_of(" \t\r\n");
    if (!checked) return invalid(std::string(flag), "must be JSON: " + checked.error().message);
    if (text[start] != open) return invalid(std::string(flag), fmt::format("must be a JSON {}", kind));
  }
  return success();
}

int send(const Session& session, Message message) {
  if (const auto checked = check(message); !checked) return fail(checked.error());
  if (message.queue.empty()) {
    const auto queues = queue_names(session.settings());
    message.queue = queues.empty() ? "medsynth" : queues.front();
  }
  const auto path = queue_path(message.queue, "/messages");
  const auto client = path ? session.client() : path.error();
  if (!client) return fail(client.error());
  const std::string body = fmt::format(R"({{"actor":{},"args":{},"kwargs":{},"options":{},"delay":{}}})",
                                       json::write_string(message.actor), message.args, message.kwargs,
                                       message.options, message.delay);
  const auto answer = client->call<api::SendAnswer>("POST", *path, body);
  if (!answer) return fail(answer.error());
  if (session.format == Format::json) return print_json(*answer), 0;
  const json::object& sent = answer->at("data").as_object();
  const std::string task_id = cell(sent, "task_id");
  print(task_id == "-" ? cell(sent, "message_id") : task_id);
  return 0;
}

void add_send(CLI::App& app, Run& chosen) {
  auto message = std::make_shared<Message>();
  CLI::App* command =
      add_command(app, chosen, "send", "Send a message to an actor, ours or Python's; prints its task id",
                  [=](const Session& session) { return send(session, *message); });
  command->add_option("ACTOR", message->actor, "Name of the actor")->required();
  command->add_option("--args", message->args, "Positional arguments, a JSON array");
  command->add_option("--kwargs", message->kwargs, "Keyword arguments, a JSON object");
  command->add_option("--options", message->options, "Dramatiq's message options, a JSON object");
  command->add_option("--queue", message->queue, "Queue (default: the first of MEDSYNTH_QUEUES)");
  command->add_option("--delay", message->delay, "Milliseconds until it may run")->type_name("MS");
  command->footer(
      "Example: medsynth send detect_contradiction --kwargs '{\"claim1\": \"A\", \"claim2\": \"B\"}'");
}

}  // namespace

void add_queue_commands(CLI::App& app, Run& chosen) {
  add_send(app, chosen);
  CLI::App* queues = app.add_subcommand("queues", "Look at queues, pause, resume and purge them");
  queues->require_subcommand(1);
  {
    auto all = std::make_shared<bool>(false);
    CLI::App* command = add_command(*queues, chosen, "ls", "Queues with what waits, runs and died in them",
                                    [=](const Session& session) { return list(session, *all); });
    command->add_flag("--all", *all, "Also those that only Python uses (looks through all keys)");
  }
  const auto add_change = [&](const char* name, const char* help) {
    auto queue = std::make_shared<std::string>();
    CLI::App* command = add_command(*queues, chosen, name, help,
                                    [=](const Session& session) { return change(session, *queue, name); });
    command->add_option("QUEUE", *queue, "Queue")->required();
  };
  add_change("pause", "Workers take nothing more from the queue; what they hold runs");
  add_change("resume", "Workers take from the queue again");
  {
    auto queue = std::make_shared<std::string>();
    auto yes = std::make_shared<bool>(false);
    CLI::App* command =
        add_command(*queues, chosen, "purge", "Drop waiting and delayed messages and cancel their tasks",
                    [=](const Session& session) { return purge(session, *queue, *yes); });
    command->add_option("QUEUE", *queue, "Queue")->required();
    command->add_flag("--yes", *yes, "Do not ask");
  }
}

}  // namespace medsynth::cli
