"""The audit log: what is in it and what never is, who may read it, and what happens where it cannot be written."""

import concurrent.futures
import hashlib
import json
import pathlib
import signal
import threading

import requests
from conftest import ASPIRIN, NO_ASPIRIN, Server, bearer, create_key, problem, wait_until

DETECT = "/v1/async-ml/contradiction/detect"
CLAIMS = {"claim1": ASPIRIN, "claim2": NO_ASPIRIN}


def log_of(server: Server) -> pathlib.Path:
    return pathlib.Path(server.environment.get("MEDSYNTH_AUDIT_LOG", server.folder / "data/audit.jsonl"))


def entries(server: Server) -> list[dict]:
    """Those that are there as a whole; one may be cut off where a server was killed."""
    def entry(line: str) -> dict:
        try:
            return json.loads(line)
        except ValueError:
            return {}
    return [entry(line) for line in log_of(server).read_text().splitlines()]


def verify(server: Server, *words: str) -> dict:
    outcome = server.cli("audit", "verify", "--json", *words)
    found = json.loads(outcome.stdout)
    assert outcome.returncode == (0 if found["intact"] else 1)
    return found


def submit(server: Server, key: dict[str, str] | None = None, **fields) -> requests.Response:
    return server.post(DETECT, json={**CLAIMS, **fields}, headers=key)


def test_changes_and_refusals_are_recorded(make_server):
    """Before the answer comes; with the key and the address, and without a claim, a token or a query."""
    server = make_server("--workers", "0")
    tokens = {name: create_key(server, name, "--scope", scopes) for name, scopes in
              (("writer", "submit"), ("operator", "read,operate"), ("boss", "admin"), ("gone", "read"))}
    assert server.cli("keys", "revoke", "gone").returncode == 0
    keys = {name: bearer(token) for name, token in tokens.items()}
    ids = {name: token.split("_")[1] for name, token in tokens.items()}
    server.start()
    wrong = tokens["writer"][:-1] + ("0" if tokens["writer"][-1] != "0" else "1")
    calls = [
        ("writer", "POST", DETECT, {"json": {**CLAIMS, "task_id": "t-1"}}, 202, "detect_contradiction", "", ""),
        ("writer", "GET", "/v1/tasks/t-1", {}, 403, "show_task", "t-1", "scope_required"),
        ("writer", "POST", "/v1/tasks/t-1/cancel", {}, 403, "cancel_task", "t-1", "scope_required"),
        ("operator", "POST", "/v1/tasks/t-1/cancel", {}, 202, "cancel_task", "t-1", ""),
        ("operator", "POST", "/v1/tasks/t-1/cancel", {}, 409, "cancel_task", "t-1", "task_ended"),
        ("operator", "POST", "/v1/queues/medsynth/pause", {}, 200, "pause_queue", "medsynth", ""),
        ("operator", "DELETE", "/v1/tasks/?status=cancelled", {}, 200, "delete_tasks", "", ""),
        ("operator", "DELETE", "/v1/tasks/none", {}, 404, "delete_task", "none", "task_not_found"),
        ("boss", "PUT", "/v1/resources/limits", {"json": {"max_cpu_percent": 90}}, 200, "change_limits", "", ""),
        ("gone", "GET", "/v1/tasks/", {}, 401, "list_tasks", "", "key_revoked"),
        ("writer", "POST", "/v1/references", {"data": b"x", "headers": {"Content-Type": "text/plain"}}, 415, "read_references", "", "unsupported_media_type"),
        ("boss", "DELETE", f"/v1/tasks/{tokens['boss']}", {}, 404, "delete_task", f"medsynth_{ids['boss']}_***", "task_not_found"),
    ]
    for name, method, path, options, status, *_ in calls:
        before = len(entries(server))
        options = {**options, "headers": {**options.get("headers", {}), **keys[name], "X-Request-Id": f"id-{before}"}}
        assert server.request(method, path, **options).status_code == status, (name, method, path)
        if status not in (401, 403):  # nobody waits for the record of a refusal
            assert len(entries(server)) > before, (name, method, path)
    for headers, code in (({}, "key_required"), (bearer(wrong), "key_unknown"), ({"Authorization": f"Basic {tokens['boss']}"}, "key_malformed")):
        problem(server.get("/v1/tasks/", headers=headers), 401, code)
    cross_site = {**keys["operator"], "Origin": "http://evil.example"}
    problem(server.post("/v1/queues/medsynth/resume", headers=cross_site), 403, "cross_site_request")
    assert server.get("/v1/tasks/", headers=keys["operator"]).status_code == 200  # is no news
    wait_until(lambda: len(entries(server)) >= 5 + 1 + len(calls) + 4, what="all of them")
    found = entries(server)
    assert [each["action"] for each in found[:6]] == ["keys_create"] * 4 + ["keys_revoke", "serve_started"]
    assert found[0]["target"] == "writer" and ids["writer"] in found[0]["detail"] and "submit" in found[0]["detail"] and found[0]["from"].startswith("uid ")
    for entry, (name, method, path, options, status, action, target, code) in zip(found[6:], calls, strict=False):
        accepted = name if status != 401 else ""
        assert (entry["action"], entry["target"], entry["status"], entry["code"], entry["name"], entry["key"]) == (action, target, status, code, accepted, ids[name])
        assert entry["from"] == "127.0.0.1" and entry["request_id"].startswith("id-")
    assert found[6]["detail"] == "/v1/async-ml/task/t-1"
    assert [(each["action"], each["code"]) for each in found[-4:]] == [("list_tasks", "key_required"), ("list_tasks", "key_unknown"), ("list_tasks", "key_malformed"),
                                                                     ("resume_queue", "cross_site_request")]
    text = log_of(server).read_text()
    assert ASPIRIN not in text and "status=cancelled" not in text and "?" not in text
    assert not any(token[-60:] in text for token in tokens.values())
    assert log_of(server).stat().st_mode & 0o777 == 0o600
    assert server.stop() == 0
    state = verify(server)
    assert state["intact"] and state["entries"] == len(found) and state["first"] == 1
    # For people.
    shown = server.cli("audit", "show", "--key", "operator")
    assert shown.returncode == 0 and "pause_queue" in shown.stdout and "404 task_not_found" in shown.stdout and "writer" not in shown.stdout
    [last] = json.loads(server.cli("audit", "show", "--limit", "1", "--json").stdout)["entries"]
    assert last == found[-1]
    assert json.loads(server.cli("audit", "show", "--since", "2099-01-01T00:00:00Z", "--json").stdout)["entries"] == []
    assert len(json.loads(server.cli("audit", "show", "--since", "1h", "--json").stdout)["entries"]) == len(found)
    assert server.cli("audit", "show", "--since", "yesterday").returncode == 2


