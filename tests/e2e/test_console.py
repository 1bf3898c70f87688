"""The console in a real browser (Debian's chromium), and what its files must be."""

from __future__ import annotations

import gzip
import os
import pathlib
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest
from browser import LOCK, PACKAGES, SCHEMES, WIDTHS, barriers, browser  # noqa: F401  the fixture too
from conftest import ASPIRIN, NO_ASPIRIN, ROOT, Server, wait_until
from playwright.sync_api import Browser, Page, Route, expect
from records import make_tasks

MakeServer = Callable[..., Server]
WEB = ROOT / "web"
PICTURES = os.environ.get("MEDSYNTH_PICTURES")  # a folder: the pages are pictured there
PATIENCE = 60_000  # ms; on a loaded machine
PAGES = ("now", "tasks", "queues", "dead", "try", "models", "settings")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that must stay without errors in its console, but for answers of a server that is away or refuses."""
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" and "Failed to load" not in message.text else None)
    yield opened
    context.close()
    assert errors == []


def go(page: Page, server: Server, place: str) -> None:
    page.goto(f"{server.url}/#/{place}")
    live(page)


def live(page: Page) -> None:
    expect(page.locator("#connection")).to_have_text("live", timeout=PATIENCE)


def says(page: Page, text: str) -> None:
    expect(page.locator("main")).to_contain_text(text, timeout=PATIENCE)


# --- what the files must be


def test_types_are_right(tmp_path: pathlib.Path):
    for each in (*WEB.glob("*.js"), WEB / "types.d.ts", WEB / "tsconfig.json"):
        shutil.copy(each, tmp_path)
    (tmp_path / "node_modules").symlink_to(PACKAGES)
    run = subprocess.run(["node", PACKAGES / "typescript/bin/tsc", "-p", tmp_path], capture_output=True, text=True, timeout=280)
    assert run.returncode == 0, run.stdout


def test_nothing_makes_markup_of_text_or_leaves_the_server():
    for each in WEB.glob("*.js"):
        text = each.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|dangerously|\beval\b|new Function", text), each.name
        assert not re.search(r"https?://", text), each.name
    for name in ("index.html", "docs.html"):
        page = (WEB / name).read_text()
        assert "style=" not in page and "<style" not in page and re.findall(r"<script[^>]*>(.*?)</script>", page) == [""]
        assert not re.search(r'(src|href)="/', page), "URLs are relative: a proxy may add a prefix"


def test_what_the_server_gives(server: Server):
    page = server.get("/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'" and policy["style-src"] == "'self'" and policy["frame-ancestors"] == "'none'"
    seen, size = {"index.html"}, len(gzip.compress(page.content))
    wanted = re.findall(r'(?:src|href)="console/([^"]+)"', page.text)
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        answer = server.get(f"/console/{name}")
        assert answer.status_code == 200 and answer.headers["Content-Security-Policy"] == page.headers["Content-Security-Policy"], name
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        if name.endswith(".js"):
            assert answer.headers["Content-Type"].startswith("text/javascript")
            imports = re.findall(r'(?:from|import) *["\']([^"\']+)["\']', answer.text)
            assert all(each.startswith("./") for each in imports), (name, imports)
            wanted += [each.removeprefix("./") for each in imports]
        size += len(gzip.compress(answer.content))
    assert {"app.js", "style.css", "icon.svg", "preact.js", "hooks.js", "htm.js"} <= seen
    assert size < 150_000
    for name in ("none.js", "..%2Findex.html", "types.d.ts", "package.json"):
        assert server.get(f"/console/{name}").status_code == 404


# --- what people do with it


def test_a_task_waits_and_starts(make_server: MakeServer, page: Page):
    """Submitted on the page, it waits with its reason; the limit is changed on the page, and it starts. Then its server is started again."""
    server = make_server().start()
    used = server.get("/v1/resources/usage").json()["memory_percent"]
    server.request("PUT", "/v1/resources/limits", json={"max_memory_percent": used / 2})
    wait_until(lambda: server.get("/v1/resources/usage").json()["hosts"][0]["reason"] == "memory", 30, "a closed gate")
    go(page, server, "try")
    page.get_by_label("First claim").fill(ASPIRIN)
    page.get_by_label("Second claim").fill(NO_ASPIRIN)
    page.get_by_role("button", name="Compare").click()
    says(page, "waits for memory")
    link = page.locator("section a[href^='#/tasks/']").first
    task_id = link.inner_text()

    page.get_by_role("link", name="Now", exact=True).click()
    says(page, "gate closed")
    expect(page.get_by_role("list", name="What waits")).to_contain_text(task_id, timeout=PATIENCE)
    expect(page.get_by_role("list", name="What waits")).to_contain_text("waits for memory")

    page.get_by_role("link", name="Change the limits").first.click()
    page.get_by_label("Memory, percent").fill("100")
    expect(page.locator("#forecast")).to_have_text("This change would start 1 task.", timeout=PATIENCE)
    page.get_by_role("button", name="Change", exact=True).click()
    says(page, "Workers that confirmed it: 1.")
    page.goto(f"{server.url}/#/tasks/{task_id}")
    expect(page.get_by_role("region", name="Verdict")).to_contain_text("They contradict each other", timeout=PATIENCE)
    expect(page.locator("mark.negation").first).to_have_text("not")
    says(page, "waiting")  # the timeline keeps what it waited for

    assert server.stop() == 0
    expect(page.locator("#connection")).to_have_text("reconnecting …", timeout=PATIENCE)
    server.start()
    live(page)
    page.get_by_role("link", name="Tasks", exact=True).click()
    says(page, task_id)


def test_a_killed_worker_is_a_gap_in_the_timeline(make_server: MakeServer, page: Page):
    server = make_server().start()
    task_id = server.post("/v1/async-ml/embeddings/generate", json={"texts": ["A sentence about the heart. " * 40] * 3_000}).json()["data"]["task_id"]
    wait_until(lambda: server.task(task_id)["status"] == "processing", 60, "it runs")
    go(page, server, f"tasks/{task_id}")
    [worker] = server.children(" worker")
    os.kill(worker, signal.SIGKILL)
    says(page, "lost")
    says(page, "Attempt 2")
    page.get_by_role("button", name="Cancel").click()


def test_the_list_follows_and_pages(make_server: MakeServer, page: Page):
    server = make_server().start()
    server.post("/v1/queues/medsynth/pause")
    ids = [server.detect(use_all_methods=False) for _ in range(60)]
    go(page, server, "tasks?status=pending")
    says(page, "60 tasks")
    expect(page.locator("tbody tr")).to_have_count(50)
    says(page, "waits for its queue (paused)")
    page.get_by_role("button", name="Older").click()
    expect(page.locator("tbody tr")).to_have_count(10, timeout=PATIENCE)
    page.get_by_role("button", name="Newer").click()
    expect(page.locator("tbody tr").first).to_contain_text(ids[-1], timeout=PATIENCE)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(ids[-1], timeout=PATIENCE)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("main .chip.cancelled")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    assert server.task(ids[-1])["status"] == "cancelled"
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    wait_until(lambda: server.get(f"/v1/tasks/{ids[-1]}").status_code == 404, 30, "it is deleted")

    go(page, server, "queues")
    page.get_by_role("button", name="Resume").click()
    go(page, server, "tasks?status=completed&queue=medsynth")
    expect(page.locator("tbody tr").first).to_be_visible(timeout=PATIENCE)
    wait_until(lambda: server.get("/v1/tasks/?status=completed").json()["total"] == 59, 60, "all ran")
    page.get_by_label("Status").select_option("failed")
    says(page, "There are no such tasks.")


def test_who_went_on_is_not_called_back(make_server: MakeServer, page: Page):
    server = make_server().start()
    server.post("/v1/queues/medsynth/pause")
    task_id = server.detect(use_all_methods=False)
    go(page, server, f"tasks/{task_id}")
    held: list[Route] = []  # the answer that is slow to come
    page.route(f"**/v1/tasks/{task_id}", lambda route: held.append(route) if route.request.method == "DELETE" else route.continue_())
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    wait_until(lambda: page.evaluate("true") and len(held) == 1, 30, "it is sent")  # Playwright's routes run while it is asked something
    go(page, server, "queues")
    with page.expect_response(f"**/v1/tasks/{task_id}") as answer:
        held[0].continue_()
    assert answer.value.finished() is None
    page.evaluate("() => fetch('livez').then((later) => later.text())")  # what was asked later is answered, so the page has read it
    assert page.url.endswith("#/queues")


def test_dead_letters_by_cause(make_server: MakeServer, page: Page):
    server = make_server().start()
    for number in range(3):
        server.post("/v1/queues/medsynth/messages", json={"actor": f"nobody{number}", "options": {"max_retries": 0}})
    wait_until(lambda: server.get("/v1/dead/").json()["total"] == 3, 60, "they died")
    go(page, server, "dead")
    expect(page.locator("main h2")).to_have_count(1, timeout=PATIENCE)
    expect(page.locator("main h2")).to_contain_text("3 ×")
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("dialog")).to_contain_text("3 dead letters match: replay them?", timeout=PATIENCE)
    page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    says(page, "Done: 3 of 3 dead letters.")
    wait_until(lambda: server.get("/v1/dead/").json()["total"] == 3, 60, "they died again")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("3 dead letters match", timeout=PATIENCE)
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    wait_until(lambda: server.get("/v1/dead/").json()["total"] == 0, 60, "they are deleted")


def test_a_default_model_is_chosen(make_server: MakeServer, models: pathlib.Path, page: Page, tmp_path: pathlib.Path):
    server = make_server(MEDSYNTH_MODELS_DIR=str(tmp_path / "models"))
    for name in ("one", "two"):
        added = server.cli("models", "add", name, str(models / "smollm2-135m-instruct-q4_1.gguf"), "--link", "--no-calibrate", "--licence", "Apache-2.0")
        assert added.returncode == 0, added.stderr
    server.start()
    go(page, server, "models")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2, timeout=PATIENCE)
    expect(rows.first).to_contain_text("Licence: Apache-2.0")
    for name, other in (("two", "one"), ("one", "two")):
        rows.filter(has_text=name).get_by_role("button", name="Use").click()
        expect(rows.filter(has_text=name)).to_contain_text("default", timeout=PATIENCE)
        expect(rows.filter(has_text=other)).not_to_contain_text("default", timeout=PATIENCE)
    expect(rows.filter(has_text="one").get_by_role("button", name="Use")).to_have_count(0)


def test_ten_thousand_tasks(make_server: MakeServer, page: Page):
    """A page of them is shown, whatever there are; they are found, selected, and changed together after they were counted."""
    server = make_server("--workers", "0").start()
    make_tasks(server.redis(), 10_000)
    make_tasks(server.redis(), 3, "late-{}", begin=1_761_000_000_000_000, status="failed", error="needs 12 MiB")
    go(page, server, "tasks")
    says(page, "10003 tasks")
    nodes = "document.querySelectorAll('*').length"
    expect(page.locator("tbody tr")).to_have_count(50)
    assert page.evaluate(nodes) < 1500
    for _ in range(3):
        first = page.locator("tbody tr").first.inner_text()
        page.get_by_role("button", name="Older").click()
        expect(page.locator("tbody tr").first).not_to_have_text(first, timeout=PATIENCE)
    assert page.evaluate(nodes) < 1500

    page.get_by_label("Find").fill("task-00042")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1, timeout=PATIENCE)
    says(page, "all 10003 looked at")
    assert "text=task-00042" in page.url  # can be kept and sent
    page.get_by_label("Find").fill("task-0004")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(10, timeout=PATIENCE)
    page.get_by_role("button", name="Delete all").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("10 tasks match: delete them for good?", timeout=PATIENCE)
    dialog.get_by_role("button", name="Keep").click()
    assert server.get("/v1/tasks/").json()["total"] == 10_003
    page.get_by_role("button", name="Delete all").click()
    dialog.get_by_role("button", name="Delete all").click()
    says(page, "Done: 10 of 10 tasks.")
    says(page, "There are no such tasks.")
    assert server.get("/v1/tasks/").json()["total"] == 9993

    page.get_by_label("Error").focus()
    expect(page.locator("#errors option")).to_have_attribute("value", "needs N MiB", timeout=PATIENCE)
    page.get_by_label("Find").fill("")
    page.keyboard.press("Enter")
    says(page, "9993 tasks")
    page.get_by_label("Error").fill("needs N MiB")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(3, timeout=PATIENCE)
    go(page, server, "tasks?status=failed")
    expect(page.locator("tbody tr")).to_have_count(3, timeout=PATIENCE)
    page.locator("h1").click()  # out of the field
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.get_by_label("Select late-0").check()
    page.get_by_role("button", name="Delete selected").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete selected").click()
    says(page, "Done: 2 of 2.")
    expect(page.locator("tbody tr")).to_have_count(1, timeout=PATIENCE)
    assert server.task("late-1")["status"] == "failed"
    page.get_by_role("button", name="Cancel all").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel all").click()
    says(page, "Done: 0 of 1 task. 1: it has ended")


def test_the_last_hour_is_drawn(make_server: MakeServer, page: Page):
    server = make_server().start()
    server.result(server.detect(use_all_methods=False))
    wait_until(lambda: sum(step["ended"] for step in server.get("/v1/history").json()["steps"]) == 1, 30, "its worker said so")
    go(page, server, "now")
    expect(page.get_by_role("img", name="Runs: 1 ended, 0 failed")).to_be_visible(timeout=PATIENCE)
    assert page.locator(".chart path.use").first.get_attribute("d").startswith("M")
    page.get_by_role("button", name="day", exact=True).click()
    expect(page.get_by_role("heading", name="The last day")).to_be_visible(timeout=PATIENCE)


def test_a_file_of_references(server: Server, page: Page):
    go(page, server, "try")
    page.locator("input[type=file]").set_input_files(pathlib.Path(__file__).with_name("planted.ris"))
    says(page, "6 articles (ris)")
    page.get_by_role("button", name="Look for contradictions").click()
    analysis = page.get_by_role("region", name="Analysis")
    expect(analysis).to_contain_text("6articles", timeout=PATIENCE)
    expect(analysis).to_contain_text("Statins and stroke")


def test_what_comes_from_outside_stays_text(server: Server, page: Page):
    evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    task_id = server.detect(evil, f"{evil} does not", use_all_methods=False, task_id="<b>&\"'id")
    server.wait_task("%3Cb%3E%26%22'id")
    go(page, server, "tasks")
    says(page, task_id)
    page.get_by_role("link", name=task_id).first.click()
    expect(page.locator("h1")).to_have_text(task_id)
    assert page.locator("main img, main script, h1 b").count() == 0 and "Medsynth" in page.title()
    server.request("DELETE", "/v1/tasks/%3Cb%3E%26%22'id")


def test_a_key_is_shown_once(make_server: MakeServer, page: Page):
    """A wrong one is refused with words; from then on a cookie that no script reads stands for it, and nothing is left behind when the person signs out."""
    own = make_server("--workers", "0")
    token = own.cli("keys", "create", "ada", "--scope", "read").stdout.strip()
    own.start()
    page.goto(f"{own.url}/")
    page.get_by_label("This server wants a key").fill(token[:-1])
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("dialog [role=alert]")).to_contain_text("key", timeout=PATIENCE)
    page.get_by_label("This server wants a key").fill(token)
    page.get_by_role("button", name="Sign in").click()
    live(page)
    kept = "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    assert page.evaluate(kept) == '[{},{},""]'
    [cookie] = page.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and token[-64:] not in cookie["value"]
    other = page.context.new_page()
    other.goto(f"{own.url}/#/tasks")
    expect(other.locator("#connection")).to_have_text("live", timeout=PATIENCE)
    page.evaluate("sessionStorage.setItem('medsynth.claims.x', '[]')")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("This server wants a key")).to_be_visible(timeout=PATIENCE)
    assert page.context.cookies() == [] and page.evaluate(kept) == '[{},{},""]'
    assert own.get("/v1/tasks/", headers={"Cookie": f"{cookie['name']}={cookie['value']}"}).status_code == 401
    assert own.stop() == 0


def test_behind_a_path_prefix(server: Server, page: Page):
    """As of a proxy that serves it below /med/."""
    def forward(route):
        route.fulfill(response=route.fetch(url=route.request.url.replace("/med/", "/")))
    page.route("**/med/**", lambda route: forward(route) if "/v1/events" not in route.request.url else route.abort())
    page.goto(f"{server.url}/med/#/models")
    expect(page.locator("tbody tr").first).to_be_visible(timeout=PATIENCE)


# --- for everybody


def test_the_reference_of_the_calls(server: Server, page: Page):
    """Each call with what it takes, what it answers and an example; a type is one click away, and any call one word. No barriers."""
    page.goto(f"{server.url}/docs")
    expect(page.get_by_role("heading", level=1)).to_contain_text("HTTP API", timeout=PATIENCE)
    calls = sum(len(methods) for methods in server.get("/openapi.json").json()["paths"].values())
    expect(page.locator("details:has(summary .chip)")).to_have_count(calls)
    page.get_by_label("Find").fill("contradict each other")
    page.get_by_text("POST /v1/async-ml/contradiction/detect").click()
    call = page.locator("#detect_contradiction")
    expect(call).to_contain_text("submit")
    expect(call.locator("pre").first).to_contain_text('"claim1": "Aspirin reduces')
    call.get_by_role("link", name="DetectContradiction").click()
    expect(page.locator("#DetectContradiction")).to_contain_text("1 to 32768 characters")
    context = page.context.browser.new_context(bypass_csp=True)  # for axe
    bare = context.new_page()
    for width in WIDTHS:
        bare.set_viewport_size({"width": width, "height": 900})
        bare.goto(f"{server.url}/docs#show_task")
        expect(bare.locator("#show_task")).to_have_attribute("open", "", timeout=PATIENCE)
        assert bare.evaluate("document.documentElement.scrollWidth") <= width, width
    assert barriers(bare) == []
    context.close()


@SCHEMES
def test_no_barriers_at_any_width(server: Server, browser: Browser, scheme: str):
    """axe-core finds nothing, and nothing is wider than the page; with MEDSYNTH_PICTURES, pictures of it."""
    if not server.get("/v1/tasks/").json()["total"]:
        server.result(server.detect())
    task_id = server.get("/v1/tasks/").json()["tasks"][0]["task_id"]
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)  # for axe, which is put into the page
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    for place in (*PAGES, f"tasks/{task_id}"):
        go(page, server, place)
        expect(page.locator("h1")).to_be_visible()
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (place, width)
            if PICTURES:
                page.screenshot(path=f"{PICTURES}/{place.split('/')[0] if '/' not in place else 'task'}-{width}-{scheme}.png", full_page=True)
        assert barriers(page) == [], place
    context.close()
