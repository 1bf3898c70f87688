"""Work in hand: what Redis refuses, what kills workers, what comes twice. The product's worker with the actors of
tests/interop/actors.cc, which append what they did to the list "effects:peer"."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import time
import uuid
from collections.abc import Iterator

import pytest
import redis

from conftest import BINARY, free_port, wait_until

ACTORS = pathlib.Path(os.environ.get("MEDSYNTH_ACTORS", BINARY.parents[1] / "tests/dramatiq_actors"))
QUEUE = "dramatiq:ours"


class Side:
    """A Redis of its own, and a worker that speaks to it as the user "app"."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.port = free_port()
        self.redis_process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
            stdout=subprocess.DEVNULL)
        self.redis = redis.Redis(port=self.port, decode_responses=True)
        wait_until(self.answers, what="redis")
        self.worker: subprocess.Popen | None = None
        self.log = folder / "worker.log"

    def answers(self) -> bool:
        try:
            return self.redis.ping()
        except redis.ConnectionError:
            return False

    def grant(self, *rights: str) -> None:
        self.redis.execute_command("ACL", "SETUSER", "app", *rights)

    def start(self, **environment: object) -> None:
        self.redis.flushall()
        self.grant("reset", "on", ">pw", "+@all", "~*", "&*")
        settings = {**os.environ, "REDIS_URL": f"redis://app:pw@127.0.0.1:{self.port}/0", "MEDSYNTH_QUEUES": "ours",
                    "MEDSYNTH_DATA_DIR": self.folder / "data", "MEDSYNTH_RUNTIME_DIR": self.folder / "run", "MEDSYNTH_LOG_FORMAT": "json",
                    "MAX_CPU_PERCENT": 100, "MAX_MEMORY_PERCENT": 100, "MAX_CONCURRENT_TASKS": 4, "MEDSYNTH_GRACE": 1, **environment}
        self.worker = subprocess.Popen([ACTORS], stdin=subprocess.DEVNULL, stdout=self.log.open("w"), stderr=subprocess.STDOUT,
                                       env={name: str(value) for name, value in settings.items()})
        wait_until(lambda: self.redis.hlen("dramatiq:__medsynth__.workers"), what="worker")

    def stop(self) -> None:
        if self.worker:
            self.worker.terminate()
            assert self.worker.wait(20) == 0
            self.worker = None

    def send(self, actor: str, *args: object, message_id: str = "", task_id: str = "", **options: object) -> str:
        """As a Python producer; the id under which Redis knows it."""
        return self.send_many([(actor, list(args))], message_id, task_id, **options)[0]

    def send_many(self, messages: list[tuple[str, list]], message_id: str = "", task_id: str = "", **options: object) -> list[str]:
        ids = []
        pipe = self.redis.pipeline()
        for actor, args in messages:
            ids.append(str(uuid.uuid4()))
            message = {"queue_name": "ours", "actor_name": actor, "args": args, "kwargs": {"task_id": task_id} if task_id else {},
                       "options": {"redis_message_id": ids[-1], **options}, "message_id": message_id or ids[-1],
                       "message_timestamp": int(time.time() * 1000)}
            pipe.hset(f"{QUEUE}.msgs", ids[-1], json.dumps(message, separators=(",", ":")))
            pipe.rpush(QUEUE, ids[-1])
        pipe.execute()
        return ids

    def record(self, task_id: str) -> dict:
        return {name: json.loads(value) for name, value in self.redis.hgetall(f"task:{task_id}").items()}

    def status(self, task_id: str) -> str:
        return json.loads(self.redis.hget(f"task:{task_id}", "status") or '""')

    def acks(self) -> str:
        return f"dramatiq:__acks__.{self.worker_id()}.ours"

    def worker_id(self) -> str:
        return self.redis.hkeys("dramatiq:__medsynth__.workers")[0]

    def effects(self) -> list[str]:
        return self.redis.lrange("effects:peer", 0, -1)

    def settled(self) -> bool:
        return not self.redis.exists(f"{QUEUE}.msgs")

    def reason(self, message: str) -> str | None:
        return self.redis.hget("dramatiq:__medsynth__.reasons.ours", message)

    def said(self, words: str) -> int:
        return sum(words in line for line in self.log.read_text().splitlines())

    def gauge(self, name: str) -> float:
        snapshot = json.loads(self.redis.get(f"medsynth:0:dramatiq:task::worker:{self.worker_id()}"))
        return sum(each["value"] for each in snapshot["metrics"] if each["name"] == name)


