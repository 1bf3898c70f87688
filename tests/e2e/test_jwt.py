"""Tokens of an issuer as keys: what counts, what does not, keys that change, and an issuer that is away."""

from __future__ import annotations

import hashlib
import hmac
import json
import pathlib
import subprocess
from collections.abc import Iterator

import pytest
from conftest import ASPIRIN, BINARY, NO_ASPIRIN, Server, bearer, create_key, problem, wait_until
from issuer import Issuer, Signer, encode


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Signer]:
    folder = tmp_path_factory.mktemp("signers")
    return {algorithm: Signer(folder, f"key-{algorithm}", algorithm) for algorithm in ("RS256", "ES256", "EdDSA")}


@pytest.fixture
def issuer(signers: dict[str, Signer]) -> Iterator[Issuer]:
    running = Issuer(*signers.values())
    yield running
    running.end()


def code_of(server: Server, token: str, method: str = "GET", path: str = "/v1/tasks/") -> str:
    answer = server.request(method, path, headers=bearer(token))
    return "" if answer.status_code < 300 else answer.json()["code"]


def knows(server: Server, token: str) -> None:
    """The issuer's keys have been fetched."""
    wait_until(lambda: code_of(server, token) == "", what="the issuer's keys")


def test_what_counts_and_what_does_not(make_server, issuer: Issuer, signers: dict[str, Signer], tmp_path: pathlib.Path):
    server = make_server("--workers", "0", **issuer.settings()).start()
    es, rs = signers["ES256"], signers["RS256"]
    knows(server, es.token(issuer.issuer))
    assert "medsynth_" not in server.said, "the issuer lets people in: no first key"
    for each in signers.values():
        assert code_of(server, each.token(issuer.issuer)) == "", each.algorithm
    stranger = Signer(tmp_path, es.kid)
    good = rs.token(issuer.issuer)
    head, body, signature = good.split(".")
    confused = f"{encode(json.dumps({'alg': 'HS256', 'kid': rs.kid}).encode())}.{body}"
    nothing = f"{encode(json.dumps({'alg': 'none', 'kid': rs.kid}).encode())}.{body}."
    refused = {
        "token_expired": es.token(issuer.issuer, lifetime=-60),
        "token_not_yet_valid": es.token(issuer.issuer, nbf=4_000_000_000),
        "token_audience": es.token(issuer.issuer, "others"),
        "token_issuer": es.token("https://elsewhere.example"),
        "token_claim": es.token(issuer.issuer, scope=None),
        "token_malformed": f"{head}.{body}",
        "key_unknown": "medsynth_0123456789ab_" + "0" * 64,
    }
    for code, token in refused.items():
        answer = server.get("/v1/tasks/", headers=bearer(token))
        problem(answer, 401, code)
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="medsynth", error="invalid_token"'
    secret = hmac.new(rs.pem, confused.encode(), hashlib.sha256).digest()
    for name, token in {"another key": stranger.token(issuer.issuer), "none": nothing, "HS256": f"{confused}.{encode(secret)}",
                        "changed": f"{head}.{encode(json.dumps({'iss': issuer.issuer}).encode())}.{signature}"}.items():
        assert code_of(server, token) == "token_not_trusted", name
    problem(server.get("/v1/tasks/"), 401, "key_required")
    assert server.get("/livez").status_code == 200
    assert server.stop() == 0


def test_claims_say_what_a_token_may_do(make_server, issuer: Issuer, signers: dict[str, Signer]):
    """Groups of the issuer's become scopes; queues limit it; each refusal says what is missing. The audit log and limits know the person."""
    server = make_server("--workers", "0", "--queues", "medsynth,other",
                         **issuer.settings(MEDSYNTH_JWT_CLAIMS="scopes=groups,name=email,queues=ms_queues", MEDSYNTH_JWT_SCOPES="lab=read,lab=submit,ops=operate")).start()
    es = signers["ES256"]
    def token(*groups: str) -> str:
        return es.token(issuer.issuer, groups=list(groups), email="ada@lab.example", ms_queues=["medsynth"])
    knows(server, token("lab"))
    detail = problem(server.post("/v1/queues/medsynth/pause", headers=bearer(token("lab", "admin"))), 403, "scope_required")["detail"]
    assert "ada@lab.example" in detail and "operate" in detail
    problem(server.get("/v1/tasks/", headers=bearer(token("elsewhere"))), 403, "scope_required")
    assert server.post("/v1/queues/medsynth/pause", headers=bearer(token("ops"))).status_code == 200
    problem(server.post("/v1/queues/other/pause", headers=bearer(token("ops"))), 403, "queue_not_allowed")
    problem(server.get("/v1/tasks/", headers=bearer(es.token(issuer.issuer, groups=["lab"], email="a"))), 401, "token_claim")
    assert server.post("/v1/async-ml/contradiction/detect", json={"claim1": ASPIRIN, "claim2": NO_ASPIRIN}, headers=bearer(token("lab"))).status_code == 202
    assert server.stop() == 0
    lines = [json.loads(line) for line in (server.folder / "data/audit.jsonl").read_text().splitlines()]
    paused = next(line for line in lines if line["action"] == "pause_queue" and line["status"] == 200)
    assert paused["name"] == "ada@lab.example" and paused["key"].startswith("jwt_")
    assert {line["code"] for line in lines} >= {"scope_required", "queue_not_allowed", "token_claim"}
    assert "eyJ" not in server.log.read_text() + (server.folder / "data/audit.jsonl").read_text()


