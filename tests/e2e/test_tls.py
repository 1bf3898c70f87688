"""https: the server's side of it, and how commands and Python find keys and certificates."""

import json
import os
import pty
import re
import select
import shutil
import socket
import ssl
import subprocess
import termios
import time

import pytest
import requests

from certificates import Certificate, self_signed
from conftest import BINARY, Server, problem, wait_until


def authority(server: Server) -> str:
    return str(server.folder / "data/tls-certificate.pem")


def served_certificate(server: Server) -> str:
    host, port = server.url.removeprefix("https://").split(":")
    return ssl.get_server_certificate((host, int(port)))


def ready(server: Server, verify: str) -> None:
    wait_until(lambda: server.get("/readyz", verify=verify).status_code == 200, what="an answer over TLS")


def secure(make_server, *flags: str, **environment: str) -> Server:
    server = make_server("--workers", "0", "--tls-self-signed", *flags, **environment).start(ready=False)
    ready(server, authority(server))
    return server


def run(server: Server, *words: str, text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BINARY), *words], env={**server.environment, "MEDSYNTH_URL": server.url, **environment}, input=text,
                          capture_output=True, text=True, timeout=60)


def test_https_with_a_certificate_of_its_own(make_server):
    """Who is given the certificate is served, many requests on one connection, large bodies and answers too; nobody else is."""
    server = secure(make_server)
    assert server.url.startswith("https://") and authority(server) in server.said
    assert (server.folder / "data/tls-key.pem").stat().st_mode & 0o777 == 0o600
    ris = b"".join(b"TY  - JOUR\nTI  - Study %d\nAB  - %s\nER  - \n" % (i, b"Aspirin reduces stroke. " * 100) for i in range(800))
    with requests.Session() as session:
        session.trust_env, session.verify = False, authority(server)  # the environment may name other authorities
        for _ in range(2):
            answer = session.post(server.url + "/v1/references", data=ris, headers={"Content-Type": "application/octet-stream"}, timeout=60)
            assert answer.status_code == 200 and len(answer.json()["articles"]) == 800
        assert session.get(server.url + "/openapi.json", timeout=20).json()["openapi"] == "3.1.0"
    with pytest.raises(requests.exceptions.SSLError):
        server.get("/livez")
    before = served_certificate(server)
    assert server.stop() == 0
    server.start(ready=False)
    assert served_certificate(server) == before  # clients go on with what they were given
    assert server.stop() == 0


def test_old_protocols_and_plain_http_are_refused(make_server):
    server = secure(make_server)
    host, port = server.url.removeprefix("https://").split(":")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    for version, taken in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)):
        old.maximum_version = version
        with socket.create_connection((host, int(port)), timeout=20) as wire:
            if taken:
                with old.wrap_socket(wire) as secured:
                    assert secured.version() == "TLSv1.2" and secured.cipher()[0].startswith("ECDHE-")
            else:
                with pytest.raises((ssl.SSLError, ConnectionResetError)):
                    old.wrap_socket(wire)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://{host}:{port}/livez", timeout=20)
    ready(server, authority(server))
    assert server.stop() == 0


def s_client(server: Server, *options: str, text: str = "") -> str:
    """What OpenSSL's own client says of a connection: "Cipher is (NONE)" where there was none."""
    done = subprocess.run(["openssl", "s_client", "-connect", server.url.removeprefix("https://"), *options], input=text, capture_output=True, text=True,
                          timeout=60)
    return done.stdout + done.stderr


def test_openssl_finds_nothing_weak(make_server):
    """Forward secret ciphers that authenticate, no compression, no renegotiation that a client asks for."""
    server = secure(make_server)
    for options, cipher in ((("-tls1_2",), "ECDHE-ECDSA-AES256-GCM-SHA384"), (("-tls1_3",), "TLS_AES_256_GCM_SHA384")):
        said = s_client(server, *options)
        assert f"Cipher is {cipher}" in said and "Compression: NONE" in said, said
    for weak in ("ALL:!ECDHE", "ECDHE:!AESGCM:!CHACHA20:!AESCCM", "AESCCM", "NULL", "aNULL", "SHA1"):
        said = s_client(server, "-tls1_2", "-cipher", f"{weak}:@SECLEVEL=0")
        assert "Cipher is (NONE)" in said and "handshake failure" in said, (weak, said)
    again = s_client(server, "-tls1_2", text="R\n")
    assert "RENEGOTIATING" in again and "no renegotiation" in again, again
    assert server.stop() == 0


