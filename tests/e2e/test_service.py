"""What systemd does with the service, without systemd: sockets that it opened, what it is told, a reload, the journal."""

from __future__ import annotations

import http.client
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest
import requests
from conftest import BINARY, Server, free_port, wait_until

# Starts a program as systemd does: the sockets from descriptor 3 on, and the variables that say so.
LAUNCH = """
import fcntl, os, sys
at = sys.argv.index("--")
for number, each in enumerate([fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in sys.argv[1:at]]):
    os.dup2(each, 3 + number)
os.closerange(3 + at - 1, 4096)
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.environ.setdefault("LISTEN_FDS", str(at - 1))
os.execv(sys.argv[at + 1], sys.argv[at + 1:])
"""


def command(sockets: tuple[socket.socket, ...], *flags: str) -> list[str]:
    return [sys.executable, "-c", LAUNCH, *(str(each.fileno()) for each in sockets), "--", str(BINARY), "serve", *flags]


def hang_up_counts() -> None:
    """Whoever runs the tests by nohup has them ignore SIGHUP, and so what they start."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def launch(server: Server, *sockets: socket.socket, flags: tuple[str, ...] = (), **environment: str) -> Server:
    """As Server.start(), by a service manager; no terminal controls it."""
    server.process = subprocess.Popen(
        command(sockets, *flags), env={**server.environment, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=server.log.open("a"), text=True, start_new_session=True, preexec_fn=hang_up_counts, pass_fds=[each.fileno() for each in sockets])
    server.said = ""
    while "listening on " not in server.said:
        line = server.process.stdout.readline()
        assert line, server.log.read_text()[-2000:]
        server.said += line
    server.url = server.said.partition("listening on ")[2].split(",")[0].strip().replace("//0.0.0.0:", "//127.0.0.1:")
    return server


def refused(server: Server, *sockets: socket.socket, **environment: str) -> str:
    """What it says instead of starting."""
    done = subprocess.run(command(sockets), env={**server.environment, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, pass_fds=[each.fileno() for each in sockets])
    assert done.returncode == 2 and "listening on" not in done.stdout, done
    return done.stderr


@pytest.fixture
def tcp() -> socket.socket:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def address_of(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


def sockets_of(pid: int) -> set[str]:
    return {os.readlink(each) for each in pathlib.Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()}


def test_it_listens_on_the_sockets_that_it_is_given(make_server: Callable[..., Server], tcp: socket.socket, tmp_path: pathlib.Path):
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(str(path))
        local.listen()
        server = launch(make_server(), tcp, local)
        assert f"listening on {address_of(tcp)}, unix:{path}\n" in server.said
        wait_until(server.is_ready, 60, "ready")
        assert subprocess.run([str(BINARY), "status", "--url", f"unix:{path}"], env=server.environment, capture_output=True, timeout=60).returncode == 0
        ours = {f"socket:[{os.fstat(each.fileno()).st_ino}]" for each in (tcp, local)}
        assert ours <= sockets_of(server.process.pid)
        for child in server.children("worker") + server.children("redis-server"):
            assert not ours & sockets_of(child), "a child has no part in it"
        assert server.get("/livez", headers={"Host": "evil.example"}).status_code == 421, "on loopback as ever"
        assert server.stop() == 0
        assert path.exists(), "it is whose socket it is"
        # Whoever calls now waits for the next one.
        with socket.create_connection(tcp.getsockname(), timeout=60) as waiting:
            waiting.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            launch(server, tcp, local)
            assert waiting.recv(64).startswith(b"HTTP/1.1 200")
        assert server.stop() == 0


def test_sockets_count_and_not_the_setting(make_server: Callable[..., Server], tcp: socket.socket):
    other = f"127.0.0.1:{free_port()}"
    server = launch(make_server(), tcp, flags=("--listen", other))
    assert server.url == address_of(tcp) and "not where the settings say" in server.log.read_text()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://{other}/livez", timeout=5)
    assert server.stop() == 0


def test_sockets_of_another_process_are_none(make_server: Callable[..., Server], tcp: socket.socket):
    server = launch(make_server(), tcp, flags=("--listen", "127.0.0.1:0"), LISTEN_PID="1")
    assert server.url != address_of(tcp)
    assert server.stop() == 0


def test_a_socket_that_others_reach_wants_a_key(make_server: Callable[..., Server], own_network: None):
    with socket.create_server(("0.0.0.0", 0)) as everywhere:
        server = launch(make_server(), everywhere)
        assert "can be reached from other machines" in server.said and "0.0.0.0" in server.said
        assert server.get("/v1/tasks/").status_code == 401
        assert server.stop() == 0


def test_what_is_no_socket_to_listen_on_is_refused(make_server: Callable[..., Server], tcp: socket.socket):
    server = make_server()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as quiet, socket.socket(socket.AF_UNIX) as nameless:
        nameless.bind(b"\0medsynth-test-%d" % os.getpid())
        nameless.listen()
        assert "fd:3 is no stream socket" in refused(server, datagrams)
        assert "fd:4 does not listen" in refused(server, tcp, quiet)
        assert "fd:3 is a unix socket without a file" in refused(server, nameless)
    assert re.search("fd:4|descriptor 4", refused(server, tcp, LISTEN_FDS="2")), "which is not open, or something of its own"


class Told:
    """Where a service says how it is: NOTIFY_SOCKET."""

    def __init__(self, path: pathlib.Path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(60)

    def next(self) -> str:
        while (said := self.socket.recv(4096).decode()) == "WATCHDOG=1":
            pass
        return said


@pytest.fixture
def told(tmp_path: pathlib.Path) -> Told:
    here = Told(tmp_path / "notify")
    yield here
    here.socket.close()


def test_a_reload_takes_what_it_can_and_drops_nobody(make_server: Callable[..., Server], tmp_path: pathlib.Path, told: Told):
    file = tmp_path / "medsynth.toml"
    file.write_text("max_concurrent_tasks = 3\n")
    server = launch(make_server(), flags=("--listen", "127.0.0.1:0", "--config", str(file)), NOTIFY_SOCKET=told.path)
    assert told.next() == "READY=1"

    def limit() -> int:
        return server.get("/v1/resources/usage").json()["max_concurrent_tasks"]

    def reload(text: str) -> None:
        file.write_text(text)
        server.process.send_signal(signal.SIGHUP)
        assert told.next().startswith("RELOADING=1\nMONOTONIC_USEC=")
        assert told.next() == "READY=1"

    wait_until(server.is_ready, 60, "ready")
    wait_until(lambda: limit() == 3, what="the file's limit")
    workers = server.children("worker")
    connection = http.client.HTTPConnection(server.url.partition("://")[2], timeout=60)
    connection.request("GET", "/livez")
    assert connection.getresponse().read() is not None
    mine = connection.sock
    reload("max_concurrent_tasks = 4\nworkers = 2\n")
    wait_until(lambda: limit() == 4, what="the new limit")
    connection.request("GET", "/livez")
    assert connection.getresponse().status == 200 and connection.sock is mine, "the connection is the same"
    assert server.children("worker") == workers, "the workers are the same"
    log = server.log.read_text()
    assert '"changed":"max_concurrent_tasks","need_restart":"workers"' in log
    reload("max_concurrent_tasks = many\n")
    assert "the settings stay as they were" in server.log.read_text() and limit() == 4
    assert server.stop() == 0
    assert told.next() == "STOPPING=1"


def test_a_worker_alone_reads_its_settings_again(make_redis, models: pathlib.Path, tmp_path: pathlib.Path):
    file, log = tmp_path / "medsynth.toml", tmp_path / "worker.log"
    file.write_text("max_concurrent_tasks = 3\n")
    environment = {**Server(tmp_path).environment, "REDIS_URL": f"redis://127.0.0.1:{make_redis().port}/0", "MEDSYNTH_REDIS": "external"}
    with log.open("w") as out:
        worker = subprocess.Popen([str(BINARY), "worker", "--config", str(file)], env=environment, stdin=subprocess.DEVNULL, stderr=out,
                                  start_new_session=True, preexec_fn=hang_up_counts)
    try:
        wait_until(lambda: "worker ready" in log.read_text(), 60, "ready")
        file.write_text("max_concurrent_tasks = 4\n")
        worker.send_signal(signal.SIGHUP)
        wait_until(lambda: '"max_concurrent_tasks":4' in log.read_text(), 60, "the new limit")
        worker.terminate()
        assert worker.wait(60) == 0
    finally:
        worker.kill()
        worker.wait(20)


# A journal of the test's own, where systemd has it, in a mount namespace; then the program, whose log leads there.
JOURNAL = """
import os, pathlib, socket, subprocess, sys
subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
pathlib.Path("/run/systemd/journal").mkdir(parents=True)
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind("/run/systemd/journal/socket")
journal.settimeout(60)
reader, stderr = socket.socketpair()
state = os.fstat(stderr.fileno())
program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True,
                           env={**os.environ, "JOURNAL_STREAM": f"{state.st_dev}:{state.st_ino}"})
