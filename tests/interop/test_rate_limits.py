"""Python's rate limiters and ours on the same keys: one limit for both languages."""

import time

import pytest
from conftest import eventually
from dramatiq.rate_limits import BucketRateLimiter, ConcurrentRateLimiter, WindowRateLimiter
from dramatiq.rate_limits.backends import RedisBackend
from python_actors import Side


@pytest.fixture
def backend(side):
    return RedisBackend(url=side.url)


def takes(limiter):
    with limiter.acquire(raise_on_failure=False) as acquired:
        return acquired


def test_concurrent_places_are_shared(side, backend):
    """What one side holds the other one does not get, and what it gives back it does; the key lives as long as Python's."""
    limiter = ConcurrentRateLimiter(backend, "mutex", limit=2, ttl=60_000)
    ours = {"kind": "concurrent", "key": "mutex", "limit": 2, "period": 60_000}
    assert side.ask_peer("limit", **ours) == "yes"
    with limiter.acquire():
        assert side.ask_peer("limit", **ours) == "no"
        assert not takes(limiter)
    assert side.ask_peer("limit", **ours) == "yes"
    assert not takes(limiter)
    assert side.ask_peer("limit", **ours, release="yes") == "yes"
    assert takes(limiter)
    assert side.ask_peer("limit", **ours, release="yes") == "yes"
    assert side.redis.get("mutex") == "0"
    assert 50_000 < side.redis.pttl("mutex") <= 60_000
    assert side.ask_peer("limit", **ours, release="yes") == "no", "nothing is held"


def test_a_bucket_is_shared(side, backend):
    """A bucket as long as the test: five in all, whoever takes them."""
    bucket = 100_000_000_000
    limiter = BucketRateLimiter(backend, "bucket", limit=5, bucket=bucket)
    ours = {"kind": "bucket", "key": "bucket", "limit": 5, "period": bucket}
    assert [side.ask_peer("limit", **ours), takes(limiter), side.ask_peer("limit", **ours), takes(limiter)] == ["yes", True, "yes", True]
    assert side.ask_peer("limit", **ours) == "yes"
    assert side.ask_peer("limit", **ours) == "no" and not takes(limiter)
    (key,) = side.redis.keys("bucket@*")
    assert int(key.removeprefix("bucket@")) == int(time.time() * 1000) // bucket * bucket


def test_a_window_is_shared(side, backend):
    """Two seconds at least lie between what was taken and what may be taken again, whoever asks."""
    limiter = WindowRateLimiter(backend, "window", limit=3, window=60)
    ours = {"kind": "window", "key": "window", "limit": 3, "period": 60_000}
    assert side.ask_peer("limit", **ours) == "yes" and takes(limiter) and side.ask_peer("limit", **ours) == "yes"
    assert not takes(limiter) and side.ask_peer("limit", **ours) == "no"
    # As if that had been a minute ago: the counters lie under seconds that no window reaches.
    for key in side.redis.keys("window@*"):
        side.redis.rename(key, f"window@{int(key.removeprefix('window@')) - 60}")
    assert takes(limiter) and side.ask_peer("limit", **ours) == "yes"


def test_an_actor_of_ours_waits_for_python(side, backend, tmp_path):
    """While Python holds the place its attempts fail and are retried; then it takes it, and gives it back at its end."""
    theirs = Side(side.url)
    side.our_actors(tmp_path)
    limiter = ConcurrentRateLimiter(backend, "place", limit=1)
    with limiter.acquire():
        theirs.send("limited_peer", "place", on_failure="echo_peer")
        assert eventually(lambda: len(side.effects("peer")) >= 2), "an attempt and its retry"
        assert '"RateLimitExceeded"' in side.effects("peer")[0]
        assert side.redis.llen("started") == 0
    assert eventually(lambda: side.redis.llen("started") == 1)
    assert not takes(limiter)
    side.redis.set("go", 1)
    assert eventually(lambda: '["place"]' in side.effects("peer"))
    assert eventually(lambda: takes(limiter))
