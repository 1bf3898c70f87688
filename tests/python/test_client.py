"""The client of the HTTP API: what it refuses before it asks, whom it takes for a server, and which way it takes to it."""

import contextlib
import http.server
import json
import os
import socketserver
import tempfile
import threading

import pytest
import requests
from asf.medical.client import AsyncMedsynth, Medsynth
from asf.medical.core.persistent_task_storage import task_storage
from asf.medical.core.resource_limiter import resource_limiter
from asf.medical.core.task_queue import configure_broker
from asf.medical.errors import InvalidArgument, MedsynthError, NotAllowed, NotFound, Unavailable
from asf.medical.ml.model_cache import model_cache
from conftest import get, python

OURS = {"Medsynth-Version": "9.9.9"}


class Peer(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.server.asked.append((self.command, self.path))
        self.server.shown.append(self.headers.get("Authorization"))
        headers, body = self.server.answer
        self.send_response_only(self.server.status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def peer(headers, body, status=200):
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    running.answer, running.asked, running.shown, running.status = (headers, body), [], [], status
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield running, f"http://127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


@pytest.mark.parametrize("task_id", ["", " ", ".", "..", "a\nb", "x" * 201])
def test_c1_what_is_no_id_is_refused_before_anything_is_asked(task_id):
    with peer(OURS, b"{}") as (running, url):
        client = Medsynth(url)
        for call in (client.delete, client.cancel, client.task, client.wait):
            with pytest.raises(InvalidArgument) as refused:
                call(task_id)
            assert refused.value.faults[0][0] == "task_id"
        assert running.asked == []


def test_c1_odd_ids_stay_one_id():
    with peer(OURS, b"{}") as (running, url):
        for task_id, path in [("*", "%2A"), ("/", "%2F"), ("%2e%2e", "%252e%252e"), ("x?all=true", "x%3Fall%3Dtrue")]:
            Medsynth(url).delete(task_id)
            assert running.asked.pop() == ("DELETE", f"/v1/tasks/{path}")


def test_a_model_is_chosen_by_its_name(server):
    with peer(OURS, b'{"data": {"id": "a/b", "hosts": []}}') as (running, url):
        assert Medsynth(url).use_model("a/b")["id"] == "a/b"
        assert running.asked.pop() == ("POST", "/v1/models/a%2Fb/use")
        with pytest.raises(InvalidArgument):
            Medsynth(url).use_model("..")
        assert running.asked == []
    assert Medsynth(server).models() == Medsynth(server).request("GET", "/v1/models")["models"]
    with pytest.raises(MedsynthError):
        Medsynth(server).use_model("nobody")


def test_c1_an_empty_value_never_widens(server):
    task_storage.complete_task("kept", 1)
    client = Medsynth(server)
    with pytest.raises(InvalidArgument):
        client.tasks(status="")
    for age in (float("nan"), -1, float("-inf")):
        with pytest.raises(InvalidArgument):
            task_storage.cleanup_old_tasks(age)
    assert task_storage.cleanup_old_tasks(float("inf")) == 0
    assert task_storage.cleanup_old_tasks(10 * 365 * 86400) == 0
    for status in ("", "all", "*"):
        with pytest.raises(InvalidArgument):
            task_storage.list_tasks(status)
    for task_id in ("", ".", "..", " "):
        with pytest.raises(InvalidArgument):
            task_storage.delete_task_status(task_id)
    assert get(server, "/v1/tasks/kept").status_code == 200


def test_c1_an_age_below_a_second_is_not_zero():
    task_storage.complete_task("young", 1)
    assert task_storage.cleanup_old_tasks(0.9) == 0
    assert task_storage.get_task_status("young") is not None


def test_c1_names_of_nothing(server):
    model_cache.put("stays", object())
    assert not model_cache.remove("") and not model_cache.remove("*") and model_cache.get("stays") is not None
    with pytest.raises(InvalidArgument):
        resource_limiter.limited(model="")
    for empty in ({"url": ""}, {"namespace": ""}):
        with pytest.raises(InvalidArgument):
            configure_broker(**empty)
    with pytest.raises(InvalidArgument):
        Medsynth(url="")


@pytest.mark.parametrize(("headers", "body"), [({}, b"{}"), ({"Server": "other/1"}, b"<html>"), ({}, b"[]")])
def test_c2_another_server_is_not_ours(headers, body):
    with peer(headers, body) as (_, url):
        client = Medsynth(url)
        for call in (lambda: client.delete("x"), client.usage, client.tasks, lambda: client.detect_contradiction("A", "B")):
            with pytest.raises(Unavailable, match="not a Medsynth server"):
                call()


@pytest.mark.parametrize(("headers", "body"), [(OURS, b"<html>"), ({**OURS, "Content-Length": "100"}, b"{")])
def test_c2_an_answer_that_cannot_be_read(headers, body):
    with peer(headers, body) as (_, url), pytest.raises(MedsynthError):
        Medsynth(url, timeout=5).usage()


@pytest.mark.parametrize("url", ["http://eve:SECRET@host", "http://eve:SECRET", "http://eve:SEC/RET@host", "eve:SECRET", "ftp://host", "http://", "http://h?x"])
def test_c3_nothing_of_a_wrong_url_is_quoted(url):
    for client in (Medsynth, AsyncMedsynth):
        with pytest.raises(InvalidArgument) as refused:
            client(url)
        assert "SEC" not in str(refused.value) and "RET" not in str(refused.value)


def test_c6_the_url_means_what_it_says():
    with peer(OURS, b"{}") as (running, url):
        Medsynth(url.replace("http", "HTTP") + "/behind/").usage()
        assert running.asked.pop() == ("GET", "/behind/v1/resources/usage")


@pytest.mark.parametrize("url", ["unix:", "unix:api.sock", "unix://:secret@/run/api.sock", "unix:/run/api.sock?db=secret"])
def test_c3_what_is_no_unix_socket_is_not_quoted(url):
    with pytest.raises(InvalidArgument) as refused:
        Medsynth(url)
    assert "secret" not in str(refused.value)


def test_c6_a_unix_socket_is_an_address():
    file = f"{tempfile.mkdtemp(dir='/tmp')}/api.sock"  # its path has room for 107 characters
    with socketserver.ThreadingUnixStreamServer(file, Peer) as running:
        running.answer, running.asked, running.shown, running.status = (OURS, b'{"tasks": []}'), [], [], 200
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            assert Medsynth(f"unix:{file}", token="sesam").tasks() == []
            assert running.asked == [("GET", "/v1/tasks/?limit=100&offset=0")] and running.shown == ["Bearer sesam"]
        finally:
            running.shutdown()
            thread.join()
    os.remove(file)
    os.rmdir(os.path.dirname(file))
    with pytest.raises(Unavailable, match=file):
        Medsynth(f"unix:{file}").tasks()


def test_c6_the_environments_proxy_is_not_asked(monkeypatch):
    with peer({}, b"") as (proxy, proxy_url), peer(OURS, b"{}") as (_, url):
        monkeypatch.setenv("http_proxy", proxy_url)
        Medsynth(url).usage()
        Medsynth(url.replace("127.0.0.1", "localhost")).usage()
        assert proxy.asked == []
        with pytest.raises(MedsynthError):
            Medsynth("http://elsewhere.invalid").usage()
        assert proxy.asked == [("GET", "http://elsewhere.invalid/v1/resources/usage")]


def test_an_error_names_the_proxy_without_its_password(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://eve:SECRET@127.0.0.1:1")
    with pytest.raises(Unavailable, match="through the environment's proxy 127.0.0.1:1") as refused:
        Medsynth("http://elsewhere.invalid").usage()
    assert "SECRET" not in str(refused.value)
    with pytest.raises(Unavailable) as refused:
        Medsynth("http://127.0.0.1:1").usage()
    assert "proxy" not in str(refused.value)


# --- keys

KEY = "medsynth_0123456789ab_" + "0" * 64


def test_the_key_is_the_callers_else_the_environments_else_the_one_that_is_kept(monkeypatch, tmp_path):
    store = tmp_path / "medsynth/tokens.json"
    store.parent.mkdir()
    file = tmp_path / "key"
    file.write_text("of-a-file\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with peer(OURS, b"{}") as (running, url):
        def shown(**options):
            Medsynth(url + "/", **options).usage()
            return running.shown.pop()

        assert shown() is None
        store.touch(0o600)
        store.write_text(json.dumps({"tokens": {url: "kept", "http://other": "x"}}))
        assert shown() == "Bearer kept"
        monkeypatch.setenv("MEDSYNTH_TOKEN_FILE", str(file))
        assert shown() == "Bearer of-a-file"
        monkeypatch.setenv("MEDSYNTH_TOKEN", "of-the-environment")
        assert shown() == "Bearer of-the-environment"
        assert shown(token=KEY) == f"Bearer {KEY}"
        assert shown(token="") is None


def test_a_key_that_cannot_be_used_is_refused_and_not_quoted(monkeypatch, tmp_path):
    with pytest.raises(InvalidArgument) as refused:
        Medsynth("http://host", token="SECRET\r\nX: y")
    assert "SECRET" not in str(refused.value)
    monkeypatch.setenv("MEDSYNTH_TOKEN_FILE", str(tmp_path / "absent"))
    with pytest.raises(InvalidArgument, match="MEDSYNTH_TOKEN_FILE"):
        Medsynth("http://host")
    monkeypatch.delenv("MEDSYNTH_TOKEN_FILE")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    store = tmp_path / "medsynth/tokens.json"
    store.parent.mkdir()
    for text, mode, said in (('{"tokens": {}}', 0o640, "chmod 600"), ("SECRET", 0o600, "log in again")):
        store.write_text(text)
        store.chmod(mode)
        with pytest.raises(InvalidArgument, match=said) as refused:
            Medsynth("http://host")
        assert "SECRET" not in str(refused.value)


def test_a_redirect_does_not_take_the_key_along():
    with peer(OURS, b"{}") as (elsewhere, target), peer({**OURS, "Location": target + "/"}, b"", 302) as (running, url):
        Medsynth(url, token=KEY).usage()
        assert running.shown == [f"Bearer {KEY}"]
        assert elsewhere.shown == [None]


@pytest.mark.parametrize("status", [401, 403])
def test_what_a_key_may_not_do_is_said_in_the_servers_words(status):
    body = json.dumps({"detail": "This call needs a key: ...", "code": "key_required"}).encode()
    with peer(OURS, body, status) as (_, url), pytest.raises(NotAllowed, match="This call needs a key") as refused:
        Medsynth(url).usage()
    assert refused.value.problem["code"] == "key_required"


def test_files_for_tls_that_cannot_be_used_are_named():
    for options in ({"ca_file": "/dev/null/ca"}, {"client_certificate": "/dev/null/cert"}):
        with pytest.raises(InvalidArgument, match=f"{next(iter(options))}: '/dev/null"):
            Medsynth("https://host", **options)


FIRST = """
import json
from asf.medical.core.resource_limiter import resource_limiter
print(json.dumps([resource_limiter.get_resource_usage()["max_cpu_percent"], resource_limiter.get_limits()["max_cpu_percent"]]))
"""


def test_c6_a_process_knows_the_limits_in_force_from_its_first_call(server):
    requests.put(server + "/v1/resources/limits", json={"max_cpu_percent": 97}, timeout=20)
    try:
        done = python(FIRST)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [97, 97]
    finally:
        requests.delete(server + "/v1/resources/limits", timeout=20)
    away = python(FIRST, REDIS_URL="redis://127.0.0.1:1")
    assert json.loads(away.stdout) == [100, 100], "Redis is away: it goes on with its own"


def test_c1_delete_of_nothing_is_not_found(server):
    with pytest.raises(NotFound):
        Medsynth(server).delete("no-such-task")


RIS = """TY  - JOUR
TI  - Aspirin and stroke: a trial
AB  - RESULTS: Daily aspirin reduced the risk of stroke in older adults (RR 0.70, 95% CI 0.60 to 0.80).
PY  - 2015
DO  - 10.1000/one
ER  -

TY  - JOUR
TI  - Aspirin for stroke prevention
AB  - RESULTS: Daily aspirin did not reduce the risk of stroke in older adults (RR 1.02, 95% CI 0.95 to 1.10).
PY  - 2018
DO  - 10.1000/two
ER  -
"""


def test_files_are_analysed(server, tmp_path):
    (tmp_path / "a.ris").write_text(RIS)
    (tmp_path / "b.csv").write_text("Titel,Kurzfassung,DOI\nThe same again,,10.1000/TWO\n")
    client = Medsynth(server)
    analysis = client.analyze(tmp_path / "a.ris", str(tmp_path / "b.csv"), threshold=0, columns={"title": "Titel", "abstract": "Kurzfassung"})
    assert (analysis.total_articles, analysis.read.format, len(analysis.read.duplicates)) == (2, "ris, csv", 1)
    (pair,) = analysis.contradictions
    assert pair.number == 1 and {pair.claim1.article_id, pair.claim2.article_id} == {"10.1000/one", "10.1000/two"}
    for span in pair.claim1.evidence:
        assert pair.claim1.claim[span["begin"]:span["end"]] == span["text"]
    (row,) = analysis.rows()
    assert {row["year_1"], row["year_2"]} == {2015, 2018} and {row["estimate_1"], row["estimate_2"]} == {0.7, 1.02}
    client.label(analysis.task_id, pair.number, "agree")
    with pytest.raises(NotFound):
        client.label("nobody", 1, "agree")
    with pytest.raises(InvalidArgument, match="--column"):
        client.read_references(tmp_path / "b.csv")
    with pytest.raises(InvalidArgument):
        client.read_references()
