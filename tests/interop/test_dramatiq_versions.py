"""Dramatiq 1.17 as well as 2.x, and the `dramatiq` command's own worker processes."""

import os
import signal
import subprocess
import sys

import pytest
from conftest import HERE, eventually, old_python
from python_side import make_broker, send

SENT = ['["plain"]', '["later"]', '["flaky"]']


def send_three(side, queue):
    side.send(queue, "echo_peer", SENT[0])
    side.send(queue, "echo_peer", SENT[1], delay=300)
    side.send(queue, "flaky_peer", SENT[2])


def test_a_worker_of_1_17_runs_what_we_send(side):
    side.python_worker("for_python", python=old_python())
    send_three(side, "for_python")
    assert eventually(lambda: sorted(side.effects("python")) == sorted(SENT))
    assert eventually(lambda: side.leftovers() == [])


def test_we_run_what_1_17_sends(side):
    producer = ("import sys; sys.path.insert(0, sys.argv[2]); from python_side import make_broker, send; b = make_broker(sys.argv[1]);"
                "send(b, 'for_peer', 'echo_peer', 'plain'); send(b, 'for_peer', 'echo_peer', 'later', delay=300);"
                "send(b, 'for_peer', 'flaky_peer', 'flaky')")
    subprocess.run([str(old_python()), "-c", producer, side.url, str(HERE)], check=True, timeout=20)
    side.our_worker("for_peer")
    assert eventually(lambda: sorted(side.effects("peer")) == sorted(SENT))
    assert eventually(lambda: side.leftovers() == [])


def test_1_17_and_ours_share_a_queue(side):
    broker = make_broker(side.url)
    side.our_worker("mixed")
    side.python_worker("mixed", python=old_python())
    for number in range(200):
        send(broker, "mixed", "echo_peer", number)
    assert eventually(lambda: len(side.effects("peer") + side.effects("python")) >= 200)
    assert sorted(side.effects("peer") + side.effects("python")) == sorted(f"[{n}]" for n in range(200))
    assert eventually(lambda: side.leftovers() == [])


@pytest.mark.parametrize("version", ["2", "1.17"])
def test_the_dramatiq_command_works_our_queue(side, tmp_path, version):
    """Two processes of two threads each, started and stopped as people do; what they leave is ours to take."""
    python = sys.executable if version == "2" else str(old_python())
    words = [python, "-m", "dramatiq", "cli_side", "-p", "2", "-t", "2", "-Q", "for_python", "-P", str(HERE)]
    with (tmp_path / "log").open("w") as log:
        workers = subprocess.Popen(words, env={**os.environ, "REDIS_URL": side.url}, stderr=log, start_new_session=True)
        try:
            send_three(side, "for_python")
            assert eventually(lambda: sorted(side.effects("python")) == sorted(SENT), 30)
            workers.send_signal(signal.SIGTERM)
            assert workers.wait(timeout=30) == 0
        finally:
            if workers.poll() is None:
                os.killpg(workers.pid, signal.SIGKILL)
                workers.wait()
    assert eventually(lambda: side.leftovers() == [])
