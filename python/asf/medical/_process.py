"""This process in the fleet: a daemon thread reports the model cache and the counters to the server, and obeys what the
API says (limits, removals from the cache). It starts with the first thing worth reporting, and again in a forked child.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable

from asf.medical import _core

_LOOK = 0.25  # seconds between looks at control; the API waits a second for a confirmation
_PUBLISH = 1.0  # seconds between snapshots
_FIRST = 1.0  # seconds that a process's first call waits for what the API has set; it goes on without when Redis is away


class _Reporter(threading.Thread):
    def __init__(self) -> None:
        super().__init__(name="ms-report", daemon=True)
        self.worker_id = _core.new_worker_id()
        self.started_at = _core.now()
        self.version = 0
        self.knows_version = False
        self.informed = threading.Event()  # it knows what the API has set, or cannot
        self.ending = threading.Event()

    def run(self) -> None:
        next_publish = 0.0
        self._be_informed()
        while not self.ending.wait(self._pause()):
            try:
                for housekeep in _housekeeping:
                    housekeep()
                self._obey()
                if time.monotonic() >= next_publish and self.publish(wait=False):
                    next_publish = time.monotonic() + _PUBLISH
            except Exception:  # the core closes while this thread is in a call
                if self.ending.is_set():
                    return
                raise

    def _be_informed(self) -> None:
        end = time.monotonic() + _FIRST
        try:
            self._obey()
            while not self.knows_version and time.monotonic() < end and not self.ending.wait(0.005):
                self._obey()
        except Exception:
            if not self.ending.is_set():
                raise
        finally:
            self.informed.set()

    def _pause(self) -> float:
        due = [each() for each in _due]
        return max(0.0, min([_LOOK, *[each for each in due if each is not None]]))

    def publish(self, wait: bool) -> bool:
        return _core.publish(self.worker_id, self.started_at, self.version, wait)

    def _obey(self) -> None:
        """Requests made before this process was there are not for it."""
        control = _core.control(self.version if self.knows_version else 2**62)
        if control is None:
            return
        version, limits, requests = control
        if not self.knows_version or version != self.version:
            _core.set_limits(limits)
        asked = {number: (kind, argument) for number, kind, argument in requests}
        for number in range(self.version + 1, version + 1) if self.knows_version else ():
            removals: dict[str, str] = {}
            for answer in _answers:
                removals |= answer(*asked.get(number, ("", "")))
            _core.confirm(number, self.worker_id, removals)
        self.version, self.knows_version = version, True


_housekeeping: list[Callable[[], None]] = [_core.look_at_waits]
_due: list[Callable[[], float | None]] = []  # seconds until housekeeping has something to do
_answers: list[Callable[[str, str], dict[str, str]]] = []
_after_fork: list[Callable[[], None]] = []
_reporter: _Reporter | None = None
_lock = threading.Lock()


def take_part(housekeep: Callable[[], None], due: Callable[[], float | None],
              answer: Callable[[str, str], dict[str, str]], after_fork: Callable[[], None]) -> None:
    """For the model cache: what the thread calls, when it next must, what answers a request, what a child forgets."""
    _housekeeping.append(housekeep)
    _due.append(due)
    _answers.append(answer)
    _after_fork.append(after_fork)


def report() -> _Reporter:
    """The running reporter, started where there is none. Whoever starts it waits until the limits in force are known."""
    global _reporter
    if _reporter is None:
        with _lock:
            if _reporter is None:
                _core.host()  # wrong settings are the caller's to hear about, not the thread's
                starting = _Reporter()
                starting.start()
                try:
                    starting.informed.wait(2 * _FIRST)
                finally:
                    _reporter = starting
    return _reporter


def _end() -> None:
    reporter = _reporter
    if reporter is not None:
        reporter.ending.set()
        reporter.join(1.0)
        _core.leave(reporter.worker_id)
    _core.close_events()
    _core.close()


def _in_child() -> None:
    global _reporter, _lock
    _lock = threading.Lock()
    _reporter = None
    _core.forget_events()
    for forget in _after_fork:
        forget()


atexit.register(_end)
os.register_at_fork(after_in_child=_in_child)
