"""A Dramatiq worker process of the chaos tests: `python python_worker.py REDIS_URL`, until it is killed."""

import itertools
import os
import sys
import threading
import time

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

# Of Python's processes, not ours: longer than the 5 s between the heartbeats of ours, whose leases it may take.
HEARTBEAT_TIMEOUT_MS = 20_000


def make_broker(url):
    # Maintenance at every command and not once in a thousand: a kill a second is not what the lottery is made for.
    broker = RedisBroker(url=url, heartbeat_timeout=HEARTBEAT_TIMEOUT_MS, maintenance_chance=1_000_000)
    client = redis.Redis.from_url(url)
    runs = itertools.count()

    def noted_peer(number):
        # Not by raising: Dramatiq acknowledges a message whose retry it cannot enqueue, and Redis may be away. One run is one
        # text, so that an effect whose answer was lost, and that is written again, is not taken for another run.
        effect = f"[{number}] {os.getpid()}.{next(runs)}"
        while True:
            try:
                client.rpush("effects:peer", effect)
                return
            except redis.RedisError:
                time.sleep(0.05)

    dramatiq.actor(noted_peer, queue_name="chaos", broker=broker, min_backoff=100, max_backoff=1_000, max_retries=None)
    return broker


def main():
    worker = dramatiq.Worker(make_broker(sys.argv[1]), worker_threads=4, worker_timeout=50)
    worker.start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
