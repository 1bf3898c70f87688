"""Queues and dead letters from the command line, against a running server and worker."""

import json
import subprocess

import pytest
from conftest import BINARY, Server, wait_until


def ok(server: Server, *words: str) -> str:
    done = server.cli(*words)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "progress is for terminals"
    return done.stdout


def queue(server: Server, name: str = "medsynth") -> dict:
    listed = json.loads(ok(server, "queues", "ls", "--json"))
    return next(each for each in listed["queues"] if each["name"] == name)


def dead(server: Server) -> list[dict]:
    return json.loads(ok(server, "dead", "list", "--json"))["letters"]


CLAIMS = {"claim1": "Aspirin helps.", "claim2": "Aspirin does not help.", "use_all_methods": False}


def test_send_runs_one_of_our_actors(server: Server):
    task_id = ok(server, "send", "detect_contradiction", "--kwargs", json.dumps(CLAIMS)).strip()
    assert server.result(task_id)["verdict"] == "contradiction"


def test_a_paused_queue_stands_still(make_server):
    """Nothing is taken from it until it is resumed, and `queues ls` and `doctor` say why."""
    server = make_server().start()
    ok(server, "queues", "pause", "medsynth")
    task_id = ok(server, "send", "detect_contradiction", "--kwargs", json.dumps(CLAIMS)).strip()
    assert queue(server) == {**queue(server), "state": "paused", "ready": 1, "running": 0, "workers": 1}
    checks = {each["id"]: each for each in json.loads(server.cli("doctor", "--json").stdout)}
    assert checks["queues.paused"]["status"] == "warning" and "medsynth (1 wait)" in checks["queues.paused"]["what"]
    assert "paused" in ok(server, "queues", "ls")
    ok(server, "queues", "resume", "medsynth")
    server.result(task_id)


def test_a_dead_letter_from_death_to_replay(make_server):
    """Wrong arguments kill it at once; the letter says why; replayed it dies again, purged it is gone."""
    server = make_server().start()
    task_id = ok(server, "send", "detect_contradiction", "--kwargs", '{"claim1": "alone"}').strip()
    assert server.wait_task(task_id)["status"] == "failed"
    (letter,) = wait_until(lambda: dead(server))
    assert "claim2" in letter["reason"] and letter["task_id"] == task_id
    shown = ok(server, "dead", "show", letter["id"])
    assert "alone" in shown and "claim2" in shown
    assert "claim2" in ok(server, "dead", "list")
    ok(server, "dead", "replay", letter["id"])
    (again,) = wait_until(lambda: [each for each in dead(server) if each["id"] != letter["id"]])
    assert server.wait_task(task_id)["status"] == "failed" and again["task_id"] == task_id
    assert server.cli("dead", "replay", letter["id"]).returncode == 3
    refused = server.cli("dead", "purge", "--all", "--queue", "medsynth")
    assert refused.returncode == 2 and "--yes" in refused.stderr
    assert "dropped 1" in ok(server, "dead", "purge", "--all", "--queue", "medsynth", "--yes")
    assert ok(server, "dead", "list") == "No dead letters.\n"


def test_an_undecodable_payload_is_shown_safely(make_server):
    """It became a dead letter by itself; its bytes never reach the terminal as they are."""
    server = make_server().start()
    store = server.redis()
    store.hset("dramatiq:medsynth.msgs", "bad", b"\x80\x04 pickle \x1b[31m red")
    store.rpush("dramatiq:medsynth", "bad")
    wait_until(lambda: dead(server))
    shown = ok(server, "dead", "show", "bad")
    assert "\x1b" not in shown and "\\x1b[31m red" in shown and "undecodable" in shown
    assert server.cli("dead", "replay", "bad").returncode == 1


def test_purging_a_queue_cancels_its_tasks(make_server):
    server = make_server().start()
    ok(server, "queues", "pause", "medsynth")
    ids = [ok(server, "send", "detect_contradiction", "--kwargs", json.dumps(CLAIMS), "--delay", delay).strip()
           for delay in ("0", "60000")]
    assert server.cli("queues", "purge", "medsynth").returncode == 2
    assert ok(server, "queues", "purge", "medsynth", "--yes") == "dropped 2 messages\n"
    assert {server.task(each)["status"] for each in ids} == {"cancelled"}
    ok(server, "queues", "resume", "medsynth")


@pytest.mark.parametrize(("words", "part"), [
    (("queues", "paus", "q"), "did you mean 'pause'"), (("dead", "lst"), "did you mean 'list'"), (("sen",), "did you mean 'send'"),
    (("send", "a", "--args", "[1,]"), "--args"), (("send", "a", "--kwargs", "[]"), "--kwargs"), (("dead", "replay"), "--all"),
    (("dead", "purge", "--all"), "--queue"), (("queues", "pause", "a.DQ"), "queue"), (("dead", "list", "--limit", "0"), "limit"),
])
def test_wrong_usage_exits_with_two_and_says_what(server: Server, words: tuple[str, ...], part: str):
    done = server.cli(*words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert part in done.stderr


@pytest.mark.parametrize("words", [("send",), ("queues",), ("queues", "purge"), ("dead",), ("dead", "replay")])
def test_every_command_helps(words: tuple[str, ...]):
    done = subprocess.run([str(BINARY), *words, "--help"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and "Usage" in done.stdout
