#include "medsynth/api/fleet_view.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

fleet::Snapshot worker(std::string id, std::string host, limits::Usage usage,
                       std::string origin = "environment") {
  fleet::Snapshot snapshot;
  snapshot.worker_id = std::move(id);
  snapshot.host = std::move(host);
  snapshot.usage = described::to_value(usage).get_object();
  snapshot.limits_origin = std::move(origin);
  return snapshot;
}

// Two workers of one machine count the same slots: they are one host. Another machine's tasks are added.
TEST(Usage, SlotsArePerMachineAndPercentsTheHighest) {
  const std::vector<fleet::Snapshot> snapshots{
      worker("w1", "a", {.cpu_percent = 10, .memory_percent = 50, .concurrent_tasks = 2}),
      worker("w2", "a", {.cpu_percent = 12, .memory_percent = 49, .concurrent_tasks = 3}),
      worker("w3", "b", {.cpu_percent = 70, .memory_percent = 5, .concurrent_tasks = 1})};
  const UsageAnswer answer = usage_of(hosts_of(snapshots), {.max_cpu_percent = 60});
  ASSERT_EQ(answer.hosts.size(), 2u);
  EXPECT_EQ(answer.hosts[0].workers, (std::vector<std::string>{"w1", "w2"}));
  EXPECT_EQ(answer.hosts[0].concurrent_tasks, 3);
  EXPECT_EQ(answer.hosts[0].cpu_percent, 12);
  EXPECT_EQ(answer.concurrent_tasks, 4);
  EXPECT_EQ(answer.cpu_percent, 70);
  EXPECT_EQ(answer.memory_percent, 50);
  EXPECT_EQ(answer.max_cpu_percent, 60);
}

// What waits, and for what, is shown for people who wait for their task.
TEST(Usage, ShowsTheTasksInHand) {
  auto snapshot = worker("w1", "a", {});
  snapshot.tasks = {{.task_id = "t", .actor = "x", .state = "waiting", .reason = "slots", .since = ""}};
  const auto hosts = hosts_of({snapshot, worker("w2", "a", {})});
  ASSERT_EQ(hosts[0].tasks.size(), 1u);
  EXPECT_EQ(hosts[0].tasks[0].reason, "slots");
}

TEST(Usage, ASnapshotThatCannotBeReadIsLeftOut) {
  auto broken = worker("w1", "a", {});
  broken.usage = {{"future", 1}};
  EXPECT_TRUE(hosts_of({broken}).empty());
}

// Workers of another version: what is known of their use is shown, what cannot be has its default and is
// told.
TEST(Usage, IsReadOfOtherVersionsToo) {
  auto newer = worker("w1", "a", {.cpu_percent = 10, .concurrent_tasks = 2});
  newer.usage["future"] = 1;
  newer.usage.erase("gpu_percent");
  ASSERT_EQ(hosts_of({newer}).size(), 1u);
  EXPECT_EQ(hosts_of({newer})[0].cpu_percent, 10);
  EXPECT_TRUE(faults_of(newer).empty());
  newer.usage["max_cpu_percent"] = -1;
  newer.usage["memory_percent"] = "x";
  EXPECT_EQ(hosts_of({newer})[0].max_cpu_percent, 80);
  EXPECT_EQ(faults_of(newer).size(), 2u);
  EXPECT_EQ(limits_in_force({newer}, {{"max_gpu_percent", -1}}, {}).max_gpu_percent, 80);
}

