"""Why a task waits: the same reason wherever one looks. And waiting for a task without asking again and again."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest
import requests
from browser import browser  # noqa: F401  the fixture
from conftest import ASPIRIN, BINARY, COMPILER, NO_ASPIRIN, Redis, Server, pointers, wait_until
from events import Reader
from playwright.sync_api import Browser, expect

MakeServer = Callable[..., Server]
FAKE_DRIVER = pathlib.Path(__file__).resolve().parents[1] / "trials" / "fake_nvml.c"
LONG = ["A sentence about blood pressure and the heart. " * 20] * 3_000  # texts to embed: minutes


def embed(server: Server, texts: list[str]) -> str:
    answer = server.post("/v1/async-ml/embeddings/generate", json={"texts": texts})
    assert answer.status_code == 202, answer.text
    return answer.json()["data"]["task_id"]


def send(server: Server, actor: str, arguments: dict, **more) -> str:
    answer = server.post("/v1/queues/medsynth/messages", json={"actor": actor, "kwargs": arguments, **more})
    assert answer.status_code == 202, answer.text
    return answer.json()["data"]["task_id"]


def running(server: Server) -> str:
    """A task that runs, and will for minutes."""
    task_id = embed(server, LONG)
    wait_until(lambda: server.task(task_id)["status"] == "processing", 60, "it runs")
    return task_id


# Each gives a server and a task of it that waits for that reason.


def slot(make_server: MakeServer, _: pathlib.Path) -> Iterator[tuple[Server, str]]:
    server = make_server(MAX_CONCURRENT_TASKS="1").start()
    holder = running(server)
    task_id = server.detect()
    waiting = wait_until(lambda: (now := server.task(task_id)["waiting"]) and now["holder"] and now, 30, "a holder")
    assert waiting["holder"] == holder and waiting["place"] == 1
    assert (waiting["have"], waiting["need"]) == (0, 1)
    yield server, task_id


def model_lock(make_server: MakeServer, _: pathlib.Path) -> Iterator[tuple[Server, str]]:
    server = make_server(MAX_CONCURRENT_TASKS="3").start()
    holder = running(server)
    task_id = embed(server, ["Aspirin."])
    waiting = wait_until(lambda: (now := server.task(task_id)["waiting"]) and now["holder"] and now, 30, "a holder")
    assert waiting["holder"] == holder
    yield server, task_id


def cpu(make_server: MakeServer, _: pathlib.Path) -> Iterator[tuple[Server, str]]:
    with subprocess.Popen(["sh", "-c", "while :; do :; done"]) as burner:
        try:
            server = make_server(MAX_CPU_PERCENT="1").start()
            yield server, server.detect()
        finally:
            burner.kill()


def memory(make_server: MakeServer, _: pathlib.Path) -> Iterator[tuple[Server, str]]:
    server = make_server().start()
    used = server.get("/v1/resources/usage").json()["memory_percent"]
    server.request("PUT", "/v1/resources/limits", json={"max_memory_percent": max(used / 2, 0.5)})
    wait_until(lambda: server.get("/v1/resources/usage").json()["hosts"][0]["reason"] == "memory", 30, "a closed gate")
    yield server, send(server, "analyze_contradictions_in_articles", {"articles": [{"abstract": ASPIRIN}]})


def gpu(make_server: MakeServer, folder: pathlib.Path) -> Iterator[tuple[Server, str]]:
    state = folder / "state"
    state.write_text("busy")
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", folder / "libnvidia-ml.so.1", FAKE_DRIVER], check=True)
    server = make_server(LD_LIBRARY_PATH=str(folder), FAKE_NVML_STATE=str(state)).start()
    yield server, server.detect()


def paused(make_server: MakeServer, _: pathlib.Path) -> Iterator[tuple[Server, str]]:
    server = make_server().start()
    assert server.post("/v1/queues/medsynth/pause").status_code == 200
    yield server, server.detect()


def no_worker(make_server: MakeServer, _: pathlib.Path) -> Iterator[tuple[Server, str]]:
    server = make_server("--workers", "0").start()
    yield server, server.detect()


def delayed(make_server: MakeServer, _: pathlib.Path) -> Iterator[tuple[Server, str]]:
    server = make_server().start()
    task_id = send(server, "detect_contradiction", {"claim1": ASPIRIN, "claim2": NO_ASPIRIN}, delay=600_000)
    estimate = server.task(task_id)["waiting"]["estimate"]
    assert 500 < estimate["low"] < estimate["high"] < 700
    yield server, task_id


def retry(make_server: MakeServer, _: pathlib.Path) -> Iterator[tuple[Server, str]]:
    server = make_server().start()
    options = {"time_limit": 1, "min_backoff": 600_000, "max_backoff": 600_000}
    task_id = send(server, "generate_embeddings", {"texts": LONG[:500]}, options=options)
    wait_until(lambda: server.task(task_id)["status"] == "retrying", 60, "it failed")
    yield server, task_id


def redis(make_server: MakeServer, folder: pathlib.Path) -> Iterator[tuple[Server, str]]:
    """A worker whose user may do everything but look at records."""
    store = Redis(folder / "redis")
    store.client.execute_command("ACL", "SETUSER", "half", "on", ">word", "+@all", "&*", "~dramatiq:*", "~medsynth:*", "~__*")
    server = make_server("--workers", "0", redis_port=store.port).start()
    environment = {**server.environment, "REDIS_URL": f"redis://half:word@127.0.0.1:{store.port}/0"}
    with (folder / "worker.log").open("w") as log, \
         subprocess.Popen([str(BINARY), "worker"], env=environment, stdin=subprocess.DEVNULL, stderr=log) as worker:
        try:
            yield server, server.detect()
        finally:
            worker.kill()
            store.end()


# What an event tells of it: the gate that is closed, the state of the queue, or a task in a worker's hands. One that is delayed or tried
# again is told of once, when it changes.
TOLD = {"cpu": ("gate", "reason", "cpu"), "memory": ("gate", "reason", "memory"), "gpu": ("gate", "reason", "gpu"), "paused": ("queue", "state", "paused"),
        "no_worker": ("queue", "workers", 0), "slot": ("usage", "hosts", "slots"),
        "model_lock": ("usage", "hosts", "model_lock"), "redis": ("usage", "hosts", "redis")}
ON_THE_PAGE = {"slot": "a free slot", "model_lock": "its model", "cpu": "CPU", "memory": "memory", "gpu": "the GPU", "paused": "its queue (paused)", "no_worker": "a worker",
               "delayed": "its time", "retry": "its next attempt", "redis": "Redis"}


def tells(event: dict, name: str, value: object) -> bool:
    """Of `usage`, some task in a worker's hands waits for that."""
    if name == "hosts":
        return any(task["state"] == "waiting" and task["reason"] == value for host in event["hosts"] for task in host["tasks"])
    return event[name] == value


