"""Callbacks, pipelines, groups, results and what retries end in, between the product's worker and Python's: both ways."""

import json
import sys
import time

import dramatiq
import pytest
from conftest import HERE, eventually
from dramatiq.results.errors import ResultFailure
from python_actors import Side


@pytest.fixture
def theirs(side):
    return Side(side.url)


@pytest.fixture
def ours(side, tmp_path):
    return side.our_actors(tmp_path)


@pytest.fixture
def python(side):
    return side.start(sys.executable, HERE / "python_actors.py", side.url)


def effects(side, of, count):
    assert eventually(lambda: len(side.effects(of)) >= count), side.effects(of)
    return [json.loads(text) for text in side.effects(of)]


def at_rest(side):
    """Nothing waits, runs, is delayed or died."""
    names = [f"dramatiq:{queue}{kind}" for queue in ("ours", "theirs") for kind in ("", ".msgs", ".DQ", ".DQ.msgs", ".XQ.msgs")]
    assert eventually(lambda: side.redis.exists(*names) == 0), [name for name in names if side.redis.exists(name)]


def same(envelope, message):
    return (envelope["message_id"], envelope["actor_name"], envelope["args"]) == (message.message_id, message.actor_name, list(message.args))


def test_callbacks_of_what_we_ran(side, theirs, ours):
    """on_success with the result; on_failure at every attempt, with the retries so far; both after the message as it went on."""
    good = theirs.send("add_peer", 1, 2, on_success="echo_peer")
    ((envelope, result),) = effects(side, "peer", 1)
    assert same(envelope, good) and result == 3
    bad = theirs.send("fail_peer", on_failure="echo_peer", max_retries=1)
    found = effects(side, "peer", 3)[1:]
    assert [envelope["options"]["retries"] for envelope, _ in found] == [1, 2]
    for envelope, failure in found:
        assert same(envelope, bad) and failure == {"type": "RuntimeError", "message": "boo"}


def test_callbacks_of_what_python_ran(side, theirs, ours, python):
    """The same where the callback is an actor of ours."""
    good = theirs.send("total", 1, 2, on_success="echo_peer")
    ((envelope, result),) = effects(side, "peer", 1)
    assert same(envelope, good) and result == 3
    bad = theirs.send("boo", on_failure="echo_peer", max_retries=0)
    envelope, failure = effects(side, "peer", 2)[1]
    assert same(envelope, bad) and failure == {"type": "ValueError", "message": "boo"}


def test_exhausted_retries_are_told(side, theirs, ours):
    """And the dead letter is that of the last attempt, with its cause and its count: no other is."""
    sent = theirs.send("fail_peer", max_retries=1, on_retry_exhausted="echo_peer")
    ((envelope, told),) = effects(side, "peer", 1)
    assert same(envelope, sent) and told == {"retries": 1, "max_retries": 1}
    (letter,) = side.redis.hvals("dramatiq:ours.XQ.msgs")
    options = json.loads(letter)["options"]
    assert options["retries"] == 2 and "boo" in options["traceback"]


def test_pipelines_cross_the_languages(side, theirs, ours, python):
    """Ours, theirs, ours: each step gets the result of the one before as its last argument; the last one's is the pipeline's."""
    line = theirs.message("add_peer", 1, 2) | theirs.message("total", 10) | theirs.message("echo_peer", "end", store_results=True)
    line.run()
    assert line.get_result(block=True, timeout=10_000) == ["end", 13]
    line = theirs.message("total", 1, 2) | theirs.message("add_peer", 10) | theirs.message("note", "end", store_results=True)
    line.run()
    assert effects(side, "python", 1) == [["end", 13]]
    at_rest(side)


def test_a_step_may_ignore_the_result_and_wait(side, theirs, ours):
    line = theirs.message("add_peer", 1, 2) | theirs.message("echo_peer", "alone", pipe_ignore=True, delay=300)
    start = time.monotonic()
    line.run()
    assert effects(side, "peer", 1) == [["alone"]]
    assert time.monotonic() - start > 0.3
    at_rest(side)


def test_a_failed_step_ends_the_pipeline(side, theirs, ours):
    line = theirs.message("fail_peer", max_retries=0) | theirs.message("echo_peer", "never")
    line.run()
    assert eventually(lambda: side.redis.hlen("dramatiq:ours.XQ.msgs") == 1)
    theirs.send("echo_peer", "later")
    assert effects(side, "peer", 1) == [["later"]]


