// medsynth dead list | errors | show | replay | purge
#include <algorithm>
#include <cstdint>
#include <memory>

#include <fmt/format.h>

#include "medsynth/api/queue_payloads.h"
#include "medsynth/base/id.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/many.h"

namespace medsynth::cli {
namespace {

constexpr std::int64_t kStep = 1000;  // letters of one call

// Which letters: by id, all of a queue, or all that match.
struct Selection {
  std::vector<std::string> ids;
  Filter filter;
  bool all = false;

  std::string queue() const { return filter.given("queue"); }
  // By more than their queue.
  bool matches() const {
    return !filter.given("actor").empty() || !filter.given("error").empty() || !filter.given("text").empty();
  }
};

Result<std::string> letter_path(const std::string& id, const std::string& queue, std::string_view rest = "") {
  BOOST_OUTCOME_TRY(auto path, path_of("/v1/dead/", "ID", id, rest));
  return queue.empty() ? path : path + "?queue=" + percent_encode(queue);
}

int list(const Session& session, const std::string& queue, std::int64_t limit, const std::string& cursor) {
  const auto client = session.client();
  if (!client) return fail(client.error());
  std::string target = fmt::format("/v1/dead/?limit={}", limit);
  if (!queue.empty()) target += "&queue=" + percent_encode(queue);
  if (!cursor.empty()) target += "&cursor=" + percent_encode(cursor);
  const auto page = client->call<api::DeadPage>("GET", target);
  if (!page) return fail(page.error());
  if (session.format == Format::json) return print_json(*page), 0;
  std::vector<Row> rows;
  for (const json::value& each : page->at("letters").as_array()) {
    const json::object& letter = each.as_object();
    rows.push_back({cell(letter, "id"), cell(letter, "queue"), cell(letter, "actor"),
                    ago(cell(letter, "died_at")), shortened(cell(letter, "reason"), 60)});
  }
  if (rows.empty()) return print("No dead letters."), 0;
  print(table({{"ID"}, {"QUEUE", false, true}, {"ACTOR", false, true}, {"DIED"}, {"REASON", false, true}},
              rows));
  const auto total = page->at("total").to_number<std::int64_t>();
  if (const std::string next = cell(page->as_object(), "next_cursor"); next != "-")
    print(fmt::format("{} of {}; the next page: --cursor {}", rows.size(), total, next));
  return 0;
}

// A text with lines of its own, below its name; line by line, so that only what would act on the terminal is
// escaped.
Text block(std::string_view name, std::string_view text) {
  Text out = name;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.add_line("  ") += text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

int show(const Session& session, const std::string& id, const std::string& queue) {
  constexpr std::size_t kMost = 64 * 1024;  // bytes of one member: nobody reads more on a terminal
  const auto path = letter_path(id, queue);
  const auto client = path ? session.client() : path.error();
  if (!client) return fail(client.error());
  const auto letter = client->call<api::DeadLetterDetail>("GET", *path);
  if (!letter) return fail(letter.error());
  if (session.format == Format::json) return print_json(*letter), 0;
  const json::object& members = letter->as_object();
  const json::value* omitted = members.if_contains("omitted");
  json::array cut = omitted && omitted->is_array() ? omitted->get_array() : json::array();
  std::vector<Row> rows;
  Text blocks;
  for (const auto& [name, value] : members) {
    if (name == "omitted" || value.is_null()) continue;
    const std::string text = plain(value);
    if (text.size() > kMost && std::find(cut.begin(), cut.end(), json::value(name)) == cut.end())
      cut.emplace_back(name);
    if (name == "traceback" || name == "payload")
      blocks.add_line(block(name, shortened(text, kMost)));
    else
      rows.push_back({std::string(name), shortened(text, kMost)});
  }
  print(table({{"FIELD"}, {"VALUE"}}, rows) += blocks);
  if (!cut.empty())
    print(yellow("note: ") + fmt::format("of {} not all is shown: the message has {}", joined(cut),
                                         bytes(number(members, "payload_bytes"))));
  return 0;
}

// Before anything is asked for: every id is one.
Result<> check_selection(const Selection& selection, std::string_view command) {
  for (const std::string& id : selection.ids) {
    BOOST_OUTCOME_TRY(check_name("ID", id));
  }
  if (!selection.queue().empty()) {
    BOOST_OUTCOME_TRY(check_name("--queue", selection.queue()));
  }
  if (!selection.ids.empty() + selection.all + selection.matches() != 1)
    return invalid(fmt::format("dead {}", command),
                   "give ids, or --all with --queue, or which (--error, --actor, --text): one of these");
  if (selection.all && selection.queue().empty())
    return invalid("--queue", "say which queue's dead letters; 'medsynth queues ls' lists them");
  return success();
}

// Replaying or purging: what is called for a letter, what for many, and what the answer counts.
struct Calls {
  std::string_view method, rest, many, count_name;
  Work matching;
};
constexpr Calls kReplay{"POST",
                        "/replay",
                        "/v1/dead/replay",
                        "replayed_count",
                        {"/v1/dead/actions", "replay", "replayed", "dead letter", false}};
constexpr Calls kPurge{
    "DELETE", "", "/v1/dead/", "purged_count", {"/v1/dead/actions", "delete", "dropped", "dead letter"}};

Result<json::object> call_for(const HttpClient& client, const Calls& work, const std::string& target) {
  BOOST_OUTCOME_TRY(auto answer, work.method == kReplay.method
                                     ? client.call<api::ReplayAnswer>(work.method, target)
                                     : client.call<api::PurgeAnswer>(work.method, target));
  return answer.at("data").as_object();
}

// All letters that there are now, and none that die meanwhile: those come last.
Result<json::object> for_all(const HttpClient& client, const std::string& queue, const Calls& work) {
  const std::string queue_is = "queue=" + percent_encode(queue);
  BOOST_OUTCOME_TRY(auto first, client.call<api::DeadPage>("GET", "/v1/dead/?limit=1&" + queue_is));
  std::int64_t left = first.at("total").to_number<std::int64_t>(), done = 0, step = 1;
  json::array refused;
  ProgressLine progress;
  while (left > 0 && step > 0) {
    BOOST_OUTCOME_TRY(
        const auto data,
        call_for(client, work, fmt::format("{}?{}&limit={}", work.many, queue_is, std::min(left, kStep))));
    step = data.at(work.count_name).to_number<std::int64_t>();
    if (const json::value* some = data.if_contains("refused")) refused = some->as_array();
    left -= step;
    progress.show(fmt::format("{} done, {} left", done += step, left));
  }
  return json::object{{work.count_name, done}, {"refused", std::move(refused)}};
}

Result<json::object> for_each(const HttpClient& client, const Selection& selection, const Calls& work) {
  std::int64_t done = 0;
  for (const std::string& id : selection.ids) {
    BOOST_OUTCOME_TRY(const auto path, letter_path(id, selection.queue(), work.rest));
    if (auto answer = call_for(client, work, path); !answer) {
      answer.error().message = id + ": " + answer.error().message;
      return answer.error();
    }
    ++done;
  }
  return json::object{{work.count_name, done}, {"refused", json::array()}};
}

Result<json::object> carry_out(const Session& session, const Selection& selection, const Calls& work) {
  BOOST_OUTCOME_TRY(const auto client, session.client());
  return selection.all ? for_all(client, selection.queue(), work) : for_each(client, selection, work);
}

int replay(const Session& session, const Selection& selection) {
  if (const auto checked = check_selection(selection, "replay"); !checked) return fail(checked.error());
  if (selection.matches()) return run_change(session, kReplay.matching, selection.filter, true);
  const auto done = carry_out(session, selection, kReplay);
  if (!done) return fail(done.error());
  if (session.format == Format::json) return print_json(*done), 0;
  print(fmt::format("replayed {} of them", cell(*done, "replayed_count")));
  for (const json::value& id : done->at("refused").as_array())
    print(fmt::format("stays: {} ('medsynth dead show' says why)", plain(id)));
  return 0;
}

int purge(const Session& session, const Selection& selection, bool yes) {
  if (const auto checked = check_selection(selection, "purge"); !checked) return fail(checked.error());
  if (selection.matches()) return run_change(session, kPurge.matching, selection.filter, yes);
  const auto sure =
      confirm(selection.all ? fmt::format("Drop every dead letter of queue {}?", selection.queue())
                            : fmt::format("Drop {} dead letters?", selection.ids.size()),
              yes);
  if (!sure) return fail(sure.error());
  auto done = carry_out(session, selection, kPurge);
  if (!done) return fail(done.error());
  done->erase("refused");
  if (session.format == Format::json) return print_json(*done), 0;
  print(fmt::format("dropped {} dead letters", cell(*done, "purged_count")));
  return 0;
}

void add_selection(CLI::App& command, Selection& selection) {
  command.add_option("ID", selection.ids, "Ids of dead letters");
  selection.filter.add_dead_options(command);
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
    auto filter = std::make_shared<Filter>();
    CLI::App* command =
        add_command(*dead, chosen, "errors", "What dead letters died of, in groups of the same words",
                    [=](const Session& session) { return show_errors(session, "/v1/errors/dead", *filter); });
    filter->add_dead_options(*command);
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
