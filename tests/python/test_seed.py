"""Every Python block of the source document, verbatim."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest
from asf.medical.core.persistent_task_storage import task_storage
from conftest import ROOT, eventually, seed_blocks

# What the fourth block leaves undefined.
PRELUDE = """
import json, logging, uuid
from typing import Optional
import dramatiq
from asf.medical.core.encoding import NumpyEncoder
from asf.medical.core.observability import log_ml_event, trace_ml_operation, update_model_memory_usage, update_queue_size
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


def test_task_storage_as_documented():
    names = {}
    exec(seed_blocks()[0], names)
    assert names["status"]["status"] == "failed" and names["status"]["error"] == "Error message"
    assert names["status"]["processed_items"] == 10
    assert "task-123" not in [task["task_id"] for task in names["tasks"]]


def test_resource_limits_as_documented():
    names = {}
    exec(seed_blocks()[1], names)
    assert names["can_start"] is True
    assert names["usage"]["models"]["biomedlm"] == 1024 and names["usage"]["concurrent_tasks"] == 0


def test_model_cache_as_documented():
    made = object()
    names = {"model": made, "create_model": object}
    exec(seed_blocks()[2], names)
    assert names["stats"]["size"] == 0 and names["model"] is not None


def test_the_actor_under_the_dramatiq_command(tmp_path: pathlib.Path):
    (tmp_path / "seed_actor.py").write_text(PRELUDE + seed_blocks()[3])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    log = (tmp_path / "worker.log").open("w")
    worker = subprocess.Popen([str(pathlib.Path(sys.executable).parent / "dramatiq"), "seed_actor", "-p", "1", "-t", "2"],
                              env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=tmp_path)
    try:
        send = "import seed_actor; seed_actor.detect_contradiction.send('Aspirin reduces stroke.', 'Aspirin does not reduce stroke.', task_id='seed-4')"
        subprocess.run([sys.executable, "-c", send], env=environment, check=True, timeout=60)
        assert task_storage.get_task_status("seed-4")["actor"] == "detect_contradiction"

        def ended():
            task = task_storage.get_task_status("seed-4")
            return task if task["status"] in ("completed", "failed") else None

        task = eventually(ended, "the actor ends", 120)
        assert task["status"] == "completed", (task, (tmp_path / "worker.log").read_text())
        assert task["progress"] == 100 and task["result"]["verdict"] == "contradiction"
        json.dumps(task)
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
        log.close()
