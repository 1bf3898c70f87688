"""`medsynth doctor` tells the truth: a real Redis in each state in which it may stand, and machines that are not as they should be."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator

import pytest
import redis

from conftest import BINARY, MODELS, ROOT, Server, free_port, wait_until


class Doctor:
    """What one run of it said, by id."""

    def __init__(self, folder: pathlib.Path, url: str, *words: str, without: tuple[str, ...] = (), limit: Callable[[], None] | None = None,
                 user: int | None = None, **environment: str):
        known = {k: v for k, v in os.environ.items() if not k.startswith(("MEDSYNTH_", "MAX_", "TASK_", "REDIS_", "XDG_", "COLUMNS"))}
        self.environment = {
            **known, "HOME": str(folder), "REDIS_URL": url, "MEDSYNTH_DATA_DIR": str(folder / "data"), "MEDSYNTH_RUNTIME_DIR": str(folder / "run"),
            "MEDSYNTH_MODELS_DIR": str(folder / "models"), "MEDSYNTH_URL": f"http://127.0.0.1:{free_port()}", "MEDSYNTH_LISTEN": "127.0.0.1:0",
            "MAX_CPU_PERCENT": "100", "MAX_MEMORY_PERCENT": "100", **environment}
        for name in without:
            self.environment.pop(name, None)
        done = subprocess.run([str(BINARY), "doctor", "--json", *words], env=self.environment, capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, preexec_fn=limit, user=user, cwd="/")
        self.code, self.text = done.returncode, done.stdout
        assert done.stdout, done.stderr
        self.checks = {check["id"]: check for check in json.loads(done.stdout)}

    def expect(self, name: str, status: str, *parts: str) -> dict:
        check = self.checks[name]
        assert check["status"] == status, check
        for part in parts:
            assert part in " ".join((check["what"], check["why"], check["next"])), check
        assert bool(check["why"]) == bool(check["next"]) == (status != "ok"), check
        assert (self.code == 1) == any(each["status"] == "failed" for each in self.checks.values())
        return check

    def refused(self, *parts: str) -> None:
        """There is something at the address, and that it is of no use is all that is said of Redis."""
        self.expect("redis.connection", "failed", *parts)
        assert [name for name in self.checks if name.startswith("redis.")] == ["redis.connection"]
        assert self.checks["workers.alive"]["status"] == "unknown"
        assert "serve' starts its own" not in self.text and self.code == 1


@contextlib.contextmanager
def redis_server(folder: pathlib.Path, *words: str) -> Iterator[int]:
    """A redis-server of the test's own; its port."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), *words],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers() -> bool:
        listens = int(words[words.index("--tls-port") + 1]) if "--tls-port" in words else port
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", listens), 1):
            return True
        return False

    try:
        wait_until(answers, 10, "redis-server")
        yield port
    finally:
        process.kill()
        process.wait(10)


@contextlib.contextmanager
def listener(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Something that is no Redis: takes connections on a port and treats each as `answer` does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    held.append(connection)
                    threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        for each in held:
            each.close()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, redis.Redis]]:
    """A Redis with a password and users."""
    with redis_server(tmp_path_factory.mktemp("guarded"), "--requirepass", "sesam", "--appendonly", "yes") as port:
        admin = redis.Redis(port=port, password="sesam")
        admin.ping()
        yield port, admin


@pytest.mark.parametrize(("address", "parts"), [
    ("127.0.0.1:{port}/0", ("wants a password", "redis://:PASSWORD@host")),
    (":wrong@127.0.0.1:{port}/0", ("refuses the user or the password",)),
    ("nobody:sesam@127.0.0.1:{port}/0", ("refuses the user or the password",)),
    (":sesam@127.0.0.1:{port}/99", ("does not have the database",)),
])
def test_r12_a_refusal_is_said_as_what_it_is(guarded, tmp_path, address: str, parts: tuple[str, ...]):
    doctor = Doctor(tmp_path, "redis://" + address.format(port=guarded[0]))
    doctor.refused(*parts)
    assert "sesam" not in doctor.text and "wrong@" not in doctor.text


