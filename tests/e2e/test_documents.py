"""Every command line of README.md and docs/: those that are shown are run as they stand, those that are named exist."""

from __future__ import annotations

import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator

import pytest
from conftest import BINARY, CACHE, MODELS, ROOT, wait_until

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHOWN = re.compile(r"^    (?:\$ )?((?:[A-Z_]+=\S+ )*(?:build/release/bin/)?(?:medsynth|curl) .*(?:\\\n.*)*)$", re.MULTILINE)
NAMED = re.compile(r"`((?:[A-Z_]+=\S+ )*medsynth [a-z][^`]*)`|^    .*?\b((?:sudo .*)?medsynth (?!import)[a-z].*)$", re.MULTILINE)
NOT_RUN = {
    "worker": "runs until it is stopped; tests/trials do",
    "logs -f": "goes on until it is stopped; tests/e2e/test_logs.py does",
    "login": "tests/e2e/test_keys.py does, with a server that has a certificate",
    "models pull qwen": "wants the hub; tests/e2e/test_pull.py has one of its own",
    "models pull hf:": "wants the hub; tests/e2e/test_pull.py has one of its own",
    "models pull https:": "wants a file on the web; tests/e2e/test_pull.py has one",
    "send count_words": "wants the program of examples/, which tests/integration runs",
}
PAIR = {"claim1": "Aspirin reduces stroke.", "claim2": "Aspirin does not reduce stroke.", "label": "contradiction"}


def named(page: pathlib.Path) -> list[str]:
    return [" ".join(filter(None, match)).partition(" #")[0] for match in NAMED.findall(page.read_text())]


def help_of(words: list[str]) -> str | None:
    done = subprocess.run([str(BINARY), "help", *words], capture_output=True, text=True, timeout=20)
    return done.stdout if done.returncode == 0 else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_is_named_exists(page: pathlib.Path):
    for line in named(page):
        last = re.search(r".*\bmedsynth ([a-z].*)$", line)  # sudo -u medsynth medsynth ...
        if not last:
            continue  # it was in a comment
        words = re.split(r"[\s|);]+", last[1])
        command: list[str] = []
        while len(command) < len(words) and len(command) < 2 and re.fullmatch(r"[a-z]+", words[len(command)]) and help_of([*command, words[len(command)]]):
            command.append(words[len(command)])
        assert command, f"{page.name}: `{line}`: there is no such command"
        text = help_of(command) + help_of([])
        for word in words[len(command):]:
            option = word.partition("=")[0]
            if re.fullmatch(r"--?[a-z][a-z0-9-]*", option):
                assert re.search(rf"(^|[\s,]){option}\b", text), f"{page.name}: `{line}`: there is no {option}"


