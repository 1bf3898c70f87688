"""The real binary, a real Redis, a real model: what the end-to-end tests and the trials run against.

Every server gets its own folder, ports and runtime folder, so tests never meet each other or an installation on the same
machine. The limits' CPU and memory gates are off unless a test is about them: other load on the machine must not decide.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
import redis
import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("MEDSYNTH_BINARY", ROOT / "build/release/bin/medsynth"))
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "medsynth"
COMPILER = next(filter(None, map(shutil.which, ("clang-19", "cc", "clang", "gcc"))), "cc")  # of C; a minimal machine has that of scripts/setup
MODELS = pathlib.Path(os.environ.get("MEDSYNTH_MODELS_DIR", CACHE / "models"))

ASPIRIN = "Aspirin reduces the risk of myocardial infarction."
NO_ASPIRIN = "Aspirin does not reduce the risk of myocardial infarction."
ASPIRIN_AGAIN = "Aspirin lowers the risk of heart attack."
SEASON = "Vitamin D levels vary with the season."

# Where a shell without job control started the tests behind itself, they would hand down an ignored SIGINT.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition: Callable[[], object], timeout: float = 30, what: str = "condition") -> object:
    """The first true value of `condition`, or a failure after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {timeout} s")
        time.sleep(0.02)


class Server:
    """A running `medsynth serve` with its folder, and the ways to look into it."""

    def __init__(self, folder: pathlib.Path, flags: tuple[str, ...] = (), **environment: str):
        self.folder = folder
        self.redis_port = int(environment.pop("redis_port", free_port()))
        self.flags = flags
        self.program = BINARY
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("MEDSYNTH_", "MAX_", "TASK_", "REDIS_"))},
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "MEDSYNTH_REDIS_FSYNC": "always",
            "MEDSYNTH_DATA_DIR": str(folder / "data"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "MEDSYNTH_RUNTIME_DIR": str(folder / "run"),
            "MEDSYNTH_MODELS_DIR": str(MODELS),
            "MEDSYNTH_LOG_FORMAT": "json",
            "MAX_CPU_PERCENT": "100",
            "MAX_MEMORY_PERCENT": "100",
            **environment,
        }
        self.log = folder / "serve.log"
        self.url = ""
        self.listen = ""  # where else than on a free port of loopback
        self.said = ""  # on standard output until it listened
        self.process: subprocess.Popen[str] | None = None

    def start(self, ready: bool = True) -> Server:
        listen = self.listen or self.url.partition("://")[2] or "127.0.0.1:0"
        self.process = subprocess.Popen(
            [str(self.program), "serve", "--listen", listen, *self.flags],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log.open("a"), text=True)
        self.said = ""
        while not (match := re.search(r"^listening on ((?:https?://|unix:)\S+)\n", self.said, re.MULTILINE)):
            line = self.process.stdout.readline()
            assert line, f"no address but {self.said!r}; log:\n{self.log.read_text()[-2000:]}"
            self.said += line
        self.url = match[1].replace("//0.0.0.0:", "//127.0.0.1:")
        if ready:
            wait_until(self.is_ready, 20, "ready")
        return self

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz").status_code == 200
        except requests.ConnectionError:
            return False

    def stop(self, timeout: float = 45) -> int:
        """SIGTERM, then the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        self.process.stdout.close()
        return code

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()

    def children(self, word: str) -> list[int]:
        """The pids of live direct children whose command line has `word`."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                status = (entry / "status").read_text()
                command = (entry / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if f"\nPPid:\t{self.process.pid}\n" in status and "\nState:\tZ" not in status and word in command:
                found.append(int(entry.name))
        return found

    def request(self, method: str, path: str, **options) -> requests.Response:
        options.setdefault("timeout", 20)
        return requests.request(method, self.url + path, **options)

    def get(self, path: str, **options) -> requests.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options) -> requests.Response:
        return self.request("POST", path, **options)

    def detect(self, claim1: str = ASPIRIN, claim2: str = NO_ASPIRIN, **fields) -> str:
        answer = self.post("/v1/async-ml/contradiction/detect", json={"claim1": claim1, "claim2": claim2, **fields})
        assert answer.status_code == 202, answer.text
        return answer.json()["data"]["task_id"]

    def task(self, task_id: str) -> dict:
        answer = self.get(f"/v1/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_task(self, task_id: str, timeout: float = 90) -> dict:
        """The task once it has ended."""
        def ended() -> dict | None:
            task = self.task(task_id)
            return task if task["status"] in ("completed", "failed", "cancelled") else None
        return wait_until(ended, timeout, f"end of task {task_id}")

    def result(self, task_id: str) -> dict:
        task = self.wait_task(task_id)
        assert task["status"] == "completed", task
        return task["result"]

    def cli(self, *words: str, **options) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(self.program), *words], env={**self.environment, "MEDSYNTH_URL": self.url}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=options.get("timeout", 120))

    def redis_url(self) -> str:
        """As a program without the data folder needs it: with the password of the managed Redis, where that serves."""
        password = self.folder / "data" / "redis" / "password"
        return f"redis://{f':{password.read_text()}@' if password.exists() else ''}127.0.0.1:{self.redis_port}/0"

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.redis_url())