LOGGED = {"cpu": ("gate closed", "gate", "cpu"), "memory": ("gate closed", "gate", "memory"), "gpu": ("gate closed", "gate", "gpu"),
          "paused": ("queue paused", "queue", "medsynth")}


@pytest.mark.parametrize("cause", [slot, model_lock, cpu, memory, gpu, paused, no_worker, delayed, retry, redis],
                         ids=lambda cause: cause.__name__)
def test_the_same_reason_is_told_everywhere(cause, make_server: MakeServer, browser: Browser, tmp_path: pathlib.Path):
    reason = cause.__name__
    with contextlib.contextmanager(cause)(make_server, tmp_path) as (server, task_id):
        def is_told() -> bool:
            waiting = server.task(task_id)["waiting"]
            return waiting is not None and waiting["reason"] == reason
        wait_until(is_told, 60, f"it waits for {reason}")
        waiting = server.task(task_id)["waiting"]
        assert waiting["since"] and waiting["detail"] and waiting["remedy"], waiting
        listed = {task["task_id"]: task for task in server.get("/v1/tasks/?limit=100").json()["tasks"]}
        assert listed[task_id]["waiting"]["reason"] == reason
        assert server.get(f"/v1/async-ml/task/{task_id}").json()["data"]["waiting"]["reason"] == reason
        timeline = server.get(f"/v1/tasks/{task_id}/timeline").json()["attempts"]
        assert timeline[-1]["phases"][-1]["name"] == ("retry_delay" if reason == "retry" else "waiting")

        shown = server.cli("tasks", "show", task_id).stdout
        assert any(line.split()[:2] == ["waiting", reason] for line in shown.splitlines()), shown
        [row] = [line for line in server.cli("tasks", "list").stdout.splitlines() if line.startswith(task_id)]
        assert reason in row.split(), row
        checks = {check["id"]: check for check in json.loads(server.cli("doctor", "--json").stdout)}
        assert f" {reason} (" in checks["tasks.waiting"]["what"], checks["tasks.waiting"]
        if reason in TOLD:
            kind, name, value = TOLD[reason]
            with Reader(server) as reader:
                assert next(each for each in reader.events(kind) if tells(each, name, value))
        page = browser.new_page()
        page.goto(f"{server.url}/#/tasks/{task_id}")
        expect(page.locator("main .waits").first).to_contain_text(f"waits for {ON_THE_PAGE[reason]}", timeout=60_000)
        page.close()
        if reason in LOGGED:
            event, name, value = LOGGED[reason]
            lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
            assert any(line["msg"] == event and line[name] == value for line in lines), event


