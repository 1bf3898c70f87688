"""Keys with scopes: every call with every kind of key, how the server learns of keys, and what they are limited to."""

import json
import os
import re
import socket
import subprocess

import pytest
import requests

from conftest import ASPIRIN, BINARY, NO_ASPIRIN, ROOT, Server, bearer, create_key, problem, wait_until
from issuer import Signer

ISSUER = "https://issuer.example"
SCOPES = ("read", "submit", "operate", "admin")


def documented() -> dict[tuple[str, str], str]:
    """The scope of each call, as docs/http.md has it."""
    page = (ROOT / "docs/http.md").read_text()
    table = page.split("| scope | calls |\n|---|---|\n")[1].split("\n\n")[0]
    scopes = {}
    for line in table.splitlines():
        _, scope, calls, _ = line.split("|")
        for method, path in re.findall(r"`([A-Z]+) (\S+?)`", calls):
            assert (method, path) not in scopes
            scopes[method, path] = scope.strip().strip("`")
    return scopes


def calls(server: Server) -> list[tuple[str, str]]:
    paths = server.get("/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def code_of(server: Server, token: str) -> str:
    answer = server.get("/v1/tasks/", headers=bearer(token))
    return "" if answer.status_code == 200 else answer.json()["code"]


def ask(server: Server, method: str, path: str, headers: dict[str, str]) -> requests.Response:
    """With names that nothing has, and without a body: what is allowed changes nothing."""
    answer = server.request(method, re.sub(r"\{\w+\}", "none", path), headers=headers, stream=True)
    if answer.headers.get("Content-Type") != "text/event-stream":  # which has no end
        answer.content  # noqa: B018  reads it
    answer.close()
    return answer


def assert_allowed(answer: requests.Response, call: object) -> None:
    """Where no worker lives, nobody can carry out some calls."""
    done = answer.status_code not in (401, 403) and answer.status_code < 500
    assert done or (answer.status_code == 503 and answer.json()["code"] == "no_workers"), (call, answer.status_code, answer.text)


def assert_refused(answer: requests.Response, status: int, code: str, call: object) -> None:
    assert answer.status_code == status, (call, answer.status_code, answer.text)
    body = problem(answer, status, code)
    challenge = {"key_required": 'Bearer realm="medsynth"', "scope_required": None}.get(code, 'Bearer realm="medsynth", error="invalid_token"')
    assert answer.headers.get("WWW-Authenticate") == challenge, call
    assert re.search("key|scope|token", body["detail"])


def cookie_of(server: Server, headers: dict[str, str]) -> dict[str, str]:
    """A session of its own, as a browser sends it."""
    answer = server.post("/v1/session", headers=headers)
    assert answer.status_code == 200, answer.text
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0], "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def headers(tmp_path_factory) -> tuple[dict[str, dict[str, str]], dict[str, str], bytes, str]:
    """What a caller may show, the code that each leads to, the file that knows the keys, and the issuer's keys."""
    maker = Server(tmp_path_factory.mktemp("keys"))
    tokens = {scope: create_key(maker, scope, "--scope", scope) for scope in SCOPES}
    tokens["expired"] = create_key(maker, "expired", "--scope", "admin", "--expires", "1s")
    tokens["revoked"] = create_key(maker, "revoked", "--scope", "admin")
    assert maker.cli("keys", "revoke", "revoked").returncode == 0
    tokens["wrong"] = tokens["admin"][:-1] + ("0" if tokens["admin"][-1] != "0" else "1")
    wait_until(lambda: "expired" in [key["state"] for key in json.loads(maker.cli("keys", "ls", "--json").stdout)["keys"]], what="the end of a key")
    shown = {name: bearer(token) for name, token in tokens.items()}
    shown |= {"nothing": {}, "malformed": {"Authorization": f"Basic {tokens['admin']}"}, "a wrong cookie": {"Cookie": f"medsynth_session={'0' * 64}"}}
    codes = {"nothing": "key_required", "malformed": "key_malformed", "wrong": "key_unknown", "expired": "key_expired", "revoked": "key_revoked",
             "a wrong cookie": "key_required", "an expired token": "token_expired", "a stranger's token": "token_not_trusted"}
    signer, stranger = Signer(maker.folder, "one"), Signer(tmp_path_factory.mktemp("stranger"), "one")
    shown |= {f"{scope} by token": bearer(signer.token(ISSUER, scope=scope, lifetime=86400)) for scope in SCOPES}
    shown |= {"an expired token": bearer(signer.token(ISSUER, scope="admin", lifetime=-60)), "a stranger's token": bearer(stranger.token(ISSUER, scope="admin"))}
    return shown, codes, (maker.folder / "data/keys.json").read_bytes(), json.dumps({"keys": [signer.jwk()]})


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "0.0.0.0:0"])
@pytest.mark.parametrize("metrics", ["key", "open"])
def test_every_call_with_every_kind_of_key(own_network, make_server, headers, listen, metrics):
    """Keys, tokens of an issuer and cookies: exactly what docs/http.md says, and /openapi.json says the same."""
    shown, codes, file, issued = headers
    server = make_server("--workers", "0", MEDSYNTH_METRICS=metrics, MEDSYNTH_JWT_ISSUER=ISSUER, MEDSYNTH_JWT_AUDIENCE="medsynth")
    server.environment["MEDSYNTH_JWT_KEYS"] = str(server.folder / "issuer.json")
    (server.folder / "issuer.json").write_text(issued)
    keys = server.folder / "data/keys.json"
    keys.parent.mkdir(mode=0o700)
    keys.touch(mode=0o600)
    keys.write_bytes(file)
    server.listen = listen
    server.start()
    assert "medsynth_" not in server.said  # there are keys: no first one is made
    needed = documented()
    assert set(calls(server)) == set(needed)
    described = server.get("/openapi.json").json()["paths"]
    wait_until(lambda: code_of(server, shown["read by token"]["Authorization"].partition(" ")[2]) == "", what="the issuer's keys")
    for (method, path), scope in needed.items():
        assert described[path][method.lower()]["security"] == ([] if scope == "none" else [{"key": [] if scope == "any" else [scope]}]), (method, path)
        is_open = scope == "none" or (path == "/metrics" and metrics == "open")
        cookies = {f"{each} by cookie": cookie_of(server, shown[f"{each} by token" if each == "operate" else each]) for each in SCOPES}
        for name, header in (shown | cookies).items():
            answer = ask(server, method, path, header)
            call = (method, path, name)
            has = name.partition(" by ")[0]
            if is_open or has in (scope, "admin") or (scope == "any" and has in SCOPES):
                assert_allowed(answer, call)
            elif name in codes:
                assert_refused(answer, 401, codes[name], call)
            else:
                assert_refused(answer, 403, "scope_required", call)
    # What is no call needs nothing, and changes nothing.
    assert server.get("/v1/nothing").status_code == 404
    assert server.request("PATCH", "/v1/tasks/").status_code == 405
    assert server.request("OPTIONS", "/v1/tasks/").status_code == 204
    assert server.request("HEAD", "/v1/tasks/").status_code == 401
    assert server.stop() == 0


