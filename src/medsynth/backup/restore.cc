#include "medsynth/backup/restore.h"

#include <chrono>
#include <cstddef>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "medsynth/dramatiq/queues.h"

namespace medsynth::backup {
namespace {

constexpr std::size_t kTogether = 100;           // entries of one exchange
constexpr std::size_t kBytesTogether = 1 << 20;  // of their lines, unless one is larger

class Restoration {
 public:
  Restoration(const Checked& checked, const Installation& to, const RestoreOptions& options,
              const Progress& progress)
      : checked_(checked),
        to_(to),
        options_(options),
        progress_(progress),
        records_(to.store),
        messages_(to.broker),
        given_back_(records_.given_back_key(checked.manifest.id)),
        replayed_(checked.state.replayed.begin(), checked.state.replayed.end()) {}

  Result<Outcome> run(int descriptor);

 private:
  Result<> state();
  Result<> limits();
  Result<> page(const File& file);
  Result<> task(std::string_view line);
  Result<> letter(std::string_view line);
  Result<> end_together();
  Result<> end_tasks();
  Result<> end_letters();
  // How much later than the backup it is now: what had some time left has as much again.
  std::chrono::milliseconds since() const;

  const Checked& checked_;
  const Installation& to_;
  const RestoreOptions options_;
  const Progress& progress_;
  const tasks::Copies records_;
  const dramatiq::Copies messages_;
  const std::string given_back_;
  const std::set<std::string> replayed_;
  std::vector<TaskEntry> tasks_;
  std::vector<tasks::Restoring> restoring_;  // of these
  std::vector<dramatiq::LetterCopy> letters_;
  std::size_t bytes_ = 0;
  Outcome outcome_;
};

// Before any message is back: one on a paused queue must wait.
Result<> Restoration::state() {
  BOOST_OUTCOME_TRY(limits());
  if (options_.dry_run) return success();
  const dramatiq::Queues queues(to_.broker);
  for (const std::string& queue : checked_.state.paused) {
    BOOST_OUTCOME_TRY(dramatiq::check_queue_name(queue));
    BOOST_OUTCOME_TRY(to_.client.run(queues.pause(queue)));
  }
  for (const std::string& queue : checked_.state.queues) {
    BOOST_OUTCOME_TRY(dramatiq::check_queue_name(queue));
  }
  if (!checked_.state.queues.empty()) {
    BOOST_OUTCOME_TRY(to_.client.run(queues.remember(checked_.state.queues)));
  }
  return success();
}

Result<> Restoration::limits() {
  BOOST_OUTCOME_TRY(const auto control, to_.client.run(to_.fleet.control(0)));
  std::map<std::string, double> changed;
  for (const auto& [name, value] : checked_.state.limits) {
    const auto there = control.limits.find(name);
    if (there == control.limits.end() || (there->second != value && options_.replace))
      changed[name] = value;
    else if (there->second != value)
      outcome_.other_limits.insert(*there);
  }
  if (options_.dry_run || changed.empty()) return success();
  BOOST_OUTCOME_TRY(to_.client.run(to_.fleet.set_limits(changed)));
  return success();
}

std::chrono::milliseconds Restoration::since() const {
  const auto created = parse_rfc3339(checked_.manifest.created_at);
  if (!created) return {};
  return std::chrono::duration_cast<std::chrono::milliseconds>(to_.client.clock().now() - *created);
}

Result<> Restoration::task(std::string_view line) {
  BOOST_OUTCOME_TRY(auto entry, read_task(line));
  BOOST_OUTCOME_TRY(auto record, record_of(entry));
  BOOST_OUTCOME_TRY(const auto message, message_of(entry));
  tasks::Restoring restoring{
      .copy = std::move(record), .message_id = entry.message_id, .redis_message_id = {}, .messages = {}};
  if (message) {
    restoring.redis_message_id = message->redis_message_id;
    restoring.messages = to_.broker.messages_key(message->queue);
    restoring.also = messages_.puts(*message);
  }
  restoring_.push_back(std::move(restoring));
  tasks_.push_back(std::move(entry));
  return success();
}

Result<> Restoration::letter(std::string_view line) {
  BOOST_OUTCOME_TRY(const auto entry, read_letter(line));
  if (replayed_.contains(entry.redis_message_id)) return success();
  BOOST_OUTCOME_TRY(auto letter, letter_of(entry));
  letter.died_at_ms += since().count();
  letters_.push_back(std::move(letter));
  return success();
}

Result<> Restoration::end_tasks() {
  if (restoring_.empty()) return success();
  auto query = options_.dry_run ? records_.look(restoring_, given_back_)
                                : records_.restore(restoring_, given_back_, to_.client.clock().now());
  std::set<std::string> told;
  for (const TaskEntry& entry : tasks_)
    if (entry.message) told.insert(entry.message->queue);
  BOOST_OUTCOME_TRY(const auto restored, to_.client.run(std::move(query)));
  for (std::size_t i = 0; i < restored.size(); ++i)
    count(tasks_[i], restored[i] == tasks::Restored::restored ? outcome_.restored : outcome_.present);
  std::vector<redis::Command> notifications;
  for (const std::string& queue : told) notifications.push_back(messages_.notification(queue));
  // Nobody depends on being told: workers look by themselves, too.
  if (!options_.dry_run && !told.empty()) (void)to_.client.send(std::move(notifications));
  restoring_.clear();
  tasks_.clear();
  return success();
}

Result<> Restoration::end_letters() {
  if (letters_.empty()) return success();
  BOOST_OUTCOME_TRY(const auto put,
                    to_.client.run(options_.dry_run ? messages_.look(letters_, given_back_)
                                                    : messages_.put_letters(letters_, given_back_)));
  for (const bool each : put) ++(each ? outcome_.restored : outcome_.present).dead_letters;
  letters_.clear();
  return success();
}

Result<> Restoration::end_together() {
  BOOST_OUTCOME_TRY(end_tasks());
  BOOST_OUTCOME_TRY(end_letters());
  bytes_ = 0;
  return progress_(outcome_.restored);
}

Result<> Restoration::page(const File& file) {
  const bool tasks = file.name.starts_with(kTasks);
  if (!tasks && !file.name.starts_with(kLetters)) return success();
  BOOST_OUTCOME_TRY(for_each_line(file.bytes, [&](std::string_view line) -> Result<> {
    const auto read = tasks ? task(line) : letter(line);
    if (!read)
      return Error{Code::invalid_argument,
                   fmt::format("{} holds an entry that this version cannot restore ({}): what came before it "
                               "is restored",
                               file.name, read.error().message),
                   "backup_entry"};
    bytes_ += line.size();
    const bool many = tasks_.size() + letters_.size() >= kTogether || bytes_ >= kBytesTogether;
    return many ? end_together() : Result<>(success());
  }));
  return end_together();
}

Result<Outcome> Restoration::run(int descriptor) {
  BOOST_OUTCOME_TRY(state());
  BOOST_OUTCOME_TRY(read(descriptor, [&](const File& file) { return page(file); }));
  return std::move(outcome_);
}

}  // namespace

Result<Outcome> restore(int descriptor, const Checked& checked, const Installation& to,
                        const RestoreOptions& options, const Progress& progress) {
  return Restoration(checked, to, options, progress).run(descriptor);
}

}  // namespace medsynth::backup
