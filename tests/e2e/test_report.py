"""The files that analyze writes: a report for people, a table, and references to be imported again.

planted.ris holds two topics in six articles, of which one is retracted and one has no abstract; one duplicate; one broken record.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import html.parser
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest
from browser import SCHEMES, WIDTHS, Browser, barriers, browser  # noqa: F401  the fixture too
from conftest import BINARY, Server, wait_until

PLANTED = pathlib.Path(__file__).with_name("planted.ris")
HYPERLINK = '=HYPERLINK("http://example.org","Statins"): a cohort of women'
# (first, second) of each planted pair: what is found, and by whom.
PAIRS = {
    (("less", "10.1000/vitamin-less"), ("more", "10.1000/vitamin-more")),
    (("less", "10.1000/statins-less"), ("no_difference", "10.1000/statins-none")),
    (("no_difference", "10.1000/statins-none"), ("less", "pmid:31234567")),
}


class Reader(html.parser.HTMLParser):
    """The page as a tree of (tag, attributes, children)."""

    EMPTY = {"meta", "br"}

    def __init__(self, text: str):
        super().__init__()
        self.root: tuple[str, dict, list] = ("", {}, [])
        self.open = [self.root]
        self.feed(text)
        assert len(self.open) == 1, f"<{self.open[-1][0]}> is never closed"

    def handle_starttag(self, tag, attributes):
        node = (tag, dict(attributes), [])
        self.open[-1][2].append(node)
        if tag not in self.EMPTY:
            self.open.append(node)

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        self.open[-1][2].append(data)


def text_of(node) -> str:
    return node if isinstance(node, str) else "".join(text_of(each) for each in node[2])


def find(node, tag: str | None = None, **attributes: str) -> list:
    """All elements below, in order; an attribute's words must have the one that is asked for."""
    found = []
    for each in node[2]:
        if isinstance(each, str):
            continue
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        if (tag is None or each[0] == tag) and all(value in (each[1].get(name) or "").split() for name, value in wanted.items()):
            found.append(each)
        found += find(each, tag, **attributes)
    return found


def rows(table) -> list[list[str]]:
    return [[text_of(find(cell, class_="hidden")[0] if find(cell, class_="hidden") else cell) for cell in row[2]]
            for row in find(find(table, "tbody")[0], "tr")]


