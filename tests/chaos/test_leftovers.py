"""What is left behind is seen, whatever the key is called; what is meant to stay is not."""

import pathlib
import subprocess
import time

import pytest
import redis
from leftovers import left_behind


@pytest.fixture
def store(tmp_path: pathlib.Path):
    path = tmp_path / "redis.sock"
    process = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(tmp_path)],
                               stdout=subprocess.DEVNULL)
    store = redis.Redis(unix_socket_path=str(path))
    deadline = time.monotonic() + 20
    while True:
        try:
            store.ping()
            break
        except redis.ConnectionError:
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.01)
    yield store
    process.terminate()
    process.wait(10)


@pytest.mark.parametrize(("key", "fill"), [
    ("dramatiq:q", lambda store, key: store.rpush(key, "id")),
    ("dramatiq:q.msgs", lambda store, key: store.hset(key, "id", "{}")),
    ("dramatiq:q.DQ.msgs", lambda store, key: store.hset(key, "id", "{}")),
    ("dramatiq:__acks__.worker.q", lambda store, key: store.sadd(key, "id")),
    ("dramatiq:__medsynth__.due.q", lambda store, key: store.zadd(key, {"id": 1})),
    ("dramatiq:__medsynth__.deaths.q", lambda store, key: store.hset(key, "id", 1)),
    ("dramatiq:__medsynth__.of-tomorrow.q", lambda store, key: store.set(key, "x")),
])
def test_whatever_is_left_is_seen(store, key, fill):
    assert left_behind(store, "q") == {}
    fill(store, key)
    assert left_behind(store, "q") == {key: 1}


def test_what_stays_is_not_left(store):
    store.zadd("dramatiq:q.XQ", {"dead": 1})
    store.hset("dramatiq:q.XQ.msgs", "dead", "{}")
    store.hset("dramatiq:__medsynth__.reasons.q", "dead", "why")
    store.zadd("dramatiq:__heartbeats__", {"worker": 1})
    store.sadd("dramatiq:__medsynth__.queues", "q")
    store.rpush("dramatiq:aborts:cancel:id", "{}")
    store.expire("dramatiq:aborts:cancel:id", 90)
    store.set("task:t", "{}")
    assert left_behind(store, "q") == {}
