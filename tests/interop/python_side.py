"""Python's side of the interoperability tests: real Dramatiq actors, and a real Dramatiq worker when run as a program.

    python python_side.py REDIS_URL HEARTBEAT_TIMEOUT_MS QUEUE     until SIGTERM; prints "ready"
"""

import json
import signal
import sys
import threading

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

QUEUES = ("for_peer", "for_python", "mixed")


def make_broker(url, heartbeat_timeout=60_000):
    """A broker that knows the actors of both sides. Maintenance happens at every command, not once in a thousand."""
    broker = RedisBroker(url=url, heartbeat_timeout=heartbeat_timeout, maintenance_chance=1_000_000)
    client = redis.Redis.from_url(url)

    def note(name, args):
        client.rpush(name, json.dumps(list(args), separators=(",", ":")))

    def echo(*args):
        note("effects:python", args)

    def flaky(*args):
        if client.incr(f"attempts:{json.dumps(args)}") == 1:
            raise RuntimeError("failed once")
        note("effects:python", args)

    def slow(*args):
        note("started", args)
        threading.Event().wait()

    for function in (echo, flaky, slow):
        dramatiq.actor(
            function,
            actor_name=f"{function.__name__}_peer",
            queue_name="mixed",
            broker=broker,
            min_backoff=100,
            max_backoff=200,
        )
    for queue in QUEUES:
        broker.declare_queue(queue)
    return broker


def send(broker, queue, actor, *args, delay=None, **options):
    """Enqueues as a Python producer would."""
    message = broker.get_actor(actor).message_with_options(args=args, **options)
    return broker.enqueue(message.copy(queue_name=queue), delay=delay)


def work(broker, queue):
    """A worker of that queue until SIGTERM; prints "ready"."""
    worker = dramatiq.Worker(broker, queues={queue}, worker_threads=4, worker_timeout=50)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    worker.start()
    print("ready", flush=True)
    while not stop.wait(0.1):
        pass
    worker.stop(timeout=5000)


if __name__ == "__main__":
    work(make_broker(sys.argv[1], int(sys.argv[2])), sys.argv[3])
