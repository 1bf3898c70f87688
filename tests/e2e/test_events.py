"""GET /v1/events over raw sockets: what is told, to whom, and what becomes of readers that leave, come back or do not read."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from conftest import Server, pointers, problem, wait_until
from events import Reader

MakeServer = Callable[..., Server]
STREAM = "task:\x1fchanges"


def fast(server: Server) -> str:
    """A task that has completed."""
    task_id = server.detect(use_all_methods=False)
    server.result(task_id)
    return task_id


def until_end(reader: Reader, task_id: str) -> list[str]:
    """The statuses that are told of a task, up to the place after its end."""
    found = []
    for event in reader.events("task"):
        if event["task_id"] == task_id:
            found.append(event["status"])
            if event["status"] == "completed":
                assert event["actor"] == "detect_contradiction" and event["queue"] == "medsynth"
                while "id" not in reader.block():  # the last event of a write has its place
                    pass
                return found
    return found


def test_a_task_is_told_to_its_end(server: Server):
    with Reader(server) as reader:
        assert next(reader.events("start")) == {"missed": False}
        task_id = fast(server)
        told = until_end(reader, task_id)
        assert told[0] == "pending" and told[-1] == "completed" and told == sorted(told, key=["pending", "processing", "completed"].index)
        server.request("DELETE", f"/v1/tasks/{task_id}")
        assert next(event for event in reader.events("task") if event["status"] == "deleted")["task_id"] == task_id


def test_what_the_workers_report_is_told_at_first_and_when_it_changes(make_server: MakeServer):
    server = make_server().start()
    with Reader(server) as reader:
        seen: dict[str, dict] = {}
        while not {"usage", "cache", "queue", "gate"} <= seen.keys():
            block = reader.block()
            if "event" in block:
                seen[block["event"]] = json.loads(block["data"])
        assert [host["host"] for host in seen["usage"]["hosts"]] == [seen["gate"]["host"]]
        assert seen["gate"]["reason"] == "" and seen["queue"]["state"] == "active" and seen["cache"]["max_size"] >= 1
        server.post("/v1/queues/medsynth/pause")
        assert next(reader.events("queue"))["state"] == "paused"
        server.request("PUT", "/v1/resources/limits", json={"max_memory_percent": 0.5})
        assert next(event for event in reader.events("gate") if event["reason"])["reason"] == "memory"


def test_filters(server: Server):
    one, other = fast(server), "told-apart"
    with Reader(server, f"?task_id={other}") as by_task, Reader(server, "?status=completed") as by_status, \
         Reader(server, "?queue=medsynth") as by_queue, Reader(server, "?queue=elsewhere") as elsewhere:
        server.request("DELETE", f"/v1/tasks/{one}")
        server.detect(use_all_methods=False, task_id=other)
        server.result(other)
        assert until_end(by_task, other)[0] == "pending"
        assert next(by_status.events("task", "usage", "queue", "cache", "gate")) | {"attempt": 1} == {
            "task_id": other, "status": "completed", "progress": 100, "attempt": 1, "actor": "detect_contradiction", "queue": "medsynth", "reason": None, "due_at": None}
        kinds = set()
        while True:
            block = by_queue.block()
            if "event" in block:
                kinds.add(block["event"])
                data = json.loads(block["data"])
                if data.get("task_id") == other and data["status"] == "completed":
                    break
        assert kinds == {"start", "queue", "task"}
        assert next(elsewhere.events("task", "queue"))["status"] == "deleted"  # nobody knows of which queue it was
    server.request("DELETE", f"/v1/tasks/{other}")
    assert pointers(server.get("/v1/events?status=gone")) == ["/status"]
    assert pointers(server.get("/v1/events?color=red")) == ["/color"]


def test_who_comes_back_misses_nothing(make_server: MakeServer):
    """Also at another server of the same Redis."""
    server = make_server().start()
    assert not server.redis().exists(STREAM)
    fast(server)
    assert not server.redis().exists(STREAM), "nobody reads: no write pays for it"
    with Reader(server) as reader:
        first = fast(server)
        until_end(reader, first)
    second = fast(server)
    another = make_server("--workers", "0", "--redis", "external", redis_port=str(server.redis_port), REDIS_URL=server.redis_url()).start(ready=False)
    wait_until(lambda: another.get(f"/v1/tasks/{second}").status_code == 200, 30, "the other server sees it")
    for each in (server, another):
        with Reader(each, after=reader.last) as again:
            assert next(again.events("start")) == {"missed": False}
            told = next(event for event in again.events("task") if event["task_id"] != first)
            assert (told["task_id"], told["status"]) == (second, "pending")
            third = fast(server)
            assert until_end(again, third)[0] == "pending"
    assert another.stop() == 0


def test_who_comes_back_too_late_is_told(server: Server):
    for place in ("1-0", "99999999999999-0"):
        with Reader(server, after=place) as reader:
            assert next(reader.events("start")) == {"missed": True}
            task_id = fast(server)
            assert until_end(reader, task_id)[-1] == "completed"
    for wrong in ("nonsense", "1", "1-2-3", "-1-0"):
        assert pointers(server.get("/v1/events", headers={"Last-Event-ID": wrong})) == ["/Last-Event-ID"]


def test_silence_has_a_heartbeat_with_a_place(server: Server):
    with Reader(server, "?task_id=nobody") as reader:
        assert reader.block()["event"] == "start"
        reader.block()
        before = reader.last
        fast(server)
        text = reader.until(b"\n\n").decode()
        assert text.startswith(": heartbeat\nid: "), text
        assert text.split("id: ")[1] > before, "it comes back after what it was not told"


def test_who_does_not_read_is_dropped(server: Server):
    store = server.redis()
    line = json.dumps({"task_id": "x" * 150, "status": "processing", "progress": 1, "attempt": 1}, separators=(",", ":"))
    with Reader(server) as reads, Reader(server, buffer=4096) as stalled:
        next(reads.events("start"))
        for _ in range(100):  # 10 MB: more than the sockets and the server hold for it
            store.xadd(STREAM, {"events": "\n".join([line] * 500)})
            store.publish("task:\x1fevents:0", line)
            for _ in range(500):
                next(reads.events("task"))
        assert server.get("/livez").status_code == 200
        assert wait_until(stalled.is_closed, 60, "it is dropped")
        task_id = fast(server)
        assert until_end(reads, task_id)[-1] == "completed"


@pytest.mark.parametrize("filtered", ["", "?queue=medsynth"])
def test_a_server_that_stops_ends_its_readers(make_server: MakeServer, filtered: str):
    server = make_server().start()
    with Reader(server, filtered) as one, Reader(server, filtered) as other:
        next(one.events("start"))
        next(other.events("start"))
        assert server.stop(20) == 0
        assert one.is_closed() and other.is_closed()


def test_where_redis_is_away_readers_are_ended(make_server: MakeServer, tmp_path):
    holder = make_server("--workers", "0").start()
    server = make_server("--workers", "0", "--redis", "external", redis_port=str(holder.redis_port), REDIS_URL=holder.redis_url()).start(ready=False)
    wait_until(lambda: server.get("/v1/tasks/none").status_code == 404, 30, "it is connected")
    with Reader(server) as reader:
        next(reader.events("start"))
        assert holder.stop() == 0
        assert reader.is_closed()
    answer = server.get("/v1/events")
    assert problem(answer, 503)["code"] and answer.headers["Retry-After"]


def test_many_readers(server: Server):
    readers = [Reader(server, "?status=completed") for _ in range(200)]
    task_id = fast(server)
    for each in readers:
        assert next(each.events("task"))["task_id"] == task_id
        each.socket.close()
