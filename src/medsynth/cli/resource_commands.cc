// medsynth usage | limits | system | cache
#include <charconv>
#include <cmath>
#include <cstdint>
#include <memory>

#include <fmt/format.h>

#include "medsynth/api/payloads.h"
#include "medsynth/cli/app.h"
#include "medsynth/limits/sensors.h"

namespace medsynth::cli {
namespace {

std::string one_digit(double number) {
  return fmt::format("{:.1f}", number);
}

// Calls for an answer that is a T, prints JSON when asked for, else what `show` makes of it.
template <class T>
int answer(const Session& session, std::string_view method, const std::string& target,
           const std::string& body, Text (*show)(const json::object&)) {
  const auto client = session.client();
  if (!client) return fail(client.error());
  const auto value = client->call<T>(method, target, body);
  if (!value) return fail(value.error());
  if (session.format == Format::json)
    print_json(*value);
  else
    print(show(value->as_object()));
  return 0;
}

Row usage_row(const std::string& name, const json::object& usage) {
  return {name,
          fmt::format("{:.0f} of {:.0f}", number(usage, "concurrent_tasks"),
                      number(usage, "max_concurrent_tasks")),
          percent_of(usage, "cpu_percent", "max_cpu_percent"),
          percent_of(usage, "memory_percent", "max_memory_percent"),
          percent_of(usage, "gpu_percent", "max_gpu_percent")};
}

Text show_usage(const json::object& usage) {
  std::vector<Row> rows;
  for (const json::value& host : usage.at("hosts").as_array())
    rows.push_back(usage_row(cell(host.as_object(), "host"), host.as_object()));
  if (rows.size() != 1) rows.insert(rows.begin(), usage_row("all", usage));
  return table({{"HOST"}, {"TASKS"}, {"CPU"}, {"MEMORY"}, {"GPU"}}, rows);
}

Text show_limits(const json::object& limits) {
  std::vector<Row> rows;
  const json::value* origin = limits.if_contains("origin");
  const bool known = origin && origin->is_object();
  for (const char* name :
       {"max_cpu_percent", "max_memory_percent", "max_gpu_percent", "max_concurrent_tasks"})
    rows.push_back({name, cell(limits, name), known ? cell(origin->get_object(), name) : ""});
  return table({{"LIMIT"}, {"VALUE", true}, {known ? "FROM" : ""}}, rows);
}

Text show_change(const json::object& answer) {
  const json::value* data = answer.if_contains("data");
  Text out = cell(answer, "message");
  if (data && data->is_object() && data->get_object().contains("max_cpu_percent"))
    out.add_line(show_limits(data->get_object()));
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
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
      return fail(invalid(name, "give a number: " + name + "=80"));
    if (value == std::trunc(value) && std::abs(value) < 1e15)
      body[name] = static_cast<std::int64_t>(value);
    else
      body[name] = value;
  }
  return answer<api::LimitsAnswer>(session, "PUT", "/v1/resources/limits", json::write(body), show_change);
}

Text show_system(const json::object& system) {
  const auto part = [&](const char* name) { return system.at(name).as_object(); };
  const json::object cpu = part("cpu"), memory = part("memory"), disk = part("disk"), gpu = part("gpu");
  const auto used = [](const json::object& of) {
    return fmt::format("{} of {} used ({} %)", measured(of, "used", bytes), measured(of, "total", bytes),
                       measured(of, "percent", one_digit));
  };
  const bool has_gpu = gpu.at("available").as_bool();
  return table({{"PART"}, {"STATE"}},
               {{"cpu", fmt::format("{} cores, {} logical, {} % busy", cell(cpu, "count"),
                                    cell(cpu, "count_logical"), measured(cpu, "percent", one_digit))},
                {"memory", used(memory)},
                {"disk", used(disk)},
                {"gpu", has_gpu ? fmt::format("{} x {}, {} of {} used", cell(gpu, "count"), cell(gpu, "name"),
                                              measured(gpu, "memory_used", bytes),
                                              measured(gpu, "memory_total", bytes))
                                : "none"}});
}

// What else there is to say of a cached model. A server of an older version does not tell where it lies.
std::string remark(const json::object& model) {
  const std::string state = cell(model, "state");
  if (state == "failed") return cell(model, "error");
  const auto known = [&](const char* name) { return model.contains(name) ? cell(model, name) : ""; };
  if (const std::string missing = known("waits_for"); state == "queued" && !missing.empty()) return missing;
  std::string text = known("placement") == "CPU" ? "" : known("placement");
  if (model.contains("pinned") && model.at("pinned") == json::value(true))
    text += text.empty() ? "pinned" : ", pinned";
  return text;
}

Text show_cache(const json::object& stats) {
  std::vector<Row> rows;
  for (const json::value& each : stats.at("models").as_array()) {
    const json::object& model = each.as_object();
    const bool expires = model.contains("expires_at") && !model.at("expires_at").is_null();
    const bool failed = cell(model, "state") == "failed";
    rows.push_back({cell(model, "id"), cell(model, "host"), cell(model, "state"),
                    bytes(number(model, "memory_bytes")), cell(model, "users"),
                    failed ? "-" : ago(cell(model, "last_used")),
                    expires ? ago(cell(model, "expires_at")) : "-", remark(model)});
  }
  const double limit = number(stats, "max_memory_bytes");
  Text out = fmt::format("{} of {} models, {}{}, unused ones leave after {}", cell(stats, "size"),
                         cell(stats, "max_size"), bytes(number(stats, "memory_bytes")),
                         limit > 0 ? " of " + bytes(limit) : "", seconds(number(stats, "ttl")));
  if (rows.empty()) return out;
  return out.add_line(table({{"MODEL"},
                             {"HOST"},
                             {"STATE"},
                             {"SIZE", true},
                             {"USERS", true},
                             {"LAST USED"},
                             {"EXPIRES"},
                             {"", false, true}},
                            rows));
}

}  // namespace

