"""Python's side of the tests with the product's worker (dramatiq_actors): actors of both sides, each with its own queue, and
the middleware that people add. As a program a worker on the queue "theirs", until SIGTERM; prints "ready".

    python python_actors.py REDIS_URL [readable]
"""

import json
import sys

import dramatiq
import python_side
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import GroupCallbacks
from dramatiq.rate_limits.backends import RedisBackend as RateLimits
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend
from dramatiq_abort import Abortable
from dramatiq_abort.backends import RedisBackend as Aborts

OURS = ("echo_peer", "brief_peer", "flaky_peer", "fail_peer", "add_peer", "slow_peer", "stubborn_peer", "limited_peer")


class Side:
    """A broker, and on it `actors` by name: those of ours, which only C++ runs, and `note`, `total`, `boo`, which only Python does."""

    def __init__(self, url, readable=False, client=None):
        self.client = client or redis.Redis.from_url(url)
        self.broker = RedisBroker(client=self.client)
        self.abortable = Abortable(backend=Aborts(client=self.client))
        self.broker.add_middleware(Results(backend=RedisBackend(client=self.client, use_namespace_prefix_keys=readable)))
        self.broker.add_middleware(GroupCallbacks(RateLimits(client=self.client)))
        self.broker.add_middleware(self.abortable)
        dramatiq.set_broker(self.broker)  # pipelines and results look for it there

        def ours(*_):
            raise AssertionError("C++ runs this")

        def note(*args):
            self.client.rpush("effects:python", json.dumps(list(args), separators=(",", ":")))

        def total(*numbers):
            return sum(numbers)

        def boo(*_):
            raise ValueError("boo")

        functions = [(name, ours, "ours") for name in OURS] + [(f.__name__, f, "theirs") for f in (note, total, boo)]
        self.actors = {
            name: dramatiq.actor(function, actor_name=name, queue_name=queue, broker=self.broker)
            for name, function, queue in functions
        }

    def message(self, actor, *args, **options):
        """Its options are its own: those of an actor in Python are not known to C++."""
        return self.actors[actor].message_with_options(args=args, **{"min_backoff": 50, "max_backoff": 100, **options})

    def send(self, actor, *args, delay=None, **options):
        return self.broker.enqueue(self.message(actor, *args, **options), delay=delay)


if __name__ == "__main__":
    python_side.work(Side(sys.argv[1], "readable" in sys.argv).broker, "theirs")
