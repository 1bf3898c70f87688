"""/v1/async-ml."""

import math

import pytest
import requests
from conftest import ASPIRIN, ASPIRIN_AGAIN, NO_ASPIRIN, SEASON, Server, pointers, problem, wait_until

DETECT = "/v1/async-ml/contradiction/detect"


def test_a_submission_is_accepted_with_its_place(server: Server):
    answer = server.post(DETECT, json={"claim1": ASPIRIN, "claim2": NO_ASPIRIN, "metadata1": {"year": 2001}})
    assert answer.status_code == 202
    body = answer.json()
    assert body["success"] is True and body["message"] and isinstance(body["meta"], dict)
    task_id = body["data"]["task_id"]
    assert body["data"]["status"] == "pending"
    assert answer.headers["Location"] == f"/v1/async-ml/task/{task_id}"
    server.wait_task(task_id)
    looked = server.get(answer.headers["Location"])
    assert looked.status_code == 200
    assert looked.json()["success"] is True
    assert looked.json()["data"] == server.task(task_id)
    problem(server.get("/v1/async-ml/task/unknown"), 404, "task_not_found")


def test_a_contradiction_is_found_and_explained(server: Server):
    result = server.result(server.detect(ASPIRIN, NO_ASPIRIN))
    assert result["verdict"] == "contradiction" and result["is_contradiction"] is True
    assert result["contradiction_type"] == "direct"
    assert 0.5 < result["contradiction_score"] <= 1
    assert result["confidence"] in ("low", "medium", "high")
    assert result["explanation"]
    assert result["methods_used"] == ["polarity", "statistical", "temporal", "language_model"]
    assert set(result["methods_used"]) <= set(result["details"])
    assert result["calibrated"] is True
    assert result["model"]["id"] == "smollm2-135m-instruct" and len(result["model"]["digest"]) == 64
    assert any("demo" in warning for warning in result["warnings"])
    assert result["duration"] > 0


@pytest.mark.parametrize("other", [ASPIRIN_AGAIN, SEASON, ASPIRIN])
def test_paraphrase_unrelated_and_identical_claims_do_not_contradict(server: Server, other: str):
    result = server.result(server.detect(ASPIRIN, other))
    assert result["is_contradiction"] is False and result["verdict"] != "contradiction"


@pytest.mark.parametrize("other", [NO_ASPIRIN, ASPIRIN_AGAIN, SEASON])
def test_the_reverse_order_gives_the_same_score(server: Server, other: str):
    one, two = server.result(server.detect(ASPIRIN, other)), server.result(server.detect(other, ASPIRIN))
    assert one["contradiction_score"] == two["contradiction_score"] and one["verdict"] == two["verdict"]


def test_the_fast_path_uses_no_model(server: Server):
    result = server.result(server.detect(use_all_methods=False))
    assert result["methods_used"] == ["polarity"] and result["model"] is None
    assert result["verdict"] == "contradiction"


def test_claims_may_come_as_query_parameters(server: Server):
    answer = server.post(DETECT, params={"claim1": ASPIRIN, "claim2": NO_ASPIRIN})
    assert answer.status_code == 202, answer.text
    assert server.result(answer.json()["data"]["task_id"])["verdict"] == "contradiction"


@pytest.mark.parametrize(("body", "expected"), [
    ({}, ["/claim1", "/claim2"]), ({"claim1": "", "claim2": "b"}, ["/claim1"]), ({"claim1": 1, "claim2": "b"}, ["/claim1"]),
    ({"claim1": "a", "claim2": "b" * 32769}, ["/claim2"]), ({"claim1": "a", "claim2": "b", "metadata1": []}, ["/metadata1"]),
    ({"claim1": "a", "claim2": "b", "use_all_methods": "yes"}, ["/use_all_methods"]), ({"claim1": "a", "claim2": "b", "claim3": "c"}, ["/claim3"]),
])
def test_wrong_submissions_name_every_field(server: Server, body: dict, expected: list[str]):
    before = server.get("/v1/tasks/?limit=1").json()["total"]
    assert pointers(server.post(DETECT, json=body)) == expected
    assert server.get("/v1/tasks/?limit=1").json()["total"] == before


def test_an_id_can_be_used_once(server: Server):
    task_id = server.detect(task_id="used-once")
    problem(server.post(DETECT, json={"claim1": ASPIRIN, "claim2": SEASON, "task_id": task_id}), 409)
    assert server.result(task_id)["verdict"] == "contradiction"


def test_an_idempotency_key_makes_one_task(server: Server):
    body = {"claim1": ASPIRIN, "claim2": NO_ASPIRIN}
    headers = {"Idempotency-Key": "once-and-only-once"}
    first = server.post(DETECT, json=body, headers=headers)
    again = server.post(DETECT, json=body, headers=headers)
    assert first.status_code == again.status_code == 202
    assert first.json()["data"]["task_id"] == again.json()["data"]["task_id"]
    assert first.headers["Location"] == again.headers["Location"]
    problem(server.post(DETECT, json={**body, "claim2": SEASON}, headers=headers), 422)