@pytest.fixture(scope="module")
def redis_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    assert ACTORS.exists(), f"{ACTORS} is missing: run scripts/build"
    side = Side(tmp_path_factory.mktemp("settle"))
    yield side
    side.redis_process.terminate()
    side.redis_process.wait(10)


@pytest.fixture
def side(redis_side: Side) -> Iterator[Side]:
    redis_side.start()
    yield redis_side
    redis_side.redis.set("go", 1)
    redis_side.grant("+@all", "~*", "&*")
    redis_side.stop()


def test_r2_without_a_channel_work_is_done(side: Side) -> None:
    side.grant("resetchannels")
    message = side.send("echo_peer", 1)
    wait_until(lambda: side.status(message) == "completed" and side.settled())


def test_r2_a_right_that_is_missing_at_the_start(side: Side) -> None:
    side.grant("-hdel")
    message = side.send("echo_peer", 1)
    wait_until(lambda: side.said("tasks cannot be started"), what="line in the log")
    side.grant("+hdel")
    wait_until(lambda: side.status(message) == "completed" and side.settled())
    assert side.effects() == ["[1]"]


def test_r2_a_right_that_is_missing_at_the_end(side: Side) -> None:
    message = side.send("stubborn_peer", 1)
    wait_until(lambda: side.redis.llen("started"))
    side.grant("-hset")
    side.redis.set("go", 1)
    wait_until(lambda: side.said("cannot be written into their records"))
    side.grant("+hset")
    wait_until(lambda: side.status(message) == "completed" and side.settled())
    assert side.record(message)["result"] == [1]
    assert side.effects() == ["[1]"]
    assert side.said("cannot be written into their records\"") <= 2  # the cause, and that it works again


def test_r2_an_index_of_another_kind(side: Side) -> None:
    side.redis.set("task:\x1fstatus:processing", "x")
    message = side.send("echo_peer", 1)
    wait_until(lambda: side.said("KEYTYPE"))
    side.redis.delete("task:\x1fstatus:processing")
    wait_until(lambda: side.status(message) == "completed" and side.settled())


def test_r2_brief_tasks_whose_ends_are_refused(side: Side) -> None:
    side.send("varied_peer", "go")
    wait_until(lambda: side.redis.llen("started"))
    side.grant("-zrem")
    side.redis.set("go", 1)
    wait_until(lambda: side.effects())
    message = side.send("brief_peer", 2)
    wait_until(lambda: side.said("ZREM"))
    side.grant("+zrem")
    wait_until(lambda: side.status(message) == "completed" and side.settled())


def test_r2_what_can_never_be_written_is_a_dead_letter(side: Side) -> None:
    side.redis.rpush("task:own", "x")
    own = side.send("echo_peer", 1, task_id="own")
    wait_until(lambda: side.reason(own))
    side.redis.hset("dramatiq:next", "not", "a list")
    target = {"queue_name": "next", "actor_name": "echo_peer", "args": [], "kwargs": {}, "options": {}, "message_id": "next",
              "message_timestamp": 1}
    piped = side.send("echo_peer", 2, pipe_target=target)
    wait_until(lambda: side.reason(piped))
    assert "dramatiq:next" in side.reason(piped)
    assert side.status(piped) == "completed"


