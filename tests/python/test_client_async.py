"""The client for coroutines: it gives what the other gives, on the loop's own sockets, and closes what nobody waits for any more."""

import asyncio
import contextlib
import json
import ssl
import subprocess
import threading

import pytest
from asf.medical.client import AsyncMedsynth, Medsynth, TaskFailed
from asf.medical.core.persistent_task_storage import task_storage
from asf.medical.errors import InvalidArgument, MedsynthError, Timeout, Unavailable
from test_client import KEY, OURS, RIS, peer

HEAD = "HTTP/1.1 200 OK\r\nMedsynth-Version: 9.9.9\r\n"


def both(url, call, **options):
    """What a call of each client ends as: a value, or the kind and words of an error."""
    def outcome(run):
        try:
            return run()
        except MedsynthError as error:
            return type(error), str(error), error.reason

    async def awaited():
        return await call(AsyncMedsynth(url, **options))
    return outcome(lambda: call(Medsynth(url, **options))), outcome(lambda: asyncio.run(awaited()))


@pytest.mark.parametrize(("headers", "body", "status"), [
    (OURS, b"{}", 200), (OURS, b"<html>", 200), ({}, b"{}", 200), ({"Server": "other/1"}, b"<html>", 502),
    (OURS, json.dumps({"detail": "No.", "code": "key_required"}).encode(), 401),
    ({**OURS, "Retry-After": "3"}, b'{"detail": "Busy.", "code": "busy"}', 503),
    (OURS, b'{"detail": "Wrong.", "errors": [{"pointer": "/limit", "detail": "is odd"}]}', 422)])
def test_both_clients_make_the_same_of_an_answer(headers, body, status):
    with peer(headers, body, status) as (running, url):
        one, other = both(url + "/behind/", lambda client: client.usage(), token=KEY)
        assert one == other
        assert running.asked == [("GET", "/behind/v1/resources/usage")] * 2 and running.shown == [f"Bearer {KEY}"] * 2


def test_both_clients_say_the_same_of_a_server_that_is_not_there():
    one, other = both("http://127.0.0.1:1", lambda client: client.usage())
    assert one[0] == other[0] == Unavailable and "no server answers at http://127.0.0.1:1" in other[1]


@contextlib.asynccontextmanager
async def answering(answer, **options):
    """A server that reads a request's head and gives it, its reader and its writer to `answer`."""
    async def serve(reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            await answer(head.decode(), reader, writer)
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0, **options)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()


def saying(*pieces):
    """One that answers with these, and ends."""
    async def answer(_head, _reader, writer):
        for piece in pieces:
            writer.write(piece.encode())
            await writer.drain()
    return answer


@pytest.mark.parametrize("pieces", [
    ("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", HEAD + 'Content-Length: 8\r\n\r\n{"a":', " 1}"),
    (HEAD + 'Transfer-Encoding: chunked\r\n\r\n4;x=y\r\n{"a"\r\n', "4\r\n: 1}\r\n0\r\n\r\n"),
    (HEAD + '\r\n{"a": ', "1}"),
])
def test_a_body_of_any_framing_is_read(pieces):
    async def main():
        async with answering(saying(*pieces)) as port:
            return await AsyncMedsynth(f"http://127.0.0.1:{port}").usage()
    assert asyncio.run(main()) == {"a": 1}


@pytest.mark.parametrize("pieces", [
    (), ("SSH-2.0-x\r\n\r\n",), (HEAD + 'Content-Length: 100\r\n\r\n{"a": 1}',), (HEAD + 'Transfer-Encoding: chunked\r\n\r\n4\r\n{"a"',),
    (HEAD + "Transfer-Encoding: chunked\r\n\r\nx\r\n",), (HEAD + "X: " + 70000 * "x" + "\r\n\r\n",)])
def test_an_answer_that_breaks_off_is_none(pieces):
    async def main():
        async with answering(saying(*pieces)) as port:
            await AsyncMedsynth(f"http://127.0.0.1:{port}").usage()
    with pytest.raises(Unavailable):
        asyncio.run(main())


