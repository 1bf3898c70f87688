"""Python aborts with the real dramatiq-abort, and our worker obeys; we cancel, and Python's does."""

import json

import pytest
from conftest import eventually
from dramatiq_abort import abort
from dramatiq_abort.middleware import AbortMode
from python_actors import Side


@pytest.fixture
def theirs(side):
    return Side(side.url)


@pytest.fixture
def ours(side, tmp_path):
    return side.our_actors(tmp_path)


def status(side, message):
    text = side.redis.hget(f"task:{message.message_id}", "status")
    return text and json.loads(text)


def settled(side):
    names = [f"dramatiq:ours{kind}" for kind in ("", ".msgs", ".DQ.msgs", ".XQ.msgs")]
    return eventually(lambda: side.redis.exists(*names) == 0 and side.redis.keys("dramatiq:__acks__.*") == [])


@pytest.mark.parametrize("actor", ["echo_peer", "brief_peer"])
@pytest.mark.parametrize("mode", AbortMode)
@pytest.mark.parametrize("delay", [None, 300])
def test_what_was_aborted_before_it_started_does_not_run(side, tmp_path, theirs, actor, mode, delay):
    """Among others, that do; its record is cancelled, and no key of the abort stays."""
    before, aborted, after = (theirs.send(actor, number, delay=delay, store_results=True) for number in range(3))
    abort(aborted.message_id, middleware=theirs.abortable, mode=mode)
    side.our_actors(tmp_path)
    assert eventually(lambda: sorted(side.effects("peer")) == ["[0]", "[2]"])
    assert eventually(lambda: status(side, aborted) == "cancelled"), status(side, aborted)
    assert settled(side)
    assert aborted.get_result() is None, "as of any message that is skipped"
    assert [status(side, message) for message in (before, after)] == ["completed"] * 2
    assert eventually(lambda: side.redis.keys("dramatiq:aborts:*") == [])
    assert sorted(side.effects("peer")) == ["[0]", "[2]"]


def test_a_running_one_is_stopped(side, theirs, ours):
    sent = theirs.send("slow_peer", "aborted")
    assert eventually(lambda: side.redis.llen("started") == 1)
    abort(sent.message_id, middleware=theirs.abortable)
    assert eventually(lambda: status(side, sent) == "cancelled"), status(side, sent)
    assert settled(side)
    assert eventually(lambda: side.redis.keys("dramatiq:aborts:*") == [])
    assert side.redis.llen("started") == 1


def test_one_that_may_only_be_cancelled_runs_on(side, theirs, ours):
    """AbortMode.CANCEL is for what has not started."""
    sent = theirs.send("stubborn_peer", "on")
    assert eventually(lambda: side.redis.llen("started") == 1)
    abort(sent.message_id, middleware=theirs.abortable, mode=AbortMode.CANCEL)
    side.redis.set("go", 1)
    assert eventually(lambda: status(side, sent) == "completed")
    assert side.effects("peer") == ['["on"]']


def test_it_is_given_the_time_that_the_abort_grants(side, theirs, ours):
    """One that ends within its abort_timeout ends well; one that does not is stopped after it."""
    ends, goes_on = theirs.send("stubborn_peer", "ends"), theirs.send("slow_peer", "goes on")
    assert eventually(lambda: side.redis.llen("started") == 2)
    abort(ends.message_id, middleware=theirs.abortable, abort_timeout=60_000)
    abort(goes_on.message_id, middleware=theirs.abortable, abort_timeout=1500)
    side.redis.set("go", 1)
    assert eventually(lambda: status(side, ends) == "completed")
    assert status(side, goes_on) == "processing"
    assert eventually(lambda: status(side, goes_on) == "cancelled")


def test_one_that_waits_for_its_retry_does_not_run_again(side, theirs, ours):
    sent = theirs.send("fail_peer", min_backoff=1000, max_backoff=1000)
    assert eventually(lambda: status(side, sent) == "retrying")
    abort(sent.message_id, middleware=theirs.abortable)
    assert eventually(lambda: status(side, sent) == "cancelled"), status(side, sent)
    assert settled(side)


@pytest.mark.parametrize("actor", ["echo_peer", "brief_peer"])
def test_one_that_is_not_abortable_runs(side, tmp_path, theirs, actor):
    sent = theirs.send(actor, "runs", abortable=False)
    abort(sent.message_id, middleware=theirs.abortable)
    side.our_actors(tmp_path)
    assert eventually(lambda: side.effects("peer") == ['["runs"]'])
    assert eventually(lambda: status(side, sent) == "completed")
