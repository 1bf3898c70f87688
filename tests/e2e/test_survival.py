"""What must hold when things break."""

import os
import signal
import subprocess
import time

import pytest
import requests
from conftest import ASPIRIN, BINARY, NO_ASPIRIN, Server, free_port, problem, wait_until

TASKS = 20


def submit_twenty(server: Server) -> list[str]:
    return [server.detect(task_id=f"task-{i}") for i in range(TASKS)]


def none_runs_yet_all_will(server: Server) -> None:
    """Waits until some have ended and some have not: the middle of the work."""
    def some_ended() -> bool:
        return 2 <= server.get("/v1/tasks/?status=completed&limit=1").json()["total"] < TASKS
    wait_until(some_ended, 60, "the work is under way")


def all_end_once(server: Server, ids: list[str]) -> None:
    """Every task completed, with a result, and nothing is left in Redis for it to happen again."""
    for task_id in ids:
        task = server.wait_task(task_id, 120)
        assert task["status"] == "completed", task
        assert task["result"]["verdict"] == "contradiction" and task["progress"] == 100
    assert server.get("/v1/tasks/?limit=1000").json()["total"] == len(ids)
    store = server.redis()
    wait_until(lambda: store.hlen("dramatiq:medsynth.msgs") == 0, what="every message is settled")
    assert store.llen("dramatiq:medsynth") == 0 and store.hlen("dramatiq:medsynth.XQ.msgs") == 0
    assert [key for key in store.keys("dramatiq:__acks__*")] == []


def test_the_worker_is_killed(make_server):
    server = make_server(MEDSYNTH_MAX_DEATHS="0").start()
    ids = submit_twenty(server)
    none_runs_yet_all_will(server)
    [worker] = server.children(" worker")
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: [pid for pid in server.children(" worker") if pid != worker], 10, "a new worker")
    all_end_once(server, ids)
    attempts = [server.task(task_id)["attempt"] for task_id in ids]
    assert max(attempts) == 2, "a task that was being run is run again"


def test_the_server_is_killed(make_server):
    server = make_server(MEDSYNTH_MAX_DEATHS="0").start()
    ids = submit_twenty(server)
    none_runs_yet_all_will(server)
    children = server.children("")
    server.kill()
    for pid in children:
        wait_until(lambda pid=pid: not os.path.exists(f"/proc/{pid}") or "\nState:\tZ" in open(f"/proc/{pid}/status").read(), 15, "its children die with it")
    server.start()
    all_end_once(server, ids)


def test_the_managed_redis_is_killed(make_server):
    server = make_server(MEDSYNTH_MAX_DEATHS="0").start()
    ids = submit_twenty(server)
    none_runs_yet_all_will(server)
    [store] = server.children("redis-server")
    os.kill(store, signal.SIGKILL)
    wait_until(lambda: [pid for pid in server.children("redis-server") if pid != store], 15, "a new Redis")
    wait_until(server.is_ready, 30, "ready again")
    all_end_once(server, ids)


def test_everything_is_still_there_after_a_restart(make_server):
    server = make_server().start()
    result = server.result(server.detect(task_id="kept"))
    assert server.stop() == 0
    assert server.children("") == []
    server.start()
    assert server.task("kept")["result"] == result


def test_a_stop_gives_running_tasks_back(make_server):
    """With no grace a running task goes back to the queue, and the next server finishes it."""
    server = make_server("--grace", "0").start()
    wait_until(lambda: server.get("/v1/tasks/").status_code == 200, 10, "it has reached Redis")
    texts = ["A sentence about blood pressure and the heart. " * 20] * 100
    task_id = server.post("/v1/async-ml/embeddings/generate", json={"texts": texts}).json()["data"]["task_id"]
    wait_until(lambda: server.task(task_id)["status"] == "processing", what="it runs")
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 15
    server.start()
    task = server.wait_task(task_id, 120)
    assert task["status"] == "completed", task["error"]
    assert server.redis().hlen("dramatiq:medsynth.msgs") == 0 or wait_until(lambda: server.redis().hlen("dramatiq:medsynth.msgs") == 0)


def test_a_message_that_kills_workers_becomes_a_dead_letter(make_server):
    server = make_server(MEDSYNTH_MAX_DEATHS="2").start()
    texts = ["A sentence about blood pressure and the heart. " * 20] * 5000
    task_id = server.post("/v1/async-ml/embeddings/generate", json={"texts": texts}).json()["data"]["task_id"]
    for attempt in (1, 2):
        def runs(attempt: int = attempt) -> bool:
            task = server.task(task_id)
            return task["status"] == "processing" and task["attempt"] == attempt
        wait_until(runs, 30, f"attempt {attempt}")
        [worker] = wait_until(lambda: server.children(" worker"), what="a worker")
        os.kill(worker, signal.SIGKILL)
    task = server.wait_task(task_id, 30)
    assert task["status"] == "failed" and "died 2 times" in task["error"]
    store = server.redis()
    wait_until(lambda: store.hlen("dramatiq:medsynth.XQ.msgs") == 1, what="the dead letter")
    assert server.result(server.detect())["verdict"] == "contradiction", "the others go on"