def test_r4_deaths_outlive_a_busy_worker(redis_side: Side) -> None:
    side = redis_side
    side.start(MAX_CONCURRENT_TASKS=1)
    side.send("stubborn_peer", 1)
    wait_until(lambda: side.redis.llen("started"))
    killer = str(uuid.uuid4())
    side.redis.hset("dramatiq:__medsynth__.deaths.ours", killer, 2)
    message = {"queue_name": "ours", "actor_name": "echo_peer", "args": [2], "kwargs": {}, "options": {"redis_message_id": killer},
               "message_id": killer, "message_timestamp": int(time.time() * 1000)}
    side.redis.hset(f"{QUEUE}.msgs", killer, json.dumps(message, separators=(",", ":")))
    side.redis.rpush(QUEUE, killer)
    wait_until(lambda: side.redis.sismember(side.acks(), killer))
    side.redis.sadd("dramatiq:__medsynth__.paused", "ours")  # or it would be fetched again at once
    wait_until(lambda: side.redis.lpos(QUEUE, killer) is not None, what="given back, since nothing is free")
    assert side.redis.hget("dramatiq:__medsynth__.deaths.ours", killer) == "2"
    side.redis.srem("dramatiq:__medsynth__.paused", "ours")
    side.redis.set("go", 1)
    wait_until(side.settled)
    assert not side.redis.exists("dramatiq:__medsynth__.deaths.ours")
    side.stop()


def test_r4_an_orderly_end_is_no_death(redis_side: Side) -> None:
    side = redis_side
    side.start()
    message = side.send("stubborn_peer", 1)
    wait_until(lambda: side.redis.llen("started"))
    side.stop()
    assert side.redis.lrange(QUEUE, 0, -1) == [message]
    assert not side.redis.exists("dramatiq:__medsynth__.deaths.ours")
    assert not side.redis.keys("dramatiq:__medsynth__.running.*")


def test_r5_a_message_that_comes_again_while_it_runs(side: Side) -> None:
    message = side.send("stubborn_peer", 1)
    wait_until(lambda: side.redis.llen("started"))
    side.redis.pipeline().srem(side.acks(), message).rpush(QUEUE, message).execute()  # as others do who think that it is dead
    wait_until(lambda: side.redis.sismember(side.acks(), message))
    side.redis.set("go", 1)
    wait_until(side.settled)
    after = side.send("echo_peer", 2)
    wait_until(lambda: side.status(after) == "completed" and side.settled())
    assert side.effects() == ["[1]", "[2]"]
    assert side.worker.poll() is None


def test_r6_an_actor_that_throws_has_its_own_policy(side: Side) -> None:
    side.send("throw_peer", 1)
    wait_until(lambda: side.redis.zcard(f"{QUEUE}.XQ"), what="dead letter after one retry")
    assert side.redis.llen("started") == 2
    wait_until(lambda: side.gauge("dramatiq_messages_total") + side.gauge("dramatiq_message_errors_total") > 0)
    wait_until(lambda: side.gauge("dramatiq_messages_inprogress") == 0)


@pytest.mark.parametrize("actor", ["throw_peer", "brief_throw_peer"])
def test_r6_retries_of_a_message_are_counted_by_its_actors_policy(side: Side, actor: str) -> None:
    side.send(actor, 1, retries=1)
    wait_until(lambda: side.redis.zcard(f"{QUEUE}.XQ"), what="dead letter, as the one retry is used up")
    assert side.redis.llen("started") == 1
    side.send(actor, 1)
    wait_until(lambda: side.redis.zcard(f"{QUEUE}.XQ") == 2, what="dead letter after one retry")
    assert side.redis.llen("started") == 3


def test_r6_a_failure_that_is_settled_later_has_its_actors_policy(side: Side) -> None:
    """Its worker died between record and settling: what follows is what would have followed."""
    failed = {"task_id": "t", "message_id": "m", "status": "failed", "attempt": 2, "error": "thrown", "created_at": "2026-11-27T10:00:00.000000Z"}
    side.redis.hset("task:t", mapping={name: json.dumps(value) for name, value in failed.items()})
    message = side.send("throw_peer", 1, message_id="m", task_id="t", retries=1, on_retry_exhausted="echo_peer")
    wait_until(lambda: side.effects() and side.settled())
    assert side.reason(message) == "thrown" and side.redis.llen("started") == 0
    [[_, told]] = [json.loads(effect) for effect in side.effects()]
    assert told["max_retries"] == 1


