"""Every message of a Python broker has a record that tells the truth, whatever becomes of it."""

import threading
import time
import types

import dramatiq
import pytest
from asf.medical.core.persistent_task_storage import task_storage
from asf.medical.core.resource_limiter import resource_limiter
from asf.medical.core.task_queue import configure_broker, update_progress
from conftest import eventually


@pytest.fixture(scope="module")
def actors():
    broker = configure_broker()

    @dramatiq.actor(queue_name="tracked", max_retries=1, min_backoff=10, max_backoff=20)
    def fails(task_id=None, times=1):
        update_progress(40, stage="trying")
        if task_storage.get_task_status(task_id)["attempt"] <= times:
            raise RuntimeError("not today")
        return {"done": True}

    @dramatiq.actor(queue_name="tracked", max_retries=0, time_limit=100)
    def waits(task_id=None):
        with resource_limiter.model_lock("held", 600):
            pass

    broker.emit_after("process_boot")  # as the command does: it starts the time limit's clock
    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=50)
    worker.start()
    yield types.SimpleNamespace(fails=fails, waits=waits, worker=worker)
    worker.stop()
    broker.close()


def ended(task_id):
    def look():
        record = task_storage.get_task_status(task_id)
        return record if record["status"] in ("completed", "failed", "cancelled") else None
    return eventually(look, f"{task_id} ends")


def test_a_record_follows_its_message(actors):
    message = actors.fails.send(task_id="tracked-1", times=0)
    record = ended("tracked-1")
    assert record["status"] == "completed" and record["result"] == {"done": True} and record["progress"] == 100
    assert (record["message_id"], record["queue"], record["actor"]) == (message.message_id, "tracked", "fails")
    assert record["stage"] == "trying" and record["attempt"] == 1


def test_a_failed_attempt_is_retried_in_the_record_too(actors):
    seen = []

    def listen():
        for event in task_storage.events(timeout=60):
            if not seen or seen[-1] != event["status"]:
                seen.append(event["status"])
            if (event["task_id"], event["status"]) == ("tracked-2", "completed"):
                return

    listening = threading.Thread(target=listen)
    listening.start()
    while not seen:
        task_storage.set_task_status("heard", {"status": "cancelled"})
        time.sleep(0.02)
    actors.fails.send(task_id="tracked-2", times=1)
    listening.join(60)
    assert seen == ["cancelled", "pending", "processing", "retrying", "processing", "completed"]
    assert task_storage.get_task_status("tracked-2")["attempt"] == 2


def test_the_last_failure_is_the_record_s(actors):
    actors.fails.send(task_id="tracked-3", times=9)
    record = ended("tracked-3")
    assert record["status"] == "failed" and record["error"] == "RuntimeError: not today" and record["attempt"] == 2


def test_a_time_limit_ends_a_wait_for_a_lock(actors, holder):
    actors.waits.send(task_id="tracked-6")
    record = ended("tracked-6")
    assert record["status"] == "failed" and record["error"].startswith("TimeLimitExceeded"), record


def test_a_cancelled_message_is_not_run(actors):
    actors.worker.pause()
    try:
        actors.fails.send(task_id="tracked-4", times=0)
        assert task_storage.get_task_status("tracked-4")["status"] == "pending"
        assert task_storage.cancel_task("tracked-4") == "cancelled"
    finally:
        actors.worker.resume()
    actors.fails.send(task_id="tracked-5", times=0)
    ended("tracked-5")
    record = task_storage.get_task_status("tracked-4")
    assert record["status"] == "cancelled" and record["result"] is None
