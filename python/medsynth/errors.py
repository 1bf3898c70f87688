"""What can go wrong. Every error of this package is a `MedsynthError` and the built-in exception that comes closest.

The closed set of codes is that of the C++ core and the HTTP API; it answers what the caller should do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["Cancelled", "Conflict", "Exhausted", "Internal", "InvalidArgument", "MedsynthError", "ModelLoadError", "NotAllowed", "NotFound",
           "TaskCancelled", "Timeout", "Unavailable", "from_core"]


class MedsynthError(Exception):
    """`code`: one of the nine codes; `reason`: a stable word for programs; `faults`: (JSON pointer, what is wrong) of
    each wrong field; `retry_after`: seconds, where waiting may help; `problem`: the HTTP API's problem document."""

    code = "internal"

    def __init__(self, message: str, *, reason: str = "", faults: Sequence[tuple[str, str]] = (),
                 retry_after: float | None = None, problem: dict[str, Any] | None = None):
        super().__init__(message)
        self.reason = reason or self.code
        self.faults = list(faults)
        self.retry_after = retry_after
        self.problem = problem


class InvalidArgument(MedsynthError, ValueError):
    """The request can never succeed as it is: change it."""

    code = "invalid_argument"


class NotFound(MedsynthError, LookupError):
    """What it names does not exist."""

    code = "not_found"


class Conflict(MedsynthError):
    """The state forbids it: look again, then decide."""

    code = "conflict"


class NotAllowed(MedsynthError, PermissionError):
    """Who asks may not."""

    code = "not_allowed"


class Exhausted(MedsynthError):
    """Too much for now: retry later."""

    code = "exhausted"


class Timeout(MedsynthError, TimeoutError):
    """It did not happen in the time given: retry, perhaps with more time."""

    code = "timeout"


class Unavailable(MedsynthError, ConnectionError):
    """Something it depends on is away: retry the call."""

    code = "unavailable"


class Cancelled(MedsynthError):
    """Somebody asked for it to stop."""

    code = "cancelled"


class Internal(MedsynthError, RuntimeError):
    """A bug or a broken part: do not retry, report it."""

    code = "internal"


class ModelLoadError(Internal):
    """A model's factory failed; `retry_after` says for how many seconds it is left alone."""


class TaskCancelled(Cancelled):
    """The task that this thread runs was cancelled or deleted."""


_CLASSES = {each.code: each for each in
            (InvalidArgument, NotFound, Conflict, NotAllowed, Exhausted, Timeout, Unavailable, Cancelled, Internal)}


def from_core(code: str, message: str, reason: str, faults: Sequence[tuple[str, str]] = (),
              retry_after: float | None = None, problem: dict[str, Any] | None = None) -> MedsynthError:
    """The exception for an error of the core or of the HTTP API."""
    return _CLASSES.get(code, Internal)(message, reason=reason, faults=faults, retry_after=retry_after, problem=problem)
