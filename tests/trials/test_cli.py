"""The command line: what it must never do more of, whom it talks to, what it shows, and what it says when it fails."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.server
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from conftest import BINARY, Server, free_port, wait_until

# Every command that asks a server, with arguments that are well formed.
COMMANDS = [line.split() for line in """
contradict A B
contradict A B --no-wait
tasks list
tasks show x
tasks rm x
tasks rm --all --yes
tasks rm --status failed --yes
tasks errors
tasks replay --status failed --yes
tasks cancel --status pending --yes
tasks cancel x
send actor
queues ls
queues pause q
queues resume q
queues purge q --yes
dead list
dead show x
dead replay x
dead replay --all --queue q
dead errors
dead replay --error words
dead purge --error words --yes
dead purge x --yes
dead purge --all --queue q --yes
usage
system
limits show
limits set max_concurrent_tasks=2
limits reset
cache ls
cache rm m
cache clear
""".strip().splitlines()]

HOSTILE = "evil\x1b[2J\nroot\u202e"
SHOWN = "evil\\x1b[2J\\nroot\\u202e"


def cli(*words: str, url: str = "http://127.0.0.1:1", stdout=subprocess.PIPE, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command with an environment of its own: no settings file, no folder of this machine's."""
    return subprocess.run([str(BINARY), *words], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60,
                          env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "MEDSYNTH_URL": url, **environment})


def each(commands: list[list[str]], url: str) -> Iterator[tuple[list[str], subprocess.CompletedProcess[str]]]:
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        yield from zip(commands, pool.map(lambda words: cli(*words, url=url), commands))


