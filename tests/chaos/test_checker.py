"""The checker by itself: a good history passes, and each promise that is broken in it is named."""

import copy
import dataclasses

import checker
import plan
import pytest


def record(task: str, status: str, **more) -> dict:
    return {"task_id": task, "status": status, "attempt": 1, "error": None, "result": None, **more}


def event(t: int, what: str, task: str, run: str = "7-1", pid: int = 7, machine: str = "here", model: str = "") -> dict:
    return {"t": t, "what": what, "task": task, "run": run, "pid": pid, "machine": machine, "model": model}


def task(number: int, **more) -> dict:
    work = {"number": number, "ms": 0, "fails": 0, "aborts": 0, "model": ""}
    return {"actor": "chaos", "work": work, "wrong": False, "foreign": False, "by": "api", "max_retries": 20, "cancelled": "", "deleted": "", **more}


@pytest.fixture
def good() -> checker.History:
    """Two tasks, one after the other on a machine with one slot."""
    done = {name: record(name, "completed", result={"square": number**2, "run": "7-1"}) for name, number in (("a", 2), ("b", 3))}
    return checker.History(
        tasks={"a": task(2), "b": task(3)}, slots=1, parallel={"left": 1}, max_deaths=0,
        events=[event(10, "start", "a"), event(20, "end", "a"), event(20, "start", "b"), event(30, "end", "b")],
        deaths={}, seen=[(15, "a", record("a", "processing")), (25, "a", done["a"]), (35, "b", done["b"])], finals=done,
        leftovers={"messages": 0}, dead_letters=0)


def the_only_violation(history: checker.History) -> str:
    [found] = checker.violations(history)
    return found


def test_a_good_history_has_no_violation(good):
    assert checker.violations(good) == []


def test_a_task_without_record_is_lost(good):
    good.finals["a"] = None
    good.seen = good.seen[2:]
    assert "a is lost" in the_only_violation(good)


@pytest.mark.parametrize("status", ["pending", "processing", "retrying"])
def test_a_task_that_has_not_ended_is_stuck(good, status):
    good.finals["b"] = record("b", status)
    good.seen.pop()
    assert "b is stuck" in the_only_violation(good)


def test_a_record_that_changes_after_its_end(good):
    good.seen.insert(2, (26, "a", record("a", "processing", attempt=2)))
    assert "was changed: ['attempt', 'result', 'status']" in the_only_violation(good)


def test_a_record_that_ends_otherwise_than_it_was_seen(good):
    good.finals["a"] = good.finals["a"] | {"updated_at": "later"}
    assert "had ended as completed and is completed" in the_only_violation(good)


def test_a_task_that_is_run_again_after_its_end(good):
    good.events += [event(40, "start", "a", "7-2"), event(50, "end", "a", "7-2")]
    assert "a was run again (7-2)" in the_only_violation(good)
    good.lost_leases = True
    assert checker.violations(good) == []


def test_more_tasks_than_slots(good):
    good.events[2]["t"] = 19
    assert "2 tasks ran at once on machine here" in the_only_violation(good)
    good.events[2]["machine"] = "there"
    assert checker.violations(good) == []


def test_more_users_of_a_model_than_may(good):
    good.slots = 2
    for each in good.events:
        each["model"] = "left"
    good.events[2]["t"] = 19
    assert "2 tasks used the model left at once" in the_only_violation(good)


def test_two_runs_of_a_task_at_once(good):
    good.slots = 2
    good.events += [event(12, "start", "a", "8-2", pid=8), event(18, "end", "a", "8-2", pid=8)]
    assert "a was run by two at once" in the_only_violation(good)


def test_a_killed_process_holds_nothing_any_more(good):
    good.events += [event(1, "start", "a", "6-1", pid=6)]
    good.deaths = {6: 5}
    assert checker.violations(good) == []


def test_a_process_that_aborts_takes_its_other_runs_with_it(good):
    good.events += [event(1, "start", "a", "6-1", pid=6), event(4, "abort", "", pid=6)]
    assert checker.violations(good) == []


