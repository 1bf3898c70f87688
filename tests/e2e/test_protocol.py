"""HTTP itself: what every call must refuse, and the endpoints about the server."""

import json
import re
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
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it was refused before its end
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


HOST = b"Host: localhost\r\n"
GET = b"GET /livez HTTP/1.1\r\n" + HOST
JSON = b"Content-Type: application/json\r\n"
POST = b"POST /v1/async-ml/contradiction/detect HTTP/1.1\r\n" + HOST + JSON
BODY = b'{"claim1":"","claim2":""}'
SMUGGLED = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"


def chunked(text: bytes) -> bytes:
    return POST + b"Transfer-Encoding: chunked\r\n\r\n" + text


# By name: the bytes, and the statuses of the answers in their order. What follows a request whose end is in doubt is never answered.
TRIALS = {
    # lengths that disagree, or that other parsers read otherwise
    "length and chunked": (POST + b"Content-Length: 25\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, [400]),
    "chunked and length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 25\r\n\r\n0\r\n\r\n" + SMUGGLED, [400]),
    "two lengths": (POST + b"Content-Length: 0\r\nContent-Length: 25\r\n\r\n" + SMUGGLED, [400]),
    "two equal lengths": (POST + b"Content-Length: 25\r\nContent-Length: 25\r\n\r\n" + BODY + SMUGGLED, [422, 404]),
    "a list of lengths": (POST + b"Content-Length: 25, 25\r\n\r\n" + BODY, [422]),
    "a list of other lengths": (POST + b"Content-Length: 25, 0\r\n\r\n" + SMUGGLED, [400]),
    "length with a plus": (POST + b"Content-Length: +25\r\n\r\n" + BODY, [400]),
    "length below zero": (POST + b"Content-Length: -1\r\n\r\n" + BODY, [400]),
    "length in hex": (POST + b"Content-Length: 0x19\r\n\r\n" + BODY, [400]),
    "length with a blank": (POST + b"Content-Length: 2 5\r\n\r\n" + BODY, [400]),
    "length with a comma": (POST + b"Content-Length: 25,\r\n\r\n" + BODY, [400]),
    "length beyond 64 bits": (POST + b"Content-Length: 99999999999999999999\r\n\r\n" + BODY, [400]),
    "length of 2^64": (POST + b"Content-Length: 18446744073709551616\r\n\r\n" + BODY, [400]),
    "length of 2^63": (POST + b"Content-Length: 9223372036854775808\r\n\r\n" + BODY, [413]),
    "empty length": (POST + b"Content-Length: \r\n\r\n" + BODY, [400]),
    "length of letters": (POST + b"Content-Length: abc\r\n\r\n" + BODY, [400]),
    "length too large": (POST + b"Content-Length: 16777217\r\n\r\n" + BODY, [413]),
    "blank before the colon of a length": (POST + b"Content-Length : 25\r\n\r\n" + BODY, [400]),
    "folded length": (POST + b"Content-Length:\r\n 25\r\n\r\n" + BODY, [422]),
    "get with a body": (GET + b"Content-Length: 5\r\n\r\nhello" + GET + b"\r\n", [415, 200]),
    # codings
    "unknown coding": (POST + b"Transfer-Encoding: gzip\r\n\r\n" + SMUGGLED, [400]),
    "chunked twice": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, [400]),
    "chunked, then another": (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED, [400]),
    "gzip, then chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, [411]),
    "two codings": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SMUGGLED, [400]),
    "misspelt coding": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED, [400]),
    "coding with a vertical tab": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED, [400]),
    "blank before the colon of a coding": (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, [400]),
    "coding in capitals": (POST + b"Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n", [422]),
    "coding in 1.0": (POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, [400]),
    # chunks
    "chunks": (chunked(b"19\r\n" + BODY + b"\r\n0\r\n\r\n"), [422]),
    "chunk without a size": (chunked(b"\r\n" + BODY + b"\r\n0\r\n\r\n"), [400]),
    "chunk size below zero": (chunked(b"-1\r\n" + BODY), [400]),
    "chunk size with 0x": (chunked(b"0x19\r\n" + BODY + b"\r\n0\r\n\r\n"), [400]),
    "chunk size beyond 64 bits": (chunked(b"fffffffffffffffff\r\n" + BODY), [400]),
    "chunk size of 2^64-1": (chunked(b"ffffffffffffffff\r\n" + BODY), [413]),
    "chunk too large": (chunked(b"1000001\r\n" + BODY), [413]),
    "chunk longer than its size": (chunked(b"5\r\n" + BODY + b"\r\n0\r\n\r\n"), [400]),
    "chunk that ends in a line feed": (chunked(b"19\n" + BODY + b"\n0\n\n" + SMUGGLED), [400]),
    "chunk with an extension": (chunked(b"19;a=b\r\n" + BODY + b"\r\n0\r\n\r\n"), [422]),
    "chunk with a line feed in its extension": (chunked(b"19;a\nb\r\n" + BODY + b"\r\n0\r\n\r\n"), [400]),
    "chunk size with blanks": (chunked(b"19 \r\n" + BODY + b"\r\n0\r\n\r\n"), [400]),
    "trailers": (chunked(b"19\r\n" + BODY + b"\r\n0\r\nX: y\r\n\r\n"), [422]),
    "trailers with a length": (chunked(b"19\r\n" + BODY + b"\r\n0\r\nContent-Length: 5\r\n\r\n"), [422]),
    # lines
    "line feeds alone": (b"GET /livez HTTP/1.1\nHost: localhost\n\n", [400]),
    "carriage returns alone": (b"GET /livez HTTP/1.1\rHost: localhost\r\r", [400]),
    "line feed in a value": (GET + b"X: a\nY: b\r\n\r\n", [400]),
    "carriage return in a value": (GET + b"X: a\rY: b\r\n\r\n", [400]),
    "nul in a value": (GET + b"X: a\x00b\r\n\r\n", [400]),
    "delete in a value": (GET + b"X: a\x7fb\r\n\r\n", [400]),
    "folded value": (GET + b"X: a\r\n b\r\n\r\n", [200]),
    "folded first header": (b"GET /livez HTTP/1.1\r\n X: a\r\n" + HOST + b"\r\n", [400]),
    "header without a colon": (GET + b"X\r\n\r\n", [400]),
    "header without a name": (GET + b": a\r\n\r\n", [400]),
    "blank in a name": (GET + b"X Y: a\r\n\r\n", [400]),
    "letter beyond ascii in a name": (GET + b"X\xff: a\r\n\r\n", [400]),
    "letters beyond ascii in a value": (GET + b"X: \xc3\xa4\xff\r\n\r\n", [200]),
    "empty lines before": (b"\r\n\r\n" + GET + b"\r\n", [400]),
    "header too large": (GET + b"X: " + b"a" * 17000 + b"\r\n\r\n", [431]),
    "too many headers": (GET + b"".join(b"X-%d: a\r\n" % n for n in range(2000)) + b"\r\n", [431]),
    # the first line
    "no version": (b"GET /livez\r\n\r\n", [400]),
    "version 0.9": (b"GET /livez HTTP/0.9\r\n" + HOST + b"\r\n", [400]),
    "version 2": (b"GET /livez HTTP/2.0\r\n" + HOST + b"\r\n", [400]),
    "version 1.2": (b"GET /livez HTTP/1.2\r\n" + HOST + b"\r\n", [400]),
    "preface of http/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
    "version in small letters": (b"GET /livez http/1.1\r\n" + HOST + b"\r\n", [400]),
    "two blanks": (b"GET  /livez HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    "tab": (b"GET\t/livez\tHTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    "blank in the target": (b"GET /livez x HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    "nul in the target": (b"GET /livez\x00 HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    "small method": (b"get /livez HTTP/1.1\r\n" + HOST + b"\r\n", [405]),
    "unknown method": (b"BREW /livez HTTP/1.1\r\n" + HOST + b"\r\n", [405]),
    "method of signs": (b"G(T /livez HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    "connect": (b"CONNECT example.org:443 HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    "trace": (b"TRACE /livez HTTP/1.1\r\n" + HOST + b"\r\n", [405]),
    "a tls hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100, [400]),
    "redis": (b"*1\r\n$4\r\nPING\r\n", [400]),
    # targets
    "absolute target": (b"GET http://localhost/livez HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    "absolute target of another host": (b"GET http://evil.example/livez HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    "target that is a star": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    "target without a slash": (b"GET livez HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    "two slashes": (b"GET //livez HTTP/1.1\r\n" + HOST + b"\r\n", [404]),
    "dots": (b"GET /v1/../livez HTTP/1.1\r\n" + HOST + b"\r\n", [404]),
    "dots in a name": (b"GET /v1/tasks/..%2f..%2flivez HTTP/1.1\r\n" + HOST + b"\r\n", [404]),
    "only dots": (b"GET /v1/tasks/%2e%2e HTTP/1.1\r\n" + HOST + b"\r\n", [422]),
    "nul": (b"GET /v1/tasks/a%00b HTTP/1.1\r\n" + HOST + b"\r\n", [422]),
    "line break": (b"GET /v1/tasks/a%0d%0aX:%20b HTTP/1.1\r\n" + HOST + b"\r\n", [422]),
    "overlong utf-8": (b"GET /v1/tasks/%c0%af HTTP/1.1\r\n" + HOST + b"\r\n", [422]),
    "half a surrogate": (b"GET /v1/tasks/%ed%a0%80 HTTP/1.1\r\n" + HOST + b"\r\n", [422]),
    "broken escape": (b"GET /v1/tasks/%zz HTTP/1.1\r\n" + HOST + b"\r\n", [422]),
    "cut escape": (b"GET /v1/tasks/a%2 HTTP/1.1\r\n" + HOST + b"\r\n", [422]),
    "escaped twice": (b"GET /v1/tasks/%252e%252e HTTP/1.1\r\n" + HOST + b"\r\n", [404]),
    "fragment": (b"GET /livez#x HTTP/1.1\r\n" + HOST + b"\r\n", [404]),
    "backslash": (b"GET \\livez HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    "parameters of a path": (b"GET /livez;a=b HTTP/1.1\r\n" + HOST + b"\r\n", [404]),
    "raw bytes": (b"GET /v1/tasks/\xc3\xa4 HTTP/1.1\r\n" + HOST + b"\r\n", [404]),
    "raw bytes that are no utf-8": (b"GET /v1/tasks/\xff HTTP/1.1\r\n" + HOST + b"\r\n", [422]),
    "long target": (b"GET /v1/tasks/" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", [422]),
    "many segments": (b"GET " + b"/a" * 4000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", [404]),
    "query twice": (b"GET /v1/tasks/?limit=1&limit=2 HTTP/1.1\r\n" + HOST + b"\r\n", [422]),
    "query that nobody knows": (b"GET /v1/tasks/?x HTTP/1.1\r\n" + HOST + b"\r\n", [422]),
    # hosts
    "no host": (b"GET /livez HTTP/1.1\r\n\r\n", [400]),
    "two hosts": (GET + b"Host: evil.example\r\n\r\n", [400]),
    "another host": (b"GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n", [421]),
    "host with a user": (b"GET /livez HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n", [421]),
    "host with a path": (b"GET /livez HTTP/1.1\r\nHost: localhost/evil\r\n\r\n", [421]),
    "host with a blank": (b"GET /livez HTTP/1.1\r\nHost: localhost evil\r\n\r\n", [421]),
    "host that begins so": (b"GET /livez HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", [421]),
    "empty host": (b"GET /livez HTTP/1.1\r\nHost: \r\n\r\n", [421]),
    # headers that count once
    "two types": (POST + b"Content-Type: text/plain\r\nContent-Length: 25\r\n\r\n" + BODY, [422]),
    "two keys": (GET + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", [200]),
    "two origins": (POST + b"Origin: http://localhost\r\nOrigin: http://evil.example\r\nContent-Length: 25\r\n\r\n" + BODY, [403]),
    "a coding of the content": (POST + b"Content-Encoding: gzip\r\nContent-Length: 25\r\n\r\n" + BODY, [415]),
    "an upgrade": (GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", [200]),
    "an expectation": (POST + b"Expect: 200-maybe\r\nContent-Length: 25\r\n\r\n" + BODY, [422]),
    "hop by hop": (GET + b"Connection: Host\r\n\r\n", [200]),
    "pipelined": (GET + b"\r\n" + GET + b"\r\n" + SMUGGLED, [200, 200, 404]),
}

@pytest.mark.parametrize("name", TRIALS)
def test_raw_requests(server: Server, name: str):
    """Each is understood in one way only, and the server goes on."""
    request, statuses = TRIALS[name]
    answers = raw(server, request)
    assert [int(status) for status in re.findall(rb"(?:^|(?<=[}\n]))HTTP/1\.1 (\d{3}) ", answers)] == statuses, answers[:1000]
    assert server.get("/livez").status_code == 200


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
        "/v1/models": {"get"}, "/v1/models/{model_id}/use": {"post"},
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
