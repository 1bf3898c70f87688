"""Records: what goes in comes out, what is wrong is named."""

import asyncio
import datetime
import enum
import threading

import numpy
import pytest
from asf.medical.core.persistent_task_storage import task_storage
from asf.medical.errors import InvalidArgument, Unavailable
from conftest import python


class Color(enum.Enum):
    RED = "red"


class Scalar:
    """As NumPy's scalars and arrays say it."""

    def tolist(self):
        return [1, 2.5]


def test_values_of_many_types_are_kept():
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    task_storage.complete_task("values", {"array": Scalar(), "when": moment, "color": Color.RED, "nan": float("nan"), "big": 2**80,
                                          "set": {1}, 3: "key", Color.RED: 1, "text": "ü\U0001f600"})
    result = task_storage.get_task_status("values")["result"]
    assert result == {"array": [1, 2.5], "when": "2026-01-02T03:04:05.000000Z", "color": "red", "nan": None, "big": 2**80, "set": [1],
                      "3": "key", "red": 1, "text": "ü\U0001f600"}


def test_a_value_that_json_cannot_say_is_refused():
    with pytest.raises(TypeError, match="object"):
        task_storage.complete_task("bad", object())
    assert task_storage.get_task_status("bad") is None


@pytest.mark.parametrize(("call", "pointer"), [
    (lambda: task_storage.set_task_status("x", {"status": "done"}), "/status"),
    (lambda: task_storage.set_task_status("x", {"progress": 101}), "/progress"),
    (lambda: task_storage.list_tasks(status="done"), "/status")])
def test_wrong_fields_are_named(call, pointer):
    with pytest.raises(InvalidArgument) as caught:
        call()
    assert [fault[0] for fault in caught.value.faults] == [pointer]


@pytest.mark.parametrize("task_id", ["", "a\nb", "x" * 201])
def test_wrong_ids_are_refused(task_id):
    with pytest.raises(ValueError):
        task_storage.get_task_status(task_id)


def test_lists_deletions_and_what_is_not_there():
    for number in range(5):
        task_storage.set_task_status(f"list-{number}", {"status": "processing"})
    newest = [task["task_id"] for task in task_storage.list_tasks("processing", limit=3)]
    assert newest == ["list-4", "list-3", "list-2"]
    assert [task["task_id"] for task in task_storage.list_tasks("processing", limit=2, offset=3)] == ["list-1", "list-0"]
    assert task_storage.delete_task_status("list-0") is True and task_storage.delete_task_status("list-0") is False
    assert task_storage.update_task_progress("list-0", 5) is False
    assert task_storage.cleanup_old_tasks(max_age=3600) == 0
    assert task_storage.cancel_task("nobody") == "absent"


def test_events_tell_what_happens():
    seen = []
    listening = threading.Event()

    def listen():
        stream = task_storage.events("watched", timeout=30)
        for event in stream:
            seen.append(event["status"])
            listening.set()
            if event["status"] == "completed":
                return

    thread = threading.Thread(target=listen)
    thread.start()
    while not listening.is_set():
        task_storage.set_task_status("watched", {"status": "processing"})
        listening.wait(0.05)
    task_storage.complete_task("watched", 1)
    thread.join(30)
    assert seen[0] == "processing" and seen[-1] == "completed"


def test_coroutines_have_the_same_calls():
    async def use():
        await task_storage.aio.set_task_status("aio", {"status": "processing"})
        await asyncio.gather(*[task_storage.aio.update_task_progress("aio", each) for each in range(20)])
        await task_storage.aio.complete_task("aio", 1)
        return await task_storage.aio.get_task_status("aio")

    assert asyncio.run(use())["status"] == "completed"


def test_an_import_connects_to_nothing_and_an_error_hides_the_password():
    source = """
from asf.medical.core.persistent_task_storage import task_storage
from asf.medical.core.task_queue import configure_broker
try:
    task_storage.get_task_status("a")
except ConnectionError as error:
    print(type(error).__name__, error)
"""
    done = python(source, REDIS_URL="redis://user:secret@127.0.0.1:1/0")
    assert done.returncode == 0, done.stderr
    assert Unavailable.__name__ in done.stdout and "127.0.0.1:1" in done.stdout and "secret" not in done.stdout + done.stderr


def test_a_forked_child_has_a_connection_of_its_own():
    source = """
import os
from asf.medical.core.persistent_task_storage import task_storage
task_storage.set_task_status("forked", {"status": "processing"})
for number in range(3):
    if os.fork() == 0:
        task_storage.update_task_progress("forked", number, **{f"child{number}": True})
        raise SystemExit(0)
assert [os.wait()[1] for _ in range(3)] == [0, 0, 0]
record = task_storage.get_task_status("forked")
assert all(record[f"child{number}"] for number in range(3))
"""
    done = python(source)
    assert done.returncode == 0, done.stderr


def test_numpy_values_are_kept():
    task_storage.complete_task("numpy", {"scalar": numpy.float32(0.5), "count": numpy.int64(2**53 + 1), "flag": numpy.bool_(True),
                                         "array": numpy.array([[1, 2], [3, 4]]), "nan": numpy.array([1.0, numpy.nan]),
                                         "when": numpy.datetime64("2026-01-02T03:04:05"),
                                         "times": numpy.array(["2026-01-02T03:04:05.000006", "NaT"], "datetime64[ns]"),
                                         "took": numpy.timedelta64(1500, "ms"), numpy.int64(3): 1, numpy.str_("key"): numpy.str_("text")})
    assert task_storage.get_task_status("numpy")["result"] == {
        "scalar": 0.5, "count": 2**53 + 1, "flag": True, "array": [[1, 2], [3, 4]], "nan": [1.0, None],
        "when": "2026-01-02T03:04:05.000000Z", "times": ["2026-01-02T03:04:05.000006Z", None], "took": 1.5, "3": 1, "key": "text"}