void add_resource_commands(CLI::App& app, Run& chosen) {
  add_command(app, chosen, "usage", "What this machine is doing, beside its limits",
              [](const Session& session) {
                return answer<api::UsageAnswer>(session, "GET", "/v1/resources/usage", "", show_usage);
              });
  add_command(app, chosen, "system", "CPU, memory, disk and GPU", [](const Session& session) {
    return answer<limits::SystemInfo>(session, "GET", "/v1/resources/system", "", show_system);
  });

  CLI::App* limits = app.add_subcommand("limits", "Show, set and reset the limits");
  limits->require_subcommand(1);
  add_command(*limits, chosen, "show", "The limits in force", [](const Session& session) {
    return answer<api::LimitsShown>(session, "GET", "/v1/resources/limits", "", show_limits);
  });
  auto pairs = std::make_shared<std::vector<std::string>>();
  add_command(*limits, chosen, "set",
              "Change limits for every worker: medsynth limits set max_concurrent_tasks=2",
              [=](const Session& session) { return set_limits(session, *pairs); })
      ->add_option("LIMIT", *pairs,
                   "NAME=VALUE: max_cpu_percent, max_memory_percent, max_gpu_percent, max_concurrent_tasks")
      ->required();
  add_command(*limits, chosen, "reset", "Back to each worker's environment", [](const Session& session) {
    return answer<api::LimitsAnswer>(session, "DELETE", "/v1/resources/limits", "", show_change);
  });

  CLI::App* cache = app.add_subcommand("cache", "List and remove models in memory");
  cache->require_subcommand(1);
  add_command(*cache, chosen, "ls", "Models in memory", [](const Session& session) {
    return answer<api::CacheAnswer>(session, "GET", "/v1/model-cache/stats", "", show_cache);
  });
  auto model = std::make_shared<std::string>();
  add_command(*cache, chosen, "rm", "Remove one; a model in use goes when its last user lets go",
              [=](const Session& session) {
                const auto path = path_of("/v1/model-cache/models/", "MODEL", *model);
                return path ? answer<api::CacheRemoval>(session, "DELETE", *path, "", show_change)
                            : fail(path.error());
              })
      ->add_option("MODEL", *model, "Model id")
      ->required();
  add_command(*cache, chosen, "clear", "Remove all", [](const Session& session) {
    return answer<api::CacheRemoval>(session, "DELETE", "/v1/model-cache/clear", "", show_change);
  });
}

}  // namespace medsynth::cli