def test_stalled_handshakes_end_and_hold_nobody_up(make_server):
    """Silent, half a greeting, or a byte now and then: 10 s, as for a header."""
    server = secure(make_server)
    host, port = server.url.removeprefix("https://").split(":")
    greeting = b"\x16\x03\x01\x02\x00\x01" + b"\0" * 500
    wires = [socket.create_connection((host, int(port)), timeout=60) for _ in range(300)]
    try:
        for wire in wires[100:200]:
            wire.sendall(greeting[:6])
        assert server.get("/livez", verify=authority(server)).status_code == 200
        slow, sent = wires[200:], 0
        while slow:  # they never come to the end of it
            assert sent < len(greeting), "a handshake without an end"
            slow = [wire for wire in slow if not is_over(wire, greeting[sent:sent + 1])]
            sent += 1
        for wire in wires[:200]:  # an alert may come before the end
            while wire.recv(100):
                pass
        assert server.get("/livez", verify=authority(server)).status_code == 200
    finally:
        for wire in wires:
            wire.close()
    assert server.stop() == 0


def is_over(wire: socket.socket, piece: bytes) -> bool:
    """Whether the other side has ended the connection, which gets another piece if not."""
    if select.select([wire], [], [], 0.002)[0]:
        try:
            return not wire.recv(100)
        except ConnectionResetError:
            return True
    try:
        wire.sendall(piece)
    except (BrokenPipeError, ConnectionResetError):
        return True
    return False


def test_the_certificate_is_read_anew_when_it_changes(make_server):
    """A new one is served without a restart; one that cannot be used is not, and is named."""
    sources = [secure(make_server) for _ in range(2)]
    certificates = []
    for source in sources:
        assert source.stop() == 0
        certificates.append((source.folder / "data/tls-certificate.pem", source.folder / "data/tls-key.pem"))
    folder = sources[0].folder
    for name, file in zip(("certificate.pem", "key.pem"), certificates[0], strict=True):
        shutil.copy(file, folder / name)
    flags = ("--tls-certificate", str(folder / "certificate.pem"), "--tls-key", str(folder / "key.pem"))
    server = make_server("--workers", "0", *flags).start(ready=False)
    assert served_certificate(server) == certificates[0][0].read_text()
    # Half of a change: the key is of another certificate.
    shutil.copy(certificates[1][1], folder / "key.pem")
    wait_until(lambda: "the certificate stays as it was" in server.log.read_text(), what="a word about the key")
    assert served_certificate(server) == certificates[0][0].read_text()
    shutil.copy(certificates[1][0], folder / "certificate.pem")
    wait_until(lambda: served_certificate(server) == certificates[1][0].read_text(), what="the new certificate")
    assert server.stop() == 0


def test_certificates_that_cannot_be_used_are_named(make_server):
    server = make_server()
    empty = server.folder / "empty.pem"
    empty.write_text("")
    for flags, said in ((("--tls-certificate", str(empty)), str(empty)), (("--tls-certificate", "/nowhere"), "/nowhere"),
                        (("--tls-self-signed", "--tls-certificate", str(empty)), "choose one")):
        outcome = run(server, "serve", "--listen", "127.0.0.1:0", *flags)
        assert outcome.returncode == 2 and said in outcome.stderr, outcome


def test_commands_speak_https(make_server):
    server = secure(make_server)
    assert run(server, "tasks", "list", "--ca-file", authority(server)).returncode == 0
    assert run(server, "tasks", "list", MEDSYNTH_CA_FILE=authority(server), https_proxy="http://127.0.0.1:1").returncode == 0
    unknown = run(server, "tasks", "list")
    assert unknown.returncode == 6 and "is not trusted" in unknown.stderr and "--ca-file" in unknown.stderr
    other = run(server, "tasks", "list", "--url", server.url.replace("127.0.0.1", "127.1"), "--ca-file", authority(server))
    assert other.returncode == 6 and "mismatch" in other.stderr
    missing = run(server, "tasks", "list", "--ca-file", "/nowhere")
    assert missing.returncode == 2 and "--ca-file" in missing.stderr and "/nowhere" in missing.stderr
    plain = run(server, "tasks", "list", "--url", server.url.replace("https", "http"))
    assert plain.returncode == 6
    assert server.stop() == 0
    nobody = run(server, "tasks", "list", "--ca-file", authority(server))
    assert nobody.returncode == 6 and "no Medsynth server answers" in nobody.stderr


# --- certificates of clients


def shows(server: Server, shown: Certificate | None, path: str = "/v1/tasks/", method: str = "GET", **options) -> requests.Response:
    return server.request(method, path, verify=authority(server), cert=shown and (str(shown.certificate), str(shown.key)), **options)


