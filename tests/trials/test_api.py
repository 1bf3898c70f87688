"""What a local process without credentials, a web page, or a careless client may send to the API, and what it then still does."""

import json
import pathlib
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
import requests
from conftest import ASPIRIN, NO_ASPIRIN, Redis, Server, pointers, problem, wait_until

DETECT = "/v1/async-ml/contradiction/detect"
MESSAGES = "/v1/queues/medsynth/messages"
JSON = {"Content-Type": "application/json"}
ODD_ID = "\x1fstatus:pending"  # as a record's key it would be an index
MAX_BODY = 16 * 1024 * 1024


@pytest.fixture(scope="module")
def api(models, tmp_path_factory) -> Iterator[Server]:
    """One server for all, with small bounds. Its queue is bounded, too."""
    running = Server(tmp_path_factory.mktemp("api"), MEDSYNTH_MAX_BYTES_IN_FLIGHT="32", MEDSYNTH_MAX_QUEUE_LENGTH="20").start()
    yield running
    assert running.stop() == 0


def peak_memory(server: Server) -> int:
    """Most bytes that the process ever had in memory."""
    with open(f"/proc/{server.process.pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024


def message(message_id: str, **options) -> dict:
    return {"queue_name": "medsynth", "actor_name": "detect_contradiction", "args": [],
            "kwargs": {"claim1": ASPIRIN, "claim2": NO_ASPIRIN, "use_all_methods": False}, "options": options,
            "message_id": message_id, "message_timestamp": int(time.time() * 1000)}


def put(server: Server, envelope: dict) -> str:
    """A message as a foreign producer puts it on the queue."""
    redis_id = str(uuid.uuid4())
    redis = server.redis()
    redis.hset("dramatiq:medsynth.msgs", redis_id, json.dumps({**envelope, "options": {**envelope["options"], "redis_message_id": redis_id}}))
    redis.rpush("dramatiq:medsynth", redis_id)
    return redis_id


def test_s1_a_follower_with_an_odd_id_does_not_stop_the_submissions(api: Server):
    body = {"actor": "detect_contradiction", "kwargs": message("m")["kwargs"], "options": {"pipe_target": message(ODD_ID)}}
    assert pointers(api.post(MESSAGES, json=body)) == ["/options/pipe_target/message_id"]
    own, follower = put(api, message(ODD_ID)), put(api, message(str(uuid.uuid4()), pipe_target=message(ODD_ID)))

    def letters() -> dict[str, str]:
        return {each["id"]: each["reason"] for each in api.get("/v1/dead/?queue=medsynth").json()["letters"]}
    wait_until(lambda: letters().keys() >= {own, follower}, what="both are dead letters")
    assert "/message_id: must not contain control characters" in letters()[own]
    assert "/options/pipe_target/message_id" in letters()[follower]
    assert ODD_ID in json.loads(api.get(f"/v1/dead/{own}").json()["payload"])["message_id"]  # nothing is lost
    assert api.redis().type(f"task:{ODD_ID}") in (b"zset", b"none")
    assert api.result(api.detect(use_all_methods=False))["is_contradiction"]


@pytest.mark.parametrize("name", [".", "..", "\x00", "\x7f", "\x85", " ", "a" * 201])
def test_s1_names_that_are_no_part_of_a_path_or_key_are_refused(api: Server, name: str):
    path = requests.utils.quote(name, safe="").replace(".", "%2E")
    assert pointers(api.post(DETECT, json={"claim1": "a", "claim2": "b", "task_id": name})) == ["/task_id"]
    for method, target, pointer in (("GET", "/v1/tasks/{}", "/task_id"), ("DELETE", "/v1/tasks/{}", "/task_id"),
                                    ("POST", "/v1/queues/{}/pause", "/queue"), ("DELETE", "/v1/model-cache/models/{}", "/model_id"),
                                    ("POST", "/v1/models/{}/use", "/model_id"),
                                    ("GET", "/v1/dead/{}", "/id"), ("GET", "/v1/async-ml/task/{}", "/task_id")):
        with requests.Session() as session:  # as it is: clients take dots for folders
            request = requests.Request(method, api.url + "/").prepare()
            request.url = api.url + target.format(path)
            assert pointers(session.send(request, timeout=20)) == [pointer], target


def test_s8_no_raw_key_of_redis_is_named_over_http(api: Server):
    api.redis().set("mine", "5")
    body = {"actor": "a", "options": {"group_completion_uuid": "mine", "group_completion_callbacks": []}}
    assert pointers(api.post(MESSAGES, json=body)) == ["/options/group_completion_uuid"]
    put(api, message(str(uuid.uuid4()), group_completion_uuid="mine", group_completion_callbacks=[]))
    wait_until(lambda: "group_completion_uuid" in api.get("/v1/dead/?limit=1").json()["letters"][0]["reason"], what="a dead letter")
    assert api.redis().get("mine") == b"5" and not api.redis().exists("mine@events")


def filled(head: str, part: Callable[[int], str], tail: str) -> str:
    """As large as a body may be."""
    parts, size = [], len(head) + len(tail)
    while size < MAX_BODY - 64:
        parts.append(part(len(parts)))
        size += len(parts[-1]) + 1
    return head + ",".join(parts) + tail


WORST = {
    "options": (MESSAGES, lambda: '{"actor":"a","options":{' + ",".join(f'"n{i}":0' for i in range(120_000)) + "}}"),
    "options of the largest body": (MESSAGES, lambda: filled('{"actor":"a","options":{', lambda i: f'"option{i:08}":{i}', "}}")),
    "numbers": (MESSAGES, lambda: filled('{"actor":"a","args":[', lambda i: "1", "]}")),
    "nested": (MESSAGES, lambda: filled('{"actor":"a","args":[', lambda i: "[" * 60 + "]" * 60, "]}")),
    "wrong elements": ("/v1/async-ml/contradiction/analyze", lambda: filled('{"articles":[', lambda i: "1", "]}")),
    "wrong texts": ("/v1/async-ml/embeddings/generate", lambda: filled('{"texts":[', lambda i: str(i), "]}")),
    "wrong claims": ("/v1/async-ml/contradiction/analyze", lambda: filled('{"articles":[{"claims":[', lambda i: str(i), "]}]}")),
    "unknown members": (DETECT, lambda: filled('{"claim1":"a","claim2":"b",', lambda i: f'"claim_{i}":0', "}")),
    "a long name": ("/v1/resources/limits", lambda: '{"' + "n" * (MAX_BODY - 64) + '":1}'),
    "escapes": (DETECT, lambda: '{"claim1":"' + "\\u0001" * (MAX_BODY // 6 - 20) + '","claim2":"b"}'),
    "metadata": (DETECT, lambda: filled('{"claim1":"a","claim2":"b","metadata1":{', lambda i: f'"m{i}":[]', "}}")),
}


def test_s2_s4_the_worst_bodies_neither_stop_the_loop_nor_fill_the_memory(api: Server):
    """/livez answers while each of them is under way, no answer is larger than a page, and the process stays small."""
    done = threading.Event()
    beats = []

    def beat() -> None:
        while not done.is_set():
            beats.append(api.get("/livez", timeout=8).status_code)
    pulse = threading.Thread(target=beat)
    pulse.start()
    try:
        for what, (path, make) in WORST.items():
            answer = api.request("PUT" if path.endswith("limits") else "POST", path, data=make(), headers=JSON, timeout=60)
            assert answer.status_code in (202, 422), f"{what}: {answer.text[:300]}"
            assert len(answer.content) < 100_000, what
            assert len(answer.json().get("errors", [])) <= 101, what
    finally:
        done.set()
        pulse.join()
    assert set(beats) == {200}
    assert peak_memory(api) < 700e6


def cpu_of(server: Server, thread: str) -> int:
    """Nanoseconds that a thread of the server has run."""
    tasks = pathlib.Path(f"/proc/{server.process.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks if (task / "comm").read_text().strip() == thread)


def test_s2_what_lies_in_redis_is_decoded_off_the_loop(api: Server):
    """A dead letter and a record of an older version, of many megabytes each: who works on them is the thread for that."""
    store = api.redis()
    options = ",".join(f'"option-{i}":{i}' for i in range(400_000))
    message = f'{{"queue_name":"big","actor_name":"a","args":[],"kwargs":{{}},"options":{{{options}}},"message_id":"m","message_timestamp":1}}'
    store.hset("dramatiq:big.XQ.msgs", "letter", message)
    store.zadd("dramatiq:big.XQ", {"letter": 1})
    store.set("task:legacy", f'{{"status":"completed","created_at":"2026-01-01T00:00:00Z",{options}}}')
    for path in ("/v1/dead/letter?queue=big", "/v1/dead/?queue=big", "/v1/tasks/legacy"):
        before = {thread: cpu_of(api, thread) for thread in ("ms-api", "ms-parse")}
        assert api.get(path).status_code == 200, path
        loop, parse = (cpu_of(api, thread) - before[thread] for thread in ("ms-api", "ms-parse"))
        assert loop < parse / 2, f"{path}: the loop ran {loop / 1e6:.0f} ms, the other {parse / 1e6:.0f} ms"
    store.delete("task:legacy", "dramatiq:big.XQ", "dramatiq:big.XQ.msgs")


def test_s3_another_web_page_changes_nothing(api: Server):
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        for method, path in (("POST", "/v1/queues/medsynth/pause"), ("POST", "/v1/tasks/x/cancel"), ("POST", "/v1/dead/replay?queue=medsynth"),
                             ("POST", DETECT + "?claim1=a&claim2=b"), ("DELETE", "/v1/tasks/?all=true"), ("DELETE", "/v1/model-cache/clear")):
            problem(api.request(method, path, headers=headers), 403, "cross_site_request")
    assert api.get("/v1/queues/").json()["queues"][0]["state"] == "active"
    assert api.post("/v1/queues/medsynth/resume", headers={"Origin": api.url, "Sec-Fetch-Site": "same-origin"}).status_code == 200
    assert api.get("/livez", headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_s5_all_bodies_together_are_bounded(api: Server):
    """Nine that each hold 8 MB of a body: 32 MB are allowed."""
    host, port = api.url.removeprefix("http://").split(":")
    head = f"POST {DETECT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {15 << 20}\r\n\r\n"
    refused = b""
    connections = []
    for _ in range(9):
        connection = socket.create_connection((host, int(port)), 20)
        connections.append(connection)
        try:
            connection.sendall(head.encode() + b" " * (8 << 20))
        except ConnectionError:
            pass
    for connection in connections:
        connection.settimeout(1)
        try:
            refused = refused or connection.recv(65536)
        except TimeoutError:
            pass
    assert refused.startswith(b"HTTP/1.1 503 ") and b"\r\nRetry-After: " in refused and b"too_many_bytes" in refused, refused[:300]
    assert api.get("/livez").status_code == 200
    for connection in connections:
        connection.close()
    wait_until(lambda: api.post(DETECT, data='{"claim1":"' + " " * 1_000_000, headers=JSON).status_code == 400, what="room again")
    assert peak_memory(api) < 700e6


def test_s5_a_queue_has_an_end(api: Server):
    assert api.post("/v1/queues/medsynth/pause").status_code == 200
    try:
        answers = [api.post(DETECT, json={"claim1": "a", "claim2": "b"}) for _ in range(21)]
        assert [each.status_code for each in answers] == [202] * 20 + [503]
        assert problem(answers[-1], 503, "queue_full") and answers[-1].headers["Retry-After"]
        problem(api.post(MESSAGES, json={"actor": "a"}), 503, "queue_full")
        assert api.get("/v1/tasks/?status=pending").json()["total"] == 20
    finally:
        assert api.request("DELETE", "/v1/queues/medsynth/messages").json()["data"]["purged_count"] == 20
        api.post("/v1/queues/medsynth/resume")


def test_s5_a_redis_without_memory_is_said_to_be(make_redis: Callable[..., Redis], make_server: Callable[..., Server]):
    store = make_redis()
    server = make_server("--workers", "0", redis_port=store.port).start(ready=False)
    wait_until(lambda: server.post(DETECT, json={"claim1": "a", "claim2": "b"}).status_code == 202, what="it has reached Redis")
    store.client.config_set("maxmemory", "1")
    for path, body in ((DETECT, {"claim1": "a", "claim2": "b"}), (MESSAGES, {"actor": "a"}), ("/v1/queues/theirs/messages", {"actor": "a"})):
        answer = server.post(path, json=body)
        assert problem(answer, 503) and answer.headers["Retry-After"], path
    store.client.config_set("maxmemory", "0")
    assert server.post(DETECT, json={"claim1": "a", "claim2": "b"}).status_code == 202


def test_s7_one_unreadable_record_breaks_nothing(api: Server):
    task_id = api.detect(use_all_methods=False)
    api.wait_task(task_id)
    api.redis().hset(f"task:{task_id}", mapping={"result": '{"score": NaN}', "note": "no json", "metadata": "7"})
    task = api.task(task_id)
    assert (task["result"], task["note"], task["metadata"]) == (None, None, None)
    assert task["unreadable_fields"] == ["result", "metadata", "note"]
    assert task_id in [each["task_id"] for each in api.get("/v1/tasks/").json()["tasks"]]
    listed = api.cli("tasks", "list")
    assert listed.returncode == 0 and task_id in listed.stdout, listed.stderr


def test_s8_a_large_dead_letter_is_shown(api: Server):
    for name, payload in (("large-kwargs", json.dumps({**message("m"), "kwargs": {"text": "a" * 20_000_000}})), ("large-bytes", b"\xff" * 20_000_000)):
        api.redis().hset("dramatiq:medsynth.XQ.msgs", name, payload)
        api.redis().zadd("dramatiq:medsynth.XQ", {name: int(time.time() * 1000)})
        answer = api.get(f"/v1/dead/{name}")
        assert answer.status_code == 200 and len(answer.content) < MAX_BODY // 2
        letter = answer.json()
        assert letter["payload_bytes"] == len(payload) and letter["omitted"] == [{"large-kwargs": "kwargs", "large-bytes": "payload"}[name]]
        assert api.cli("dead", "show", name).returncode == 0
    page = api.get("/v1/dead/").json()  # ends early where letters are large
    listed = [each["id"] for each in page["letters"]]
    while page["next_cursor"]:
        page = api.get("/v1/dead/?cursor=" + requests.utils.quote(page["next_cursor"])).json()
        listed += [each["id"] for each in page["letters"]]
    assert {"large-kwargs", "large-bytes"} <= set(listed) and len(listed) == len(set(listed))
    for name in ("large-kwargs", "large-bytes"):
        assert api.request("DELETE", f"/v1/dead/{name}").status_code == 200


def test_c6_every_body_is_read_alike(api: Server):
    """Of each call that takes JSON: malformed is 400, a wrong field 422 with its pointer, a coded one 415; a byte order mark is nothing."""
    paths = api.get("/openapi.json").json()["paths"]
    calls = [(method.upper(), path.replace("{queue}", "medsynth")) for path, methods in paths.items()
             for method, call in methods.items() if "application/json" in call.get("requestBody", {}).get("content", {})]
    assert len(calls) >= 5
    for method, path in calls:
        for bom in (b"", b"\xef\xbb\xbf"):
            problem(api.request(method, path, data=bom + b'{"a":', headers=JSON), 400, "malformed_json")
            assert "/nonsense" in pointers(api.request(method, path, data=bom + b'{"nonsense":1}', headers=JSON))
        assert pointers(api.request(method, path, data=b"[]", headers=JSON)) == [""]
        coded = api.request(method, path, data=b"\x1f\x8b", headers={**JSON, "Content-Encoding": "gzip"})
        assert problem(coded, 415) and coded.headers["Accept-Encoding"] == "identity"
        refused = api.request("PATCH", path)
        assert problem(refused, 405) and method in refused.headers["Allow"]
    assert api.post(DETECT, data=b'\xef\xbb\xbf{"claim1":"a","claim2":"b"}', headers=JSON).status_code == 202


@pytest.mark.parametrize(("target", "pointer"), [
    ("/v1/tasks/", "/all"), ("/v1/tasks/?status=", "/status"), ("/v1/tasks/?older_than=", "/older_than"), ("/v1/tasks/?status=%20", "/status"),
    ("/v1/tasks/?status=*", "/status"), ("/v1/tasks/?all", "/all"), ("/v1/tasks/?all=", "/all"), ("/v1/tasks/?all=true&status=failed", "/all"),
    ("/v1/tasks/?all=true&stauts=failed", "/stauts"), ("/v1/tasks//", "/task_id"), ("/v1/dead/", "/queue"), ("/v1/dead/?queue=", "/queue"),
    ("/v1/dead/?queue=medsynth&limit=", "/limit"), ("/v1/queues/medsynth/messages?limit=", "/limit"), ("/v1/model-cache/clear?model=x", "/model"),
])
def test_c1_nothing_is_deleted_without_saying_what(api: Server, target: str, pointer: str):
    before = api.get("/v1/tasks/").json()["total"]
    assert pointers(api.request("DELETE", target)) == [pointer]
    assert api.get("/v1/tasks/").json()["total"] == before
