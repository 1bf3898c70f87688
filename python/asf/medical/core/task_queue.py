"""Python's Dramatiq beside the C++ workers: every message has a task record, whoever runs it.

    from asf.medical.core.task_queue import configure_broker, update_progress

    broker = configure_broker()        # or: broker.add_middleware(TaskTrackingMiddleware())

The id of a task is the message's keyword argument `task_id`, else its option `task_id`, else its message id. The record goes
pending -> processing -> completed | failed, through retrying where Dramatiq retries. A task that was cancelled or deleted while
it waited is skipped. Writes of an older attempt are refused; an actor that writes its own record by `task_storage` (as the
source document's do) has the last word over the middleware.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Middleware, SkipMessage

from asf.medical import _core
from asf.medical.core.encoding import to_json
from asf.medical.core.persistent_task_storage import task_storage
from asf.medical.errors import InvalidArgument, TaskCancelled


class _Running:
    """A message in a thread's hands. `error`: how its attempt failed, until it is known whether it is tried again."""

    def __init__(self, task_id: str, message_id: str, number: int) -> None:
        self.attempt = (task_id, message_id, number)
        self.error: str | None = None
        self.cancelled = False
        self.settled = False


_thread = threading.local()


def task_id_of(message: Any) -> str:
    """The id of a message's task."""
    for found in (message.kwargs.get("task_id"), message.options.get("task_id")):
        if isinstance(found, str) and found:
            return found
    return str(message.message_id)


def update_progress(progress: float, **fields: Any) -> None:
    """From inside an actor: progress (0 to 100) and further fields of the task that this thread runs. Raises
    `TaskCancelled` when somebody cancelled or deleted it; outside of a tracked actor it does nothing."""
    running = getattr(_thread, "running", None)
    if running is None:
        return
    outcome, stop = _core.attempt_progress(running.attempt, progress, [(name, to_json(each)) for name, each in fields.items()])
    if stop or outcome == "gone":
        raise TaskCancelled(f"task {running.attempt[0]} was cancelled")


class TaskTrackingMiddleware(Middleware):
    """Keeps the records of a broker's messages. Its place among the other middleware does not matter."""

    def before_enqueue(self, broker: Any, message: Any, delay: int | None) -> None:
        if delay is not None and message.options.get("retries"):
            self._retrying(message, delay / 1000)
        else:
            queue = message.queue_name.removesuffix(".DQ")
            _core.attempt_create(task_id_of(message), message.message_id, queue, message.actor_name, [])

    def before_process_message(self, broker: Any, message: Any) -> None:
        task_id = task_id_of(message)
        self._reopen(message, task_id)
        outcome, number = _core.attempt_begin(task_id, message.message_id, message.queue_name, message.actor_name,
                                              f"{_core.host()}/python-{os.getpid()}")
        if outcome != "run":
            raise SkipMessage(f"task {task_id}: {outcome}")
        _thread.running = _Running(task_id, message.message_id, number)

    def after_process_message(self, broker: Any, message: Any, *, result: Any = None,
                              exception: BaseException | None = None) -> None:
        running = self._running(message)
        if running is None:
            return
        if exception is None:
            running.settled = True
            _core.attempt_complete(running.attempt, to_json(result))
        elif isinstance(exception, TaskCancelled):
            running.settled = True
            _core.attempt_cancelled(running.attempt, "cancelled")
        elif not running.settled:
            running.error = f"{type(exception).__name__}: {exception}"

    def after_ack(self, broker: Any, message: Any) -> None:
        self._ended(message)

    def after_nack(self, broker: Any, message: Any) -> None:
        self._ended(message)

    def _retrying(self, message: Any, seconds: float) -> None:
        """Dramatiq's Retries enqueues the message again, on the thread that ran it, before or after we hear of the failure."""
        running = self._running(message)
        if running is None or running.settled:
            return
        running.settled = True
        error = running.error or str(message.options.get("traceback", "")).strip().rsplit("\n", 1)[-1]
        _core.attempt_retry(running.attempt, error, seconds)

    def _reopen(self, message: Any, task_id: str) -> None:
        """An actor that writes its own failure, and is tried again all the same: its record is opened again."""
        if not message.options.get("retries"):
            return
        record = task_storage.get_task_status(task_id)
        if record and record["status"] == "failed" and record.get("message_id") == message.message_id:
            task_storage.update_task_progress(task_id, 0, status="retrying")

    def _ended(self, message: Any) -> None:
        running = self._running(message)
        if running is None:
            return
        del _thread.running
        if not running.settled:
            _core.attempt_fail(running.attempt, running.error or "the message was rejected")

    def _running(self, message: Any) -> _Running | None:
        running = getattr(_thread, "running", None)
        return running if running is not None and running.attempt[1] == message.message_id else None


def configure_broker(url: str | None = None, *, namespace: str | None = None, **options: Any) -> RedisBroker:
    """Makes a Redis broker with tracking the process's own. `url`: REDIS_URL; `namespace`: MEDSYNTH_NAMESPACE; further
    options go to `RedisBroker`. Connects at the first message. `InvalidArgument`: one of them is empty."""
    if "" in (url, namespace):
        raise InvalidArgument("url, namespace: must not be empty; leave out what the settings say", reason="usage")
    broker = RedisBroker(url=url or _core.redis_url(), namespace=namespace or _core.settings()["namespace_"],  # type: ignore[no-untyped-call]
                         **options)
    broker.add_middleware(TaskTrackingMiddleware())
    dramatiq.set_broker(broker)
    return broker
