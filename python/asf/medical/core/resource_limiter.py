"""What this machine may be asked to do: slots, model locks, and the gates on CPU, memory and GPU.

    from asf.medical.core.resource_limiter import resource_limiter

    with resource_limiter.task_slot(timeout=300), resource_limiter.model_lock("biomedlm"):
        ...

Slots (MAX_CONCURRENT_TASKS) and model locks are the machine's: C++ workers and all Python processes share them, and one that
dies frees what it held at once. Both belong to the thread that took them and are re-entrant for it; each needs as many
releases; a thread that ends lets go. Coroutines share their thread, so they have calls of their own: `aio`.

Waits let other threads run, and keep their place in the machine's line until Ctrl-C or an exception raised from another thread
(Dramatiq's time limit) ends them. A forked child holds nothing of its parent's. Limits set through the API
(PUT /v1/resources/limits) reach this process within a second while it can reach Redis. Times are seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

from asf.medical import _core, _process
from asf.medical.errors import InvalidArgument, Timeout

Function = TypeVar("Function", bound=Callable[..., Any])

_LOOK_AGAIN = 0.01  # seconds between a waiting coroutine's looks


def _wait(attempt: Callable[..., bool | None], timeout: float, *arguments: str) -> bool:
    """Until it is got or the time is over. In between `attempt` comes back (None) only when Python has something to do on this
    thread: the handler of a signal, an exception raised from another thread."""
    end = time.monotonic() + timeout
    while (got := attempt(timeout, *arguments)) is None:
        timeout = max(0.0, end - time.monotonic())
    return got


class ResourceLimiter:
    """One object serves the whole process: `resource_limiter`."""

    def __init__(self) -> None:
        self.aio = AsyncResourceLimiter()

    def can_start_task(self) -> tuple[bool, dict[str, Any]]:
        """Whether a task could start now, and the use that says so (see get_resource_usage). Reserves nothing."""
        _process.report()
        return _core.can_start_task()

    def wait_for_resources(self, timeout: float = 300.0) -> bool:
        """Waits until a task could start; reserves nothing. False: not in time."""
        _process.report()
        return _wait(_core.wait_for_resources, timeout)

    def acquire_task_slot(self, timeout: float = 300.0) -> bool:
        """Takes one of the machine's slots for this thread. False: not in time."""
        if _process._reporter is None:  # twice as quick as to call it
            _process.report()
        return _wait(_core.acquire_task_slot, timeout)

    def release_task_slot(self) -> None:
        """Gives it back; without an acquire it is logged and does nothing."""
        _core.release_task_slot()

    def acquire_model_lock(self, model_id: str, timeout: float = 300.0) -> bool:
        """Makes this thread the machine's only user of a model. False: not in time. Take the slot first."""
        _process.report()
        return _wait(_core.acquire_model_lock, timeout, model_id)

    def release_model_lock(self, model_id: str) -> None:
        """Gives it back; without an acquire it is logged and does nothing."""
        _core.release_model_lock(model_id)

    def register_model_usage(self, model_id: str, memory_mb: float) -> None:
        """Says how much memory a model of this process takes, in MiB; shown by get_resource_usage."""
        _core.register_model_usage(model_id, memory_mb)

    def get_resource_usage(self) -> dict[str, Any]:
        """What `GET /v1/resources/usage` says of a host: cpu_percent, memory_percent, gpu_percent (None: unknown),
        concurrent_tasks (slots taken by any process), the limits max_...; and `models`, memory in MiB by model as registered in this process."""
        _process.report()
        return _core.resource_usage()

    def get_system_info(self) -> dict[str, Any]:
        """cpu, memory, disk, gpu of this machine, as `GET /v1/resources/system`. Sizes are bytes; what cannot be measured now
        is None."""
        return _core.system_info()

    def get_slots(self) -> list[dict[str, Any]]:
        """The slots that are taken on this machine: slot, pid, actor, model, since."""
        return _core.slots()

    def get_waiting(self) -> dict[str, int]:
        """How many callers of this process stand in the machine's line, by what they wait for: slots, model_lock, cpu, memory, gpu."""
        return _core.waiting()

    def get_limits(self) -> dict[str, Any]:
        """The limits in force in this process: max_cpu_percent, max_memory_percent, max_gpu_percent, max_concurrent_tasks."""
        _process.report()
        return _core.limits()

    @contextlib.contextmanager
    def task_slot(self, timeout: float = 300.0) -> Iterator[None]:
        """A slot for the block. `Timeout` says what was in the way."""
        if not self.acquire_task_slot(timeout):
            raise _no_slot(timeout)
        try:
            yield
        finally:
            self.release_task_slot()

    @contextlib.contextmanager
    def model_lock(self, model_id: str, timeout: float = 300.0) -> Iterator[None]:
        """A model's lock for the block; `Timeout`."""
        if not self.acquire_model_lock(model_id, timeout):
            raise _no_lock(model_id, timeout)
        try:
            yield
        finally:
            self.release_model_lock(model_id)

    def limited(self, model: str | None = None, timeout: float = 300.0) -> Callable[[Function], Function]:
        """A decorator: each call of the function, or of the coroutine function, takes a slot and then the model's lock."""
        if callable(model):
            raise InvalidArgument("limited is used with parentheses: @resource_limiter.limited()", reason="usage")
        _check_model(model)

        def decorate(function: Function) -> Function:
            if inspect.iscoroutinefunction(function):
                @functools.wraps(function)
                async def call_async(*arguments: Any, **named: Any) -> Any:
                    async with self.aio.task_slot(timeout, model):
                        return await function(*arguments, **named)
                return call_async  # type: ignore[return-value]

            @functools.wraps(function)
            def call(*arguments: Any, **named: Any) -> Any:
                with self.task_slot(timeout), self.model_lock(model, timeout) if model else contextlib.nullcontext():
                    return function(*arguments, **named)
            return call  # type: ignore[return-value]
        return decorate