class Redis:
    """A redis-server of the test's own."""

    def __init__(self, folder: pathlib.Path, *flags: str):
        folder.mkdir()
        self.port = free_port()
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no",
             "--repl-diskless-sync-delay", "0", *flags], stdout=subprocess.DEVNULL)
        self.client = redis.Redis(port=self.port, decode_responses=True)
        wait_until(self.answers, 20, "redis-server")

    def answers(self) -> bool:
        try:
            return self.client.ping()
        except redis.RedisError:
            return False

    def follow(self, other: Redis | None) -> None:
        self.client.execute_command("REPLICAOF", *(("127.0.0.1", other.port) if other else ("NO", "ONE")))

    def end(self) -> None:
        self.process.kill()
        self.process.wait(10)


@pytest.fixture(scope="session")
def binary() -> pathlib.Path:
    assert BINARY.exists(), f"{BINARY} is missing: run scripts/build"
    return BINARY


@pytest.fixture(scope="session")
def models(binary: pathlib.Path) -> pathlib.Path:
    """The demo models, fetched once."""
    subprocess.run([str(binary), "models", "pull"], env={**os.environ, "MEDSYNTH_MODELS_DIR": str(MODELS)}, check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=600)
    return MODELS


@pytest.fixture(scope="session")
def server(models: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that leave it as they found it."""
    running = Server(tmp_path_factory.mktemp("server")).start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def own_network() -> Iterator[None]:
    """A network of this test's own, with nothing but loopback: what listens on every address is reached by nobody else."""
    new_network, set_flags, up = 0x40000000, 0x8914, 0x1
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", encoding="ascii") as before:
        if libc.unshare(new_network) != 0:
            pytest.skip("only root can make a network of its own")
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
                fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", up))
            yield
        finally:
            assert libc.setns(before.fileno(), new_network) == 0


@pytest.fixture
def own_mounts() -> None:
    """A test that runs something by `unshare --mount`. Within a chroot, whose root is no mount, or without rights there is no such thing."""
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, timeout=60).returncode != 0:
        pytest.skip("no mount namespace can be made here")


@pytest.fixture
def make_server(models: pathlib.Path, tmp_path: pathlib.Path) -> Iterator[Callable[..., Server]]:
    """Servers of the test's own, which it may treat badly; what still lives at its end is killed."""
    made: list[Server] = []

    def make(*flags: str, **environment: str) -> Server:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Server(folder, flags, **environment))
        return made[-1]

    yield make
    for each in made:
        if each.process and each.process.poll() is None:
            each.kill()


@pytest.fixture
def make_redis(tmp_path: pathlib.Path) -> Iterator[Callable[..., Redis]]:
    made: list[Redis] = []

    def make(*flags: str) -> Redis:
        made.append(Redis(tmp_path / f"redis{len(made)}", *flags))
        return made[-1]

    yield make
    for each in made:
        each.end()


def create_key(server: Server, name: str, *options: str) -> str:
    made = server.cli("keys", "create", name, *options)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def problem(answer: requests.Response, status: int, code: str | None = None) -> dict:
    """The problem document of an error answer, checked for what every one of them has."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text[:500]}"
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    body = answer.json()
    assert body["status"] == status
    assert {"type", "title", "detail", "code", "request_id"} <= body.keys()
    assert body["request_id"] == answer.headers["X-Request-Id"]
    if code:
        assert body["code"] == code, body
    return body


def pointers(answer: requests.Response) -> list[str]:
    return [fault["pointer"] for fault in problem(answer, 422)["errors"]]
