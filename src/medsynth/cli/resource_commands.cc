// medsynth usage | limits | system | cache
#include <charconv>
#include <cstdint>
#include <memory>

#include <fmt/format.h>

#include "medsynth/cli/app.h"

namespace medsynth::cli {
namespace {

double number(const json::object& object, std::string_view name) {
  const json::value* member = object.if_contains(name);
  return member && member->is_number() ? member->to_number<double>() : 0.0;
}

std::string percent(const json::object& object, std::string_view used, std::string_view limit) {
  return fmt::format("{:.1f} of {:.0f} %", number(object, used), number(object, limit));
}

// Calls, prints JSON when asked for, else what `show` makes of the answer.
int answer(const Session& session, std::string_view method, const std::string& target,
           const std::string& body, const std::function<std::string(const json::object&)>& show) {
  const auto client = session.client();
  if (!client) return fail(client.error());
  const auto value = client->call(method, target, body);
  if (!value) return fail(value.error());
  if (session.format == Format::json)
    print_json(*value);
  else
    print(show(value->as_object()));
  return 0;
}

std::vector<std::string> usage_row(const std::string& name, const json::object& usage) {
  return {name,
          fmt::format("{:.0f} of {:.0f}", number(usage, "concurrent_tasks"),
                      number(usage, "max_concurrent_tasks")),
          percent(usage, "cpu_percent", "max_cpu_percent"),
          percent(usage, "memory_percent", "max_memory_percent"),
          percent(usage, "gpu_percent", "max_gpu_percent")};
}

std::string show_usage(const json::object& usage) {
  std::vector<std::vector<std::string>> rows;
  for (const json::value& host : usage.at("hosts").as_array())
    rows.push_back(usage_row(cell(host.as_object(), "host"), host.as_object()));
  if (rows.size() != 1) rows.insert(rows.begin(), usage_row("all", usage));
  return table({{"HOST"}, {"TASKS"}, {"CPU"}, {"MEMORY"}, {"GPU"}}, rows);
}

std::string show_limits(const json::object& limits) {
  std::vector<std::vector<std::string>> rows;
  for (const char* name :
       {"max_cpu_percent", "max_memory_percent", "max_gpu_percent", "max_concurrent_tasks"})
    rows.push_back({name, cell(limits, name)});
  const json::value* origin = limits.if_contains("origin");
  if (!origin || !origin->is_object()) return table({{"LIMIT"}, {"VALUE", true}}, rows);
  for (auto& row : rows) row.push_back(cell(origin->get_object(), row[0]));
  return table({{"LIMIT"}, {"VALUE", true}, {"FROM"}}, rows);
}

std::string show_change(const json::object& answer) {
  const json::value* data = answer.if_contains("data");
  std::string out = cell(answer, "message");
  if (data && data->is_object() && data->get_object().contains("max_cpu_percent"))
    out += "\n" + show_limits(data->get_object());
  return out;
}

int set_limits(const Session& session, const std::vector<std::string>& pairs) {
  json::object body;
  for (const std::string& pair : pairs) {
    const std::size_t equals = pair.find('=');
    const std::string name = pair.substr(0, equals),
                      text = equals == std::string::npos ? "" : pair.substr(equals + 1);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty())
      return fail(invalid(name, "give a number: " + name + "=80"));
    if (value == static_cast<double>(static_cast<std::int64_t>(value)))
      body[name] = static_cast<std::int64_t>(value);
    else
      body[name] = value;
  }
  return answer(session, "PUT", "/v1/resources/limits", json::write(body), show_change);
}

std::string show_system(const json::object& system) {
  const auto part = [&](const char* name) { return system.at(name).as_object(); };
  const json::object cpu = part("cpu"), memory = part("memory"), disk = part("disk"), gpu = part("gpu");
  const auto used = [](const json::object& of) {
    return fmt::format("{} of {} used ({:.1f} %)", bytes(number(of, "used")), bytes(number(of, "total")),
                       number(of, "percent"));
  };
  const bool has_gpu = gpu.at("available").as_bool();
  return table(
      {{"PART"}, {"STATE"}},
      {{"cpu", fmt::format("{} cores, {} logical, {:.1f} % busy", cell(cpu, "count"),
                           cell(cpu, "count_logical"), number(cpu, "percent"))},
       {"memory", used(memory)},
       {"disk", used(disk)},
       {"gpu", has_gpu ? fmt::format("{} x {}, {} of {} used", cell(gpu, "count"), cell(gpu, "name"),
                                     bytes(number(gpu, "memory_used")), bytes(number(gpu, "memory_total")))
                       : "none"}});
}

std::string show_cache(const json::object& stats) {
  std::vector<std::vector<std::string>> rows;
  for (const json::value& each : stats.at("models").as_array()) {
    const json::object& model = each.as_object();
    const bool expires = model.contains("expires_at") && !model.at("expires_at").is_null();
    const bool pinned = model.contains("pinned") && model.at("pinned") == json::value(true);
    const bool failed = cell(model, "state") == "failed";
    rows.push_back({cell(model, "id"), cell(model, "host"), cell(model, "state"),
                    bytes(number(model, "memory_bytes")), cell(model, "users"), cell(model, "hits"),
                    cell(model, "loads"), seconds(number(model, "load_seconds")),
                    failed ? "-" : ago(cell(model, "last_used")),
                    expires ? ago(cell(model, "expires_at")) : "-",
                    failed   ? cell(model, "error")
                    : pinned ? "pinned"
                             : ""});
  }
  const double limit = number(stats, "max_memory_bytes");
  return fmt::format("{} of {} models, {}{}, unused ones leave after {}", cell(stats, "size"),
                     cell(stats, "max_size"), bytes(number(stats, "memory_bytes")),
                     limit > 0 ? " of " + bytes(limit) : "", seconds(number(stats, "ttl"))) +
         (rows.empty() ? ""
                       : "\n" + table({{"MODEL"},
                                       {"HOST"},
                                       {"STATE"},
                                       {"SIZE", true},
                                       {"USERS", true},
                                       {"HITS", true},
                                       {"LOADS", true},
                                       {"LOADED IN", true},
                                       {"LAST USED"},
                                       {"EXPIRES"},
                                       {""}},
                                      rows));
}

}  // namespace

