"""A process that forks, that ends, that uses threads and an event loop: with everything of the package in use."""

import pytest
from conftest import python

# Every part works: a connection, a slot, a lock, events, an object in the cache, the reporter, the engine.
EVERYTHING = """
import asyncio, os, sys, threading
from asf.medical.core.observability import push_metrics, trace_ml_operation
from asf.medical.core.persistent_task_storage import task_storage
from asf.medical.core.resource_limiter import resource_limiter
from asf.medical.ml.model_cache import model_cache
from asf.medical.ml.models.biomedlm import BioMedLMService

def everything(name):
    with resource_limiter.task_slot(60), resource_limiter.model_lock("everything", 60), trace_ml_operation("m", "o"):
        task_storage.set_task_status(name, {"status": "processing"})
        assert task_storage.update_task_progress(name, 50)
        assert model_cache.get_or_create("kept", lambda: [1]) == [1]
        assert BioMedLMService().detect_contradiction("A reduces b.", "A reduces b.", use_all_methods=False)["verdict"]
    push_metrics()

def events():
    for _ in task_storage.events():
        pass

async def everything_async(name):
    await task_storage.aio.set_task_status(name, {"status": "processing"})
    async with resource_limiter.aio.task_slot(60, "everything of coroutines"):
        return await task_storage.aio.update_task_progress(name, 1)
"""


def test_forked_children_use_everything_and_end():
    source = EVERYTHING + """
threading.Thread(target=events, daemon=True).start()
everything("parent")
busy = [threading.Thread(target=lambda: [everything("parent") for _ in range(20)], daemon=True) for _ in range(4)]
[each.start() for each in busy]
children = []
for number in range(8):
    child = os.fork()
    if child == 0:
        everything(f"child-{number}")
        asyncio.run(everything_async(f"child-{number}"))
        sys.exit(0)
    children.append(child)
assert [os.waitpid(each, 0)[1] for each in children] == [0] * 8
[each.join() for each in busy]
everything("parent")
"""
    # Since 3.12 Python itself warns of a fork beside threads.
    done = python(source, seconds=120, PYTHONWARNINGS="ignore::DeprecationWarning")
    assert done.returncode == 0 and done.stderr == "", done.stderr


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "raise KeyboardInterrupt"])
def test_an_interpreter_ends_in_the_middle_of_everything(end):
    source = EVERYTHING + """
threading.Thread(target=events, daemon=True).start()
everything("ending")
for number in range(8):
    threading.Thread(target=lambda: [everything("ending") for _ in range(10**9)], daemon=True).start()
held = resource_limiter.acquire_model_lock("held by the one that ends", 60)
""" + end
    done = python(source)
    assert done.returncode == (-2 if "Keyboard" in end else 0), done.stderr
    assert "Fatal" not in done.stderr and ("Keyboard" in end or done.stderr == ""), done.stderr


def test_threads_and_event_loops_share_everything():
    source = EVERYTHING + """
failed = []
def loop(number):
    try:
        asyncio.run(everything_async(f"loop-{number}"))
        everything(f"loop-{number}")
    except BaseException as error:
        failed.append(error)
threads = [threading.Thread(target=loop, args=(number,)) for number in range(16)]
[each.start() for each in threads]
[each.join() for each in threads]
assert not failed, failed
"""
    done = python(source, seconds=120)
    assert done.returncode == 0 and done.stderr == "", done.stderr
