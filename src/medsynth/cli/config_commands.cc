// medsynth config show, medsynth doctor
#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/base/paths.h"
#include "medsynth/cli/app.h"
#include "medsynth/limits/limits.h"
#include "medsynth/limits/sensors.h"
#include "medsynth/models/catalogue.h"
#include "medsynth/redis/client.h"

namespace medsynth::cli {
namespace {

using namespace std::chrono_literals;

int show_config(const Session& session, bool with_origin) {
  json::object values;
  std::vector<std::vector<std::string>> rows;
  for (const Setting& setting : settings_table()) {
    const std::string value = shown(session.settings(), setting);
    const auto origin = origin_name(session.loaded.origins.find(setting.name)->second);
    rows.push_back({std::string(setting.name),
                    value + (setting.unit.empty() ? "" : fmt::format(" {}", setting.unit)),
                    std::string(origin), std::string(setting.environment)});
    values[setting.name] = {{"value", value},
                            {"unit", setting.unit},
                            {"origin", origin},
                            {"environment", setting.environment},
                            {"help", setting.help}};
  }
  if (session.format == Format::json) return print_json(values), 0;
  std::vector<Column> columns{{"SETTING"}, {"VALUE"}, {"ORIGIN"}, {"ENVIRONMENT"}};
  if (!with_origin) {
    columns.resize(2);
    for (auto& row : rows) row.resize(2);
  }
  print(table(columns, rows));
  return 0;
}

// docs/settings.md is this text; a test compares them.
int show_reference(const Session&) {
  const Settings defaults;
  std::string page =
      "# Settings\n\nMade by `medsynth config reference`. Flag > environment > file > default; the file is "
      "`$XDG_CONFIG_HOME/medsynth/medsynth.toml` (or `--config FILE`), its keys are the names below. "
      "`medsynth config show --origin` "
      "says where each value in force comes from. Settings marked *live* change while running (`medsynth "
      "limits set`).\n\n"
      "| name | environment | default | allowed | meaning |\n|---|---|---|---|---|\n";
  for (const Setting& setting : settings_table()) {
    std::string allowed(setting.choices);
    std::replace(allowed.begin(), allowed.end(), '|', ' ');
    const std::string value = shown(defaults, setting);
    page += fmt::format(
        "| `{}` | `{}` | {} | {} | {}{} |\n", setting.name, setting.environment,
        value.empty() ? "" : fmt::format("`{}`{}{}", value, setting.unit.empty() ? "" : " ", setting.unit),
        allowed, setting.help, setting.live ? " (*live*)" : "");
  }
  page.pop_back();
  print(page);
  return 0;
}

// One finding of the doctor.
struct Finding {
  enum class Kind { good, warning, bad } kind = Kind::good;
  std::string what;
  std::string detail;
};
using Findings = std::vector<Finding>;

std::string info_field(std::string_view info, std::string_view name) {
  const std::size_t at = info.find(fmt::format("\n{}:", name));
  if (at == std::string_view::npos) return "";
  const std::size_t start = at + name.size() + 2;
  return std::string(info.substr(start, info.find_first_of("\r\n", start) - start));
}

void look_at_redis(const Settings& settings, Findings& findings) {
  const auto url = redis::parse_url(settings.redis_url);
  if (!url) return findings.push_back({Finding::Kind::bad, "redis", url.error().message});
  redis::Client client({.url = *url, .name = "medsynth-doctor"});
  if (const auto connected = client.wait_connected(3s); !connected) {
    const bool managed = url->is_loopback() && settings.redis != "external";
    return findings.push_back({managed ? Finding::Kind::good : Finding::Kind::bad, "redis",
                               managed ? fmt::format("none at {}: serve starts its own", url->shown())
                                       : connected.error().message});
  }
  const auto replies = client.send(std::vector{redis::Command("INFO"), redis::Command("TIME"),
                                               redis::Command("CONFIG", "GET", "maxmemory-policy")});
  if (!replies) return findings.push_back({Finding::Kind::bad, "redis", replies.error().message});
  const std::string about = redis::text((*replies)[0]) ? *redis::text((*replies)[0]) : "";
  findings.push_back({Finding::Kind::good, "redis",
                      fmt::format("{} at {}", info_field(about, "redis_version"), url->shown())});
  const bool kept = info_field(about, "aof_enabled") == "1";
  findings.push_back(
      {kept ? Finding::Kind::good : Finding::Kind::warning, "redis persistence",
       kept ? "append-only file" : "no append-only file: a crash of Redis loses tasks (set appendonly yes)"});
  if (const auto policy = redis::texts((*replies)[2]); policy && policy->size() == 2) {
    const bool safe = (*policy)[1] == "noeviction";
    findings.push_back(
        {safe ? Finding::Kind::good : Finding::Kind::warning, "redis eviction",
         safe ? "noeviction"
              : (*policy)[1] + ": Redis may throw tasks away (set maxmemory-policy noeviction)"});
  }
  if (const auto time = redis::texts((*replies)[1]); time && time->size() == 2) {
    const double theirs = std::stod((*time)[0]) + std::stod((*time)[1]) / 1e6;
    const double apart = std::abs(theirs - static_cast<double>(micros(system_clock().now())) / 1e6);
    findings.push_back({apart < 5 ? Finding::Kind::good : Finding::Kind::warning, "clock",
                        fmt::format("{:.1f} s apart from Redis", apart)});
  }
}

void look_at_machine(const Settings& settings, Findings& findings) {
  auto sensors = limits::make_sensors({.data_dir = data_dir(settings)});
  const limits::SystemInfo system = sensors->system();
  const limits::Sample sample = sensors->sample();
  findings.push_back(
      {Finding::Kind::good, "cpu",
       fmt::format("{:.2g} of {} CPUs for this process", sample.effective_cpus, system.cpu.count_logical)});
  findings.push_back(
      {sample.memory_percent < settings.max_memory_percent ? Finding::Kind::good : Finding::Kind::warning,
       "memory",
       fmt::format("{} of {} in use ({:.0f} %; limit {:.0f} %)",
                   bytes(static_cast<double>(sample.memory_used)),
                   bytes(static_cast<double>(sample.memory_limit)), sample.memory_percent,
                   settings.max_memory_percent)});
  findings.push_back({system.disk.percent < 95 ? Finding::Kind::good : Finding::Kind::warning, "disk",
                      fmt::format("{} free at {}", bytes(static_cast<double>(system.disk.free)),
                                  data_dir(settings).string())});
  findings.push_back({Finding::Kind::good, "gpu",
                      system.gpu.available ? fmt::format("{} x {}", system.gpu.count, system.gpu.name)
                                           : "none (NVML not found)"});
  const auto folder = limits::runtime_dir(settings.runtime_dir);
  findings.push_back({folder ? Finding::Kind::good : Finding::Kind::bad, "slots and locks",
                      folder ? folder->string() : folder.error().message});
}

void look_at_models(const Settings& settings, Findings& findings) {
  const auto catalogue = models::Catalogue::read(models_dir(settings), settings.models_catalogue);
  if (!catalogue) return findings.push_back({Finding::Kind::bad, "models", catalogue.error().message});
  for (const char* kind : {"language", "sentence"}) {
    const auto resolved = catalogue->resolve("", kind);
    if (!resolved)
      findings.push_back({Finding::Kind::warning, fmt::format("{} model", kind), resolved.error().message});
    else
      findings.push_back(
          {resolved->substituted ? Finding::Kind::warning : Finding::Kind::good,
           fmt::format("{} model", kind),
           resolved->model.name + (resolved->substituted
                                       ? " (a demo model: good for trying things out, not for answers)"
                                       : "")});
  }
}

void look_at_server(const Session& session, Findings& findings) {
  const auto client = session.client();
  if (!client) return findings.push_back({Finding::Kind::bad, "server", client.error().message});
  const auto ready = client->request("GET", "/readyz?verbose", "", 3s);
  if (!ready) return findings.push_back({Finding::Kind::warning, "server", ready.error().message});
  findings.push_back(
      {ready->status == 200 ? Finding::Kind::good : Finding::Kind::bad, "server",
       fmt::format("{} is {}", client->url(), ready->status == 200 ? "ready" : "not ready: " + ready->body)});
}

// Queues that stand still, and letters that nobody has looked at. Silent when no server answers: that was
// said.
void look_at_queues(const Session& session, Findings& findings) {
  const auto client = session.client();
  const auto answer = client ? client->call("GET", "/v1/queues/") : client.error();
  if (!answer) return;
  std::string wrong;
  const auto add = [&](std::string text) { wrong += (wrong.empty() ? "" : "; ") + std::move(text); };
  for (const json::value& each : answer->at("queues").as_array()) {
    const json::object& queue = each.as_object();
    const std::string name = cell(queue, "name");
    if (cell(queue, "state") == "paused")
      add(fmt::format("{0} is paused with {1} waiting (medsynth queues resume {0})", name,
                      cell(queue, "ready")));
    else if (cell(queue, "ready") != "0" && cell(queue, "workers") == "0")
      add(fmt::format("{} has {} waiting and no worker of ours", name, cell(queue, "ready")));
    if (cell(queue, "dead") != "0")
      add(fmt::format("{0} has {1} dead letters (medsynth dead list --queue {0})", name,
                      cell(queue, "dead")));
  }
  findings.push_back({wrong.empty() ? Finding::Kind::good : Finding::Kind::warning, "queues",
                      wrong.empty() ? "none is paused, none has dead letters" : wrong});
}

int doctor(const Session& session) {
  Findings findings;
  look_at_redis(session.settings(), findings);
  look_at_machine(session.settings(), findings);
  look_at_models(session.settings(), findings);
  look_at_server(session, findings);
  look_at_queues(session, findings);
  constexpr std::array kNames{"ok", "warning", "bad"};
  std::vector<std::vector<std::string>> rows;
  json::array list;
  bool bad = false;
  for (const Finding& finding : findings) {
    const char* name = kNames[static_cast<std::size_t>(finding.kind)];
    const std::string mark = finding.kind == Finding::Kind::good      ? green(name)
                             : finding.kind == Finding::Kind::warning ? yellow(name)
                                                                      : red(name);
    rows.push_back({mark, finding.what, finding.detail});
    list.push_back(json::object{{"state", name}, {"what", finding.what}, {"detail", finding.detail}});
    bad = bad || finding.kind == Finding::Kind::bad;
  }
  if (session.format == Format::json)
    print_json(list);
  else
    print(table({{"STATE"}, {"WHAT"}, {"FINDING"}}, rows));
  return bad ? 1 : 0;
}

}  // namespace

void add_config_commands(CLI::App& app, Run& chosen) {
  CLI::App* config = app.add_subcommand("config", "Settings, and where each comes from");
  config->require_subcommand(1);
  auto origin = std::make_shared<bool>(false);
  add_command(*config, chosen, "show", "Every setting in force", [=](const Session& session) {
    return show_config(session, *origin);
  })->add_flag("--origin", *origin, "Where each value comes from");
  add_command(*config, chosen, "reference", "The page of all settings, as Markdown", show_reference);
  add_command(app, chosen, "doctor",
              "Looks at Redis, the machine, the models and the server, and says what is wrong", doctor);
}

}  // namespace medsynth::cli
