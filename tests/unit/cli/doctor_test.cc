#include <gtest/gtest.h>

#include "medsynth/cli/doctor/checks.h"
#include "medsynth/cli/doctor/report.h"

namespace medsynth::cli::doctor {
namespace {

Check find(const Checks& checks, const std::string& id) {
  for (const Check& check : checks)
    if (check.id == id) return check;
  ADD_FAILURE() << "no check is called " << id;
  return {};
}

void expect(const Checks& checks, const std::string& id, Status status, const std::string& part) {
  const Check check = find(checks, id);
  const std::string text = check.what + " " + check.why + " " + check.next;
  EXPECT_EQ(check.status, status) << id << ": " << text;
  EXPECT_NE(text.find(part), std::string::npos) << id << ": " << text;
  EXPECT_EQ(check.why.empty(), status == Status::ok) << text;
  EXPECT_EQ(check.next.empty(), status == Status::ok) << text;
}

// --- this machine

MachineFacts machine() {
  MachineFacts facts{.cpus = 2};
  facts.gates = {{"cpu", 10.0, 80}, {"memory", 20.0, 80}, {"gpu", 0.0, 80}};
  facts.memory_limit = std::uint64_t{8'000'000'000};
  facts.data = {.path = "/home/a/data", .exists = true};
  facts.data_space = Space{100'000'000'000, 50'000'000'000};
  facts.runtime_dir = "/dev/shm/medsynth-1000";
  facts.runtime_space = Space{1'000'000'000, 900'000'000};
  facts.slots_taken = std::int64_t{1};
  facts.slots = 5;
  facts.descriptors = std::int64_t{500'000};
  facts.processes = kUnlimited;
  return facts;
}

TEST(DoctorMachine, AGoodOneIsOkThroughout) {
  for (const Check& check : machine_checks(machine()))
    EXPECT_EQ(check.status, Status::ok) << check.id << check.what;
}

TEST(DoctorMachine, AClosedGateSaysByHowMuchAndWhatOpensIt) {
  MachineFacts facts = machine();
  facts.gates[0].used_percent = 95.5;
  facts.gates[1].used_percent = 81.0;
  facts.gpu = "1 x A100";
  facts.gates[2].used_percent = 100.0;
  expect(machine_checks(facts), "machine.cpu", Status::warning, "falls by 16 %");
  expect(machine_checks(facts), "machine.memory", Status::warning, "medsynth cache clear");
  expect(machine_checks(facts), "machine.gpu", Status::warning, "MAX_GPU_PERCENT");
  for (Gate& gate : facts.gates) gate.limit_percent = 100;  // switched off
  expect(machine_checks(facts), "machine.cpu", Status::ok, "96 %");
  expect(machine_checks(facts), "machine.gpu", Status::ok, "100 %");
}

TEST(DoctorMachine, ASensorThatDoesNotAnswerIsUnknown) {
  MachineFacts facts = machine();
  facts.gpu = "1 x A100";
  for (Gate& gate : facts.gates) gate.used_percent = Seen<double>::hidden("the driver does not answer");
  for (const char* id : {"machine.cpu", "machine.memory", "machine.gpu"})
    expect(machine_checks(facts), id, Status::unknown, "the driver does not answer");
}

TEST(DoctorMachine, Slots) {
  MachineFacts facts = machine();
  facts.slots_taken = std::int64_t{5};
  expect(machine_checks(facts), "machine.slots", Status::warning, "5 of 5");
  facts.slots_taken = Seen<std::int64_t>::hidden("not opened");
  expect(machine_checks(facts), "machine.slots", Status::unknown, "not opened");
  facts.runtime_error = "the runtime folder /run/medsynth belongs to another user";
  expect(machine_checks(facts), "machine.slots", Status::failed, "MEDSYNTH_RUNTIME_DIR");
}

TEST(DoctorMachine, DataFolder) {
  MachineFacts facts = machine();
  facts.data.writable_by_others = true;
  expect(machine_checks(facts), "machine.data", Status::warning, "chmod go-w /home/a/data");
  facts.data.link = "/home/a/data/redis/redis.log";
  expect(machine_checks(facts), "machine.data", Status::warning, "redis.log is a link");
  facts.data.reachable = false;
  expect(machine_checks(facts), "machine.data", Status::failed, "cannot be written");
  facts.data.ours = false;
  expect(machine_checks(facts), "machine.data", Status::failed, "another user");
  facts.data.exists = false;
  expect(machine_checks(facts), "machine.data", Status::failed, "cannot be made");
  facts.data.reachable = true;
  expect(machine_checks(facts), "machine.data", Status::ok, "not there yet");
  facts.home_problem = "HOME is not set";
  expect(machine_checks(facts), "machine.data", Status::failed, "HOME is not set");
}

TEST(DoctorMachine, Space) {
  MachineFacts facts = machine();
  facts.data_space = Space{100'000'000'000, 4'000'000'000};
  facts.runtime_space = Space{1'000'000'000, 1'000'000};
  expect(machine_checks(facts), "machine.disk", Status::warning, "4.0 GB of 100.0 GB");
  expect(machine_checks(facts), "machine.runtime", Status::failed, "full");
  facts.data_space = Space{100'000'000'000, 1'000'000};
  facts.runtime_space = Seen<struct Space>::hidden("Permission denied");
  expect(machine_checks(facts), "machine.disk", Status::failed, "full");
  expect(machine_checks(facts), "machine.runtime", Status::unknown, "Permission denied");
}

TEST(DoctorMachine, DescriptorsAndProcesses) {
  MachineFacts facts = machine();
  facts.descriptors = std::int64_t{1024};
  facts.processes = std::int64_t{60};
  expect(machine_checks(facts), "machine.descriptors", Status::warning, "LimitNOFILE");
  expect(machine_checks(facts), "machine.processes", Status::warning, "60 more");
  facts.descriptors = std::int64_t{64};
  facts.processes = std::int64_t{20};
  expect(machine_checks(facts), "machine.descriptors", Status::failed, "64 files");
  expect(machine_checks(facts), "machine.processes", Status::failed, "TasksMax");
  facts.descriptors = Seen<std::int64_t>::hidden("not told");
  facts.processes = Seen<std::int64_t>::hidden("not told");
  expect(machine_checks(facts), "machine.descriptors", Status::unknown, "not told");
  expect(machine_checks(facts), "machine.processes", Status::unknown, "not told");
}

TEST(DoctorSettings, EachUnknownVariableIsAWarning) {
  expect(setting_checks({}), "settings.environment", Status::ok, "known");
  const Checks checks =
      setting_checks({"MEDSYNTH_WORKER is not a variable (did you mean 'MEDSYNTH_WORKERS'?)", "b"});
  EXPECT_EQ(checks.size(), 2u);
  expect(checks, "settings.environment", Status::warning, "MEDSYNTH_WORKERS");
}

TEST(DoctorBuild, NamesTheEngine) {
  expect(build_checks({"0.1.0", "llama.cpp 0.5.0", "abc123", {"CPU"}}), "build.engine", Status::ok, "abc123");
  expect(build_checks({"0.1.0", "llama.cpp 0.5.0", "", {"CPU"}}), "build.engine", Status::ok,
         "commit not known");
  expect(build_checks({"0.1.0", "llama.cpp 0.5.0", "", {}}), "build.engine", Status::failed, "backend");
}

TEST(DoctorModels, EachStatus) {
  ModelsFacts facts{.folder = "/m"};
  facts.models = {{.name = "a", .kind = "language", .memory_bytes = 1'000'000'000}};
  facts.defaults = {{"language", "a", false, "", "built_in"}, {"sentence", "b", true, "", ""}};
  expect(model_checks(facts, machine()), "models.file", Status::ok, "complete");
  expect(model_checks(facts, machine()), "models.language", Status::ok, "a answers");
  expect(model_checks(facts, machine()), "models.sentence", Status::warning, "demo");
  expect(model_checks(facts, machine()), "models.calibration", Status::ok, "built-in pairs");
  facts.defaults[0].calibration = "own";
  expect(model_checks(facts, machine()), "models.calibration", Status::ok, "your pairs");
  facts.defaults[0].calibration = "none";
  expect(model_checks(facts, machine()), "models.calibration", Status::warning, "models use a");
  facts.defaults[0].calibration = "damaged";
  expect(model_checks(facts, machine()), "models.calibration", Status::failed, "cannot be read");
  facts.defaults[1] = {"sentence", "", false, "the model b is not installed", ""};
  expect(model_checks(facts, machine()), "models.sentence", Status::warning, "not installed");
  facts.models[0].memory_bytes = 7'000'000'000;  // of 8, of which 80 % may be used
  expect(model_checks(facts, machine()), "models.memory", Status::warning, "6.4 GB");
  facts.models[0].digest_unread = "its 3 GB were not read";
  expect(model_checks(facts, machine()), "models.file", Status::unknown, "3 GB");
  facts.models[0].problem = "it was not copied to its end";
  expect(model_checks(facts, machine()), "models.file", Status::failed, "copied to its end");
  facts.catalogue_error = "models.toml, line 3";
  expect(model_checks(facts, machine()), "models.catalogue", Status::failed, "line 3");
}

// --- workers and queues

FleetFacts fleet() {
  FleetFacts facts;
  facts.workers = {{.id = "1",
                    .host = "a",
                    .pid = 10,
                    .silent_s = 1,
                    .registered = true,
                    .reports = true,
                    .version = "0.1.0",
                    .limits = {{"max_cpu_percent", 80}},
                    .behind_s = 1,
                    .queues = {"q"}},
                   {.id = "2",
                    .host = "b",
                    .pid = 11,
                    .silent_s = 1,
                    .registered = true,
                    .reports = true,
                    .version = "0.1.0",
                    .limits = {{"max_cpu_percent", 80}},
                    .behind_s = 5,
                    .queues = {"q"}}};
  facts.queues = {{"q", false, 3, 0}};
  facts.waiting = WaitingFacts{};
  return facts;
}

TEST(DoctorFleet, AGoodOneIsOkThroughout) {
  const Checks checks = fleet_checks(Seen<FleetFacts>(fleet()));
  for (const Check& check : checks) EXPECT_EQ(check.status, Status::ok) << check.id << check.what;
}

// What running tasks end by themselves is as it should be; what nobody's patience ends is said with what to do.
TEST(DoctorFleet, SaysWhatTasksWaitFor) {
  FleetFacts facts = fleet();
  WaitingFacts waiting{
      .reasons = {{"slot", {12, "5 of 5 slots are taken", "wait"}}}, .unended = 12, .looked_at = 12};
  facts.waiting = waiting;
  expect(fleet_checks(facts), "tasks.waiting", Status::ok, "wait for slot (12)");
  waiting.reasons["cpu"] = {3, "CPU load is 99 %", "end other programs"};
  waiting.unended = 300;
  facts.waiting = waiting;
  expect(fleet_checks(facts), "tasks.waiting", Status::warning, "cpu (3), slot (12), of 12 of 300 that have");
  expect(fleet_checks(facts), "tasks.waiting", Status::warning, "CPU load is 99 %");
  expect(fleet_checks(facts), "tasks.waiting", Status::warning, "end other programs");
  facts.waiting = Seen<WaitingFacts>::hidden("NOPERM zrevrange");
  expect(fleet_checks(facts), "tasks.waiting", Status::unknown, "NOPERM zrevrange");
}

TEST(DoctorFleet, NotSeenIsUnknown) {
  expect(fleet_checks(Seen<FleetFacts>::hidden("NOPERM zrange")), "workers.alive", Status::unknown,
         "NOPERM zrange");
}

TEST(DoctorFleet, WorkersThatCannotReportAreSilentOrDiffer) {
  FleetFacts facts = fleet();
  facts.workers[1].reports = false;
  expect(fleet_checks(facts), "workers.reports", Status::failed, "b (pid 11)");
  facts.workers[1].silent_s = 60;
  expect(fleet_checks(facts), "workers.reports", Status::ok, "reports");
  expect(fleet_checks(facts), "workers.silent", Status::warning, "b (pid 11)");
  facts.workers[1].silent_s.reset();
  expect(fleet_checks(facts), "workers.silent", Status::warning, "b (pid 11)");
  facts = fleet();
  facts.workers[1].version = "0.2.0";
  facts.workers[1].limits["max_cpu_percent"] = 50;
  expect(fleet_checks(facts), "workers.versions", Status::warning, "0.1.0 on a; 0.2.0 on b");
  expect(fleet_checks(facts), "workers.limits", Status::warning, "max_cpu_percent is 50 on b; 80 on a");
  facts.workers.clear();
  expect(fleet_checks(facts), "workers.alive", Status::warning, "medsynth serve");
}

TEST(DoctorFleet, ClocksAndGates) {
  FleetFacts facts = fleet();
  facts.workers[0].behind_s = -30;
  facts.workers[1].behind_s = 12;
  facts.workers[0].gate_reason = "cpu";
  facts.workers[0].gate_detail = "CPU use is 95 %, the limit 80 %";
  expect(fleet_checks(facts), "workers.clocks", Status::warning, "a is 30 s ahead, b is 12 s behind");
  expect(fleet_checks(facts), "workers.gates", Status::warning, "a: CPU use is 95 %");
}

TEST(DoctorFleet, AModelThatKilledWorkersIsNamed) {
  FleetFacts facts = fleet();
  facts.blocked = {{"bio\n", "/m/bio.gguf", 3, "2026-11-27T10:00:00Z"}};
  expect(fleet_checks(facts), "models.deaths", Status::failed, "bio\\n (3 until 2026-11-27T10:00:00Z)");
  expect(fleet_checks(facts), "models.deaths", Status::failed, "touch /m/bio.gguf");
}

TEST(DoctorFleet, Queues) {
  FleetFacts facts = fleet();
  facts.queues = {{"q", true, 1, 2}, {"other\n", false, 4, 0}, {"empty", false, 0, 0}};
  expect(fleet_checks(facts), "queues.paused", Status::warning, "q (1 wait)");
  expect(fleet_checks(facts), "queues.dead", Status::warning, "q (2)");
  expect(fleet_checks(facts), "queues.consumed", Status::warning, "takes from other\\n (4 wait)");
  facts.python_workers = 1;
  expect(fleet_checks(facts), "queues.consumed", Status::unknown, "in Python are alive (1)");
}

// --- the server

TEST(DoctorServer, EachStatus) {
  ServerFacts facts{.url = "http://127.0.0.1:8000", .listen = "127.0.0.1:8000"};
  facts.no_answer = "no Medsynth server answers (Connection refused)";
  expect(server_checks(facts), "server.ready", Status::warning, "medsynth serve");
  expect(server_checks(facts), "server.listen", Status::ok, "127.0.0.1:8000");
  facts.no_answer = "bad version";
  expect(server_checks(facts), "server.ready", Status::failed, "not a Medsynth server");
  facts.answered = true;
  facts.status = 200;
  facts.listen_error = "Another program has the port";
  facts.body = R"({"status":"ok","checks":[]})";
  expect(server_checks(facts), "server.ready", Status::ok, "ready");
  expect(server_checks(facts), "server.listen", Status::ok, "has its port");
  for (const char* body : {"<html>", R"({"hello":1})", "[]", ""}) {
    facts.body = body;
    expect(server_checks(facts), "server.ready", Status::failed, "not a Medsynth server");
    expect(server_checks(facts), "server.listen", Status::failed, "MEDSYNTH_LISTEN");
  }
  facts.status = 503;
  facts.body = R"({"code":"not_ready","detail":"Not ready: workers: none is alive"})";
  expect(server_checks(facts), "server.ready", Status::failed, "none is alive");
  facts.body = "unavailable";
  expect(server_checks(facts), "server.ready", Status::failed, "not a Medsynth server");
  facts.url_error = "must look like http://";
  expect(server_checks(facts), "server.ready", Status::failed, "must look like");
}

// --- what people read

TEST(DoctorReport, BreaksLinesAndSaysWhyAndWhatNext) {
  const Checks checks{ok("a.b", "All is well"),
                      failed("long.name", "It is one two three four", "Why", "Do it")};
  EXPECT_EQ(report(checks, 45).str(),
            "ok       a.b        All is well.\n"
            "failed   long.name  It is one two three four.\n"
            "                    why   Why.\n"
            "                    next  Do it\n"
            "\n1 failed, 1 ok");
  EXPECT_NE(report(checks, 40).str().find("two three\n                    four."), std::string::npos)
      << report(checks, 40).str();
  EXPECT_TRUE(any_failed(checks));
  EXPECT_FALSE(any_failed({unknown("a", "b", "c", "d"), warning("a", "b", "c", "d")}));
}

TEST(DoctorReport, UntrustedTextIsEscaped) {
  EXPECT_EQ(report({ok("a", "b\x1b[2Jc")}, 0).str(), "ok       a  b\\x1b[2Jc.\n\n1 ok");
}

}  // namespace
}  // namespace medsynth::cli::doctor
