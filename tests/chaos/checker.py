"""Whether what was seen can be: reads the history of a run and names every promise that was broken. Pure.

The history is what the processes noted of themselves (each run of a task from its start to its end), what an observer read
over HTTP meanwhile, and what was there when all had come to rest. Times are the machine's monotonic clock in nanoseconds.
"""

from __future__ import annotations

import collections
import dataclasses

TERMINAL = ("completed", "failed", "cancelled")


@dataclasses.dataclass
class History:
    tasks: dict[str, dict]  # by id: actor, work, wrong, foreign, max_retries, by, cancelled, deleted (each: asked, or not)
    slots: int  # of each machine
    parallel: dict[str, int]  # users of a model at once on a machine
    max_deaths: int
    events: list[dict]  # of the processes: what, pid, machine, t, and of a run: task, run, model
    deaths: dict[int, int]  # pid: when it was killed
    seen: list[tuple[int, str, dict]]  # (time of the answer, task, record), in order
    finals: dict[str, dict | None]  # records at the end
    leftovers: dict[str, int]  # what of the queues was left
    dead_letters: int
    lost_leases: bool = False  # something was held up for longer than a lease
    hurt_models: frozenset[str] = frozenset()  # whose loads were made to fail: an attempt may end before anything ran
    overwritten: tuple[str, ...] = ()  # tasks in whose place something else lay, and is no longer as it was


@dataclasses.dataclass
class Run:
    task: str
    run: str
    pid: int
    machine: str
    model: str
    start: int
    end: int | None = None
    how: str = "killed"


def runs_of(history: History) -> list[Run]:
    """Every run with its end: as it noted, or the death of its process."""
    runs: dict[str, Run] = {}
    last: dict[int, int] = {}
    died = dict(history.deaths)
    for event in sorted(history.events, key=lambda each: each["t"]):
        last[event["pid"]] = event["t"]
        if event["what"] == "start":
            key = event["task"] + " " + event["run"]
            runs[key] = Run(event["task"], event["run"], event["pid"], event["machine"], event["model"], event["t"])
        elif event["what"] == "abort":
            died.setdefault(event["pid"], event["t"])
        else:
            run = runs[event["task"] + " " + event["run"]]
            run.end, run.how = event["t"], event["what"]
    for run in runs.values():
        if run.end is None:
            # A process that went with another one was noticed by nobody: it lived at least until its last word.
            run.end = max(run.start, died.get(run.pid, last[run.pid]))
    return sorted(runs.values(), key=lambda run: run.start)


def most_at_once(runs: list[Run]) -> int:
    steps = sorted([(run.start, 1) for run in runs] + [(run.end, -1) for run in runs])
    most = now = 0
    for _, step in steps:  # at the same time the end comes first
        now += step
        most = max(most, now)
    return most


def check_holdings(history: History, runs: list[Run]) -> list[str]:
    wrong = []
    admitted = collections.defaultdict(list)
    for run in runs:
        if history.tasks[run.task]["actor"] == "chaos":
            admitted[run.machine].append(run)
    for machine, own in admitted.items():
        if most_at_once(own) > history.slots:
            wrong.append(f"{most_at_once(own)} tasks ran at once on machine {machine}, which has {history.slots} slots")
        for model, allowed in history.parallel.items():
            used = most_at_once([run for run in own if run.model == model])
            if used > allowed:
                wrong.append(f"{used} tasks used the model {model} at once on machine {machine}; {allowed} may")
    return wrong


def check_final_states(history: History, runs: list[Run]) -> list[str]:
    """A record that has ended stays as it is, and its task is not run again."""
    wrong = []
    ended: dict[str, tuple[int, dict]] = {}
    for at, task, record in history.seen:
        if task in ended and record != ended[task][1]:
            changed = sorted(key for key in record.keys() | ended[task][1].keys() if record.get(key) != ended[task][1].get(key))
            wrong.append(f"{task} had ended as {ended[task][1]['status']} and was changed: {changed}")
        elif record["status"] in TERMINAL:
            ended.setdefault(task, (at, record))
    for task, (_, record) in ended.items():
        final = history.finals.get(task)
        if final is not None and final != record:
            wrong.append(f"{task} had ended as {record['status']} and is {final['status']} at the end")
        if final is None and not history.tasks[task]["deleted"]:
            wrong.append(f"{task} had ended as {record['status']} and is gone")
    if history.lost_leases:
        return wrong
    for run in runs:
        # A brief task is opened before its record says so.
        if run.task in ended and run.start > ended[run.task][0] and history.tasks[run.task]["actor"] == "chaos":
            wrong.append(f"{run.task} was run again ({run.run}) after it had ended as {ended[run.task][1]['status']}")
    return wrong


