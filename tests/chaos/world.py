"""The real processes of one seed, and the ways to hurt them. Each seed has folders and ports of its own."""

from __future__ import annotations

import mmap
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import plan
import proxy
import redis
from leftovers import left_behind

ROOT = pathlib.Path(__file__).resolve().parents[2]
QUEUE = "medsynth"
DISK = 24 << 20  # bytes of the managed Redis' file system
OPERATOR = "chaos"  # the Redis user, and its password, who hurts Redis and looks into it


def find_program() -> pathlib.Path:
    """MEDSYNTH_CHAOS, or the newest one under build/."""
    if "MEDSYNTH_CHAOS" in os.environ:
        return pathlib.Path(os.environ["MEDSYNTH_CHAOS"])
    built = sorted(ROOT.glob("build/*/tests/medsynth_chaos"), key=lambda path: path.stat().st_mtime)
    if not built:
        raise SystemExit("chaos: medsynth_chaos is missing. Build it: scripts/build release medsynth_chaos")
    return built[-1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def blocks(pid: int, number: signal.Signals) -> bool:
    """Whether the process has that signal blocked."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return bool(int(re.search(r"^SigBlk:\s*(\w+)", status, re.MULTILINE)[1], 16) >> (number - 1) & 1)


class Clock:
    """What a process's wall clock is wrong by, read from a file by its clock_gettime (clock.cc)."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 8)

    def set(self, seconds: float) -> None:
        self._memory[:8] = struct.pack("q", int(seconds * 1e9))


class World:
    def __init__(self, folder: pathlib.Path, of: plan.Plan):
        self.folder, self.plan, self.program = folder, of, find_program()
        # Of the other machine's worker: an older version, which works side by side with this one.
        self.other_program = os.environ.get("MEDSYNTH_CHAOS_OTHER", self.program)
        for name in ("history", "runs", "models", "data", "other", "run-here", "run-there"):
            (folder / name).mkdir()
        for model, users in plan.MODELS.items():
            self.set_model(model, "ok")
        (folder / "models/models.toml").write_text("".join(
            f'[models.{model}]\nfile = "{model}.gguf"\nmemory_mb = 1\nparallel = {users}\n' for model, users in plan.MODELS.items()))
        self.disk = self._mount(folder / "data") if of.redis == "managed" else None
        self.redis_port = free_port()
        self.redis_url = f"redis://{OPERATOR}:{OPERATOR}@127.0.0.1:{self.redis_port}/0"
        self.redis = redis.Redis.from_url(self.redis_url, socket_timeout=5)
        self._make_redis_server()
        self.proxies = {"other": proxy.Proxy(self.redis_port)}
        if of.redis == "external":
            self.proxies["serve"] = proxy.Proxy(self.redis_port)
        self.clocks = {name: Clock(folder / f"clock-{name}") for name in ("worker", "other")}
        self.url = ""
        self.serve: subprocess.Popen | None = None
        self.other: subprocess.Popen | None = None
        self.server: subprocess.Popen | None = None  # Redis, when it is not managed
        self.reviving = threading.Lock()
        self.deaths: dict[int, int] = {}
        self.log = (folder / "log").open("a")

    @staticmethod
    def _mount(folder: pathlib.Path) -> pathlib.Path | None:
        """A small file system in memory; None where this user may not mount one (then the disk never fills)."""
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=700", "tmpfs", folder], capture_output=True)
        return folder if done.returncode == 0 else None

    def _make_redis_server(self) -> None:
        """The one in PATH, with a user who may hurt it: a managed Redis has none, and asks its own users for a password."""
        (self.folder / "bin").mkdir()
        wrapper = self.folder / "bin/redis-server"
        wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("redis-server")} "$@" --user {OPERATOR} on ">{OPERATOR}" "~*" "&*" +@all\n')
        wrapper.chmod(0o755)

    def _password(self) -> str:
        """What another machine's worker must know of a managed Redis."""
        file = self.folder / "data/redis/password"
        return f":{file.read_text()}@" if self.plan.redis == "managed" and file.exists() else ""

    def _environment(self, machine: str, port: int, clock: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MEDSYNTH_", "MAX_", "TASK_", "REDIS_", "MODEL_"))}
        data = self.folder / ("data" if machine == "here" else "other")
        password = self._password() if machine == "there" else ""
        return {**kept, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "REDIS_URL": f"redis://{password}127.0.0.1:{port}/0", "MEDSYNTH_REDIS_FSYNC": self.plan.fsync,
                "MEDSYNTH_REDIS": "auto" if self.plan.redis == "managed" else "external",
                "MEDSYNTH_DATA_DIR": str(data), "MEDSYNTH_RUNTIME_DIR": str(self.folder / f"run-{machine}"), "MEDSYNTH_HOST": machine,
                "MEDSYNTH_MODELS_DIR": str(self.folder / "models"), "MEDSYNTH_WORKERS": str(plan.WORKERS), "MEDSYNTH_GRACE": "1",
                "MEDSYNTH_MAX_DEATHS": str(self.plan.max_deaths), "MAX_CONCURRENT_TASKS": str(self.plan.slots), "MAX_CPU_PERCENT": "100",
                "MAX_MEMORY_PERCENT": "100", "MAX_GPU_PERCENT": "100", "MEDSYNTH_LOG_FORMAT": "json",
                "CHAOS_DIR": str(self.folder), "CHAOS_MACHINE": machine, "CHAOS_CLOCK": str(self.clocks[clock].path)}

    # --- starting

    def start(self) -> None:
        if self.plan.redis == "external":
            self.start_redis()
        self.start_serve()
        self.start_other()

    def start_redis(self) -> None:
        words = [self.folder / "bin/redis-server", "--port", self.redis_port, "--bind", "127.0.0.1", "--dir", self.folder / "data", "--save", "", "--appendonly", "yes",
                 "--appendfsync", self.plan.fsync, "--maxmemory-policy", "noeviction"]
        self.server = subprocess.Popen(list(map(str, words)), stdout=(self.folder / "redis.log").open("a"), stderr=subprocess.STDOUT)

    def start_serve(self) -> None:
        port = self.proxies["serve"].port if "serve" in self.proxies else self.redis_port
        environment = {**self._environment("here", port, "worker"), "MEDSYNTH_LISTEN": self.url.removeprefix("http://") or "127.0.0.1:0"}
        # Its address may still be taken by what is left of the one before; and a full disk keeps its Redis from starting.
        end = time.monotonic() + 10
        while True:
            self.serve = subprocess.Popen([self.program, "serve"], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True)
            match = re.match(r"listening on (http://\S+)", self.serve.stdout.readline())
            self.serve.stdout.close()
            if match:
                self.url = match[1]
                return
            self.serve.wait()
            if time.monotonic() > end:
                raise RuntimeError("serve does not start; see the log")
            time.sleep(0.1)

    def start_other(self) -> None:
        self.other = subprocess.Popen([self.other_program, "worker"], env=self._environment("there", self.proxies["other"].port, "other"),
                                      stdin=subprocess.DEVNULL, stderr=self.log)
        # Asked to end before it can hear that, it would simply be gone: wait until it blocks SIGTERM.
        end = time.monotonic() + 10
        while self.other.poll() is None and not blocks(self.other.pid, signal.SIGTERM) and time.monotonic() < end:
            time.sleep(0.002)

    # --- looking

    def children(self, word: str) -> list[int]:
        """Live direct children of the server whose command line has `word`, by age."""
        found = []
        for task in pathlib.Path(f"/proc/{self.serve.pid}/task").glob("*/children"):
            try:
                pids = task.read_text().split()
            except OSError:
                continue
            for pid in map(int, pids):
                try:
                    command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                except OSError:
                    continue
                if word.encode() in command:
                    found.append(pid)
        return sorted(found)

    def pids(self, whom: str, pick: int = 0) -> list[int]:
        if whom == "other":
            return [self.other.pid] if self.other.poll() is None else []
        if whom == "serve":
            return [self.serve.pid] if self.serve.poll() is None else []
        if whom == "redis" and self.server:
            return [self.server.pid]
        found = self.children("redis-server" if whom == "redis" else "worker")
        return [found[pick % len(found)]] if found else []

    # --- hurting

    def kill(self, whom: str, pick: int) -> None:
        pids = self.pids(whom, pick)
        also = self.children("worker") if whom == "serve" else []
        for pid in pids:
            now = time.monotonic_ns()
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            for dead in [pid, *also]:  # a server's workers die with it
                self.deaths.setdefault(dead, now)

    def send_signal(self, whom: str, pick: int, number: signal.Signals) -> list[int]:
        pids = self.pids(whom, pick)
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        return pids

    @staticmethod
    def go_on(pids: list[int]) -> None:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass

    def set_model(self, model: str, how: str) -> None:
        (self.folder / f"models/{model}.gguf").write_text(how + "\n")

    def fill_disk(self) -> None:
        if self.disk:
            with (self.disk / "ballast").open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(4096))
                except OSError:
                    pass

    def free_disk(self) -> None:
        (self.folder / "data/ballast").unlink(missing_ok=True)

    def ask_redis(self, *words: object) -> None:
        """Until it has done it: what is given back must be, even if Redis is being killed meanwhile."""
        end = time.monotonic() + 20
        while True:
            try:
                return self.redis.execute_command(*words)
            except (redis.RedisError, OSError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def take_right(self, command: str) -> None:
        self.ask_redis("ACL", "SETUSER", "default", f"-{command}")

    def give_right(self, command: str) -> None:
        self.ask_redis("ACL", "SETUSER", "default", f"+{command}")

    def make_replica(self) -> None:
        """As a master that a failover has left behind: connections stay, nothing can be written. Its new master never answers."""
        self.ask_redis("REPLICAOF", "127.0.0.1", 1)

    def make_master(self) -> None:
        self.ask_redis("REPLICAOF", "NO", "ONE")

    def occupy(self, task: str) -> None:
        """Where that task's record belongs lies something of somebody else's."""
        self.ask_redis("RPUSH", f"task:{task}", "not ours")

    def is_occupied(self, task: str) -> bool:
        return self.redis.type(f"task:{task}") == b"list" and self.redis.lrange(f"task:{task}", 0, -1) == [b"not ours"]

    def revive(self) -> None:
        """Starts what ended, as an operator's service manager would; workers and a managed Redis have their supervisor."""
        with self.reviving:
            if self.server and self.has_ended(self.server):
                self.start_redis()
            if self.has_ended(self.other):
                self.start_other()
            if self.has_ended(self.serve):
                self.start_serve()

    def has_ended(self, process: subprocess.Popen) -> bool:
        """One that was killed is waited for: with a sanitizer its memory takes a moment to go."""
        if process.pid in self.deaths:
            process.wait(10)
        return process.poll() is not None

    # --- the end

    def leftovers(self) -> dict[str, int]:
        return left_behind(self.redis, QUEUE)

    def dead_letters(self) -> int:
        return self.redis.hlen(f"dramatiq:{QUEUE}.XQ.msgs")

    def stop(self) -> list[str]:
        """The orderly end, and what was wrong with it."""
        wrong = []
        for name, process in (("worker", self.other), ("serve", self.serve)):
            process.send_signal(signal.SIGTERM)
            try:
                if process.wait(20) != 0:
                    wrong.append(f"{name} ended with {process.returncode} when it was asked to")
            except subprocess.TimeoutExpired:
                wrong.append(f"{name} did not end when it was asked to")
        return wrong

    def complaints(self) -> list[str]:
        """What sanitizers said, each with the first places of ours that it names."""
        text = (self.folder / "log").read_text(errors="replace")
        found = []
        for said in re.finditer(r"(?:ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:).*", text):
            places = re.findall(r"/((?:src/medsynth|tests/chaos)/\S+:\d+)", text[said.end() : said.end() + 20_000])[:6]
            found.append(" < ".join([said[0], *places]))
        return found[:3]

    def end(self) -> None:
        for process in (self.other, self.serve, self.server):
            if process and process.poll() is None:
                self.go_on([process.pid, *(self.children("") if process is self.serve else [])])
                process.kill()
                process.wait()
        for each in self.proxies.values():
            each.end()
        self.log.close()
        if self.disk:
            # The managed Redis dies a moment after its server.
            for _ in range(100):
                if subprocess.run(["umount", self.disk], capture_output=True).returncode == 0:
                    break
                time.sleep(0.05)