class AsyncResourceLimiter:
    """For coroutines. A slot belongs to the block, not to the thread: two blocks of one thread are two tasks."""

    def __init__(self) -> None:
        # Those of one event loop that want the same stand in a line of their own; only the first one is in the machine's.
        self._lines: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Lock]] = weakref.WeakKeyDictionary()

    @contextlib.asynccontextmanager
    async def task_slot(self, timeout: float = 300.0, model: str | None = None) -> AsyncIterator[None]:
        """A slot for the block, and with it the lock of a model, taken in one step. `Timeout` says what was in the way."""
        _check_model(model)
        _process.report()
        lease = await self._lease(model or "", timeout)
        try:
            yield
        finally:
            lease.release()

    async def wait_for_resources(self, timeout: float = 300.0) -> bool:
        """Waits until a task could start; reserves nothing. False: not in time."""
        end = time.monotonic() + timeout
        while not _core.can_start_task()[0]:
            if time.monotonic() >= end:
                return False
            await asyncio.sleep(_LOOK_AGAIN)
        return True

    async def _lease(self, model: str, timeout: float) -> _core.Lease:
        line = self._lines.setdefault(asyncio.get_running_loop(), {}).setdefault(model, asyncio.Lock())
        end = time.monotonic() + timeout
        if line.locked():
            try:
                await asyncio.wait_for(line.acquire(), timeout)
            except asyncio.TimeoutError:
                raise _no_lock(model, timeout) if model else _no_slot(timeout) from None
        else:
            await line.acquire()
        try:
            return _core.try_lease(model) or await _wait_for_lease(model, max(0.0, end - time.monotonic()))
        finally:
            line.release()


async def _wait_for_lease(model: str, timeout: float) -> _core.Lease:
    """Stands in the machine's line, on a thread of its own."""
    loop = asyncio.get_running_loop()
    came: asyncio.Future[_core.Lease] = loop.create_future()
    stop = _core.Stop()

    def deliver(lease: _core.Lease | None, error: Exception | None) -> None:
        if came.done():  # cancelled meanwhile
            if lease is not None:
                lease.release()
        elif lease is not None:
            came.set_result(lease)
        elif error is not None:
            came.set_exception(error)

    def wait() -> None:
        lease: _core.Lease | None = None
        error: Exception | None = None
        try:
            lease = _core.acquire_lease(model, timeout, stop)
        except Exception as caught:
            error = caught
        with contextlib.suppress(RuntimeError):  # the loop was closed; a lease goes with its last reference
            loop.call_soon_threadsafe(deliver, lease, error)

    threading.Thread(target=wait, name="ms-wait", daemon=True).start()
    try:
        return await came
    finally:
        stop.request()


def _check_model(model: str | None) -> None:
    """An empty name is no model, and does not mean "without a lock"."""
    if model == "":
        raise InvalidArgument("model: must not be empty; leave it out where no model is to be locked", reason="usage")


def _no_slot(timeout: float) -> Timeout:
    usage = _core.resource_usage()
    return Timeout(f"no task slot within {timeout:g} s: {usage['concurrent_tasks']} of {usage['max_concurrent_tasks']} slots are "
                   f"taken, CPU {_percent(usage['cpu_percent'])}, memory {_percent(usage['memory_percent'])}", reason="resources_timeout")


def _percent(measured: float | None) -> str:
    return "unknown" if measured is None else f"{measured:.0f} %"


def _no_lock(model_id: str, timeout: float) -> Timeout:
    return Timeout(f"the model {model_id} was in use for all of {timeout:g} s", reason="resources_timeout")


resource_limiter = ResourceLimiter()
