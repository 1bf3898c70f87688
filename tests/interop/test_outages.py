"""The product's worker when Redis is away, full, or believes it dead: nothing is lost, nothing is settled twice."""

import json
import signal
import time

import pytest
from conftest import eventually
from python_actors import Side


@pytest.fixture
def theirs(side):
    return Side(side.url)


def record(side, message, name):
    text = side.redis.hget(f"task:{message.message_id}", name)
    return text and json.loads(text)


def at_rest(side):
    names = [f"dramatiq:ours{kind}" for kind in ("", ".msgs", ".DQ", ".DQ.msgs", ".XQ.msgs")]
    assert eventually(lambda: side.redis.exists(*names, "dramatiq:__medsynth__.due.ours") == 0)
    assert eventually(lambda: side.redis.keys("dramatiq:__acks__.*") == [])


def test_delayed_messages_outlive_a_redis_that_was_away(side, tmp_path, theirs):
    """Dramatiq's own worker drops what it holds and keeps it leased (#527). Ours holds some that are due meanwhile, some later, and
    one that runs and is to be retried; longer away than any call of ours waits."""
    side.our_actors(tmp_path)
    sent = [theirs.send("echo_peer", number, delay=delay) for number, delay in enumerate((2_000, 3_000, 15_000))]
    sent.append(theirs.send("slow_peer", "running", time_limit=2_000, max_retries=1, min_backoff=100, max_backoff=100))
    assert eventually(lambda: side.redis.zcard("dramatiq:__medsynth__.due.ours") == 3 and side.redis.llen("started") == 1)
    side.stop_redis()
    time.sleep(8)
    side.start_redis()
    assert eventually(lambda: sorted(side.effects("peer")) == ["[0]", "[1]", "[2]"], 30), side.effects("peer")
    assert eventually(lambda: record(side, sent[3], "status") == "failed", 30), record(side, sent[3], "status")
    assert side.redis.llen("started") == 2
    assert eventually(lambda: side.redis.hlen("dramatiq:ours.XQ.msgs") == 1), "the record is written first"
    side.redis.delete("dramatiq:ours.XQ", "dramatiq:ours.XQ.msgs")
    at_rest(side)
    assert [record(side, message, "attempt") for message in sent] == [1, 1, 1, 2]


def test_a_retry_is_not_lost_in_a_full_redis(side, tmp_path, theirs):
    """Dramatiq acknowledges a message whose retry it could not enqueue. Ours is there, and runs again when there is room."""
    side.our_actors(tmp_path)
    sent = theirs.send("slow_peer", "full", time_limit=500, min_backoff=100, max_backoff=100, max_retries=1)
    assert eventually(lambda: side.redis.llen("started") == 1)
    side.redis.config_set("maxmemory", 1)
    time.sleep(2)  # its time is over, and it is to be retried
    before = side.redis.info("stats")["total_commands_processed"]
    time.sleep(1)
    assert side.redis.info("stats")["total_commands_processed"] - before < 1000, "a full Redis is not asked without a pause"
    assert side.redis.hlen("dramatiq:ours.msgs") + side.redis.hlen("dramatiq:ours.DQ.msgs") == 1
    side.redis.config_set("maxmemory", 0)
    assert eventually(lambda: side.redis.llen("started") == 2)
    assert eventually(lambda: record(side, sent, "status") == "failed")
    assert eventually(lambda: side.redis.hlen("dramatiq:ours.XQ.msgs") == 1), "the record is written first"


def test_a_worker_that_was_paused_beyond_its_lease_settles_nothing(side, tmp_path, theirs):
    """SIGSTOP until another one has taken its messages over; when it comes back it ends them, too late: what follows from them
    happens once, the newer attempt's word stands, and no ghost stays."""
    paused = side.our_actors(tmp_path, MEDSYNTH_HOST="one")
    sent = theirs.send("stubborn_peer", "held", on_success="brief_peer", store_results=True)
    assert eventually(lambda: side.redis.llen("started") == 1)
    paused.send_signal(signal.SIGSTOP)
    side.our_actors(tmp_path, MEDSYNTH_HOST="two")
    assert eventually(lambda: side.redis.llen("started") == 2, 40)
    paused.send_signal(signal.SIGCONT)
    side.redis.set("go", 1)
    assert eventually(lambda: len(side.effects("peer")) == 3), "both ran it, and one callback"
    assert eventually(lambda: record(side, sent, "status") == "completed")
    at_rest(side)
    (callback,) = [args for args in map(json.loads, side.effects("peer")) if args != ["held"]]
    assert callback[0]["message_id"] == sent.message_id and callback[1] == ["held"]
    assert record(side, sent, "attempt") == 2
    paused.terminate()
    assert paused.wait(timeout=40) == 0


def test_a_pid_of_another_container_says_nothing(side, tmp_path, theirs):
    """Two containers may share the name of their host: that no process here has the pid of the other's worker is no reason to
    take its messages."""
    first = side.our_actors(tmp_path)
    theirs.send("stubborn_peer", "held")
    assert eventually(lambda: side.redis.llen("started") == 1)
    first.kill()
    first.wait()
    registry = "dramatiq:__medsynth__.workers"
    ((worker, about),) = side.redis.hgetall(registry).items()
    side.redis.hset(registry, worker, json.dumps({**json.loads(about), "pids": "elsewhere"}))
    side.our_actors(tmp_path)  # it has looked for dead ones of its host when it is known
    assert side.redis.scard(f"dramatiq:__acks__.{worker}.ours") == 1
    side.redis.hset(registry, worker, about)
    assert eventually(lambda: side.redis.llen("started") == 2)
    side.redis.set("go", 1)


def test_messages_that_were_purged_while_they_ran_leave_nothing(side, tmp_path, theirs):
    """The dashboard, or Python's flush, takes a message away under a worker that runs it."""
    side.our_actors(tmp_path)
    theirs.send("stubborn_peer", "purged")
    assert eventually(lambda: side.redis.llen("started") == 1)
    theirs.broker.flush("ours")
    side.redis.set("go", 1)
    assert eventually(lambda: side.effects("peer") == ['["purged"]'])
    at_rest(side)


@pytest.mark.parametrize("actor", ["echo_peer", "brief_peer"])
def test_a_message_whose_record_cannot_be_kept_is_a_dead_letter(side, tmp_path, theirs, actor):
    """Somebody else's key lies where its record belongs: it does not stay leased by a worker that lives."""
    message = theirs.message(actor, "unkept")
    side.redis.rpush(f"task:{message.message_id}", "not a record")
    theirs.broker.enqueue(message)
    side.our_actors(tmp_path)
    assert eventually(lambda: side.redis.hlen("dramatiq:ours.XQ.msgs") == 1)
    (reason,) = side.redis.hvals("dramatiq:__medsynth__.reasons.ours")
    assert message.message_id in reason
    assert eventually(lambda: side.redis.keys("dramatiq:__acks__.*") == [])
    theirs.send(actor, "next")
    assert eventually(lambda: side.effects("peer") == ['["next"]'])
