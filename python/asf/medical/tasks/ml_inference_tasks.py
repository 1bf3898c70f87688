"""The actors. `detect_contradiction.send(claim1, claim2, task_id="t-1")` puts a message on the queue "medsynth", where C++ workers
consume it; a Python worker that is told to consume that queue runs it with the same engine, under the machine's limits.

Where no broker was set, this module sets one (`configure_broker`); it connects at the first message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dramatiq

from asf.medical.core.observability import log_ml_event, trace_ml_operation
from asf.medical.core.resource_limiter import resource_limiter
from asf.medical.core.task_queue import configure_broker, update_progress
from asf.medical.ml.models.biomedlm import BioMedLMService

if dramatiq.broker.global_broker is None:
    configure_broker()

QUEUE = "medsynth"
_HOUR_MS = 3_600_000
_SLOT_TIMEOUT = 600.0


def _run(operation: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    with resource_limiter.task_slot(_SLOT_TIMEOUT), trace_ml_operation("biomedlm", operation) as trace_id:
        update_progress(10)
        result = work()
        log_ml_event("biomedlm", operation, duration=result["duration"], metadata={"trace_id": trace_id})
        return result


@dramatiq.actor(queue_name=QUEUE, max_retries=3, time_limit=_HOUR_MS)
def detect_contradiction(claim1: str, claim2: str, task_id: str | None = None, **options: Any) -> dict[str, Any]:
    """`options`: metadata1, metadata2, use_all_methods, language_model. Result as of BioMedLMService.detect_contradiction."""
    return _run("detect_contradiction", lambda: BioMedLMService().detect_contradiction(claim1, claim2, **options))


@dramatiq.actor(queue_name=QUEUE, max_retries=3, time_limit=_HOUR_MS)
def analyze_contradictions_in_articles(articles: list[dict[str, Any]], threshold: float = 0.7,
                                       task_id: str | None = None) -> dict[str, Any]:
    """Result as of BioMedLMService.analyze_contradictions_in_articles."""
    return _run("analyze_contradictions_in_articles",
                lambda: BioMedLMService().analyze_contradictions_in_articles(articles, threshold))


@dramatiq.actor(queue_name=QUEUE, max_retries=3, time_limit=_HOUR_MS)
def generate_embeddings(texts: list[str], model_name: str | None = None, task_id: str | None = None) -> dict[str, Any]:
    """Result as of BioMedLMService.generate_embeddings."""
    return _run("generate_embeddings", lambda: BioMedLMService().generate_embeddings(texts, model_name))