void add_resource_commands(CLI::App& app, Run& chosen) {
  add_command(
      app, chosen, "usage", "What this machine is doing, beside its limits",
      [](const Session& session) { return answer(session, "GET", "/v1/resources/usage", "", show_usage); });
  add_command(app, chosen, "system", "CPU, memory, disk and GPU", [](const Session& session) {
    return answer(session, "GET", "/v1/resources/system", "", show_system);
  });

  CLI::App* limits = app.add_subcommand("limits", "Show, set and reset the limits");
  limits->require_subcommand(1);
  add_command(*limits, chosen, "show", "The limits in force", [](const Session& session) {
    return answer(session, "GET", "/v1/resources/limits", "", show_limits);
  });
  auto pairs = std::make_shared<std::vector<std::string>>();
  add_command(*limits, chosen, "set",
              "Change limits for every worker: medsynth limits set max_concurrent_tasks=2",
              [=](const Session& session) { return set_limits(session, *pairs); })
      ->add_option("LIMIT", *pairs,
                   "NAME=VALUE: max_cpu_percent, max_memory_percent, max_gpu_percent, max_concurrent_tasks")
      ->required();
  add_command(*limits, chosen, "reset", "Back to each worker's environment", [](const Session& session) {
    return answer(session, "DELETE", "/v1/resources/limits", "", show_change);
  });

  CLI::App* cache = app.add_subcommand("cache", "List and remove models in memory");
  cache->require_subcommand(1);
  add_command(*cache, chosen, "ls", "Models in memory", [](const Session& session) {
    return answer(session, "GET", "/v1/model-cache/stats", "", show_cache);
  });
  auto model = std::make_shared<std::string>();
  add_command(*cache, chosen, "rm", "Remove one; a model in use goes when its last user lets go",
              [=](const Session& session) {
                return answer(session, "DELETE", "/v1/model-cache/models/" + percent_encode(*model), "",
                              show_change);
              })
      ->add_option("MODEL", *model, "Model id")
      ->required();
  add_command(*cache, chosen, "clear", "Remove all", [](const Session& session) {
    return answer(session, "DELETE", "/v1/model-cache/clear", "", show_change);
  });
}

}  // namespace medsynth::cli