class Installation:
    """A machine of the test's own: its network, where the default ports are free, its folders, and the program on the PATH."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        (folder / "bin").mkdir()
        (folder / "bin/medsynth").symlink_to(BINARY)
        (folder / "build/release").mkdir(parents=True)
        (folder / "build/release/bin").symlink_to(folder / "bin")
        for name in ("export.ris", "export.nbib", "refs.nbib"):
            shutil.copy(ROOT / "tests/e2e/planted.ris", folder / name)
        (folder / "pairs.jsonl").write_text("".join(json.dumps({**PAIR, "claim1": f"{PAIR['claim1'][:-1]} {i}."}) + "\n" for i in range(4)))
        models = folder / "models"
        models.mkdir()
        for each in MODELS.iterdir():
            shutil.copy(each, models / each.name)
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("MEDSYNTH_", "MAX_", "TASK_", "REDIS_"))},
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "HOME": str(folder), "XDG_CACHE_HOME": str(CACHE.parent), "XDG_CONFIG_HOME": str(folder / "config"),
            "MEDSYNTH_DATA_DIR": str(folder / "data"), "MEDSYNTH_RUNTIME_DIR": str(folder / "run"), "MEDSYNTH_MODELS_DIR": str(models),
            "MAX_CPU_PERCENT": "100", "MAX_MEMORY_PERCENT": "100", "TERM": "dumb"}
        self.server: subprocess.Popen[str] | None = None

    def serve(self, command: str = "medsynth serve") -> None:
        self.stop()
        self.server = subprocess.Popen(["bash", "-c", "exec " + command.rstrip(" &")], env=self.environment, cwd=self.folder, text=True,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=(self.folder / "log").open("a"))
        while True:
            line = self.server.stdout.readline()
            assert line, (self.folder / "log").read_text()[-2000:]
            if line.startswith("listening on http://"):
                wait_until(lambda: self.run("medsynth status").returncode == 0, 60, "ready")
            if line.startswith("listening on "):
                return

    def stop(self) -> None:
        if self.server:
            self.server.send_signal(signal.SIGTERM)
            assert self.server.wait(60) == 0
            self.server.stdout.close()
            self.server = None

    def run(self, command: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        """Where there is an answer, at a terminal."""
        options = {"env": self.environment, "cwd": self.folder, "text": True, "timeout": 240}
        if not answer:
            return subprocess.run(["bash", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
        ours, theirs = pty.openpty()
        try:
            os.write(ours, answer.encode())
            return subprocess.run(["bash", "-c", command], stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, **options)
        finally:
            os.close(ours)
            os.close(theirs)

    def json(self, command: str) -> dict:
        return json.loads(self.run(command + " --json").stdout)

    def dead(self) -> str:
        """The id of a dead letter."""
        def letters() -> list[dict]:
            return self.json("medsynth dead list --queue medsynth")["letters"]
        if not letters():
            self.run("medsynth send unknown_actor --args '[1]' --queue medsynth")
        return wait_until(letters, 60, "a dead letter")[0]["id"]

    def analysis(self) -> str:
        """The id of a task that reported some pairs; labels-TASK.json is what its report would save."""
        self.run("medsynth analyze export.ris --threshold 0.5 --html report.html")
        tasks = self.json("medsynth tasks list --status completed")["tasks"]
        task = next(each["task_id"] for each in tasks if each["actor"].startswith("analyze"))
        (self.folder / f"labels-{task}.json").write_text(json.dumps({"labels": [{"task_id": task, "pair": 1, "label": "agree"}]}))
        return task

    def filled(self, command: str) -> str:
        """With what stands for something of the reader's replaced by something of ours."""
        command = command.replace(" FILE", f" {self.folder}/models/{MODEL} --no-calibrate").replace(" FOLDER", f" {ROOT}/tests/data/entailment/model --no-calibrate").replace(" ACTOR", " unknown_actor").replace("--queue Q", "--queue medsynth")
        if re.search(r"\bID\b", command):
            command = re.sub(r"\bID\b", self.dead(), command)
        if re.search(r"\bTASK\b", command):
            command = re.sub(r"\bTASK\b", self.analysis(), command)
        return command


MODEL = "smollm2-135m-instruct-q4_1.gguf"


@pytest.fixture
def installation(own_network: None, models: pathlib.Path, tmp_path: pathlib.Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    made.stop()


@pytest.mark.parametrize("page", [page for page in PAGES if SHOWN.search(page.read_text())], ids=lambda page: page.stem)
def test_what_is_shown_works(page: pathlib.Path, installation: Installation):
    installation.serve()
    for shown in SHOWN.findall(page.read_text()):
        command, _, comment = shown.partition(" #")
        command = command.strip()
        if any(f"medsynth {words}" in command for words in NOT_RUN):
            continue
        if re.search(r"medsynth serve\b", command):
            installation.serve(command)
            continue
        done = installation.run(installation.filled(command), answer="y\n" if "asks first" in comment else "")
        assert done.returncode == 0, f"{page.name}: {command}\n{done.stdout}"
