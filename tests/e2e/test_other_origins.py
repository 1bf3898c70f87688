"""Pages of other origins in a real browser, whose visitor's server they reach: they change nothing, and read nothing."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator

import pytest
from browser import chromium
from conftest import ASPIRIN, NO_ASPIRIN, Server, wait_until
from playwright.sync_api import Browser, Page

EVIL, REBOUND = "evil.example", "rebound.example"
# What a page may try without asking first, with each body that a form or a beacon can send; and what needs leave, which it does not get.
ATTACKS = """async ({server, key}) => {
  const seen = [];
  const attempt = async (method, path, options = {}) => {
    try {
      const answer = await fetch(server + path, {method, credentials: 'include', ...options});
      seen.push([method, path, answer.type, answer.status, answer.type === 'opaque' ? '' : await answer.text()]);
    } catch (error) {
      seen.push([method, path, 'error', 0, '']);
    }
  };
  const claims = JSON.stringify({claim1: 'Aspirin reduces stroke.', claim2: 'Aspirin does not reduce stroke.'});
  const form = new FormData();
  form.append('file', new Blob(['TY  - JOUR']), 'a.ris');
  const headers = key ? {Authorization: `Bearer ${key}`} : {'X-Forwarded-Host': 'localhost'};
  for (const mode of ['no-cors', 'cors']) {
    for (const path of ['/v1/queues/medsynth/pause', '/v1/tasks/kept/cancel', '/v1/dead/replay?queue=medsynth', '/v1/resources/limits'])
      await attempt('POST', path, {mode});
    for (const body of [claims, new URLSearchParams({claim1: 'a'}), form, new Blob([claims]), new Blob([claims], {type: 'text/plain'})])
      await attempt('POST', '/v1/async-ml/contradiction/detect', {mode, body});
    await attempt('POST', '/v1/references', {mode, body: form});
  }
  for (const [method, path] of [['DELETE', '/v1/tasks/?all=true'], ['DELETE', '/v1/tasks/kept'], ['DELETE', '/v1/model-cache/clear'], ['PUT', '/v1/resources/limits'],
                                ['POST', '/v1/queues/medsynth/pause']])
    await attempt(method, path, {mode: 'cors', headers: {...headers, 'Content-Type': 'application/json'}, body: method === 'PUT' ? '{"max_concurrent_tasks": 1}' : undefined});
  for (const path of ['/v1/tasks/', '/v1/tasks/kept', '/openapi.json']) for (const mode of ['no-cors', 'cors']) await attempt('GET', path, {mode, headers: mode === 'cors' ? headers : {}});
  navigator.sendBeacon(server + '/v1/queues/medsynth/pause', claims);
  const frame = document.createElement('iframe');
  frame.name = 'there';
  document.body.append(frame);
  for (const enctype of ['text/plain', 'multipart/form-data', 'application/x-www-form-urlencoded']) {
    const post = Object.assign(document.createElement('form'), {method: 'POST', enctype, target: 'there', action: server + '/v1/queues/medsynth/pause'});
    document.body.append(post);
    post.submit();
    await new Promise((loaded) => frame.addEventListener('load', loaded, {once: true}));
  }
  return seen;
}"""


class Peer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>evil</title><body>")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where another site is, on this machine."""
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running.server_port
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Newer ones ask their user before a page may reach this machine; ours must not count on that.
    with chromium(f"--host-resolver-rules=MAP {EVIL} 127.0.0.1, MAP {REBOUND} 127.0.0.1", "--disable-features=LocalNetworkAccessChecks") as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with contextlib.closing(browser.new_context()) as context:
        opened = context.new_page()
        opened.set_default_timeout(60_000)
        yield opened


def state_of(server: Server, headers: dict[str, str]) -> list:
    """What the attacks would change."""
    [queue] = [each for each in server.get("/v1/queues/", headers=headers).json()["queues"] if each["name"] == "medsynth"]
    tasks = server.get("/v1/tasks/", headers=headers).json()["tasks"]
    return [queue["state"], [(each["task_id"], each["status"]) for each in tasks], server.get("/v1/resources/limits", headers=headers).json()]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", EVIL])
@pytest.mark.parametrize("keys", [False, True], ids=["open", "keys"])
def test_a_page_of_another_origin(make_server, page: Page, port: int, name: str, keys: bool):
    """Another port, or another name too; the visitor has cookies of the server's site, and is signed in to its console."""
    server = make_server("--workers", "0")
    token = server.cli("keys", "create", "visitor", "--scope", "admin").stdout.strip() if keys else ""
    headers = {"Authorization": f"Bearer {token}"} if keys else {}
    server.start()
    assert server.post("/v1/async-ml/contradiction/detect", json={"claim1": ASPIRIN, "claim2": NO_ASPIRIN, "task_id": "kept"}, headers=headers).status_code == 202
    page.context.add_cookies([{"name": "of_the_site", "value": "1", "url": server.url}])
    console = page.context.new_page()
    console.goto(server.url)
    if keys:
        console.get_by_label("This server wants a key").fill(token)
        console.get_by_role("button", name="Sign in").click()
    console.locator("#connection", has_text="live").wait_for(timeout=60_000)
    before = state_of(server, headers)
    page.goto(f"http://{name}:{port}/")
    seen = page.evaluate(ATTACKS, {"server": server.url, "key": token})
    assert state_of(server, headers) == before
    assert {kind for _, _, kind, _, _ in seen} == {"opaque", "error"}, "it read an answer"
    assert not any(text for *_, text in seen)
    # The attacks did arrive: those that a page may send without leave.
    def refused() -> list[dict]:
        return [line for line in map(json.loads, server.log.read_text().splitlines()) if line.get("status") == 403 and line["method"] == "POST"]
    wait_until(lambda: len(refused()) >= 10, what="attempts in the log")
    assert server.stop() == 0


def test_a_page_that_rebinds_its_name(make_server, page: Page):
    """Its name was another machine's when it was loaded, and is this one's now: to the browser that is one origin."""
    server = make_server("--workers", "0").start()
    server.post("/v1/async-ml/contradiction/detect", json={"claim1": ASPIRIN, "claim2": NO_ASPIRIN, "task_id": "kept"})
    before = state_of(server, {})
    own = server.url.replace("127.0.0.1", REBOUND)
    page.route(f"{own}/page", lambda route: route.fulfill(content_type="text/html", body="<!doctype html><title>evil</title><body>"))
    page.goto(f"{own}/page")
    seen = page.evaluate(ATTACKS, {"server": "", "key": ""})
    assert len(seen) > 20 and {status for *_, status, _ in seen} == {421}, seen
    assert not any("kept" in text for *_, text in seen)
    assert page.goto(own).status == 421
    assert state_of(server, {}) == before
    assert server.stop() == 0
