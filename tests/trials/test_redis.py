"""A Redis that is demoted, full, or refuses; workers and servers of two versions, with clocks that differ; exactly the rights that are needed."""

from __future__ import annotations

import json
import pathlib
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import redis
from conftest import BINARY, COMPILER, ROOT, Proxy, Redis, Server, free_port, wait_until

sys.path.append(str(ROOT / "python"))


def not_ready(server: Server) -> str:
    """What /readyz says is wrong; empty while it is ready."""
    answer = server.get("/readyz")
    return "" if answer.status_code == 200 else answer.json()["detail"]


def quick(server: Server) -> dict:
    """A task without a language model, from submission to result."""
    return server.result(server.detect(use_all_methods=False))


def logged(server: Server, *words: str) -> list[str]:
    return [line for line in server.log.read_text().splitlines() if all(word in line for word in words)]


def test_r1_a_failover_with_open_connections(make_redis, make_server):
    """A forwarder goes from the master to its replica, which is promoted; the connections to the old one stay open."""
    old, new = make_redis(), make_redis()
    new.follow(old)
    wait_until(lambda: new.client.info("replication")["master_link_status"] == "up", what="replication")
    forwarder = Proxy(old.port)
    server = make_server(redis_port=forwarder.port).start()
    assert quick(server)
    wait_until(lambda: new.client.dbsize() == old.client.dbsize(), what="the same data")
    forwarder.target = new.port
    new.follow(None)
    old.follow(new)
    submitted = wait_until(lambda: server.post("/v1/async-ml/contradiction/detect", json={"claim1": "a b", "claim2": "a c", "use_all_methods": False}).json().get("data"),
                           what="a submission")
    assert server.wait_task(submitted["task_id"])["status"] == "completed"
    assert new.client.exists(f"task:{submitted['task_id']}")
    wait_until(lambda: not not_ready(server), what="readiness")
    # Each process has some connections, and each says it once.
    assert 1 <= len(logged(server, '"msg":"redis not connected"', "READONLY")) <= 6
    forwarder.end()


def test_r1_a_url_that_names_a_replica_is_said(make_redis, make_server):
    master, replica = make_redis(), make_redis()
    replica.follow(master)
    server = make_server(redis_port=replica.port).start(ready=False)
    wait_until(lambda: "it is a replica" in not_ready(server) and "name its master" in not_ready(server), what="the reason")
    wait_until(lambda: logged(server, "redis not connected", "it is a replica"), what="a line in the log")
    replica.follow(None)
    wait_until(lambda: not not_ready(server), what="readiness")


def test_r9_two_versions_see_each_other(server):
    """A worker of tomorrow reports more, at any depth, and one of yesterday less: both are there in every answer."""
    store, base = server.redis(), "medsynth:0:dramatiq:task::"
    wait_until(lambda: store.zcard(base + "workers"), what="a worker")
    own = store.zrange(base + "workers", 0, -1)[0].decode()
    newer = json.loads(store.get(f"{base}worker:{own}"))
    newer["future"] = {"x": [1]}
    newer["cache"]["future"] = newer["usage"]["future"] = 1
    newer["cache"]["models"] = [{"id": "m-of-tomorrow", "state": "ready", "future": None}]
    newer["tasks"] = [{"task_id": "t", "actor": "a", "state": "running", "reason": "", "since": "", "future": 1}]
    for sample in newer["metrics"]:
        sample["future"] = "x"
    older = json.loads(store.get(f"{base}worker:{own}"))
    for name in ("system", "control_version", "limits_origin"):
        del older[name]
    del older["cache"]["leaked_bytes"], older["usage"]["reason"]
    damaged = {"usage": {"concurrent_tasks": -1, "max_cpu_percent": -1}, "cache": {"ttl": "long"}}
    for name, snapshot in (("newer", newer), ("older", older), ("damaged", damaged)):
        store.set(f"{base}worker:{name}", json.dumps({**snapshot, "worker_id": name, "host": f"host-{name}"}), px=60000)
        store.zadd(base + "workers", {name: 4102444800000})
    try:
        shown = {host["host"] for host in server.get("/v1/resources/usage").json()["hosts"]}
        assert {"host-newer", "host-older", "host-damaged"} <= shown
        models = server.get("/v1/model-cache/stats").json()["models"]
        assert "m-of-tomorrow" in {model["id"] for model in models}
        detail = next(c["detail"] for c in server.get("/readyz?verbose").json()["checks"] if c["name"] == "workers")
        assert detail.startswith("4 alive") and "worker damaged reports what cannot be" in detail
        assert server.get("/metrics").status_code == 200
    finally:
        for name in ("newer", "older", "damaged"):
            store.delete(f"{base}worker:{name}")
            store.zrem(base + "workers", name)