def test_r7_what_was_fetched_to_start_and_has_to_wait_has_not_started(redis_side: Side) -> None:
    """Brief messages of one queue are noted as started when they are fetched; a suspect of another queue runs alone meanwhile."""
    side = redis_side
    side.start(MEDSYNTH_QUEUES="ours,other")
    killer = str(uuid.uuid4())
    message = {"queue_name": "other", "actor_name": "stubborn_peer", "args": [1], "kwargs": {}, "options": {"redis_message_id": killer},
               "message_id": killer, "message_timestamp": int(time.time() * 1000)}
    side.redis.hset("dramatiq:__medsynth__.deaths.other", killer, 1)
    side.redis.hset("dramatiq:other.msgs", killer, json.dumps(message, separators=(",", ":")))
    side.redis.rpush("dramatiq:other", killer)
    wait_until(lambda: side.redis.llen("started"))
    for i in range(6):
        brief = side.send("brief_peer", i)
        side.redis.publish("dramatiq:__medsynth__.bell.0.ours", "ours")
        wait_until(lambda: side.redis.sismember(side.acks(), brief))
    running = f"dramatiq:__medsynth__.running.{side.worker_id()}"
    wait_until(lambda: not side.redis.exists(f"{running}.ours"), 5, "nothing but the suspect has started")
    assert side.redis.smembers(f"{running}.other") == {killer} and side.effects() == []
    side.redis.set("go", 1)
    wait_until(lambda: side.settled() and len(side.effects()) == 7)
    side.stop()


def test_r7_what_killed_a_worker_runs_alone(side: Side) -> None:
    other = side.send("brief_peer", 0)
    wait_until(lambda: side.status(other) == "completed")
    killer = str(uuid.uuid4())
    side.redis.hset("dramatiq:__medsynth__.deaths.ours", killer, 1)
    side.redis.hset(f"{QUEUE}.msgs", killer, json.dumps(
        {"queue_name": "ours", "actor_name": "stubborn_peer", "args": [1], "kwargs": {}, "options": {"redis_message_id": killer},
         "message_id": killer, "message_timestamp": int(time.time() * 1000)}, separators=(",", ":")))
    side.redis.rpush(QUEUE, killer)
    wait_until(lambda: side.redis.llen("started"))
    light, heavy = side.send("brief_peer", 2), side.send("echo_peer", 3)
    wait_until(lambda: side.redis.sismember(side.acks(), light) and side.redis.sismember(side.acks(), heavy))
    running = f"dramatiq:__medsynth__.running.{side.worker_id()}.ours"
    end = time.monotonic() + 0.3
    while time.monotonic() < end:  # it would be a matter of milliseconds
        assert side.effects() == ["[0]"]
    assert side.redis.smembers(running) == {killer}, "what waits for it has not started"
    side.redis.set("go", 1)
    wait_until(side.settled)
    assert side.effects()[1] == "[1]"
    assert sorted(side.effects()) == ["[0]", "[1]", "[2]", "[3]"]


