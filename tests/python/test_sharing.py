"""Eight processes of eight threads and a C++ worker share three slots and one model lock. MEDSYNTH_SHARING_SECONDS: 5."""

import json
import os
import subprocess
import sys
import time

from asf.medical.client import Medsynth
from asf.medical.core.resource_limiter import resource_limiter
from test_server import server  # noqa: F401

SECONDS = float(os.environ.get("MEDSYNTH_SHARING_SECONDS", "5"))
PROCESS = """
import json, sys, threading, time
from asf.medical.core.resource_limiter import resource_limiter
end = time.monotonic() + float(sys.argv[1])
slots, locks = [[] for _ in range(8)], []
def work(number):
    while time.monotonic() < end or not slots[number]:
        with resource_limiter.task_slot(60):
            started = time.monotonic()
            with resource_limiter.model_lock("shared", 60):
                inside = time.monotonic()
                time.sleep(0.002)
                locks.append((inside, time.monotonic()))
            slots[number].append((started, time.monotonic()))
threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps([slots, locks]))
"""


def most_at_once(intervals):
    now = most = 0
    for _, change in sorted([(end, -1) for _, end in intervals] + [(start, 1) for start, _ in intervals]):
        now += change
        most = max(most, now)
    return most


def test_limits_hold_and_nobody_starves(server):  # noqa: F811
    client = Medsynth(server)
    processes = [subprocess.Popen([sys.executable, "-c", PROCESS, str(SECONDS)], stdout=subprocess.PIPE, text=True) for _ in range(8)]
    victim = subprocess.Popen([sys.executable, "-c", PROCESS, "600"], stdout=subprocess.DEVNULL)
    tasks = [client.detect_contradiction("Aspirin reduces stroke.", "Aspirin does not reduce stroke.") for _ in range(4)]
    highest, end = 0, time.monotonic() + SECONDS / 2
    while time.monotonic() < end:
        highest = max(highest, len(resource_limiter.get_slots()))
        time.sleep(0.005)
    victim.kill()
    victim.wait()
    slots, locks = [], []
    for process in processes:
        of_threads, of_locks = json.loads(process.communicate(timeout=150)[0])
        assert process.returncode == 0 and all(of_threads), "a thread got no slot"
        slots += [each for thread in of_threads for each in thread]
        locks += of_locks
    for task in tasks:
        assert client.wait(task.task_id, 120).status == "completed"
    assert most_at_once([tuple(each) for each in slots]) <= 3 and 1 <= highest <= 3
    assert most_at_once([tuple(each) for each in locks]) == 1
    assert resource_limiter.wait_for_resources(10) and not resource_limiter.get_slots()
