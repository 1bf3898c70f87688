// medsynth dead list | show | replay | purge
#include <algorithm>
#include <cstdint>
#include <memory>

#include <fmt/format.h>

#include "medsynth/cli/app.h"

namespace medsynth::cli {
namespace {

constexpr std::int64_t kStep = 1000;  // letters of one call

// Which letters: by id, or all of a queue.
struct Selection {
  std::vector<std::string> ids;
  std::string queue;
  bool all = false;
};

std::string path_of(const std::string& id, const std::string& queue, std::string_view rest = "") {
  std::string path = fmt::format("/v1/dead/{}{}", percent_encode(id), rest);
  return queue.empty() ? path : path + "?queue=" + percent_encode(queue);
}

std::string shortened(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  text.resize(limit);
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0x80u) != 0) text.pop_back();
  return text + "...";
}

int list(const Session& session, const std::string& queue, std::int64_t limit, const std::string& cursor) {
  const auto client = session.client();
  if (!client) return fail(client.error());
  std::string target = fmt::format("/v1/dead/?limit={}", limit);
  if (!queue.empty()) target += "&queue=" + percent_encode(queue);
  if (!cursor.empty()) target += "&cursor=" + percent_encode(cursor);
  const auto page = client->call("GET", target);
  if (!page) return fail(page.error());
  if (session.format == Format::json) return print_json(*page), 0;
  std::vector<std::vector<std::string>> rows;
  for (const json::value& each : page->at("letters").as_array()) {
    const json::object& letter = each.as_object();
    rows.push_back({printable(cell(letter, "id")), cell(letter, "queue"), printable(cell(letter, "actor")),
                    ago(cell(letter, "died_at")), cell(letter, "attempts"),
                    shortened(printable(cell(letter, "reason")), 60)});
  }
  if (rows.empty()) return print("No dead letters."), 0;
  print(table({{"ID"}, {"QUEUE"}, {"ACTOR"}, {"DIED"}, {"ATTEMPTS", true}, {"REASON"}}, rows));
  const auto total = page->at("total").to_number<std::int64_t>();
  if (const json::value& next = page->at("next_cursor"); !next.is_null())
    print(fmt::format("{} of {}; the next page: --cursor {}", rows.size(), total, plain(next)));
  return 0;
}

