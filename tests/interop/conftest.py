"""A Redis of its own per test, our peer and real Dramatiq workers as processes, all ended by their pid."""

import hashlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import pytest

pytest.importorskip("dramatiq", reason="pip install 'dramatiq[redis]'")
import redis  # noqa: E402

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))


def find_peer():
    """MEDSYNTH_PEER, or the newest one under build/."""
    if "MEDSYNTH_PEER" in os.environ:
        return pathlib.Path(os.environ["MEDSYNTH_PEER"])
    built = sorted(HERE.parents[1].glob("build/*/tests/dramatiq_peer"), key=lambda path: path.stat().st_mtime)
    return built[-1] if built else None


def old_python():
    """The interpreter that has Dramatiq 1.17 and the dashboard; scripts/setup makes its environment."""
    digest = hashlib.sha256((HERE.parent / "requirements-1.17.txt").read_bytes()).hexdigest()[:12]
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
    found = cache / "medsynth" / f"venv-{digest}" / "bin/python"
    if not found.exists():
        pytest.skip(f"{found} is missing: run scripts/setup")
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(condition, seconds=15):
    """Looks until `condition()` is true; false when it is not in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


class Side:
    """The Redis of one test, and the processes around it."""

    def __init__(self, peer, folder):
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.peer = peer
        self.folder = folder
        self.redis = redis.Redis.from_url(self.url, decode_responses=True)
        self.processes = []
        self.start_redis()

    def start_redis(self):
        """What it answered before it was stopped is there again."""
        words = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", self.folder, "--save", "", "--logfile", "log",
                 "--appendonly", "yes", "--appendfsync", "no"]
        self.server = subprocess.Popen(list(map(str, words)))
        assert eventually(lambda: answers(self.redis))

    def stop_redis(self):
        self.server.terminate()
        self.server.wait()

    def start(self, *words):
        process = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    def our_worker(self, queue, timeout=60_000):
        return self.start(self.peer, "work", "--url", self.url, "--queue", queue, "--timeout", timeout)

    def our_actors(self, folder, queue="ours", **environment):
        """The product's worker with the actors of actors.cc; returns when it takes messages."""
        before = set(self.redis.hkeys("dramatiq:__medsynth__.workers"))
        settings = {**os.environ, "REDIS_URL": self.url, "MEDSYNTH_QUEUES": queue, "MEDSYNTH_DATA_DIR": folder / "data",
                    "MEDSYNTH_RUNTIME_DIR": folder / "run", "MAX_CPU_PERCENT": 100, "MAX_MEMORY_PERCENT": 100,
                    "MAX_CONCURRENT_TASKS": 4, **environment}
        with (folder / "actors.log").open("a") as log:
            process = subprocess.Popen([self.peer.with_name("dramatiq_actors")], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env={name: str(value) for name, value in settings.items()})
        self.processes.append(process)
        assert eventually(lambda: set(self.redis.hkeys("dramatiq:__medsynth__.workers")) > before, 30), process.poll()
        return process

    def ask_peer(self, command, **options):
        """One word of our side: what a limit or a result is to C++."""
        words = [self.peer, command, "--url", self.url]
        for name, value in options.items():
            words += [f"--{name}", value]
        done = subprocess.run(list(map(str, words)), check=True, timeout=10, capture_output=True, text=True)
        return done.stdout.strip()

    def python_worker(self, queue, timeout=60_000, python=sys.executable):
        return self.start(python, HERE / "python_side.py", self.url, timeout, queue)

    def send(self, queue, actor, args="[]", delay=0):
        """As our producer."""
        words = [self.peer, "send", "--url", self.url, "--queue", queue, "--actor", actor, "--args", args]
        subprocess.run(list(map(str, [*words, "--delay", delay])), check=True, timeout=10)

    def effects(self, side):
        return self.redis.lrange(f"effects:{side}", 0, -1)

    def leftovers(self):
        """Dramatiq's keys, but those that tell who lives."""
        known = {"dramatiq:__heartbeats__", "dramatiq:__medsynth__.workers", "dramatiq:__medsynth__.queues"}
        return [key for key in self.redis.keys("dramatiq:*") if key not in known]

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
        self.stop_redis()


@pytest.fixture
def side(tmp_path):
    peer = find_peer()
    if peer is None or shutil.which("redis-server") is None:
        pytest.skip("needs the target dramatiq_peer and redis-server")
    side = Side(peer, tmp_path)
    try:
        yield side
    finally:
        side.end()


def answers(client):
    try:
        return client.ping()
    except (redis.ConnectionError, redis.BusyLoadingError):
        return False
