"""An upgrade of two hosts, one after the other, and the way back that is refused.

    MEDSYNTH_OLD_BINARY=/path/of/an/older/medsynth python -m pytest tests/e2e/test_upgrade.py

upgrades from that program; else both are this one.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest
import redis
import requests
from conftest import ASPIRIN, BINARY, NO_ASPIRIN, Server, free_port, wait_until

OLD = pathlib.Path(os.environ.get("MEDSYNTH_OLD_BINARY", BINARY))
FORMAT = "medsynth:0:dramatiq:task::format"
NEW_NETWORK = 0x40000000


class Host:
    """A machine with a network of its own; what it shares with others is the socket of Redis."""

    def __init__(self, make_server: Callable[..., Server], name: str, url: str):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.network = None
        with open("/proc/thread-self/ns/net", encoding="ascii") as before:
            if self.libc.unshare(NEW_NETWORK) != 0:
                pytest.skip("only root can make a network of its own")
            try:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
                    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x1))
                self.network = open("/proc/thread-self/ns/net", encoding="ascii")
            finally:
                assert self.libc.setns(before.fileno(), NEW_NETWORK) == 0
        self.server = make_server(REDIS_URL=url, MEDSYNTH_REDIS="external", MEDSYNTH_HOST=name, MAX_CONCURRENT_TASKS="2")

    @contextlib.contextmanager
    def inside(self) -> Iterator[Server]:
        """This thread is on that machine meanwhile, and so are the processes that it starts."""
        with open("/proc/thread-self/ns/net", encoding="ascii") as before:
            assert self.libc.setns(self.network.fileno(), NEW_NETWORK) == 0
            try:
                yield self.server
            finally:
                assert self.libc.setns(before.fileno(), NEW_NETWORK) == 0

    def start(self, program: pathlib.Path) -> None:
        self.server.program = program
        with self.inside() as server:
            server.start()

    def stop(self) -> None:
        with self.inside() as server:
            assert server.stop() == 0


class Callers:
    """Who submits tasks all the while, at the hosts in turn, as a proxy before them would: one that takes no connection is passed over."""

    def __init__(self, hosts: list[Host]):
        self.hosts = hosts
        self.accepted: list[str] = []
        self.refused = 0  # with Retry-After
        self.cut: list[str] = []  # by the kernel: they came between the last accept and the end of listening
        self.wrong: list[str] = []
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(3)]

    def __enter__(self) -> Callers:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_) -> None:
        self._end.set()
        for each in self._threads:
            each.join()

    def _call(self, number: int) -> None:
        turn = number
        while not self._end.is_set():
            turn += 1
            body = {"claim1": ASPIRIN, "claim2": NO_ASPIRIN, "use_all_methods": False, "task_id": f"{number}-{turn}"}
            with self.hosts[turn % len(self.hosts)].inside() as server:
                try:
                    answer = server.post("/v1/async-ml/contradiction/detect", json=body)
                except requests.ConnectionError as error:
                    if "Connection reset" in str(error):
                        self.cut.append(body["task_id"])
                    elif "Connection refused" not in str(error):
                        self.wrong.append(str(error))
                    continue
            if answer.status_code == 202:
                self.accepted.append(body["task_id"])
            elif answer.status_code == 503 and "Retry-After" in answer.headers:
                self.refused += 1
            else:
                self.wrong.append(f"{answer.status_code} {answer.text}")

    def go_on(self) -> None:
        """Until some more were accepted."""
        enough = len(self.accepted) + 15
        wait_until(lambda: len(self.accepted) >= enough or self.wrong, 60, "more tasks are accepted")


def versions_said(server: Server) -> str:
    return next(each["what"] for each in json.loads(server.cli("doctor", "--json").stdout) if each["id"] == "workers.versions")


def test_two_hosts_are_upgraded_one_after_the_other(make_server, make_redis, tmp_path: pathlib.Path):
    """Under load: nothing is lost, nothing runs twice, and every call is answered, or refused with Retry-After."""
    path = tmp_path / "redis.sock"
    store = make_redis("--unixsocket", str(path)).client
    hosts = [Host(make_server, name, f"unix://{path}") for name in ("one", "two")]
    for host in hosts:
        host.start(OLD)
    with Callers(hosts) as callers:
        callers.go_on()
        for host in hosts:
            host.stop()
            callers.go_on()
            host.start(BINARY)
            callers.go_on()
            with host.inside() as server:
                wait_until(lambda: all(name in versions_said(server) for name in ("one", "two")), what="which hosts run which version is said")
            assert store.get(FORMAT) == "1"
    assert callers.wrong == []
    if OLD == BINARY:  # older programs cut those off that waited to be accepted
        assert len(callers.cut) <= 1, "the moment is microseconds long"
    with hosts[0].inside() as server:
        assert {server.get(f"/v1/tasks/{each}").status_code for each in callers.cut} <= {404}, "what was not answered was not taken"
        for task_id in callers.accepted:
            task = server.wait_task(task_id)
            assert (task["status"], task["attempt"], task["result"]["verdict"]) == ("completed", 1, "contradiction"), task
        assert server.get("/v1/tasks/?limit=1").json()["total"] == len(callers.accepted) == len(set(callers.accepted))
    wait_until(lambda: store.hlen("dramatiq:medsynth.msgs") == 0, what="every message is settled")
    assert store.llen("dramatiq:medsynth") == 0 and store.zcard("dramatiq:medsynth.XQ") == 0
    for host in hosts:
        host.stop()


@pytest.mark.parametrize("command", ["serve", "worker", "backup"])
def test_an_older_program_does_not_start(make_server, make_redis, tmp_path: pathlib.Path, command: str):
    """A newer version wrote what lies in Redis: nothing is touched, and the way out is said."""
    store = make_redis()
    store.client.set(FORMAT, "2")
    server = make_server(MEDSYNTH_REDIS="external", redis_port=str(store.port))
    words = [command, str(tmp_path / "b")] if command == "backup" else [command, "--listen", "127.0.0.1:0"]
    done = subprocess.run([str(BINARY), *words], env=server.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stderr
    assert "format 2" in done.stderr and "Downgrade" in done.stderr and "listening" not in done.stdout
    assert store.client.keys() == [FORMAT] and not (tmp_path / "b").exists()
    checks = {each["id"]: each for each in json.loads(server.cli("doctor", "--json").stdout)}
    assert checks["redis.format"]["status"] == "failed" and "newer version" in checks["redis.format"]["why"]


def test_a_server_that_meets_a_newer_format_later_ends(make_server, tmp_path: pathlib.Path):
    """Redis was away when it started."""
    port = free_port()

    def start_redis() -> subprocess.Popen:
        return subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--appendonly", "yes", "--dir", str(tmp_path)],
                                stdout=subprocess.DEVNULL)

    def is_set() -> bool:
        with contextlib.suppress(redis.ConnectionError):
            return server.redis().set(FORMAT, "2")
        return False

    server = make_server(MEDSYNTH_REDIS="external", redis_port=str(port), MEDSYNTH_WORKERS="0")
    there = start_redis()
    try:
        wait_until(is_set)
        there.terminate()
        there.wait(30)
        server.start(ready=False)
        there = start_redis()
        assert server.process.wait(60) == 1
        assert "format 2" in server.log.read_text()
    finally:
        there.kill()
        there.wait(30)
