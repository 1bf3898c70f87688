"""GET and DELETE /v1/tasks/, cancel."""

import json
import re
import uuid
from urllib.parse import quote

import pytest
from conftest import ASPIRIN, NO_ASPIRIN, Server, pointers, problem, wait_until
from records import make_tasks

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def test_a_task_has_every_field_of_the_contract(server: Server):
    task_id = server.detect()
    task = server.wait_task(task_id)
    assert task["task_id"] == task_id
    assert task["status"] == "completed"
    assert task["progress"] == 100
    assert TIME.fullmatch(task["created_at"]) and TIME.fullmatch(task["updated_at"]) and TIME.fullmatch(task["completed_at"])
    assert task["created_at"] <= task["completed_at"]
    assert task["failed_at"] is None and task["error"] is None
    assert task["actor"] == "detect_contradiction" and task["queue"] == "medsynth"
    assert task["attempt"] == 1
    assert uuid.UUID(task["message_id"])


def test_an_unknown_task_is_404(server: Server):
    problem(server.get("/v1/tasks/no-such-task"), 404, "task_not_found")
    problem(server.request("DELETE", "/v1/tasks/no-such-task"), 404, "task_not_found")
    problem(server.post("/v1/tasks/no-such-task/cancel"), 404, "task_not_found")


@pytest.mark.parametrize("task_id", ["with/slash", "with space", "ünï©ode-😀", "per%cent", "a:b:c", "...", "x" * 200])
def test_any_id_can_be_read_and_deleted(server: Server, task_id: str):
    assert server.detect(task_id=task_id, use_all_methods=False) == task_id
    path = "/v1/tasks/" + quote(task_id, safe="").replace(".", "%2E")
    # The client library tidies dots away, so the path is sent as it is.
    wait_until(lambda: server.get(path).status_code == 200, what="the task is there")
    assert server.get(path).json()["task_id"] == task_id
    answer = server.request("DELETE", path)
    assert answer.status_code == 200
    assert answer.json()["data"] == {"deleted_count": 1}
    assert server.get(path).status_code == 404


@pytest.mark.parametrize("task_id", ["", "x" * 201, "a\nb", "a\x7fb"])
def test_ids_that_are_not_allowed_are_refused(server: Server, task_id: str):
    answer = server.post("/v1/async-ml/contradiction/detect", json={"claim1": ASPIRIN, "claim2": NO_ASPIRIN, "task_id": task_id})
    assert pointers(answer) == ["/task_id"]


def test_tasks_are_listed_newest_first_in_pages(server: Server):
    ids = [server.detect(use_all_methods=False) for _ in range(5)]
    for task_id in ids:
        server.wait_task(task_id)
    page = server.get("/v1/tasks/?limit=2").json()
    assert [task["task_id"] for task in page["tasks"]] == [ids[4], ids[3]]
    assert page["total"] >= 5
    second = server.get(f"/v1/tasks/?limit=2&cursor={quote(page['next_cursor'])}").json()
    assert [task["task_id"] for task in second["tasks"]] == [ids[2], ids[1]]
    by_offset = server.get("/v1/tasks/?limit=2&offset=2").json()
    assert by_offset["tasks"] == second["tasks"]
    created = [task["created_at"] for task in server.get("/v1/tasks/?limit=1000").json()["tasks"]]
    assert created == sorted(created, reverse=True)
    assert server.get("/v1/tasks?limit=1").status_code == 200  # without the slash, too


def test_the_last_page_has_no_cursor(server: Server):
    server.detect()
    assert server.get("/v1/tasks/?limit=1000").json()["next_cursor"] is None


def test_tasks_are_filtered_by_status(server: Server):
    task_id = server.detect()
    server.wait_task(task_id)
    completed = server.get("/v1/tasks/?status=completed&limit=1000").json()
    assert task_id in [task["task_id"] for task in completed["tasks"]]
    assert {task["status"] for task in completed["tasks"]} == {"completed"}
    assert completed["total"] == len(completed["tasks"])
    failed = server.get("/v1/tasks/?status=failed&limit=1000").json()["tasks"]
    assert task_id not in [task["task_id"] for task in failed] and {task["status"] for task in failed} <= {"failed"}


@pytest.mark.parametrize(("query", "pointer"), [
    ("status=done", "/status"), ("limit=-1", "/limit"), ("limit=0", "/limit"), ("limit=1001", "/limit"), ("limit=ten", "/limit"),
    ("limit=1.5", "/limit"), ("offset=-1", "/offset"), ("cursor=nonsense", "/cursor"), ("stauts=failed", "/stauts"),
])
def test_wrong_queries_name_their_parameter(server: Server, query: str, pointer: str):
    assert pointers(server.get(f"/v1/tasks/?{query}")) == [pointer]