TEST(Readiness, NamesWhoDoesNotReport) {
  fleet::Roll roll{.alive = {worker("w1", "a", {})}, .silent = {}};
  EXPECT_TRUE(workers_check(roll, std::vector<dramatiq::WorkerEntry>{}).ok);
  roll.alive[0].draining = true;
  EXPECT_FALSE(workers_check(roll, std::vector<dramatiq::WorkerEntry>{}).ok);
  roll = {.alive = {}, .silent = {{"w2", WallTime(std::chrono::seconds(1'700'000'000))}}};
  const auto check = workers_check(
      roll,
      std::vector<dramatiq::WorkerEntry>{{.worker_id = "w2"}, {.worker_id = "w3", .host = "h", .pid = 7}});
  EXPECT_FALSE(check.ok);
  EXPECT_NE(check.detail.find("worker w2: no report since 2023-11-14T22:13:20"), std::string::npos)
      << check.detail;
  EXPECT_NE(check.detail.find("worker w3 (process 7 of h) has never reported"), std::string::npos)
      << check.detail;
  EXPECT_EQ(check.detail.find("worker w2 (process"), std::string::npos);
}

// Set through the API wins; else a worker's own environment; a worker that still shows limits that were reset
// says nothing.
TEST(Limits, InForce) {
  const limits::Limits here{.max_cpu_percent = 11, .max_concurrent_tasks = 7};
  EXPECT_EQ(limits_in_force({}, {}, here), here);
  const auto own = worker("w1", "a", {.max_cpu_percent = 22});
  EXPECT_EQ(limits_in_force({own}, {}, here).max_cpu_percent, 22);
  EXPECT_EQ(
      limits_in_force({own}, {{"max_cpu_percent", 33}, {"max_concurrent_tasks", 2}}, here).max_cpu_percent,
      33);
  EXPECT_EQ(limits_in_force({own}, {{"max_concurrent_tasks", 2}}, here).max_concurrent_tasks, 2);
  EXPECT_EQ(limits_in_force({worker("w1", "a", {.max_cpu_percent = 44}, "api")}, {}, here).max_cpu_percent,
            11);
}

TEST(Cache, IsTheSumOfTheWorkersCaches) {
  auto one = worker("w1", "a", {}), two = worker("w2", "b", {});
  one.cache = {{.size = 1, .max_size = 5, .ttl = 60}, {{.id = "m", .state = "ready"}}};
  two.cache = {{.size = 2, .max_size = 5, .ttl = 60}, {{.id = "m"}, {.id = "n"}}};
  const CacheAnswer answer = cache_of({one, two}, 9, 9);
  EXPECT_EQ(answer.size, 3);
  EXPECT_EQ(answer.max_size, 10);
  EXPECT_EQ(answer.ttl, 60);
  ASSERT_EQ(answer.models.size(), 3u);
  EXPECT_EQ(answer.models[2].id, "n");
  EXPECT_EQ(answer.models[2].worker_id, "w2");
  EXPECT_EQ(answer.workers.size(), 2u);
}

TEST(Cache, WithoutWorkersItIsEmptyWithTheConfiguredSize) {
  const CacheAnswer answer = cache_of({}, 5, 3600);
  EXPECT_EQ(answer.size, 0);
  EXPECT_EQ(answer.max_size, 5);
  EXPECT_EQ(answer.ttl, 3600);
}

TEST(Samples, CarryTheirWorker) {
  auto snapshot = worker("0123456789abcdef", "a", {.concurrent_tasks = 2});
  snapshot.metrics = {
      {.name = "ml_inference_total", .kind = "counter", .labels = {{"model", "m"}}, .value = 3}};
  const auto samples = samples_of({snapshot});
  EXPECT_EQ(samples[0].labels,
            (std::map<std::string, std::string>{{"model", "m"}, {"worker", "a/01234567"}}));
  EXPECT_EQ(samples[0].value, 3);
  const auto slots = std::find_if(samples.begin(), samples.end(),
                                  [](const auto& each) { return each.name == "medsynth_slots_in_use"; });
  ASSERT_NE(slots, samples.end());
  EXPECT_EQ(slots->value, 2);
}

// A model that failed to load everywhere is refused with the cause and the time of the first that tries
// again; not while one worker may still load it, and not when that time has come.
TEST(FailedModel, IsRefusedUntilSomebodyTriesAgain) {
  const WallTime now{std::chrono::hours(1000)};
  const auto worker = [&](std::chrono::seconds wait) {
    fleet::Snapshot snapshot;
    snapshot.cache.models.push_back(
        {.id = "m", .state = "failed", .retry_at = rfc3339(now + wait), .error = "damaged"});
    return snapshot;
  };
  const auto failed =
      failed_model({worker(std::chrono::seconds(9)), worker(std::chrono::seconds(4))}, "m", now);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->code, Code::unavailable);
  EXPECT_EQ(failed->retry_after, std::chrono::seconds(4));
  EXPECT_NE(failed->message.find("damaged"), std::string::npos);
  EXPECT_FALSE(failed_model({worker(std::chrono::seconds(9)), fleet::Snapshot()}, "m", now));
  // One that takes no work, as a worker that ends or a Python process, loads it for nobody.
  EXPECT_TRUE(failed_model({worker(std::chrono::seconds(9)), fleet::Snapshot{.draining = true}}, "m", now));
  EXPECT_FALSE(failed_model({worker(std::chrono::seconds(0))}, "m", now));
  EXPECT_FALSE(failed_model({worker(std::chrono::seconds(9))}, "other", now));
  EXPECT_FALSE(failed_model({}, "m", now));
}

fleet::Snapshot having(std::string host, std::vector<fleet::InstalledModel> models) {
  fleet::Snapshot snapshot = worker("w-" + host, host, {});
  snapshot.models = std::move(models);
  return snapshot;
}

// Workers of one host read one catalogue: its models are listed once, those of another host too.
TEST(Models, AreListedOncePerHost) {
  const std::vector<fleet::InstalledModel> two{{.id = "b", .kind = "language"},
                                               {.id = "a", .kind = "sentence"}};
  const ModelsAnswer answer =
      models_of({having("one", two), having("one", two), having("two", {{.id = "a"}}),
                 worker("old", "three", {}), fleet::Snapshot{.worker_id = "python", .draining = true}});
  ASSERT_EQ(answer.models.size(), 3u);
  EXPECT_EQ(answer.models[0].id + answer.models[0].host + answer.models[1].id + answer.models[1].host,
            "aoneatwo");
  EXPECT_EQ(answer.models[2].id, "b");
  ASSERT_EQ(answer.unknown.size(), 1u);
  EXPECT_EQ(answer.unknown[0].worker_id, "old");
}

// A task may name what one host has; a name that nobody has is refused with those there are, at its field. A
// sentence model judges nothing. Where somebody does not say what there is, or nobody is there, it is
// accepted.
TEST(Models, ANameThatNobodyHasIsRefused) {
  const std::vector<fleet::Snapshot> hosts{having("one", {{.id = "small", .kind = "language"}}),
                                           having("two", {{.id = "s", .kind = "sentence"}})};
  EXPECT_TRUE(check_model(hosts, "/language_model", "small", "language"));
  EXPECT_TRUE(check_model(hosts, "/model_name", "s", "sentence"));
  const auto refused = check_model(hosts, "/language_model", "large", "language");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().faults.at(0).pointer, "/language_model");
  EXPECT_NE(refused.error().message.find("there is small"), std::string::npos) << refused.error().message;
  const auto wrong = check_model(hosts, "/language_model", "s", "language");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("sentence model"), std::string::npos);
  EXPECT_NE(check_model(hosts, "/entailment_model", "small", "entailment")
                .error()
                .message.find("is a language model"),
            std::string::npos);
  const std::vector<fleet::Snapshot> bare{
      having("one", {{.id = "nli", .kind = "entailment", .problem = "no library"}})};
  EXPECT_NE(check_model(bare, "/entailment_model", "nli", "entailment").error().message.find("no library"),
            std::string::npos);
  EXPECT_FALSE(check_model({having("one", {})}, "/language_model", "large", "language"));
  EXPECT_TRUE(check_model({hosts[0], worker("old", "three", {})}, "/language_model", "large", "language"));
  EXPECT_TRUE(check_model({fleet::Snapshot{.draining = true}}, "/language_model", "large", "language"));
  EXPECT_TRUE(check_model({}, "/language_model", "large", "language"));
}

json::object used(std::string kind, bool is_default, std::string problem) {
  return {{"use", described::to_value(fleet::ChosenModel{std::move(kind), is_default, std::move(problem)})}};
}

// A model is to be the default on three hosts: one has it, one has it behind a setting, one has it not; and one
// worker says nothing.
TEST(Models, AChoiceSaysWhatEachHostDid) {
  const std::vector<fleet::Snapshot> hosts{worker("w1", "one", {}), worker("w2", "two", {}),
                                           worker("w3", "three", {}), worker("w4", "four", {})};
  const auto choice = choice_of(hosts, "own",
                                {{"w1", used("language", true, "")},
                                 {"w2", used("language", false, "a setting names other")},
                                 {"w3", used("", false, "it is not installed here")}});
  ASSERT_TRUE(choice) << choice.error().message;
  EXPECT_EQ(choice->kind, "language");
  ASSERT_EQ(choice->hosts.size(), 3u);
  EXPECT_TRUE(choice->hosts[0].is_default);
  EXPECT_EQ(choice->hosts[1].problem, "a setting names other");
  EXPECT_EQ(choice->hosts[2].host, "three");
  EXPECT_EQ(choice->silent, std::vector<std::string>{"w4"});
}

// Workers of one host share its catalogue, and not their settings: the host has the default where each of them has.
TEST(Models, AChoiceIsThatOfAllWorkersOfAHost) {
  const std::vector<fleet::Snapshot> hosts{worker("w1", "one", {}), worker("w2", "one", {}),
                                           worker("w3", "two", {})};
  const auto choice = choice_of(hosts, "own",
                                {{"w1", used("language", true, "")},
                                 {"w2", used("language", false, "a setting names other")},
                                 {"w3", used("language", true, "")}});
  ASSERT_TRUE(choice);
  ASSERT_EQ(choice->hosts.size(), 2u);
  EXPECT_FALSE(choice->hosts[0].is_default);
  EXPECT_EQ(choice->hosts[0].problem, "a setting names other");
}

TEST(Models, AChoiceThatComesToNothingIsAnError) {
  const std::vector<fleet::Snapshot> one{worker("w1", "one", {})};
  EXPECT_EQ(choice_of(one, "own", {{"w1", used("", false, "it is not installed here")}}).error().reason,
            "model_not_found");
  EXPECT_EQ(choice_of(one, "own", {{"w1", used("language", false, "the disk is full")}}).error().reason,
            "not_chosen");
  EXPECT_EQ(choice_of(one, "own", {{"w1", {{"error", "unknown request"}}}}).error().reason, "not_chosen")
      << "an older worker";
  EXPECT_EQ(choice_of(one, "own", {}).error().code, Code::unavailable) << "it may have happened";
}

}  // namespace
}  // namespace medsynth::api
