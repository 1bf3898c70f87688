"""Python beside a running `medsynth serve`: its records, cache and counters through the HTTP API, its messages run by a C++ worker."""

import asyncio
import json

import pytest
import requests
from asf.medical.client import AsyncMedsynth, Contradiction, Medsynth
from asf.medical.core import observability
from asf.medical.core.resource_limiter import resource_limiter
from asf.medical.errors import InvalidArgument, NotFound
from asf.medical.ml.model_cache import model_cache
from conftest import ROOT, eventually, get, python


def test_a_message_from_python_is_run_by_a_worker_in_cpp(server):
    source = """
from asf.medical.tasks.ml_inference_tasks import detect_contradiction
detect_contradiction.send("Aspirin reduces the risk of stroke.", "Aspirin does not reduce the risk of stroke.", task_id="from-python")
"""
    done = python(source)
    assert done.returncode == 0, done.stderr

    def completed():
        task = get(server, "/v1/tasks/from-python").json()
        return task if task["status"] in ("completed", "failed") else None

    task = eventually(completed, "the task ends", 120)
    assert task["status"] == "completed" and task["result"]["verdict"] == "contradiction" and "python" not in task["worker"]


def test_the_cache_is_seen_and_emptied_through_the_api(server):
    model_cache.put("from-python", object(), metadata={"memory_mb": 2})

    def shown():
        return [each for each in get(server, "/v1/model-cache/stats").json()["models"] if each["id"] == "from-python"]

    model = eventually(shown, "the model is shown")[0]
    assert model["memory_bytes"] == 2 * 1024 * 1024

    def counted():
        workers = get(server, "/v1/model-cache/stats").json()["workers"]
        ours = next(each for each in workers if each["worker_id"] == model["worker_id"])
        return ours if ours["hits"] >= 1 else None

    assert model_cache.get("from-python") is not None
    assert eventually(counted, "the hit is counted")["memory_bytes"] >= model["memory_bytes"]
    answer = requests.delete(server + "/v1/model-cache/models/from-python", timeout=20)
    assert answer.status_code == 200 and answer.json()["data"]["removed"] == 1, answer.text
    assert model_cache.get("from-python") is None


def test_counters_reach_the_metrics(server):
    with observability.trace_ml_operation("tried", "operation"):
        pass
    with pytest.raises(KeyError), observability.trace_ml_operation("tried", "operation"):
        raise KeyError
    observability.update_queue_size("tried", 7)
    observability.update_model_memory_usage("tried", 1024)
    observability.push_metrics()
    lines = [line for line in get(server, "/metrics").text.splitlines() if 'model="tried"' in line]

    def sample(name):
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + "{"))

    assert (sample("ml_inference_total"), sample("ml_inference_errors_total")) == (2, 1), lines
    assert sample("ml_inference_duration_seconds_count") == 2
    assert (sample("ml_inference_queue_size"), sample("ml_model_memory_usage_bytes")) == (7, 1024)


def test_events_reach_the_log(caplog):
    with caplog.at_level("INFO", "asf.medical.ml"):
        observability.log_ml_event("tried", "operation", duration=0.5, metadata={"trace_id": "t"})
        observability.log_ml_event("tried", "operation", status="error", error="why")
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
    assert caplog.records[0].ml_event["metadata"] == {"trace_id": "t"} and caplog.records[1].ml_event["error"] == "why"


def test_limits_set_through_the_api_hold_here(server):
    resource_limiter.get_resource_usage()
    try:
        assert requests.put(server + "/v1/resources/limits", json={"max_concurrent_tasks": 1}, timeout=20).status_code == 200
        eventually(lambda: resource_limiter.get_limits()["max_concurrent_tasks"] == 1, "the limit is obeyed", 10)
    finally:
        requests.put(server + "/v1/resources/limits", json={"max_concurrent_tasks": 3}, timeout=20)
    eventually(lambda: resource_limiter.get_limits()["max_concurrent_tasks"] == 3, "the limit is obeyed", 10)


def test_the_client_waits_and_tells_progress(server):
    seen = []
    result = Medsynth(server).detect_contradiction("Aspirin reduces stroke.", "Aspirin does not reduce stroke.", wait=True,
                                                   timeout=120, on_progress=lambda task: seen.append(task.status))
    assert isinstance(result, Contradiction) and result.verdict == "contradiction" and seen[-1] == "completed"
    again = asyncio.run(AsyncMedsynth(server).detect_contradiction("A reduces b.", "A reduces b.", wait=True, timeout=120))
    assert again.is_contradiction is False


def test_the_client_s_errors_carry_the_problem_document(server):
    with pytest.raises(InvalidArgument) as wrong:
        Medsynth(server).detect_contradiction("", "b")
    assert wrong.value.faults[0][0] == "/claim1" and wrong.value.problem["status"] == 422
    with pytest.raises(NotFound) as missing:
        Medsynth(server).task("nobody/s task")
    assert missing.value.reason == "task_not_found" and missing.value.problem["request_id"]
    with pytest.raises(ConnectionError, match="127.0.0.1:1"):
        Medsynth("http://127.0.0.1:1").usage()


def test_the_notebook_runs_top_to_bottom(server, monkeypatch):
    monkeypatch.setenv("MEDSYNTH_URL", server)
    names = {}
    for cell in json.loads((ROOT / "examples/contradictions.ipynb").read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert names["result"].verdict == "contradiction" and names["newest"].status == "completed"
