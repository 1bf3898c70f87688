"""POST /v1/references, a file's bytes in and articles out; POST /v1/labels, what people think of reported pairs."""

import gzip
import io
import json
import zipfile

import pytest
import requests
from conftest import Server, pointers, problem
from test_analyze import CSV, RIS

BYTES = {"Content-Type": "application/octet-stream"}


def send(server: Server, data: bytes | str, query: str = "", headers: dict[str, str] = BYTES) -> requests.Response:
    return server.post("/v1/references" + query, data=data if isinstance(data, bytes) else data.encode(), headers=headers)


# The file of a browser's upload becomes what analyze takes, as it is.
def test_articles_for_analyze(server: Server):
    read = send(server, RIS).json()
    assert (read["format"], read["warnings"], read["duplicates"]) == ("ris", [], [])
    assert [each["id"] for each in read["articles"]] == ["10.1000/one", "10.1000/two", "10.1000/three"]
    assert [each["retracted"] for each in read["articles"]] == [None, None, True] and read["articles"][0]["year"] == 2015
    task = server.post("/v1/async-ml/contradiction/analyze", json={"articles": read["articles"], "threshold": 0}).json()["data"]
    result = server.result(task["task_id"])
    assert len(result["contradictions"]) == 1 and result["articles"][0]["doi"] == "10.1000/one"
    assert not [each for each in result["warnings"] if "not read" in each]


# Several files in one archive; a duplicate says of which article, why, and where it stands.
def test_an_archive(server: Server):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("a.ris", RIS)
        files.writestr("b.csv", CSV)
    read = send(server, archive.getvalue()).json()
    assert read["format"] == "ris, csv" and len(read["articles"]) == 3
    assert read["duplicates"] == [{"article": "10.1000/two", "title": "Aspirin for stroke prevention in older adults", "why": "doi",
                                   "line": 2, "file": "b.csv"}]


def test_columns_with_other_names(server: Server):
    table = "Titel,Kurzfassung\nA,B\n"
    assert "?abstract=NAME" in problem(send(server, table), 422)["detail"]
    assert send(server, table, "?abstract=Kurzfassung&title=Titel").json()["articles"][0]["abstract"] == "B"
    assert pointers(send(server, table, "?abstract=None")) == ["/columns/abstract"]
    assert pointers(send(server, table, "?abstrakt=x")) == ["/abstrakt"]


# Each refusal says what to do, and none takes the server along.
@pytest.mark.parametrize(("data", "headers", "status"), [
    (b"Just a sentence.", BYTES, 422), (b"", BYTES, 422), (b"PK\x03\x04 no archive", BYTES, 422), (RIS.encode(), {"Content-Type": "text/plain"}, 415),
    (RIS.encode(), {"Content-Type": "application/json"}, 415), (gzip.compress(b"a" * 40_000_000), BYTES, 413), (b"a" * 17_000_000, BYTES, 413)])
def test_refusals(server: Server, data: bytes, headers: dict[str, str], status: int):
    assert problem(send(server, data, headers=headers), status)["detail"]
    assert server.get("/livez").status_code == 200


@pytest.fixture(scope="module")
def analysis(server: Server) -> str:
    articles = send(server, RIS).json()["articles"]
    task = server.post("/v1/async-ml/contradiction/analyze", json={"articles": articles, "threshold": 0}).json()["data"]["task_id"]
    server.result(task)
    return task


def kept(server: Server) -> dict[str, dict]:
    return {each["id"]: each for each in map(json.loads, (server.folder / "data" / "labels.jsonl").read_text().splitlines())}


# The last word on a pair counts, and the file is one that `medsynth eval` and `calibrate` read.
def test_labels_are_kept(server: Server, analysis: str):
    for words, label in [(("disagree",), "no_contradiction"), (("agree",), "contradiction")]:
        done = server.cli("label", analysis, "--pair", "1", *words)
        assert done.returncode == 0, done.stderr
        assert kept(server)[f"{analysis}/1"]["label"] == label
    assert "did not reduce" in kept(server)[f"{analysis}/1"]["claim2"]
    answer = server.post("/v1/labels", json={"task_id": "gone", "pair": 3, "label": "disagree", "claim1": "A reduces B.", "claim2": "C reduces D."})
    assert answer.json()["data"]["label"]["label"] == "no_contradiction" and answer.json()["data"]["total"] == len(kept(server))
    judged = server.cli("eval", "--json")
    assert judged.returncode == 0 and json.loads(judged.stdout)["pairs"] == len(kept(server)), judged.stderr + judged.stdout[:300]


def test_labels_that_are_none(server: Server, analysis: str):
    def label(**fields) -> requests.Response:
        return server.post("/v1/labels", json={"task_id": analysis, "pair": 1, "label": "agree", **fields})

    assert pointers(label(pair=99)) == ["/pair"] and pointers(label(label="maybe")) == ["/label"] and pointers(label(claim1="x")) == ["/claim2"]
    problem(label(task_id="nobody"), 404)
    assert pointers(label(task_id=server.detect(use_all_methods=False))) == ["/task_id"]
    for words, said in [((analysis, "agree"), "--pair"), ((analysis, "--pair", "1"), "LABEL"), (("/nowhere",), "cannot be read"),
                        ((__file__,), "is no file of labels")]:
        done = server.cli("label", *words)
        assert done.returncode == 2 and said in done.stderr, (words, done.stderr)