def test_a_call_ends_when_its_time_is_over_and_with_whoever_cancels_it():
    """The server sees either as the end of the connection."""
    async def main():
        asked, gone = asyncio.Queue(), asyncio.Queue()

        async def silent(_head, reader, _writer):
            await asked.put(None)
            await reader.read()
            await gone.put(None)

        async with answering(silent) as port:
            client = AsyncMedsynth(f"http://127.0.0.1:{port}", timeout=0.2)
            with pytest.raises(Timeout, match="within 0.2 s"):
                await client.usage()
            await asyncio.wait_for(gone.get(), 30)
            waiting = asyncio.create_task(AsyncMedsynth(f"http://127.0.0.1:{port}").wait("x"))
            await asked.get()
            await asked.get()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await asyncio.wait_for(gone.get(), 30)
    asyncio.run(main())


def test_a_path_that_is_no_path_is_refused():
    for path in ("/v1/x y", "/v1/\r\nX: y", "/v1/ä"):
        with pytest.raises(InvalidArgument):
            asyncio.run(AsyncMedsynth("http://127.0.0.1:1").request("GET", path))


# --- proxies and TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of 127.0.0.1 and elsewhere.invalid, with its key."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=x",
                    "-addext", "subjectAltName=IP:127.0.0.1,DNS:elsewhere.invalid", "-keyout", file, "-out", file.with_suffix(".crt")],
                   check=True, capture_output=True)
    file.write_text(file.read_text() + file.with_suffix(".crt").read_text())
    return file


def tls_of(certificate, asks=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate)
    return context


ANSWER = saying(HEAD + "Content-Length: 2\r\n\r\n{}")


def test_a_certificate_is_checked_and_one_is_shown(certificate):
    async def main():
        async with answering(ANSWER, ssl=tls_of(certificate, asks=True)) as port:
            url = f"https://127.0.0.1:{port}"
            assert await AsyncMedsynth(url, ca_file=certificate, client_certificate=certificate).usage() == {}
            with pytest.raises(Unavailable, match="is not trusted .*MEDSYNTH_CA_FILE"):
                await AsyncMedsynth(url).usage()
            with pytest.raises(Unavailable):
                await AsyncMedsynth(url, ca_file=certificate).usage()
    asyncio.run(main())


def test_the_environments_proxy_carries_both_schemes(monkeypatch, certificate):
    """http: the proxy is asked for the whole address. https: for a way to the server, whose certificate is looked at as ever."""
    heads = []

    async def main():
        async with answering(ANSWER, ssl=tls_of(certificate)) as behind:
            async def proxy(head, reader, writer):
                heads.append(head)
                if not head.startswith("CONNECT"):
                    return await ANSWER(head, reader, writer)
                there, back = await asyncio.open_connection("127.0.0.1", behind)
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

                async def carry(source, target):
                    while piece := await source.read(4096):
                        target.write(piece)
                await asyncio.wait([asyncio.create_task(carry(reader, back)), asyncio.create_task(carry(there, writer))],
                                   return_when=asyncio.FIRST_COMPLETED)
                back.close()

            async with answering(proxy) as port:
                for scheme in ("http", "https"):
                    monkeypatch.setenv(f"{scheme}_proxy", f"http://eve:p%20w@127.0.0.1:{port}")
                assert await AsyncMedsynth("http://elsewhere.invalid/p", token=KEY).usage() == {}
                assert await AsyncMedsynth("https://elsewhere.invalid", token=KEY, ca_file=certificate).usage() == {}
                with pytest.raises(Unavailable, match="not trusted"):
                    await AsyncMedsynth("https://other.invalid", ca_file=certificate).usage()
            with pytest.raises(Unavailable, match="through the environment's proxy 127.0.0.1") as away:
                await AsyncMedsynth("https://elsewhere.invalid", ca_file=certificate).usage()
            assert "p%20w" not in str(away.value) and "eve" not in str(away.value)
    asyncio.run(main())
    assert heads[0].startswith("GET http://elsewhere.invalid/p/v1/resources/usage HTTP/1.1\r\n")
    assert heads[1].startswith("CONNECT elsewhere.invalid:443 HTTP/1.1\r\n") and KEY not in heads[1]
    assert all("Proxy-Authorization: Basic ZXZlOnAgdw==\r\n" in head for head in heads)


