"""What another user of the machine can do about a server: nothing. (Its HTTP API on loopback is open to all of them until there are keys.)"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator

import pytest
from conftest import BINARY, Server, free_port

NOBODY = 65534
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@pytest.fixture(scope="module")
def server(models: pathlib.Path) -> Iterator[Server]:
    """One whose folder others could enter, were it not for what the server makes there."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="medsynth-open-"))
    folder.chmod(0o755)
    running = Server(folder).start()
    running.result(running.detect(use_all_methods=False, task_id="private"))
    yield running
    assert running.stop() == 0
    shutil.rmtree(folder)


def as_nobody(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in words], user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60, env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment})


@pytest.mark.parametrize("command", [("GET", "task:private"), ("KEYS", "*"), ("FLUSHALL",), ("SHUTDOWN", "NOSAVE"), ("CONFIG", "GET", "*"),
                                     ("AUTH", "guessed"), ("REPLICAOF", "127.0.0.1", "1")], ids=lambda words: words[0])
def test_the_managed_redis_lets_nobody_else_in(server: Server, command: tuple[str, ...]):
    answer = as_nobody("redis-cli", "-p", server.redis_port, *command)
    assert answer.stdout.startswith(("NOAUTH", "WRONGPASS")), answer
    assert server.task("private")["status"] == "completed"


def test_its_folder_and_socket_are_closed(server: Server):
    folder = server.folder / "data" / "redis"
    assert {"password", "access", "redis.sock"} <= {path.name for path in folder.iterdir()}
    for path in ("", "password", "access", "redis.conf", "appendonlydir"):
        assert as_nobody("cat", folder / path).returncode != 0
    assert "ermission denied" in as_nobody("redis-cli", "-s", folder / "redis.sock", "PING").stderr
    for path in (folder / "mine", server.folder / "run" / "mine"):
        assert as_nobody("touch", path).returncode != 0, path


def test_nobody_else_can_stop_it(server: Server):
    for pid in (server.process.pid, *server.children("")):
        assert as_nobody("kill", "-9", pid).returncode != 0


def test_a_server_of_theirs_is_told_to_go_elsewhere(server: Server, tmp_path: pathlib.Path):
    """With the default of both, it would share Redis."""
    theirs = pathlib.Path(tempfile.mkdtemp(prefix="medsynth-theirs-"))
    (theirs / "bin").mkdir()
    shutil.copy(BINARY, theirs / "bin/medsynth")
    brought = BINARY.resolve().parents[1] / "lib/medsynth"  # an installed one has libraries of its own
    if brought.is_dir():
        shutil.copytree(brought, theirs / "lib/medsynth")
    theirs.chmod(0o755)
    os.chown(theirs, NOBODY, NOBODY)
    try:
        said = as_nobody(theirs / "bin/medsynth", "doctor", REDIS_URL=f"redis://127.0.0.1:{server.redis_port}/0", MEDSYNTH_DATA_DIR=str(theirs / "data"),
                         MEDSYNTH_RUNTIME_DIR=str(theirs / "run"), MEDSYNTH_URL=f"http://127.0.0.1:{free_port()}").stdout
    finally:
        shutil.rmtree(theirs)
    assert "wants a password" in said and "port of your own" in said


def test_no_secret_is_on_a_command_line(server: Server):
    password = (server.folder / "data/redis/password").read_text()
    for pid in (server.process.pid, *server.children("")):
        assert password.encode() not in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    assert password not in server.log.read_text()
    assert password not in server.cli("doctor").stdout + server.cli("config", "show", "--origin").stdout