def test_an_event_says_of_a_task_that_it_waits_by_intention(make_server: MakeServer):
    server = make_server().start()
    with Reader(server) as reader:
        events = reader.events("task")
        before = server.detect(use_all_methods=False)
        assert next(each for each in events if each["task_id"] == before)["reason"] is None
        later = send(server, "detect_contradiction", {"claim1": ASPIRIN, "claim2": NO_ASPIRIN}, delay=600_000)
        told = next(each for each in events if each["task_id"] == later)
        assert (told["status"], told["reason"], told["due_at"]) == ("pending", "delayed", server.task(later)["eta"])
        again = send(server, "generate_embeddings", {"texts": LONG[:500]}, options={"time_limit": 1, "min_backoff": 600_000, "max_backoff": 600_000})
        told = next(each for each in events if each["task_id"] == again and each["status"] == "retrying")
        assert (told["reason"], told["due_at"]) == ("retry", server.task(again)["next_attempt_at"])


def test_an_unknown_actor_is_no_wait(make_server: MakeServer):
    """It fails at once, with the reason, where a worker takes from its queue; without one it waits for that."""
    server = make_server().start()
    task = server.wait_task(send(server, "detect_contradictions", {}))
    assert task["status"] == "failed" and task["waiting"] is None
    assert "no actor is called 'detect_contradictions'" in task["error"] and "did you mean 'detect_contradiction'" in task["error"]


def test_what_runs_or_has_ended_waits_for_nothing(server: Server):
    task_id = server.detect()
    assert server.wait_task(task_id)["waiting"] is None
    assert server.get("/v1/tasks/?limit=1").json()["tasks"][0]["waiting"] is None


def test_the_command_line_says_why_it_waits_off_a_terminal(make_server: MakeServer, tmp_path: pathlib.Path):
    server = make_server().start()
    server.post("/v1/queues/medsynth/pause")
    judged = server.cli("contradict", ASPIRIN, NO_ASPIRIN, "--timeout", "3")
    assert judged.returncode == 5
    assert judged.stderr.startswith("waits for its queue (queue medsynth is paused)"), judged.stderr
    assert "medsynth queues resume medsynth" in judged.stderr.splitlines()[0]
    export = tmp_path / "export.ris"
    export.write_text(f"TY  - JOUR\nTI  - One\nAB  - {ASPIRIN}\nER  - \n")
    analysed = server.cli("analyze", str(export), "--timeout", "3")
    assert analysed.returncode == 5 and "waits for its queue" in analysed.stderr, analysed.stderr


def test_metrics_say_what_queues_wait_for(make_server: MakeServer):
    server = make_server().start()
    server.post("/v1/queues/medsynth/pause")
    for _ in range(3):
        server.detect()
    line = 'medsynth_queue_waiting{queue="medsynth",reason="paused"} 3'
    wait_until(lambda: line in server.get("/metrics").text, 30, line)


def test_an_estimate_is_held_to_account(make_server: MakeServer):
    """Once some tasks have run, those that wait are told when they start; and it is counted whether they did."""
    server = make_server(MAX_CONCURRENT_TASKS="1").start()
    for _ in range(3):
        server.result(embed(server, ["Aspirin."]))
    holder = running(server)
    task_id = server.detect()

    def estimate() -> dict | None:
        waiting = server.task(task_id)["waiting"]
        return waiting and waiting["estimate"]
    shown = wait_until(estimate, 60, "an estimate")
    assert 0 <= shown["low"] < shown["high"]
    server.post(f"/v1/tasks/{holder}/cancel")
    server.result(task_id)

    def counted() -> float:
        lines = [line for line in server.get("/metrics").text.splitlines() if line.startswith("medsynth_wait_estimates_total{")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)
    wait_until(counted, 30, "it is counted")
    assert counted() <= 4  # of each of the tasks once at most


# --- waiting for a task


def test_a_wait_ends_with_the_task(server: Server):
    for task_id in (server.detect(), server.detect(use_all_methods=False)):
        answer = server.get(f"/v1/tasks/{task_id}?wait=60", timeout=90)
        assert answer.json()["status"] == "completed"
        answer = server.get(f"/v1/async-ml/task/{task_id}?wait=60", timeout=90)  # it has: at once
        assert answer.json()["data"]["status"] == "completed"


