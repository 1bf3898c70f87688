"""The installed package against a Redis of its own. MEDSYNTH_RUNTIME_DIR is set before the package is first used."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import pytest
import redis
import requests

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
BINARY = pathlib.Path(os.environ.get("MEDSYNTH_BINARY", ROOT / "build/release/bin/medsynth"))
_folder = tempfile.mkdtemp(prefix="medsynth-python-")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


_port = _free_port()
os.environ.update({
    "REDIS_URL": f"redis://127.0.0.1:{_port}/0", "MEDSYNTH_RUNTIME_DIR": f"{_folder}/run", "MEDSYNTH_DATA_DIR": f"{_folder}/data",
    "MAX_CPU_PERCENT": "100", "MAX_MEMORY_PERCENT": "100", "MAX_CONCURRENT_TASKS": "3", "MODEL_CACHE_TTL": "3600",
    "XDG_CONFIG_HOME": _folder})


@pytest.fixture(scope="session", autouse=True)
def redis_server():
    server = subprocess.Popen(["redis-server", "--port", str(_port), "--bind", "127.0.0.1", "--save", "", "--dir", _folder],
                              stdout=subprocess.DEVNULL)
    client = redis.Redis(port=_port)
    eventually(lambda: _answers(client), "redis-server answers")
    yield client
    server.terminate()
    server.wait()
    shutil.rmtree(_folder)


@pytest.fixture(scope="session")
def server(redis_server, tmp_path_factory):
    """The URL of a running `medsynth serve` with one worker."""
    if not BINARY.exists():
        pytest.skip(f"{BINARY} is missing: run scripts/build")
    log = (tmp_path_factory.mktemp("serve") / "log").open("w")
    process = subprocess.Popen([str(BINARY), "serve", "--listen", "127.0.0.1:0", "--redis", "external"], stdout=subprocess.PIPE,
                               stderr=log, text=True)
    url = re.match(r"listening on (http://\S+)", process.stdout.readline())[1]
    eventually(lambda: requests.get(url + "/readyz", timeout=10).status_code == 200, "ready")
    yield url
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


HOLD = """
import sys
from asf.medical.core.resource_limiter import resource_limiter
assert resource_limiter.acquire_task_slot(60) and resource_limiter.acquire_model_lock(sys.argv[1], 60)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder():
    """A process that holds one slot and the lock "held", until its input ends; gone when the test is."""
    process = start(HOLD, "held")
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def get(url, path):
    """What a path of the API answers."""
    return requests.get(url + path, timeout=20)


def _answers(client):
    try:
        return client.ping()
    except redis.ConnectionError:
        return False


def eventually(condition, what="the condition", seconds=60):
    """The first true value of `condition`; fails when there is none in time."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.02)
    return found


def python(source, *words, seconds=60, **environment):
    """Runs a program in an interpreter of its own."""
    return subprocess.run([sys.executable, "-c", source, *words], env={**os.environ, **environment}, text=True, capture_output=True,
                          timeout=seconds)


def start(source, *words):
    """The same, without waiting for its end."""
    return subprocess.Popen([sys.executable, "-c", source, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def seed_blocks():
    text = (HERE / "seed_blocks.md").read_text()
    return re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