BROKEN = {
    "nan": '{"worker_id":"nan","host":"host-nan","at":NaN,"usage":{"cpu_percent":NaN,"concurrent_tasks":Infinity},"cache":{"memory_bytes":-Infinity,'
           '"models":[{"id":"m-nan","uses_per_second":NaN,"metadata":{"x":NaN}}]},"metrics":[{"name":"a","kind":"gauge","value":NaN}],"pid":NaN}',
    "types": '{"worker_id":7,"host":"host-types","usage":[],"cache":"none","tasks":{"a":1},"metrics":[1,null,{"labels":{"a":1}}],"queues":"q","pid":1e99}',
    "bytes": b'{"worker_id":"bytes","host":"\xff\xfe","queues":["\xff"]}',
    "deep": '{"host":"host-deep","usage":{"x":' + "[" * 500 + "]" * 500 + "}}",
    "twice": '{"host":"a","host":"host-twice","usage":null}',
    "text": "no JSON", "list": "[]", "empty": "",
}


@pytest.mark.parametrize("name", BROKEN)
def test_r9_a_broken_snapshot_hides_nobody(server, name):
    """Its worker is there, with what can be read of it, and so are all others, in every answer."""
    store, base = server.redis(), "medsynth:0:dramatiq:task::"
    wait_until(lambda: store.zcard(base + "workers"), what="a worker")
    store.set(f"{base}worker:{name}", BROKEN[name], px=60000)
    store.zadd(base + "workers", {name: 4102444800000})
    try:
        detail = next(c["detail"] for c in server.get("/readyz?verbose").json()["checks"] if c["name"] == "workers")
        assert detail.startswith("2 alive") and (name == "twice" or f"worker {name} reports what cannot be" in detail), detail
        workers = {worker["worker_id"]: worker for worker in server.get("/v1/model-cache/stats").json()["workers"]}
        assert len(workers) == 2 and workers[name]["host"] in ("", f"host-{name}")
        shown = {worker for host in server.get("/v1/resources/usage").json()["hosts"] for worker in host["workers"]}
        assert shown >= workers.keys() - {name} and (name != "nan" or name in shown), "use that cannot be read is not made up"
        for path in ("/v1/model-cache/stats", "/v1/queues/", "/v1/resources/system", "/v1/resources/limits", "/v1/tasks/", "/metrics"):
            assert server.get(path).status_code == 200, path
        for words in (("usage",), ("cache", "ls"), ("queues", "ls"), ("limits", "show")):
            assert server.cli(*words).returncode == 0, words
        assert "workers.alive" in server.cli("doctor", "--json").stdout
        assert quick(server)
    finally:
        store.delete(f"{base}worker:{name}")
        store.zrem(base + "workers", name)


