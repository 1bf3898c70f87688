"""What one caller may take, a key or an address, so that none can stop the others; and what each costs."""

import concurrent.futures
import json
import re
import subprocess

import requests
from conftest import ASPIRIN, BINARY, NO_ASPIRIN, Server, bearer, create_key, problem, wait_until

DETECT = "/v1/async-ml/contradiction/detect"
CLAIMS = {"claim1": ASPIRIN, "claim2": NO_ASPIRIN}


def assert_refused(answer: requests.Response, code: str) -> None:
    problem(answer, 429, code)
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_key_has_its_rate(make_server):
    """As many requests as it says, then 429 with the time to wait; nobody else is held to it, and health needs no key."""
    server = make_server("--workers", "0")
    held = bearer(create_key(server, "held", "--scope", "read", "--rate", "5/h"))
    free = bearer(create_key(server, "free", "--scope", "read"))
    server.start()
    for left in range(4, -1, -1):
        answer = server.get("/v1/tasks/", headers=held)
        assert answer.status_code == 200
        assert answer.headers["RateLimit-Policy"] == '"requests";q=5;w=3600'
        assert re.fullmatch(rf'"requests";r={left};t=\d+', answer.headers["RateLimit"])
    for method, path in (("GET", "/v1/tasks/"), ("DELETE", "/v1/tasks/?all=true"), ("GET", "/v1/tasks/x")):
        answer = server.request(method, path, headers=held)
        assert_refused(answer, "rate_exceeded")
        assert 1 < int(answer.headers["Retry-After"]) <= 720 and "held" in answer.json()["detail"]
    for _ in range(10):
        answer = server.get("/v1/tasks/", headers=free)
        assert answer.status_code == 200 and "RateLimit" not in answer.headers
        assert server.get("/livez", headers=held).status_code == 200
    assert server.stop() == 0


def test_a_key_has_so_many_requests_under_way(make_server):
    """Those that wait and streams of events count; a place is free again as soon as one ends."""
    server = make_server("--workers", "0")
    held = bearer(create_key(server, "held", "--scope", "read,submit", "--concurrent", "2"))
    free = bearer(create_key(server, "free", "--scope", "read,operate"))
    server.start()
    task = server.post(DETECT, json=CLAIMS, headers=held).json()["data"]["task_id"]
    with concurrent.futures.ThreadPoolExecutor() as threads:
        waits = threads.submit(server.get, f"/v1/tasks/{task}?wait=60", headers=held, timeout=90)
        with server.get("/v1/events", headers=held, stream=True) as events:
            next(events.iter_lines())
            wait_until(lambda: server.get("/v1/tasks/", headers=held).status_code == 429, what="two requests under way")
            assert_refused(server.get("/v1/tasks/", headers=held), "concurrency_exceeded")
            assert server.get("/v1/tasks/", headers=free).status_code == 200
        assert server.post(f"/v1/tasks/{task}/cancel", headers=free).status_code == 202
        assert waits.result().json()["status"] == "cancelled"
    wait_until(lambda: server.get("/v1/tasks/", headers=held).status_code == 200, what="a free place")
    assert server.stop() == 0


def test_a_key_has_its_bytes_and_its_part_of_a_queue(make_server):
    server = make_server("--workers", "0", "--max-queue-length", "4")
    held = bearer(create_key(server, "held", "--scope", "submit", "--bytes", "1MB", "--queue-length", "2"))
    free = bearer(create_key(server, "free", "--scope", "submit"))
    server.start()
    file = {"data": b"x" * 1_500_000, "headers": {"Content-Type": "application/octet-stream"}}
    assert_refused(server.post("/v1/references", **{**file, "headers": {**file["headers"], **held}}), "bytes_exceeded")
    problem(server.post("/v1/references", **{**file, "headers": {**file["headers"], **free}}), 422)  # is read: no format that is known

    def submit(key: dict[str, str]) -> requests.Response:
        return server.post(DETECT, json=CLAIMS, headers=key)

    message = {"actor": "detect_contradiction", "kwargs": CLAIMS}
    assert [submit(held).status_code for _ in range(2)] == [202, 202]
    assert_refused(submit(held), "queue_bound_exceeded")
    assert_refused(server.post("/v1/queues/medsynth/messages", json=message, headers=held), "queue_bound_exceeded")
    assert [submit(free).status_code for _ in range(2)] == [202, 202]
    problem(submit(free), 503, "queue_full")
    for _ in range(2):  # a queue that nobody here consumes
        assert server.post("/v1/queues/elsewhere/messages", json=message, headers=held).status_code == 202
    assert_refused(server.post("/v1/queues/elsewhere/messages", json=message, headers=held), "queue_bound_exceeded")
    assert server.stop() == 0


