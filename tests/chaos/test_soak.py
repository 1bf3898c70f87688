"""A minute of the soak; half an hour is `tests/chaos/soak`."""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def test_nothing_grows_in_a_minute():
    done = subprocess.run([sys.executable, HERE / "soak", "--seconds", "60"], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