def test_undecodable_and_unknown_messages_become_dead_letters_alone(make_server):
    server = make_server().start()
    store = server.redis()
    with store.pipeline() as pipe:
        pipe.hset("dramatiq:medsynth.msgs", "bad-1", "this is no message").rpush("dramatiq:medsynth", "bad-1").execute()
    good = server.detect()
    assert server.result(good)["verdict"] == "contradiction"
    wait_until(lambda: store.hexists("dramatiq:medsynth.XQ.msgs", "bad-1"), what="the dead letter")


@pytest.fixture
def remote_redis(tmp_path):
    """A Redis of somebody else's that can be stopped and started."""
    port = free_port()

    class Remote:
        url = f"redis://127.0.0.1:{port}/0"
        process: subprocess.Popen | None = None

        def start(self) -> None:
            self.process = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "always", "--dir", str(tmp_path)],
                                            stdout=subprocess.DEVNULL)

        def stop(self) -> None:
            self.process.terminate()
            self.process.wait(20)

    remote = Remote()
    yield remote
    if remote.process and remote.process.poll() is None:
        remote.stop()


def test_a_redis_that_is_away_is_said_and_comes_back(make_server, remote_redis):
    server = make_server("--redis", "external", REDIS_URL=remote_redis.url).start(ready=False)
    assert server.get("/livez").status_code == 200
    assert server.get("/readyz").status_code == 503
    for answer in (server.get("/v1/tasks/"), server.post("/v1/async-ml/contradiction/detect", json={"claim1": ASPIRIN, "claim2": NO_ASPIRIN})):
        body = problem(answer, 503)
        assert int(answer.headers["Retry-After"]) >= 1
        assert "127.0.0.1" in body["detail"]
    remote_redis.start()
    wait_until(server.is_ready, 30, "ready")
    task_id = server.detect()
    assert server.result(task_id)["verdict"] == "contradiction"
    remote_redis.stop()
    wait_until(lambda: server.get("/v1/tasks/").status_code == 503, 15, "the loss is noticed")
    started = time.monotonic()
    assert server.get(f"/v1/tasks/{task_id}").status_code == 503
    assert time.monotonic() - started < 6
    remote_redis.start()
    wait_until(server.is_ready, 30, "ready again")
    assert server.task(task_id)["status"] == "completed"
    assert server.result(server.detect())["verdict"] == "contradiction"
    assert server.stop() == 0


def test_running_tasks_outlive_a_redis_that_restarts(make_server, remote_redis):
    remote_redis.start()
    server = make_server("--redis", "external", REDIS_URL=remote_redis.url).start()
    texts = ["A sentence about blood pressure and the heart. " * 20] * 150
    task_id = server.post("/v1/async-ml/embeddings/generate", json={"texts": texts}).json()["data"]["task_id"]
    wait_until(lambda: server.task(task_id)["status"] == "processing", what="it runs")
    remote_redis.stop()
    remote_redis.start()
    wait_until(server.is_ready, 30, "ready again")
    task = server.wait_task(task_id, 120)
    assert task["status"] == "completed" and task["attempt"] == 1


def test_a_dead_worker_that_nobody_reaped_is_dead(make_server, remote_redis):
    """As in a container whose first process reaps nobody: what it held is back at once, and not when its lease of 15 s ends."""
    remote_redis.start()
    server = make_server("--redis", "external", "--workers", "0", REDIS_URL=remote_redis.url).start(ready=False)
    wait_until(lambda: server.get("/v1/tasks/").status_code == 200, 10, "it has reached Redis")
    texts = ["A sentence about blood pressure and the heart. " * 20] * 300
    task_id = server.post("/v1/async-ml/embeddings/generate", json={"texts": texts}).json()["data"]["task_id"]
    workers = []
    try:
        for attempt in (1, 2):
            def runs(attempt: int = attempt) -> bool:
                return server.task(task_id).get("attempt") == attempt
            workers.append(subprocess.Popen([str(BINARY), "worker"], env=server.environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            wait_until(runs, 8, f"attempt {attempt}")
            workers[-1].kill()  # and no wait()
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def test_a_second_server_shares_the_store_and_takes_it_over(make_server):
    first = make_server().start()
    second = make_server(redis_port=str(first.redis_port), REDIS_URL=first.redis_url()).start()
    task_id = first.detect()
    assert first.result(task_id) == second.result(task_id)
    assert first.stop() == 0
    wait_until(second.is_ready, 40, "the second serves its own Redis")
    assert second.result(second.detect())["verdict"] == "contradiction"


def test_a_port_that_is_taken_is_said(make_server, server):
    other = make_server()
    other.url = server.url
    outcome = subprocess.run([str(BINARY), "serve", "--listen", server.url.removeprefix("http://")], env=other.environment, capture_output=True,
                             text=True, timeout=30, stdin=subprocess.DEVNULL)
    assert outcome.returncode == 6
    assert server.url.rsplit(":", 1)[1] in outcome.stderr


def test_worker_stops_at_once_when_idle(make_server):
    server = make_server().start()
    [worker] = server.children(" worker")
    started = time.monotonic()
    os.kill(worker, signal.SIGTERM)
    wait_until(lambda: worker not in server.children(" worker"), 10, "it is gone")
    assert time.monotonic() - started < 5
    with pytest.raises(AssertionError):
        wait_until(lambda: "worker could not" in server.log.read_text(), 0.1)
    assert requests.get(server.url + "/livez", timeout=5).status_code == 200
