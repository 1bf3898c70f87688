"""Trials of what the machine does to us: sensors, limits of the system, signals, names in the environment."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import pty
import re
import resource
import signal
import subprocess

import pytest
import redis
import requests
from conftest import BINARY, COMPILER, Server, free_port, wait_until


def series(server: Server, name: str) -> list[str]:
    return [line for line in server.get("/metrics").text.splitlines() if re.match(rf"{name}[{{ ]", line)]


def events(log: str) -> list[dict]:
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def plain_environment(folder: pathlib.Path, **words: str) -> dict[str, str]:
    """What a process needs, and nothing that this test process has set for others."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "MEDSYNTH_LOG_FORMAT": "json", "MEDSYNTH_RUNTIME_DIR": str(folder / "run"),
            "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0", "MEDSYNTH_WORKERS": "0", **words}


class Serve:
    """A `medsynth serve` that may not come up: its words are in `log`."""

    def __init__(self, folder: pathlib.Path, *flags: str, command: tuple[str, ...] = (), listen: str = "127.0.0.1:0", **options):
        self.file = folder / f"serve-{free_port()}.log"
        environment = options.pop("environment", None) or plain_environment(folder)
        self.process = subprocess.Popen([*command, str(BINARY), "serve", "--listen", listen, *flags], env=environment, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.file.open("w"), **options)

    def __enter__(self) -> Serve:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    @property
    def log(self) -> str:
        return self.file.read_text()

    def url(self) -> str:
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), self.log
        return line.split()[-1]

    def end(self, with_signal: int = signal.SIGTERM) -> int:
        self.process.send_signal(with_signal)
        return self.process.wait(30)


# --- M1, M3: sensors


def test_m1_m3_a_gpu_appears_is_busy_and_is_lost(make_server, tmp_path):
    """The driver comes after the start; a busy GPU closes the gate; when it is lost its use is unknown, nowhere 0, and what
    needs no GPU goes on."""
    library, state = tmp_path / "lib", tmp_path / "state"
    library.mkdir()
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", tmp_path / "built", pathlib.Path(__file__).with_name("fake_nvml.c")], check=True)
    state.write_text("busy")
    server = make_server(LD_LIBRARY_PATH=str(library), FAKE_NVML_STATE=str(state)).start()
    assert server.get("/v1/resources/system").json()["gpu"]["available"] is False
    (tmp_path / "built").rename(library / "libnvidia-ml.so.1")
    wait_until(lambda: server.get("/v1/resources/system").json()["gpu"]["name"] == "Trial GPU", 30, "the driver is seen")
    usage = wait_until(lambda: (now := server.get("/v1/resources/usage").json())["gpu_percent"] == 95 and now, 30, "the GPU is busy")
    assert usage["hosts"][0]["reason"] == "gpu"
    state.write_text("lost")
    usage = wait_until(lambda: (now := server.get("/v1/resources/usage").json())["gpu_percent"] is None and now, 30, "the GPU is unknown")
    assert usage["hosts"][0]["gpu_percent"] is None and usage["hosts"][0]["reason"] == ""
    gpu = server.get("/v1/resources/system").json()["gpu"]
    assert (gpu["available"], gpu["count"], gpu["name"]) == (True, 1, "Trial GPU")
    assert gpu["memory_total"] is gpu["memory_used"] is gpu["percent"] is None
    assert gpu["devices"][0]["memory_total"] is None
    assert not series(server, "medsynth_gpu_usage_ratio") and series(server, "medsynth_cpu_usage_ratio")
    assert "unknown of 80 %" in server.cli("usage").stdout
    assert "1 x Trial GPU, unknown of unknown used" in server.cli("system").stdout
    task = server.post("/v1/async-ml/embeddings/generate", json={"texts": ["Aspirin."]}).json()["data"]["task_id"]
    assert server.result(task)
    assert "the GPU's use is unknown" in server.log.read_text()


# --- M6: work of milliseconds


def test_m6_work_of_milliseconds_waits_for_no_gate(make_server):
    """Something else uses the CPU: what needs a model waits; what needs none does not, not even behind it for the only slot."""
    with subprocess.Popen(["sh", "-c", "while :; do :; done"]) as burner:
        try:
            server = make_server(MAX_CPU_PERCENT="1", MAX_CONCURRENT_TASKS="1").start()
            held = server.detect()
            wait_until(lambda: server.get("/v1/resources/usage").json()["hosts"][0]["reason"] == "cpu", what="a closed gate")
            wait_until(lambda: 'limiter_waiting{' in server.get("/metrics").text and any(
                line.endswith(" 1") for line in series(server, "medsynth_limiter_waiting") if 'reason="cpu"' in line), what="a task that waits")
            judged = server.cli("contradict", "Aspirin reduces stroke.", "Aspirin does not reduce stroke.", "--fast", timeout=30)
            assert judged.returncode == 0, judged.stderr
            assert server.task(held)["status"] == "pending"
        finally:
            burner.kill()


# --- M2: control groups


