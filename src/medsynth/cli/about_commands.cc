// medsynth help | version | status | completion
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "medsynth/api/history_payloads.h"
#include "medsynth/base/json.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/manual.h"
#include "medsynth/cli/parts.h"
#include "medsynth/inference/runtime_info.h"

namespace medsynth::cli {
namespace {

int print_text(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  print(lines(text));
  return 0;
}

const CLI::App* command_of(const CLI::App& app, const std::string& word) {
  for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; }))
    if (each->check_name(word)) return each;
  return nullptr;
}

int show_help(const CLI::App& app, const std::vector<std::string>& words, bool as_manual) {
  if (as_manual) {
    // Packages are the same whenever they are made (reproducible-builds.org/specs/source-date-epoch).
    const std::string epoch = process_environment("SOURCE_DATE_EPOCH").value_or("");
    const std::time_t date = epoch.empty() ? std::time(nullptr) : std::strtoll(epoch.c_str(), nullptr, 10);
    return print_text(manual(pages_of(app), MEDSYNTH_VERSION, fmt::format("{:%F}", fmt::gmtime(date))));
  }
  const CLI::App* at = &app;
  std::string before;
  for (const std::string& word : words) {
    before += (before.empty() ? "" : " ") + at->get_name();
    at = command_of(*at, word);
    if (!at) return fail(invalid("COMMAND", fmt::format("'{}' is not a command of '{}'", word, before)));
  }
  // Not help(), which would tell of the command that was parsed: this one.
  before += (before.empty() ? "" : " ") + at->get_name();
  return print_text(at->get_formatter()->make_help(at, before, CLI::AppFormatMode::Normal));
}

// What the program is made of: deploy/parts.py.
int show_licences(const Session& session) {
  const json::array parts = medsynth::json::parse(kParts).value().as_array();
  if (session.format == Format::json) {
    print_json(json::object{{"version", MEDSYNTH_VERSION}, {"licence", "Apache-2.0"}, {"parts", parts}});
    return 0;
  }
  std::vector<Row> rows{{"medsynth", MEDSYNTH_VERSION, "Apache-2.0"}};
  for (const json::value& each : parts) {
    const json::object& part = each.as_object();
    rows.push_back({cell(part, "name"), cell(part, "version"), cell(part, "licence")});
  }
  print(table({{"PART"}, {"VERSION"}, {"LICENCE"}}, rows));
  return 0;
}

int show_version(const Session& session, bool licences) {
  if (licences) return show_licences(session);
  const inference::RuntimeInfo runtime = inference::runtime_info();
  if (session.format == Format::json) {
    json::array backends(runtime.backends.begin(), runtime.backends.end());
    print_json(json::object{{"version", MEDSYNTH_VERSION},
                            {"runtime", runtime.name},
                            {"commit", runtime.commit},
                            {"backends", std::move(backends)}});
    return 0;
  }
  print(lines(fmt::format("medsynth {}\n{}, on {}", MEDSYNTH_VERSION, runtime.name,
                          fmt::join(runtime.backends, ", "))));
  return 0;
}

// How many tasks have this status.
Result<std::int64_t> count(const HttpClient& client, std::string_view status) {
  BOOST_OUTCOME_TRY(const auto page, client.call("GET", fmt::format("/v1/tasks/?limit=1&status={}", status)));
  return static_cast<std::int64_t>(number(page.as_object(), "total"));
}

// The last hour in one; nothing where the server is too old to tell.
std::optional<json::object> last_hour(const HttpClient& client) {
  const auto history = client.call<api::HistoryAnswer>("GET", "/v1/history?span=hour");
  if (!history) return std::nullopt;
  double ended = 0, failed = 0, started = 0, waited = 0;
  for (const json::value& each : history->at("steps").as_array()) {
    const json::object& step = each.as_object();
    ended += number(step, "ended");
    failed += number(step, "failed");
    started += number(step, "started");
    waited += number(step, "started") * number(step, "mean_wait");
  }
  json::object sum{{"ended", static_cast<std::int64_t>(ended)},
                   {"failed", static_cast<std::int64_t>(failed)}};
  sum["mean_wait"] = started > 0 ? json::value(waited / started) : json::value();
  return sum;
}

