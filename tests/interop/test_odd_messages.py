"""Messages as others may leave them: every form of eta, unknown actors, payloads of no kind, a Redis that forgot its scripts."""

import json
import time
import uuid

import pytest
from conftest import eventually
from python_side import make_broker, send


def put(side, queue, payload, message_id=None):
    """A payload on a queue as a foreign producer would put it."""
    message_id = message_id or str(uuid.uuid4())
    side.redis.hset(f"dramatiq:{queue}.msgs", message_id, payload)
    side.redis.rpush(f"dramatiq:{queue}", message_id)
    return message_id


def payload(queue, actor, args, redis_message_id, **options):
    return json.dumps({"queue_name": queue, "actor_name": actor, "args": args, "kwargs": {},
                       "options": {"redis_message_id": redis_message_id, **options}, "message_id": str(uuid.uuid4()),
                       "message_timestamp": int(time.time() * 1000)}, separators=(",", ":"))


@pytest.mark.parametrize("eta", [None, "tomorrow", 1, 1.5, float("-inf"), int(time.time() * 1000) - 5])
@pytest.mark.parametrize("queue", ["for_peer", "for_peer.DQ"])
def test_an_eta_that_is_past_or_no_time_is_due(side, queue, eta):
    message_id = str(uuid.uuid4())
    put(side, queue, payload(queue, "echo_peer", ["due"], message_id, eta=eta), message_id)
    side.our_worker("for_peer")
    assert eventually(lambda: side.effects("peer") == ['["due"]'])
    assert eventually(lambda: side.leftovers() == [])


def test_a_coming_eta_on_a_plain_queue_is_waited_for(side):
    message_id, due = str(uuid.uuid4()), time.time() + 0.8
    put(side, "for_peer", payload("for_peer", "echo_peer", ["later"], message_id, eta=due * 1000), message_id)
    side.our_worker("for_peer")
    assert eventually(lambda: side.effects("peer") == ['["later"]'])
    assert time.time() >= due
    assert eventually(lambda: side.leftovers() == [])


def test_one_bad_payload_among_good_ones(side):
    """Unknown actor and undecodable payload: each is a dead letter by itself, the others run."""
    broker = make_broker(side.url)
    send(broker, "for_peer", "echo_peer", 1)
    bad = put(side, "for_peer", b'{"queue_name":"for_peer"')
    unknown = str(uuid.uuid4())
    put(side, "for_peer", payload("for_peer", "nobody", [], unknown), unknown)
    send(broker, "for_peer", "echo_peer", 2)
    side.our_worker("for_peer")
    assert eventually(lambda: sorted(side.effects("peer")) == ["[1]", "[2]"])
    assert eventually(lambda: set(side.redis.zrange("dramatiq:for_peer.XQ", 0, -1)) == {bad, unknown})
    for text in side.redis.hvals("dramatiq:for_peer.XQ.msgs"):
        type(broker.get_actor("echo_peer").message()).decode(text.encode())  # as Python's dashboard does


def test_infinite_limits_and_lone_surrogates_pass(side):
    broker = make_broker(side.url)
    send(broker, "for_peer", "echo_peer", "\ud800", 2**70, time_limit=float("inf"), max_age=float("inf"))
    side.our_worker("for_peer")
    assert eventually(lambda: side.effects("peer") == ['["\\ud800",1180591620717411303424]'])
    assert eventually(lambda: side.leftovers() == [])


def test_redis_forgets_its_scripts(side):
    """SCRIPT FLUSH under a running worker: nothing is lost, nothing runs twice."""
    side.our_worker("for_peer")
    for number in range(20):
        side.redis.script_flush()
        side.send("for_peer", "flaky_peer" if number % 5 == 0 else "echo_peer", f"[{number}]")
    assert eventually(lambda: len(side.effects("peer")) == 20)
    assert sorted(map(json.loads, side.effects("peer"))) == [[n] for n in range(20)]
    assert eventually(lambda: side.leftovers() == [])
