"""Judgements of one pair that were wrong in the field, through HTTP."""

import pytest
from conftest import Server

CONTRADICTION, NONE, OPEN = "contradiction", "no_contradiction", "uncertain"

PAIRS = [
    # j1: a colon or a dash between a finding and its absence
    ("j1", "Fever: none.", "The patient had no fever.", {NONE}),
    ("j1", "Pregnant: no", "The patient is pregnant.", {CONTRADICTION}),
    ("j1", "Chest pain – denied", "The patient denies chest pain.", {NONE}),
    # j2: neighbours are not the same
    ("j2", "Thrombolysis reduces mortality in STEMI.", "Thrombolysis does not reduce mortality in NSTEMI.", {NONE, OPEN}),
    ("j2", "The drug reduced nausea.", "The drug did not reduce vomiting.", {NONE, OPEN}),
    ("j2", "Adrenaline raises blood pressure.", "Epinephrine does not raise blood pressure.", {CONTRADICTION}),
    # j3: units
    ("j3", "The dose was 100 mg.", "The dose was 100 mcg.", {CONTRADICTION}),
    ("j3", "The dose was 500 mcg.", "The dose was 0.5 mg.", {NONE}),
    # j4: a claim and its own second half
    ("j4", "There was no chest pain but the patient has fever.", "The patient has fever.", {NONE}),
    ("j4", "There was no chest pain but the patient has fever.", "The patient has chest pain.", {CONTRADICTION}),
    # j5: a group and those who are not of it
    ("j5", "Patients without diabetes had fever.", "The patients had diabetes.", {NONE, OPEN}),
    ("j5", "The patient is unvaccinated.", "The patient is vaccinated.", {CONTRADICTION}),
    # j6: two denials
    ("j6", "There is no question that smoking causes lung cancer.", "Smoking causes lung cancer.", {NONE}),
    ("j6", "The imaging does not allow us to exclude pneumonia.", "The patient has pneumonia.", {NONE, OPEN}),
    ("j6", "Hypotension was more frequent with the drug.", "Hypertension was less frequent with the drug.", {NONE, OPEN}),
]
LEADS = {
    CONTRADICTION: "The claims exclude each other: ",
    NONE: "The claims can both hold: ",
    OPEN: "It stays open whether the claims contradict each other: ",
}


@pytest.fixture(scope="module")
def judged(server: Server) -> dict:
    """All pairs at once, each judged on the fast path."""
    tasks = {pair[1:3]: server.detect(pair[1], pair[2], use_all_methods=False) for pair in PAIRS}
    return {claims: server.result(task) for claims, task in tasks.items()}


@pytest.mark.parametrize("entry", ["j1", "j2", "j3", "j4", "j5", "j6"])
def test_pairs_are_judged_as_a_clinician_would(judged: dict, entry: str):
    for name, claim1, claim2, expected in PAIRS:
        if name == entry:
            assert judged[claim1, claim2]["verdict"] in expected, (claim1, claim2, judged[claim1, claim2]["explanation"])


def test_j7_the_explanation_is_that_of_the_verdict(judged: dict):
    for claims, result in judged.items():
        assert result["explanation"].startswith(LEADS[result["verdict"]]), (claims, result["explanation"])


@pytest.mark.parametrize("claim", ["Aspirin senkt das Risiko für Schlaganfall.", "阿司匹林降低中风风险。"])
def test_j8_other_languages_stay_open(server: Server, claim: str):
    result = server.result(server.detect(claim, "Aspirin does not reduce the risk of stroke.", use_all_methods=False))
    assert result["verdict"] == OPEN and not result["is_contradiction"]
    assert "claim 1 is not in English" in result["explanation"]


def test_j9_offsets_of_evidence_slice_the_claim(server: Server):
    claims = ("β-blockers (50 µg 💊) reduce mortality by 20%.", "β-blockers 💊 do not reduce mortality.")
    result = server.result(server.detect(*claims, use_all_methods=True))
    seen = 0
    for details in result["details"].values():
        for claim, side in zip(claims, ("evidence1", "evidence2")):
            for span in details.get(side, []):
                assert claim[span["begin"]:span["end"]] == span["text"]
                seen += 1
    assert seen >= 6
