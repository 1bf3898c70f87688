"""Entailment models: the tiny one of tests/data/entailment, which says contradiction where one claim has more of the word "not"."""

import json
import pathlib
import shutil
from collections.abc import Callable

import pytest
from conftest import ASPIRIN, NO_ASPIRIN, ROOT, Server, pointers, wait_until

CACHE = pathlib.Path("~/.cache/medsynth").expanduser()


@pytest.fixture
def fresh(make_server: Callable[..., Server], tmp_path: pathlib.Path) -> Server:
    """An installation without models, and a folder of one elsewhere; its server is not started."""
    if not list(CACHE.glob("onnxruntime-*/lib/libonnxruntime.so*")):
        pytest.skip("ONNX Runtime is not in the cache folder: run scripts/setup")
    shutil.copytree(ROOT / "tests/data/entailment/model", tmp_path / "downloads")
    return make_server(MEDSYNTH_MODELS_DIR=str(tmp_path / "models"))


def folder_of(server: Server) -> pathlib.Path:
    return server.folder.parent / "downloads"


def add(server: Server, *words: str, code: int = 0) -> str:
    done = server.cli("models", "add", "nli", str(folder_of(server)), *words, timeout=300)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


def test_three_commands_to_a_pair(fresh: Server):
    added = add(fresh)
    assert "an entailment model" in added
    assert "AUROC ON OUR PAIRS" in added and "--entailment-model nli" in added
    fresh.start()
    done = fresh.cli("contradict", "--entailment-model", "nli", ASPIRIN, NO_ASPIRIN, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)["result"]
    assert said["model"]["id"] == "nli" and "entailment" in said["methods_used"]
    details = said["details"]["entailment"]
    assert details["calibrated"] is True and details["answers"]["contradiction"] > .5
    assert said["details"]["combination"]["trained_on"]["entailment"]["pairs"] >= 100
    turned = fresh.result(fresh.detect(NO_ASPIRIN, ASPIRIN, entailment_model="nli"))
    assert turned["contradiction_score"] == said["contradiction_score"], "both ways round are the same"
    listed = wait_until(lambda: next((m for m in fresh.get("/v1/models").json()["models"] if m["loaded"]), None), what="it is listed")
    assert listed["kind"] == "entailment" and listed["calibration"] == "built_in" and not listed["problem"]


def test_the_chosen_one_answers(fresh: Server):
    add(fresh, "--no-calibrate")
    fresh.start()
    assert fresh.result(fresh.detect())["model"] is None, "nobody chose it"
    assert fresh.cli("models", "use", "nli", "--no-calibrate").returncode == 0
    result = fresh.result(fresh.detect())
    assert result["model"]["id"] == "nli" and any("entailment model is not calibrated" in each for each in result["warnings"])


def test_requests_that_cannot_be(fresh: Server):
    add(fresh, "--no-calibrate")
    fresh.start()

    def refused(**fields: str) -> list[str]:
        return pointers(fresh.post("/v1/async-ml/contradiction/detect", json={"claim1": ASPIRIN, "claim2": NO_ASPIRIN, **fields}))

    assert refused(entailment_model="nobody") == ["/entailment_model"]
    assert refused(language_model="nli") == ["/language_model"]
    assert refused(entailment_model="nli", language_model="x") == ["/entailment_model"]


@pytest.mark.parametrize(("name", "text", "code", "says"), [
    ("config.json", '{"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}}', 2, "--labels contradiction,entailment,neutral"),
    ("tokenizer.json", None, 3, "put its tokenizer.json"),
    ("tokenizer.json", "{", 2, "tokenizer.json is damaged"),
    ("model.onnx", "no model", 2, "not copied to its end"),
    ("model.onnx", None, 3, "there is no .onnx file"),
])
def test_what_cannot_be_added_is_said(fresh: Server, name: str, text: str | None, code: int, says: str):
    (folder_of(fresh) / name).unlink()
    if text is not None:
        (folder_of(fresh) / name).write_text(text)
    assert says in add(fresh, "--no-calibrate", code=code)
    assert not list(pathlib.Path(fresh.environment["MEDSYNTH_MODELS_DIR"]).glob("**/*.onnx"))


def test_without_the_library_the_way_out_is_said(fresh: Server, tmp_path: pathlib.Path):
    add(fresh, "--no-calibrate")
    fresh.environment["XDG_CACHE_HOME"] = str(tmp_path / "empty")
    assert "pip install onnxruntime" in add(fresh, "--no-calibrate", "--yes", code=6)
    fresh.start()
    refused = fresh.post("/v1/async-ml/contradiction/detect", json={"claim1": ASPIRIN, "claim2": NO_ASPIRIN, "entailment_model": "nli"})
    assert pointers(refused) == ["/entailment_model"] and "pip install onnxruntime" in refused.text
    doctor = fresh.cli("doctor", "--json")
    assert "pip install onnxruntime" in doctor.stdout


def test_a_model_that_gives_nan_fails_its_task(fresh: Server):
    add(fresh, "--no-calibrate")
    fresh.start()
    task = fresh.wait_task(fresh.detect("Damaged tissue heals.", "Damaged tissue does not heal.", entailment_model="nli"))
    assert task["status"] == "failed" and "NaN" in task["error"]


def test_a_computation_is_cancelled(fresh: Server):
    add(fresh, "--no-calibrate")
    fresh.start()
    task = fresh.detect("An endless process.", "Not a process.", entailment_model="nli")
    wait_until(lambda: fresh.get(f"/v1/tasks/{task}").json().get("status") == "processing", what="it runs")
    assert fresh.post(f"/v1/tasks/{task}/cancel").status_code < 300
    assert fresh.wait_task(task)["status"] == "cancelled"


def test_it_reads_the_candidates_of_an_analysis(fresh: Server):
    add(fresh, "--no-calibrate")
    fresh.start()
    articles = [{"id": "a", "abstract": "Results: Vitamin D reduced hip fracture in older adults."},
                {"id": "b", "abstract": "Results: Vitamin D did not reduce hip fracture in older adults."}]
    submitted = fresh.post("/v1/async-ml/contradiction/analyze", json={"articles": articles, "threshold": .3, "entailment_model": "nli"})
    assert submitted.status_code == 202, submitted.text
    result = fresh.result(submitted.json()["data"]["task_id"])
    assert result["model"]["id"] == "nli" and "entailment" in result["methods_used"]
    assert [each["entailment"] > .9 for each in result["contradictions"]] == [True]
    assert any("not calibrated" in each for each in result["warnings"])
