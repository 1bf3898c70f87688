"""The no-op task in Celery: `python celery_side.py send|pings COUNT`, and the app for `celery -A celery_side worker`. BENCH_PORT
is Redis', BENCH_FILE takes the pick-up of each ping in microseconds."""

import os
import random
import sys
import time

from celery import Celery

app = Celery("bench", broker=f"redis://127.0.0.1:{os.environ['BENCH_PORT']}/0")
app.conf.task_ignore_result = True
app.conf.worker_prefetch_multiplier = 64


@app.task(name="noop")  # not by its module: that of a producer is __main__
def noop():
    pass


@app.task(name="ping")
def ping(at):
    with open(os.environ["BENCH_FILE"], "a") as file:
        file.write(f"{int(time.time() * 1e6) - at}\n")


if __name__ == "__main__":
    with app.producer_pool.acquire(block=True) as producer:
        for _ in range(int(sys.argv[2])):
            if sys.argv[1] == "send":
                noop.apply_async(producer=producer)
            else:
                time.sleep(random.uniform(0.05, 0.15))
                ping.apply_async((int(time.time() * 1e6),), producer=producer)
