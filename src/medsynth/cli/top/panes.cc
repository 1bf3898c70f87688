#include "medsynth/cli/top/panes.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "medsynth/cli/verdict.h"

namespace medsynth::cli::top {
namespace {

// A server of another version may leave something out.
const json::array& array_of(const json::object& object, std::string_view name) {
  static const json::array none;
  const json::value* member = object.if_contains(name);
  return member && member->is_array() ? member->get_array() : none;
}

std::vector<json::object> objects_of(const json::array& values) {
  std::vector<json::object> objects;
  for (const json::value& each : values)
    if (each.is_object()) objects.push_back(each.get_object());
  return objects;
}

std::string text_of(const json::object& object, std::string_view name) {
  const std::string text = cell(object, name);
  return text == "-" ? "" : text;
}

std::string since(const json::object& object, std::string_view name, WallTime time) {
  const auto began = parse_rfc3339(cell(object, name));
  return began ? seconds(std::max(0.0, static_cast<double>((time - *began).count()) / 1e6)) : "-";
}

std::string use(const json::object& host, const std::string& what, bool wide) {
  constexpr int kBar = 10;
  const std::string used = what + "_percent";
  const json::value* percent = host.if_contains(used);
  const std::string text = percent_of(host, used, "max_" + used);
  return wide && percent && percent->is_number() ? bar(number(host, used), kBar) + " " + text : text;
}

std::string slots(const json::object& usage) {
  return fmt::format("{} of {}", cell(usage, "concurrent_tasks"), cell(usage, "max_concurrent_tasks"));
}

Listing machines(const Now& now, bool wide) {
  Listing listing{{{"MACHINES", false, true},
                   {"SLOTS"},
                   {"CPU"},
                   {"MEMORY"},
                   {"GPU"},
                   {"WORKERS", true},
                   {"GATES", false, true}},
                  {},
                  "no machine reports"};
  for (const json::object& host : objects_of(array_of(now.usage, "hosts"))) {
    const std::string name = cell(host, "host"), reason = text_of(host, "reason"),
                      detail = text_of(host, "detail");
    const bool has_gpu = cell(host, "gpu_percent") != "-";
    Item item{name,
              name,
              {name, slots(host), use(host, "cpu", wide), use(host, "memory", wide),
               has_gpu ? use(host, "gpu", wide) : "none", fmt::format("{}", array_of(host, "workers").size()),
               reason.empty() ? "open" : "CLOSED: " + reason}};
    if (!reason.empty())
      item.detail = fmt::format("No task starts on {}: {}{}", name, reason,
                                detail.empty() ? "" : fmt::format(" ({})", detail));
    item.alarming = !reason.empty();
    listing.items.push_back(std::move(item));
  }
  return listing;
}

Listing running(const Now& now, WallTime time) {
  Listing listing{{{"RUNNING", false, true},
                   {"ACTOR", false, true},
                   {"STATE"},
                   {"FOR", true},
                   {"MODEL", false, true},
                   {"ON", false, true}},
                  {},
                  "nothing runs"};
  for (const json::object& host : objects_of(array_of(now.usage, "hosts"))) {
    for (const json::object& task : objects_of(array_of(host, "tasks"))) {
      if (cell(task, "state") == "waiting") continue;
      const std::string id = cell(task, "task_id"), began = text_of(task, "began");
      listing.items.push_back({id,
                               id,
                               {id, cell(task, "actor"), cell(task, "state"),
                                since(task, began.empty() ? "since" : "began", time), text_of(task, "model"),
                                cell(host, "host")}});
    }
  }
  return listing;
}

Listing waiting(const Now& now, WallTime time) {
  const std::string title =
      now.waiting_total > 0 ? fmt::format("WAITING {}", now.waiting_total) : std::string("WAITING");
  Listing listing{{{title, false, true}, {"ACTOR", false, true}, {"FOR"}, {"PLACE", true}, {"SINCE", true}},
                  {},
                  "nothing waits"};
  for (const json::object& task : objects_of(now.waiting)) {
    const json::value* found = task.if_contains("waiting");
    if (!found || !found->is_object()) continue;
    const std::string id = cell(task, "task_id"), remedy = waiting_remedy(task);
    Item item{id,
              id,
              {id, cell(task, "actor"), waits_for(task), cell(found->get_object(), "place"),
               since(found->get_object(), "since", time)}};
    item.detail = waiting_text(task) + (remedy.empty() ? "" : ". " + remedy);
    listing.items.push_back(std::move(item));
  }
  return listing;
}

Listing models(const Now& now, WallTime time) {
  Listing listing{{{"MODELS", false, true},
                   {"ON", false, true},
                   {"STATE"},
                   {"SIZE", true},
                   {"USERS", true},
                   {"LEAVES", false, true}},
                  {},
                  "no model is in memory"};
  for (const json::object& model : objects_of(array_of(now.cache, "models"))) {
    const auto leaves = parse_rfc3339(cell(model, "expires_at"));
    std::string when = model.contains("pinned") && model.at("pinned") == json::value(true) ? "pinned" : "-";
    if (leaves) when = "in " + seconds(std::max(0.0, static_cast<double>((*leaves - time).count()) / 1e6));
    Item item{cell(model, "id") + " " + cell(model, "worker_id"),
              cell(model, "id"),
              {cell(model, "id"), cell(model, "host"), cell(model, "state"),
               bytes(number(model, "memory_bytes")), cell(model, "users"), when}};
    item.detail = text_of(model, "error");
    item.alarming = cell(model, "state") == "failed";
    listing.items.push_back(std::move(item));
  }
  return listing;
}

Listing queues(const Now& now) {
  Listing listing{{{"QUEUES", false, true},
                   {"STATE"},
                   {"READY", true},
                   {"DELAYED", true},
                   {"RUNNING", true},
                   {"DEAD", true},
                   {"WORKERS", true}},
                  {},
                  "there is no queue"};
  for (const auto& [name, queue] : now.queues) {
    const bool paused = cell(queue, "state") == "paused";
    Item item{name, name, {name, paused ? "PAUSED" : cell(queue, "state")}};
    for (const char* count : {"ready", "delayed", "running", "dead", "workers"})
      item.cells.emplace_back(cell(queue, count));
    item.alarming = item.is_paused = paused;
    listing.items.push_back(std::move(item));
  }
  return listing;
}

}  // namespace

Listing listing_of(Pane pane, const Now& now, WallTime time, bool wide) {
  switch (pane) {
    case Pane::machines:
      return machines(now, wide);
    case Pane::running:
      return running(now, time);
    case Pane::waiting:
      return waiting(now, time);
    case Pane::models:
      return models(now, time);
    case Pane::queues:
      break;
  }
  return queues(now);
}

Text summary_of(const Now& now) {
  return fmt::format("{} slots taken, {} wait, {} models in memory ({})", slots(now.usage), now.waiting_total,
                     array_of(now.cache, "models").size(), bytes(number(now.cache, "memory_bytes")));
}

}  // namespace medsynth::cli::top