def test_large_results_are_left_out_of_lists(make_server):
    server = make_server().start()
    texts = [f"Sentence number {i} about blood pressure." for i in range(40)]
    task_id = server.post("/v1/async-ml/embeddings/generate", json={"texts": texts}).json()["data"]["task_id"]
    result = server.result(task_id)
    size = len(json.dumps(result, separators=(",", ":")))
    assert size > 64 * 1024
    [listed] = server.get("/v1/tasks/").json()["tasks"]
    assert listed["result"] is None
    assert listed["result_bytes"] == size


def test_deleting_by_status_and_age(make_server):
    server = make_server().start()
    ids = [server.detect(use_all_methods=False) for _ in range(3)]
    for task_id in ids:
        server.wait_task(task_id)
    def delete(query: str) -> int:
        answer = server.request("DELETE", f"/v1/tasks/{query}")
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "success"
        return answer.json()["data"]["deleted_count"]
    assert delete("?older_than=3600") == 0
    assert delete("?status=failed") == 0
    assert delete("?status=completed&older_than=0") == 3
    assert server.get("/v1/tasks/").json() == {"tasks": [], "scanned": 0, "total": 0, "next_cursor": None}
    server.wait_task(server.detect(use_all_methods=False))
    problem(server.request("DELETE", "/v1/tasks/"), 422)  # neither a filter nor all=true
    assert delete("?all=true") == 1
    assert pointers(server.request("DELETE", "/v1/tasks/?older_than=-1")) == ["/older_than"]
    assert pointers(server.request("DELETE", "/v1/tasks/?status=old")) == ["/status"]


def test_an_ended_task_cannot_be_cancelled(server: Server):
    task_id = server.detect()
    server.wait_task(task_id)
    problem(server.post(f"/v1/tasks/{task_id}/cancel"), 409)
    assert server.task(task_id)["status"] == "completed"


def test_a_waiting_task_is_cancelled_at_once_and_never_runs(make_server):
    server = make_server("--workers", "0").start()
    task_id = server.detect()
    answer = server.post(f"/v1/tasks/{task_id}/cancel")
    assert answer.status_code == 202, answer.text
    assert server.task(task_id)["status"] == "cancelled"
    store = server.redis()
    assert store.llen("dramatiq:medsynth") == 1  # cancelling never touches a queue's list
    worker = make_worker(server)
    try:
        wait_until(lambda: store.hlen("dramatiq:medsynth.msgs") == 0, what="the message is settled")
    finally:
        worker.terminate()
        worker.wait(30)
    task = server.task(task_id)
    assert task["status"] == "cancelled" and task["result"] is None


def make_worker(server: Server):
    import subprocess

    from conftest import BINARY
    return subprocess.Popen([str(BINARY), "worker"], env=server.environment, stdin=subprocess.DEVNULL,
                            stderr=(server.folder / "worker.log").open("a"))


def test_a_running_task_is_stopped(make_server):
    server = make_server().start()
    texts = [f"Sentence number {i} about blood pressure and the heart." * 20 for i in range(2000)]
    task_id = server.post("/v1/async-ml/embeddings/generate", json={"texts": texts}).json()["data"]["task_id"]
    wait_until(lambda: server.task(task_id)["status"] == "processing", what="it runs")
    assert server.post(f"/v1/tasks/{task_id}/cancel").status_code == 202
    task = server.wait_task(task_id, 15)
    assert task["status"] == "cancelled" and task["result"] is None
    assert wait_until(lambda: server.redis().hlen("dramatiq:medsynth.msgs") == 0, what="the message is settled")


def test_deleting_a_running_task_does_not_bring_it_back(make_server):
    server = make_server().start()
    texts = [f"Sentence number {i} about blood pressure and the heart." * 20 for i in range(2000)]
    task_id = server.post("/v1/async-ml/embeddings/generate", json={"texts": texts}).json()["data"]["task_id"]
    wait_until(lambda: server.task(task_id)["status"] == "processing", what="it runs")
    assert server.request("DELETE", f"/v1/tasks/{task_id}").status_code == 200
    wait_until(lambda: server.redis().hlen("dramatiq:medsynth.msgs") == 0, what="the message is settled")
    assert server.get(f"/v1/tasks/{task_id}").status_code == 404
    assert server.get("/v1/tasks/").json()["total"] == 0


def test_commands_know_a_task_by_how_its_id_begins(make_server):
    server = make_server("--workers", "0").start()
    make_tasks(server.redis(), 2, name="abcd{:05d}-and-so-on")
    assert server.cli("tasks", "show", "abcd00001").returncode == 0
    both = server.cli("tasks", "rm", "abcd")
    assert both.returncode != 0 and "2 tasks have an id that begins with abcd (abcd0000" in both.stderr
    assert server.get("/v1/tasks/").json()["total"] == 2, "nothing was done"
    assert server.cli("tasks", "rm", "abcd00000", "abcd00001-and-so-on").returncode == 0
    assert server.get("/v1/tasks/").json()["total"] == 0
    for short in ("abcd", "abc"):
        assert server.cli("tasks", "show", short).returncode == 3, "as any id that nobody has"