def test_r12_what_may_not_be_seen_is_unknown(guarded, tmp_path):
    port, admin = guarded
    admin.execute_command("ACL", "SETUSER", "blind", "on", ">pw", "~*", "&*", "+@all", "-info", "-config", "-role", "-time")
    doctor = Doctor(tmp_path, f"redis://blind:pw@127.0.0.1:{port}/0")
    for name in ("persistence", "eviction", "memory", "clients", "clock"):
        doctor.expect(f"redis.{name}", "unknown", "NOPERM")
    doctor.expect("redis.connection", "ok", f"Redis {admin.info('server')['redis_version']}")  # the greeting tells the version and the role
    doctor.expect("redis.role", "ok")
    doctor.expect("redis.version", "unknown", "which one runs there cannot be seen")
    assert "append-only" not in doctor.text
    doctor.expect("redis.rights", "failed", "+time")


def test_r11_the_rights_that_doctor_names_are_enough(guarded, tmp_path):
    port, admin = guarded
    admin.execute_command("ACL", "SETUSER", "app", "on", ">pw", "-@all", "resetkeys", "resetchannels", "+hello", "+ping", "+eval", "+evalsha")
    url = f"redis://app:pw@127.0.0.1:{port}/0"
    words = Doctor(tmp_path, url).expect("redis.rights", "failed", "+hset", "~task:*", "~dramatiq:*", "&medsynth:*", "ACL SETUSER app")["next"]
    admin.execute_command(*words.split())
    Doctor(tmp_path, url).expect("redis.rights", "ok", "app")
    admin.execute_command("ACL", "SETUSER", "app", "-hset", "resetchannels", "&task:*", "&dramatiq:*", "&__keyspace@0__:*")
    lacks = Doctor(tmp_path, url).expect("redis.rights", "failed")["next"]
    assert lacks == "ACL SETUSER app &medsynth:* +hset"


def test_r11_the_rights_of_the_documentation_are_enough(guarded, tmp_path):
    port, admin = guarded
    page = (ROOT / "docs" / "redis.md").read_text()
    command = re.search(r"^(ACL SETUSER medsynth .*?)^```", page, re.DOTALL | re.MULTILINE)
    if not command:
        pytest.skip("docs/redis.md does not list them")
    admin.execute_command(*command[1].replace(">PASSWORD", ">pw").split())
    Doctor(tmp_path, f"redis://medsynth:pw@127.0.0.1:{port}/0").expect("redis.rights", "ok", "medsynth")


def test_r1_a_replica_is_said_with_its_master(tmp_path):
    with redis_server(tmp_path / "r", "--replicaof", "127.0.0.1 1") as port:
        Doctor(tmp_path, f"redis://127.0.0.1:{port}/0").expect("redis.role", "failed", "replica of 127.0.0.1:1")


def test_r12_no_room_for_another_client(tmp_path):
    with redis_server(tmp_path / "r", "--maxclients", "1") as port:
        def first() -> socket.socket | None:
            connection = socket.create_connection(("127.0.0.1", port))
            connection.sendall(b"PING\r\n")
            if connection.recv(10).startswith(b"+PONG"):
                return connection
            connection.close()
            return None

        held = wait_until(first, 10, "the only client")
        Doctor(tmp_path, f"redis://127.0.0.1:{port}/0").refused("no room for another connection", "maxclients")
        held.close()


def test_r12_writes_that_do_not_reach_the_disk_and_a_full_memory(tmp_path):
    with redis_server(tmp_path / "r") as port:
        client = redis.Redis(port=port)
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", "1")
        doctor = Doctor(tmp_path, f"redis://127.0.0.1:{port}/0")
        doctor.expect("redis.memory", "failed", "full")
        doctor.expect("redis.writes", "failed", "OOM")
        doctor.expect("redis.eviction", "warning", "allkeys-lru")
        doctor.expect("redis.persistence", "warning", "loses every task")
        client.config_set("maxmemory", "0")
        (tmp_path / "r" / "dump.rdb").mkdir()  # where the snapshot is to go
        client.config_set("save", "3600 1")
        client.set("a", 1)
        with contextlib.suppress(redis.ResponseError):
            client.bgsave()
        wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", 10, "failed snapshot")
        Doctor(tmp_path, f"redis://127.0.0.1:{port}/0").refused("MISCONF", "could not save its data")


def loading(connection: socket.socket) -> None:
    """A Redis that reads its data lets HELLO pass, and answers LOADING to the rest."""
    with contextlib.suppress(OSError):
        while data := connection.recv(4096):
            for _ in range(data.count(b"HELLO")):
                connection.sendall(b"%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n")
            for _ in range(data.count(b"*1\r\n")):
                connection.sendall(b"-LOADING Redis is loading the dataset in memory\r\n")


