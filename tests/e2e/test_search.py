"""Finding tasks, what is done to many at once, errors by their words, and the history."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from conftest import Server, pointers, problem, wait_until
from records import make_tasks

MakeServer = Callable[..., Server]


@pytest.fixture
def store(make_server: MakeServer) -> Server:
    """A server without workers: nothing changes but by the test."""
    return make_server("--workers", "0").start()


def found(server: Server, query: str) -> list[str]:
    """Ids of all pages, and that they say how far they looked."""
    ids: list[str] = []
    cursor, scanned = "", 0
    while True:
        page = server.get(f"/v1/tasks/?{query}{f'&cursor={cursor}' if cursor else ''}")
        assert page.status_code == 200, page.text
        body = page.json()
        assert scanned < body["scanned"] <= body["total"] or not body["total"], body
        scanned = body["scanned"]
        ids += [task["task_id"] for task in body["tasks"]]
        cursor = body["next_cursor"]
        if not cursor:
            assert scanned == body["total"] or "created_after" in query
            return ids


def change(server: Server, where: str = "tasks", **body) -> dict:
    answer = server.post(f"/v1/{where}/actions", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_every_filter(store: Server):
    redis = store.redis()
    make_tasks(redis, 3, "old-{}", begin=1_700_000_000_000_000)
    make_tasks(redis, 2, "failed-{}", begin=1_750_000_000_000_000, status="failed", error="needs 12 MiB", actor="embed", worker="box/w-1")
    make_tasks(redis, 2, "other-{}", begin=1_750_001_000_000_000, queue="other", metadata={"ward": "Cardiology"})
    assert found(store, "status=failed") == found(store, "actor=embed") == found(store, "error=needs%20N%20MiB") == ["failed-1", "failed-0"]
    assert found(store, "worker=w-1&limit=1") == ["failed-1", "failed-0"]
    assert found(store, "queue=other") == found(store, "text=cardio") == ["other-1", "other-0"]
    assert found(store, "text=OLD&limit=2") == ["old-2", "old-1", "old-0"]
    assert found(store, "created_before=2024-01-01T00:00:00Z") == ["old-2", "old-1", "old-0"]
    assert found(store, "created_after=2024-01-01T00:00:00Z&queue=medsynth") == ["failed-1", "failed-0"]
    assert found(store, "updated_after=2024-01-01T00:00:00Z&updated_before=2025-06-15T15:06:41Z") == ["failed-1", "failed-0"]
    assert found(store, "status=failed&queue=other") == []
    task = store.get("/v1/tasks/?text=failed-0").json()["tasks"][0]
    assert task == store.task("failed-0")  # whole, though found by a few fields


@pytest.mark.parametrize("query, at", [
    ("status=", "/status"), ("actor=", "/actor"), ("queue=", "/queue"), ("error=", "/error"), ("text=", "/text"), ("created_after=", "/created_after"),
    ("created_before=yesterday", "/created_before"), ("queue=a%20b", "/queue"), ("text=x&offset=1", "/offset"), ("text=x&cursor=zz", "/cursor"), ("colour=red", "/colour")])
def test_what_narrows_nothing_is_refused(store: Server, query: str, at: str):
    assert pointers(store.get(f"/v1/tasks/?{query}")) == [at]


def test_a_search_looks_only_so_far_and_goes_on(store: Server):
    make_tasks(store.redis(), 10_600)
    page = store.get("/v1/tasks/?text=task-00007").json()
    assert (page["tasks"], page["scanned"], page["total"]) == ([], 10_000, 10_600) and page["next_cursor"]
    assert found(store, "text=task-00007") == ["task-00007"]
    assert found(store, "text=task-0000&limit=3") == [f"task-{number:05d}" for number in range(9, -1, -1)]
    counted = change(store, action="delete", filter={"text": "task-0000"})
    assert counted["matched"] == 0 and counted["next_cursor"]
    counted = change(store, action="delete", filter={"text": "task-0000"}, cursor=counted["next_cursor"])
    assert (counted["matched"], counted["next_cursor"]) == (10, None)


def test_arguments_are_found_while_there_is_a_message(store: Server):
    task_id = store.detect("Naïve T cells grow.", "They do not.", use_all_methods=False)
    store.detect("Aspirin helps.", "It does not.")
    page = store.get("/v1/tasks/?text=na%C3%AFve%20t").json()
    assert [task["task_id"] for task in page["tasks"]] == [task_id]
    assert (page["messages_scanned"], page["messages_total"]) == (2, 2)
    # As Python writes it.
    message = {"queue_name": "medsynth", "actor_name": "detect_contradiction", "args": ["Ärzte 😀"], "options": {}, "message_id": "m1", "message_timestamp": 1}
    for number, ascii_only in enumerate((False, True)):
        text = json.dumps({**message, "kwargs": {"task_id": f"python-{number}"}}, ensure_ascii=ascii_only)
        store.redis().hset("dramatiq:medsynth.msgs", f"m{number}", text)
    make_tasks(store.redis(), 2, "python-{}")
    assert found(store, "text=Ärzte") == found(store, "text=rzte 😀") == ["python-1", "python-0"]
    assert found(store, "text=u00c4") == []  # is no text of theirs


# --- many at once


def test_a_dry_run_counts_and_changes_nothing(store: Server):
    make_tasks(store.redis(), 5)
    for body in ({"filter": {"status": "completed"}}, {"all": True}):
        counted = change(store, action="delete", **body)
        assert (counted["dry_run"], counted["matched"], counted["done"], counted["next_cursor"]) == (True, 5, 0, None)
    assert store.get("/v1/tasks/").json()["total"] == 5


@pytest.mark.parametrize("body, at", [
    ({}, "/action"), ({"action": "delete"}, "/filter"), ({"action": "delete", "filter": {}}, "/filter"), ({"action": "delete", "filter": None}, "/filter"),
    ({"action": "delete", "filter": {"status": None}, "all": True}, "/filter/status"), ({"action": "delete", "filter": {"actor": ""}}, "/filter/actor"),
    ({"action": "delete", "filter": {"created_after": ""}}, "/filter/created_after"), ({"action": "delete", "filter": {"status": "failed"}, "all": True}, "/all"),
    ({"action": "burn", "all": True}, "/action"), ({"action": "delete", "filter": {"queue": "a b"}}, "/filter/queue"),
    ({"action": "delete", "all": True, "expected": -1}, "/expected"), ({"action": "delete", "all": True, "limit": 0}, "/limit")])
def test_what_says_nothing_is_refused(store: Server, body: dict, at: str):
    make_tasks(store.redis(), 1)
    assert pointers(store.post("/v1/tasks/actions", json={"dry_run": False, **body})) == [at]
    assert store.get("/v1/tasks/").json()["total"] == 1


def test_many_are_cancelled_as_the_dry_run_said(store: Server):
    ids = [store.detect() for _ in range(7)]
    make_tasks(store.redis(), 2, status="completed")
    wanted = {"action": "cancel", "filter": {"queue": "medsynth", "status": "pending"}}
    counted = change(store, **wanted)
    assert counted["matched"] == 7
    late = store.detect()
    store.post(f"/v1/tasks/{ids[0]}/cancel")  # meanwhile
    wanted["filter"]["created_before"] = counted["at"]
    done = change(store, **wanted, dry_run=False, expected=7, limit=4)
    assert (done["matched"], done["done"], done["skipped"], done["failed"]) == (4, 4, [], [])
    rest = change(store, **wanted, dry_run=False, expected=3, cursor=done["next_cursor"])
    assert (rest["matched"], rest["done"], rest["next_cursor"]) == (2, 2, None)
    assert {store.task(task_id)["status"] for task_id in ids} == {"cancelled"} and store.task(late)["status"] == "pending"
    # What has ended stays as it is, and is said.
    again = change(store, action="cancel", filter={"created_before": counted["at"]}, dry_run=False)
    assert again["done"] == 0 and again["skipped"] == [{"reason": "it has ended", "count": 9}]


def test_more_than_expected_changes_nothing(store: Server):
    make_tasks(store.redis(), 5)
    answer = store.post("/v1/tasks/actions", json={"action": "delete", "all": True, "dry_run": False, "expected": 4})
    assert "5 match, and 4 were expected" in problem(answer, 409, "more_than_expected")["detail"]
    assert store.get("/v1/tasks/").json()["total"] == 5


def test_a_record_that_is_none_is_said(store: Server):
    make_tasks(store.redis(), 3)
    store.redis().delete("task:task-00001")
    store.redis().lpush("task:task-00001", "foreign")
    done = change(store, action="delete", filter={"status": "completed"}, dry_run=False)
    assert done["done"] == 2
    assert store.get("/v1/tasks/").json()["total"] == 0 and store.redis().llen("task:task-00001") == 1


def fail(server: Server, count: int, actor: str = "nobody{}") -> list[str]:
    """Tasks that die at once: their actors are not known."""
    ids = []
    for number in range(count):
        answer = server.post("/v1/queues/medsynth/messages", json={"actor": actor.format(number), "kwargs": {"note": f"case {number}"}, "options": {"max_retries": 0}})
        ids.append(answer.json()["data"]["task_id"])
    wait_until(lambda: all(server.task(task_id)["status"] == "failed" for task_id in ids), 60, "they died")
    return ids


def test_errors_by_their_words_and_replay_of_a_group(make_server: MakeServer):
    server = make_server().start()
    ids = fail(server, 3)
    other = fail(server, 1, "someone")
    for where, newest in (("tasks", ids[2]), ("dead", None)):
        body = server.get(f"/v1/errors/{where}").json()
        assert [group["count"] for group in body["groups"]] == [3, 1] and body["next_cursor"] is None and body["left_out"] == 0
        group = body["groups"][0]
        assert "nobodyN" in group["error"] and "nobody2" in group["newest_text"] and group["newest_task"] == ids[2], group
        assert newest in (None, group["newest"]) and group["queues"] == ["medsynth"] and len(group["actors"]) == 3
    words = group["error"]
    assert set(found(server, f"error={words}")) == set(ids)
    assert server.get("/v1/errors/dead?text=case%202").json()["groups"][0]["count"] == 1

    server.post("/v1/queues/medsynth/pause")
    counted = change(server, "dead", action="replay", filter={"error": words})
    assert (counted["matched"], counted["done"]) == (3, 0) and server.get("/v1/dead/").json()["total"] == 4
    done = change(server, "dead", action="replay", filter={"error": words}, dry_run=False, expected=3)
    assert (done["done"], done["skipped"], done["failed"]) == (3, [], [])
    assert {server.task(task_id)["status"] for task_id in ids} == {"pending"} and server.get("/v1/dead/").json()["total"] == 1
    # Of tasks: what has a dead letter.
    done = change(server, action="replay", filter={"status": "failed"}, dry_run=False)
    assert done["done"] == 1 and server.task(other[0])["status"] == "pending"
    assert change(server, action="replay", filter={"status": "failed"})["matched"] == 0
    server.post("/v1/queues/medsynth/resume")
    wait_until(lambda: server.get("/v1/dead/").json()["total"] == 4, 60, "they died again")
    done = change(server, "dead", action="delete", all=True, dry_run=False)
    assert done["done"] == 4 and server.get("/v1/dead/").json()["total"] == 0


def test_a_key_of_a_queue_changes_that_alone(make_server: MakeServer):
    server = make_server("--workers", "0").start()
    make_tasks(server.redis(), 2, "mine-{}", queue="mine")
    make_tasks(server.redis(), 2, "others-{}")
    token = server.cli("keys", "create", "mine", "--scope", "operate", "--queue", "mine").stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    wait_until(lambda: server.get("/v1/tasks/").status_code == 401, 30, "keys are needed")

    def ask(**body):
        return server.post("/v1/tasks/actions", json={"action": "delete", "dry_run": False, **body}, headers=headers)
    for body in ({"all": True}, {"filter": {"status": "completed"}}, {"filter": {"queue": "medsynth"}}):
        problem(ask(**body), 403, "queue_not_allowed")
    assert ask(filter={"queue": "mine"}).json()["data"]["done"] == 2
    assert server.redis().exists("task:others-0", "task:others-1") == 2


# --- from the command line


def test_the_command_line_finds_and_changes(store: Server):
    make_tasks(store.redis(), 30, "a-{}")
    make_tasks(store.redis(), 3, "b-{}", status="failed", error="needs 12 MiB")
    listed = json.loads(store.cli("tasks", "list", "--text", "a-", "--limit", "25", "--json").stdout)
    assert len(listed["tasks"]) == 25 and listed["next_cursor"]
    assert store.cli("tasks", "list", "--created-after", "1h").stdout.startswith("No task matches")
    shown = store.cli("tasks", "errors").stdout
    assert "needs N MiB" in shown and " 3 " in f" {shown.splitlines()[1]} ", shown
    wrong = store.cli("tasks", "list", "--created-after", "soon")
    assert wrong.returncode == 2 and "--created-after" in wrong.stderr
    asked = store.cli("tasks", "cancel", "--status", "failed")  # there is no terminal to ask on
    assert asked.returncode == 2 and "--yes" in asked.stderr
    done = store.cli("tasks", "cancel", "--status", "failed", "--yes")
    assert done.returncode == 0 and done.stdout == "cancelled 0 of 3 tasks\nskipped: it has ended (3)\n", done.stdout
    done = store.cli("tasks", "rm", "--error", "needs N MiB", "--yes", "--json")
    assert json.loads(done.stdout)["deleted_count"] == 3
    assert store.cli("tasks", "rm", "--older-than", "60", "--status", "completed", "--yes").stdout == "deleted 30 tasks\n"
    assert store.cli("tasks", "replay", "--yes").returncode == 2


def test_the_command_line_replays_a_group(make_server: MakeServer):
    server = make_server().start()
    fail(server, 2)
    words = json.loads(server.cli("dead", "errors", "--json").stdout)["groups"][0]["error"]
    server.post("/v1/queues/medsynth/pause")
    assert server.cli("dead", "replay", "--error", words).stdout == "replayed 2 dead letters\n"
    assert server.cli("dead", "errors").stdout == "No errors.\n"
    both = server.cli("dead", "purge", "--error", words, "--all", "--queue", "medsynth", "--yes")
    assert both.returncode == 2 and "one of these" in both.stderr


# --- the history


def test_the_history_has_what_ran(make_server: MakeServer):
    server = make_server().start()
    for _ in range(3):
        server.result(server.detect(use_all_methods=False))
    fail(server, 2)

    def sums() -> dict:
        steps = server.get("/v1/history").json()["steps"]
        return {name: sum(step[name] for step in steps) for name in ("ended", "failed", "started")}
    wait_until(lambda: sums() == {"ended": 5, "failed": 2, "started": 3}, 30, "workers add what they did")
    hour = server.get("/v1/history").json()
    assert (hour["span"], hour["step_seconds"], hour["kept"]) == ("hour", 10, 360)
    assert all(step["memory_percent"] > 0 for step in hour["steps"]) and any(step["mean_wait"] is not None for step in hour["steps"])
    assert [step["at"] for step in hour["steps"]] == sorted(step["at"] for step in hour["steps"])
    day = server.get("/v1/history?span=day").json()
    assert day["step_seconds"] == 300 and sum(step["ended"] for step in day["steps"]) == 5
    assert "5 runs ended, 2 failed" in server.cli("status").stdout
    assert pointers(server.get("/v1/history?span=week")) == ["/span"]
    # It outlives the server, two servers do not count twice, and it is small.
    another = make_server("--workers", "0", "--redis", "external", redis_port=str(server.redis_port), REDIS_URL=server.redis_url()).start(ready=False)
    wait_until(lambda: another.get("/v1/history").status_code == 200, 30, "the other server")
    assert sum(step["ended"] for step in another.get("/v1/history").json()["steps"]) == 5
    store = server.redis()
    [key] = store.keys("medsynth:*:history:hour")
    assert store.hlen(key) <= 360 and 0 < store.ttl(key) <= 3600


def test_a_change_of_limits_is_forecast(make_server: MakeServer):
    server = make_server().start()
    used = server.get("/v1/resources/usage").json()["memory_percent"]
    server.request("PUT", "/v1/resources/limits", json={"max_memory_percent": max(used / 2, 0.5)})
    wait_until(lambda: server.get("/v1/resources/usage").json()["hosts"][0]["reason"] == "memory", 30, "a closed gate")
    ids = {server.detect() for _ in range(3)}

    def would() -> dict:
        return server.get("/v1/resources/limits/forecast?max_memory_percent=100").json()
    wait_until(lambda: would()["would_start"] == 3, 30, "they wait")
    assert set(would()["tasks"]) <= ids
    assert server.get("/v1/resources/limits/forecast?max_concurrent_tasks=50").json() == {"would_start": 0, "tasks": []}
    assert pointers(server.get("/v1/resources/limits/forecast")) == [""]
    assert pointers(server.get("/v1/resources/limits/forecast?max_cpu_percent=101")) == ["/max_cpu_percent"]
    assert server.get("/v1/resources/limits").json()["max_memory_percent"] < 100