def test_a_client_certificate_is_a_key(make_server):
    """What keys create was given, with its scopes and until it is revoked; others that are vouched for are strangers."""
    authorities = make_server()
    own, stranger, unknown = (self_signed(authorities.folder, name) for name in ("own", "stranger", "unknown"))
    (authorities.folder / "clients.pem").write_text(own.certificate.read_text() + stranger.certificate.read_text())
    server = make_server("--workers", "0", "--tls-self-signed", "--tls-client-ca", str(authorities.folder / "clients.pem"))
    made = server.cli("keys", "create", "ci", "--scope", "read", "--certificate", str(own.certificate), "--json")
    key = json.loads(made.stdout)
    digest = subprocess.run(["openssl", "x509", "-in", own.certificate, "-noout", "-fingerprint", "-sha256"], capture_output=True, text=True, check=True)
    assert "token" not in key and key["certificate"] == digest.stdout.split("=")[1].strip().replace(":", "").lower()
    token = server.cli("keys", "create", "other", "--scope", "operate").stdout.strip()
    for words, code, said in ((("again", str(own.certificate)), 1, "revoke it first"), (("none", "/nowhere"), 2, "--certificate")):
        refused = server.cli("keys", "create", words[0], "--scope", "read", "--certificate", words[1])
        assert refused.returncode == code and said in refused.stderr and not refused.stdout
    assert "whoever shows" in server.cli("keys", "create", "x", "--scope", "read", "--certificate", str(unknown.certificate)).stdout
    server.start(ready=False)
    ready(server, authority(server))
    assert shows(server, own).status_code == 200
    problem(shows(server, own, "/v1/queues/medsynth/pause", "POST"), 403, "scope_required")
    assert shows(server, own, "/v1/queues/medsynth/resume", "POST", headers={"Authorization": f"Bearer {token}"}).status_code == 200  # the key decides
    problem(shows(server, None), 401, "key_required")
    assert "SHA-256" in problem(shows(server, stranger), 401, "certificate_unknown")["detail"]
    with pytest.raises(requests.ConnectionError):
        shows(server, unknown)
    mine = ("--ca-file", authority(server), "--client-certificate", str(own.certificate), "--client-key", str(own.key))
    assert run(server, "tasks", "list", *mine).returncode == 0
    # Who is vouched for is looked at anew, as the server's own certificate is.
    with (authorities.folder / "clients.pem").open("a") as file:
        file.write(unknown.certificate.read_text())
    wait_until(lambda: "certificate read" in server.log.read_text(), what="a word about the file")
    assert shows(server, unknown).status_code == 200
    assert server.cli("keys", "revoke", "ci").returncode == 0
    wait_until(lambda: shows(server, own).status_code == 401, what="the end of the key")
    problem(shows(server, own), 401, "key_revoked")
    assert server.stop() == 0