def ssh(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")


@pytest.mark.parametrize(("answer", "parts"), [
    (loading, ("is loading its data", "LOADING")), (ssh, ("Another program", "SSH-2.0-OpenSSH")),
    (lambda _: None, ("says nothing",)), (lambda connection: connection.close(), ("ends each connection",)),
], ids=["loading", "ssh", "silence", "hangs up"])
def test_r12_what_stands_on_the_port(tmp_path, answer, parts: tuple[str, ...]):
    with listener(answer) as port:
        Doctor(tmp_path, f"redis://127.0.0.1:{port}/0").refused(*parts)


def test_c2_a_web_server_is_neither_redis_nor_ours(tmp_path):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as web:
        web.RequestHandlerClass.log_message = lambda *_: None
        threading.Thread(target=web.serve_forever, daemon=True).start()
        port = web.server_port
        doctor = Doctor(tmp_path, f"redis://127.0.0.1:{port}/0", MEDSYNTH_URL=f"http://127.0.0.1:{port}", MEDSYNTH_LISTEN=f"127.0.0.1:{port}")
        doctor.refused("Another program", "<!DOCTYPE")
        doctor.expect("server.ready", "failed", "not a Medsynth server")
        doctor.expect("server.listen", "failed", "Another program has the port")
        web.shutdown()


def test_r12_tls_where_none_is_asked_for_and_the_other_way_round(tmp_path):
    cert, key, tls = tmp_path / "cert.pem", tmp_path / "key.pem", free_port()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    with redis_server(tmp_path / "r", "--tls-port", str(tls), "--tls-cert-file", str(cert), "--tls-key-file", str(key), "--tls-auth-clients", "no",
                      "--tls-ca-cert-file", str(cert)) as plain:
        Doctor(tmp_path, f"redis://127.0.0.1:{tls}/0").refused("speaks TLS", "rediss://")
        Doctor(tmp_path, f"rediss://127.0.0.1:{plain}/0").refused("does not speak TLS", "redis://")
        Doctor(tmp_path, f"rediss://127.0.0.1:{tls}/0").expect("redis.connection", "failed")
        Doctor(tmp_path, f"rediss://127.0.0.1:{tls}/0?ssl_ca_certs={cert}").expect("redis.connection", "ok")


def test_r12_a_socket_without_rights(tmp_path):
    with tempfile.TemporaryDirectory() as folder, redis_server(
            tmp_path / "r", "--unixsocket", f"{folder}/redis.sock", "--unixsocketperm", "700"):
        path = pathlib.Path(folder) / "redis.sock"
        wait_until(path.exists, 10, "socket")
        Doctor(tmp_path, f"unix://{path}?db=0").expect("redis.connection", "ok")
        if os.geteuid() != 0:
            path.chmod(0)
            return Doctor(tmp_path, f"unix://{path}?db=0").refused("may not use it")
        path.parent.chmod(0o755)
        if subprocess.run([str(BINARY), "--version"], user=65534, capture_output=True).returncode != 0:
            pytest.skip("the binary is closed to other users")
        Doctor(path.parent, f"unix://{path}?db=0", user=65534).refused("may not use it", "Permission denied")


def test_r12_nobody_is_fine_only_where_serve_starts_its_own(tmp_path):
    url = f"redis://127.0.0.1:{free_port()}/0"
    doctor = Doctor(tmp_path, url)
    doctor.expect("redis.connection", "ok", "serve' starts its own (redis-server ")
    doctor.expect("build.engine", "ok", "llama.cpp", "CPU")
    doctor.expect("server.ready", "warning", "medsynth serve")
    assert doctor.code == 0, doctor.text
    Doctor(tmp_path, url, MEDSYNTH_REDIS="external").refused("Nothing listens")
    Doctor(tmp_path, url, PATH="/nowhere").refused("no program redis-server", "Install redis-server")


def test_m4_s8_the_machine_and_the_settings(tmp_path):
    (tmp_path / "open").mkdir(mode=0o700)
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "redis").symlink_to(tmp_path / "open")
    doctor = Doctor(tmp_path, f"redis://127.0.0.1:{free_port()}/0", limit=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128)),
                    MEDSYNTH_RUNTIME_DIR=str(tmp_path / "open"), MEDSYNTH_WORKER="2", MAX_CPU_PERCENT="0")
    doctor.expect("machine.slots", "failed", "can be written by other users", "MEDSYNTH_RUNTIME_DIR")
    doctor.expect("machine.data", "warning", "redis is a link")
    doctor.expect("machine.descriptors", "failed", "128 files")
    doctor.expect("machine.cpu", "warning", "no task starts until it falls by")
    doctor.expect("settings.environment", "warning", "MEDSYNTH_WORKER", "MEDSYNTH_WORKERS")
    homeless = Doctor(tmp_path, f"redis://127.0.0.1:{free_port()}/0", HOME="/", without=("MEDSYNTH_DATA_DIR",))
    homeless.expect("machine.data", "failed", "MEDSYNTH_DATA_DIR")


