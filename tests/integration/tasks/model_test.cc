// Random operations on a few ids, compared with a simple model of what must hold.
#include <map>
#include <random>

#include "store_fixture.h"

namespace medsynth::tasks {
namespace {

class ModelTest : public StoreTest {
 protected:
  struct Task {
    Status status = Status::pending;
    std::string message;  // empty: written directly
    std::int64_t attempt = 0;
    bool stop = false;
  };

  int random(int below) { return std::uniform_int_distribution<int>(0, below - 1)(generator); }
  std::string any_id() { return "id" + std::to_string(random(5)); }
  Task* find(const std::string& id) {
    const auto found = tasks.find(id);
    return found == tasks.end() ? nullptr : &found->second;
  }

  // An attempt that was opened at some time, perhaps long over.
  Attempt any_attempt() {
    return attempts.empty() ? Attempt{any_id(), "nobody", 1}
                            : attempts[static_cast<std::size_t>(random(static_cast<int>(attempts.size())))];
  }

  void do_create() {
    const std::string id = any_id(), message = "m" + std::to_string(++messages);
    const auto created = run(store.create({id, message, "q", "a", {}}, now()));
    ASSERT_EQ(created.outcome, find(id) ? Created::Outcome::exists : Created::Outcome::created);
    if (created.outcome == Created::Outcome::created) tasks[id] = {Status::pending, message};
    sent.emplace_back(id, message);
  }

  void do_begin() {
    if (sent.empty()) return;
    const auto& [id, message] = sent[static_cast<std::size_t>(random(static_cast<int>(sent.size())))];
    Task* task = find(id);
    const Begun begun = begin(id, message);
    if (const auto stone = tombstones.find(message); stone != tombstones.end()) {
      ASSERT_EQ(begun.outcome, stone->second);
      if (task && task->message == message && !is_terminal(task->status))
        *task = {Status::cancelled, message, task->attempt};
      return;
    }
    const bool ours = task && task->message == message;
    const bool replaces = task && !ours && is_terminal(task->status);
    const bool taken = task && !ours && !replaces && !task->message.empty();
    const bool runs = !task || replaces || (!taken && may_change(task->status, Status::processing));
    ASSERT_EQ(begun.outcome, runs    ? Begun::Outcome::run
                             : taken ? Begun::Outcome::taken
                                     : Begun::Outcome::ended);
    if (!runs) return;
    if (replaces && !task->message.empty()) tombstones[task->message] = Begun::Outcome::deleted;
    tasks[id] = {Status::processing, message, (task ? task->attempt : 0) + 1};
    ASSERT_EQ(begun.attempt.number, tasks[id].attempt);
    attempts.push_back(begun.attempt);
  }

  void do_write() {
    const Attempt attempt = any_attempt();
    const int which = random(6);
    const std::array targets{Status::processing, Status::completed, Status::failed,
                             Status::retrying,   Status::cancelled, Status::pending};
    const Status to = targets[static_cast<std::size_t>(which)];
    redis::Query<Written> query = which == 0   ? store.progress(attempt, 5, {}, now())
                                  : which == 1 ? store.complete(attempt, "1", now())
                                  : which == 2 ? store.fail(attempt, "e", now())
                                  : which == 3 ? store.retry(attempt, "e", now(), now())
                                  : which == 4 ? store.end_cancelled(attempt, "c", now())
                                               : store.release(attempt, now());
    Task* task = find(attempt.task_id);
    const Written written = run(std::move(query));
    if (!task) {
      ASSERT_EQ(written.outcome, Written::Outcome::gone);
      return;
    }
    const bool current = task->message == attempt.message_id && task->attempt == attempt.number;
    const bool writes = current && task->status == Status::processing;
    const bool repeats = current && which != 0 && task->status == to;
    ASSERT_EQ(written.outcome, writes || repeats ? Written::Outcome::written : Written::Outcome::stale);
    if (!writes) return;
    ASSERT_EQ(written.stop_requested, task->stop);
    task->status = to;
    if (is_terminal(to)) task->stop = false, tombstones.erase(attempt.message_id);
  }

  void do_cancel() {
    const std::string id = any_id();
    Task* task = find(id);
    const auto outcome = run(store.cancel(id, now())).outcome;
    const bool ends = task && !is_terminal(task->status);
    const bool asks = ends && task->status == Status::processing && !task->message.empty();
    ASSERT_EQ(outcome, !task  ? Cancelled::Outcome::absent
                       : asks ? Cancelled::Outcome::requested
                       : ends ? Cancelled::Outcome::cancelled
                              : Cancelled::Outcome::ended);
    if (!ends) return;
    if (!task->message.empty()) tombstones[task->message] = Begun::Outcome::cancelled;
    task->stop = asks;
    if (!asks) task->status = Status::cancelled;
  }

  void do_remove() {
    const std::string id = any_id();
    Task* task = find(id);
    ASSERT_EQ(run(store.remove(id, now())), task != nullptr);
    if (!task) return;
    if (!task->message.empty()) tombstones[task->message] = Begun::Outcome::deleted;
    tasks.erase(id);
  }

  void do_set() {
    const std::string id = any_id();
    const Status status = static_cast<Status>(random(6));
    run(store.set_task_status(id, {{"status", json_text(status)}}, now()));
    tasks[id] = {status, find(id) ? find(id)->message : "", (find(id) ? find(id)->attempt : 0) + 1};
  }

  void compare() {
    const Page page = run(store.list({.limit = 1000}, now()));
    ASSERT_EQ(page.tasks.size(), tasks.size());
    for (const Record& each : page.tasks) {
      const Task* task = find(each.task_id);
      ASSERT_TRUE(task) << each.task_id;
      ASSERT_EQ(each.status(), task->status) << each.task_id;
      ASSERT_EQ(each.text("message_id").value_or(""), task->message);
      ASSERT_EQ(each.number("attempt"), static_cast<double>(task->attempt));
      ASSERT_EQ(each.raw("cancel_requested") == "true", task->stop) << each.to_json();
    }
    expect_consistent();
  }

  // Other runs: --gtest_shuffle --gtest_random_seed=N, or --gtest_repeat.
  std::mt19937 generator{static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed())};
  std::map<std::string, Task> tasks;
  std::map<std::string, Begun::Outcome> tombstones;
  std::vector<std::pair<std::string, std::string>> sent;
  std::vector<Attempt> attempts;
  int messages = 0;
};

// Whatever is done in whatever order, record, outcome and indexes are those of the model.
TEST_F(ModelTest, RandomOperationsAgreeWithTheModel) {
  for (int step = 0; step < 1500; ++step) {
    clock.advance(std::chrono::microseconds(random(2)));
    const int which = random(12);
    if (which < 2)
      do_create();
    else if (which < 5)
      do_begin();
    else if (which < 8)
      do_write();
    else if (which < 9)
      do_cancel();
    else if (which < 10)
      do_remove();
    else if (which < 11)
      do_set();
    else
      run(store.forget_tombstone("nobody's"));
    if (HasFatalFailure()) FAIL() << "step " << step;
    if (step % 10 == 0) compare();
    if (HasFailure()) FAIL() << "step " << step;
  }
}

}  // namespace
}  // namespace medsynth::tasks