def test_keys_of_the_issuer_change(make_server, issuer: Issuer, signers: dict[str, Signer], tmp_path: pathlib.Path):
    """A new key counts with its first token, one that was taken back no more; who makes up names of keys makes nobody ask for each."""
    server = make_server("--workers", "0", **issuer.settings()).start()
    old, new = signers["ES256"], Signer(tmp_path, "new")
    knows(server, old.token(issuer.issuer))
    issuer.signers = [new]
    wait_until(lambda: code_of(server, new.token(issuer.issuer)) == "", what="the new key")
    assert code_of(server, old.token(issuer.issuer)) in ("token_not_trusted", "issuer_keys_pending")
    asked = issuer.asked
    for number in range(50):
        assert code_of(server, new.token(issuer.issuer, header={"kid": f"made-up-{number}"})) in ("token_not_trusted", "issuer_keys_pending")
    assert issuer.asked - asked < 25
    assert server.stop() == 0


def test_an_issuer_that_is_away(make_server, issuer: Issuer, signers: dict[str, Signer]):
    """Keys of the server go on to count, tokens get a 503 that says why, and it heals."""
    issuer.status = 500
    server = make_server("--workers", "0", **issuer.settings())
    own = create_key(server, "own", "--scope", "read")
    server.start()
    token = signers["ES256"].token(issuer.issuer)
    wait_until(lambda: code_of(server, token) == "issuer_unavailable", what="a word about the issuer")
    answer = server.get("/v1/tasks/", headers=bearer(token))
    detail = problem(answer, 503, "issuer_unavailable")["detail"]
    assert "status 500" in detail and issuer.url in detail and answer.headers["Retry-After"]
    assert code_of(server, own) == "" and server.get("/livez").status_code == 200
    issuer.status = 200
    wait_until(lambda: code_of(server, token) == "", 60, "the issuer's keys")
    issuer.status = 500
    assert code_of(server, token) == "", "what it said last counts"
    assert server.stop() == 0


def test_keys_of_a_file(make_server, signers: dict[str, Signer], tmp_path: pathlib.Path):
    """Read anew when it changes; commands send a token as they send a key."""
    keys = tmp_path / "keys.json"
    old, new = signers["RS256"], signers["EdDSA"]
    keys.write_text(json.dumps({"keys": [old.jwk()]}))
    server = make_server("--workers", "0", MEDSYNTH_JWT_ISSUER="https://issuer.example", MEDSYNTH_JWT_AUDIENCE="medsynth", MEDSYNTH_JWT_KEYS=str(keys)).start()
    knows(server, old.token("https://issuer.example"))
    server.environment["MEDSYNTH_TOKEN"] = old.token("https://issuer.example")
    assert server.cli("tasks", "list").returncode == 0
    keys.write_text(json.dumps({"keys": [new.jwk()]}))
    wait_until(lambda: code_of(server, new.token("https://issuer.example")) == "", what="the new key")
    wait_until(lambda: code_of(server, old.token("https://issuer.example")) == "token_not_trusted", what="the end of the old one")
    keys.write_text("{")
    wait_until(lambda: "the issuer's keys stay as they were" in server.log.read_text(), what="a word about the file")
    assert code_of(server, new.token("https://issuer.example")) == ""
    assert server.stop() == 0


@pytest.mark.parametrize("settings, said", [
    ({"MEDSYNTH_JWT_AUDIENCE": ""}, "--jwt-audience"), ({"MEDSYNTH_JWT_KEYS": ""}, "--jwt-keys"), ({"MEDSYNTH_JWT_KEYS": "http://issuer.example/keys"}, "https://"),
    ({"MEDSYNTH_JWT_KEYS": "/nonexistent"}, "/nonexistent"), ({"MEDSYNTH_JWT_SCOPES": "ops=write"}, "operate"), ({"MEDSYNTH_JWT_CLAIMS": "scope=x"}, "scopes=CLAIM"),
    ({"MEDSYNTH_JWT_LEEWAY": "9999"}, "300"), ({"MEDSYNTH_LISTEN": "0.0.0.0:0", "MEDSYNTH_INSECURE": "1"}, "--jwt-issuer")], ids=lambda value: str(value)[:40])
def test_settings_that_do_not_fit_are_refused_at_the_start(make_server, settings: dict[str, str], said: str):
    server = make_server(MEDSYNTH_JWT_ISSUER="https://issuer.example", MEDSYNTH_LISTEN="127.0.0.1:0", MEDSYNTH_JWT_AUDIENCE="medsynth",
                         MEDSYNTH_JWT_KEYS="https://127.0.0.1:1/keys")
    server.environment |= settings
    run = subprocess.run([str(BINARY), "serve"], env=server.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert run.returncode == 2 and said in run.stderr, run
