"""`medsynth top`: one picture as text, and the screen of a terminal that a test holds, whose keys it presses."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Callable, Iterator

import pyte
from conftest import BINARY, Server, wait_until

MakeServer = Callable[..., Server]
PATIENCE = 60  # seconds; on a loaded machine


class Screen:
    """A terminal of so many rows and columns with `medsynth top` in it."""

    def __init__(self, server: Server, rows: int = 24, columns: int = 80, **environment: str):
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.seen = b""
        self.master, child = pty.openpty()
        self.size_is(rows, columns)
        self.process = subprocess.Popen(
            [str(BINARY), "top"], stdin=child, stdout=child, stderr=subprocess.PIPE, start_new_session=True, text=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**{name: value for name, value in server.environment.items() if name not in ("NO_COLOR", "COLUMNS")},
                 "MEDSYNTH_URL": server.url, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment})
        os.close(child)

    def size_is(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def text(self) -> str:
        while select.select([self.master], [], [], 0)[0]:
            try:
                piece = os.read(self.master, 65536)
            except OSError:  # the other side is closed
                break
            self.seen += piece
            self.stream.feed(piece)
        return "\n".join(line.rstrip() for line in self.screen.display)

    def shows(self, *words: str) -> str:
        """The screen, once it has all of these."""
        try:
            return wait_until(lambda: (text := self.text()) and all(word in text for word in words) and text, PATIENCE, f"{words}")
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.text()}") from None

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def press_until(self, key: str, word: str) -> str:
        """Goes on to the next pane, or line, until the screen has `word`."""
        for _ in range(10):
            self.press(key)
            with contextlib.suppress(AssertionError):
                return wait_until(lambda: word in (text := self.text()) and text, 3)
        raise AssertionError(f"{word!r} is not reached:\n{self.text()}")

    def ends(self) -> int:
        wait_until(lambda: self.text() is not None and self.process.poll() is not None, PATIENCE, "the end")
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self.process.stderr.close()
        os.close(self.master)


@contextlib.contextmanager
def top(server: Server, **options) -> Iterator[Screen]:
    screen = Screen(server, **options)
    try:
        yield screen
    finally:
        screen.close()


def test_one_picture_says_what_usage_says(server: Server):
    """With no worker's measure in between, the same figures; and as JSON, the server's own answers."""
    usage = json.loads(server.cli("usage", "--json").stdout)
    text = server.cli("top", "--once").stdout
    (host,) = usage["hosts"]
    assert f"{usage['concurrent_tasks']} of {usage['max_concurrent_tasks']} slots taken" in text and "nothing waits" in text
    line = next(each for each in text.splitlines() if each.split()[:1] == [host["host"]])
    assert f"{host['concurrent_tasks']} of {host['max_concurrent_tasks']}" in line and f"of {host['max_memory_percent']:.0f} %" in line
    assert line.split()[-1] == "open" and not host["reason"]
    now = json.loads(server.cli("top", "--json").stdout)
    assert now.keys() == {"usage", "cache", "queues", "waiting", "waiting_total"}
    measured = re.compile(r"_percent$")
    assert {name: value for name, value in now["usage"].items() if not measured.search(name) and name != "hosts"} == \
        {name: value for name, value in usage.items() if not measured.search(name) and name != "hosts"}
    assert "\x1b" not in text


def test_what_is_no_terminal_is_said(server: Server):
    done = server.cli("top")
    assert done.returncode == 2 and "--once" in done.stderr and done.stdout == ""
    assert server.cli("top", "--once", "--url", "http://127.0.0.1:1").returncode not in (0, 2)
    with top(server, TERM="no-such-terminal") as screen:
        assert screen.ends() == 2 and "no-such-terminal" in screen.process.stderr.read()


def test_a_queue_is_paused_a_task_waits_and_is_cancelled(make_server: MakeServer):
    server = make_server().start()
    server.result(server.detect(use_all_methods=False))
    with top(server) as screen:
        screen.shows("live", "nothing runs", "QUEUES", "q quit")
        screen.press_until("\t", "> medsynth")
        screen.press("p")
        screen.shows("Pause queue medsynth?", "[y/N]")
        screen.press("n")
        screen.shows("nothing was changed")
        screen.press("p")
        screen.shows("Pause queue medsynth?")
        screen.press("y")
        screen.shows("PAUSED")
        task_id = server.detect(task_id="the-one", use_all_methods=False)
        screen.shows("WAITING 1", "the-one", "paused")
        text = screen.press_until("\t", "> the-one")
        assert "detect_contradiction" in text
        screen.shows("waits for its queue (queue medsynth is paused)")
        screen.press("c")
        screen.shows("Cancel task the-one?")
        screen.press("y")
        wait_until(lambda: server.task(task_id)["status"] == "cancelled", PATIENCE, "cancelled")
        screen.shows("nothing waits")
        screen.press("q")
        assert screen.ends() == 0
    assert server.get("/v1/queues/").json()["queues"][0]["state"] == "paused"


def test_a_model_is_dropped(make_server: MakeServer):
    server = make_server().start()
    model = server.wait_task(server.post("/v1/async-ml/embeddings/generate", json={"texts": ["one"]}).json()["data"]["task_id"])["result"]["model"]["id"]
    with top(server) as screen:
        screen.shows("live", model)
        screen.press_until("\t", f"> {model}")
        screen.press("d")
        screen.shows(f"Drop model {model}")
        screen.press("y")
        screen.shows("no model is in memory")


def test_the_screen_may_have_any_size(server: Server):
    with top(server) as screen:
        screen.shows("MACHINES", "QUEUES", "q quit")
        screen.size_is(40, 150)
        screen.process.send_signal(signal.SIGWINCH)
        screen.shows(server.url, "MACHINES", "░")
        screen.size_is(8, 40)
        screen.process.send_signal(signal.SIGWINCH)
        wait_until(lambda: "QUEUES" not in screen.text() and "MACHINES" in screen.text(), PATIENCE, "one pane")
        assert screen.press_until("\t", "RUNNING")
        screen.press("?")
        screen.shows("to the next pane")
        screen.press("x")
        screen.shows("RUNNING")


def test_colours_and_characters_are_the_readers(server: Server):
    with top(server, rows=40, columns=150, LC_ALL="C", NO_COLOR="1") as plain:
        text = plain.shows("MACHINES", "live")
        assert text.isascii() and "░" not in text
        assert not re.search(rb"\x1b\[[0-9;]*(3[0-7]|38|9[0-7])[;m]", plain.seen), "no colour"
        plain.press("q")
        assert plain.ends() == 0


def test_a_server_that_goes_away_comes_back(make_server: MakeServer):
    server = make_server("--workers", "1").start()
    with top(server) as screen:
        screen.shows("live", "open")
        server.stop()
        screen.shows("RECONNECTING", "MACHINES")
        server.start()
        screen.shows("live", "open")
        screen.press("q")
        assert screen.ends() == 0


def test_a_key_is_needed_where_the_server_wants_one(make_server: MakeServer, tmp_path: pathlib.Path):
    server = make_server("--workers", "0").start(ready=False)
    server.cli("keys", "create", "reader", "--scope", "read")
    wait_until(lambda: server.get("/v1/tasks/").status_code == 401, what="the key")
    done = server.cli("top", "--once")
    assert done.returncode != 0 and "key" in done.stderr and done.stdout == ""
