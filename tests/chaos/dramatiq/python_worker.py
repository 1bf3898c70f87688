"""A Dramatiq worker process of the chaos test: `python python_worker.py REDIS_URL`, until it is killed."""

import sys
import threading
import time

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

HEARTBEAT_TIMEOUT_MS = 4_000


def make_broker(url):
    # Maintenance at every command and not once in a thousand: a kill a second is not what the lottery is made for.
    broker = RedisBroker(url=url, heartbeat_timeout=HEARTBEAT_TIMEOUT_MS, maintenance_chance=1_000_000)
    client = redis.Redis.from_url(url)

    def echo_peer(number):
        # Not by raising: Dramatiq acknowledges a message whose retry it cannot enqueue, and Redis may be away.
        while True:
            try:
                client.rpush("effects:peer", f"[{number}]")
                return
            except redis.RedisError:
                time.sleep(0.05)

    dramatiq.actor(echo_peer, queue_name="chaos", broker=broker, min_backoff=100, max_backoff=1_000, max_retries=None)
    return broker


def main():
    worker = dramatiq.Worker(make_broker(sys.argv[1]), worker_threads=4, worker_timeout=50)
    worker.start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