def test_r7_of_two_suspects_one_waits_unstarted(side: Side) -> None:
    for i in range(8):  # by then it is known to be brief, and both are fetched together
        side.send("varied_peer", 0)
        wait_until(lambda: len(side.effects()) == i + 1)
    side.redis.sadd("dramatiq:__medsynth__.paused", "ours")
    both = set(side.send_many([("varied_peer", ["go"]), ("varied_peer", ["go"])]))
    side.redis.hset("dramatiq:__medsynth__.deaths.ours", mapping=dict.fromkeys(both, 1))
    side.redis.srem("dramatiq:__medsynth__.paused", "ours")
    wait_until(lambda: side.redis.llen("started"))
    running = f"dramatiq:__medsynth__.running.{side.worker_id()}.ours"
    [one] = side.redis.smembers(running)  # two would be taken for killers together
    [other] = both - {one}
    # Fetched with the first it waits in the worker's hands, else on the queue.
    wait_until(lambda: side.redis.sismember(side.acks(), other) or other in side.redis.lrange("dramatiq:ours", 0, -1))
    assert side.redis.smembers(running) == {one}
    side.redis.set("go", 1)
    wait_until(side.settled)


def test_r8_another_message_with_the_id_of_an_ended_task_runs(side: Side) -> None:
    side.send("echo_peer", 1, task_id="t")
    wait_until(lambda: side.status("t") == "completed" and side.settled())
    second = side.send("echo_peer", 2, task_id="t")
    wait_until(lambda: side.record("t").get("message_id") == second and side.status("t") == "completed" and side.settled())
    assert side.record("t")["result"] == [2]
    side.send("stubborn_peer", 3, task_id="t")
    wait_until(lambda: side.redis.llen("started"))
    fourth = side.send("echo_peer", 4, task_id="t")
    wait_until(lambda: side.reason(fourth))
    assert "belongs to message" in side.reason(fourth)
    side.redis.set("go", 1)
    wait_until(side.settled)
    assert side.effects() == ["[1]", "[2]", "[3]"]


def test_r8_the_same_message_after_a_crash_is_settled_unrun(side: Side) -> None:
    first = side.send("echo_peer", 1, task_id="t", message_id="m")
    wait_until(lambda: side.status("t") == "completed" and side.settled())
    assert first != side.send("echo_peer", 1, task_id="t", message_id="m")
    wait_until(side.settled)
    assert side.effects() == ["[1]"]


def letters(side: Side) -> dict[str, dict]:
    """The dead letters that are envelopes, by what is in them."""
    found = [json.loads(payload) for payload in side.redis.hvals(f"{QUEUE}.XQ.msgs")]
    return {letter["options"]["undecodable"]: letter for letter in found if letter["actor_name"] == "undecodable"}


def test_r8_a_next_step_that_cannot_be_decoded_is_a_dead_letter(side: Side) -> None:
    message = side.send("echo_peer", 1, pipe_target={"queue_name": "ours", "actor_name": "echo_peer"})
    wait_until(lambda: side.status(message) == "completed" and side.settled())
    [(payload, letter)] = letters(side).items()
    assert json.loads(payload) == {"queue_name": "ours", "actor_name": "echo_peer"}
    assert side.reason(letter["options"]["redis_message_id"]).startswith("undecodable: ")
    assert side.redis.zrange(f"{QUEUE}.XQ", 0, -1) == [letter["options"]["redis_message_id"]]
    assert abs(side.redis.zscore(f"{QUEUE}.XQ", letter["options"]["redis_message_id"]) / 1000 - time.time()) < 60


def test_r8_callbacks_of_a_group_that_cannot_be_decoded_are_dead_letters(side: Side) -> None:
    good = {"queue_name": "ours", "actor_name": "echo_peer", "args": [2], "kwargs": {}, "options": {}, "message_id": "good", "message_timestamp": 1}
    for i, callbacks in enumerate(([good, {"bad": 1}, 7], "no list")):
        group = str(uuid.uuid4())
        side.redis.set(group, 2)
        side.send("echo_peer", 1, group_completion_uuid=group, group_completion_callbacks=callbacks)
        wait_until(lambda: side.settled() and len(side.effects()) == 1 + 3 * i)
        assert len(letters(side)) == 2 * i, "the group is not complete"
        side.send("echo_peer", 1, group_completion_uuid=group, group_completion_callbacks=callbacks)
        wait_until(lambda: side.settled() and len(side.effects()) == (3, 5)[i])
    assert {json.dumps(json.loads(payload)) for payload in letters(side)} == {'{"bad": 1}', "7", '"no list"'}
    assert all(side.reason(letter["options"]["redis_message_id"]).startswith("undecodable: ") for letter in letters(side).values())


