#include "medsynth/backup/save.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "medsynth/backup/scripts.h"
#include "medsynth/base/id.h"
#include "medsynth/dramatiq/queues.h"
#include "medsynth/tasks/record.h"

namespace medsynth::backup {
namespace {

using redis::Command;
using redis::Query;
using redis::Replies;
using redis::Reply;
using redis::Step;

constexpr std::size_t kPageBytes = 1024 * 1024;  // of a page in the archive, and of what one script reads
constexpr std::int64_t kTogether = 50;           // messages or records that one script reads
constexpr int kLooks = 10;  // for messages that moved: each look meets only tasks that changed since the last

// Commands that only read, a group for each of many things, and the answers of the groups that were read: those
// of the others did not fit.
Query<std::vector<Replies>> read_together(const std::vector<std::vector<Command>>& groups) {
  std::vector<std::string> arguments{std::to_string(kPageBytes), std::to_string(groups.front().size())};
  for (const auto& group : groups) {
    for (const Command& command : group) {
      arguments.push_back(std::to_string(command.words.size()));
      arguments.insert(arguments.end(), command.words.begin(), command.words.end());
    }
  }
  return {{Command::eval(scripts::read, {groups.front().front().words.at(1)}, std::move(arguments))},
          [](Replies replies) -> Result<Step<std::vector<Replies>>> {
            BOOST_OUTCOME_TRY(auto read, redis::list(std::move(replies[0])));
            std::vector<Replies> answers;
            for (Reply& each : read) {
              BOOST_OUTCOME_TRY(auto answer, redis::list(std::move(each)));
              answers.push_back(std::move(answer));
            }
            return Step<std::vector<Replies>>{std::move(answers)};
          }};
}

// A message that was seen on a queue, and the task that it names.
struct Seen {
  std::string queue;
  std::string redis_message_id;
  std::string message_id;
  std::string task_id;
};

// One that nobody can decode has no name but its place.
Seen seen_on(const std::string& queue, const dramatiq::Waiting& waiting) {
  Seen seen{queue, waiting.redis_message_id, waiting.redis_message_id, md5_hex(waiting.redis_message_id)};
  const auto message = dramatiq::decode(waiting.payload);
  if (!message || !check_task_id(message->message_id)) return seen;
  seen.message_id = message->message_id;
  seen.task_id = tasks::identity_of(message->kwargs, message->option("task_id"), message->message_id);
  return seen;
}

// Whether two looks at a record saw the same.
std::string state_of(const tasks::Copy& record) {
  const tasks::Record fields{record.task_id, record.fields};
  return fmt::format("{} {} {}", fields.raw("status"), fields.raw("attempt"), fields.raw("updated_at"));
}

class Saving {
 public:
  Saving(const Installation& from, Writer& to, const Progress& progress)
      : from_(from),
        to_(to),
        progress_(progress),
        records_(from.store),
        messages_(from.broker),
        tasks_page_{kTasks},
        letters_page_{kLetters} {}

  Result<Manifest> run(const std::vector<File>& files);

 private:
  // Entries that become a file of the archive once they are many.
  struct Page {
    std::string_view folder;
    std::string text = {};
    std::int64_t entries = 0;
    int number = 0;
  };

  Result<std::vector<std::string>> queues();
  Result<> waiting_messages(const std::string& queue);
  template <class Visit>
  Result<> scan(const std::string& queue, Visit visit);
  Result<> take(std::vector<Seen> seen);
  Result<> take(const Seen& seen, Replies& answers);
  Result<> letters();
  Result<> records();
  Result<> look_at(const std::vector<std::string>& task_ids);
  Result<> look_at(const std::string& task_id, Replies& answers);
  Result<> moved_messages();
  Result<> state();

  Result<> add(const TaskEntry& entry);
  Result<> add_line(Page& page, const std::string& line);
  Result<> end(Page& page);

