"""Eight processes of eight threads and a C++ worker share three slots and one model's lock, and one holder is killed.

MEDSYNTH_SHARING_SECONDS: how long, 5; the figure that is promised is 30."""

import datetime
import json
import os
import signal
import threading
import time

from asf.medical.client import Medsynth
from conftest import HOLD, eventually, start

SECONDS = float(os.environ.get("MEDSYNTH_SHARING_SECONDS", "5"))
PROCESS = """
import json, sys, threading, time
from asf.medical.core.resource_limiter import resource_limiter
lock, seconds = sys.argv[1], float(sys.argv[2])
resource_limiter.can_start_task()
print("ready", flush=True)
sys.stdin.readline()
end = time.monotonic() + seconds
slots, locks, failed = [[] for _ in range(8)], [], []
def work(number):
    try:
        share(number)
    except Exception as error:
        failed.append(str(error))
def share(number):
    while time.monotonic() < end:
        with resource_limiter.task_slot(30):
            started = time.time()
            with resource_limiter.model_lock(lock, 30):
                inside = time.time()
                time.sleep(0.002)
                locks.append((inside, time.time()))
            slots[number].append((started, time.time()))
threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps([slots, locks, failed]))
"""
CLAIMS = ("Aspirin reduces the risk of stroke.", "Aspirin does not reduce the risk of stroke.")


def most_at_once(intervals):
    now = most = 0
    for _, change in sorted([(end, -1) for _, end in intervals] + [(begin, 1) for begin, _ in intervals]):
        now += change
        most = max(most, now)
    return most


def of_worker(task):
    """When the worker had its slot and the model at least. The record's times are Redis', which it knows to within milliseconds."""
    unsure = 0.01
    end = datetime.datetime.fromisoformat(task.completed_at.replace("Z", "+00:00")).timestamp()
    return end - task.result["duration"] + min(unsure, task.result["duration"] / 2), end - min(unsure, task.result["duration"] / 2)


class Feeder(threading.Thread):
    """Keeps four tasks in the worker's queue."""

    def __init__(self, client):
        super().__init__()
        self.client = client
        self.ending = threading.Event()
        self.done = []

    def run(self):
        waiting = [self.client.detect_contradiction(*CLAIMS) for _ in range(4)]
        while waiting:
            task = self.client.wait(waiting.pop(0).task_id, 120)
            self.done.append(task)
            if not self.ending.is_set():
                waiting.append(self.client.detect_contradiction(*CLAIMS))


def test_limits_hold_and_nobody_starves(server):
    client = Medsynth(server)
    model = client.detect_contradiction(*CLAIMS, wait=True, timeout=120).raw["model"]
    lock = model["id"] if model else "no-model-is-installed"
    processes = [start(PROCESS, lock, str(SECONDS)) for _ in range(8)]
    holder = start(HOLD, lock)
    assert holder.stdout.readline() == "held\n"
    held = time.time()
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    feeder = Feeder(client)
    feeder.start()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    eventually(lambda: client.usage()["concurrent_tasks"] == 3, "all slots are taken")
    killed = time.time()
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    answers = [json.loads(process.communicate(timeout=SECONDS + 120)[0]) for process in processes]
    ended = time.time()
    feeder.ending.set()
    feeder.join()
    failed = sum((each[2] for each in answers), [])
    assert not failed, f"{len(failed)} threads starved: {failed[0]}"
    threads = [thread for slots, *_ in answers for thread in slots]
    slots, locks = sum(threads, []), [tuple(each) for _, locks, _ in answers for each in locks]
    worker = [of_worker(task) for task in feeder.done]
    meanwhile = [each for each in worker if killed < each[0] and each[1] < ended]

    assert most_at_once([tuple(each) for each in slots] + worker) <= 3
    assert most_at_once(locks + (worker if model else [])) == 1
    assert all(begin > killed for begin, _ in locks) and held < killed, "the killed one's lock was not its own"
    fewest, mean = min(map(len, threads)), len(slots) / len(threads)
    assert fewest >= mean / 4, f"a thread got {fewest} slots where {mean:.0f} were its share"
    assert meanwhile, "the worker starved"
    eventually(lambda: client.usage()["concurrent_tasks"] == 0, "all slots are free")
    print(f"{len(slots)} slots of threads ({fewest} at least, {mean:.0f} on average), {len(meanwhile)} of the worker, model {lock}")