@pytest.mark.parametrize("result", [{"square": 5, "run": "7-1"}, {"square": 4, "run": "9-9"}, None])
def test_a_result_that_no_run_gave(good, result):
    wrong = record("a", "completed", result=result)
    good.finals["a"] = wrong
    good.seen[1] = (25, "a", wrong)
    assert "a has the result" in the_only_violation(good)


def fail(good: checker.History, error: str) -> None:
    good.finals["a"] = record("a", "failed", error=error)
    good.seen = good.seen[2:]
    good.dead_letters = 1


def test_a_failure_that_nobody_ordered(good):
    fail(good, "cannot write")
    assert "nobody told it to" in the_only_violation(good)


def test_an_ordered_failure_needs_all_its_retries(good):
    fail(good, "failed as it was told to")
    good.events[1]["what"] = "fail"
    assert "it failed 1 times and may be tried 21 times" in the_only_violation(good)
    good.tasks["a"]["max_retries"] = 0
    assert checker.violations(good) == []


def test_a_model_that_does_not_load_ends_a_task_with_its_last_retry(good):
    """Such an attempt ends before the actor runs, so only the record counts it."""
    fail(good, "m does not load")
    good.tasks["a"]["work"]["model"] = "m"
    good.finals["a"]["attempt"] = 1
    assert "nobody told it to" in the_only_violation(good)
    good.hurt_models = frozenset({"m"})
    assert "it failed 1 times and may be tried 21 times" in the_only_violation(good)
    good.tasks["a"]["max_retries"] = 0
    assert checker.violations(good) == []


def test_deaths_end_a_task_only_where_they_are_counted(good):
    fail(good, "the worker died 3 times while it ran this task")
    assert "deaths are not counted here" in the_only_violation(good)
    good.max_deaths = 3
    assert "only 0 workers died" in the_only_violation(good)
    good.deaths = {1: 1, 2: 2, 3: 3}
    assert checker.violations(good) == []


def test_an_impossible_success(good):
    good.tasks["a"]["wrong"] = True
    assert "a completed and cannot have" in the_only_violation(good)


def test_a_cancellation_that_nobody_asked_for(good):
    good.finals["a"] = record("a", "cancelled")
    good.seen = good.seen[2:]
    assert "a is cancelled and nobody asked" in the_only_violation(good)
    good.tasks["a"]["cancelled"] = "asked"
    assert checker.violations(good) == []


def test_a_deleted_task_stays_away(good):
    good.tasks["a"]["deleted"] = "done"
    assert "a was deleted and is there again" in the_only_violation(good)
    good.finals["a"] = None
    assert checker.violations(good) == []


def test_what_is_left_behind(good):
    good.leftovers["messages"] = 2
    assert the_only_violation(good) == "2 left behind: messages"


def test_dead_letters_are_those_of_failed_tasks(good):
    good.dead_letters = 1
    assert "1 dead letters for 0 failed tasks" in the_only_violation(good)


def test_the_checker_changes_nothing(good):
    before = copy.deepcopy(good)
    checker.violations(good)
    assert dataclasses.asdict(good) == dataclasses.asdict(before)


def test_a_seed_is_always_the_same():
    assert plan.make(5) == plan.make(5) != plan.make(6)


def test_seeds_hurt_everything_in_every_way():
    faults = {(fault.what, fault.whom) for seed in range(200) for fault in plan.make(seed).faults}
    expected = {("kill", whom) for whom in ("worker", "other", "serve", "redis")} | {("stop", whom) for whom in ("worker", "other", "serve", "redis")}
    expected |= {(what, "other") for what in ("cut", "stall", "slow", "clock", "term")} | {("cut", "serve"), ("disk", "redis"), ("clock", "worker")}
    assert expected <= faults


def test_a_task_that_cannot_be_recorded_is_not_run_and_what_lies_there_stays(good):
    good.tasks["b"]["foreign"] = True
    good.finals["b"], good.dead_letters = None, 1
    good.seen.pop()
    assert "b was run, and cannot be recorded" in the_only_violation(good)
    good.events = good.events[:2]
    assert checker.violations(good) == []
    good.overwritten = ("b",)
    assert "in the place of b" in the_only_violation(good)