def test_where_it_is_kept(make_server):
    """Nowhere on loopback without keys, unless a file is named; nowhere where it is off."""
    server = make_server("--workers", "0").start()
    assert submit(server).status_code == 202
    assert not log_of(server).exists() and server.cli("audit", "show").returncode == 3
    create_key(server, "one", "--scope", "read")
    wait_until(lambda: submit(server).status_code == 401, what="the first key")
    wait_until(lambda: entries(server)[-1].get("code") == "key_required", what="a refusal")
    assert entries(server)[0]["action"] == "keys_create"
    assert server.stop() == 0
    named = make_server("--workers", "0")
    named.environment["MEDSYNTH_AUDIT_LOG"] = str(named.folder / "elsewhere/log")
    named.start()
    assert submit(named).status_code == 202
    assert [each["action"] for each in entries(named)] == ["serve_started", "detect_contradiction"]
    assert named.stop() == 0 and verify(named)["entries"] == 2
    off = make_server("--workers", "0", MEDSYNTH_AUDIT_LOG="off")
    key = bearer(create_key(off, "one", "--scope", "submit"))
    off.start()
    assert submit(off, key).status_code == 202 and not list((off.folder / "data").glob("audit*"))
    assert off.stop() == 0


def test_a_change_to_the_log_is_found(make_server):
    server = make_server()
    for name in "abcde":
        create_key(server, name, "--scope", "read")
    noted = verify(server)["last"]["hash"]
    log = log_of(server)
    lines = log.read_bytes().splitlines(keepends=True)
    for changed, where, what in (
        ([*lines[:1], lines[1].replace(b'"b"', b'"x"'), *lines[2:]], "audit.jsonl, line 3", "changed"),
        ([*lines[:2], *lines[3:]], "audit.jsonl, line 3", "entry 3 is missing"),
        ([*lines[:4], lines[4][:50]], "audit.jsonl, line 5", "cut off"),
    ):
        log.write_bytes(b"".join(changed))
        state = verify(server)
        assert not state["intact"] and state["breaks"][0]["where"] == where and what in state["breaks"][0]["what"], state
        said = server.cli("audit", "verify")
        assert said.returncode == 1 and where in said.stdout and what in said.stdout
    log.write_bytes(b"".join(lines[:4]))  # nobody sees that the end is gone, but whoever has noted it
    assert verify(server)["intact"] and not verify(server, "--last", noted)["intact"]
    log.write_bytes(b"".join(lines))
    assert verify(server, "--last", noted)["intact"] and hashlib.sha256(lines[-1].rstrip()).hexdigest() == noted
    log.chmod(0o644)
    assert server.cli("audit", "verify").returncode == 4


