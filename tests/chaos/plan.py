"""What happens in a seed: a schedule of tasks and faults, and nothing else. Pure: the same seed gives the same schedule."""

from __future__ import annotations

import dataclasses
import random

UNTIL = 3.5  # seconds; then everything is mended and must come to rest
LEASE = 15.0  # seconds after which a silent worker of ours counts as dead
SETTLE = 12.0  # seconds in which all comes to rest once it is mended: less than a lease, so that nothing may wait for one
LONG_EVERY = 25  # of these seeds one hurts for longer than a lease
WORKERS = 2  # that the server starts; one more runs on another machine
MODELS = {"left": 1, "right": 2}  # and their users at once on a machine


@dataclasses.dataclass(frozen=True)
class Task:
    at: float
    id: str
    actor: str
    work: dict  # number, ms, fails, aborts, model
    options: dict
    delay: int = 0  # ms
    by: str = "api"  # or python: Dramatiq's own broker
    wrong: bool = False  # its arguments are
    foreign: bool = False  # something else lies where its record belongs
    cancel_at: float | None = None
    delete_at: float | None = None


@dataclasses.dataclass(frozen=True)
class Fault:
    at: float
    what: str
    whom: str = ""  # worker, other (the worker of the other machine), serve, redis; a model's name; a proxy's; a command of Redis
    number: float = 0  # seconds that it lasts, or by how many seconds a clock is wrong
    pick: int = 0  # which of several workers


@dataclasses.dataclass(frozen=True)
class Plan:
    seed: int
    redis: str  # managed by the server, or external: behind a proxy for everybody
    fsync: str
    slots: int
    max_deaths: int
    settle: float  # seconds to come to rest in
    tasks: tuple[Task, ...]
    faults: tuple[Fault, ...]


def some_task(rng: random.Random, number: int, max_deaths: int, prefix: str) -> Task:
    work = {"number": number, "ms": rng.choice((0, 0, 5, 20, 60, 150)), "fails": 0, "aborts": 0, "model": ""}
    task = Task(at=rng.uniform(0, UNTIL - 0.3), id=f"{prefix}-{number}", actor="chaos", work=work, options={})
    kind = rng.random()
    if kind < 0.35:
        work["model"] = rng.choice(tuple(MODELS))
    elif kind < 0.6:
        task = dataclasses.replace(task, actor="chaos_brief")
        work["ms"] = 0
    kind = rng.random()
    if kind < 0.08:
        work["fails"] = rng.randint(1, 3)
    elif kind < 0.11:
        work["fails"], task = 99, dataclasses.replace(task, options={"max_retries": 1})
    elif kind < 0.14:
        task = dataclasses.replace(task, wrong=True)
    elif kind < 0.20:
        task = dataclasses.replace(task, cancel_at=task.at + rng.uniform(0, 0.6))
    elif kind < 0.23:
        task = dataclasses.replace(task, delete_at=task.at + rng.uniform(0, 0.6))
    elif kind < 0.33:
        task = dataclasses.replace(task, delay=rng.randint(50, 1500))
    elif kind < 0.36 and task.actor == "chaos":
        # A worker dies of it. With a limit of deaths one may go on until that is reached.
        work["aborts"] = 99 if max_deaths and rng.random() < 0.3 else 1
    if not task.cancel_at and not task.delete_at and rng.random() < 0.2:
        task = dataclasses.replace(task, by="python")
    return task


def some_fault(rng: random.Random, redis: str) -> Fault:
    at = rng.uniform(0.1, UNTIL - 0.2)
    kinds = ["kill"] * 4 + ["stop"] * 3 + ["cut", "stall", "slow"] + ["load", "term", "clock"]
    kinds += ["disk"] if redis == "managed" else []
    what = rng.choice(kinds)
    pick = rng.randrange(WORKERS)
    if what == "kill":
        return Fault(at, what, rng.choice(("worker", "worker", "other", "serve", "redis")), rng.uniform(0, 0.4), pick)
    if what == "stop":
        return Fault(at, what, rng.choice(("worker", "other", "serve", "redis")), rng.uniform(0.05, 1.5), pick)
    if what in ("cut", "stall", "slow"):
        return Fault(at, what, rng.choice(("other", "serve") if redis == "external" else ("other",)), rng.uniform(0.05, 1.2))
    if what == "load":
        return Fault(at, rng.choice(("broken", "no memory")), rng.choice(tuple(MODELS)), rng.uniform(0.1, 0.8))
    if what == "term":
        return Fault(at, what, "other")
    if what == "clock":
        return Fault(at, what, rng.choice(("worker", "other")), rng.choice((-86_400.0, -3.0, 1.5)))
    return Fault(at, what, "redis", rng.uniform(0.2, 0.8))


def refusal(rng: random.Random) -> Fault:
    """Redis is there, and does not do what it is asked: rights are taken away, or it is a replica for a while."""
    at, seconds = rng.uniform(0.1, UNTIL - 0.2), rng.uniform(0.05, 1.2)
    if rng.random() < 0.4:
        return Fault(at, "replica", "redis", seconds)
    return Fault(at, "right", rng.choice(("evalsha", "hset", "sadd", "srem", "zadd", "lpush", "publish", "hget", "multi")), seconds)


def make(seed: int) -> Plan:
    rng = random.Random(seed)
    redis = rng.choice(("managed", "managed", "external"))
    fsync = rng.choice(("always", "always", "everysec"))
    max_deaths = rng.choice((0, 3))
    faults = [some_fault(rng, redis) for _ in range(rng.randint(2, 6))]
    if fsync == "everysec":
        # What a killed Redis may forget with it, nobody can tell from a loss; so it is not killed then.
        faults = [fault for fault in faults if (fault.what, fault.whom) != ("kill", "redis")]
    settle = SETTLE
    if seed % LONG_EVERY == 0:
        what, whom = rng.choice((("stop", "other"), ("stop", "worker"), ("cut", "other")))
        faults.append(Fault(rng.uniform(0.5, 2), what, whom, LEASE + 4))
        settle += LEASE
    tasks = [some_task(rng, number, max_deaths, f"s{seed}") for number in range(rng.randint(40, 100))]
    later = random.Random(f"refusals of {seed}")  # of its own: the rest of a seed stays as it was before there were any
    faults += [refusal(later) for _ in range(later.choice((0, 0, 1, 2)))]
    tasks = [dataclasses.replace(task, foreign=task.by == "python" and later.random() < 0.1) for task in tasks]
    return Plan(seed, redis, fsync, rng.randint(1, 4), max_deaths, settle, tuple(sorted(tasks, key=lambda task: task.at)),
                tuple(sorted(faults, key=lambda fault: fault.at)))
