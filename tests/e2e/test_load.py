"""Many clients at once, and clients that misbehave."""

import asyncio
import json
import pathlib
import os
import resource
import socket
import ssl
import struct
from collections.abc import Callable

import pytest
from conftest import Server, wait_until

IDLE = 2000
ACTIVE = 500
MOST = 4096  # that a server takes
RECOVERY = 5  # seconds after a load in which all is as before
REQUEST = b"GET /v1/tasks/?limit=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"


def address(server: Server) -> tuple[str, int]:
    host, port = server.url.removeprefix("http://").split(":")
    return host, int(port)


def resident_kib(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def descriptors(server: Server) -> int:
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """One request on an open connection; its status."""
    writer.write(REQUEST)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    await reader.readexactly(length)
    return int(head.split()[1])


def test_two_thousand_idle_and_five_hundred_active_connections(server: Server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, IDLE + ACTIVE + 500)), hard))
    before = resident_kib(server.process.pid)

    async def scenario() -> list[list[int]]:
        idle = [await asyncio.open_connection(*address(server)) for _ in range(IDLE)]
        active = [await asyncio.open_connection(*address(server)) for _ in range(ACTIVE)]

        async def client(connection) -> list[int]:
            return [await ask(*connection) for _ in range(10)]

        answers = await asyncio.gather(*(client(each) for each in active))
        answers.append([await ask(*idle[0]), await ask(*idle[-1])])  # they were kept
        for _, writer in idle + active:
            writer.close()
        return answers

    try:
        answers = asyncio.run(asyncio.wait_for(scenario(), 100))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert {status for each in answers for status in each} == {200}
    # A connection costs its buffers and its coroutine: far below what would make 2,500 of them matter.
    assert resident_kib(server.process.pid) - before < 100 * 1024
    wait_until(lambda: descriptors(server) < IDLE, RECOVERY, "connections that were closed are gone")
    assert server.get("/livez").status_code == 200


@pytest.mark.slow
def test_as_many_connections_over_tls(make_server):
    """All that the server takes: each is served and kept; one more is not, until there is room again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(MOST, hard - 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 500)), hard))
    server = make_server("--workers", "0", "--tls-self-signed").start(ready=False)
    context = ssl.create_default_context(cafile=str(server.folder / "data/tls-certificate.pem"))
    where = server.url.removeprefix("https://").split(":")

    def connect() -> ssl.SSLSocket:
        return context.wrap_socket(socket.create_connection((where[0], int(where[1])), timeout=60), server_hostname=where[0])

    def is_served(wire: ssl.SSLSocket) -> bool:
        try:
            wire.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return wire.recv(12) == b"HTTP/1.1 200" and len(wire.recv(4096)) > 0
        except (ssl.SSLError, ConnectionError):
            return False

    def are_served() -> bool:
        """Where the machine is slow, the first have been idle for too long by now: those come again."""
        ended = [number for number, wire in enumerate(wires) if not is_served(wire)]
        for number in ended:
            wires[number].close()
            wires[number] = connect()
        return not ended

    wires: list[ssl.SSLSocket] = []
    try:
        before = resident_kib(server.process.pid)
        wires += [connect() for _ in range(count)]
        wait_until(are_served, 200, "an answer on all of them")
        each = (resident_kib(server.process.pid) - before) / count
        assert each < 48, f"{each:.0f} KiB for a connection"
        if count == MOST:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                connect()
            wires.pop(1).close()
            wires.append(wait_until(lambda: connected(connect), what="room for another"))
            assert is_served(wires[-1])
    finally:
        for wire in wires:
            wire.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert server.stop() == 0


def connected(connect) -> ssl.SSLSocket | None:
    try:
        return connect()
    except (ssl.SSLError, ConnectionError):
        return None


def test_clients_that_vanish_leave_nothing_behind(server: Server):
    """A connection that is reset in the middle of a request or an answer."""
    server.get("/livez")
    before = descriptors(server)
    for part in (b"", b"GET /v1/ta", REQUEST, b"POST /v1/async-ml/contradiction/detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{"):
        for _ in range(50):
            with socket.create_connection(address(server)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, not goodbye
                client.sendall(part)
    wait_until(lambda: descriptors(server) <= before + 2, RECOVERY, "closed descriptors")
    assert server.get("/livez").status_code == 200


def test_a_slow_client_holds_nobody_up(server: Server):
    slow = socket.create_connection(address(server))
    slow.sendall(b"GET /v1/tasks/ HTTP/1.1\r\nHo")
    assert all(server.get("/v1/tasks/", params={"limit": 1}).status_code == 200 for _ in range(20))
    slow.sendall(b"st: localhost\r\n\r\n")
    assert slow.recv(12) == b"HTTP/1.1 200"
    slow.close()


def test_ten_thousand_tasks_while_the_limiter_is_closed(make_server: Callable[..., Server], tmp_path: pathlib.Path):
    """They wait in Redis, not in our memory; the server goes on answering; what is asked of it next is done next."""
    # One per cent is less than any machine uses: the gate stays closed until the limit is taken back.
    server = make_server("--workers", "1", MAX_MEMORY_PERCENT="1", MEDSYNTH_MODELS_DIR=str(tmp_path)).start()
    [worker] = wait_until(lambda: server.children(" worker"), what="a worker")
    before, worker_before = resident_kib(server.process.pid), resident_kib(worker)
    # A pair without a model would be done in milliseconds, and no gate holds that up.
    articles = {"articles": [{"id": "a", "claims": ["Aspirin reduces the risk of stroke."]},
                             {"id": "b", "claims": ["Aspirin does not reduce the risk of stroke."]}]}

    async def submit(count: int) -> set[int]:
        body = json.dumps(articles).encode()
        request = (b"POST /v1/async-ml/contradiction/analyze HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                   b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        reader, writer = await asyncio.open_connection(*address(server))
        statuses = set()
        for _ in range(count):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
            await reader.readexactly(length)
            statuses.add(int(head.split()[1]))
        writer.close()
        return statuses

    async def flood() -> set[int]:
        return set().union(*await asyncio.gather(*(submit(500) for _ in range(20))))

    assert asyncio.run(asyncio.wait_for(flood(), 100)) == {202}
    page = server.get("/v1/tasks/", params={"status": "pending", "limit": 1}).json()
    assert page["total"] + server.get("/v1/tasks/", params={"status": "processing", "limit": 1}).json()["total"] == 10_000
    assert resident_kib(server.process.pid) - before < 100 * 1024
    assert resident_kib(worker) - worker_before < 100 * 1024
    wait_until(server.is_ready, RECOVERY, "ready after the flood")
    answer = server.request("PUT", "/v1/resources/limits", json={"max_memory_percent": 100})
    assert answer.status_code == 200, answer.text
    wait_until(lambda: server.get("/v1/tasks/", params={"status": "completed", "limit": 1}).json()["total"] > 100, RECOVERY, "progress")