stderr.close()
entry = b""
while b"\\nEVENT=worker ready\\n" not in entry:
    entry = journal.recv(65536)
sys.stdout.buffer.write(entry)
program.terminate()
while b"\\nEVENT=stopped\\n" not in entry:
    entry = journal.recv(65536)
program.wait(60)
reader.setblocking(False)
try:
    sys.stdout.buffer.write(b"STDERR=" + reader.recv(65536))
except BlockingIOError:
    pass
"""


def test_the_journal_gets_fields(make_server: Callable[..., Server]):
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        pytest.skip("no mount namespace can be made here")
    server = make_server()
    server.environment["MEDSYNTH_LOG_FORMAT"] = "auto"
    done = subprocess.run(["unshare", "--mount", sys.executable, "-c", JOURNAL, str(BINARY), "serve", "--listen", "127.0.0.1:0"],
                          env=server.environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    fields = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    assert fields["PRIORITY"] == "6" and fields["SYSLOG_IDENTIFIER"] == "medsynth" and fields["PROCESS"] == "worker"
    assert fields["QUEUES"] == "medsynth" and len(fields["WORKER"]) == 36
    assert fields["MESSAGE"].startswith("worker ready  ") and f"worker={fields['WORKER']}" in fields["MESSAGE"]
    assert fields.get("STDERR", "") == "", "nothing twice"
