"""Every program of the repository that is a script says what it is for, whatever environment it is called in."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("bench", "fuzz", "scripts", "tests/chaos")


def programs() -> list[pathlib.Path]:
    files = [each for folder in FOLDERS for each in sorted((ROOT / folder).rglob("*")) if each.is_file() and os.access(each, os.X_OK)]
    return [each.relative_to(ROOT) for each in files if "--help" in each.read_text(errors="replace") or each.read_bytes().startswith(b"#!/usr/bin/env python3")]


# A shell that knows nothing of the tests' or the benches' Python packages: usage and exit code 0, and nothing is built or installed.
@pytest.mark.parametrize("program", programs(), ids=str)
def test_answers_help(program: pathlib.Path):
    bare = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_CACHE_HOME") if name in os.environ}
    done = subprocess.run([ROOT / program, "--help"], env=bare, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "installing" not in done.stderr