  const Installation& from_;
  Writer& to_;
  const Progress& progress_;
  const tasks::Copies records_;
  const dramatiq::Copies messages_;
  Page tasks_page_, letters_page_;
  Counts counts_;
  std::set<std::string> taken_;                 // message ids: the same through delays and retries
  std::set<std::string> taken_with_;            // tasks whose records came with their messages
  std::map<std::string, std::string> letters_;  // those taken: message id, id in Redis
  // Records that have not ended, and whose message was not met yet: task id, what the record was then.
  std::map<std::string, std::string> missing_;
  State state_;
};

Result<> Saving::end(Page& page) {
  if (page.entries == 0) return success();
  BOOST_OUTCOME_TRY(
      to_.add(fmt::format("{}{:06}.jsonl", page.folder, ++page.number), page.text, page.entries));
  page.text.clear();
  page.entries = 0;
  return progress_(counts_);
}

Result<> Saving::add_line(Page& page, const std::string& line) {
  page.text += line;
  ++page.entries;
  return page.text.size() < kPageBytes ? Result<>(success()) : end(page);
}

Result<> Saving::add(const TaskEntry& entry) {
  count(entry, counts_);
  return add_line(tasks_page_, write(entry));
}

Result<std::vector<std::string>> Saving::queues() {
  const dramatiq::Queues queues(from_.broker);
  BOOST_OUTCOME_TRY(auto known, from_.client.run(queues.known()));
  BOOST_OUTCOME_TRY(auto found, from_.client.run(queues.scan()));
  std::set<std::string> all(known.begin(), known.end());
  all.insert(found.begin(), found.end());
  return std::vector<std::string>(all.begin(), all.end());
}

template <class Visit>
Result<> Saving::scan(const std::string& queue, Visit visit) {
  std::string cursor = "0";
  do {
    BOOST_OUTCOME_TRY(auto page, from_.client.run(messages_.scan(queue, cursor)));
    cursor = std::move(page.cursor);
    BOOST_OUTCOME_TRY(visit(std::move(page.messages)));
  } while (cursor != "0");
  return success();
}

// From the tail to the head, so that putting each back at the head makes the same order; then those that are in
// somebody's hands, or went back to the head meanwhile.
Result<> Saving::waiting_messages(const std::string& queue) {
  const auto take_all = [&](const std::vector<dramatiq::Waiting>& page) {
    std::vector<Seen> seen;
    for (const dramatiq::Waiting& each : page) seen.push_back(seen_on(queue, each));
    return take(std::move(seen));
  };
  for (std::int64_t skip = 0;;) {
    BOOST_OUTCOME_TRY(const auto page, from_.client.run(messages_.tail(queue, skip, kTogether)));
    if (page.empty()) break;
    skip += static_cast<std::int64_t>(page.size());
    BOOST_OUTCOME_TRY(take_all(page));
  }
  return scan(queue, take_all);
}

Result<> Saving::take(std::vector<Seen> seen) {
  std::erase_if(seen, [&](const Seen& each) { return taken_.contains(each.message_id); });
  std::span<const Seen> left(seen);
  while (!left.empty()) {
    std::vector<std::vector<Command>> groups;
    for (const Seen& each : left) {
      groups.push_back(messages_.reads(each.queue, each.redis_message_id));
      for (Command& command : records_.reads(each.task_id, each.message_id))
        groups.back().push_back(std::move(command));
    }
    BOOST_OUTCOME_TRY(auto answers, from_.client.run(read_together(groups)));
    for (std::size_t i = 0; i < answers.size() && i < left.size(); ++i) {
      BOOST_OUTCOME_TRY(take(left[i], answers[i]));
    }
    left = left.subspan(std::min(left.size(), std::max<std::size_t>(1, answers.size())));
  }
  return success();
}

Result<> Saving::take(const Seen& seen, Replies& answers) {
  const std::span<Reply> all(answers);
  BOOST_OUTCOME_TRY(const auto message,
                    messages_.read(seen.queue, seen.redis_message_id, all.first(dramatiq::Copies::kReads)));
  if (!message) return success();  // it moved: it is met again
  auto record = records_.read(seen.task_id, all.subspan(dramatiq::Copies::kReads));
  // Whatever holds the key of the record: the worker that takes the message says so.
  if (!record && record.error().reason == "not_a_task_record")
    record = tasks::Copy{.task_id = seen.task_id, .fields = {}, .tombstone = {}};
  if (!record) return record.error();
  const Takes what = takes(*record, seen.message_id);
  if (what == Takes::record || what == Takes::nothing) return success();  // as a record, if at all
  if (!taken_.insert(seen.message_id).second) return success();
  if (const auto letter = letters_.find(seen.message_id); letter != letters_.end())
    state_.replayed.push_back(letter->second);
  if (what == Takes::message)
    return add(entry_of({.task_id = seen.task_id, .fields = {}, .tombstone = {}}, message, seen.message_id));
  taken_with_.insert(seen.task_id);
  missing_.erase(seen.task_id);
  return add(entry_of(*record, message, seen.message_id));
}

Result<> Saving::letters() {
  BOOST_OUTCOME_TRY(const auto names, queues());
  for (const std::string& queue : names) {
    BOOST_OUTCOME_TRY(scan(queue + ".XQ", [&](std::vector<dramatiq::Waiting> page) -> Result<> {
      if (page.empty()) return success();
      BOOST_OUTCOME_TRY(const auto copies, from_.client.run(messages_.read_letters(queue, std::move(page))));
      for (const dramatiq::LetterCopy& letter : copies) {
        const std::string id = seen_on(queue, {letter.redis_message_id, letter.payload}).message_id;
        if (taken_.contains(id) || !letters_.emplace(id, letter.redis_message_id).second) continue;
        ++counts_.dead_letters;
        BOOST_OUTCOME_TRY(add_line(letters_page_, write(entry_of(letter))));
      }
      return success();
    }));
  }
  return success();
}

Result<> Saving::records() {
  std::string cursor = "0";
  do {
    BOOST_OUTCOME_TRY(auto page, from_.client.run(records_.scan(cursor)));
    cursor = std::move(page.cursor);
    const std::set<std::string> once(page.task_ids.begin(), page.task_ids.end());  // SCAN may repeat itself
    std::vector<std::string> task_ids;
    for (const std::string& id : once)
      if (!taken_with_.contains(id) && !missing_.contains(id)) task_ids.push_back(id);
    BOOST_OUTCOME_TRY(look_at(task_ids));
  } while (cursor != "0");
  return success();
}

Result<> Saving::look_at(const std::vector<std::string>& task_ids) {
  for (std::size_t at = 0; at < task_ids.size();) {
    std::vector<std::vector<Command>> groups;
    for (std::size_t i = at; i < std::min(task_ids.size(), at + kTogether); ++i)
      groups.push_back(records_.reads(task_ids[i], ""));
    BOOST_OUTCOME_TRY(auto answers, from_.client.run(read_together(groups)));
    for (std::size_t i = 0; i < answers.size() && at + i < task_ids.size(); ++i) {
      BOOST_OUTCOME_TRY(look_at(task_ids[at + i], answers[i]));
    }
    at += std::max<std::size_t>(1, answers.size());
  }
  return success();
}

Result<> Saving::look_at(const std::string& task_id, Replies& answers) {
  auto record = records_.read(task_id, answers);
  if (!record && record.error().reason == "not_a_task_record") {
    const auto left = redis::integer(answers[1]);
    record = from_.client.run(records_.read_string(task_id, left ? *left : -1, from_.client.clock().now()));
    const bool none =
        !record && (record.error().code == Code::not_found || record.error().reason == "not_a_task_record");
    if (none) return success();  // it went, or the key is somebody else's
  }
  if (!record) return record.error();
  const auto before = missing_.extract(task_id);
  const std::string message_id = record->message_id();
  if (record->fields.empty() || taken_.contains(message_id)) return success();
  if (record->has_ended() || message_id.empty()) return add(entry_of(*record, std::nullopt, ""));
  std::string state = state_of(*record);
  if (before.empty() || before.mapped() != state) {
    missing_.emplace(task_id, std::move(state));
    return success();
  }
  ++counts_.without_message;  // it was as it is all the while, and no queue has its message
  return add(entry_of(*record, std::nullopt, ""));
}

// Delay queues first: what becomes due moves to a queue that is looked at later.
Result<> Saving::moved_messages() {
  for (int look = 0; look < kLooks && !missing_.empty(); ++look) {
    BOOST_OUTCOME_TRY(const auto names, queues());
    for (const std::string& name : names) {
      for (const std::string& queue : {dramatiq::delay_queue(name), name}) {
        BOOST_OUTCOME_TRY(scan(queue, [&](const std::vector<dramatiq::Waiting>& page) {
          std::vector<Seen> wanted;
          for (const dramatiq::Waiting& each : page)
            if (Seen seen = seen_on(queue, each); missing_.contains(seen.task_id))
              wanted.push_back(std::move(seen));
          return take(std::move(wanted));
        }));
      }
    }
    std::vector<std::string> left;
    for (const auto& [task_id, state] : missing_) left.push_back(task_id);
    BOOST_OUTCOME_TRY(look_at(left));
  }
  if (missing_.empty()) return success();
  return Error{
      Code::unavailable,
      fmt::format("{} tasks changed faster than they could be read: try again, or pause their queues "
                  "meanwhile",
                  missing_.size()),
      "backup_not_at_rest"};
}

Result<> Saving::state() {
  BOOST_OUTCOME_TRY(state_.queues, from_.client.run(dramatiq::Queues(from_.broker).known()));
  BOOST_OUTCOME_TRY(state_.paused, from_.client.run(dramatiq::Queues(from_.broker).paused()));
  BOOST_OUTCOME_TRY(auto control, from_.client.run(from_.fleet.control(0)));
  state_.limits = std::move(control.limits);
  return to_.add(kState, described::write(state_) + "\n");
}

// Dead letters twice: of tasks that die or are replayed meanwhile, one look or the other meets the letter, or
// the message is met.
Result<Manifest> Saving::run(const std::vector<File>& files) {
  BOOST_OUTCOME_TRY(const auto names, queues());
  for (const std::string& name : names) {
    BOOST_OUTCOME_TRY(waiting_messages(dramatiq::delay_queue(name)));
    BOOST_OUTCOME_TRY(waiting_messages(name));
  }
  BOOST_OUTCOME_TRY(letters());
  BOOST_OUTCOME_TRY(records());
  BOOST_OUTCOME_TRY(moved_messages());
  BOOST_OUTCOME_TRY(letters());
  BOOST_OUTCOME_TRY(end(tasks_page_));
  BOOST_OUTCOME_TRY(end(letters_page_));
  BOOST_OUTCOME_TRY(state());
  for (const File& file : files) {
    BOOST_OUTCOME_TRY(to_.add(std::string(kFiles) + file.name, file.bytes));
  }
  counts_.files = static_cast<std::int64_t>(files.size());
  return to_.finish(counts_);
}

}  // namespace

Result<Manifest> save(const Installation& from, Writer& to, const std::vector<File>& files,
                      const Progress& progress) {
  return Saving(from, to, progress).run(files);
}

}  // namespace medsynth::backup
