"""The record of every task, in the Redis that `medsynth serve`, its workers and other Python processes share.

    from asf.medical.core.persistent_task_storage import task_storage

    task_storage.set_task_status("task-123", {"status": "processing", "progress": 0})
    task_storage.update_task_progress("task-123", 50, processed_items=10)
    task_storage.complete_task("task-123", {"result": "success"})

REDIS_URL, TASK_STORAGE_PREFIX and TASK_STORAGE_TTL say where and for how long. The first call connects, an import does not.
Each change is one atomic script of the C++ core: record, indexes, expiry, event. Thread safe; a forked child connects anew.

Every call may raise `Unavailable` (Redis cannot be reached; the message names the URL without its password), `InvalidArgument`
(a task id is 1 to 200 bytes of UTF-8 without control characters; a field that is wrong is named) and `Conflict` (the key holds
something that is no task). The calls here carry no attempt number and are not fenced: `set_task_status` replaces the record
whatever its status. Values may be anything that JSON knows, and what `asf.medical.core.encoding` says.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from asf.medical import _core
from asf.medical.core.encoding import to_json

_PAGE = 1000
_SLICE = 0.1  # seconds: how long a wait for events may hold up Ctrl-C


def _fields(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(name), to_json(value)) for name, value in values.items()]


class PersistentTaskStorage:
    """Task records. One object serves the whole process: `task_storage`. `aio` has the same calls for coroutines."""

    def __init__(self) -> None:
        self.aio = AsyncTaskStorage(self)

    def set_task_status(self, task_id: str, status: Mapping[str, Any]) -> None:
        """Replaces the record by these fields (created_at, message_id, queue and actor stay). `status` is one of pending
        (when absent), processing, retrying, completed, failed, cancelled; `progress` 0 to 100; others are kept as they are."""
        _core.task_set(task_id, _fields(status))

    def update_task_progress(self, task_id: str, progress: float, **fields: Any) -> bool:
        """Writes progress (0 to 100; what is outside becomes the nearest) and further fields. False: there is no such task."""
        return _core.task_progress(task_id, progress, _fields(fields) if fields else [])

    def complete_task(self, task_id: str, result: Any) -> None:
        """Status completed, progress 100, and the result; makes the record when there is none."""
        _core.task_complete(task_id, to_json(result))

    def fail_task(self, task_id: str, error: object) -> None:
        """Status failed, and the error as text; makes the record when there is none."""
        _core.task_fail(task_id, str(error))

    def get_task_status(self, task_id: str) -> dict[str, Any] | None:
        """The record as `GET /v1/tasks/{task_id}` gives it; None when there is none."""
        text = _core.task_get(task_id)
        return None if text is None else json.loads(text)

    def delete_task_status(self, task_id: str) -> bool:
        """Deletes the record; one that waits in a queue or runs is stopped. False: there was none."""
        return _core.task_delete(task_id)

    def list_tasks(self, status: str | None = None, limit: int = 100, offset: int = 0) -> list[dict[str, Any]]:
        """Records, newest first. A result above 64 KiB is None, with `result_bytes`."""
        found: list[dict[str, Any]] = []
        cursor: str | None = ""
        while len(found) < limit and cursor is not None:
            text, cursor = _core.task_list(status, min(limit - len(found), _PAGE), offset, cursor)
            found += json.loads(text)
        return found

    def cleanup_old_tasks(self, max_age: float = 86400 * 7) -> int:
        """Deletes what was last updated more than `max_age` seconds ago, waiting and running ones too; how many that were.
        `max_age` is 0 (all) or more; NaN and what is negative are `InvalidArgument`."""
        return _core.task_delete_many(None, float(max_age))

    def cancel_task(self, task_id: str) -> str:
        """"cancelled": it waited and has ended; "requested": it runs and was asked to stop; "ended": too late; "absent"."""
        return _core.task_cancel(task_id)

    def events(self, task_id: str | None = None, timeout: float | None = None) -> Iterator[dict[str, Any]]:
        """What happens to tasks from the first `next()` on, of one task or of all:
        {"task_id", "status", "progress", "attempt"}; a deleted one has the status "deleted". Ends when nothing came for
        `timeout` seconds (None: never). A reader that falls 10,000 events behind loses the oldest."""
        stream = _core.Events()
        try:
            end = _deadline(timeout)
            while (left := end - time.monotonic()) > 0:
                event = _event_of(stream.next(min(left, _SLICE)), task_id)
                if event is not None:
                    yield event
                    end = _deadline(timeout)
        finally:
            stream.close()


class AsyncTaskStorage:
    """The same for coroutines: the waiting is done by threads of the event loop's executor."""

    def __init__(self, storage: PersistentTaskStorage) -> None:
        self._sync = storage

    async def set_task_status(self, task_id: str, status: Mapping[str, Any]) -> None:
        await asyncio.to_thread(self._sync.set_task_status, task_id, status)

    async def update_task_progress(self, task_id: str, progress: float, **fields: Any) -> bool:
        return await asyncio.to_thread(self._sync.update_task_progress, task_id, progress, **fields)

    async def complete_task(self, task_id: str, result: Any) -> None:
        await asyncio.to_thread(self._sync.complete_task, task_id, result)

    async def fail_task(self, task_id: str, error: object) -> None:
        await asyncio.to_thread(self._sync.fail_task, task_id, error)

    async def get_task_status(self, task_id: str) -> dict[str, Any] | None:
        return await asyncio.to_thread(self._sync.get_task_status, task_id)

    async def delete_task_status(self, task_id: str) -> bool:
        return await asyncio.to_thread(self._sync.delete_task_status, task_id)

    async def list_tasks(self, status: str | None = None, limit: int = 100, offset: int = 0) -> list[dict[str, Any]]:
        return await asyncio.to_thread(self._sync.list_tasks, status, limit, offset)

    async def cleanup_old_tasks(self, max_age: float = 86400 * 7) -> int:
        return await asyncio.to_thread(self._sync.cleanup_old_tasks, max_age)

    async def cancel_task(self, task_id: str) -> str:
        return await asyncio.to_thread(self._sync.cancel_task, task_id)

    async def events(self, task_id: str | None = None, timeout: float | None = None) -> AsyncIterator[dict[str, Any]]:
        stream = await asyncio.to_thread(_core.Events)
        try:
            end = _deadline(timeout)
            while (left := end - time.monotonic()) > 0:
                event = _event_of(await asyncio.to_thread(stream.next, min(left, _SLICE)), task_id)
                if event is not None:
                    yield event
                    end = _deadline(timeout)
        finally:
            stream.close()


def _event_of(text: str | None, task_id: str | None) -> dict[str, Any] | None:
    """What the stream said, when it is about that task (None: any)."""
    event = None if text is None else json.loads(text)
    return event if event is not None and task_id in (None, event["task_id"]) else None


def _deadline(timeout: float | None) -> float:
    return float("inf") if timeout is None else time.monotonic() + timeout


task_storage = PersistentTaskStorage()
