"""The same no-op actor for Dramatiq, and a producer: `python python_side.py URL send|pings COUNT`."""

import os
import random
import sys
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker

URL = os.environ.get("BENCH_REDIS_URL") or sys.argv[1]
broker = RedisBroker(url=URL)
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name="python")
def noop():
    pass


@dramatiq.actor(queue_name="bench")
def ping(at):
    pass


if __name__ == "__main__":
    what, count = sys.argv[2], int(sys.argv[3])
    pauses = random.Random(1)
    for _ in range(count):
        if what == "send":
            noop.send()
        else:
            time.sleep(pauses.uniform(0.05, 0.15))
            ping.send(int(time.time() * 1e6))
