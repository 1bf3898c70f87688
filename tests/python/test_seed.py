"""Every Python block of the source document, verbatim."""

import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest
from conftest import ROOT, eventually, get, seed_blocks

# What the fourth block leaves undefined.
PRELUDE = """
import json, logging, uuid
from typing import Optional
import dramatiq
from asf.medical.core.encoding import NumpyEncoder
from asf.medical.core.observability import log_ml_event, trace_ml_operation, update_model_memory_usage, update_queue_size
from asf.medical.core.persistent_task_storage import task_storage
from asf.medical.core.persistent_task_storage import task_storage
from asf.medical.core.resource_limiter import resource_limiter
from asf.medical.core.task_queue import configure_broker
from asf.medical.ml.models.biomedlm import BioMedLMService
configure_broker()
logger = logging.getLogger(__name__)
task_results = {}
"""


def test_the_stored_blocks_are_those_of_the_document():
    document = ROOT.parent / "shared/SEED.md"
    if not document.exists():
        pytest.skip("a clean checkout does not have the document beside it")
    assert re.findall(r"^```python\n(.*?)^```$", document.read_text(), re.M | re.S) == seed_blocks()


def test_task_storage_as_documented(server):
    names = {}
    exec(seed_blocks()[0], names)
    assert names["status"]["status"] == "failed" and names["status"]["error"] == "Error message"
    assert names["status"]["processed_items"] == 10
    assert "task-123" not in [task["task_id"] for task in names["tasks"]]
    assert get(server, "/v1/tasks/task-123").status_code == 404
    exec(seed_blocks()[0].split("# Delete task")[0], names)
    task = get(server, "/v1/tasks/task-123").json()
    assert task["status"] == "failed" and task["error"] == "Error message" and task["processed_items"] == 10


def test_resource_limits_as_documented(server):
    names = {}
    exec(seed_blocks()[1], names)
    assert names["can_start"] is True
    usage, ask = names["usage"], lambda: get(server, "/v1/resources/usage").json()
    eventually(lambda: ask()["concurrent_tasks"] == 0, "the worker reports that it has ended what came before")
    answer = ask()
    assert usage["models"]["biomedlm"] == 1024 and usage["concurrent_tasks"] == 0
    assert set(answer) - {"hosts"} <= set(usage)


def test_model_cache_as_documented(server):
    names = {"create_model": object}
    exec(seed_blocks()[2], names)
    assert names["stats"]["size"] == 0 and names["model"] is not None

    def shown():
        return [each["id"] for each in get(server, "/v1/model-cache/stats").json()["models"]]

    before, after = seed_blocks()[2].split("# Remove a model")
    exec(before, names)
    eventually(lambda: "biomedlm" in shown(), "the API shows the model")
    exec("#" + after, names)
    eventually(lambda: "biomedlm" not in shown(), "the API shows that it is gone")


def test_the_actor_under_the_dramatiq_command(server, tmp_path: pathlib.Path):
    (tmp_path / "seed_actor.py").write_text(PRELUDE + seed_blocks()[3])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    log = (tmp_path / "worker.log").open("w")
    worker = subprocess.Popen([str(pathlib.Path(sys.executable).parent / "dramatiq"), "seed_actor", "-p", "1", "-t", "2"],
                              env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=tmp_path)
    try:
        send = "import seed_actor; seed_actor.detect_contradiction.send('Aspirin reduces stroke.', 'Aspirin does not reduce stroke.', task_id='seed-4')"
        subprocess.run([sys.executable, "-c", send], env=environment, check=True, timeout=60)

        def ended():
            task = get(server, "/v1/tasks/seed-4").json()
            return task if task["status"] in ("completed", "failed") else None

        task = eventually(ended, "the actor ends", 120)
        assert task["status"] == "completed", (task, (tmp_path / "worker.log").read_text())
        assert task["progress"] == 100 and task["result"]["verdict"] == "contradiction"
        assert task["actor"] == "detect_contradiction"
        counted = re.compile(r'^ml_inference_total\{.*model="biomedlm".*\} [1-9]', re.M)
        eventually(lambda: counted.search(get(server, "/metrics").text), "the operation is counted")
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
        log.close()
