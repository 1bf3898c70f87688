"""Keys, passwords and private keys: more than fifty commands and failures at debug level, and none of them is anywhere but where it belongs."""

from __future__ import annotations

import os
import pathlib
import signal
import stat
import subprocess

import requests
from conftest import ASPIRIN, BINARY, NO_ASPIRIN, Server, bearer, create_key, free_port, wait_until

GOOD, BAD, PROXY, SENTINEL = "GOODr3disPassw0rd", "BADr3disPassw0rd", "Pr0xyPassw0rd", "Sent1nelPassw0rd"
PLANTED = pathlib.Path(__file__).with_name("planted.ris")


class Heard:
    """All that was written anywhere, by where."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []
        self.commands = 0

    def add(self, where: str, text: str) -> None:
        self.texts.append((where, text))

    def run(self, server: Server, *words: str, said: str = "", **environment: str) -> None:
        """A command; `said` is what it must have said, on either stream."""
        stdin = environment.pop("stdin", "")
        done = subprocess.run([str(BINARY), *words], env={**server.environment, "MEDSYNTH_URL": server.url, **environment}, input=stdin, capture_output=True,
                              text=True, timeout=120)
        self.commands += 1
        self.add("medsynth " + " ".join(words[:2]), done.stdout + done.stderr)
        assert said in done.stdout + done.stderr, (words, done)

    def processes(self, server: Server) -> None:
        """Command lines of the server and of all below it."""
        parents: dict[int, int] = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                except (FileNotFoundError, ProcessLookupError):
                    continue
        for pid in parents:
            above = pid
            while above in parents and above != server.process.pid:
                above = parents[above]
            if above == server.process.pid:
                try:
                    self.add(f"command line of {pid}", (pathlib.Path("/proc") / str(pid) / "cmdline").read_bytes().decode(errors="replace"))
                except (FileNotFoundError, ProcessLookupError):
                    continue

    def files(self, folder: pathlib.Path) -> None:
        """Those that somebody else could read, and what is no place for a secret whoever reads it: logs and what was reported."""
        for file in folder.rglob("*"):
            mode = file.lstat().st_mode
            if stat.S_ISREG(mode) and (mode & 0o077 or file.suffix in (".log", ".html", ".csv", ".jsonl")):
                self.add(str(file), file.read_bytes().decode(errors="replace"))

    def assert_silent_about(self, secrets: dict[str, str]) -> None:
        for name, secret in secrets.items():
            assert len(secret) >= 12, name
            places = [where for where, text in self.texts if secret in text]
            assert not places, f"{name} is in {places[:5]}"


def environ_of(pid: int) -> str:
    return (pathlib.Path("/proc") / str(pid) / "environ").read_bytes().decode(errors="replace")


def test_no_secret_is_written(make_server, make_redis, tmp_path: pathlib.Path):
    heard = Heard()
    server = make_server("--workers", "1", "--tls-self-signed", MEDSYNTH_LOG_LEVEL="debug")
    boss, other = create_key(server, "boss", "--scope", "admin"), create_key(server, "other", "--scope", "read")
    gone = create_key(server, "gone", "--scope", "admin", "--expires", "1s")
    unknown = boss[:-8] + "01234567"
    certificate = server.folder / "data/tls-certificate.pem"
    server.environment |= {"MEDSYNTH_CA_FILE": str(certificate), "HOME": str(server.folder)}
    server.start(ready=False)
    heard.add("standard output of serve", server.said)
    session = requests.Session()
    session.trust_env, session.verify = False, str(certificate)
    wait_until(lambda: session.get(f"{server.url}/readyz", timeout=20).status_code == 200, 60, "ready")
    password = (server.folder / "data/redis/password").read_text().strip()
    [private] = [file for file in (server.folder / "data").glob("tls*") if "PRIVATE KEY" in file.read_text()]
    run = heard.run

    # Keys, shown as what they are, as what they are not, and in the wrong places.
    run(server, "login", stdin=boss + "\n")
    run(server, "login", stdin=unknown + "\n", said="does not know")
    run(server, "login", stdin="medsynth_nonsense_" + boss[-64:] + "\n")
    run(server, "login", "--no-such-option", boss)
    run(server, "logout")
    run(server, "keys", "list", said="boss")
    run(server, "keys", "list", "--json", said="boss")
    run(server, "keys", "revoke", boss)
    run(server, "keys", "create", boss, "--scope", "read")
    run(server, "keys", "create", "x", "--scope", boss)
    run(server, "keys", "create", "boss", "--scope", "admin", said="already")
    for token in ("", boss, other, gone, unknown, f"{boss} {boss}", boss[:40]):
        for words in (("status",), ("tasks", "list"), ("queues", "list"), ("limits", "set", "max_concurrent_tasks=4")):
            run(server, *words, MEDSYNTH_TOKEN=token)
    file = tmp_path / "token"
    file.write_text(boss)
    file.chmod(0o600)
    run(server, "tasks", "list", "--token-file", str(file))
    file.chmod(0o644)
    run(server, "tasks", "list", "--token-file", str(file))
    file.unlink()
    run(server, "tasks", "list", "--token", boss)
    run(server, f"--token={boss}", "tasks", "list")
    run(server, "tasks", "show", boss, MEDSYNTH_TOKEN=other)
    own = {"MEDSYNTH_TOKEN": boss}

    # What reports on the whole.
    for words in (("doctor",), ("doctor", "--json"), ("config", "show"), ("config", "show", "--origin", "--json"), ("status", "--json"), ("system",), ("usage",), ("models", "list"),
                  ("cache", "ls"), ("dead", "list"), ("audit", "show"), ("audit", "show", "--json"), ("help",), ("analyze", str(PLANTED), "--html", str(tmp_path / "r.html"),
                  "--csv", str(tmp_path / "r.csv")), ("contradict", ASPIRIN, NO_ASPIRIN), ("send", "nobody", "--kwargs", "{}")):
        run(server, *words, **own)
    for path in ("/openapi.json", "/metrics", "/readyz?verbose", "/healthz?verbose", "/v1/tasks/", "/v1/resources/system", "/v1/resources/limits", "/", "/v1/dead/"):
        answer = session.get(server.url + path, headers=bearer(boss), timeout=20)
        heard.add(path, f"{answer.headers} {answer.text}")
    for headers in (bearer(unknown), {"Authorization": f"Basic {boss}"}, {"Authorization": boss}, bearer(f"{boss}, {other}"), {"X-Request-Id": "a", **bearer(gone)}):
        answer = session.get(f"{server.url}/v1/tasks/{boss}?key={boss}", headers=headers, timeout=20)
        heard.add("an answer", f"{answer.headers} {answer.text}")
        answer = session.post(f"{server.url}/v1/async-ml/contradiction/detect", json={"claim1": 1, "token": boss}, headers=headers, timeout=20)
        heard.add("an answer", f"{answer.headers} {answer.text}")
    with session.get(f"{server.url}/v1/events", headers=bearer(boss), stream=True, timeout=20) as events:
        heard.add("/v1/events", next(events.iter_lines()).decode())

    # Addresses with passwords: of Redis, good, bad, malformed and by sentinels, of proxies, and of the server.
    redis = make_redis()
    redis.client.config_set("requirepass", GOOD)
    for url in (f"redis://:{GOOD}@127.0.0.1:{redis.port}/0", f"redis://:{BAD}@127.0.0.1:{redis.port}/0", f"redis://eve:{BAD}@127.0.0.1:{redis.port}/0",
                f"redis://:{BAD}@127.0.0.1:1/0", f"redis://:{BAD}/x@127.0.0.1/0", f"redis//:{BAD}@127.0.0.1", f"rediss://:{GOOD}@127.0.0.1:{redis.port}/0",
                f"redis+sentinel://:{SENTINEL}@127.0.0.1:{redis.port}/none/0?sentinel_password={SENTINEL}", f"unix://:{BAD}@/nowhere.sock", f"redis://:{BAD}@nobody.invalid/0"):
        run(server, "doctor", **own, REDIS_URL=url)
        run(server, "config", "show", REDIS_URL=url)
        run(server, "config", "show", "--redis-url", url)
        run(server, "worker", "--help", REDIS_URL=url)
    for url in (f"redis://:{BAD}@127.0.0.1:{redis.port}/0", f"redis://:{BAD}/x@127.0.0.1/0"):
        process = subprocess.Popen([str(BINARY), "worker"], env={**server.environment, "REDIS_URL": url, "MEDSYNTH_DATA_DIR": str(tmp_path / "worker")}, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            heard.add("worker", process.communicate(timeout=5)[0])
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            heard.add("worker", process.communicate(timeout=60)[0])
        heard.commands += 1
    for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        for port in (1, redis.port):
            run(server, "tasks", "list", **own, **{name: f"http://eve:{PROXY}@127.0.0.1:{port}", "MEDSYNTH_URL": "https://nobody.invalid:8000"})
    for url in (f"https://eve:{BAD}@127.0.0.1:1", f"ftp://eve:{BAD}@h", f"https//eve:{BAD}@h"):
        run(server, "tasks", "list", **own, MEDSYNTH_URL=url)
        run(server, "tasks", "list", "--url", url, **own)
    run(server, "tasks", "list", **own, MEDSYNTH_CA_FILE=str(private))
    run(server, "tasks", "list", **own, MEDSYNTH_CLIENT_CERTIFICATE=str(private), MEDSYNTH_CLIENT_KEY=str(private))
    run(server, "serve", "--listen", f"127.0.0.1:{free_port()}", "--tls-certificate", str(private), "--tls-key", str(certificate), MEDSYNTH_DATA_DIR=str(tmp_path / "tls"))

    # A server on a Redis with a password, whose worker is killed in the middle of things.
    external = make_server("--workers", "1", redis_port=str(redis.port), MEDSYNTH_REDIS="external", MEDSYNTH_LOG_LEVEL="debug")
    external.environment["REDIS_URL"] = f"redis://:{GOOD}@127.0.0.1:{redis.port}/0"
    external.start()
    external.detect()
    heard.processes(external)
    for kill in (signal.SIGSEGV, signal.SIGKILL):
        [pid] = external.children(" worker")
        os.kill(pid, kill)
        wait_until(lambda pid=pid: external.children(" worker") not in ([], [pid]), 60, "another worker")
    heard.processes(external)
    assert external.stop() == 0

    heard.processes(server)
    for pid in (*server.children("redis"), *server.children(" worker")):
        assert password not in environ_of(pid) and boss[-64:] not in environ_of(pid)
    server.stop()
    heard.files(server.folder)
    heard.files(external.folder)
    heard.files(tmp_path)
    assert heard.commands >= 50
    key = "".join(private.read_text().split("-----")[2].split())
    heard.assert_silent_about({"the admin's key": boss[-64:], "a reader's key": other[-64:], "an expired key": gone[-64:], "the end of a wrong key": unknown[-64:],
                               "the managed Redis' password": password, "an external Redis' password": GOOD, "a wrong password": BAD, "a proxy's password": PROXY,
                               "a sentinel's password": SENTINEL, "the private key": key[100:140]})