def test_a_proxy_that_refuses_is_named(monkeypatch):
    async def main():
        async with answering(saying("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")) as port:
            monkeypatch.setenv("https_proxy", f"127.0.0.1:{port}")
            await AsyncMedsynth("https://elsewhere.invalid").usage()
    with pytest.raises(Unavailable, match="the proxy answered 407"):
        asyncio.run(main())


# --- waiting


def test_a_wait_is_one_call_and_no_thread(server):
    async def main():
        before = threading.active_count()
        client = AsyncMedsynth(server)
        waits = [asyncio.create_task(client.detect_contradiction(f"Aspirin reduces stroke {i}.", f"Aspirin does not reduce stroke {i}.", wait=True,
                                                                  use_all_methods=False))
                 for i in range(20)]
        done = await asyncio.gather(*waits)
        assert threading.active_count() == before
        return done
    assert [each.verdict for each in asyncio.run(main())] == ["contradiction"] * 20


def test_progress_is_told_by_events(server):
    seen = []
    result = asyncio.run(AsyncMedsynth(server).detect_contradiction("Aspirin reduces stroke.", "Aspirin does not reduce stroke.", wait=True,
                                                                    on_progress=lambda task: seen.append(task.status)))
    assert result.verdict == "contradiction" and seen[-1] == "completed"


@pytest.mark.parametrize("refused", ["503 Service Unavailable", "404 Not Found"])
def test_progress_is_asked_for_where_no_events_are_told(refused):
    """One with too many readers, and an older server."""
    records = [{"task_id": "x", "status": "processing", "progress": 1}, {"task_id": "x", "status": "failed", "error": "no"}]
    heads, seen = [], []

    async def answer(head, reader, writer):
        heads.append(head.split()[1])
        if heads[-1].startswith("/v1/events"):
            body, status = {"detail": "No events."}, refused
        else:
            body, status = records.pop(0) if len(records) > 1 else records[0], "200 OK"
        text = json.dumps(body)
        await saying(f"HTTP/1.1 {status}\r\nMedsynth-Version: 1\r\nContent-Length: {len(text)}\r\n\r\n{text}")(head, reader, writer)

    async def main():
        async with answering(answer) as port:
            await AsyncMedsynth(f"http://127.0.0.1:{port}").wait("x", on_progress=lambda task: seen.append(task.status))
    with pytest.raises(TaskFailed, match="no"):
        asyncio.run(main())
    assert seen == ["processing", "failed"] and heads[1] == "/v1/events?task_id=x"


def test_a_wait_that_is_too_long_ends_as_a_timeout(server):
    task_storage.set_task_status("endless", {"status": "processing", "progress": 5})
    for options in ({}, {"on_progress": lambda task: None}):
        with pytest.raises(Timeout, match="is still processing after 0.3 s"):
            asyncio.run(AsyncMedsynth(server).wait("endless", 0.3, **options))


def test_the_other_calls_are_there_too(server, tmp_path):
    (tmp_path / "a.ris").write_text(RIS)

    async def main():
        client = AsyncMedsynth(server)
        analysis = await client.analyze(tmp_path / "a.ris", threshold=0)
        await client.label(analysis.task_id, 1, "agree")
        embeddings = await client.wait((await client.generate_embeddings(["one text"])).task_id)
        assert analysis.total_articles == 2 and analysis.read.format == "ris" and len(embeddings.result["embeddings"]) == 1
        assert (await client.task(analysis.task_id)).ended and len(await client.tasks("completed", limit=2)) == 2
        assert "hosts" in await client.usage() and "models" in await client.model_cache_stats()
        with pytest.raises(MedsynthError):
            await client.cancel(analysis.task_id)
        await client.delete(analysis.task_id)
    asyncio.run(main())


def test_large_results_are_in_lists_where_they_are_asked_for(server):
    task_storage.complete_task("large", "x" * 100_000)

    def of(tasks):
        return next(each for each in tasks if each.task_id == "large")
    for options, length in (({}, None), ({"results": True}, 100_000)):
        for tasks in (Medsynth(server).tasks(**options), asyncio.run(AsyncMedsynth(server).tasks(**options))):
            assert (of(tasks).result and len(of(tasks).result)) == length
    assert of(Medsynth(server).tasks()).raw["result_bytes"] == 100_002
