"""How a bench written in Python starts: its usage, and the Python that has the packages of bench/requirements.txt."""

import os
import pathlib
import socket
import subprocess
import sys

SETUP = pathlib.Path(__file__).resolve().parent / "setup"


def usage(text: str) -> None:
    """Prints the bench's own description and ends, where it is asked for."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(text.strip())
        raise SystemExit


def enter() -> str:
    """Goes on in the environment that bench/setup makes; its Python's path."""
    inside = os.environ.get("BENCH_INSIDE")
    if inside:
        return inside
    peers = subprocess.run([SETUP], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    os.execve(peers, [peers, *sys.argv], {**os.environ, "BENCH_INSIDE": peers})


def free_port() -> int:
    """A port of loopback that nobody has just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