def check_one_run_at_a_time(history: History, runs: list[Run]) -> list[str]:
    """One who runs a task holds its message; a second may only come when the first is dead."""
    if history.lost_leases:
        return []
    wrong = []
    by_task = collections.defaultdict(list)
    for run in runs:
        by_task[run.task].append(run)
    for task, own in by_task.items():
        if history.tasks[task]["by"] != "python" and most_at_once(own) > 1:
            wrong.append(f"{task} was run by two at once: {[run.run for run in own]}")
    return wrong


def why_failed_is_wrong(history: History, task: dict, own: list[Run], record: dict, deaths: int) -> str | None:
    error = record.get("error") or ""
    if "worker died" in error:
        if not history.max_deaths:
            return "deaths are not counted here"
        return None if deaths >= history.max_deaths else f"only {deaths} workers died"
    if task["wrong"]:
        return None if "wrong arguments" in error else "another error than wrong arguments"
    hurt = task["work"]["model"] in history.hurt_models
    if "as it was told to" not in error and not (hurt and "load" in error):
        return "nobody told it to"
    failed = record["attempt"] if hurt else sum(run.how == "fail" for run in own)
    return None if failed > task["max_retries"] else f"it failed {failed} times and may be tried {task['max_retries'] + 1} times"


def check_ends(history: History, runs: list[Run]) -> list[str]:
    wrong = []
    by_task = collections.defaultdict(list)
    for run in runs:
        by_task[run.task].append(run)
    deaths = len(history.deaths.keys() | {event["pid"] for event in history.events if event["what"] == "abort"})
    for name, task in history.tasks.items():
        record, own = history.finals.get(name), by_task[name]
        if task["foreign"]:
            wrong += [f"{name} was run, and cannot be recorded"] if own else []
            continue
        if record is None:
            if not task["deleted"]:
                wrong.append(f"{name} is lost: there is no record of it")
            continue
        status = record["status"]
        if task["deleted"] == "done":
            wrong.append(f"{name} was deleted and is there again as {status}")
        elif status not in TERMINAL:
            wrong.append(f"{name} is stuck: {status}, attempt {record.get('attempt')}")
        elif status == "cancelled" and not task["cancelled"]:
            wrong.append(f"{name} is cancelled and nobody asked for it")
        elif status == "failed":
            if why := why_failed_is_wrong(history, task, own, record, deaths):
                wrong.append(f"{name} failed, and {why}: {record.get('error')}")
        elif status == "completed":
            given = {run.run for run in own if run.how == "end"}
            expected = task["work"]["number"] ** 2
            result = record.get("result") or {}
            if task["wrong"] or task["work"]["fails"] > task["max_retries"]:
                wrong.append(f"{name} completed and cannot have")
            elif result.get("square") != expected or result.get("run") not in given:
                wrong.append(f"{name} has the result {result}; its runs gave {expected} by {sorted(given)}")
    return wrong


def check_rest(history: History) -> list[str]:
    wrong = [f"{count} left behind: {what}" for what, count in history.leftovers.items() if count]
    wrong += [f"what lay in the place of {name} is not as it was" for name in history.overwritten]
    failed = [name for name, record in history.finals.items() if record is not None and record["status"] == "failed"]
    failed += [name for name, task in history.tasks.items() if task["foreign"]]
    # One that was deleted may have died before; one that Python sent twice, since an answer was lost, dies twice.
    more = sum(bool(task["deleted"]) for task in history.tasks.values()) + sum(history.tasks[name]["by"] == "python" for name in failed)
    if not len(failed) <= history.dead_letters <= len(failed) + more:
        wrong.append(f"{history.dead_letters} dead letters for {len(failed)} failed tasks")
    return wrong


def violations(history: History) -> list[str]:
    runs = runs_of(history)
    return [*check_ends(history, runs), *check_final_states(history, runs), *check_one_run_at_a_time(history, runs),
            *check_holdings(history, runs), *check_rest(history)]
