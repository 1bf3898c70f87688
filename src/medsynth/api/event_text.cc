#include "medsynth/api/event_text.h"

#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "medsynth/tasks/store.h"

namespace medsynth::api {
namespace {

bool matches(const EventsQuery& filter, const TaskEvent& task) {
  if (filter.task_id && *filter.task_id != task.task_id) return false;
  if (filter.status && described::enum_name(*filter.status) != task.status) return false;
  // Nobody knows which queue a deleted task had.
  return !filter.queue || filter.queue == task.queue || !task.queue;
}

// An event is told where it has what the filter names.
bool matches(const EventsQuery& filter, const std::pair<std::string, std::string>& state) {
  if (filter.task_id || filter.status) return false;
  return !filter.queue || (state.first == "queue" && state.second == *filter.queue);
}

}  // namespace

bool is_filter(const EventsQuery& filter) {
  return filter.task_id || filter.status || filter.queue;
}

void add_event(std::string& out, std::string_view event, std::string_view data) {
  fmt::format_to(std::back_inserter(out), "event: {}\ndata: {}\n\n", event, data);
}

void add_place(std::string& out, const tasks::ChangeId& id) {
  fmt::format_to(std::back_inserter(out), "id: {}\n\n", id.text());
}

std::string text_of(const std::vector<Change>& changes, const EventsQuery& filter) {
  std::string text;
  const tasks::ChangeId* told = nullptr;
  for (const Change& each : changes) {
    if (!matches(filter, each.task)) continue;
    if (told && *told != each.id) add_place(text, *told);
    told = &each.id;
    add_event(text, "task", each.data);
  }
  if (told) add_place(text, *told);
  return text;
}

std::string text_of(const States& states, const EventsQuery& filter) {
  std::string text;
  for (const auto& [state, data] : states)
    if (matches(filter, state)) add_event(text, state.first, data);
  return text;
}

std::vector<Change> read_events(const std::vector<tasks::Changes::Write>& writes) {
  std::vector<Change> changes;
  for (const tasks::Changes::Write& write : writes) {
    for (const std::string_view event : tasks::events_in(write.events)) {
      auto task = described::parse<TaskEvent>(event);
      if (task) changes.push_back({write.id, std::move(*task), ""});
    }
  }
  return changes;
}

}  // namespace medsynth::api
