"""help, version, status, completion and the manual page: made of what the parser knows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
from conftest import BINARY, Server


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BINARY), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)


def commands(*path: str) -> list[str]:
    """Those that --help lists, with the words before them."""
    found = []
    for line in run(*path, "--help").stdout.splitlines():
        if line.startswith("  ") and line[2].isalpha() and not line.startswith("  -"):
            found.append(line[2:].split(" ")[0].rstrip(","))
    return found


def completed(line: str) -> list[str]:
    """What bash offers behind this line."""
    script = f"""
source <({BINARY} completion bash)
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_medsynth
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-euc", script, "bash", *line.split(" ")], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout.split()


def test_help_is_grouped_and_speaks_of_every_command():
    shown = run("help").stdout
    assert shown == run("--help").stdout
    for group in ("Run:", "Judge:", "Tasks and queues:", "Machine and models:", "Look and learn:"):
        assert group in shown
    assert "Subcommands:" not in shown, "every command has its group"
    assert run("help", "models", "add").stdout == run("models", "add", "--help").stdout
    wrong = run("help", "models", "ad")
    assert wrong.returncode == 2 and "'ad' is not a command of 'medsynth models'" in wrong.stderr


@pytest.mark.parametrize(("line", "some"), [
    ("medsynth ", {"serve", "analyze", "--output", "--json"}),
    ("medsynth mod", {"models"}),
    ("medsynth models ", {"list", "add", "use"}),
    ("medsynth models add --k", {"--kind", "--keep-alive"}),
    ("medsynth models add --kind ", {"language", "sentence"}),
    ("medsynth tasks ls --output ", {"table", "json"}),
    ("medsynth -o js", {"json"}),
    ("medsynth serve --max-c", {"--max-cpu-percent", "--max-concurrent-tasks"}),
    ("medsynth completion ", {"bash", "zsh", "fish"}),
])
def test_bash_offers_what_the_parser_takes(line: str, some: set[str]):
    offered = completed(line)
    assert some <= set(offered), offered
    last = line.rpartition(" ")[2]
    assert all(word.startswith(last) for word in offered)


def test_bash_knows_every_command():
    top = commands()
    assert {"serve", "tasks", "completion"} <= set(top)
    assert set(top) <= set(completed("medsynth "))
    for name in ("tasks", "queues", "dead", "models", "cache", "limits", "config"):
        assert set(commands(name)) <= set(completed(f"medsynth {name} ")), name


@pytest.mark.parametrize(("shell", "words"), [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_each_script_is_one_of_its_shell(shell: str, words: list[str], tmp_path):
    script = run("completion", shell)
    assert script.returncode == 0 and "models" in script.stdout
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell}")
    (tmp_path / "script").write_text(script.stdout)
    checked = subprocess.run([shell, *words, str(tmp_path / "script")], capture_output=True, text=True, timeout=30)
    assert checked.returncode == 0 and not checked.stderr, checked.stderr


def test_the_manual_page():
    page = run("help", "--man").stdout
    assert page.startswith(".TH MEDSYNTH 1") and ".SS \"medsynth models add\"" in page
    assert "medsynth calibrate" in page
    if not shutil.which("groff"):
        pytest.skip("there is no groff")
    shown = subprocess.run(["groff", "-man", "-Tutf8", "-ww"], input=page, capture_output=True, text=True, timeout=30)
    assert not shown.stderr and "medsynth models add" in " ".join(re.sub(r".\x08", "", shown.stdout).split())


def test_version():
    said = json.loads(run("version", "--json").stdout)
    assert run("--version").stdout == f"medsynth {said['version']}\n"
    assert "CPU" in said["backends"] and "llama.cpp" in said["runtime"]


def test_status(server: Server):
    server.result(server.detect(use_all_methods=False))
    shown = server.cli("status")
    assert shown.returncode == 0 and "ready" in shown.stdout and "slots taken" in shown.stdout
    status = json.loads(server.cli("status", "--json").stdout)
    assert status["ready"] and not status["problem"] and {"processing", "pending", "retrying", "failed"} == set(status["tasks"])


def test_status_says_why_it_is_not_ready(make_server):
    server = make_server("--redis", "external").start(ready=False)
    shown = server.cli("status")
    assert shown.returncode == 1 and "not ready" in shown.stdout and "Redis" in shown.stdout
    assert run("status", "--port", "1").returncode == 6


def test_the_port_is_short_for_both(make_server):
    server = make_server().start()
    port = server.url.rsplit(":", 1)[1]
    assert run("status", "--port", port).returncode == 0
    assert run("status", "--port", port, "--url", server.url).returncode == 2
    for wrong in ("0", "99999", "x", ""):
        assert run("status", "--port", wrong).returncode == 2


@pytest.mark.parametrize(("words", "value"), [(["--insecure"], "true"), (["--insecure=true"], "true"), (["--insecure=false"], "false"), ([], "false")])
def test_a_switch_can_be_said_to_be_off(words: list[str], value: str):
    assert json.loads(run("config", "show", "--json", *words).stdout)["insecure"]["value"] == value
