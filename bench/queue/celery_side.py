"""The no-op task in Celery: `python celery_side.py PORT send COUNT`, and the app for `celery -A celery_side worker`."""

import os
import sys

from celery import Celery

app = Celery("bench", broker=f"redis://127.0.0.1:{os.environ.get('BENCH_PORT') or sys.argv[1]}/0")
app.conf.task_ignore_result = True
app.conf.worker_prefetch_multiplier = 64


@app.task
def noop():
    pass


if __name__ == "__main__":
    with app.producer_pool.acquire(block=True) as producer:
        for _ in range(int(sys.argv[3])):
            noop.apply_async(producer=producer)