def test_a_wait_that_is_over_shows_the_task_as_it_is(make_server: MakeServer):
    server = make_server("--workers", "0").start()
    task_id = server.detect()
    task = server.get(f"/v1/tasks/{task_id}?wait=0.2").json()
    assert task["status"] == "pending" and task["waiting"]["reason"] == "no_worker"
    assert pointers(server.get(f"/v1/tasks/{task_id}?wait=61")) == ["/wait"]
    assert pointers(server.get(f"/v1/tasks/{task_id}?wait=-1")) == ["/wait"]
    assert server.get("/v1/tasks/none?wait=60").status_code == 404


def test_many_who_wait_hold_up_nobody(make_server: MakeServer):
    server = make_server().start()
    server.post("/v1/queues/medsynth/pause")
    task_id = server.detect(use_all_methods=False)
    ended: list[str] = []
    waiting = [threading.Thread(target=lambda: ended.append(server.get(f"/v1/tasks/{task_id}?wait=60", timeout=90).json()["status"]))
               for _ in range(100)]
    for each in waiting:
        each.start()
    assert server.get("/livez").status_code == 200
    server.post("/v1/queues/medsynth/resume")
    for each in waiting:
        each.join(90)
    assert ended == ["completed"] * 100


def test_a_server_that_stops_answers_who_waits(make_server: MakeServer):
    server = make_server("--workers", "0").start()
    task_id = server.detect()
    answers: list[requests.Response] = []
    waiting = threading.Thread(target=lambda: answers.append(server.get(f"/v1/tasks/{task_id}?wait=60", timeout=90)))
    waiting.start()
    wait_until(lambda: server.redis().pubsub_channels("task:*"), 30, "the server listens for it")
    assert server.stop() == 0
    waiting.join(90)
    assert answers[0].json()["status"] == "pending"


def test_polls_are_not_in_the_log(make_server: MakeServer):
    server = make_server().start()
    server.result(server.detect(use_all_methods=False))
    assert server.cli("contradict", ASPIRIN, NO_ASPIRIN, "--fast").returncode == 0
    routes = [json.loads(line).get("route") for line in server.log.read_text().splitlines() if '"request"' in line]
    assert "/v1/async-ml/contradiction/detect" in routes
    assert "/v1/tasks/{task_id}" not in routes and "/v1/async-ml/task/{task_id}" not in routes


# --- the timeline


def phases(server: Server, task_id: str) -> list[list[str]]:
    attempts = server.get(f"/v1/tasks/{task_id}/timeline").json()["attempts"]
    for attempt in attempts:
        times = [time for phase in attempt["phases"] for time in (phase["from"], phase["to"]) if time]
        assert times == sorted(times), attempt
    return [[phase["name"] for phase in attempt["phases"]] for attempt in attempts]


def test_the_timeline_of_a_task_that_waited(make_server: MakeServer):
    server = make_server(MAX_CONCURRENT_TASKS="1").start()
    holder = running(server)
    task_id = server.detect()
    wait_until(lambda: (server.task(task_id)["waiting"] or {}).get("place") == 1, 60, "its worker says that it waits")
    server.post(f"/v1/tasks/{holder}/cancel")
    server.result(task_id)
    [names] = phases(server, task_id)
    assert names[0] == "queued" and "load" in names and "run" in names
    [attempt] = server.get(f"/v1/tasks/{task_id}/timeline").json()["attempts"]
    assert attempt["number"] == 1 and attempt["host"] and attempt["worker"] and attempt["error"] is None
    assert ("waiting", "slot") in [(phase["name"], phase["detail"]) for phase in attempt["phases"]]
    shown = server.cli("tasks", "show", task_id).stdout
    assert "waiting" in shown and "slot" in shown and "PHASE" in shown
    assert server.get("/v1/tasks/none/timeline").status_code == 404


def test_the_timeline_shows_a_retry(make_server: MakeServer):
    server = make_server().start()
    options = {"time_limit": 1, "min_backoff": 10, "max_backoff": 10, "max_retries": 1}
    task_id = send(server, "generate_embeddings", {"texts": LONG[:500]}, options=options)
    assert server.wait_task(task_id)["status"] == "failed"
    attempts = server.get(f"/v1/tasks/{task_id}/timeline").json()["attempts"]
    assert [attempt["number"] for attempt in attempts] == [1, 2]
    assert attempts[0]["phases"][-1]["name"] == "retry_delay"
    assert all(attempt["error"] for attempt in attempts), attempts


def test_the_timeline_shows_the_gap_of_a_death(make_server: MakeServer):
    server = make_server().start()
    task_id = running(server)
    [worker] = server.children(" worker")
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: server.task(task_id)["attempt"] == 2, 60, "it runs again")
    names = phases(server, task_id)
    assert names[0][-1] == "lost" and "run" in names[0] and names[1], names
    server.post(f"/v1/tasks/{task_id}/cancel")