def test_articles_are_compared(server: Server):
    articles = [
        {"id": "pmid-1", "title": "A trial", "abstract": f"Background: Little is known. Results: {ASPIRIN} Conclusion: It works."},
        {"id": "pmid-2", "title": "Another", "abstract": f"Results: {NO_ASPIRIN} More trials are needed."},
        {"id": "pmid-3", "claims": [SEASON]},
    ]
    answer = server.post("/v1/async-ml/contradiction/analyze", json={"articles": articles, "threshold": 0.6})
    assert answer.status_code == 202, answer.text
    assert answer.json()["data"]["total_articles"] == 3
    result = server.result(answer.json()["data"]["task_id"])
    assert result["total_articles"] == 3 and result["total_claims"] >= 3 and result["threshold"] == 0.6
    assert [{found["claim1"]["article_id"], found["claim2"]["article_id"]} for found in result["contradictions"]] == [{"pmid-1", "pmid-2"}]
    assert result["contradictions"][0]["contradiction_score"] >= 0.6
    for question, found in (("ASPIRIN myocardial", 1), ("aspirin cancer", 0)):
        answer = server.post("/v1/async-ml/contradiction/analyze", json={"articles": articles, "threshold": 0.6, "question": question})
        assert len(server.result(answer.json()["data"]["task_id"])["contradictions"]) == found, question
    for side in (result["contradictions"][0]["claim1"], result["contradictions"][0]["claim2"]):
        quotes = [side["claim"][span["begin"]:span["end"]] for span in side["evidence"] if span["role"] == "effect"]
        assert quotes and all("reduce" in quote for quote in quotes)


@pytest.mark.parametrize(("body", "expected"), [
    ({"articles": []}, ["/articles"]), ({}, ["/articles"]), ({"articles": ["text"]}, ["/articles/0"]),
    ({"articles": [{"claims": [1]}]}, ["/articles/0/claims/0"]), ({"articles": [{"abstract": "a"}], "threshold": 2}, ["/threshold"]),
    ({"articles": [{"abstract": "a"}] * 5001}, ["/articles"]), ({"articles": [{"abstract": "a"}], "question": ""}, ["/question"]),
    ({"articles": [{"abstract": "a"}], "budget_seconds": -1}, ["/budget_seconds"]),
])
def test_wrong_articles_name_every_field(server: Server, body: dict, expected: list[str]):
    assert pointers(server.post("/v1/async-ml/contradiction/analyze", json=body)) == expected


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def test_embeddings_tell_meaning(server: Server):
    answer = server.post("/v1/async-ml/embeddings/generate", json={"texts": [ASPIRIN, ASPIRIN_AGAIN, SEASON]})
    assert answer.status_code == 202, answer.text
    assert answer.json()["data"]["total_texts"] == 3
    result = server.result(answer.json()["data"]["task_id"])
    assert result["dimension"] == 384 and result["total_texts"] == 3
    one, again, other = result["embeddings"]
    assert len(one) == 384 and abs(cosine(one, one) - 1) < 1e-9 and abs(sum(x * x for x in one) - 1) < 1e-3
    assert cosine(one, again) > 0.7 > cosine(one, other)
    assert result["model"]["id"] == "all-minilm-l6-v2"


def test_embeddings_of_another_model(server: Server):
    answer = server.post("/v1/async-ml/embeddings/generate", json={"texts": [ASPIRIN], "model_name": "smollm2-135m-instruct"})
    result = server.result(answer.json()["data"]["task_id"])
    assert result["dimension"] == 576 and result["model"]["id"] == "smollm2-135m-instruct"


def test_an_unknown_model_is_refused_with_the_way_out(server: Server):
    answer = server.post("/v1/async-ml/embeddings/generate", json={"texts": [ASPIRIN], "model_name": "no-such-model"})
    assert pointers(answer) == ["/model_name"]
    assert "all-minilm-l6-v2" in answer.text and "medsynth models" in answer.text
    answer = server.post("/v1/async-ml/contradiction/detect",
                         json={"claim1": ASPIRIN, "claim2": ASPIRIN, "language_model": "all-minilm-l6-v2"})
    assert pointers(answer) == ["/language_model"] and "sentence model" in answer.text
    answer = server.post("/v1/async-ml/contradiction/detect",
                         json={"claim1": ASPIRIN, "claim2": ASPIRIN, "use_all_methods": False, "language_model": "smollm2-135m-instruct"})
    assert pointers(answer) == ["/language_model"]


def test_a_message_that_names_an_unknown_model_fails_with_the_way_out(server: Server):
    sent = server.cli("send", "generate_embeddings", "--kwargs", '{"texts": ["one"], "model_name": "no-such-model"}')
    assert sent.returncode == 0, sent.stderr
    task = server.wait_task(sent.stdout.strip())
    assert task["status"] == "failed" and task["failed_at"]
    assert "no-such-model" in task["error"] and "medsynth models" in task["error"]


@pytest.mark.parametrize(("body", "expected"), [
    ({"texts": []}, ["/texts"]), ({"texts": "one"}, ["/texts"]), ({"texts": ["a", 2]}, ["/texts/1"]),
    ({"texts": ["a", "b" * 32769]}, ["/texts/1"]), ({"texts": ["a"] * 10001}, ["/texts"]), ({"texts": ["a", ""]}, ["/texts/1"]),
])
def test_wrong_texts_name_every_field(server: Server, body: dict, expected: list[str]):
    assert pointers(server.post("/v1/async-ml/embeddings/generate", json=body)) == expected


def test_no_claim_is_ever_logged(make_server):
    server = make_server("--log-level", "info").start()
    secret = "Zyxomab reduces the zyxological index"
    server.result(server.detect(secret, secret + " strongly"))
    answer = requests.post(server.url + DETECT, params={"claim1": secret, "claim2": secret, "oops": secret}, timeout=10)
    assert answer.status_code == 422
    wait_until(lambda: "task ended" in server.log.read_text(), what="the log is written")
    assert "yxo" not in server.log.read_text()
