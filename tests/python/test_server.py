"""Python beside a running `medsynth serve`: its records, cache and counters through the HTTP API, its messages run by a C++ worker."""

import asyncio
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest
import requests
from asf.medical.client import AsyncMedsynth, Contradiction, Medsynth
from asf.medical.core import observability
from asf.medical.core.resource_limiter import resource_limiter
from asf.medical.errors import InvalidArgument, NotFound
from asf.medical.ml.model_cache import model_cache
from conftest import ROOT, eventually, python, seed_blocks

BINARY = pathlib.Path(os.environ.get("MEDSYNTH_BINARY", ROOT / "build/release/bin/medsynth"))


@pytest.fixture(scope="module")
def server(redis_server, tmp_path_factory):
    if not BINARY.exists():
        pytest.skip(f"{BINARY} is missing: run scripts/build")
    log = (tmp_path_factory.mktemp("serve") / "log").open("w")
    process = subprocess.Popen([str(BINARY), "serve", "--listen", "127.0.0.1:0", "--redis", "external"], stdout=subprocess.PIPE,
                               stderr=log, text=True)
    url = re.match(r"listening on (http://\S+)", process.stdout.readline())[1]
    eventually(lambda: requests.get(url + "/readyz", timeout=10).status_code == 200, "ready")
    yield url
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def get(url, path):
    return requests.get(url + path, timeout=20)


def test_the_seed_s_storage_calls_are_seen_by_the_api(server):
    storage = seed_blocks()[0].split("# Delete task")[0]
    exec(storage, {})
    task = get(server, "/v1/tasks/task-123").json()
    assert task["status"] == "failed" and task["error"] == "Error message" and task["processed_items"] == 10


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
    observability.update_queue_size("tried", 7)
    observability.push_metrics()
    lines = get(server, "/metrics").text.splitlines()
    assert [line for line in lines if line.startswith("ml_inference_total{") and 'model="tried"' in line and line.endswith(" 1")]
    assert [line for line in lines if line.startswith("ml_inference_queue_size{") and 'model="tried"' in line and line.endswith(" 7")]


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
