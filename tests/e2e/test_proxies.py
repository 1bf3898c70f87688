"""Behind nginx and Caddy, by the recipes of deploy/proxy: https ends at the proxy, which has the server under a path and asks it through a unix socket."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator

import pytest
import requests
from browser import chromium
from certificates import Certificate, self_signed
from conftest import ASPIRIN, BINARY, NO_ASPIRIN, ROOT, Server, free_port, problem, wait_until
from playwright.sync_api import expect

NAME = "ml.example.org"
CLIENT = "127.0.0.2"  # another address of this machine than the proxy's
PATIENCE = 60_000  # ms; on a loaded machine
DETECT = {"claim1": ASPIRIN, "claim2": NO_ASPIRIN, "use_all_methods": False}


class Source(requests.adapters.HTTPAdapter):
    """Connects from CLIENT."""

    def init_poolmanager(self, *words, **options):
        super().init_poolmanager(*words, source_address=(CLIENT, 0), **options)


def recipe(name: str, **changes: str) -> str:
    """A file of deploy/proxy, with this test's places instead of its own."""
    text = (ROOT / "deploy/proxy" / name).read_text()
    for old, new in changes.items():
        assert text.count(old) == 1, (name, old)
        text = text.replace(old, new)
    return text


def nginx(folder: pathlib.Path, port: int, certificate: Certificate, path: str) -> list[str]:
    server = recipe("nginx.conf", **{"listen 443 ssl": f"listen 127.0.0.1:{port} ssl", "/run/medsynth-api/api.sock": path,
                                     "/etc/ssl/ml.example.org/fullchain.pem": str(certificate.certificate),
                                     "/etc/ssl/ml.example.org/privkey.pem": str(certificate.key)})
    (folder / "medsynth.conf").write_text(server)
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(f"daemon off; {user} pid {folder}/pid; error_log {folder}/error.log; events {{}} "
                                       f"http {{ access_log off; {temporary} include {folder}/medsynth.conf; }}")
    return ["nginx", "-p", str(folder), "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log"]


def caddy(folder: pathlib.Path, port: int, certificate: Certificate, path: str) -> list[str]:
    site = recipe("Caddyfile", **{"ml.example.org {": f"https://{NAME}:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate.certificate} {certificate.key}",
                                  "/run/medsynth-api/api.sock": path})
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + site)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", f"{folder}/Caddyfile"]


class Site:
    """A server, and the proxy through which clients reach it."""

    def __init__(self, folder: pathlib.Path, command) -> None:
        self.certificate = self_signed(folder, "site", f"DNS:{NAME}")
        self.port = free_port()
        self.url = f"https://{NAME}:{self.port}/medsynth"
        self.server = Server(folder, ("--path-prefix", "/medsynth", "--allowed-hosts", NAME, "--trusted-proxies", "unix"), MEDSYNTH_LOG_LEVEL="debug")
        self.socket = f"{folder}/api.sock"
        self.server.listen = f"unix:{self.socket}"
        self.server.start(ready=False)
        self.key = re.findall(r"^medsynth_\S+$", self.server.said, re.MULTILINE)[0]
        words = command(folder, self.port, self.certificate, self.socket)
        program = shutil.which(words[0], path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, f"{words[0]} is missing: run scripts/setup"
        with (folder / "proxy.log").open("w") as log:
            self.proxy = subprocess.Popen([program, *words[1:]], env={**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder / "caddy")},
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.session = requests.Session()
        self.session.trust_env, self.session.verify = False, str(self.certificate.certificate)
        self.session.mount("https://", Source())

    def request(self, method: str, path: str, *, key: bool = True, **options) -> requests.Response:
        headers = {**({"Authorization": f"Bearer {self.key}"} if key else {}), **options.pop("headers", {})}
        return self.session.request(method, self.url + path, headers=headers, timeout=120, **options)

    def is_ready(self) -> bool:
        try:
            return self.request("GET", "/readyz").status_code == 200
        except requests.ConnectionError:
            return False

    def line_of(self, request_id: str) -> dict:
        """What the server's log has of a request."""
        def found() -> dict | None:
            lines = [json.loads(line) for line in self.server.log.read_text().splitlines() if f'"{request_id}"' in line]
            return lines[0] if lines else None
        return wait_until(found, what=f"a line about {request_id}")

    def end(self) -> None:
        self.proxy.terminate()
        self.proxy.wait(30)
        assert self.server.stop() == 0
        assert not os.path.exists(self.socket)


@pytest.fixture(scope="module", autouse=True)
def name_of_the_site() -> Iterator[None]:
    """The site's name is this machine's."""
    ask = socket.getaddrinfo
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: ask("127.0.0.1" if host == NAME else host, *rest, **more))
        yield


