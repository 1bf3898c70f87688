"""What the Python package costs: figures of one run, and the ratio to redis-py doing the very same write (same script, same
arguments, one round trip: fields, TTL, index, event). Needs the installed package and a Redis of its own at REDIS_URL: `run` has both.
"""

import os
import statistics
import threading
import time
import timeit

os.environ.update({"MAX_CPU_PERCENT": "100", "MAX_MEMORY_PERCENT": "100"})  # a busy machine closes no gate

import redis
from asf.medical.core.persistent_task_storage import task_storage
from asf.medical.core.resource_limiter import resource_limiter
from asf.medical.ml.model_cache import model_cache

WRITES, ROUNDS = 4000, 5


def best(function, number):
    return min(timeit.repeat(function, number=number, repeat=7)) / number


def slot():
    resource_limiter.acquire_task_slot(1)
    resource_limiter.release_task_slot()


def throughput(write, threads):
    """Writes per second of so many threads together."""
    together = threading.Barrier(threads + 1)

    def many():
        together.wait()
        for _ in range(WRITES // threads):
            write()
        together.wait()

    for _ in range(threads):
        threading.Thread(target=many).start()
    together.wait()
    started = time.perf_counter()
    together.wait()
    return WRITES / (time.perf_counter() - started)


def by_redis_py(client, write):
    """What a write sends, as Redis saw it, said by redis-py."""
    client.response_callbacks.pop("SLOWLOG GET")  # it would join the words
    name = "slowlog-log-slower-than"
    before = client.config_get(name)[name]
    client.config_set(name, 0)
    write()
    client.config_set(name, before)
    said = [words for _, _, _, words, *_ in client.slowlog_get(20)]
    sha, keys, *arguments = next(words for words in said if words[0] == b"EVALSHA")[1:]
    return lambda: client.evalsha(sha, int(keys), *arguments)


def row(what, figure, target, against=""):
    print(f"| {what} | {figure} | {target} | {against} |")


def main():
    print("| what | figure | target | beside |\n|---|---|---|---|")
    model_cache.put("bench", object())
    row("cached `model_cache.get`", f"{best(lambda: model_cache.get('bench'), 20000) * 1e9:.0f} ns", "≤ 300 ns")
    row("`acquire_task_slot` and release, nobody else there", f"{best(slot, 1000) * 1e6:.2f} µs", "≤ 3 µs")
    with resource_limiter.task_slot(1):
        row("the binding's part of these: one is held already", f"{best(slot, 20000) * 1e6:.2f} µs", "")

    task_storage.set_task_status("bench", {"status": "processing"})
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    ours = lambda: task_storage.update_task_progress("bench", 50)  # noqa: E731
    theirs = by_redis_py(client, ours)
    for threads in (1, 8):
        pairs = [(throughput(ours, threads), throughput(theirs, threads)) for _ in range(ROUNDS)]
        mine, other = (statistics.median(each) for each in zip(*pairs))
        row(f"`update_task_progress`, {threads} thread{'s' if threads > 1 else ''}", f"{mine / other:.2f} ×", "≥ 3",
            f"{mine:,.0f}/s; the same write by redis-py {other:,.0f}/s")


if __name__ == "__main__":
    main()