def test_c5_half_a_model_is_of_no_use(tmp_path, models):
    (tmp_path / "models").mkdir()
    whole = next(MODELS.glob("*.gguf"))
    (tmp_path / "models" / "half.gguf").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    shutil.copy(whole, tmp_path / "models" / "other.gguf")
    (tmp_path / "models" / "models.toml").write_text('[models.half]\nfile = "half.gguf"\nkind = "language"\n')
    url = f"redis://127.0.0.1:{free_port()}/0"
    Doctor(tmp_path, url).expect("models.file", "failed", "half", "medsynth models add half")
    (tmp_path / "models" / "models.toml").write_text(f'[models.other]\nfile = "other.gguf"\nkind = "sentence"\nsha256 = "{"0" * 64}"\n')
    Doctor(tmp_path, url).expect("models.file", "failed", "other")
    (tmp_path / "models" / "models.toml").write_text("[models.x]\nfil = 1\n")
    Doctor(tmp_path, url).expect("models.catalogue", "failed", "fil")


def test_r11_workers_that_cannot_report_are_silent_or_differ(server: Server):
    client, base = server.redis(), "medsynth:0:dramatiq:task::"
    mine = json.loads(client.get(next(client.scan_iter(base + "worker:*"))))
    now = client.time()[0] * 1000
    other = {**mine, "worker_id": "other", "host": "far\x1b[2J", "version": "9.9.9", "queues": ["elsewhere"]}
    try:
        client.set(base + "worker:other", json.dumps(other), px=60000)
        client.zadd(base + "workers", {"other": now + 60000})
        for name, age in (("mute", 0), ("dead", 60000)):
            client.hset("dramatiq:__medsynth__.workers", name, json.dumps({"host": name, "pid": 7}))
            client.zadd("dramatiq:__heartbeats__", {name: client.time()[0] * 1000 - age})
        client.sadd("dramatiq:__medsynth__.queues", "lonely")
        client.rpush("dramatiq:lonely", "x")
        doctor = Doctor(server.folder, f"redis://127.0.0.1:{server.redis_port}/0", MEDSYNTH_URL=server.url)
        doctor.expect("server.ready", "ok")
        doctor.expect("workers.alive", "ok", "far\\x1b[2J (pid", ", ")
        doctor.expect("workers.reports", "failed", "mute (pid 7)")
        doctor.expect("workers.silent", "warning", "dead (pid 7)")
        doctor.expect("workers.versions", "warning", "9.9.9 on far\\x1b[2J")
        doctor.expect("queues.consumed", "warning", "lonely (1 wait)")
    finally:
        client.delete(base + "worker:other", "dramatiq:lonely")
        client.zrem(base + "workers", "other")
        client.srem("dramatiq:__medsynth__.queues", "lonely")
        client.hdel("dramatiq:__medsynth__.workers", "mute", "dead")
        client.zrem("dramatiq:__heartbeats__", "mute", "dead")
    Doctor(server.folder, f"redis://127.0.0.1:{server.redis_port}/0", MEDSYNTH_URL=server.url).expect("workers.reports", "ok")


def test_the_table_fits_a_terminal(tmp_path):
    doctor = Doctor(tmp_path, f"redis://127.0.0.1:{free_port()}/0")
    done = subprocess.run([str(BINARY), "doctor"], env={**doctor.environment, "COLUMNS": "80"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == doctor.code
    too_long = [line for line in done.stdout.splitlines() if len(line) > 80 and str(tmp_path) not in line]
    assert not too_long and "warning" in done.stdout.splitlines()[-1]
