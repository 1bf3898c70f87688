"""Carries out the plan of one seed with real processes, and gives its history."""

from __future__ import annotations

import json
import pathlib
import signal
import threading
import time
import uuid

import checker
import dramatiq
import plan as plans
import redis
import requests
from dramatiq.brokers.redis import RedisBroker
from world import QUEUE, World

RETRY = 0.03  # seconds between tries of a call whose answer did not come
GIVE_UP = 60.0  # seconds for which one call is tried


class Patient:
    """HTTP calls that are repeated until there is an answer that says something."""

    def __init__(self, world: World):
        self.world, self.session = world, requests.Session()

    def __call__(self, method: str, path: str, **options) -> requests.Response:
        end = time.monotonic() + GIVE_UP
        while True:
            try:
                answer = self.session.request(method, self.world.url + path, timeout=3, **options)
                if answer.status_code < 500:
                    return answer
                said = answer.text
            except requests.RequestException as error:
                said = str(error)
            if time.monotonic() > end:
                raise RuntimeError(f"{method} {path} did not succeed within {GIVE_UP:.0f} s: {said}")
            time.sleep(RETRY)


class Seed:
    def __init__(self, plan: plans.Plan, folder: pathlib.Path):
        self.plan, self.world = plan, World(folder, plan)
        self.asked = {task.id: {"cancelled": "", "deleted": ""} for task in plan.tasks}
        self.sent = {task.id: threading.Event() for task in plan.tasks}
        self.seen: list[tuple[int, str, dict]] = []
        self.resting = threading.Event()
        self.failures: list[str] = []

    # --- the schedule

    def at(self, moment: float) -> None:
        time.sleep(max(0.0, self.begun + moment - time.monotonic()))

    def guarded(self, work) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001: a thread's failure is the seed's
                self.failures.append(f"{work.__name__}: {error!r}")
        thread = threading.Thread(target=run, name=work.__name__, daemon=True)
        thread.start()
        return thread

    def submit(self) -> None:
        call = Patient(self.world)
        for task in self.plan.tasks:
            if task.by != "api":
                continue
            self.at(task.at)
            kwargs = {"wrong": 1} if task.wrong else task.work
            body = {"actor": task.actor, "kwargs": kwargs, "options": {"task_id": task.id, **task.options}, "delay": task.delay}
            answer = call("POST", f"/v1/queues/{QUEUE}/messages", json=body)
            # 409: a try before it, whose answer was lost, has done it.
            if answer.status_code not in (202, 409):
                raise RuntimeError(f"{task.id} was refused: {answer.text}")
            self.sent[task.id].set()

    def submit_as_python(self) -> None:
        broker = RedisBroker(url=self.world.redis_url)
        broker.declare_queue(QUEUE)
        for task in self.plan.tasks:
            if task.by != "python":
                continue
            self.at(task.at)
            kwargs = {"wrong": 1} if task.wrong else task.work
            message = dramatiq.Message(queue_name=QUEUE, actor_name=task.actor, args=(), kwargs=kwargs,
                                       options={"task_id": task.id, **task.options}, message_id=str(uuid.uuid4()))
            while True:
                try:
                    broker.enqueue(message, delay=task.delay or None)
                    break
                except Exception:  # noqa: BLE001: Dramatiq has a name for it in each version; Redis is away
                    time.sleep(RETRY)

    def ask(self) -> None:
        """Cancels and deletes."""
        call = Patient(self.world)
        wishes = [(task.cancel_at, "cancelled", task) for task in self.plan.tasks if task.cancel_at]
        wishes += [(task.delete_at, "deleted", task) for task in self.plan.tasks if task.delete_at]
        for moment, what, task in sorted(wishes, key=lambda wish: wish[0]):
            self.at(moment)
            # One that is deleted while it is still being sent would come back with the next try.
            self.sent[task.id].wait(GIVE_UP)
            self.asked[task.id][what] = "asked"
            path = f"/v1/tasks/{task.id}"
            answer = call("POST", path + "/cancel") if what == "cancelled" else call("DELETE", path)
            if answer.status_code < 300:
                self.asked[task.id][what] = "done"

    def hurt(self) -> None:
        world, later = self.world, []
        for fault in self.plan.faults:
            self.at(fault.at)
            what, whom, number = fault.what, fault.whom, fault.number
            if what == "kill":
                world.kill(whom, fault.pick)
                if whom != "worker":
                    later.append(self.after(number, world.revive))
            elif what == "stop":
                pids = world.send_signal(whom, fault.pick, signal.SIGSTOP)
                later.append(self.after(number, lambda pids=pids: world.go_on(pids)))
            elif what == "term":
                world.send_signal(whom, fault.pick, signal.SIGTERM)
                later.append(self.after(2.0, world.revive))
            elif what in ("cut", "stall", "slow"):
                to = world.proxies[whom]
                if what == "slow":
                    to.delay = 0.05
                else:
                    to.cut() if what == "cut" else to.stall()
                later.append(self.after(number, to.mend))
            elif what in ("broken", "no memory"):
                world.set_model(whom, what)
                later.append(self.after(number, lambda whom=whom: world.set_model(whom, "ok")))
            elif what == "clock":
                world.clocks[whom].set(number)
            elif what == "right":
                world.take_right(whom)
                later.append(self.after(number, lambda whom=whom: world.give_right(whom)))
            elif what == "replica":
                world.make_replica()
                later.append(self.after(number, world.make_master))
            elif what == "disk":
                world.fill_disk()
                later.append(self.after(number, world.free_disk))
        for timer in later:
            timer.join()
        for clock in world.clocks.values():
            clock.set(0)

    def after(self, seconds: float, work) -> threading.Timer:
        timer = threading.Timer(seconds, work)
        timer.start()
        return timer

    def observe(self) -> None:
        session, last = requests.Session(), {}
        while not self.resting.wait(0.1):
            try:
                answer = session.get(self.world.url + "/v1/tasks/?limit=1000", timeout=3)
                if answer.status_code != 200:
                    continue
                now = time.monotonic_ns()
            except requests.RequestException:
                continue
            for record in answer.json()["tasks"]:
                if last.get(record["task_id"]) != record:
                    last[record["task_id"]] = record
                    self.seen.append((now, record["task_id"], record))

    # --- the whole

    def carry_out(self) -> checker.History:
        try:
            self.world.start()
            self.wait_ready()
            for task in self.plan.tasks:
                if task.foreign:
                    self.world.occupy(task.id)
            self.begun = time.monotonic()
            observer = self.guarded(self.observe)
            for thread in [self.guarded(work) for work in (self.submit, self.submit_as_python, self.ask, self.hurt)]:
                thread.join(plans.UNTIL + plans.LEASE + GIVE_UP)
            self.wait_rest()
            self.resting.set()
            observer.join()
            history = self.history()
            self.failures += self.world.stop()
            return history
        finally:
            self.resting.set()
            self.world.end()

    def wait_ready(self) -> None:
        call = Patient(self.world)
        call("GET", "/readyz")

    def wait_rest(self) -> None:
        """Until every task has ended and no message is left, at most as long as that may take."""
        end = time.monotonic() + self.plan.settle
        while time.monotonic() < end:
            self.world.revive()
            try:
                if not any(self.world.leftovers().values()) and all(
                        record is None or record["status"] in checker.TERMINAL for record in self.records().values()):
                    return
            except (redis.RedisError, OSError):
                pass
            time.sleep(0.05)

    def records(self) -> dict[str, dict | None]:
        call, found = Patient(self.world), {}
        for record in call("GET", "/v1/tasks/?limit=1000").json()["tasks"]:
            found[record["task_id"]] = record
        return {task.id: found.get(task.id) for task in self.plan.tasks}

    def history(self) -> checker.History:
        events = [json.loads(line) for file in self.world.folder.glob("history/*") for line in file.read_text().splitlines()]
        tasks = {task.id: {"actor": task.actor, "work": task.work, "wrong": task.wrong, "foreign": task.foreign, "by": task.by,
                           "max_retries": task.options.get("max_retries", 20), **self.asked[task.id]} for task in self.plan.tasks}
        lost = any(fault.what in ("stop", "cut", "stall") and fault.number >= plans.LEASE for fault in self.plan.faults)
        hurt = frozenset(fault.whom for fault in self.plan.faults if fault.what in ("broken", "no memory"))
        return checker.History(
            tasks=tasks, slots=self.plan.slots, parallel=plans.MODELS, max_deaths=self.plan.max_deaths, events=events, deaths=self.world.deaths,
            seen=self.seen, finals=self.records(), leftovers=self.world.leftovers(), dead_letters=self.world.dead_letters(), lost_leases=lost,
            hurt_models=hurt, overwritten=tuple(task.id for task in self.plan.tasks if task.foreign and not self.world.is_occupied(task.id)))


def violations(plan: plans.Plan, folder: pathlib.Path) -> list[str]:
    seed = Seed(plan, folder)
    history = seed.carry_out()
    return [*seed.failures, *seed.world.complaints(), *checker.violations(history)]
