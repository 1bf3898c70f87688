"""The console's sessions: a cookie instead of a key, and what ends them."""

from __future__ import annotations

import pathlib

import requests
from conftest import Server, bearer, create_key, problem, wait_until
from issuer import Signer


def sign_in(server: Server, token: str) -> tuple[dict[str, str], str]:
    """What a browser sends from then on, and the whole cookie."""
    answer = server.post("/v1/session", headers=bearer(token))
    assert answer.status_code == 200, answer.text
    cookie = answer.headers["Set-Cookie"]
    return {"Cookie": cookie.partition(";")[0]}, cookie


def code_of(server: Server, headers: dict[str, str], path: str = "/v1/tasks/") -> str:
    answer = server.get(path, headers=headers)
    return "" if answer.status_code == 200 else answer.json()["code"]


def test_a_cookie_stands_for_the_key(make_server):
    server = make_server("--workers", "0")
    token = create_key(server, "ada", "--scope", "read")
    server.start()
    headers, cookie = sign_in(server, token)
    name, _, rest = cookie.partition("=")
    assert name == f"medsynth_session_{server.url.rpartition(':')[2]}", "cookies do not tell ports apart"
    assert rest.partition("; ")[2] == "Path=/; Max-Age=43200; HttpOnly; SameSite=Strict" and token[-64:] not in cookie
    shown = server.get("/v1/session", headers=headers).json()
    assert (shown["name"], shown["scopes"], shown["needs_key"]) == ("ada", ["read"], True) and shown["ends_at"]
    assert server.get("/v1/session", headers=bearer(token)).json()["ends_at"] is None
    assert code_of(server, headers) == ""
    problem(server.post("/v1/queues/medsynth/pause", headers=headers), 403, "scope_required")
    problem(server.post("/v1/session", headers=headers), 409, "session_exists")
    problem(server.request("DELETE", "/v1/session", headers=bearer(token)), 404, "session_not_found")
    # Who shows a key means it.
    problem(server.get("/v1/tasks/", headers={**headers, **bearer("medsynth_x")}), 401, "key_malformed")
    ended = server.request("DELETE", "/v1/session", headers=headers)
    assert ended.status_code == 200 and "Max-Age=0" in ended.headers["Set-Cookie"]
    assert code_of(server, headers) == "key_required"
    assert server.stop() == 0
    log = server.log.read_text() + (server.folder / "data/audit.jsonl").read_text()
    assert '"sign_in"' in log and '"sign_out"' in log and rest.partition(";")[0] not in log


def test_what_ends_it(make_server, tmp_path: pathlib.Path):
    """The key's end, a restart, the token's time; streams of events too."""
    signer = Signer(tmp_path, "one")
    keys = tmp_path / "keys.json"
    keys.write_text('{"keys": [%s]}' % str(signer.jwk()).replace("'", '"'))
    server = make_server("--workers", "0", MEDSYNTH_JWT_ISSUER="https://issuer.example", MEDSYNTH_JWT_AUDIENCE="medsynth", MEDSYNTH_JWT_KEYS=str(keys))
    ada, eve = (create_key(server, name, "--scope", "read") for name in ("ada", "eve"))
    server.start()
    hers, _ = sign_in(server, ada)
    other, _ = sign_in(server, eve)
    wait_until(lambda: code_of(server, bearer(signer.token("https://issuer.example"))) == "", what="the issuer's keys")
    _, by_token = sign_in(server, signer.token("https://issuer.example", lifetime=100))
    assert 60 < int(by_token.partition("Max-Age=")[2].partition(";")[0]) <= 130, "no longer than the token"
    with server.get("/v1/events", headers=hers, stream=True, timeout=60) as events:
        assert events.status_code == 200
        assert server.cli("keys", "revoke", "ada").returncode == 0
        wait_until(lambda: code_of(server, hers) == "key_revoked", what="the end of a key")
        for _ in events.iter_content(4096):  # until the server ends it, at its next word
            pass
    assert code_of(server, other) == ""
    server.stop()
    server.start()
    assert code_of(server, other) == "key_required"
    server.stop()


def test_a_cookie_is_for_the_servers_own_pages(make_server):
    """Whatever the method: a page of another origin that gets the browser to send it is as one without."""
    server = make_server("--workers", "0")
    token = create_key(server, "ada", "--scope", "admin")
    server.start()
    headers, _ = sign_in(server, token)
    for path in ("/v1/tasks/", "/v1/events", "/v1/session", "/metrics"):
        for foreign in ({"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://127.0.0.1:1"}, {"Origin": "null"}):
            problem(server.get(path, headers={**headers, **foreign}), 401, "key_required")
    for foreign in ({"Sec-Fetch-Site": "same-site"}, {"Origin": "http://127.0.0.1:1"}):
        problem(server.request("DELETE", "/v1/session", headers={**headers, **foreign}), 403, "cross_site_request")
    for own in ({}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": server.url}):
        assert code_of(server, {**headers, **own}) == "", own
    assert server.stop() == 0


def test_behind_a_proxy_and_over_tls(make_server):
    """The cookie has the prefix as its path, and goes over https alone where the browser speaks that."""
    server = make_server("--workers", "0", "--tls-self-signed", MEDSYNTH_PATH_PREFIX="/med")
    token = create_key(server, "ada", "--scope", "read")
    server.start(ready=False)
    certificate = str(server.folder / "data/tls-certificate.pem")
    answer = requests.post(f"{server.url}/med/v1/session", headers=bearer(token), verify=certificate, timeout=20)
    assert answer.headers["Set-Cookie"].partition("; ")[2] == "Path=/med/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"
    assert server.stop() == 0
    proxied = make_server("--workers", "0", MEDSYNTH_TRUSTED_PROXIES="127.0.0.1")
    token = create_key(proxied, "ada", "--scope", "read")
    proxied.start()
    for scheme, secure in (("https", True), ("http", False)):
        answer = proxied.post("/v1/session", headers={**bearer(token), "X-Forwarded-For": "10.0.0.7", "X-Forwarded-Proto": scheme})
        assert answer.headers["Set-Cookie"].endswith("; Secure") == secure, scheme
    assert proxied.stop() == 0


def test_without_keys_there_is_no_session(make_server):
    server = make_server("--workers", "0").start()
    answer = server.post("/v1/session")
    assert answer.status_code == 200 and "Set-Cookie" not in answer.headers
    assert answer.json() == {"needs_key": False, "name": None, "scopes": [], "ends_at": None}
    problem(server.request("DELETE", "/v1/session"), 404, "session_not_found")
    assert server.stop() == 0