@pytest.fixture(scope="module", params=[nginx, caddy], ids=["nginx", "caddy"])
def site(request, models) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="medsynth-") as folder:  # not pytest's: a socket's path has room for 107 characters
        running = Site(pathlib.Path(folder), request.param)
        try:
            wait_until(running.is_ready, 60, "an answer through the proxy")
            yield running
        finally:
            running.end()


@pytest.fixture
def short_folder() -> Iterator[pathlib.Path]:
    with tempfile.TemporaryDirectory(prefix="medsynth-") as folder:
        yield pathlib.Path(folder)


# --- through the proxies


def test_a_task_is_submitted_and_waited_for(site: Site):
    answer = site.request("POST", "/v1/async-ml/contradiction/detect", json=DETECT)
    assert answer.status_code == 202, answer.text
    where = answer.headers["Location"]
    assert where.startswith("/medsynth/v1/async-ml/task/")
    task = site.request("GET", where.removeprefix("/medsynth") + "?wait=60").json()
    while task["data"]["status"] in ("pending", "running"):
        task = site.request("GET", where.removeprefix("/medsynth") + "?wait=60").json()
    assert task["data"]["status"] == "completed", task


def test_events_come_while_they_happen(site: Site):
    with site.request("GET", "/v1/events", stream=True) as stream:
        lines = stream.iter_lines(chunk_size=1, decode_unicode=True)
        assert next(lines) == "event: start"
        task_id = site.request("POST", "/v1/async-ml/contradiction/detect", json=DETECT).json()["data"]["task_id"]
        assert any(task_id in line for line in lines)


def test_a_key_is_needed(site: Site):
    problem(site.request("GET", "/v1/tasks/", key=False), 401, "key_required")
    refused = site.request("POST", "/v1/references", key=False, data=b"x" * 1_000_000, headers={"Content-Type": "application/octet-stream"})
    problem(refused, 401, "key_required")


def test_an_id_with_a_slash_arrives_as_it_was_sent(site: Site):
    problem(site.request("GET", "/v1/tasks/a%2Fb%20c"), 404, "task_not_found")  # unknown_path, were it two segments


def test_paths_have_the_prefix(site: Site):
    assert site.request("GET", "/openapi.json").json()["servers"] == [{"url": "/medsynth"}]
    moved = site.request("GET", "", allow_redirects=False)
    assert moved.status_code in (301, 308) and moved.headers["Location"].endswith("/medsynth/")
    assert "<title>" in site.request("GET", "").text