def test_s8_limits_in_redis_are_not_believed(make_redis, make_server):
    store = make_redis()
    store.client.hset("medsynth:0:dramatiq:task::control", mapping={
        "version": 3, "limit:max_cpu_percent": "nan", "limit:max_memory_percent": "-1", "limit:max_concurrent_tasks": "1e300", "limit:max_gpu_percent": "70"})
    server = make_server(redis_port=store.port).start()
    limits = server.get("/v1/resources/limits").json()
    assert (limits["max_cpu_percent"], limits["max_memory_percent"], limits["max_gpu_percent"]) == (100, 100, 70)
    assert limits["max_concurrent_tasks"] == 5 and limits["origin"]["max_cpu_percent"] == "environment"
    wait_until(lambda: logged(server, "limits in Redis are wrong", "max_cpu_percent", "max_memory_percent", "max_concurrent_tasks"), what="a warning")
    assert quick(server)


CLOCK = """#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *time) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(id, time);
  if (id == CLOCK_REALTIME) time->tv_sec += atol(getenv("CLOCK_WRONG_BY"));
  return result;
}
"""


@pytest.mark.parametrize("wrong_by", [-3600, 3600])
def test_r10_machines_whose_clocks_differ(make_redis, make_server, tmp_path, wrong_by):
    """The worker's clock is an hour behind or ahead: it is alive, times agree, and a delay is as long as it was asked for."""
    (tmp_path / "clock.c").write_text(CLOCK)
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", tmp_path / "clock.so", tmp_path / "clock.c", "-ldl"], check=True)
    store = make_redis()
    server = make_server("--workers", "0", redis_port=store.port).start()
    worker = subprocess.Popen([str(BINARY), "worker"], stderr=(tmp_path / "worker.log").open("w"), stdin=subprocess.DEVNULL,
                              env={**server.environment, "LD_PRELOAD": str(tmp_path / "clock.so"), "CLOCK_WRONG_BY": str(wrong_by)})
    try:
        wait_until(lambda: server.get("/v1/resources/usage").json()["hosts"][0]["workers"], what="a worker that is alive")
        task = server.wait_task(server.detect(use_all_methods=False))
        assert task["status"] == "completed"
        assert task["created_at"] <= task["completed_at"] <= task["created_at"][:11] + "99", task
        minutes = [int(task[name][14:16]) + 60 * int(task[name][11:13]) for name in ("created_at", "completed_at")]
        assert minutes[1] - minutes[0] in (0, 1, 1 - 24 * 60), task
        sent = server.post("/v1/queues/medsynth/messages", json={
            "actor": "detect_contradiction", "kwargs": {"claim1": "a b", "claim2": "a c", "use_all_methods": False}, "delay": 300})
        assert sent.status_code in (201, 202), sent.text
        assert server.wait_task(sent.json()["data"]["task_id"])["status"] == "completed"
    finally:
        worker.terminate()
        worker.wait(30)


def rights() -> list[str]:
    """The command of docs/redis.md, word for word."""
    text = (ROOT / "docs/redis.md").read_text()
    command = re.search(r"```\n(ACL SETUSER medsynth .*?)```", text, re.S)[1]
    return shlex.split(command, comments=False)


def test_r11_the_rights_are_the_commands_of_the_sources():
    """No command that a script or a query sends is missing in docs/redis.md, and none is there that nothing sends."""
    sent = set()
    for file in (each for each in (ROOT / "src").rglob("*") if "references" not in each.parts):  # its commands are LaTeX's
        if file.suffix == ".lua":
            sent |= set(re.findall(r"redis\.p?call\('([A-Z]+)'|\b(?:hash|list|set|string|zset) = '([A-Z]+)'", file.read_text()))
        elif file.suffix in (".cc", ".h"):
            sent |= set(re.findall(r"""Command(?:\s+\w+)?[({]\s*"([A-Z]+)\"""", file.read_text()))
    of_connections = {"HELLO", "PING", "SELECT", "EVAL", "EVALSHA", "SUBSCRIBE", "UNSUBSCRIBE"}
    sent = {word for words in sent for word in ([words] if isinstance(words, str) else words) if word}
    optional = {"ACL", "CONFIG", "INFO", "ROLE"}  # doctor's
    given = {word[1:].upper() for word in rights() if word.startswith("+")}
    assert given == (sent | of_connections) - optional