def test_an_address_may_have_a_rate(make_server):
    """Where no key is needed, and for those who guess keys; a key that counts is no address."""
    server = make_server("--workers", "0", MEDSYNTH_ADDRESS_RATE="3/h").start()
    assert [server.get("/v1/tasks/").status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = server.get("/v1/tasks/")
    assert_refused(answer, "rate_exceeded")
    assert "127.0.0.1" in answer.json()["detail"] and server.get("/readyz").status_code == 200
    server.stop()
    key = bearer(create_key(server, "one", "--scope", "read"))
    server.start()
    guess = bearer("medsynth_" + "0" * 12 + "_" + "0" * 64)
    assert [server.get("/v1/tasks/", headers=guess).status_code for _ in range(4)] == [401, 401, 401, 429]
    assert all(server.get("/v1/tasks/", headers=key).status_code == 200 for _ in range(5))
    assert server.stop() == 0


def test_what_a_key_costs(make_server):
    server = make_server("--workers", "0")
    key = bearer(create_key(server, "ci", "--scope", "read,submit", "--rate", "2/h"))
    watcher = bearer(create_key(server, "watch", "--scope", "read"))
    server.start()
    for _ in range(2):
        assert server.post(DETECT, json=CLAIMS, headers=key).status_code == 202
    for _ in range(3):
        assert server.get("/v1/tasks/", headers=key).status_code == 429
    page = server.get("/metrics", headers=watcher).text
    assert 'medsynth_key_requests_total{key="ci",outcome="answered"} 2' in page
    assert 'medsynth_key_requests_total{key="ci",outcome="refused"} 3' in page
    seconds = float(re.search(r'medsynth_key_request_seconds_total\{key="ci"\} (\S+)', page)[1])
    size = float(re.search(r'medsynth_key_bytes_total\{key="ci"\} (\S+)', page)[1])
    assert seconds > 0 and size > 2 * len(json.dumps(CLAIMS))
    assert server.stop() == 0


def test_the_commands(make_server):
    server = make_server()
    made = server.cli("keys", "create", "ci", "--scope", "read", "--rate", "600/m", "--concurrent", "8", "--bytes", "32MB", "--queue-length", "1000", "--json")
    assert json.loads(made.stdout)["limits"] == {"rate": {"requests": 600, "seconds": 60}, "concurrent": 8, "bytes_in_flight": 32 * 1024 * 1024,
                                                 "queue_length": 1000}
    create_key(server, "free", "--scope", "read")
    listed = server.cli("keys", "list").stdout
    assert "LIMITS" in listed and "600/m, 8 at once, 32 MB, queues to 1000" in listed
    for option, value in (("--rate", "fast"), ("--rate", "0/s"), ("--concurrent", "0"), ("--bytes", "1"), ("--queue-length", "-1")):
        outcome = server.cli("keys", "create", "x", "--scope", "read", option, value)
        assert outcome.returncode == 2 and option in outcome.stderr and not outcome.stdout, outcome
    refused = subprocess.run([str(BINARY), "serve", "--listen", "127.0.0.1:0", "--address-rate", "fast"], env=server.environment, stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2 and "--address-rate" in refused.stderr and "20/s" in refused.stderr
