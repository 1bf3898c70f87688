"""The Python that has the tests' packages."""

import hashlib
import importlib.util
import os
import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]


def enter() -> None:
    """Goes on in the environment that scripts/setup made, unless this one has what is needed."""
    specs = [importlib.util.find_spec(name) for name in ("dramatiq", "redis", "requests", "pytest")]
    if all(spec and spec.origin for spec in specs):  # a folder named dramatiq in the path has no origin
        return
    digest = hashlib.sha256((TESTS / "requirements.txt").read_bytes()).hexdigest()[:12]
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
    python = cache / "medsynth" / f"venv-{digest}" / "bin/python"
    if not python.exists() or pathlib.Path(sys.executable) == python:
        raise SystemExit("the tests' Python packages are missing: run scripts/setup")
    os.execv(python, [str(python), *sys.argv])
