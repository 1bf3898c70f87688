"""Models in this process: the C++ engine, through this process's cache, under the machine's lock of the model."""

import json
import os
import subprocess
import sys
import threading

import pytest
from asf.medical.core.resource_limiter import resource_limiter
from asf.medical.errors import InvalidArgument, NotFound, Timeout
from asf.medical.ml.model_cache import model_cache
from asf.medical.ml.models.biomedlm import BioMedLMService

CLAIMS = ("Aspirin reduces the risk of stroke.", "Aspirin does not reduce the risk of stroke.")


@pytest.fixture(autouse=True)
def empty():
    yield
    model_cache.clear()


def test_two_claims_are_judged():
    result = BioMedLMService().detect_contradiction(*CLAIMS)
    assert result["verdict"] == "contradiction" and result["is_contradiction"] is True
    assert 0.5 < result["contradiction_score"] <= 1 and result["explanation"] and result["duration"] > 0
    kept = [each["id"] for each in model_cache.get_stats()["models"]]
    assert kept == ([result["model"]["id"]] if result["model"] else [])


def test_a_model_at_work_elsewhere_is_waited_for():
    result = BioMedLMService().detect_contradiction(*CLAIMS)
    if not result["model"]:
        pytest.skip("no language model is installed: medsynth models pull")
    with resource_limiter.model_lock(result["model"]["id"], 10):
        caught = []

        def other():
            try:
                BioMedLMService(lock_timeout=0.05).detect_contradiction(*CLAIMS)
            except Timeout as error:
                caught.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join(60)
    assert len(caught) == 1


def test_articles_are_compared():
    articles = [{"id": "a", "claims": [CLAIMS[0]]}, {"id": "b", "claims": [CLAIMS[1]]}]
    found = BioMedLMService().analyze_contradictions_in_articles(articles, threshold=0.5)
    assert len(found["contradictions"]) == 1, found


def test_embeddings_have_length_one_or_the_model_is_named():
    try:
        result = BioMedLMService().generate_embeddings(["Aspirin.", "Statins."])
    except NotFound as error:
        assert "all-minilm-l6-v2" in str(error)
        return
    assert len(result["embeddings"]) == 2 and result["dimension"] == len(result["embeddings"][0])
    assert all(abs(sum(x * x for x in each) - 1) < 1e-3 for each in result["embeddings"])


def test_j10_the_operators_weights_judge(tmp_path):
    weights = {"intercept": -20, "weights": {}, "uncertain": {"from": 0.4, "to": 0.6}, "trained_on": {"pairs": 300, "sha256": "own"}}
    (tmp_path / "calibration.json").write_text(json.dumps({"combination": weights, "models": [], "penalty": 0, "validated": {"accuracy": 1, "log_loss": 0, "auroc": 1, "ece": 0}}))
    code = f"from asf.medical.ml.models.biomedlm import BioMedLMService as S; print(S().detect_contradiction(*{CLAIMS!r})['contradiction_score'])"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "MEDSYNTH_MODELS_DIR": str(tmp_path)}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.1, "they say no to all; it is what the workers and the command line obey"


def test_wrong_arguments_are_named():
    with pytest.raises(InvalidArgument) as caught:
        BioMedLMService().detect_contradiction("", "b")
    assert caught.value.faults[0][0] == "/claim1"
