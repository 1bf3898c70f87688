"""What is counted and logged of model operations. Counters reach `/metrics` of the server while this process lives; events go
to the logger "asf.medical.ml". Neither holds a claim's text.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

from asf.medical import _core, _process

logger = logging.getLogger("asf.medical.ml")


@contextlib.contextmanager
def trace_ml_operation(model: str, operation: str) -> Iterator[str]:
    """Counts and times the block as one operation of the model (ml_inference_total, ml_inference_errors_total,
    ml_inference_duration_seconds); gives a trace id of 32 hexadecimal digits."""
    started = time.perf_counter()
    succeeded = False
    try:
        yield _core.new_trace_id()
        succeeded = True
    finally:
        _process.report()
        _core.count_inference(model, operation, succeeded, time.perf_counter() - started)


def log_ml_event(model: str, operation: str, status: str = "success", duration: float = 0.0, error: str | None = None,
                 metadata: Mapping[str, Any] | None = None) -> None:
    """Logs one event, at warning unless the status is "success". `duration` in seconds. The fields are in the record too:
    `record.ml_event`. It counts nothing: trace_ml_operation does."""
    event = {"model": model, "operation": operation, "status": status, "duration": duration, "error": error,
             "metadata": dict(metadata or {})}
    level = logging.INFO if status == "success" else logging.WARNING
    logger.log(level, "ml event model=%s operation=%s status=%s duration=%.3f error=%s metadata=%s", model, operation, status,
               duration, error, event["metadata"], extra={"ml_event": event})


def update_queue_size(model: str, size: float) -> None:
    """ml_inference_queue_size: how many wait for the model."""
    _process.report()
    _core.update_queue_size(model, size)


def update_model_memory_usage(model: str, bytes_used: float) -> None:
    """ml_model_memory_usage_bytes."""
    _process.report()
    _core.update_model_memory_usage(model, bytes_used)


def push_metrics() -> None:
    """Writes the counters now, instead of within a second. `Unavailable` when Redis cannot be reached."""
    _process.report().publish(wait=True)
