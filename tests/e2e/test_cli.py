"""The command line against a running server."""

import json
import subprocess

import pytest
from conftest import ASPIRIN, ASPIRIN_AGAIN, BINARY, NO_ASPIRIN, ROOT, Server


def ok(server: Server, *words: str) -> str:
    done = server.cli(*words)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "progress is for terminals"
    return done.stdout


def test_contradict_says_so(server: Server):
    out = ok(server, "contradict", ASPIRIN, NO_ASPIRIN)
    assert out.startswith("CONTRADICTION")
    assert "demo" in out and "\x1b" not in out
    assert ok(server, "contradict", ASPIRIN, ASPIRIN_AGAIN).startswith("NO CONTRADICTION")


def test_contradict_as_json(server: Server):
    task = json.loads(ok(server, "contradict", ASPIRIN, NO_ASPIRIN, "--json", "--task-id", "from-the-cli"))
    assert task["task_id"] == "from-the-cli" and task["result"]["verdict"] == "contradiction"


def test_contradict_without_waiting(server: Server):
    task_id = ok(server, "contradict", ASPIRIN, NO_ASPIRIN, "--no-wait").strip()
    assert server.result(task_id)["verdict"] == "contradiction"


def test_tasks(server: Server):
    task_id = json.loads(ok(server, "contradict", ASPIRIN, NO_ASPIRIN, "--json", "--fast"))["task_id"]
    assert task_id in ok(server, "tasks", "list", "--status", "completed")
    listed = json.loads(ok(server, "tasks", "list", "--limit", "1", "-o", "json"))
    assert listed["tasks"][0]["task_id"] == task_id
    shown = ok(server, "tasks", "show", task_id)
    assert "completed" in shown and "contradiction_score" in shown
    assert server.cli("tasks", "cancel", task_id).returncode == 1
    assert ok(server, "tasks", "rm", task_id) == "deleted 1 task\n"
    gone = server.cli("tasks", "show", task_id)
    assert gone.returncode == 3 and task_id in gone.stderr


def test_usage_system_and_cache(server: Server):
    server.result(server.detect())
    assert "HOST" in ok(server, "usage") and "cpu" in ok(server, "system")
    assert set(json.loads(ok(server, "usage", "--json"))) >= {"cpu_percent", "hosts", "max_concurrent_tasks"}
    assert "of 5 models" in ok(server, "cache", "ls")
    assert server.cli("cache", "rm", "no-such-model").returncode == 3


def test_limits(make_server):
    server = make_server().start()
    shown = ok(server, "limits", "show")
    assert "max_concurrent_tasks      5  default" in shown and "max_cpu_percent         100  environment" in shown
    assert "2" in ok(server, "limits", "set", "max_concurrent_tasks=2")
    assert json.loads(ok(server, "limits", "show", "--json"))["max_concurrent_tasks"] == 2
    wrong = server.cli("limits", "set", "max_cpu_percent=200")
    assert wrong.returncode == 2 and "max_cpu_percent" in wrong.stderr
    assert "max_concurrent_tasks      2  api" in ok(server, "limits", "show")
    ok(server, "limits", "reset")
    assert json.loads(ok(server, "limits", "show", "--json"))["max_concurrent_tasks"] == 5


def test_models(server: Server):
    out = ok(server, "models", "list")
    assert "smollm2-135m-instruct" in out and "all-minilm-l6-v2" in out
    assert json.loads(ok(server, "models", "show", "all-minilm-l6-v2", "--json"))["kind"] == "sentence"
    assert server.cli("models", "show", "nothing").returncode == 3


def test_config_shows_where_each_value_comes_from(server: Server):
    origin = json.loads(ok(server, "config", "show", "--origin", "--json", "--workers", "3"))
    assert origin["workers"] == {**origin["workers"], "value": "3", "origin": "flag"}
    assert origin["max_cpu_percent"]["origin"] == "environment"
    assert origin["task_storage_ttl"]["origin"] == "default"
    assert "ORIGIN" in ok(server, "config", "show", "--origin")


def test_the_settings_page_is_the_table():
    done = subprocess.run([str(BINARY), "config", "reference"], capture_output=True, text=True, timeout=30)
    assert done.stdout == (ROOT / "docs/settings.md").read_text(), "write it again: medsynth config reference > docs/settings.md"


def test_a_password_is_never_shown(server: Server):
    out = ok(server, "config", "show", "--redis-url", "redis://user:very-secret@localhost:1/0")
    assert "very-secret" not in out and "user:***@localhost" in out


def test_doctor_looks_at_everything(server: Server):
    done = server.cli("doctor", "--json")
    checks = {check["id"]: check for check in json.loads(done.stdout)}
    assert {"redis.connection", "redis.persistence", "redis.eviction", "redis.clock", "machine.cpu", "machine.memory", "machine.disk",
            "machine.gpu", "machine.slots", "models.language", "server.ready", "workers.alive", "queues.dead"} <= checks.keys()
    for name in ("redis.connection", "redis.role", "redis.rights", "redis.persistence", "redis.clock", "server.ready", "workers.alive", "workers.reports"):
        assert checks[name]["status"] == "ok", checks[name]
    assert done.returncode == 0, [check for check in checks.values() if check["status"] == "failed"]


@pytest.mark.parametrize(("words", "part"), [
    (("serv",), "did you mean 'serve'"), (("tasks", "lst"), "did you mean 'list'"), (("contradict", "one"), "CLAIM2"),
    (("limits", "set", "max_cpu_percent=much"), "max_cpu_percent"), (("config", "show", "--workers", "many"), "--workers"),
    ((), "subcommand"), (("tasks", "list", "--limit", "0"), "limit"), (("tasks", "rm"), "--all"), (("usage", "--url", "ftp://x"), "--url"),
])
def test_wrong_usage_exits_with_two_and_says_what(server: Server, words: tuple[str, ...], part: str):
    done = server.cli(*words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert part in done.stderr


def test_no_server_is_unavailable_with_the_way_out(tmp_path):
    done = subprocess.run([str(BINARY), "usage", "--url", "http://127.0.0.1:1"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 6 and "medsynth serve" in done.stderr


@pytest.mark.parametrize("words", [(), ("serve",), ("worker",), ("contradict",), ("tasks",), ("tasks", "list"), ("limits", "set"), ("cache",), ("models", "add"), ("config",), ("doctor",),
                                   ("keys",), ("keys", "create"), ("login",)])
def test_every_command_helps(words: tuple[str, ...]):
    done = subprocess.run([str(BINARY), *words, "--help"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and "Usage" in done.stdout
    if words in (("serve",), ("worker",)):
        assert "MAX_CONCURRENT_TASKS" in done.stdout