// What one looks at first: is it there, does it work, what waits. Exit code 1 where it is not ready.
int show_status(const Session& session) {
  const auto client = session.client();
  if (!client) return fail(client.error());
  const auto ready = client->request("GET", "/readyz");
  if (!ready) return fail(ready.error());
  json::object status{{"url", client->url()}, {"ready", ready->status == 200}};
  std::string why;
  if (ready->status != 200) why = as_error(*ready).message;
  json::object tasks;
  std::string counts;
  for (const char* name : {"processing", "pending", "retrying", "failed"}) {
    const auto many = count(*client, name);
    if (!many) {
      if (why.empty()) return fail(many.error());
      break;
    }
    tasks[name] = *many;
    counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", *many, name);
  }
  std::string workers, models, hour;
  if (why.empty()) {
    const auto usage = client->call("GET", "/v1/resources/usage");
    if (!usage) return fail(usage.error());
    const auto cache = client->call("GET", "/v1/model-cache/stats");
    if (!cache) return fail(cache.error());
    const json::object& now = usage->as_object();
    status["hosts"] = now.at("hosts").as_array().size();
    status["concurrent_tasks"] = now.at("concurrent_tasks");
    status["max_concurrent_tasks"] = now.at("max_concurrent_tasks");
    status["models"] = cache->as_object().at("size");
    workers = fmt::format("{} of {} slots taken, on {} host{}", cell(now, "concurrent_tasks"),
                          cell(now, "max_concurrent_tasks"), now.at("hosts").as_array().size(),
                          now.at("hosts").as_array().size() == 1 ? "" : "s");
    models = fmt::format("{} in memory, {}", cell(cache->as_object(), "size"),
                         bytes(number(cache->as_object(), "memory_bytes")));
    if (const auto sum = last_hour(*client)) {
      status["last_hour"] = *sum;
      hour = fmt::format("{} runs ended, {} failed", cell(*sum, "ended"), cell(*sum, "failed"));
      if (!sum->at("mean_wait").is_null())
        hour += fmt::format("; tasks waited {} on average", seconds(number(*sum, "mean_wait")));
    }
  }
  status["tasks"] = tasks;
  status["problem"] = why;
  if (session.format == Format::json) {
    print_json(status);
  } else {
    std::vector<Row> rows{{"server", client->url()}, {"state", why.empty() ? "ready" : "not ready: " + why}};
    if (!counts.empty()) rows.push_back({"tasks", counts});
    if (!workers.empty()) rows.push_back({"workers", workers});
    if (!models.empty()) rows.push_back({"models", models});
    if (!hour.empty()) rows.push_back({"last hour", hour});
    print(table({{"WHAT"}, {"HOW IT IS"}}, rows));
  }
  return why.empty() ? 0 : 1;
}

}  // namespace

void add_about_commands(CLI::App& app, Run& chosen) {
  add_command(app, chosen, "status", "Whether the server is ready, and what it is doing", show_status);
  auto words = std::make_shared<std::vector<std::string>>();
  auto as_manual = std::make_shared<bool>(false);
  CLI::App* help = add_command(app, chosen, "help", "What a command does: medsynth help models add",
                               [=, &app](const Session&) { return show_help(app, *words, *as_manual); });
  help->add_option("COMMAND", *words, "A command, and one of its own");
  help->add_flag("--man", *as_manual, "The manual page, for man: medsynth help --man | man -l -");
  auto licences = std::make_shared<bool>(false);
  add_command(app, chosen, "version", "The version, and what models run on", [=](const Session& session) {
    return show_version(session, *licences);
  })->add_flag("--licences", *licences, "The parts that it is made of, with their licences");
  auto shell = std::make_shared<std::string>();
  add_command(app, chosen, "completion",
              "A completion script: source <(medsynth completion bash), or zsh, or fish",
              [=, &app](const Session&) {
                const auto script = completion(pages_of(app), *shell);
                return script ? print_text(*script) : fail(script.error());
              })
      ->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

}  // namespace medsynth::cli
