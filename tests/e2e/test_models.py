"""Models that an operator brings: added, chosen, asked by name, calibrated, replaced and taken away."""

import json
import pathlib
import re
import shutil
from collections.abc import Callable

import pytest
from conftest import ASPIRIN, NO_ASPIRIN, ROOT, Server, pointers, wait_until

DEMO = "smollm2-135m-instruct-q4_1.gguf"


@pytest.fixture
def fresh(make_server: Callable[..., Server], models: pathlib.Path, tmp_path: pathlib.Path) -> Server:
    """An installation without models, and a file of one elsewhere; its server is not started."""
    (tmp_path / "downloads").mkdir()
    shutil.copy(models / DEMO, tmp_path / "downloads" / "own.gguf")
    return make_server(MEDSYNTH_MODELS_DIR=str(tmp_path / "models"))


def own_file(server: Server) -> str:
    return str(server.folder.parent / "downloads" / "own.gguf")


def ok(server: Server, *words: str, timeout: float = 120) -> str:
    done = server.cli(*words, timeout=timeout)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "progress is for terminals"
    return done.stdout


def models_of(server: Server) -> dict[str, dict]:
    answer = server.get("/v1/models")
    assert answer.status_code == 200, answer.text
    return {each["id"]: each for each in answer.json()["models"]}


@pytest.mark.timeout(1500)  # the demo model answers 116 pairs, both ways round
def test_the_three_commands_of_the_readme(fresh: Server):
    readme = (ROOT / "README.md").read_text()
    commands = re.search(r"\n    (.*models add own FILE.*)\n    (.*serve\b.*)\n    (.*contradict --model own .*)\n", readme)
    assert commands, "README.md has no longer the three commands that this test runs"
    added = ok(fresh, "models", "add", "own", own_file(fresh), timeout=1200)
    assert "added own" in added and "needs about" in added and "AUROC ON OUR PAIRS" in added
    fresh.start()
    said = json.loads(ok(fresh, "contradict", "--model", "own", ASPIRIN, NO_ASPIRIN, "--json"))["result"]
    assert said["verdict"] == "contradiction" and said["model"]["id"] == "own" and not said["model"]["demo"]
    asked = said["details"]["language_model"]
    assert asked["calibrated"] is True and {"moved", "weight", "answers"} <= asked.keys()
    trained = said["details"]["combination"]["trained_on"]
    assert trained["language_model"]["own"] is False and trained["language_model"]["pairs"] >= 50
    turned = fresh.result(fresh.detect(NO_ASPIRIN, ASPIRIN, language_model="own"))
    assert turned["contradiction_score"] == said["contradiction_score"], "both ways round are the same"


def test_a_model_is_known_at_once(fresh: Server):
    fresh.start()
    assert models_of(fresh) == {}
    refused = fresh.post("/v1/async-ml/contradiction/detect", json={"claim1": ASPIRIN, "claim2": NO_ASPIRIN, "language_model": "own"})
    assert pointers(refused) == ["/language_model"] and "models add" in refused.text
    ok(fresh, "models", "add", "own", own_file(fresh), "--no-calibrate")
    # In the very next request, whatever the workers last reported.
    result = fresh.result(fresh.detect(language_model="own"))
    assert result["model"]["id"] == "own"
    assert any("not calibrated" in each for each in result["warnings"])
    listed = wait_until(lambda: (own := models_of(fresh).get("own")) and own["loaded"] and own, what="own is listed")
    assert listed["kind"] == "language" and listed["fits"] is True and len(listed["digest"]) == 64 and not listed["problem"]
    assert listed["is_default"] is False
    nobody = fresh.cli("contradict", "--model", "other", ASPIRIN, NO_ASPIRIN)
    assert nobody.returncode == 2 and "there is own" in nobody.stderr


def test_the_chosen_model_answers(fresh: Server):
    fresh.start()
    ok(fresh, "models", "add", "own", own_file(fresh), "--no-calibrate")
    assert fresh.result(fresh.detect())["model"] is None, "nobody chose it"
    assert "default" in ok(fresh, "models", "use", "own", "--no-calibrate")
    assert fresh.result(fresh.detect())["model"]["id"] == "own"
    wait_until(lambda: models_of(fresh).get("own", {}).get("is_default"), what="the default is shown")
    ok(fresh, "models", "rename", "own", "mine")
    assert fresh.result(fresh.detect())["model"]["id"] == "mine"
    ok(fresh, "models", "rm", "mine")
    assert fresh.result(fresh.detect())["model"] is None


def test_a_replaced_file_answers_from_the_next_task_on(fresh: Server):
    fresh.start()
    path = pathlib.Path(own_file(fresh))
    ok(fresh, "models", "add", "own", str(path), "--no-calibrate")
    first = fresh.result(fresh.detect(language_model="own"))["model"]["digest"]
    with path.open("ab") as file:
        file.write(b"\0")  # another file, as far as its digest goes
    refused = fresh.cli("models", "add", "own", str(path), "--no-calibrate")
    assert refused.returncode == 2 and "--yes" in refused.stderr
    assert fresh.result(fresh.detect(language_model="own"))["model"]["digest"] == first
    ok(fresh, "models", "add", "own", str(path), "--no-calibrate", "--yes")
    assert fresh.result(fresh.detect(language_model="own"))["model"]["digest"] != first


def test_the_settings_name_a_model(fresh: Server):
    ok(fresh, "models", "add", "own", own_file(fresh), "--no-calibrate")
    fresh.environment["MEDSYNTH_LANGUAGE_MODEL"] = "own"
    fresh.start()
    assert fresh.result(fresh.detect())["model"]["id"] == "own"
    ok(fresh, "models", "rm", "own")
    task = fresh.wait_task(fresh.detect())
    assert task["status"] == "failed" and "MEDSYNTH_LANGUAGE_MODEL" in task["error"]


@pytest.mark.parametrize(("words", "code", "says"), [
    (("add", "no/name", "FILE"), 2, "letters, digits"),
    (("add", "own", "no-such-file.gguf"), 3, "there is no file no-such-file.gguf"),
    (("add", "own", "TEXT"), 2, "no GGUF model file"),
    (("add", "own", "HALF"), 2, "as a download that broke off does"),
    (("use", "nobody"), 3, "no model is called nobody"),
    (("rename", "nobody", "x"), 3, "no model is called nobody"),
    (("rm", "nobody"), 3, "no model is called nobody"),
    (("show", "nobody"), 3, "no model is called nobody"),
])
def test_what_cannot_be_is_said(fresh: Server, words: tuple[str, ...], code: int, says: str):
    whole = pathlib.Path(own_file(fresh))
    files = {"FILE": whole, "TEXT": whole.with_name("text.gguf"), "HALF": whole.with_name("half.gguf")}
    files["TEXT"].write_text("no model")
    files["HALF"].write_bytes(whole.read_bytes()[:5_000_000])
    refused = fresh.cli("models", *(str(files.get(word, word)) for word in words))
    assert refused.returncode == code and says in refused.stderr, refused.stderr
    folder = pathlib.Path(fresh.environment["MEDSYNTH_MODELS_DIR"])
    assert not list(folder.glob("*.gguf")) if folder.exists() else True