int show(const Session& session, const std::string& id, const std::string& queue) {
  const auto client = session.client();
  if (!client) return fail(client.error());
  const auto letter = client->call("GET", path_of(id, queue));
  if (!letter) return fail(letter.error());
  if (session.format == Format::json) return print_json(*letter), 0;
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : letter->as_object())
    if (name != "traceback" && name != "payload" && !value.is_null())
      rows.push_back({std::string(name), printable(plain(value))});
  print(table({{"FIELD"}, {"VALUE"}}, rows));
  for (const char* name : {"traceback", "payload"}) {
    const json::value& text = letter->at(name);
    if (!text.is_string()) continue;
    print(name);
    std::string_view rest = text.get_string();
    while (!rest.empty()) {  // line by line, so that only what would act on the terminal is escaped
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      print("  " + printable(rest.substr(0, end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return 0;
}

Result<> check_selection(const Selection& selection, std::string_view command) {
  if (selection.ids.empty() != selection.all)
    return invalid(fmt::format("dead {}", command), "give ids, or --all with --queue, not both and not none");
  if (selection.all && selection.queue.empty())
    return invalid("--queue", "say which queue's dead letters; 'medsynth queues ls' lists them");
  return success();
}

// All letters that there are now, and none that die meanwhile: those come last.
Result<json::object> for_all(const HttpClient& client, const Selection& selection, std::string_view method,
                             std::string_view path, std::string_view count_name) {
  BOOST_OUTCOME_TRY(auto first,
                    client.call("GET", "/v1/dead/?limit=1&queue=" + percent_encode(selection.queue)));
  std::int64_t left = first.at("total").to_number<std::int64_t>(), done = 0, step = 1;
  json::array refused;
  ProgressLine progress;
  while (left > 0 && step > 0) {
    BOOST_OUTCOME_TRY(auto answer, client.call(method, fmt::format("{}?queue={}&limit={}", path,
                                                                   percent_encode(selection.queue),
                                                                   std::min(left, kStep))));
    const json::object& data = answer.at("data").as_object();
    step = data.at(count_name).to_number<std::int64_t>();
    if (const json::value* some = data.if_contains("refused")) refused = some->as_array();
    left -= step;
    progress.show(fmt::format("{} done, {} left", done += step, left));
  }
  return json::object{{count_name, done}, {"refused", std::move(refused)}};
}

int replay(const Session& session, const Selection& selection) {
  if (const auto checked = check_selection(selection, "replay"); !checked) return fail(checked.error());
  const auto client = session.client();
  if (!client) return fail(client.error());
  json::object done{{"replayed_count", 0}, {"refused", json::array()}};
  if (selection.all) {
    auto all = for_all(*client, selection, "POST", "/v1/dead/replay", "replayed_count");
    if (!all) return fail(all.error());
    done = std::move(*all);
  }
  for (const std::string& id : selection.ids) {
    const auto answer = client->call("POST", path_of(id, selection.queue, "/replay"));
    if (!answer) {
      Error error = answer.error();
      error.message = printable(id) + ": " + error.message;
      return fail(error);
    }
    done["replayed_count"] = done["replayed_count"].to_number<std::int64_t>() + 1;
  }
  if (session.format == Format::json) return print_json(done), 0;
  print(fmt::format("replayed {} of them", cell(done, "replayed_count")));
  for (const json::value& id : done["refused"].as_array())
    print(fmt::format("stays: {} ('medsynth dead show' says why)", printable(plain(id))));
  return 0;
}

int purge(const Session& session, const Selection& selection, bool yes) {
  if (const auto checked = check_selection(selection, "purge"); !checked) return fail(checked.error());
  const auto client = session.client();
  if (!client) return fail(client.error());
  const auto sure =
      confirm(selection.all ? fmt::format("Drop every dead letter of queue {}?", selection.queue)
                            : fmt::format("Drop {} dead letters?", selection.ids.size()),
              yes);
  if (!sure) return fail(sure.error());
  json::object done{{"purged_count", 0}};
  if (selection.all) {
    auto all = for_all(*client, selection, "DELETE", "/v1/dead/", "purged_count");
    if (!all) return fail(all.error());
    done["purged_count"] = all->at("purged_count");
  }
  for (const std::string& id : selection.ids) {
    const auto answer = client->call("DELETE", path_of(id, selection.queue));
    if (!answer) {
      Error error = answer.error();
      error.message = printable(id) + ": " + error.message;
      return fail(error);
    }
    done["purged_count"] = done["purged_count"].to_number<std::int64_t>() + 1;
  }
  if (session.format == Format::json) return print_json(done), 0;
  print(fmt::format("dropped {} dead letters", cell(done, "purged_count")));
  return 0;
}

void add_selection(CLI::App& command, Selection& selection) {
  command.add_option("ID", selection.ids, "Ids of dead letters");
  command.add_option("--queue", selection.queue, "Their queue");
  command.add_flag("--all", selection.all, "All of the queue");
}

}  // namespace

void add_dead_commands(CLI::App& app, Run& chosen) {
  CLI::App* dead = app.add_subcommand("dead", "Look at dead letters, replay and purge them");
  dead->require_subcommand(1);
  {
    auto queue = std::make_shared<std::string>();
    auto limit = std::make_shared<std::int64_t>(20);
    auto cursor = std::make_shared<std::string>();
    CLI::App* command =
        add_command(*dead, chosen, "list", "Dead letters, newest first",
                    [=](const Session& session) { return list(session, *queue, *limit, *cursor); });
    command->add_option("--queue", *queue, "Only this queue's");
    command->add_option("--limit", *limit, "At most this many (20)");
    command->add_option("--cursor", *cursor, "Goes on after a page");
  }
  {
    auto id = std::make_shared<std::string>();
    auto queue = std::make_shared<std::string>();
    CLI::App* command = add_command(*dead, chosen, "show", "One dead letter: arguments, attempts, last error",
                                    [=](const Session& session) { return show(session, *id, *queue); });
    command->add_option("ID", *id, "Id of the dead letter")->required();
    command->add_option("--queue", *queue, "Its queue");
  }
  {
    auto selection = std::make_shared<Selection>();
    CLI::App* command =
        add_command(*dead, chosen, "replay",
                    "Put dead letters back on their queue, as new; their tasks are pending again",
                    [=](const Session& session) { return replay(session, *selection); });
    add_selection(*command, *selection);
  }
  {
    auto selection = std::make_shared<Selection>();
    auto yes = std::make_shared<bool>(false);
    CLI::App* command = add_command(*dead, chosen, "purge", "Drop dead letters",
                                    [=](const Session& session) { return purge(session, *selection, *yes); });
    add_selection(*command, *selection);
    command->add_flag("--yes", *yes, "Do not ask");
  }
}

}  // namespace medsynth::cli
