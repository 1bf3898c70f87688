"""Models that an operator brings: added, chosen, asked by name, calibrated, replaced and taken away."""

import json
import math
import pathlib
import re
import shutil
import struct
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


def test_where_its_layers_lie_is_said(fresh: Server):
    """The program under test has no backend for GPUs: all layers are with the CPU, and one that requires a GPU fails and says why."""
    fresh.start()
    ok(fresh, "models", "add", "own", own_file(fresh), "--no-calibrate")
    ok(fresh, "models", "add", "picky", own_file(fresh), "--no-calibrate", "--gpu", "require")
    refused = fresh.cli("models", "add", "other", own_file(fresh), "--gpu", "always")
    assert refused.returncode == 2 and "--gpu" in refused.stderr and "require" in refused.stderr
    fresh.result(fresh.detect(language_model="own"))
    own = wait_until(lambda: (each := models_of(fresh).get("own")) and each["loaded"] and each["placement"] and each, what="own is listed")
    assert own["gpu"] == "prefer" and own["placement"] == "CPU"
    assert models_of(fresh)["picky"]["gpu"] == "require" and models_of(fresh)["picky"]["placement"] == ""
    (cached,) = fresh.get("/v1/model-cache/stats").json()["models"]
    assert cached["placement"] == "CPU" and "no GPU" in cached["placement_reason"] and cached["device_bytes"] == []
    failed = fresh.wait_task(fresh.detect(language_model="picky"))
    assert failed["status"] == "failed" and "must lie on a GPU" in failed["error"]
    assert json.loads(ok(fresh, "models", "show", "picky", "--json"))["gpu"] == "require"


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


def test_a_default_is_chosen_by_a_call(fresh: Server):
    """On every host that has it, live; what cannot be is said, and `models use --everywhere` does the same."""
    fresh.start()
    ok(fresh, "models", "add", "own", own_file(fresh), "--no-calibrate", "--licence", "MIT")
    ok(fresh, "models", "add", "other", own_file(fresh), "--no-calibrate")
    answer = fresh.post("/v1/models/own/use")
    assert answer.status_code == 200, answer.text
    (host,) = answer.json()["data"]["hosts"]
    assert host["is_default"] is True and not host["problem"] and "default language model on 1 host" in answer.json()["message"]
    assert fresh.result(fresh.detect())["model"]["id"] == "own"
    listed = wait_until(lambda: (own := models_of(fresh).get("own")) and own["is_default"] and own, what="the default is shown")
    assert listed["licence"] == "MIT"
    nobody = fresh.post("/v1/models/nobody/use")
    assert nobody.status_code == 404 and nobody.json()["code"] == "model_not_found"
    assert "other is the default language model on 1 host" in ok(fresh, "models", "use", "other", "--everywhere")
    assert fresh.result(fresh.detect())["model"]["id"] == "other"
    assert fresh.cli("models", "use", "nobody", "--everywhere").returncode == 3


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


def damaged(model: pathlib.Path) -> bytes:
    """The file with NaN for the weights of its last norm: whole, and of no use."""
    data = bytearray(model.read_bytes())
    sizes = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
    at = 8

    def number(format: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from(format, data, at)
        at += struct.calcsize(format)
        return value

    def text() -> bytes:
        nonlocal at
        size = number("<Q")
        at += size
        return bytes(data[at - size:at])

    def skip(kind: int) -> None:
        nonlocal at
        if kind == 8:
            text()
        elif kind == 9:
            kind, count = number("<I"), number("<Q")
            for _ in range(count):
                skip(kind)
        else:
            at += sizes[kind]

    tensors, entries = number("<Q"), number("<Q")
    for _ in range(entries):
        text()
        skip(number("<I"))
    found = None
    for _ in range(tensors):
        name, dimensions = text(), number("<I")
        size = math.prod(number("<Q") for _ in range(dimensions))
        kind, offset = number("<I"), number("<Q")
        if name == b"output_norm.weight":
            assert kind == 0, "32-bit floats"
            found = offset, size
    assert found
    begin = (at + 31) // 32 * 32 + found[0]
    data[begin:begin + 4 * found[1]] = struct.pack("<f", math.nan) * found[1]
    return bytes(data)


def test_numbers_that_are_none_fail_the_task(fresh: Server):
    path = pathlib.Path(own_file(fresh))
    path.write_bytes(damaged(path))
    ok(fresh, "models", "add", "own", str(path), "--no-calibrate")
    fresh.start()
    task = fresh.wait_task(fresh.detect(language_model="own"))
    assert task["status"] == "failed" and "NaN or infinite" in task["error"], task
    assert fresh.result(fresh.detect(use_all_methods=False))["verdict"] == "contradiction", "its worker goes on"


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