@pytest.fixture
def restricted(make_redis, make_server) -> tuple[Redis, Server]:
    store = make_redis()
    store.client.execute_command(*rights())
    server = make_server(redis_port=store.port, REDIS_URL=f"redis://medsynth:PASSWORD@127.0.0.1:{store.port}/0").start()
    return store, server


def test_r11_exactly_these_rights(restricted):
    """From submission to result through server and worker, and from the Python client; nothing else is even asked for."""
    from asf.medical.client import Medsynth

    store, server = restricted
    assert quick(server)
    found = Medsynth(server.url).detect_contradiction("Aspirin reduces stroke.", "Aspirin does not reduce stroke.", wait=True, use_all_methods=False)
    assert found.contradiction_score > 0.5
    task = server.detect(use_all_methods=False)
    server.wait_task(task)
    assert server.request("DELETE", f"/v1/tasks/{task}").status_code == 200
    for path in ("/v1/tasks/", "/v1/queues/", "/v1/queues/?all=true", "/v1/resources/usage", "/v1/model-cache/stats", "/metrics"):
        assert server.get(path).status_code == 200, path
    assert server.request("PUT", "/v1/resources/limits", json={"max_gpu_percent": 70}).status_code == 200
    optional = {"config|get", "info"}
    refused = [entry for entry in store.client.acl_log() if entry["object"] not in optional]
    assert not refused, refused
    assert [line for line in logged(server, "NOPERM") if "this Redis is a risk" not in line] == []


@pytest.mark.parametrize(("right", "back"), [
    ("-set", "+set"), ("-evalsha", "+evalsha"), ("-zadd", "+zadd"), ("-publish", "+publish"), ("-time", "+time"),
])
def test_r11_each_missing_right_is_said(restricted, right, back):
    store, server = restricted
    store.client.execute_command("ACL", "SETUSER", "medsynth", right)
    wait_until(lambda: re.search(r"NOPERM|can't run this command|ACL failure in script", not_ready(server)), what="readiness that names the cause")
    if right != "-publish":  # a report rings nothing
        wait_until(lambda: logged(server, '"process":"worker"', "cannot report", "redis.md"), what="the worker's line")
    store.client.execute_command("ACL", "SETUSER", "medsynth", back)
    wait_until(lambda: not not_ready(server), what="readiness")
    assert quick(server)


def test_r11_keys_and_channels_that_are_missing_are_said(restricted):
    store, server = restricted
    for lost, back in (("resetkeys", ("~dramatiq:*", "~task:*", "~medsynth:*")), ("resetchannels", ("&dramatiq:*", "&task:*", "&medsynth:*", "&__keyspace@0__:dramatiq:*"))):
        store.client.execute_command("ACL", "SETUSER", "medsynth", lost)
        wait_until(lambda: re.search(r"NOPERM|can't|ACL failure in script", not_ready(server)), what="readiness that names the cause")
        store.client.execute_command("ACL", "SETUSER", "medsynth", *back)
        wait_until(lambda: not not_ready(server), what="readiness")
    assert quick(server)


def test_r11_readiness_tells_of_a_redis_that_takes_no_writes(make_redis, make_server):
    """Full, and with too few replicas; each is over when it is over."""
    store = make_redis()
    server = make_server(redis_port=store.port).start()
    for setting, wrong, right, word in (("maxmemory", "1", "0", "OOM"), ("min-replicas-to-write", "1", "0", "NOREPLICAS")):
        store.client.config_set(setting, wrong)
        wait_until(lambda: word in not_ready(server), what=f"{word} in /readyz")
        wait_until(lambda: logged(server, '"process":"worker"', "cannot report", word), what="the worker's line")
        store.client.config_set(setting, right)
        wait_until(lambda: not not_ready(server), what="readiness")
    assert len(logged(server, '"process":"worker"', "cannot report", "OOM")) == 1
