"""Python's Dramatiq and ours on the same queues: both ways, delayed, retried, and after kill -9 of either."""

import json
import signal
import subprocess
import sys

from conftest import eventually
from python_side import make_broker, send

ARGS = [1, -0.0, 1e16, 2**70, "é\x7f😀", [None, True], {"k": "v"}]
ARGS_TEXT = json.dumps(ARGS, separators=(",", ":"))


def test_python_sends_and_we_run(side):
    """Plain, delayed and failing once: each ends once, with its arguments untouched, and leaves nothing behind."""
    broker = make_broker(side.url)
    side.our_worker("for_peer")
    send(broker, "for_peer", "echo_peer", *ARGS)
    send(broker, "for_peer", "echo_peer", "delayed", delay=300)
    send(broker, "for_peer", "flaky_peer", "flaky")
    assert eventually(lambda: len(side.effects("peer")) == 3)
    assert sorted(side.effects("peer")) == sorted([ARGS_TEXT, '["delayed"]', '["flaky"]'])
    assert eventually(lambda: side.leftovers() == [])


def test_we_send_and_python_runs(side):
    """The same the other way round."""
    side.python_worker("for_python")
    side.send("for_python", "echo_peer", ARGS_TEXT)
    side.send("for_python", "echo_peer", '["delayed"]', delay=300)
    side.send("for_python", "flaky_peer", '["flaky"]')
    assert eventually(lambda: len(side.effects("python")) == 3)
    assert sorted(side.effects("python")) == sorted([ARGS_TEXT, '["delayed"]', '["flaky"]'])
    assert eventually(lambda: side.leftovers() == [])


def test_both_work_one_queue(side):
    """500 messages of each side, a worker of each side: every message runs exactly once."""
    broker = make_broker(side.url)
    side.our_worker("mixed")
    side.python_worker("mixed")
    for number in range(500):
        send(broker, "mixed", "echo_peer", number)
    for number in range(500, 520):
        side.send("mixed", "echo_peer", f"[{number}]")
    assert eventually(lambda: len(side.effects("peer") + side.effects("python")) >= 520)
    assert sorted(map(json.loads, side.effects("peer") + side.effects("python"))) == [[n] for n in range(520)]
    assert eventually(lambda: side.leftovers() == [])


def test_python_recovers_what_our_killed_worker_held(side):
    """Kill -9 while it runs one and holds others: Python's maintenance takes them all, no ghost stays."""
    broker = make_broker(side.url)
    ours = side.our_worker("mixed", timeout=1500)
    send(broker, "mixed", "slow_peer", "poison")
    send(broker, "mixed", "slow_peer", "poison too")
    assert eventually(lambda: side.redis.llen("started") == 2)
    for number in range(4):
        send(broker, "mixed", "echo_peer", number)
    assert eventually(lambda: any(side.redis.scard(key) >= 5 for key in side.redis.keys("dramatiq:__acks__.*")))
    ours.send_signal(signal.SIGKILL)
    ours.wait()
    side.python_worker("mixed", timeout=1500)
    assert eventually(lambda: len(side.effects("python")) == 4 and side.redis.llen("started") == 4)
    assert eventually(lambda: side.redis.hlen("dramatiq:mixed.msgs") == 2)  # those that never end, now Python's
    held = side.redis.hkeys("dramatiq:mixed.msgs")
    assert side.redis.lrange("dramatiq:mixed", 0, -1) == []
    (acks,) = side.redis.keys("dramatiq:__acks__.*")
    assert side.redis.smembers(acks) == set(held)


def test_we_recover_what_a_killed_python_worker_held(side):
    """Kill -9 of Python, delayed messages in its hand among them: ours takes them all and forgets it."""
    broker = make_broker(side.url)
    python = side.python_worker("mixed")
    send(broker, "mixed", "echo_peer", "delayed", delay=3000)
    send(broker, "mixed", "slow_peer", "held")
    assert eventually(lambda: side.redis.llen("started") == 1)
    assert eventually(lambda: len(side.redis.keys("dramatiq:__acks__.*")) == 2)
    python.send_signal(signal.SIGKILL)
    python.wait()
    side.our_worker("mixed", timeout=1500)
    assert eventually(lambda: side.redis.llen("started") == 2)
    assert eventually(lambda: side.effects("peer") == ['["delayed"]'])
    assert eventually(lambda: side.redis.zcard("dramatiq:__heartbeats__") == 1)


def test_our_late_worker_disturbs_nothing(side):
    """SIGSTOP beyond its lease, Python takes over, SIGCONT: ours settles nothing twice and leaves no ghost."""
    broker = make_broker(side.url)
    ours = side.our_worker("mixed", timeout=1500)
    send(broker, "mixed", "slow_peer", "held")
    assert eventually(lambda: side.redis.llen("started") == 1)
    ours.send_signal(signal.SIGSTOP)
    python = side.python_worker("mixed", timeout=1500)
    assert eventually(lambda: side.redis.llen("started") == 2)
    ours.send_signal(signal.SIGCONT)
    ours.send_signal(signal.SIGTERM)  # it gives back what it held: it holds nothing any more
    assert ours.wait(timeout=20) == 0
    assert side.redis.lrange("dramatiq:mixed", 0, -1) == []
    assert side.redis.hlen("dramatiq:mixed.msgs") == 1
    assert python.poll() is None


def test_our_bytes_are_those_of_python(side):
    """A plain and a delayed message of each side differ in ids and times only, keys in the same order."""
    broker = make_broker(side.url)

    def shape(text):
        value = json.loads(text)
        return text.startswith('{"queue_name":'), list(value), list(value["options"]), value["queue_name"], value["args"]

    for delay, key in ((0, "dramatiq:for_python.msgs"), (60_000, "dramatiq:for_python.DQ.msgs")):
        send(broker, "for_python", "echo_peer", *ARGS, delay=delay or None)
        side.send("for_python", "echo_peer", ARGS_TEXT, delay=delay)
        theirs, ours = side.redis.hvals(key)
        assert shape(ours) == shape(theirs)
        assert ARGS_TEXT in ours and ARGS_TEXT in theirs


def test_a_message_python_could_not_decode_is_not_sent(side):
    words = [side.peer, "send", "--url", side.url, "--queue", "for_python", "--actor", "echo_peer", "--args", "[1,]"]
    refused = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=10)
    assert refused.returncode == 1
    assert "/args" in refused.stderr
    assert side.leftovers() == []
