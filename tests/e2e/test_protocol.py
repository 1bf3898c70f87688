"""HTTP itself: what every call must refuse, and the endpoints about the server."""

import json
import socket

import pytest
import requests
from conftest import ASPIRIN, NO_ASPIRIN, Server, problem

DETECT = "/v1/async-ml/contradiction/detect"
GOOD = {"claim1": ASPIRIN, "claim2": NO_ASPIRIN}


def raw(server: Server, request: bytes, timeout: float = 10) -> bytes:
    """Sends bytes as they are, and everything that comes back until the connection closes or falls silent."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


@pytest.mark.parametrize("body", [b"{", b"", b"not json", b'{"claim1": NaN}', b'{"claim1":"a",}', b"\xff\xfe", b"[" * 1000])
def test_malformed_json_is_400(server: Server, body: bytes):
    answer = server.post(DETECT, data=body, headers={"Content-Type": "application/json"})
    if body:
        problem(answer, 400, "malformed_json")
    else:
        problem(answer, 422)  # no body at all: the claims are missing


def test_a_body_that_is_not_json_is_415(server: Server):
    problem(server.post(DETECT, data="claim1=a&claim2=b", headers={"Content-Type": "application/x-www-form-urlencoded"}), 415)


def test_a_huge_body_is_413(server: Server):
    body = json.dumps({"claim1": "a" * 17_000_000, "claim2": "b"})
    try:
        answer = server.post(DETECT, data=body, headers={"Content-Type": "application/json"})
    except requests.ConnectionError:
        pytest.fail("the connection was cut before the answer could be read")
    problem(answer, 413)


@pytest.mark.parametrize(("method", "path", "allowed"), [
    ("POST", "/v1/tasks/", {"GET", "DELETE"}), ("PUT", "/v1/tasks/x", {"GET", "DELETE"}), ("GET", "/v1/tasks/x/cancel", {"POST"}),
    ("POST", "/v1/resources/usage", {"GET"}), ("POST", "/v1/resources/limits", {"GET", "PUT"}), ("DELETE", "/v1/resources/system", {"GET"}),
    ("POST", "/v1/model-cache/stats", {"GET"}), ("GET", "/v1/model-cache/clear", {"DELETE"}), ("GET", "/v1/model-cache/models/x", {"DELETE"}),
    ("GET", DETECT, {"POST"}), ("GET", "/v1/async-ml/contradiction/analyze", {"POST"}), ("PUT", "/v1/async-ml/embeddings/generate", {"POST"}),
    ("POST", "/livez", {"GET"}),
])
def test_a_wrong_method_is_405_with_the_right_ones(server: Server, method: str, path: str, allowed: set[str]):
    answer = server.request(method, path)
    problem(answer, 405)
    assert allowed <= {word.strip() for word in answer.headers["Allow"].split(",")}


@pytest.mark.parametrize("path", ["/index.html", "/console", "/v1", "/v2/tasks/", "/v1/task/", "/v1/tasks/a/b", "/v1/resources", "/v1/async-ml/task/"])
def test_unknown_paths_are_404(server: Server, path: str):
    problem(server.get(path), 404)


def test_requests_that_are_not_http_are_refused(server: Server):
    assert raw(server, b"HELO medsynth\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert b" 431 " in raw(server, b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20000 + b"\r\n\r\n").split(b"\r\n")[0]
    assert server.get("/livez").status_code == 200


def test_requests_may_be_pipelined(server: Server):
    one = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    missing = b"GET /v1/tasks/none HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answers = raw(server, one + missing + one)
    assert answers.count(b"HTTP/1.1 200") == 2 and answers.count(b"HTTP/1.1 404") == 1
    assert answers.index(b"404") > answers.index(b"200")


def test_a_foreign_host_name_is_refused(server: Server):
    """A page on the web whose name was rebound to 127.0.0.1 gets nothing."""
    assert server.get("/v1/tasks/", headers={"Host": "evil.example"}).status_code in (403, 421)
    assert server.get("/livez", headers={"Host": "localhost:1234"}).status_code == 200


def test_request_ids_are_kept_or_made(server: Server):
    assert server.get("/livez", headers={"X-Request-Id": "abc-123"}).headers["X-Request-Id"] == "abc-123"
    assert len({server.get("/livez").headers["X-Request-Id"] for _ in range(5)}) == 5
    assert server.get("/livez", headers={"X-Request-Id": "a b" * 100}).headers["X-Request-Id"] != "a b" * 100


def test_health_is_told_apart(server: Server):
    for path in ("/livez", "/readyz", "/healthz"):
        assert server.get(path).status_code == 200
    verbose = server.get("/readyz?verbose").text
    assert "redis" in verbose and "worker" in verbose


def test_without_workers_it_lives_but_is_not_ready(make_server):
    server = make_server("--workers", "1").start()
    for pid in server.children(" worker"):
        import os
        import signal
        os.kill(pid, signal.SIGSTOP)
        try:
            from conftest import wait_until
            wait_until(lambda: server.get("/readyz").status_code == 503, 15, "a silent worker is missed")
            assert server.get("/livez").status_code == 200
        finally:
            os.kill(pid, signal.SIGCONT)
    from conftest import wait_until
    wait_until(lambda: server.get("/readyz").status_code == 200, 15, "ready again")


def test_metrics_are_prometheus_text(server: Server):
    server.result(server.detect())
    from conftest import wait_until
    def page() -> str | None:
        text = server.get("/metrics").text
        return text if 'ml_inference_total{' in text else None
    text = wait_until(page, what="the worker's metrics")
    assert server.get("/metrics").headers["Content-Type"].startswith("text/plain")
    for name in ("dramatiq_messages_total", "ml_inference_duration_seconds_bucket", "medsynth_http_request_duration_seconds_bucket",
                 "ml_model_memory_usage_bytes"):
        assert name in text, name
    for line in text.splitlines():
        assert line.startswith("#") or " " in line
    samples = [line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(samples) == len(set(samples)), "a series appears twice"


def test_every_call_of_the_contract_is_in_openapi(server: Server):
    document = server.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    contract = {
        "/v1/tasks/": {"get", "delete"}, "/v1/tasks/{task_id}": {"get", "delete"}, "/v1/tasks/{task_id}/cancel": {"post"},
        "/v1/resources/usage": {"get"}, "/v1/resources/limits": {"get", "put"}, "/v1/resources/system": {"get"},
        "/v1/model-cache/stats": {"get"}, "/v1/model-cache/models/{model_id}": {"delete"}, "/v1/model-cache/clear": {"delete"},
        DETECT: {"post"}, "/v1/async-ml/contradiction/analyze": {"post"}, "/v1/async-ml/embeddings/generate": {"post"},
        "/v1/async-ml/task/{task_id}": {"get"}, "/livez": {"get"}, "/readyz": {"get"}, "/healthz": {"get"}, "/metrics": {"get"},
        "/openapi.json": {"get"},
    }
    for path, methods in contract.items():
        assert methods <= document["paths"][path].keys(), path
    schema = document["paths"][DETECT]["post"]["requestBody"]["content"]["application/json"]["schema"]
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    assert {"claim1", "claim2", "metadata1", "metadata2", "use_all_methods", "task_id"} <= schema["properties"].keys()


def test_head_is_get_without_a_body(server: Server):
    answer = server.request("HEAD", "/v1/resources/limits")
    assert answer.status_code == 200 and answer.content == b"" and int(answer.headers["Content-Length"]) > 0
