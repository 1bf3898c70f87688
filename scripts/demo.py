"""The steps of scripts/demo: python3 scripts/demo.py MEDSYNTH_BINARY [--keep]. Needs nothing but Python's own library."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

PAIRS = {
    "contradiction": ("Aspirin reduces the risk of myocardial infarction.",
                      "Aspirin does not reduce the risk of myocardial infarction."),
    "paraphrase": ("Aspirin reduces the risk of myocardial infarction.",
                   "Aspirin lowers the risk of heart attack."),
    "unrelated": ("Aspirin reduces the risk of myocardial infarction.",
                  "Vitamin D levels vary with the season."),
}
ARTICLES = [
    {"id": "trial-1", "title": "Statins after stroke",
     "claims": ["Statin therapy reduces the risk of recurrent stroke.", "Statin therapy is well tolerated."]},
    {"id": "trial-2", "title": "Statins in the elderly",
     "claims": ["Statin therapy does not reduce the risk of recurrent stroke."]},
    {"id": "cohort-3", "title": "Metformin and weight",
     "claims": ["Metformin decreases body weight in patients with type 2 diabetes."]},
    {"id": "trial-4", "title": "Metformin, two years later",
     "claims": ["Metformin increases body weight in patients with type 2 diabetes."]},
]
ENDED = ("completed", "failed", "cancelled")


class Failure(Exception):
    """A step that did not do what it should, in a sentence for the person who watches."""


# ---- what the person sees --------------------------------------------------------------------------------------------

def heading(text: str) -> None:
    heading.step += 1
    print(f"\n{bold(f'{heading.step}. {text}')}", flush=True)


heading.step = 0


def show(text: str) -> None:
    print(textwrap.indent(text, "   "), flush=True)


def bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text


def table(header: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in [header, *rows]]
    return "\n".join(lines)


# ---- the server ------------------------------------------------------------------------------------------------------

class Server:
    """`medsynth serve` with a managed Redis, everything in one temporary folder."""

    def __init__(self, binary: str, folder: pathlib.Path):
        self.binary = binary
        self.log = folder / "serve.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            redis_port = probe.getsockname()[1]
        ours = re.compile(r"MEDSYNTH_(?!MODELS_)|MAX_|TASK_STORAGE_|MODEL_CACHE_|REDIS_|RESOURCE_CHECK_")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not ours.match(name)},
            "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
            "MEDSYNTH_REDIS": "managed",
            "MEDSYNTH_DATA_DIR": str(folder / "data"),
            "MEDSYNTH_RUNTIME_DIR": str(folder / "run"),
            # Shown, not enforced: a busy machine must not make the demo wait.
            "MAX_CPU_PERCENT": "100",
            "MAX_MEMORY_PERCENT": "100",
        }
        self.process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> float:
        """Starts it and waits until it is ready; returns the seconds that took."""
        started = time.monotonic()
        with self.log.open("a") as log:
            # Its own session: Ctrl-C reaches the demo, which then stops the server in order.
            self.process = subprocess.Popen([self.binary, "serve", "--listen", "127.0.0.1:0"], env=self.environment,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                                            start_new_session=True)
        assert self.process.stdout
        found = re.match(r"listening on (http://\S+)", self.process.stdout.readline())
        if not found:
            raise Failure(f"medsynth serve ended without saying where it listens (exit code {self.process.wait(30)})")
        self.url = found[1]
        self.environment["MEDSYNTH_URL"] = self.url
        wait_for(self.ready, 30, "the server to be ready (GET /readyz)")
        return time.monotonic() - started

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + "/readyz", timeout=5):
                return True
        except (urllib.error.URLError, ConnectionError):
            return False

    def stop(self) -> int:
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def workers(self) -> list[int]:
        """Its direct children whose command line says `worker`."""
        assert self.process
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                parent = re.search(r"^PPid:\t(\d+)$", (entry / "status").read_text(), re.MULTILINE)
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:  # it ended
                continue
            if parent and int(parent[1]) == self.process.pid and b"worker" in words:
                found.append(int(entry.name))
        return found

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        request = urllib.request.Request(self.url + path, method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Failure(f"{method} {path} answered {error.code}: {error.read(2000).decode(errors='replace')}") from error
        except OSError as error:
            raise Failure(f"{method} {path} got no answer: {error}") from error

    def submit(self, path: str, body: dict[str, Any]) -> str:
        return self.call("POST", path, body)["data"]["task_id"]

    def task(self, task_id: str) -> dict[str, Any]:
        return self.call("GET", f"/v1/tasks/{task_id}")

    def command(self, *words: str) -> str:
        """What `medsynth WORDS` prints."""
        done = subprocess.run([self.binary, *words], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120)
        if done.returncode:
            raise Failure(f"'medsynth {' '.join(words)}' ended with exit code {done.returncode}: {done.stderr.strip()}")
        return done.stdout.rstrip()


def wait_for(condition: Callable[[], Any], timeout: float, what: str) -> Any:
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"waited {timeout:.0f} s for {what}")
        time.sleep(0.03)


def follow(server: Server, names: dict[str, str], timeout: float = 180) -> dict[str, dict[str, Any]]:
    """Shows every change of these tasks (id: name) until all have ended; returns their records."""
    started, seen, tasks = time.monotonic(), {}, {}
    while len(tasks) < len(names):
        for task_id, name in names.items():
            if task_id in tasks:
                continue
            task = server.task(task_id)
            state = (task["status"], task.get("progress") or 0)
            if seen.get(task_id) != state:
                show(f"{time.monotonic() - started:5.1f} s  {name:<14} {state[0]:<11} {state[1]:>3.0f} %")
                seen[task_id] = state
            if task["status"] in ENDED:
                tasks[task_id] = task
        if time.monotonic() - started > timeout:
            raise Failure(f"{len(names) - len(tasks)} tasks had not ended after {timeout:.0f} s")
        time.sleep(0.03)
    for task_id, task in tasks.items():
        if task["status"] != "completed":
            raise Failure(f"the task '{names[task_id]}' {task['status']}: {task.get('error')}")
    return tasks


# ---- the steps -------------------------------------------------------------------------------------------------------

def judge_pairs(server: Server) -> dict[str, dict[str, Any]]:
    heading("Three pairs of claims go into the queue")
    names = {}
    for name, (claim1, claim2) in PAIRS.items():
        show(f"{name:<14} {claim1}\n{'':<14} {claim2}")
        names[server.submit("/v1/async-ml/contradiction/detect", {"claim1": claim1, "claim2": claim2})] = name
    print()
    tasks = follow(server, names)
    print()
    rows = []
    for task_id, name in names.items():
        result = tasks[task_id]["result"]
        rows.append([name, result["verdict"].replace("_", " "), f"{result['contradiction_score']:.2f}", result["confidence"],
                     f"{result['duration']:.1f} s", ", ".join(result["methods_used"])])
    show(table(["PAIR", "VERDICT", "SCORE", "CONFIDENCE", "TIME", "RESTS ON"], rows))
    for task_id, name in names.items():
        if tasks[task_id]["result"]["is_contradiction"] != (name == "contradiction"):
            raise Failure(f"the verdict on the pair '{name}' is wrong")
    warnings = {warning for task in tasks.values() for warning in task["result"]["warnings"]}
    for warning in sorted(warnings):
        show(textwrap.fill(f"note: {warning}", 110))
    return tasks


def analyse_articles(server: Server) -> dict[str, dict[str, Any]]:
    heading("A small set of articles: who contradicts whom?")
    for article in ARTICLES:
        show(f"{article['id']:<9} {article['title']}: {' '.join(article['claims'])}")
    print()
    task_id = server.submit("/v1/async-ml/contradiction/analyze", {"articles": ARTICLES, "threshold": 0.5})
    tasks = follow(server, {task_id: "articles"})
    result = tasks[task_id]["result"]
    print()
    show(f"{result['total_claims']} claims, {result['pairs_compared']} pairs compared, {result['duration']:.1f} s")
    rows = []
    for found in result["contradictions"]:
        rows.append([f"{found['contradiction_score']:.2f}", found["claim1"]["article_id"], found["claim1"]["claim"]])
        rows.append(["", found["claim2"]["article_id"], found["claim2"]["claim"]])
    if not rows:
        raise Failure("no contradictions were found among the articles")
    show(table(["SCORE", "ARTICLE", "CLAIM"], rows))
    return tasks


def kill_worker(server: Server) -> dict[str, dict[str, Any]]:
    heading("The worker is killed in the middle of a task (SIGKILL)")
    claims = [claim for article in ARTICLES for claim in article["claims"]]
    for count in (192, 600, 2000):  # until one is work enough for this machine
        texts = [f"Study {number}: {claims[number % len(claims)]}" for number in range(count)]
        task_id = server.submit("/v1/async-ml/embeddings/generate", {"texts": texts})

        def running_or_ended() -> dict[str, Any] | None:
            task = server.task(task_id)
            return task if task["status"] in ENDED or task["status"] == "processing" and task["progress"] > 10 else None

        task = wait_for(running_or_ended, 180, "the task to make progress")
        if task["status"] not in ENDED:
            break
    else:
        raise Failure("every task ended before its worker could be killed")
    before = server.workers()
    if not before:
        raise Failure("no worker process found under medsynth serve")
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    show(f"worker {before[0]} killed while it embeds {count} texts, at {task['progress']:.0f} %")
    after = wait_for(lambda: [pid for pid in server.workers() if pid not in before], 30, "a new worker")
    show(f"worker {after[0]} took its place")
    tasks = follow(server, {task_id: "the same task"}, 300)
    result = tasks[task_id]["result"]
    if len(result["embeddings"]) != count:
        raise Failure(f"{len(result['embeddings'])} embeddings for {count} texts")
    show(f"{count} embeddings of {result['dimension']} numbers: nothing was lost")
    return tasks


def restart(server: Server, tasks: dict[str, dict[str, Any]]) -> None:
    heading("The whole server stops and starts again")
    code = server.stop()
    if code:
        raise Failure(f"medsynth serve ended with exit code {code} on SIGTERM")
    show("stopped in order, Redis too; exit code 0")
    show(f"ready again after {server.start():.1f} s; 'medsynth tasks list' says:")
    print()
    show(server.command("tasks", "list"))
    for task_id, task in tasks.items():
        now = server.task(task_id)
        if now["status"] != "completed" or now["result"] != task["result"]:
            raise Failure(f"task {task_id} is not what it was before the restart")
    print()
    show(f"all {len(tasks)} tasks are there, with the results they had")


def look_around(server: Server) -> None:
    heading("What the machine is doing")
    # After the restart no model is in memory: one pair brings it back.
    follow(server, {server.submit("/v1/async-ml/contradiction/detect",
                                  dict(zip(("claim1", "claim2"), PAIRS["contradiction"]))): "one more pair"})
    # A worker reports at least every second while something changes: this waits for its word on the task's end.
    wait_for(lambda: server.call("GET", "/v1/model-cache/stats")["size"] > 0
             and server.call("GET", "/v1/resources/usage")["concurrent_tasks"] == 0, 10, "the worker's report")
    for words in (("usage",), ("cache", "ls")):
        print()
        show(f"$ medsynth {' '.join(words)}")
        show(server.command(*words))


def run(binary: str, keep: bool) -> None:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="medsynth-demo-"))
    server = Server(binary, folder)
    started = time.monotonic()
    try:
        heading("The demo models")
        show(server.command("models", "pull"))
        heading("medsynth serve: API, worker and Redis on this machine")
        took = server.start()
        show(f"{server.url} is ready after {took:.2f} s; Redis is its own, in {folder}")
        tasks = judge_pairs(server) | analyse_articles(server) | kill_worker(server)
        restart(server, tasks)
        look_around(server)
        print(f"\n{bold('Done')} in {time.monotonic() - started:.0f} s.")
        if keep:
            stay(server)
    except BaseException:
        if server.log.exists() and server.log.stat().st_size and not isinstance(sys.exc_info()[1], KeyboardInterrupt):
            print(f"\nThe server's last words:\n{textwrap.indent(tail(server.log), '   ')}", file=sys.stderr)
        raise
    finally:
        clean_up(server, folder)


def stay(server: Server) -> None:
    print(textwrap.dedent(f"""
        The server goes on until Ctrl-C. In another terminal:
          export MEDSYNTH_URL={server.url}
          {server.binary} contradict "{PAIRS['contradiction'][0]}" "{PAIRS['contradiction'][1]}"
          curl {server.url}/v1/resources/usage"""), flush=True)
    try:
        assert server.process
        server.process.wait()
    except KeyboardInterrupt:
        print()


def tail(file: pathlib.Path, lines: int = 15) -> str:
    return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])


def clean_up(server: Server, folder: pathlib.Path) -> None:
    if server.process and server.process.poll() is None:
        try:
            server.stop()
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait(10)
    shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped then, too
    try:
        run(sys.argv[1], "--keep" in sys.argv[2:])
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        print(f"\ndemo: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
