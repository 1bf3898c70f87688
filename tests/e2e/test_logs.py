"""medsynth logs: wherever the log of this machine's server is."""

from __future__ import annotations

import json
import os
import pathlib
import pty
import signal
import subprocess
from collections.abc import Callable

import pytest
from conftest import BINARY, Server, wait_until


def place_of(server: Server) -> pathlib.Path:
    return server.folder / "data/medsynth.log"


def test_a_file_is_found_again(make_server: Callable[..., Server]):
    server = make_server().start()
    assert place_of(server).resolve() == server.log
    shown = server.cli("logs")
    assert shown.returncode == 0 and " serve: serving" in shown.stdout and " worker: worker ready" in shown.stdout
    assert "listen=" in shown.stdout and "{" not in shown.stdout.splitlines()[0]
    assert " serve: " not in server.cli("logs", "--worker").stdout
    assert len(server.cli("logs", "-n", "1").stdout.splitlines()) == 1
    assert all({"ts", "msg", "process"} <= json.loads(line).keys() for line in server.cli("logs", "--json").stdout.splitlines())
    assert " serving" in server.cli("logs", "--since", "1h").stdout and server.cli("logs", "--since", "2999-01-01T00:00:00Z").stdout == ""
    assert "Ready to accept connections" in server.cli("logs", "--redis").stdout
    assert server.stop() == 0
    assert " serve: stopped" in server.cli("logs").stdout, "also of one that runs no more"


@pytest.mark.parametrize("words", [("--since", "yesterday"), ("-n", "x"), ("--redis", "--worker"), ("--redis", "--since", "1h"), ("more",)])
def test_what_is_not_understood_is_refused(server: Server, words: tuple[str, ...]):
    assert server.cli("logs", *words).returncode == 2


def test_one_can_follow(make_server: Callable[..., Server], tmp_path: pathlib.Path):
    server = make_server().start()
    out = tmp_path / "followed"
    with out.open("w") as to:
        following = subprocess.Popen([str(BINARY), "logs", "-f", "-n", "0"], env=server.environment, stdin=subprocess.DEVNULL, stdout=to)
    try:
        wait_until(lambda: server.get("/nothing", headers={"X-Request-Id": "seen-by-logs"}).status_code and "seen-by-logs" in out.read_text(), 60, "a new line")
        # Cut, as a logrotate with copytruncate does.
        os.truncate(server.log, 0)
        wait_until(lambda: server.get("/nothing", headers={"X-Request-Id": "after-the-cut"}).status_code and "after-the-cut" in out.read_text(), 60, "a new line")
        assert " serve: serving" not in out.read_text()
    finally:
        following.send_signal(signal.SIGINT)
        following.wait(20)


def test_a_terminal_keeps_nothing_so_the_data_folder_does(make_server: Callable[..., Server]):
    server = make_server()
    place_of(server).parent.mkdir()
    place_of(server).symlink_to("/nowhere")  # of a server before
    master, slave = pty.openpty()
    server.process = subprocess.Popen([str(BINARY), "serve", "--listen", "127.0.0.1:0"], env=server.environment, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=slave, text=True, start_new_session=True)
    os.close(slave)
    server.url = server.process.stdout.readline().split()[-1]
    wait_until(server.is_ready, 60, "ready")
    shown = server.cli("logs")
    assert shown.returncode == 0 and " worker: worker ready" in shown.stdout
    assert place_of(server).is_file() and not place_of(server).is_symlink() and place_of(server).stat().st_mode & 0o777 == 0o600
    assert server.stop() == 0
    os.close(master)
    assert " serve: stopped" in server.cli("logs").stdout
    server.start()
    assert place_of(server).is_symlink() and (server.folder / "data/medsynth.log.1").is_file(), "what was there is kept"
    assert server.stop() == 0


def test_it_says_who_has_the_log(make_server: Callable[..., Server]):
    server = make_server()
    nothing = server.cli("logs")
    assert nothing.returncode == 3 and "no server with this data folder ran here" in nothing.stderr
    process = subprocess.Popen([str(BINARY), "serve", "--listen", "127.0.0.1:0"], env=server.environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "listening on" in process.stdout.readline()
    piped = server.cli("logs")
    process.terminate()
    process.communicate(timeout=60)
    assert piped.returncode == 3 and "docker logs" in piped.stderr


def test_a_server_that_does_not_start_takes_nobodys_place(make_server: Callable[..., Server]):
    server = make_server().start()
    second = subprocess.run([str(BINARY), "serve", "--listen", server.url.partition("://")[2]], env=server.environment, stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=60)
    assert second.returncode != 0
    assert place_of(server).resolve() == server.log


def test_systemd_s_journal_has_it_where_systemd_runs_it(server: Server, tmp_path: pathlib.Path):
    for name, line in {"systemctl": 'test "$*" = "is-active --quiet medsynth.service medsynth-worker@*.service"', "journalctl": 'echo "$@"'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)
    environment = {**server.environment, "PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def asked(*words: str) -> str:
        done = subprocess.run([str(BINARY), "logs", *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    units = "--unit=medsynth.service --unit=medsynth-worker@*.service"
    assert asked() == f"--no-pager --lines=100 {units}"
    assert asked("-f", "-n", "5", "--worker", "--json", "--since", "2026-01-31T00:00:00Z") == (
        f"--no-pager --lines=5 {units} --follow --since=@1769817600 --output=json PROCESS=worker")
    assert "Ready to accept connections" in asked("--redis"), "that is in its own file"
