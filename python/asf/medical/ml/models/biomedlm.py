"""Judging claims in this process: the same engine, model files and method as the C++ workers, models in `model_cache`.

    result = BioMedLMService().detect_contradiction("Aspirin reduces stroke.", "Aspirin does not reduce stroke.")
    result["verdict"], result["contradiction_score"], result["explanation"]

The operator supplies BioMedLM's file (docs/biomedlm.md); without it the demo model answers, and the result says so in `model` and
`warnings`; without any model the fast path answers. A research aid, not clinical advice.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from asf.medical import _core
from asf.medical.core.encoding import to_json
from asf.medical.core.resource_limiter import resource_limiter
from asf.medical.ml.model_cache import model_cache


def _object(text: str) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(text))


class BioMedLMService:
    """Cheap to make: a model is loaded at its first use. While a model works, its lock on this machine is held, for at most
    `lock_timeout` seconds waited for (`Timeout`). Thread safe."""

    def __init__(self, lock_timeout: float = 300.0) -> None:
        self.lock_timeout = lock_timeout

    def detect_contradiction(self, claim1: str, claim2: str, metadata1: Mapping[str, Any] | None = None,
                             metadata2: Mapping[str, Any] | None = None, use_all_methods: bool = True,
                             language_model: str | None = None) -> dict[str, Any]:
        """Whether two claims (1 byte to 32 KiB) contradict each other: is_contradiction, contradiction_score (0 to 1), contradiction_type,
        confidence, verdict, explanation, methods_used, details, context_differences, model, calibrated, duration (s), warnings.
        `language_model`: the name of one that is installed (`NotFound`); None: the default."""
        arguments = {"claim1": claim1, "claim2": claim2, "metadata1": metadata1, "metadata2": metadata2,
                     "use_all_methods": use_all_methods, "language_model": language_model}
        if not use_all_methods:
            return _object(_core.detect(None, to_json(arguments)))
        with self._model(language_model or "", "language") as model:
            return _object(_core.detect(model, to_json(arguments)))

    def analyze_contradictions_in_articles(self, articles: Sequence[Mapping[str, Any]], threshold: float = 0.7) -> dict[str, Any]:
        """The contradictions between claims of different articles ({id, title, abstract, claims}), strongest first."""
        arguments = to_json({"articles": list(articles), "threshold": threshold})
        with self._model("", "sentence") as model:
            return _object(_core.analyze(model, arguments))

    def generate_embeddings(self, texts: Sequence[str], model_name: str | None = None) -> dict[str, Any]:
        """embeddings (one list of `dimension` numbers per text, of length 1), dimension, total_texts, model, duration, warnings.
        `NotFound`: no such model is installed."""
        arguments = to_json({"texts": list(texts), "model_name": model_name})
        with self._model(model_name or "all-minilm-l6-v2", "sentence") as model:
            assert model is not None  # one that was named is found, or `NotFound`
            return _object(_core.embed(model, arguments))

    @contextlib.contextmanager
    def _model(self, name: str, kind: str) -> Iterator[_core.Model | None]:
        found = _core.resolve_model(name, kind)
        if found is None:
            yield None
            return
        metadata = {"memory_mb": found["memory_mb"], "file": found["file"], "kind": found["kind"], "demo": found["demo"]}
        with (resource_limiter.model_lock(found["name"], self.lock_timeout),
              model_cache.use(found["name"], lambda: _core.load_model(name, kind), metadata) as model):
            yield model
