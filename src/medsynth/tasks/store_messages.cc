// What becomes of records when their messages are replayed, or purged from a queue.
#include "medsynth/tasks/calls.h"
#include "medsynth/tasks/store.h"

namespace medsynth::tasks {

using redis::Query;
using redis::Replies;
using redis::Step;

Query<Reopened> Store::reopen(const std::string& task_id, std::string_view message_id, WallTime now,
                              const std::vector<redis::Command>& also) const {
  std::vector<std::string> arguments{json::write_string(message_id)};
  for (const redis::Command& command : also) {
    arguments.push_back(std::to_string(command.words.size()));
    arguments.insert(arguments.end(), command.words.begin(), command.words.end());
  }
  return ask<Reopened>(call_on(scripts::reopen, options_, task_id, now, std::move(arguments)), options_,
                       task_id, now, [](std::vector<redis::Reply>& answer) -> Result<Reopened> {
                         const std::string& outcome = answer[0].text;
                         if (outcome == "reopened") return Reopened::reopened;
                         return outcome == "absent" ? Reopened::absent : Reopened::taken;
                       });
}

Query<std::int64_t> Store::abandon(const std::vector<MessageOfTask>& messages, WallTime now) const {
  std::vector<std::string> arguments;
  for (const MessageOfTask& message : messages) {
    arguments.push_back(message.task_id);
    arguments.push_back(json::write_string(message.message_id));
  }
  return {{call(scripts::abandon, options_, {index_key(options_, "all")}, now, std::move(arguments))},
          [](Replies replies) -> Result<Step<std::int64_t>> {
            BOOST_OUTCOME_TRY(auto count, redis::integer(replies[0]));
            return Step<std::int64_t>{count};
          }};
}

std::string identity_of(std::string_view kwargs, std::string_view task_id_option,
                        const std::string& message_id) {
  const auto usable = [](std::string_view raw) -> std::optional<std::string> {
    if (!raw.starts_with('"')) return std::nullopt;
    const auto id = json::parse(raw);
    if (!id || !check_task_id(id->get_string())) return std::nullopt;
    return std::string(id->get_string());
  };
  // Splitting what cannot hold it costs as much as all the rest that is done for a brief task.
  const auto may_hold = [](std::string_view json) {
    return json.find("task_id") != json.npos || json.find("\\u") != json.npos;
  };
  if (may_hold(kwargs)) {
    std::string_view named;
    if (const auto members = json::members(kwargs); members && kwargs.starts_with('{'))
      for (const auto& [name, raw] : *members)
        if (name == "task_id") named = raw;
    if (auto id = usable(named)) return *std::move(id);
  }
  if (auto id = usable(task_id_option)) return *std::move(id);
  return message_id;
}

}  // namespace medsynth::tasks
