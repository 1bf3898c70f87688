"""Python objects kept in memory exactly as long as they earn it, by the same plan as the C++ workers' cache.

    from asf.medical.ml.model_cache import model_cache

    model = model_cache.get_or_create("biomedlm", factory=create_model, metadata={"memory_mb": 1024})
    with model_cache.use("biomedlm") as model:      # not dropped before the block ends
        ...

MAX_CACHED_MODELS objects are kept, each for MODEL_CACHE_TTL seconds after the end of its last use; where there is no place for
a new one, the idle one that was used longest ago goes. `get`, and `get_or_create` without a block, end their use at once: the
object may be dropped from the cache while the caller's reference keeps it alive. `GET /v1/model-cache/stats` shows what is here,
and deletions through the API reach it, while this process can reach Redis. Thread safe. A forked child starts with what its
parent had.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import resource
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, cast

from asf.medical import _core, _process
from asf.medical.core.encoding import to_json
from asf.medical.errors import Exhausted, ModelLoadError, NotFound, Timeout, from_core

T = TypeVar("T")
_PAGE_BYTES = resource.getpagesize()
_MIB = 1024 * 1024


def _resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * _PAGE_BYTES


def _described(metadata: Mapping[str, Any] | None) -> tuple[int, str]:
    """Bytes, and what the statistics show."""
    metadata = metadata or {}
    return int(float(metadata.get("memory_mb", 0)) * _MIB), to_json(metadata)


class _Waiter:
    """One caller who found nothing. `loading`: it was chosen to call its factory, and the plan waits to hear of it."""

    __slots__ = ("came", "loading", "model_id", "ticket")

    def __init__(self, ticket: int, model_id: str) -> None:
        self.ticket = ticket
        self.model_id = model_id
        self.came = threading.Event()
        self.loading = False


class ModelCache:
    """One object serves the whole process: `model_cache`. The plan is made at the first call, with the settings of then."""

    def __init__(self) -> None:
        self._tickets = itertools.count(1)
        self._waiters: dict[int, _Waiter] = {}
        _process.take_part(self._housekeep, self._due, self._answer, self._forget_threads)

    @functools.cached_property
    def _plan(self) -> _core.Cache:
        settings = _core.settings()
        return _core.make_cache(settings["max_cached_models"], settings["model_cache_ttl"])

    def get(self, model_id: str) -> Any:
        """The object, or None when it is not here (or past its TTL). Does not wait."""
        return self._plan.get(model_id)

    def put(self, model_id: str, model: Any, metadata: Mapping[str, Any] | None = None) -> None:
        """Keeps an object, in place of an idle one of that name. `metadata["memory_mb"]`: its memory in MiB.
        `Conflict`: the old one is loading or in use; `Exhausted`: every place is in use. None is no model and is not kept: what
        `get` gave may be put back unseen, as the source document does."""
        if model is None:
            return
        self._wake(self._plan.put(model_id, model, *_described(metadata)))
        _process.report()

    def get_or_create(self, model_id: str, factory: Callable[[], T], metadata: Mapping[str, Any] | None = None,
                      timeout: float | None = None) -> T:
        """The object, made when it is not here. Of a burst of threads one calls its factory, on its own thread, and all get
        the same object.

        A factory that raises: its caller gets that exception, all who wait get `ModelLoadError`, and so do further calls
        until its `retry_after` is over (1 s, doubling to 60 s with each failure; `remove` ends it). One that returns None
        counts as one that raises `ModelLoadError`. A slow one: each other caller waits `timeout` seconds (None: as long as
        it takes), then gets `Timeout`; the factory goes on, and what it makes is kept. `Exhausted`: all places were in use
        for all of the timeout. Without `memory_mb` in the metadata, memory is measured as what the process grew by."""
        found = self.get(model_id)
        if found is not None:
            return cast(T, found)
        model = self._obtain(model_id, factory, metadata, timeout)
        self._wake(self._plan.release(model_id))
        return model

    @contextlib.contextmanager
    def use(self, model_id: str, factory: Callable[[], T] | None = None, metadata: Mapping[str, Any] | None = None,
            timeout: float | None = None) -> Iterator[T]:
        """The object for a block, at whose end its use ends: before, it is not dropped. Made as by get_or_create where a
        factory is given, else `NotFound`."""
        if factory is None:
            model = self._plan.use(model_id)
            if model is None:
                raise NotFound(f"{model_id} is not in the model cache", reason="model_not_cached")
        else:
            model = self._obtain(model_id, factory, metadata, timeout)
        try:
            yield model
        finally:
            self._wake(self._plan.release(model_id))

    def remove(self, model_id: str) -> bool:
        """Drops it; one in use goes when its last user lets go. False: it is not here."""
        removal, woken = self._plan.remove(model_id)
        self._wake(woken)
        return removal != "absent"

    def clear(self) -> int:
        """Drops everything, as remove does; how many that were."""
        removals, woken = self._plan.clear()
        self._wake(woken)
        return len(removals)

    def get_stats(self) -> dict[str, Any]:
        """size, max_size, ttl (seconds), models: [{id, state, loaded_at, last_used, expires_at, users, hits, loads,
        load_seconds, memory_bytes, metadata}], and since the start hits, misses, coalesced, evictions, expirations,
        load_failures."""
        self._housekeep()
        return self._plan.stats()

    # ---- how a cold model is obtained ----

    def _obtain(self, model_id: str, factory: Callable[[], T], metadata: Mapping[str, Any] | None, timeout: float | None) -> T:
        """The object, with a use that its caller must end."""
        memory_bytes, extra = _described(metadata)
        end = None if timeout is None else time.monotonic() + timeout
        _process.report()
        while True:
            waiter = _Waiter(next(self._tickets), model_id)
            self._waiters[waiter.ticket] = waiter
            try:
                self._wake(self._plan.request(waiter.ticket, model_id, memory_bytes, extra))
                answer: _core._Answer | None = self._wait(waiter, end, timeout)
                if waiter.loading:
                    self._load(waiter, factory, memory_bytes)
                    answer = self._plan.take(waiter.ticket)
            except BaseException:
                self._leave(waiter)
                raise
            finally:
                del self._waiters[waiter.ticket]
            assert answer is not None  # one that was woken, or has loaded, has its answer
            if answer[0] == "object":
                return cast(T, answer[1])
            assert answer[0] == "refused"
            _, code, message, reason, retry_after = answer
            if code == "cancelled":
                continue  # the caller who loaded was interrupted; now it may be our turn
            if reason == "load_failed":
                raise ModelLoadError(message, reason=reason, retry_after=retry_after)
            raise from_core(code, message, reason, (), retry_after)

    def _wait(self, waiter: _Waiter, end: float | None, timeout: float | None) -> _core._Answer:
        while (answer := self._plan.take(waiter.ticket)) is None:
            left = None if end is None else end - time.monotonic()
            if left is None or left > 0:
                waiter.came.wait(left)
                continue
            answer, for_place, woken = self._plan.leave(waiter.ticket, waiter.model_id)
            self._wake(woken)
            if answer is not None:
                break
            if for_place:
                raise Exhausted(f"every place in the model cache is in use; {waiter.model_id} got none within {timeout:g} s",
                                reason="cache_full")
            raise Timeout(f"{waiter.model_id} was not loaded within {timeout:g} s", reason="model_timeout")
        waiter.loading = answer[0] == "load"
        return answer

    def _load(self, waiter: _Waiter, factory: Callable[[], Any], memory_bytes: int) -> None:
        started, before = time.perf_counter(), _resident_bytes()
        try:
            model = factory()
            if model is None:
                raise ModelLoadError(f"the factory of {waiter.model_id} returned None", reason="load_failed")
        except Exception as error:
            waiter.loading = False
            message = f"loading {waiter.model_id} failed: {type(error).__name__}: {error}"
            self._wake(self._plan.load_failed(waiter.model_id, message, False))
            raise
        measured = 0 if memory_bytes else max(0, _resident_bytes() - before)
        waiter.loading = False
        self._wake(self._plan.loaded(waiter.model_id, model, time.perf_counter() - started, measured))

    def _leave(self, waiter: _Waiter) -> None:
        """An interrupted caller leaves nothing behind: neither a use nor a load that it was to do."""
        answer, _, woken = self._plan.leave(waiter.ticket, waiter.model_id)
        self._wake(woken)
        if answer is not None and answer[0] == "object":
            self._wake(self._plan.release(waiter.model_id))
        elif waiter.loading or answer is not None and answer[0] == "load":
            self._wake(self._plan.load_failed(waiter.model_id, "interrupted", True))

    def _wake(self, tickets: list[int]) -> None:
        for ticket in tickets:
            waiter = self._waiters.get(ticket)
            if waiter is not None:
                waiter.came.set()

    # ---- for the process's thread ----

    def _housekeep(self) -> None:
        if "_plan" in self.__dict__:
            self._wake(self._plan.expire())

    def _due(self) -> float | None:
        return self._plan.seconds_until_due() if "_plan" in self.__dict__ else None

    def _answer(self, kind: str, argument: str) -> dict[str, str]:
        if kind not in ("cache.remove", "cache.clear") or "_plan" not in self.__dict__:
            return {}
        if kind == "cache.clear":
            cleared, woken = self._plan.clear()
            removals: dict[str, str] = dict(cleared)
        else:
            removal, woken = self._plan.remove(argument)
            removals = {argument: removal}
        self._wake(woken)
        return removals

    def _forget_threads(self) -> None:
        """In a forked child: whoever waited or loaded is the parent's."""
        waiting, self._waiters = self._waiters, {}
        for waiter in waiting.values():
            self._leave(waiter)


model_cache = ModelCache()
