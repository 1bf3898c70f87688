"""medsynth analyze: exports of references in, what they disagree on out."""

import json
import pathlib
import subprocess

import pytest
from conftest import BINARY, Server, wait_until

RIS = """TY  - JOUR
TI  - Daily aspirin and stroke in older adults: a trial
AB  - RESULTS: Daily aspirin reduced the risk of stroke in older adults (RR 0.70, 95% CI 0.60 to 0.80).
PY  - 2015
DO  - 10.1000/one
ER  -

TY  - JOUR
TI  - Aspirin for stroke prevention in older adults
AB  - RESULTS: Daily aspirin did not reduce the risk of stroke in older adults (RR 1.02, 95% CI 0.95 to 1.10).
PY  - 2018
DO  - 10.1000/two
ER  -

TY  - JOUR
TI  - RETRACTED: Vitamin D and the season
PY  - 2019
DO  - 10.1000/three
ER  -
"""
CSV = """Title,Abstract,DOI,Year
Aspirin for stroke prevention in older adults,"RESULTS: Daily aspirin did not reduce the risk of stroke in older adults (RR 1.02, 95% CI 0.95 to 1.10).",https://doi.org/10.1000/TWO,2018
"""


def write(folder: pathlib.Path, **files: str) -> list[str]:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return [str(folder / name.replace("_", ".")) for name in files]


# Two files with one article in both: what was read is said on stderr, the two that disagree stand in the report, in 80 columns' words.
def test_what_articles_disagree_on(server: Server, tmp_path: pathlib.Path):
    done = server.cli("analyze", *write(tmp_path, a_ris=RIS, b_csv=CSV), "--threshold", "0", "--exit-code")
    assert "a.ris: 3 references (ris)" in done.stderr and "b.csv: 1 references (csv)" in done.stderr, done.stderr
    assert "3 articles: 1 duplicate joined, 1 without an abstract, 1 retracted" in done.stderr
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "10.1000/one" in done.stdout and "10.1000/two" in done.stdout
    assert done.stdout.count("did not reduce the risk of stroke") == 1
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if line.startswith("QUESTION"))


# No time for models: what they did not look at is said, and the pair that words find is still found.
@pytest.mark.parametrize("budget", ["0", "0s"])
def test_a_budget_for_models(server: Server, budget: str):
    done = subprocess.run([BINARY, "analyze", "-", "--json", "--budget", budget, "--threshold", "0.3"], input=RIS, env={**server.environment, "MEDSYNTH_URL": server.url},
                          capture_output=True, text=True, timeout=60)
    result = json.loads(done.stdout)["result"]
    assert len(result["contradictions"]) == 1
    [warning] = [each for each in result["warnings"] if "budget" in each]
    assert warning.startswith("The budget of 0 s was over when the sentence model had looked at 0 of ")


# The same as JSON, from standard input.
def test_json_from_standard_input(server: Server):
    done = subprocess.run([BINARY, "analyze", "-", "--json"], input=RIS, env={**server.environment, "MEDSYNTH_URL": server.url},
                          capture_output=True, text=True, timeout=60)
    task = json.loads(done.stdout)
    assert done.returncode == 0
    assert task["result"]["total_articles"] == 3


# Files that are none, columns that nobody knows: said before anything is sent, with what to do.
def test_refusals(server: Server, tmp_path: pathlib.Path):
    files = write(tmp_path, x_txt="Just a sentence.", y_csv="Titel,Kurzfassung\nA,B\n")
    for words, code, said in [((files[0],), 2, "x.txt: this is no format"), ((files[1],), 2, "--column abstract=NAME"),
                              ((files[1], "--column", "abstract"), 2, "--column abstract=Kurzfassung"), ((str(tmp_path / "none"),), 2, "cannot be read"),
                              ((files[1], "--budget", "a while"), 2, "--budget"), ((files[1], "--budget", "-1"), 2, "--budget"),
                              ((files[1], "--column", "abstract=Kurzfassung", "--no-wait"), 0, "1 article: ")]:
        done = server.cli("analyze", *words)
        assert done.returncode == code and said in done.stderr, (words, done.returncode, done.stderr)


# Nothing may start, and there is no terminal: who waits is told so, and what changes it.
def test_who_waits_is_told_off_a_terminal_too(make_server, tmp_path: pathlib.Path):
    server = make_server(MAX_CONCURRENT_TASKS="1", MAX_CPU_PERCENT="1").start()
    with open(tmp_path / "said", "w") as said, subprocess.Popen(["sh", "-c", "while :; do :; done"]) as busy:
        try:
            waits = subprocess.Popen([BINARY, "contradict", "a", "b"], env={**server.environment, "MEDSYNTH_URL": server.url}, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=said)
            wait_until(lambda: "medsynth limits set" in (tmp_path / "said").read_text(), 30, "a word on stderr")
            waits.terminate()
            waits.wait(10)
        finally:
            busy.kill()