class Peer(http.server.BaseHTTPRequestHandler):
    """Answers every request alike, as its server says; remembers what was asked."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path))
        status, headers, body = self.server.answer(self.command, self.path)
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_) -> None:
        pass


OURS = {"Medsynth-Version": "9.9.9", "Content-Type": "application/json"}


@contextlib.contextmanager
def peer(answer: Callable[[str, str], tuple[int, dict[str, str], bytes]]) -> Iterator[http.server.ThreadingHTTPServer]:
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    running.answer, running.asked = answer, []
    running.url = f"http://127.0.0.1:{running.server_port}"
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield running
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


# ---- C1: an empty or missing value never widens what is done ----

NARROW = [
    ("tasks", "rm", ""), ("tasks", "rm", " "), ("tasks", "rm", "."), ("tasks", "rm", ".."), ("tasks", "rm", "x", ""), ("tasks", "rm", "a\x1fb"),
    ("tasks", "rm", "--status", ""), ("tasks", "rm", "--status", "", "--older-than", "0", "--yes"), ("tasks", "rm", "--older-than", "", "--yes"),
    ("tasks", "rm", "--status", "pending", "--older-than", "-5", "--yes"), ("tasks", "rm"), ("tasks", "rm", "--yes"),
    ("tasks", "rm", "--all"), ("tasks", "rm", "--status", "pending"), ("tasks", "rm", "--older-than", "0"),
    ("tasks", "rm", "x", "--all", "--yes"), ("tasks", "rm", "x", "--status", "failed", "--yes"), ("tasks", "rm", "--all", "--status", "failed", "--yes"),
    ("tasks", "show", ""), ("tasks", "show", ".."), ("tasks", "cancel", ""), ("tasks", "cancel", "."),
    ("tasks", "cancel"), ("tasks", "cancel", "--status", "failed"), ("tasks", "cancel", "x", "--status", "failed", "--yes"), ("tasks", "cancel", "--queue", "", "--yes"),
    ("tasks", "replay", "--yes"), ("tasks", "replay", "--error", "", "--yes"), ("tasks", "replay", "--status", "failed"), ("tasks", "rm", "--text", "", "--yes"),
    ("tasks", "rm", "--created-before", "soon", "--yes"), ("tasks", "rm", "--older-than", "1", "--updated-before", "1h", "--yes"), ("tasks", "list", "--text", ""),
    ("dead", "purge", "--error", "words"), ("dead", "purge", "--error", "", "--yes"), ("dead", "replay", "x", "--error", "words"), ("dead", "errors", "--queue", ""),
    ("queues", "purge", "", "--yes"), ("queues", "purge", ".", "--yes"), ("queues", "purge", "q"), ("queues", "pause", ""), ("queues", "resume", ".."),
    ("dead", "purge", "", "--yes"), ("dead", "purge", "--all", "--yes"), ("dead", "purge", "--all", "--queue", "", "--yes"),
    ("dead", "purge", "--all", "--queue", "..", "--yes"), ("dead", "purge", "x", "--queue", "", "--yes"), ("dead", "purge", "--yes"), ("dead", "purge", "x"),
    ("dead", "replay", ""), ("dead", "replay", "--all"), ("dead", "replay", "--all", "--queue", ""), ("dead", "list", "--queue", ""),
    ("cache", "rm", ""), ("cache", "rm", "."), ("limits", "set", ""), ("limits", "set", "max_cpu_percent="), ("limits", "set", "max_cpu_percent=nan"),
    ("send", "actor", "--queue", ""), ("send", ""), ("contradict", "A", "B", "--task-id", ""), ("contradict", "A", "B", "--task-id", ".."),
    ("models", "rm", ""), ("models", "pull", ""), ("models", "show", ""),
]


def test_c1_no_command_widens_what_is_empty():
    """Exit code 2, and nothing has been asked of the server."""
    with peer(lambda *_: (200, OURS, b"{}")) as server:
        for words, done in each([list(words) for words in NARROW], server.url):
            assert done.returncode == 2, (words, done.returncode, done.stdout, done.stderr)
            assert done.stderr.startswith("error: "), (words, done.stderr)
        assert server.asked == []


def test_c1_the_message_names_what_is_empty():
    for words, name in [(("tasks", "rm", "--status", ""), "--status"), (("dead", "list", "--queue", ""), "--queue"), (("tasks", "rm", ""), "TASK"),
                        (("tasks", "rm", ".."), "TASK"), (("tasks", "rm", "--all"), "--yes")]:
        assert name in cli(*words).stderr


def test_c1_odd_ids_stay_one_id():
    with peer(lambda *_: (404, OURS, b'{"detail": "There is no such task."}')) as server:
        for task_id, path in [("*", "%2A"), ("/", "%2F"), ("%2e%2e", "%252e%252e"), ("a/../b", "a%2F..%2Fb"), ("x?all=true", "x%3Fall%3Dtrue"), ("[a,b]", "%5Ba%2Cb%5D"),
                              ("[]", "%5B%5D"), ("a,b", "a%2Cb")]:
            assert cli("tasks", "rm", task_id, url=server.url).returncode == 3
            assert server.asked == [("DELETE", f"/v1/tasks/{path}")]
            server.asked.clear()


def test_every_command_takes_an_id_as_it_is():
    """Also where several may be given, and one that looks like a list of two."""
    taking = [words for words in COMMANDS if {"x", "q", "m"} & set(words)]
    with peer(lambda *_: (404, OURS, b'{"detail": "There is none."}')) as server:
        for words in taking:
            odd = ["[a,b]" if word in ("x", "q", "m") else word for word in words]
            cli(*odd, url=server.url)
            assert server.asked, odd
            assert all("%5Ba%2Cb%5D" in path or "=%5Ba%2Cb%5D" in path for _, path in server.asked), (odd, server.asked)
            server.asked.clear()
        cli("dead", "purge", "[a,b]", "c", "--yes", url=server.url)
        assert [path for _, path in server.asked][:1] == ["/v1/dead/%5Ba%2Cb%5D"]


def test_c1_deleting_many_is_asked_for(server: Server):
    kept = server.detect(use_all_methods=False, task_id="c1-kept")
    server.wait_task(kept)
    for words in [("tasks", "rm", ""), ("tasks", "rm", "--all"), ("tasks", "rm", "--status", "", "--older-than", "0", "--yes"),
                  ("tasks", "rm", "--status", "completed")]:
        assert server.cli(*words).returncode == 2
    assert server.get("/v1/tasks/c1-kept").status_code == 200
    assert server.request("DELETE", "/v1/tasks/").status_code == 422
    assert server.cli("tasks", "rm", "--status", "failed", "--yes").returncode == 0
    assert server.get("/v1/tasks/c1-kept").status_code == 200
    assert json.loads(server.cli("tasks", "rm", "--all", "--yes", "--json").stdout)["deleted_count"] >= 1
    assert server.get("/v1/tasks/c1-kept").status_code == 404


# ---- C2: the peer is identified, and nothing it says aborts ----

STRANGERS = {
    "object": lambda *_: (200, {"Content-Type": "application/json", "Server": "other/1"}, b"{}"),
    "list": lambda *_: (200, {"Content-Type": "application/json", "Server": "other/1"}, b"[]"),
    "page": lambda *_: (200, {"Content-Type": "text/html", "Server": "other/1"}, b"<html>hello</html>"),
    "error": lambda *_: (404, {"Content-Type": "text/html", "Server": "other/1"}, b"<html>not here</html>"),
    "redirect": lambda *_: (302, {"Location": "/login", "Server": "other/1"}, b""),
}


@pytest.mark.parametrize("kind", STRANGERS)
def test_c2_another_server_is_not_ours(kind: str):
    with peer(STRANGERS[kind]) as server:
        for words, done in each(COMMANDS, server.url):
            assert done.returncode == 6, (words, done.returncode, done.stderr)
            assert "not a Medsynth server" in done.stderr and "other/1" in done.stderr, (words, done.stderr)
            assert done.stdout == "", words


@pytest.mark.parametrize("body", [b"{}", b"[]", b'"x"', b"null", b"<html>", b'{"data": [], "tasks": {}, "queues": 1, "letters": "x", "hosts": null}'])
def test_c2_an_answer_that_cannot_be_read(body: bytes):
    """A server that says it is ours, of another version or damaged."""
    with peer(lambda *_: (200, OURS, body)) as server:
        for words, done in each(COMMANDS, server.url):
            assert done.returncode == 6, (words, done.returncode, done.stderr)
            assert server.url in done.stderr, (words, done.stderr)


def test_c2_an_answer_that_breaks_off():
    cut = {**OURS, "Content-Length": "1000", "Connection": "close"}
    with peer(lambda *_: (200, cut, b'{"tasks": [')) as server:
        for words, done in each(COMMANDS, server.url):
            assert done.returncode == 6 and "broke off" in done.stderr, (words, done.returncode, done.stderr)


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"-ERR unknown command 'GET'\r\n"])
def test_c2_what_is_no_http(said: bytes):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def close_all() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connection.recv(65536)
                    connection.sendall(said)
                    connection.close()
        thread = threading.Thread(target=close_all, daemon=True)
        thread.start()
        for words, done in each(COMMANDS, f"http://127.0.0.1:{listener.getsockname()[1]}"):
            assert done.returncode == 6 and "not a Medsynth server" in done.stderr, (words, done.returncode, done.stderr)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_c2_a_newer_server_may_say_more():
    page = {"tasks": [{"task_id": "t", "status": "completed", "new": 1}], "total": 1, "next_cursor": None, "newer": {"x": 1}}
    with peer(lambda *_: (200, OURS, json.dumps(page).encode())) as server:
        done = cli("tasks", "list", url=server.url)
        assert done.returncode == 0 and "completed" in done.stdout, done.stderr


def test_c2_the_server_names_itself(server: Server):
    for path in ["/livez", "/v1/tasks/nothing", "/nowhere"]:
        assert server.get(path).headers["Medsynth-Version"]


# ---- C3: secrets ----

SECRETS = ["redis://user:XSX/XRX@host:1/0", "redis//:XSXXRX@host", "redis://user:XSXXRX", "redis://:XSX?XRX@host", "redis://XSXXRX@host:1",
           "unix://:XSXXRX@/run/redis.sock?db=x", "redis+sentinel://:XSXXRX@one,two/m/x", "redis://user:XSXXRX%zz@host", "user:XSXXRX", "redis:/user:XSX//XRX@host", "http://eve:XSXXRX@host:1/x",
           "http://eve:XSX/XRX@host:1", "https://eve:XSXXRX@host", "eve:XSXXRX@host"]
# Where nothing says that it is one: not repeated when it is wrong.
PARTS = ["redis://host/XSXXRX", "redis://host?XSXXRX=1", "redis://[XSXXRX]:1", "redis+sentinel://:x@one,two/m/XSXXRX"]


@pytest.mark.parametrize("secret", SECRETS)
def test_c3_no_secret_is_shown(secret: str, tmp_path):
    words = [("config", "show"), ("config", "show", "--json"), ("doctor",), ("usage",), ("serve", f"--redis-url={secret}", "--workers", "0"),
             ("usage", f"--redis-ulr={secret}"), ("usage", secret), (secret,), ("usage", "--url", secret)]
    folders = {"MEDSYNTH_DATA_DIR": str(tmp_path), "MEDSYNTH_RUNTIME_DIR": str(tmp_path), "MEDSYNTH_LISTEN": "127.0.0.1:0"}
    for each_words in words:
        if each_words[0] in ("serve", "doctor") and not secret.startswith(("redis:", "unix:", "redis+")):
            continue
        if each_words[0] in ("serve", "doctor") and secret == "redis://XSXXRX@host:1":
            continue  # is well formed: they would look for it
        if secret == "user:XSXXRX" and secret in each_words and "--url" not in each_words:
            continue  # any word looks like that
        done = cli(*each_words, url=secret, REDIS_URL=secret, **folders)
        said = done.stdout + done.stderr
        assert "XSX" not in said and "XRX" not in said, (each_words, said)


@pytest.mark.parametrize("part", PARTS)
def test_c3_no_part_of_a_wrong_address_is_quoted(part: str, tmp_path):
    folders = {"MEDSYNTH_DATA_DIR": str(tmp_path), "MEDSYNTH_RUNTIME_DIR": str(tmp_path), "MEDSYNTH_LISTEN": "127.0.0.1:0"}
    for words in [("serve", "--workers", "0"), ("doctor",), ("usage", "--url", part)]:
        done = cli(*words, REDIS_URL=part, **folders)
        assert done.returncode != 0 and "XSX" not in done.stdout + done.stderr, (words, done.stdout, done.stderr)


# ---- C4: what a terminal is given, and what could not be written ----

def hostile(method: str, path: str) -> tuple[int, dict[str, str], bytes]:
    usage = {"cpu_percent": 1, "memory_percent": 1, "gpu_percent": 0, "concurrent_tasks": 0, "max_cpu_percent": 80, "max_memory_percent": 80,
             "max_gpu_percent": 80, "max_concurrent_tasks": 5, "reason": "", "detail": ""}
    task = {"task_id": HOSTILE, "status": HOSTILE, "actor": HOSTILE, "error": HOSTILE, "created_at": HOSTILE, "result": {HOSTILE: HOSTILE}, HOSTILE: HOSTILE}
    letter = {"id": HOSTILE, "queue": HOSTILE, "died_at": HOSTILE, "reason": HOSTILE, "decodable": False, "payload_bytes": 3, "actor": HOSTILE}
    queue = {"name": HOSTILE, "state": HOSTILE, "ready": 1, "delayed": 0, "running": 0, "dead": 1, "workers": 1}
    bodies = {
        "/v1/tasks/x": task, "/v1/tasks/?limit=20&offset=0": {"tasks": [task], "total": 1}, "/v1/queues/": {"queues": [queue]},
        "/v1/dead/?limit=20": {"letters": [letter], "total": 2, "next_cursor": HOSTILE},
        "/v1/dead/x": {**letter, "args": HOSTILE, "kwargs": {}, "options": {}, "traceback": HOSTILE, "payload": HOSTILE, "omitted": []},
        "/v1/resources/usage": {**usage, "hosts": [{**usage, "host": HOSTILE, "workers": [], "origin": "api", "tasks": []}]},
        "/v1/queues/q/pause": {"status": "success", "message": HOSTILE, "data": queue},
        "/v1/tasks/x/cancel": {"status": "success", "message": HOSTILE, "data": {"task_id": HOSTILE, "state": HOSTILE}},
    }
    if path in bodies:
        return 200, OURS, json.dumps(bodies[path]).encode()
    return 409, {**OURS, "Content-Type": "application/problem+json"}, json.dumps(
        {"detail": HOSTILE, "code": HOSTILE, "errors": [{"pointer": HOSTILE, "detail": HOSTILE + "2"}]}).encode()


def test_c4_nothing_that_others_said_acts_on_a_terminal():
    words = [["tasks", "list"], ["tasks", "show", "x"], ["queues", "ls"], ["dead", "list"], ["dead", "show", "x"], ["usage"], ["queues", "pause", "q"],
             ["tasks", "cancel", "x"], ["cache", "clear"], ["limits", "reset"]]
    with peer(hostile) as server:
        for command, done in each(words, server.url):
            said = done.stdout + done.stderr
            assert "evil" in said, (command, said)
            assert "\x1b" not in said and "\u202e" not in said, (command, said)
            # A traceback has lines of its own; everything else is one cell of one line.
            assert SHOWN in said or command == ["tasks", "show", "x"], (command, said)


def test_c4_a_host_with_a_line_break_is_one_row(make_server):
    server = make_server("--workers", "0", MEDSYNTH_HOST="box\nroot \x1b[31m")
    server.start(ready=False)
    wait_until(lambda: server.cli("usage").returncode == 0)
    lines = server.cli("usage").stdout.splitlines()
    assert len(lines) == 2 and lines[1].startswith("box\\nroot \\x1b[31m")


@pytest.mark.parametrize("words", [("usage",), ("tasks", "list"), ("config", "show"), ("config", "reference"), ("models", "list"), ("--help",),
                                   ("--version",), ("tasks", "rm", "--help"), ("queues", "ls", "--json")])
def test_c4_output_that_is_lost_is_an_error(server: Server, words: tuple[str, ...]):
    def run(redirection: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-c", f'"$0" "$@" {redirection}', str(BINARY), *words], capture_output=True, text=True, timeout=60,
                              env={**server.environment, "MEDSYNTH_URL": server.url})
    full = run("> /dev/full")
    assert full.returncode == 1 and "No space left on device" in full.stderr
    closed = run(">&-")
    assert closed.returncode == 1 and "Bad file descriptor" in closed.stderr
    head = run("| head -c 1")
    assert head.returncode == 0 and head.stderr == ""


# ---- C5: models ----

def models_cli(folder, *words: str) -> subprocess.CompletedProcess[str]:
    return cli("models", *words, MEDSYNTH_MODELS_DIR=str(folder))


def test_c5_models_add_and_rm(models, tmp_path):
    whole = (models / "smollm2-135m-instruct-q4_1.gguf").read_bytes()
    folder, elsewhere = tmp_path / "models", tmp_path / "elsewhere"
    elsewhere.mkdir()
    half, good, other = elsewhere / "half.gguf", elsewhere / "good.gguf", elsewhere / "other.gguf"
    half.write_bytes(whole[:len(whole) // 2])
    good.write_bytes(whole)
    other.write_bytes(b"no model")

    broken = models_cli(folder, "add", "m", str(half), "--no-calibrate")
    assert broken.returncode == 2 and f"{len(whole) // 2} of" in broken.stderr
    damaged = models_cli(folder, "add", "m", str(other), "--no-calibrate")
    assert damaged.returncode == 2 and "magic" in damaged.stderr, damaged.stderr
    missing = models_cli(folder, "add", "m", "nothing.gguf", "--no-calibrate")
    assert missing.returncode == 3 and "there is no file nothing.gguf" in missing.stderr
    assert not folder.exists() or [each for each in folder.iterdir() if each.suffix == ".gguf"] == []

    assert models_cli(folder, "add", "m", str(good), "--no-calibrate").returncode == 0
    assert (folder / "good.gguf").read_bytes() == whole and good.exists()
    again = models_cli(folder, "add", "m", str(good), "--no-calibrate")
    assert again.returncode == 2 and "--yes" in again.stderr
    assert models_cli(folder, "add", "m", "good.gguf", "--yes", "--notes", "second", "--no-calibrate").returncode == 0
    assert json.loads(models_cli(folder, "show", "m", "--json").stdout)["notes"] == "second"

    assert models_cli(folder, "rm", "m").returncode == 0 and (folder / "good.gguf").exists()
    assert models_cli(folder, "rm", "m").returncode == 3
    assert models_cli(folder, "add", "linked", str(good), "--link", "--no-calibrate").returncode == 0
    assert json.loads(models_cli(folder, "show", "linked", "--json").stdout)["file"] == str(good)
    outside = models_cli(folder, "rm", "linked", "--delete-file", "--yes")
    assert outside.returncode == 1 and good.exists()
    assert models_cli(folder, "add", "inside", "good.gguf", "--no-calibrate").returncode == 0
    assert models_cli(folder, "rm", "inside", "--delete-file").returncode == 2
    assert models_cli(folder, "rm", "inside", "--delete-file", "--yes").returncode == 0
    assert not (folder / "good.gguf").exists()


# ---- C6 ----

def test_c6_the_url_means_what_it_says():
    with peer(hostile) as server:
        for url in [server.url.replace("http", "HTTP"), server.url + "/"]:
            assert cli("queues", "ls", url=url).returncode == 0
            assert server.asked.pop() == ("GET", "/v1/queues/")
        cli("queues", "ls", url=server.url + "/behind/a/proxy/")
        assert server.asked.pop() == ("GET", "/behind/a/proxy/v1/queues/")
    tls = cli("queues", "ls", url="https://127.0.0.1:1")
    assert tls.returncode == 6 and "no Medsynth server answers at https://127.0.0.1:1" in tls.stderr


def test_c6_the_environments_proxy_is_not_asked():
    with peer(lambda *_: (502, {}, b"")) as proxy, peer(hostile) as server:
        assert cli("queues", "ls", url=server.url, http_proxy=proxy.url, HTTP_PROXY=proxy.url, ALL_PROXY=proxy.url).returncode == 0
        assert proxy.asked == []


def test_c6_ctrl_c_says_how_to_go_on():
    submitted = {"success": True, "message": "", "data": {"task_id": "the-task", "status": "pending"}, "meta": {"request_id": "r", "timestamp": "t"}}

    def pending(method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        return 200, OURS, json.dumps(submitted).encode()
    with peer(pending) as server:
        process = subprocess.Popen([str(BINARY), "contradict", "A", "B"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "MEDSYNTH_URL": server.url})
        wait_until(lambda: any(path.startswith("/v1/async-ml/task/the-task?wait=") for _, path in server.asked))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT and "medsynth tasks show the-task" in err and out == ""


def test_c6_a_sentinel_that_does_not_know_the_master_is_named(tmp_path):
    port = free_port()
    config = tmp_path / "sentinel.conf"
    config.write_text(f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\n")
    sentinel = subprocess.Popen(["redis-server", str(config), "--sentinel"], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: not socket.socket().connect_ex(("127.0.0.1", port)))
        done = cli("doctor", REDIS_URL=f"redis+sentinel://127.0.0.1:{port}/nobody", MEDSYNTH_RUNTIME_DIR=str(tmp_path), MEDSYNTH_DATA_DIR=str(tmp_path))
        assert "nobody" in done.stdout and f"127.0.0.1:{port}: doesn't know" in done.stdout, done.stdout
    finally:
        sentinel.kill()
        sentinel.wait()


def test_c6_a_tls_failure_has_its_reason(tmp_path):
    key, certificate, port = tmp_path / "key.pem", tmp_path / "certificate.pem", free_port()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=another",
                    "-addext", "subjectAltName=DNS:another", "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    redis = subprocess.Popen(["redis-server", "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path), "--tls-cert-file",
                              str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(certificate), "--tls-auth-clients", "no"],
                             stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: not socket.socket().connect_ex(("127.0.0.1", port)))
        folders = {"MEDSYNTH_RUNTIME_DIR": str(tmp_path), "MEDSYNTH_DATA_DIR": str(tmp_path)}
        urls = [f"rediss://127.0.0.1:{port}", f"rediss://127.0.0.1:{port}?ssl_ca_certs={certificate}"]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            untrusted, misnamed = pool.map(lambda url: cli("doctor", REDIS_URL=url, MEDSYNTH_REDIS="external", **folders).stdout, urls)
        assert "self-signed certificate" in untrusted, untrusted
        assert "the certificate is not for 127.0.0.1" in misnamed, misnamed
    finally:
        redis.kill()
        redis.wait()


# ---- S8 ----

def test_s8_a_huge_dead_letter_is_shown_in_part(server: Server):
    redis = server.redis()
    now = int(time.time() * 1000)
    letters = {"s8-bytes": b"\xff" * 20_000_000,
               "s8-args": json.dumps({"queue_name": "s8", "actor_name": "a", "args": ["\u00e4" * 20_000_000], "kwargs": {}, "options": {"traceback": "Traceback\n" * 20_000 + "ValueError: x"},
                                      "message_id": "s8-args", "message_timestamp": now}, ensure_ascii=False).encode()}
    for name, payload in letters.items():
        redis.hset("dramatiq:s8.XQ.msgs", name, payload)
        redis.zadd("dramatiq:s8.XQ", {name: now})
    try:
        for name, cut in [("s8-bytes", ["payload"]), ("s8-args", ["args", "traceback"])]:  # the traceback is cut by the command alone
            shown = server.cli("dead", "show", name, "--queue", "s8")
            assert shown.returncode == 0, shown.stderr
            assert len(shown.stdout) < 1_000_000 and f"of {', '.join(cut)} not all is shown" in shown.stdout
            letter = json.loads(server.cli("dead", "show", name, "--queue", "s8", "--json").stdout)
            assert set(letter["omitted"]) <= set(cut) and letter["payload_bytes"] == len(letters[name])
    finally:
        redis.delete("dramatiq:s8.XQ.msgs", "dramatiq:s8.XQ")