@pytest.mark.parametrize("flags, listen", [((), "127.0.0.1:0"), (("--insecure",), "0.0.0.0:0")])
def test_without_keys_every_call_is_open(own_network, make_server, headers, flags, listen):
    """On loopback, and beyond it where --insecure says so, whatever is shown."""
    server = make_server("--workers", "0", *flags)
    server.listen = listen
    server.start()
    assert "medsynth_" not in server.said
    for method, path in calls(server):
        for name in ("nothing", "admin", "malformed"):
            assert_allowed(ask(server, method, path, headers[0][name]), (method, path, name))
    assert server.stop() == 0


def test_beyond_loopback_the_first_key_is_shown_once(own_network, make_server):
    server = make_server("--workers", "0")
    server.listen = "0.0.0.0:0"
    server.start()
    [token] = re.findall(r"^medsynth_\S+$", server.said, re.MULTILINE)
    problem(server.get("/v1/tasks/"), 401, "key_required")
    assert code_of(server, token) == ""
    assert server.request("DELETE", "/v1/resources/limits", headers=bearer(token)).status_code == 200
    server.stop()
    server.start()
    assert "medsynth_" not in server.said and code_of(server, token) == ""
    server.stop()
    assert token not in server.log.read_text() and token[-64:] not in (server.folder / "data/keys.json").read_text()
    # To open it to everybody, the keys have to go first.
    refused = subprocess.run([str(BINARY), "serve", "--listen", "0.0.0.0:0", "--insecure"], env=server.environment, stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2 and "keys.json" in refused.stderr


def test_keys_count_without_a_restart(make_server):
    """The first key closes the server, a revoked one no longer opens it, and a damaged file changes nothing."""
    server = make_server("--workers", "0").start()
    assert code_of(server, "none") == ""
    one = create_key(server, "one", "--scope", "read,submit")
    wait_until(lambda: server.get("/v1/tasks/").status_code == 401, what="the first key")
    assert code_of(server, one) == ""
    two = create_key(server, "two", "--scope", "read")
    wait_until(lambda: code_of(server, two) == "", what="the second key")
    assert server.cli("keys", "revoke", "one").returncode == 0
    wait_until(lambda: code_of(server, one) == "key_revoked", what="the end of a key")
    file = server.folder / "data/keys.json"
    kept = file.read_bytes()
    file.write_text("{")
    wait_until(lambda: "the keys stay as they were" in server.log.read_text(), what="a word about the file")
    assert code_of(server, two) == "" and code_of(server, one) == "key_revoked"
    file.write_bytes(kept)
    assert server.cli("keys", "revoke", "two").returncode == 0
    wait_until(lambda: code_of(server, two) == "key_revoked", what="the end of the last key")
    problem(server.get("/v1/tasks/"), 401, "key_required")  # closed for good
    file.unlink()
    wait_until(lambda: server.get("/v1/tasks/").status_code == 200, what="no keys")
    assert server.stop() == 0


def test_a_body_is_not_read_for_a_caller_without_a_key(make_server):
    """The answer comes while the body has not; a client that asks first is told not to send it."""
    server = make_server("--workers", "0")
    create_key(server, "one", "--scope", "read")
    server.start()
    host, port = server.url.removeprefix("http://").split(":")
    for expect in ("", "Expect: 100-continue\r\n"):
        with socket.create_connection((host, int(port)), timeout=20) as wire:
            wire.sendall(f"POST /v1/references HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n{expect}"
                         "Content-Length: 10000000\r\n\r\n".encode())
            head = wire.recv(4096).decode()
        assert head.startswith("HTTP/1.1 401 ") and "Connection: close" in head
    assert server.stop() == 0


def test_a_key_may_be_limited_to_queues(make_server):
    server = make_server("--workers", "0", "--queues", "medsynth,other")
    own = bearer(create_key(server, "own", "--scope", "read,submit,operate", "--queue", "other"))
    admin = bearer(create_key(server, "admin", "--scope", "admin"))
    server.start()
    body = {"claim1": ASPIRIN, "claim2": NO_ASPIRIN, "task_id": "theirs"}
    detail = problem(server.post("/v1/async-ml/contradiction/detect", json=body, headers=own), 403, "queue_not_allowed")["detail"]
    assert "other" in detail and "medsynth" in detail
    assert server.post("/v1/async-ml/contradiction/detect", json=body, headers=admin).status_code == 202
    message = {"actor": "detect_contradiction", "kwargs": {"claim1": ASPIRIN, "claim2": NO_ASPIRIN, "task_id": "mine"}}
    problem(server.post("/v1/queues/medsynth/messages", json=message, headers=own), 403, "queue_not_allowed")
    assert server.post("/v1/queues/other/messages", json=message, headers=own).status_code == 202
    for method, path in (("POST", "/v1/queues/{}/pause"), ("POST", "/v1/queues/{}/resume"), ("DELETE", "/v1/queues/{}/messages?limit=1"),
                         ("POST", "/v1/dead/replay?queue={}"), ("DELETE", "/v1/dead/?queue={}")):
        problem(server.request(method, path.format("medsynth"), headers=own), 403, "queue_not_allowed")
        if "messages" not in path:
            assert server.request(method, path.format("other"), headers=own).status_code < 300, path
    for method, path in (("POST", "/v1/tasks/{}/cancel"), ("DELETE", "/v1/tasks/{}")):
        problem(server.request(method, path.format("theirs"), headers=own), 403, "queue_not_allowed")
        assert server.request(method, path.format("mine"), headers=own).status_code < 300, path
    problem(server.request("DELETE", "/v1/tasks/?all=true", headers=own), 403, "queue_not_allowed")
    assert server.get("/v1/tasks/theirs", headers=own).json()["status"] == "pending"
    assert server.stop() == 0


def test_a_key_may_be_limited_to_models(make_server):
    server = make_server("--workers", "0")
    key = bearer(create_key(server, "one", "--scope", "submit", "--model", "own"))
    server.start()

    def submit(path: str, **body) -> requests.Response:
        return server.post(path, json=body, headers=key)

    detect, claims = "/v1/async-ml/contradiction/detect", {"claim1": ASPIRIN, "claim2": NO_ASPIRIN}
    for answer in (submit(detect, **claims), submit(detect, **claims, language_model="other"), submit("/v1/async-ml/embeddings/generate", texts=["a"]),
                   submit("/v1/async-ml/contradiction/analyze", articles=[{"abstract": ASPIRIN}]), submit("/v1/queues/medsynth/messages", actor="a")):
        assert "own" in problem(answer, 403, "model_not_allowed")["detail"]
    assert submit(detect, **claims, language_model="own").status_code == 202
    assert submit(detect, **claims, use_all_methods=False).status_code == 202
    assert submit("/v1/async-ml/embeddings/generate", texts=["a"], model_name="own").status_code == 202
    assert server.stop() == 0


def test_the_commands(make_server):
    """Shown once, listed without anything that opens, ended by name or id; what is wrong is said, and nothing is kept."""
    server = make_server()
    made = server.cli("keys", "create", "ci", "--scope", "read", "--scope", "submit", "--expires", "90d", "--queue", "a", "--json")
    key = json.loads(made.stdout)
    assert key["token"].startswith(f"medsynth_{key['id']}_") and key["scopes"] == ["read", "submit"] and key["state"] == "active"
    listed = server.cli("keys", "list")
    assert "ci" in listed.stdout and "read, submit" in listed.stdout and key["token"][-64:] not in listed.stdout
    [entry] = json.loads(server.cli("keys", "ls", "--json").stdout)["keys"]
    assert not {"salt", "hash", "token"} & entry.keys() and entry["queues"] == ["a"]
    for words, code, said in ((("create", "ci", "--scope", "read"), 1, "revoke it first"), (("create", "x", "--scope", "write"), 2, "read, submit, operate, admin"),
                              (("create", "x"), 2, "--scope"), (("create", "x", "--scope", "read", "--expires", "soon"), 2, "--expires"),
                              (("create", "x", "--scope", "read", "--queue", "a b"), 2, "--queue"), (("revoke", "nobody"), 3, "keys list")):
        outcome = server.cli("keys", *words)
        assert outcome.returncode == code and said in outcome.stderr and not outcome.stdout, (words, outcome)
    assert server.cli("keys", "revoke", key["id"]).returncode == 0
    assert [each["state"] for each in json.loads(server.cli("keys", "list", "--json").stdout)["keys"]] == ["revoked"]
    file = server.folder / "data/keys.json"
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    outcome = server.cli("keys", "list")
    assert outcome.returncode == 4 and f"chmod 600 {file}" in outcome.stderr
    refused = subprocess.run([str(BINARY), "serve", "--listen", "127.0.0.1:0"], env=server.environment, stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, timeout=60)
    assert refused.returncode == 4 and "chmod 600" in refused.stderr
    assert os.path.exists(file)