def test_the_callers_own_address_is_logged(site: Site):
    """Whatever the caller says of itself."""
    for number, headers in enumerate(({}, {"X-Forwarded-For": "6.6.6.6"}, {"Forwarded": "for=6.6.6.6;host=evil.example"},
                                      {"X-Forwarded-For": "unix", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"})):
        answer = site.request("GET", "/v1/tasks/", headers={**headers, "X-Request-Id": f"who-{number}"})
        assert answer.status_code == 200, answer.text
        assert site.line_of(f"who-{number}")["client"] == CLIENT


def test_only_pages_of_the_site_change_something(site: Site):
    """By the scheme and the name that the browser sees, which are the proxy's."""
    own = site.url.removesuffix("/medsynth")
    assert site.request("POST", "/v1/queues/medsynth/resume", headers={"Origin": own}).status_code == 200
    for origin in (own.replace("https", "http"), "http://localhost", f"https://{NAME}", "https://evil.example", "null"):
        problem(site.request("POST", "/v1/queues/medsynth/resume", headers={"Origin": origin}), 403, "cross_site_request")


def test_the_console_works(site: Site):
    with chromium(f"--host-resolver-rules=MAP {NAME} 127.0.0.1") as browser:
        context = browser.new_context(ignore_https_errors=True)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        missing: list[str] = []
        page.on("response", lambda answer: missing.append(answer.url) if answer.status == 404 else None)
        page.goto(site.url)
        assert page.url.startswith(site.url + "/")
        page.get_by_label("This server wants a key").fill(site.key)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("#connection")).to_have_text("live", timeout=PATIENCE)
        [cookie] = context.cookies()
        assert cookie["secure"] and cookie["httpOnly"] and cookie["path"].startswith("/medsynth/")
        assert missing == []


# --- the server's side


def ask(path: str, request: str) -> tuple[int, dict[str, str]]:
    """Status and headers of a raw request through a unix socket."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(20)
        wire.connect(path)
        wire.sendall(request.encode())
        text = b""
        while b"\r\n\r\n" not in text:
            piece = wire.recv(4096)
            assert piece, text
            text += piece
    first, *lines = text.split(b"\r\n\r\n")[0].decode().split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines)


def serve(server: Server, *flags: str) -> subprocess.CompletedProcess[str]:
    """One that must not start."""
    return subprocess.run([str(BINARY), "serve", "--workers", "0", *flags], env=server.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)


def test_a_unix_socket(make_server, short_folder: pathlib.Path):
    """Its file is for owner and group, is taken over from a server that was killed but from no other, and goes with the server."""
    file = short_folder / "api.sock"
    server = make_server("--workers", "0", MEDSYNTH_LISTEN=f"unix:{file}")
    server.listen = f"unix:{file}"
    server.start(ready=False)
    assert server.url == f"unix:{file}" and file.stat().st_mode & 0o777 == 0o660
    assert server.cli("tasks", "list").returncode == 0  # MEDSYNTH_URL is that address
    assert server.cli("doctor").returncode in (0, 1)
    other = make_server()
    refused = serve(other, "--listen", f"unix:{file}")
    assert refused.returncode == 6 and "listens on" in refused.stderr and "--listen" in refused.stderr
    assert server.cli("tasks", "list").returncode == 0
    server.kill()
    assert file.exists()
    nobody = server.cli("tasks", "list")
    assert nobody.returncode == 6 and "no Medsynth server answers" in nobody.stderr
    server.start(ready=False)
    assert server.cli("tasks", "list").returncode == 0
    assert server.stop() == 0
    assert not file.exists() and list(short_folder.iterdir()) == []


def test_a_file_that_is_no_socket_stays(make_server, short_folder: pathlib.Path):
    server = make_server()
    file, link = short_folder / "notes", short_folder / "link"
    file.write_text("mine")
    link.symlink_to(file)
    for path in (file, link):
        refused = serve(server, "--listen", f"unix:{path}")
        assert refused.returncode == 6 and "no socket" in refused.stderr and str(path) in refused.stderr
    assert file.read_text() == "mine" and link.is_symlink()
    nowhere = serve(server, "--listen", f"unix:{short_folder}/none/api.sock")
    assert nowhere.returncode == 6 and "folder" in nowhere.stderr


def test_hosts_are_those_that_are_allowed(make_server, short_folder: pathlib.Path):
    """Both the Host header and what the proxy says of it: a page that rebinds its name can write the latter."""
    server = make_server("--workers", "0", "--allowed-hosts", NAME, "--trusted-proxies", "unix")
    server.listen = f"unix:{short_folder}/api.sock"
    server.start(ready=False)
    for headers, status in ((f"Host: {NAME}", 200), ("Host: ML.example.org:8443", 200), ("Host: localhost", 200), ("Host: evil.example", 421),
                            (f"Host: localhost\r\nX-Forwarded-Host: {NAME}", 200), ("Host: localhost\r\nX-Forwarded-Host: evil.example", 421),
                            (f"Host: evil.example\r\nX-Forwarded-Host: {NAME}", 421), (f"Host: localhost\r\nForwarded: for=10.0.0.1;host={NAME}", 200),
                            ("Host: localhost\r\nForwarded: for=10.0.0.1;host=evil.example", 421),
                            ("Host: localhost\r\nForwarded: for=10.0.0.1\r\nX-Forwarded-For: 10.0.0.1", 400)):
        assert ask(f"{short_folder}/api.sock", f"GET /livez HTTP/1.1\r\n{headers}\r\n\r\n")[0] == status, headers
    assert server.stop() == 0


def test_beyond_loopback_too(own_network, make_server):
    server = make_server("--workers", "0", "--allowed-hosts", NAME)
    server.listen = "0.0.0.0:0"
    server.start()
    assert server.get("/livez", headers={"Host": NAME}).status_code == 200
    problem(server.get("/livez", headers={"Host": "evil.example"}), 421, "misdirected_request")
    assert server.stop() == 0


def test_nobody_else_is_believed(make_server):
    """Neither whom they speak for nor what was asked of them."""
    server = make_server("--workers", "0", "--trusted-proxies", "10.0.0.0/8").start()
    forwarded = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "for=6.6.6.6"}
    for number, headers in enumerate((forwarded, {"Forwarded": "for=6.6.6.6;host=evil.example"})):
        answer = server.get("/v1/tasks/", headers={**headers, "X-Request-Id": f"who-{number}"})
        problem(answer, 401, "key_required")  # a proxy stands before it, so other machines reach it
        line = wait_until(lambda wanted=f'"who-{number}"': [each for each in server.log.read_text().splitlines() if wanted in each], what="a line")[0]
        assert json.loads(line)["client"] == "127.0.0.1"
    assert server.stop() == 0


def test_proxies_may_take_the_prefix_off(make_server):
    server = make_server("--workers", "0", "--path-prefix", "/medsynth").start()
    for path in ("/livez", "/medsynth/livez", "/medsynth/", "/medsynth/console/app.js"):
        assert server.get(path).status_code == 200, path
    moved = server.get("/medsynth", allow_redirects=False)
    assert moved.status_code == 308 and moved.headers["Location"] == "/medsynth/"
    for path in ("/medsynthlivez", "/medsynth/medsynth/livez", "/other/livez"):
        problem(server.get(path), 404, "unknown_path")
    answer = server.post("/v1/async-ml/contradiction/detect", json=DETECT)
    assert answer.headers["Location"].startswith("/medsynth/v1/") and server.get(answer.headers["Location"]).status_code == 200
    assert server.stop() == 0


@pytest.mark.parametrize("flag, value", [("--path-prefix", "medsynth/"), ("--allowed-hosts", "ml.example.org:80"), ("--trusted-proxies", "proxy.example"),
                                         ("--tls-client-ca", "/nowhere"), ("--listen", "unix:api.sock")])
def test_what_cannot_be_meant_is_named(make_server, flag: str, value: str):
    refused = serve(make_server(), *(("--listen", "127.0.0.1:0") if flag != "--listen" else ()), flag, value)
    assert refused.returncode == 2 and flag.strip("-").replace("-", "_") in refused.stderr.replace("-", "_"), refused
    assert "medsynth_" not in refused.stdout  # no key was made for a server that does not run
