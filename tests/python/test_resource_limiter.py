"""Slots and locks: the machine's, whichever process or language holds them."""

import asyncio
import signal
import subprocess
import sys
import threading

import pytest
from asf.medical.core.resource_limiter import resource_limiter
from conftest import eventually, python

HOLD = """
import sys
from asf.medical.core.resource_limiter import resource_limiter
assert resource_limiter.acquire_task_slot(10) and resource_limiter.acquire_model_lock("held", 10)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder():
    """A process that holds one slot and the lock "held", until its input ends; gone when the test is."""
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def taken():
    return resource_limiter.get_resource_usage()["concurrent_tasks"]


def test_a_killed_holder_frees_slot_and_lock(holder):
    assert taken() == 1 and not resource_limiter.acquire_model_lock("held", timeout=0)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert resource_limiter.acquire_model_lock("held", timeout=10)
    resource_limiter.release_model_lock("held")
    assert taken() == 0


def test_slots_are_re_entrant_and_end_with_their_block():
    with resource_limiter.task_slot(1), resource_limiter.task_slot(1):
        assert taken() == 1
        assert resource_limiter.can_start_task()[0]
    assert taken() == 0


def test_no_more_than_the_limit_and_a_clear_timeout():
    release, ready = threading.Event(), threading.Barrier(4)

    def hold():
        with resource_limiter.task_slot(10):
            ready.wait(30)
            release.wait(30)

    threads = [threading.Thread(target=hold) for _ in range(3)]
    for thread in threads:
        thread.start()
    ready.wait(30)
    assert not resource_limiter.can_start_task()[0]
    with pytest.raises(TimeoutError, match="3 of 3 slots"), resource_limiter.task_slot(0.05):
        pass
    release.set()
    for thread in threads:
        thread.join()
    assert resource_limiter.wait_for_resources(10)


def test_a_decorator_for_functions_and_coroutines():
    @resource_limiter.limited(model="decorated", timeout=10)
    def count(extra):
        return taken() + extra

    @resource_limiter.limited(timeout=10)
    async def count_async():
        return taken()

    assert count(1) == 2 and asyncio.run(count_async()) == 1 and taken() == 0


def test_coroutines_share_a_thread_but_no_slot():
    most = 0

    async def one():
        nonlocal most
        async with resource_limiter.aio.task_slot(30):
            most = max(most, taken())
            await asyncio.sleep(0)

    async def all_of_them():
        await asyncio.gather(*[one() for _ in range(20)])

    asyncio.run(all_of_them())
    assert 1 <= most <= 3 and taken() == 0


def test_a_forked_child_holds_nothing_of_its_parent():
    source = """
import os
from asf.medical.core.resource_limiter import resource_limiter as limiter
assert limiter.acquire_task_slot(10) and limiter.acquire_model_lock("forked", 10)
child = os.fork()
if child == 0:
    assert not limiter.acquire_model_lock("forked", 0)
    assert limiter.get_resource_usage()["concurrent_tasks"] == 1
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert limiter.get_resource_usage()["concurrent_tasks"] == 1
"""
    done = python(source)
    assert done.returncode == 0, done.stderr


def test_ctrl_c_ends_a_wait(holder):
    # As at a terminal: a job in the background starts with the signal ignored.
    source = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from asf.medical.core.resource_limiter import resource_limiter
print("waiting", flush=True)
resource_limiter.acquire_model_lock("held", timeout=600)
"""
    waiting = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert waiting.stdout.readline() == "waiting\n"
    waiting.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in waiting.communicate(timeout=30)[1]
    holder.communicate("")
    eventually(lambda: taken() == 0, "the slot is free")


def test_the_interpreter_ends_while_daemon_threads_wait(holder):
    source = """
import threading
from asf.medical.core.resource_limiter import resource_limiter
started = threading.Barrier(65)
def wait():
    started.wait()
    resource_limiter.acquire_model_lock("held", timeout=600)
for _ in range(64):
    threading.Thread(target=wait, daemon=True).start()
started.wait()
"""
    for _ in range(10):  # it aborted in four of ten when threads asked for the GIL of an interpreter that ended
        done = python(source)
        assert done.returncode == 0 and done.stderr == "", done.stderr