@contextlib.contextmanager
def memory_groups(*limits: tuple[str, int | None]):
    """Control groups of memory under v1's or v2's tree, with limits; a word where they cannot be made."""
    tree = pathlib.Path("/sys/fs/cgroup/memory")
    if not tree.is_dir() or os.geteuid() != 0:
        pytest.skip("no v1 tree of memory groups that this user may change")
    top = f"medsynth-trial-{os.getpid()}"
    made: list[pathlib.Path] = []
    try:
        for name, limit in (("", None), *limits):
            folder = tree / top / name
            try:
                folder.mkdir()
                made.append(folder)
                if limit:
                    (folder / "memory.limit_in_bytes").write_text(str(limit))
            except OSError as error:
                pytest.skip(f"no control group can be made here: {error}")
        yield tree / top
    finally:
        for folder in reversed(made):
            with contextlib.suppress(OSError):
                folder.rmdir()


def test_m2_the_smallest_limit_counts_whichever_mount_comes_first(tmp_path, own_mounts):
    """As in a container that sees a host's tree: another group's mount is listed before our own, and the limit is on a group
    above ours that is not mounted at all."""
    limit = 768 << 20
    with memory_groups(("decoy", None), ("parent", limit), ("parent/own", None)) as groups:
        host = tmp_path / "host"
        host.mkdir()
        script = f"""
            echo $$ > {groups}/parent/own/cgroup.procs
            mount --make-rprivate /
            before=$(awk '/ - cgroup .*memory/ {{print $5}}' /proc/self/mountinfo)
            mount --bind {groups}/decoy {host}
            mount --bind {groups}/parent/own {tmp_path}/own
            umount $before
            mount --move {tmp_path}/own /sys/fs/cgroup/memory
            exec "$@" """
        (tmp_path / "own").mkdir()
        with Serve(tmp_path, "--redis", "external", command=("unshare", "-m", "sh", "-ec", script, "sh")) as serve:
            memory = requests.get(serve.url() + "/v1/resources/system", timeout=10).json()["memory"]
            assert memory["total"] == limit
            assert 0 < memory["used"] < limit
            assert serve.end() == 0


# --- M4: signals, folders, variables


def test_m4_a_closed_terminal_ends_serve_in_order(tmp_path):
    """SIGHUP from a terminal that is closed: as SIGTERM, not a sudden death; under nohup it goes on."""
    # A session of its own whose terminal is the pty: --ctty takes that of standard input, so it is given one.
    def start(*command: str) -> tuple[subprocess.Popen, int, pathlib.Path]:
        master, slave = pty.openpty()
        log = tmp_path / f"hup-{len(command)}.log"
        folder = tmp_path / f"hup-{len(command)}"
        folder.mkdir()
        process = subprocess.Popen(["env", "--default-signal=HUP", "setsid", "--ctty", *command, str(BINARY), "serve", "--listen",
                                    "127.0.0.1:0"], stdin=slave,
                                   stdout=subprocess.PIPE, stderr=log.open("w"), env=plain_environment(folder), text=True)
        os.close(slave)
        assert process.stdout.readline().startswith("listening on ")
        return process, master, log

    process, master, log = start()
    os.close(master)
    assert process.wait(30) == 0
    assert [event["msg"] for event in events(log.read_text())][-1] == "stopped"
    process, master, log = start("nohup")
    os.close(master)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.terminate()
    assert process.wait(30) == 0


def test_m4_nobodys_home_is_an_error(tmp_path):
    """Neither HOME nor an entry in the password database: nothing is put into /.local/share."""
    if os.geteuid() != 0:
        pytest.skip("another user's processes need root")
    ended = subprocess.run([str(BINARY), "models", "list"], env={"PATH": os.environ["PATH"]}, text=True, capture_output=True, user=54321)
    assert ended.returncode == 2, ended
    assert "MEDSYNTH_DATA_DIR" in ended.stderr and "54321" in ended.stderr


def test_m4_misspelt_variables_and_relative_folders(tmp_path):
    """Each variable that means nothing is named once, by serve alone; a relative XDG folder is none."""
    environment = plain_environment(tmp_path, MEDSYNTH_WORKER="3", MAX_CONCURENT_TASKS="9", MEDSYNTH_SERVICE_HOST="10.0.0.1",
                                    MEDSYNTH_WORKERS="1", MEDSYNTH_REDIS="managed", XDG_DATA_HOME="relative")
    with Serve(tmp_path, environment=environment, cwd=tmp_path) as serve:
        url = serve.url()
        wait_until(lambda: requests.get(url + "/readyz", timeout=5).status_code == 200)
        assert serve.end() == 0
        said = [event["why"] for event in events(serve.log) if event["msg"] == "unknown variable"]
        assert len(said) == 2
        assert any("MEDSYNTH_WORKER " in why and "did you mean 'MEDSYNTH_WORKERS'?" in why for why in said)
        assert any("did you mean 'MAX_CONCURRENT_TASKS'?" in why for why in said)
    assert (tmp_path / ".local/share/medsynth/redis").is_dir() and not (tmp_path / "relative").exists()