def test_r16_a_brief_task_is_recorded_while_the_next_one_runs(side: Side) -> None:
    for i in range(8):  # by then it is known to be brief
        side.send("varied_peer", 0)
        wait_until(lambda: len(side.effects()) == i + 1)
    side.redis.sadd("dramatiq:__medsynth__.paused", "ours")
    first, second = side.send_many([("varied_peer", [10]), ("varied_peer", ["go"])])
    side.redis.srem("dramatiq:__medsynth__.paused", "ours")
    wait_until(lambda: side.redis.llen("started"))
    wait_until(lambda: side.status(first) == "completed", 5, "record of the first while the second runs")
    side.redis.set("go", 1)
    wait_until(lambda: side.status(second) == "completed" and side.settled())


def test_c6_a_misspelt_actor_is_named(side: Side) -> None:
    message = side.send("eco_peer", 1)
    wait_until(lambda: side.reason(message))
    assert "did you mean 'echo_peer'?" in side.reason(message)


def test_r13_r14_limits_of_bulk_actions_and_unreadable_records(make_server) -> None:
    server = make_server("--workers", "0").start(ready=False)
    store = server.redis()
    wait_until(lambda: server.get("/livez").ok and store.ping())
    for i in range(5):
        store.hset("dramatiq:other.DQ.msgs", f"id{i}", "held by a worker until it is due")
    assert server.request("DELETE", "/v1/queues/other/messages?limit=2").json()["data"] == {"purged_count": 2, "remaining": 3}
    for i in range(3):
        store.hset("dramatiq:other.XQ.msgs", f"bad{i}", "undecodable")
        store.zadd("dramatiq:other.XQ", {f"bad{i}": 1})
    good = {"queue_name": "other", "actor_name": "a", "args": [], "kwargs": {}, "options": {}, "message_id": "m", "message_timestamp": 1}
    store.hset("dramatiq:other.XQ.msgs", "good", json.dumps(good, separators=(",", ":")))
    store.zadd("dramatiq:other.XQ", {"good": 2})
    replayed = server.post("/v1/dead/replay?queue=other&limit=1").json()["data"]
    assert (replayed["replayed_count"], replayed["remaining"]) == (1, 3)

    ids = [server.detect(task_id=f"t{i}") for i in range(3)]
    store.set(f"task:{ids[1]}", "unreadable")
    assert server.request("DELETE", "/v1/tasks/?status=pending").json()["data"]["deleted_count"] == 3
    assert not store.exists(*[f"task:{each}" for each in ids])


def test_r3_what_was_done_is_not_said_to_fail(make_server, redis_side: Side) -> None:
    side = redis_side
    side.redis.flushall()
    side.grant("reset", "on", ">pw", "+@all", "~*", "resetchannels")
    server = make_server("--workers", "0", REDIS_URL=f"redis://app:pw@127.0.0.1:{side.port}/0").start(ready=False)
    # 503 until the server has reached Redis
    wait_until(lambda: server.request("PUT", "/v1/resources/limits", json={"max_concurrent_tasks": 3}).status_code == 200)
    task = server.detect()
    side.redis.set("dramatiq:medsynth.DQ", "not a list")
    delayed = {"actor": "detect_contradiction", "kwargs": {"task_id": "late"}, "delay": 60000}
    assert server.post("/v1/queues/medsynth/messages", json=delayed).status_code >= 500
    assert not side.redis.exists("task:late") and not side.redis.exists("dramatiq:medsynth.DQ.msgs")
    side.redis.delete("dramatiq:medsynth.DQ")
    assert server.post("/v1/queues/medsynth/messages", json=delayed).status_code == 202
    assert server.request("DELETE", f"/v1/tasks/{task}").status_code == 200
