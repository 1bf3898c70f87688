"""The no-op actor in Dramatiq: `python dramatiq_side.py send|pings COUNT`, and the module for the command dramatiq. BENCH_PORT is
Redis', BENCH_FILE takes the pick-up of each ping in microseconds."""

import os
import random
import sys
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(url=f"redis://127.0.0.1:{os.environ['BENCH_PORT']}/0"))


@dramatiq.actor
def noop():
    pass


@dramatiq.actor
def ping(at):
    with open(os.environ["BENCH_FILE"], "a") as file:
        file.write(f"{int(time.time() * 1e6) - at}\n")


if __name__ == "__main__":
    for _ in range(int(sys.argv[2])):
        if sys.argv[1] == "send":
            noop.send()
        else:
            time.sleep(random.uniform(0.05, 0.15))
            ping.send(int(time.time() * 1e6))
