"""A few seeds for every change; tests/chaos/run takes as many as there is time for."""

import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent


# 74, 102: these have found faults that no test saw.
@pytest.mark.parametrize("seed", [*range(1, 11), 74, 102])
def test_every_promise_holds(seed: int):
    done = subprocess.run([sys.executable, HERE / "run", "--seeds", str(seed)], capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stdout + done.stderr