def test_no_key_without_its_line(make_server):
    server = make_server()
    create_key(server, "one", "--scope", "read")
    keys = (server.folder / "data/keys.json").read_bytes()
    log_of(server).rename(server.folder / "log")
    log_of(server).mkdir()
    for words in (("create", "two", "--scope", "read"), ("revoke", "one")):
        outcome = server.cli("keys", *words)
        assert outcome.returncode == 6 and "audit.jsonl" in outcome.stderr and not outcome.stdout, outcome
    assert (server.folder / "data/keys.json").read_bytes() == keys
    started = server.cli("serve", "--listen", "127.0.0.1:0")
    assert started.returncode == 6 and "audit.jsonl" in started.stderr


def test_nothing_is_changed_that_cannot_be_recorded(make_server):
    """What was done before the disk refused is recorded as soon as it can be; looking goes on."""
    server = make_server("--workers", "0")
    key = bearer(create_key(server, "one", "--scope", "read,submit"))
    server.start()
    log = log_of(server)
    log.rename(server.folder / "log")
    log.mkdir()
    assert submit(server, key, task_id="t-1").status_code == 202
    wait_until(lambda: submit(server, key, task_id="t-2").status_code == 503, what="a refusal")
    answer = submit(server, key, task_id="t-3")
    problem(answer, 503, "audit_not_written")
    assert int(answer.headers["Retry-After"]) >= 1
    assert server.get("/v1/tasks/", headers=key).status_code == 200 and server.get("/v1/tasks/t-3", headers=key).status_code == 404
    log.rmdir()
    (server.folder / "log").rename(log)
    wait_until(lambda: submit(server, key, task_id="t-4").status_code == 202, what="the log")
    done = [each["detail"].rpartition("/")[2] for each in entries(server) if each["status"] == 202]
    assert done[0] == "t-1" and done[-1] == "t-4" and "t-3" not in done
    assert "nothing is changed until the audit log can be written" in server.log.read_text()
    assert server.stop() == 0 and verify(server)["intact"]


def test_two_servers_share_a_log_and_one_is_killed(make_server, make_redis):
    """Each change that was answered is recorded once, whichever server is killed in the middle of it."""
    redis = make_redis()
    first = make_server("--workers", "0", redis_port=str(redis.port), MEDSYNTH_REDIS="external")
    log = first.folder / "shared/audit.jsonl"
    servers = [first, make_server("--workers", "0", redis_port=str(redis.port), MEDSYNTH_REDIS="external")]
    for server in servers:
        server.environment["MEDSYNTH_AUDIT_LOG"] = str(log)
        server.start()

    def work(server: Server, name: str) -> list[str]:
        answered = []
        for number in range(1000):
            task = f"{name}-{number}"
            try:
                if submit(server, task_id=task).status_code == 202:
                    answered.append(task)
            except requests.RequestException:
                break
            if done.is_set():
                break
        return answered

    done = threading.Event()
    with concurrent.futures.ThreadPoolExecutor() as threads:
        results = [threads.submit(work, servers[i // 2], f"w{i}") for i in range(4)]
        wait_until(lambda: log.read_text().count("detect_contradiction") > 60, 60, "some work")
        servers[0].process.send_signal(signal.SIGKILL)
        servers[0].process.wait(20)
        done.set()
        answered = [task for result in results for task in result.result()]
    servers[0].process.stdout.close()
    servers[0].start()
    assert submit(servers[0], task_id="after").status_code == 202
    recorded = [each["detail"].rpartition("/")[2] for each in entries(first) if each.get("action") == "detect_contradiction" and each["status"] == 202]
    assert set(answered) <= set(recorded) and len(recorded) == len(set(recorded))
    assert all(server.stop() == 0 for server in servers)
    assert verify(first)["intact"]