@pytest.mark.parametrize("callback", ["echo_peer", "note"])
def test_a_group_of_both_languages_calls_back_once(side, theirs, ours, python, callback):
    """Members on both queues, one of them a pipeline: the callback comes when all have ended, whoever was the last."""
    members = [theirs.message("add_peer", number, 1, store_results=True) for number in range(5)]
    members += [theirs.message("total", number, 1, store_results=True) for number in range(5)]
    members += [theirs.message("total", 1, 1) | theirs.message("add_peer", 5, store_results=True)]
    group = dramatiq.group(members, broker=theirs.broker)
    group.add_completion_callback(theirs.message(callback, "done"))
    group.run()
    assert sorted(group.get_results(block=True, timeout=10_000)) == sorted([1, 2, 3, 4, 5] * 2 + [7])
    assert effects(side, "peer" if callback == "echo_peer" else "python", 1) == [["done"]]
    at_rest(side)
    assert len(side.effects("peer")) + len(side.effects("python")) == 1


@pytest.mark.parametrize("keys", ["md5", "readable"])
def test_results_of_both_outcomes_are_read_by_the_other_side(side, tmp_path, keys):
    """A value, null, a failure; each side reads what the other one stored, under either kind of key."""
    theirs = Side(side.url, keys == "readable")
    side.our_actors(tmp_path, MEDSYNTH_RESULT_KEYS=keys)
    side.start(sys.executable, HERE / "python_actors.py", side.url, keys)

    def ask_peer(message):
        options = {"queue": message.queue_name, "actor": message.actor_name, "id": message.message_id}
        return side.ask_peer("result", **options, readable="yes" if keys == "readable" else "no")

    sent = theirs.send("add_peer", 2, 3, store_results=True)
    assert sent.get_result(block=True, timeout=10_000) == 5
    assert ask_peer(sent) == "5"
    failed = theirs.send("fail_peer", store_results=True, max_retries=0)
    with pytest.raises(ResultFailure, match="RuntimeError.*boo"):
        failed.get_result(block=True, timeout=10_000)
    assert ask_peer(failed) == "RuntimeError: boo"

    by_python = theirs.send("total", 2, 3, store_results=True)
    assert by_python.get_result(block=True, timeout=10_000) == 5
    assert ask_peer(by_python) == "5"
    failed = theirs.send("boo", store_results=True, max_retries=0)
    assert eventually(lambda: ask_peer(failed) == "ValueError: boo")
    assert ask_peer(theirs.message("total")) == "none"
    if keys == "readable":
        assert side.redis.exists(f"dramatiq-results:ours:add_peer:{sent.message_id}")


def test_limits_of_age_and_time(side, theirs, ours):
    """Too old: a dead letter, unrun. Too long: stopped, and after its retries a dead letter; each with its reason."""
    old = theirs.message("echo_peer", "old", max_age=1000, on_failure="echo_peer", store_results=True)
    theirs.broker.enqueue(old.copy(message_timestamp=old.message_timestamp - 60_000))
    theirs.send("slow_peer", "long", time_limit=200, max_retries=1)
    assert eventually(lambda: side.redis.hlen("dramatiq:__medsynth__.reasons.ours") == 2)
    reasons = sorted(side.redis.hvals("dramatiq:__medsynth__.reasons.ours"))
    assert any("max_age" in reason for reason in reasons), reasons
    assert any("time limit" in reason for reason in reasons), reasons
    assert side.redis.lrange("started", 0, -1) == ['["long"]'] * 2
    assert side.effects("peer") == [], "neither of them, and no callback of what was not tried"
    with pytest.raises(ResultFailure, match="max_age"):
        old.get_result()


@pytest.mark.parametrize("actor", ["echo_peer", "brief_peer"])
def test_a_message_under_another_id_runs_once(side, theirs, ours, actor):
    """Its options name another redis_message_id, or none: it is settled under the one that Redis knows."""
    for number, message_id in enumerate(("absent", "differs")):
        message = theirs.message(actor, number)
        options = {} if message_id == "absent" else {"redis_message_id": "elsewhere"}
        side.redis.hset("dramatiq:ours.msgs", message_id, message.copy(options=options).encode())
        side.redis.rpush("dramatiq:ours", message_id)
    assert sorted(effects(side, "peer", 2)) == [[0], [1]]
    at_rest(side)
    assert side.redis.keys("dramatiq:__acks__.*") == []


def test_an_actor_that_we_do_not_know_is_a_dead_letter(side, theirs, ours):
    """At once, without a retry, as it came: as Python does."""
    sent = theirs.broker.enqueue(theirs.message("note", 1).copy(queue_name="ours"))
    assert eventually(lambda: side.redis.hlen("dramatiq:ours.XQ.msgs") == 1)
    ((name, letter),) = side.redis.hgetall("dramatiq:ours.XQ.msgs").items()
    assert json.loads(letter) == json.loads(sent.encode()) and sent.options["redis_message_id"] == name
    (reason,) = side.redis.hvals("dramatiq:__medsynth__.reasons.ours")
    assert "note" in reason
    assert side.redis.exists("dramatiq:ours", "dramatiq:ours.msgs", "dramatiq:ours.DQ.msgs") == 0