def test_a_connection_may_need_a_client_certificate(make_server):
    folder = make_server().folder
    own = self_signed(folder, "own")
    server = make_server("--workers", "0", "--tls-self-signed", "--tls-client-ca", str(own.certificate), "--tls-client-certificates", "required")
    server.start(ready=False)
    wait_until(lambda: shows(server, own, "/readyz").status_code == 200, what="an answer over TLS")
    with pytest.raises(requests.ConnectionError):
        shows(server, None, "/livez")
    assert shows(server, own).status_code == 200  # there is no key, so none is needed on loopback
    without = run(server, "tasks", "list", "--ca-file", authority(server))
    assert without.returncode == 6 and "--client-certificate" in without.stderr
    assert server.stop() == 0


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_that_goes_on_is_the_same_client(make_server, version):
    folder = make_server().folder
    own = self_signed(folder, "own")
    server = make_server("--workers", "0", "--tls-self-signed", "--tls-client-ca", str(own.certificate))
    assert server.cli("keys", "create", "ci", "--scope", "read", "--certificate", str(own.certificate)).returncode == 0
    server.start(ready=False)
    ready(server, authority(server))
    context = ssl.create_default_context(cafile=authority(server))
    context.load_cert_chain(own.certificate, own.key)
    context.minimum_version = context.maximum_version = version
    host, port = server.url.removeprefix("https://").split(":")
    session = None
    for _ in range(2):
        with socket.create_connection((host, int(port)), timeout=20) as wire, context.wrap_socket(wire, server_hostname=host, session=session) as secured:
            assert secured.session_reused == (session is not None)
            secured.sendall(b"GET /v1/tasks/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert secured.recv(12) == b"HTTP/1.1 200"
            session = secured.session
    assert server.stop() == 0


def test_login_keeps_a_key_for_its_server(make_server):
    server = make_server("--workers", "0")
    token = server.cli("keys", "create", "one", "--scope", "read").stdout.strip()
    server.start()
    refused = run(server, "tasks", "list")
    assert refused.returncode == 4 and "medsynth login" in refused.stderr and "medsynth keys create" in refused.stderr
    wrong = run(server, "login", text=token[:-4] + "beef\n")
    store = server.folder / "config/medsynth/tokens.json"
    assert wrong.returncode == 4 and not store.exists()
    assert run(server, "login", text="\n").returncode == 2
    kept = run(server, "login", text=token + "\n")
    assert kept.returncode == 0 and str(store) in kept.stdout and token[-8:] not in kept.stdout + kept.stderr
    assert store.stat().st_mode & 0o777 == 0o600 and json.loads(store.read_text()) == {"tokens": {server.url: token}}
    assert run(server, "tasks", "list").returncode == 0
    assert run(server, "tasks", "list", "--url", server.url + "/").returncode == 0
    denied = run(server, "queues", "pause", "medsynth")
    assert denied.returncode == 4 and "operate" in denied.stderr
    # For one command: the environment, then a file.
    assert run(server, "tasks", "list", MEDSYNTH_TOKEN="medsynth_x").returncode == 4
    file = server.folder / "key"
    file.write_text(token + "\n")
    assert run(server, "logout").returncode == 0 and run(server, "tasks", "list").returncode == 4
    assert run(server, "logout").returncode == 3
    assert run(server, "tasks", "list", "--token-file", str(file)).returncode == 0
    assert run(server, "tasks", "list", MEDSYNTH_TOKEN=token).returncode == 0
    store.write_text("{")
    damaged = run(server, "tasks", "list")
    assert damaged.returncode == 2 and str(store) in damaged.stderr
    assert server.stop() == 0


def test_a_key_is_asked_for_without_showing_it(make_server):
    """On a terminal: a prompt, and no echo."""
    server = make_server("--workers", "0")
    token = server.cli("keys", "create", "one", "--scope", "read").stdout.strip()
    server.start()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(BINARY, [str(BINARY), "login"], {**server.environment, "MEDSYNTH_URL": server.url})
    shown, typed, end = "", False, time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([terminal], [], [], 1)[0]:
            try:
                shown += os.read(terminal, 4096).decode()
            except OSError:  # it has ended
                break
        if not typed and "Key for" in shown:
            typed = True
            wait_until(lambda: not pty_echoes(terminal), what="a silent terminal")
            os.write(terminal, token.encode() + b"\n")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, shown
    os.close(terminal)
    assert token not in shown and "is kept in" in shown
    assert server.stop() == 0


def pty_echoes(terminal: int) -> bool:
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def test_keys_are_written_nowhere(make_server):
    """Commands that succeed and fail, at debug level: no key in what they or the server write, or in a command line."""
    server = make_server(MEDSYNTH_LOG_LEVEL="debug")
    token = server.cli("keys", "create", "one", "--scope", "read,submit").stdout.strip()
    server.start()
    secret = token.rpartition("_")[2]
    written = ""
    for words in (("tasks", "list"), ("queues", "pause", "medsynth"), ("tasks", "show", "none"), ("usage",), ("system",), ("doctor",), ("config", "show", "--json"),
                  ("config", "show", "--origin"), ("tasks", "list", "--url", "http://127.0.0.1:1"), ("models", "list"), ("dead", "list", "--json")):
        outcome = run(server, *words, MEDSYNTH_TOKEN=token)
        written += outcome.stdout + outcome.stderr
    written += run(server, "login", text=token + "\n").stdout + run(server, "keys", "list", "--json").stdout
    headers = {"Authorization": f"Bearer {token}"}
    for path in ("/openapi.json", "/metrics", "/v1/tasks/?nonsense=1", "/healthz?verbose"):
        written += server.get(path, headers=headers).text
    for pid in [server.process.pid, *server.children("")]:
        with open(f"/proc/{pid}/cmdline") as line:
            written += line.read()
    assert server.stop() == 0
    written += server.log.read_text() + (server.folder / "data/keys.json").read_text()
    assert "tasks" in written and secret not in written
    assert re.search(r"MEDSYNTH_TOKEN.*\*\*\*|\*\*\*.*MEDSYNTH_TOKEN", written)