@pytest.fixture(scope="module")
def written(binary: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The folder of what one command wrote, in a server of its own without models."""
    folder = tmp_path_factory.mktemp("report")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MEDSYNTH_", "MAX_", "TASK_", "REDIS_"))}
    environment |= {"MEDSYNTH_MODELS_DIR": str(folder / "models"), "MEDSYNTH_DATA_DIR": str(folder / "data"), "MAX_CPU_PERCENT": "100",
                    "MAX_MEMORY_PERCENT": "100", "MEDSYNTH_RUNTIME_DIR": str(folder / "run")}
    done = subprocess.run(
        [binary, "analyze", str(PLANTED), "--local", "--threshold", "0.3", "--html", "report.html", "--csv", "pairs.csv", "--ris", "articles.ris"],
        env=environment, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not (folder / "data").exists(), "--local keeps nothing"
    (folder / "said").write_text(done.stdout)
    return folder


@pytest.fixture(scope="module")
def page(written: pathlib.Path):
    return Reader((written / "report.html").read_text()).root


# What was planted, and nothing else: who finds what, which pairs disagree, what was left out and why.
def test_the_report_says_what_was_planted(page):
    figures = [text_of(each) for each in find(find(page, "ul", class_="figures")[0], "li")]
    assert figures[:2] == ["6articles", "6findings read"] and figures[3] == "2questions with several articles"
    assert rows(find(page, "table", class_="map")[0]) == [
        ["Statins and stroke", "0", "2", "1", "0"], ["Vitamin D supplementation and hip fracture", "1", "1", "0", "0"]]
    assert [each[1]["aria-label"] for each in find(page, "svg", role="img")] == [
        "2012: 1 less, 2016: 1 less, 2019: 1 no difference", "2014: 1 less, 2017: 1 more"]

    assert len(find(page, "article", class_="question")) == 2
    forests = [[(row[0], row[2]) for row in rows(each)] for each in find(page, "table", class_="forest")]
    assert forests == [
        [("Statins and stroke in older adults: a randomised trial, 2012", "0.75 (0.65 to 0.87)"),
         ("Statins for the prevention of stroke in older adults, 2019", "1.01 (0.93 to 1.10)"), (HYPERLINK + ", 2016", "0.80 (0.70 to 0.92)")],
        [("Vitamin D and hip fracture: a trial, 2014", "0.82 (0.70 to 0.96)"),
         ("RETRACTED: Vitamin D raises the risk of hip fracture, 2017", "1.30 (1.10 to 1.54)")]]

    inside = [pair for question in find(page, "article", class_="question") for pair in find(question, "article", class_="pair")]
    assert len(inside) == len(PAIRS)
    sides = [find(pair, "figure") for pair in inside]
    assert sorted(text_of(find(side, "strong")[0]) for pair in sides for side in pair) == sorted([
        "RETRACTED: Vitamin D raises the risk of hip fracture", "Statins and stroke in older adults: a randomised trial",
        "Statins for the prevention of stroke in older adults", "Statins for the prevention of stroke in older adults", HYPERLINK,
        "Vitamin D and hip fracture: a trial"])
    assert [text_of(each) for each in find(page, "mark", class_="negation")][:1] == ["not"]
    chips = [text_of(each) for pair in inside for chips in find(pair, "ul", class_="chips") for each in find(chips, "li")]
    assert chips == ["population: older adults / women"]

    left_out = find(page, "section", id="left-out")[0]
    assert [text_of(each) for each in find(left_out, "summary")] == [
        "1 article without an abstract", "1 retracted article, compared like the others and marked", "1 duplicate was joined with its article",
        "2 warnings while the files were read"]
    assert "Vitamin D and fracture: a letter (2018)" in text_of(left_out)
    links = {each[1]["href"] for each in find(page, "a") if each[1]["href"].startswith("http")}
    assert links == {f"https://doi.org/10.1000/{name}" for name in ("statins-less", "statins-none", "vitamin-less", "vitamin-more", "vitamin-letter")} | {
        "https://pubmed.ncbi.nlm.nih.gov/31234567/"}


# Who reads it later can tell what made it, from which bytes.
def test_the_report_says_how_it_was_made(page):
    record = text_of(find(page, "section", id="record")[0])
    assert hashlib.sha256(PLANTED.read_bytes()).hexdigest() in record
    version = subprocess.run([BINARY, "--version"], capture_output=True, text=True).stdout.split()[-1]
    for each in (f"Medsynth {version}", "planted.ris: ris, 7 references", "Threshold0.3", "Modelnone", "RAISE", "polarity"):
        assert each in record, each


# One file, no network: nothing is loaded, and the page's own policy forbids it; its style and script are those that the policy names.
def test_the_report_needs_no_network(written: pathlib.Path, page):
    policy = find(page, "meta", **{"http-equiv": "Content-Security-Policy"})[0][1]["content"]
    assert policy.startswith("default-src 'none';")
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(text_of(find(page, tag)[0]).encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not find(page, "link") and not find(page, "img") and not find(page, "iframe")
    assert not [each for each in find(page) if "style" in each[1] or any(name.startswith("on") for name in each[1])]


# The table has a row for each pair, with the direction of each side; a title that is a formula stays text.
def test_the_table_of_pairs(written: pathlib.Path):
    bytes_ = (written / "pairs.csv").read_bytes()
    assert bytes_.startswith(b"\xef\xbb\xbf") and bytes_.count(b"\r\n") == bytes_.count(b"\n")
    table = list(csv.DictReader(bytes_.decode("utf-8-sig").splitlines()))
    found = {((row["direction_1"], row["article_1"]), (row["direction_2"], row["article_2"])) for row in table}
    assert found == PAIRS
    assert [row["pair"] for row in table] == [str(number) for number in range(1, len(table) + 1)]
    retracted = [row for row in table if row["article_2"] == "10.1000/vitamin-more"]
    assert [(row["retracted_1"], row["retracted_2"], row["estimate_2"], row["low_2"], row["high_2"]) for row in retracted] == [
        ("", "yes", "1.3", "1.1", "1.54")]
    titles = {row["title_2"] for row in table if row["article_2"] == "pmid:31234567"}
    assert titles == {"'" + HYPERLINK}
    assert not [cell for row in table for cell in row.values() if re.match(r"[=+@\t]|-\D", cell)]


# The articles that disagree, read again as they were.
def test_the_references_are_read_again(server: Server, written: pathlib.Path):
    def articles(file: pathlib.Path) -> dict[str, dict]:
        read = server.post("/v1/references", data=file.read_bytes(), headers={"Content-Type": "application/octet-stream"}).json()
        return {each.pop("id"): {**each, "publication_types": None} for each in read["articles"]}

    before = articles(PLANTED)
    assert articles(written / "articles.ris") == {name: before[name] for name in before if name != "10.1000/vitamin-letter"}


# In 80 columns; only what is asked for with --question.
def test_the_terminal(server: Server, written: pathlib.Path):
    for words in ([], ["--question", "statins strokes"]):
        done = server.cli("analyze", str(PLANTED), "--threshold", "0.2", *words)
        assert done.returncode == 0 and max(map(len, done.stdout.splitlines())) <= 80, done.stdout
        assert ("Vitamin D supplementation" in done.stdout) == (not words)
        assert "[RETRACTED]" in done.stdout or words
    done = server.cli("analyze", str(PLANTED), "--question", "aspirin")
    assert "no question has the words 'aspirin'" in done.stderr and done.returncode == 0
    assert "[1] " in (written / "said").read_text()


# What cannot be written is said before anything is sent.
def test_files_that_cannot_be_written(server: Server, tmp_path: pathlib.Path):
    for flag, path, said in [("--html", tmp_path / "no" / "r.html", "make it first"), ("--csv", tmp_path, "name a file in it")]:
        done = server.cli("analyze", str(PLANTED), flag, str(path))
        assert done.returncode == 2 and f"{flag}:" in done.stderr and said in done.stderr, done.stderr
        assert "references (ris)" not in done.stderr
    done = server.cli("analyze", str(PLANTED), "--html", "/dev/full")
    assert done.returncode != 0 and "could not be written" in done.stderr


# A task that was left is shown later, from the same files; other files are refused.
def test_a_task_is_shown_later(server: Server, tmp_path: pathlib.Path):
    task_id = server.cli("analyze", str(PLANTED), "--threshold", "0.3", "--no-wait").stdout.strip()
    done = server.cli("analyze", str(PLANTED), "--task", task_id, "--html", str(tmp_path / "later.html"))
    assert done.returncode == 0, done.stderr
    assert task_id in (tmp_path / "later.html").read_text()
    (tmp_path / "one.ris").write_text("TY  - JOUR\nTI  - Another\nER  - \n")
    done = server.cli("analyze", str(tmp_path / "one.ris"), "--task", task_id)
    assert done.returncode == 2 and "is about other articles (6, and here are 1)" in done.stderr


# No server: one is started for the command, and what it did is still there for the next.
@pytest.mark.parametrize("settings", [{}, {"MEDSYNTH_TLS_SELF_SIGNED": "true", "MEDSYNTH_TLS_CERTIFICATE": "/nowhere"}],
                         ids=["plain", "with TLS for others"])
def test_a_server_is_started_where_none_runs(make_server, settings: dict[str, str]):
    server = make_server(**settings)
    server.url = "http://127.0.0.1:1"
    done = server.cli("analyze", str(PLANTED), "--json")
    assert done.returncode == 0 and "one is started for this command" in done.stderr, done.stderr
    server.url = ""
    for name in settings:
        del server.environment[name]
    assert server.start().task(json.loads(done.stdout)["task_id"])["status"] == "completed"


# Ctrl-C in the middle: what to type next is said, and shows the result; the server that was started for it has gone.
def test_ctrl_c_says_how_to_go_on(make_server, tmp_path: pathlib.Path):
    server = make_server(MEDSYNTH_WORKERS="0")
    with open(tmp_path / "said", "w") as said:
        waits = subprocess.Popen([BINARY, "analyze", str(PLANTED)], env={**server.environment, "MEDSYNTH_URL": "http://127.0.0.1:1"},
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
        wait_until(lambda: "waits for a worker" in (tmp_path / "said").read_text(), 30, "a word on what it waits for")
        waits.send_signal(signal.SIGINT)
        assert waits.wait(10) == -signal.SIGINT
    way = re.search(r"run medsynth serve, then medsynth (analyze --task \S+)", (tmp_path / "said").read_text())
    assert way, (tmp_path / "said").read_text()
    server.environment["MEDSYNTH_WORKERS"] = "1"
    done = server.start().cli(*way[1].split(), str(PLANTED), "--html", str(tmp_path / "r.html"))
    assert done.returncode == 0 and (tmp_path / "r.html").exists(), done.stderr


# In a browser: no width scrolls sideways, axe-core finds nothing, nothing is said on the console.
@SCHEMES
def test_no_barriers_at_any_width(browser: Browser, written: pathlib.Path, scheme: str):
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"file://{written / 'report.html'}")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
    assert barriers(page) == [] and said == []
    context.close()


# What a reviewer thinks is saved as `label` reads it.
def test_what_a_reviewer_thinks_is_saved(server: Server, browser: Browser, written: pathlib.Path):
    page = browser.new_page()
    page.goto(f"file://{written / 'report.html'}")
    page.click('[data-pair="2"] .vote [value=disagree]')
    with page.expect_download() as saved:
        page.click("#save button")
    saved.value.save_as(written / "labels.json")
    assert page.inner_text("#save output").startswith("1 of ")
    page.close()
    kept = server.cli("label", str(written / "labels.json"))
    assert kept.returncode == 0 and kept.stdout.startswith("1 kept"), kept.stderr
    last = json.loads((server.folder / "data" / "labels.jsonl").read_text().splitlines()[-1])
    assert last["label"] == "no_contradiction" and last["id"].endswith("/2")
    assert {last["claim1"], last["claim2"]} & {"Statins reduced the risk of stroke in older adults (RR 0.75, 95% CI 0.65 to 0.87)."}