# --- M5: the order of a start


def test_m5_serve_refuses_first_and_says_what_it_waits_for(tmp_path):
    """The data folder is another's: what can be refused at once is, the wait is said, and a signal ends it."""
    shared = {"MEDSYNTH_DATA_DIR": str(tmp_path / "data"), "MEDSYNTH_REDIS": "managed"}
    with Serve(tmp_path, environment=plain_environment(tmp_path, **shared)) as first:
        port = first.url().rsplit(":", 1)[1]
        for address, code in ((f"127.0.0.1:{port}", "listens on"), ("nowhere", "is not an address")):
            with Serve(tmp_path, listen=address, environment=plain_environment(tmp_path, **shared)) as refused:
                assert refused.process.wait(30) != 0
                assert code in refused.log
                assert "waiting" not in refused.log
        with Serve(tmp_path, environment=plain_environment(tmp_path, **shared)) as second:
            said = wait_until(lambda: [event for event in events(second.log) if event["msg"].startswith("waiting")])
            assert "is in use by the redis-server with process id" in said[0]["why"]
            assert second.end() == 0
            assert events(second.log)[-1]["msg"] == "stopped"
        assert first.end() == 0


# --- S5, S8: the managed Redis, and what a command line shows


def test_s5_s8_the_managed_redis_is_bounded_and_no_secret_is_in_an_argv(make_server):
    server = make_server(MEDSYNTH_REDIS_MEMORY="64")
    url = f"redis://:s3cret-word@127.0.0.1:{server.redis_port}/0"
    server.environment["REDIS_URL"] = f"redis://127.0.0.1:{free_port()}/0"
    server.flags = ("--redis-url", url)
    server.start()
    [worker] = server.children("worker")
    for pid in server.children(""):
        assert b"s3cret" not in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    assert b"s3cret-word" in pathlib.Path(f"/proc/{worker}/environ").read_bytes()
    client = redis.Redis(port=server.redis_port, password="s3cret-word")
    assert client.config_get("maxmemory", "maxmemory-policy") == {"maxmemory": str(64 << 20), "maxmemory-policy": "noeviction"}
    assert server.stop() == 0


@pytest.mark.parametrize("link", ["redis", "redis/lock", "redis/redis.conf", "redis/redis.log", "redis/appendonlydir"])
def test_s8_the_managed_redis_follows_no_links(tmp_path, link):
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    (data / link).parent.mkdir(parents=True)
    elsewhere.mkdir() if link in ("redis", "redis/appendonlydir") else elsewhere.write_text("mine")
    (data / link).symlink_to(elsewhere)
    environment = plain_environment(tmp_path, MEDSYNTH_DATA_DIR=str(data), MEDSYNTH_REDIS="managed")
    with Serve(tmp_path, environment=environment) as serve:
        assert serve.process.wait(30) != 0
        assert f"{data / link} is a symbolic link" in serve.log
    assert list(elsewhere.iterdir()) == [] if elsewhere.is_dir() else elsewhere.read_text() == "mine"


def test_s8_too_few_descriptors_are_one_clear_line(tmp_path):
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

    for command in ("serve", "worker"):
        ended = subprocess.run([str(BINARY), command], env=plain_environment(tmp_path), stdin=subprocess.DEVNULL, text=True, capture_output=True,
                               preexec_fn=few, timeout=30)
        assert ended.returncode != 0
        assert "Only 100 files and connections may be open" in ended.stderr and len(ended.stderr.splitlines()) == 1


# --- M4, S6: names from callers


def test_m4_s6_names_from_callers_make_no_series(make_server):
    """Messages for 400 actors that nobody has, and to 300 queues that nobody consumes."""
    server = make_server().start()
    long = "q" * 150
    with requests.Session() as session:
        for i in range(400):
            body = {"actor": f"nobody-{i}", "args": [], "kwargs": {}}
            assert session.post(server.url + "/v1/queues/medsynth/messages", json=body).status_code == 202
        for i in range(300):
            body = {"actor": "nobody", "args": [], "kwargs": {}}
            assert session.post(server.url + f"/v1/queues/{long}{i}/messages", json=body).status_code == 202

    def counted() -> bool:
        total = series(server, "dramatiq_message_rejects_total")
        return any('actor_name="unknown"' in line and line.endswith(" 400") for line in total)
    wait_until(counted, 60, "all are counted")
    page = server.get("/metrics").text
    assert "nobody-" not in page
    queues = {line for line in page.splitlines() if line.startswith("medsynth_queue_paused{")}
    assert len(queues) == 101 and any('queue="unknown"' in line for line in queues)
    ready = [line for line in page.splitlines() if line.startswith("medsynth_queue_depth{") and 'state="ready"' in line]
    assert sum(float(line.rsplit(" ", 1)[1]) for line in ready) == 300
    assert any('queue="medsynth"' in line for line in queues)
