"""The client for coroutines, on the event loop's own sockets."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import io
import os
import re
import socket
import time
import urllib.parse
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from email.message import Message
from typing import Any, Literal, cast, overload

from medsynth.answers import Analysis, Contradiction, References, Task
from medsynth.errors import InvalidArgument, MedsynthError
from medsynth.server import (BYTES, JSON, LONG_WAIT, LOOK, PAUSE, Server, bytes_of, completed, json_of, references_path, still, task_path,
                             tasks_path, use_path)

_LONGEST_HEAD = 65536  # bytes, of an answer


class AsyncMedsynth(Server):
    """The calls of `Medsynth`, awaited, on the event loop's own sockets: a call that is cancelled closes its connection. `timeout`: seconds
    for one HTTP call in all. Callbacks run on the event loop. Redirects are not followed."""

    def __init__(self, url: str | None = None, timeout: float = 30.0, *, token: str | None = None,
                 ca_file: str | os.PathLike[str] | None = None, client_certificate: str | os.PathLike[str] | None = None,
                 client_key: str | os.PathLike[str] | None = None) -> None:
        super().__init__(url, timeout, token, ca_file, client_certificate, client_key)

    @overload
    async def detect_contradiction(self, claim1: str, claim2: str, *, wait: Literal[False] = False, **fields: Any) -> Task: ...
    @overload
    async def detect_contradiction(self, claim1: str, claim2: str, *, wait: Literal[True], timeout: float = 3600.0,
                                   on_progress: Callable[[Task], None] | None = None, **fields: Any) -> Contradiction: ...
    async def detect_contradiction(self, claim1: str, claim2: str, *, wait: bool = False, timeout: float = 3600.0,
                                   on_progress: Callable[[Task], None] | None = None, **fields: Any) -> Task | Contradiction:
        task = await self._submit("contradiction/detect", {"claim1": claim1, "claim2": claim2, **fields})
        return Contradiction.of((await self.wait(task.task_id, timeout, on_progress)).result) if wait else task

    async def analyze_articles(self, articles: Sequence[Mapping[str, Any]], threshold: float = 0.7, **fields: Any) -> Task:
        return await self._submit("contradiction/analyze", {"articles": list(articles), "threshold": threshold, **fields})

    async def read_references(self, *paths: str | os.PathLike[str], columns: Mapping[str, str] | None = None) -> References:
        data = await asyncio.to_thread(bytes_of, paths)
        return References.of(await self._send("POST", references_path(columns), data, BYTES))

    async def analyze(self, *paths: str | os.PathLike[str], threshold: float = 0.7, columns: Mapping[str, str] | None = None,
                      timeout: float = 3600.0, on_progress: Callable[[Task], None] | None = None, **fields: Any) -> Analysis:
        read = await self.read_references(*paths, columns=columns)
        task = await self.analyze_articles(read.articles, threshold, **fields)
        return Analysis.of_task(await self.wait(task.task_id, timeout, on_progress), read)

    async def label(self, task_id: str, pair: int, label: Literal["agree", "disagree"]) -> None:
        await self.request("POST", "/v1/labels", {"task_id": task_id, "pair": pair, "label": label})

    async def generate_embeddings(self, texts: Sequence[str], **fields: Any) -> Task:
        return await self._submit("embeddings/generate", {"texts": list(texts), **fields})

    async def wait(self, task_id: str, timeout: float = 3600.0, on_progress: Callable[[Task], None] | None = None) -> Task:
        path, end = task_path(task_id), time.monotonic() + timeout
        if on_progress:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._follow(task_id, on_progress), timeout)
        while True:
            asked = time.monotonic()
            wait = min(LONG_WAIT, self.timeout / 2, max(0.0, end - asked))
            task = Task.of(await self.request("GET", f"{path}?wait={wait:.3f}"))
            if task.ended:
                return completed(task)
            if time.monotonic() >= end:
                raise still(task, timeout)
            await asyncio.sleep(max(0.0, min(PAUSE, asked + wait - time.monotonic())))  # one with many who wait answers at once

    async def task(self, task_id: str) -> Task:
        return Task.of(await self.request("GET", task_path(task_id)))

    async def tasks(self, status: str | None = None, limit: int = 100, offset: int = 0, *, results: bool = False) -> list[Task]:
        return [Task.of(each) for each in (await self.request("GET", tasks_path(status, limit, offset, results)))["tasks"]]

    async def cancel(self, task_id: str) -> None:
        await self.request("POST", task_path(task_id) + "/cancel")

    async def delete(self, task_id: str) -> None:
        await self.request("DELETE", task_path(task_id))

    async def usage(self) -> dict[str, Any]:
        return cast(dict[str, Any], await self.request("GET", "/v1/resources/usage"))

    async def model_cache_stats(self) -> dict[str, Any]:
        return cast(dict[str, Any], await self.request("GET", "/v1/model-cache/stats"))

    async def models(self) -> list[dict[str, Any]]:
        return cast(list[dict[str, Any]], (await self.request("GET", "/v1/models"))["models"])

    async def use_model(self, model: str) -> dict[str, Any]:
        return cast(dict[str, Any], (await self.request("POST", use_path(model)))["data"])

    async def request(self, method: str, path: str, body: Any = None) -> Any:
        return await self._send(method, path, json_of(body), JSON)

    async def _submit(self, path: str, body: Mapping[str, Any]) -> Task:
        return Task.of((await self.request("POST", f"/v1/async-ml/{path}", body))["data"])

    async def _follow(self, task_id: str, on_progress: Callable[[Task], None]) -> None:
        """Tells of each change until the task has ended."""
        seen = None
        async with contextlib.aclosing(self._changes(task_id)) as changes:
            async for _ in changes:
                task = await self.task(task_id)
                if (task.status, task.progress) != seen:
                    seen = (task.status, task.progress)
                    on_progress(task)
                if task.ended:
                    return

    async def _changes(self, task_id: str) -> AsyncGenerator[None, None]:
        """Something for each event of the task, at first, and each second where the server tells no events."""
        while True:
            yield None
            with contextlib.suppress(MedsynthError):  # what is wrong with more than the events, a look at the task says
                async with self._asked("GET", "/v1/events?" + urllib.parse.urlencode({"task_id": task_id}), None, JSON) as (status, headers, pieces):
                    if status != 200:
                        self._read(status, headers, b"".join([piece async for piece in pieces]))
                    text = b""
                    while piece := await asyncio.wait_for(anext(pieces, b""), self.timeout):  # heartbeats come more often
                        *lines, text = (text + piece).split(b"\n")
                        if any(line.startswith((b"event: start", b"event: task")) for line in lines):
                            yield None
            await asyncio.sleep(LOOK)

    async def _send(self, method: str, path: str, data: bytes | None, content_type: str) -> Any:
        async def exchange() -> Any:
            async with self._asked(method, path, data, content_type) as (status, headers, pieces):
                return self._read(status, headers, b"".join([piece async for piece in pieces]))

        try:
            return await asyncio.wait_for(exchange(), self.timeout)
        except asyncio.TimeoutError as error:
            raise self._no_answer(error) from None

    @contextlib.asynccontextmanager
    async def _asked(self, method: str, path: str, data: bytes | None,
                     content_type: str) -> AsyncIterator[tuple[int, Message, AsyncIterator[bytes]]]:
        """An answer: its status, headers, and body as it comes. The connection is closed at the end, whichever that is."""
        parts = urllib.parse.urlsplit(self._base)
        target = parts.path + path
        if not method.isalpha() or not target.isascii() or not target.isprintable() or " " in target:
            raise InvalidArgument("path: must be percent-encoded", reason="invalid_path")
        headers = {"Host": parts.netloc, "Connection": "close", "Accept-Encoding": "identity", "Content-Type": content_type}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if data is not None:
            headers["Content-Length"] = str(len(data))
        if self._proxy and not self._tls:
            target, headers = f"http://{parts.netloc}{target}", {**headers, **_proxy_headers(self._proxy)}
        writer = None
        try:
            reader, writer = await asyncio.wait_for(self._connect(), self.timeout)
            writer.write(_head(f"{method} {target}", headers) + (data or b""))
            await writer.drain()
            status, received = await asyncio.wait_for(_read_head(reader), self.timeout)
            yield status, received, _pieces(reader, received)
        except MedsynthError:
            raise
        except (http.client.HTTPException, ValueError, EOFError, OSError, asyncio.TimeoutError) as error:
            raise self._no_answer(error) from None
        finally:
            if writer:
                writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urllib.parse.urlsplit(self._base)
        port = parts.port or (443 if self._tls else 80)
        if self._socket:
            return await asyncio.open_unix_connection(self._socket, limit=_LONGEST_HEAD)
        if not self._proxy:
            return await asyncio.open_connection(self._host, port, ssl=self._tls, limit=_LONGEST_HEAD)
        proxy = urllib.parse.urlsplit(self._proxy)
        if not self._tls:
            return await asyncio.open_connection(proxy.hostname, proxy.port or 80, limit=_LONGEST_HEAD)
        tunnel = await _tunnel(proxy.hostname or "", proxy.port or 80, f"[{self._host}]:{port}" if ":" in self._host else f"{self._host}:{port}",
                               _proxy_headers(self._proxy))
        return await asyncio.open_connection(sock=tunnel, ssl=self._tls, server_hostname=self._host, limit=_LONGEST_HEAD)


# --- HTTP/1.1 on asyncio's streams (RFC 9112)


def _head(request: str, headers: Mapping[str, str]) -> bytes:
    return "".join([f"{request} HTTP/1.1\r\n", *(f"{name}: {value}\r\n" for name, value in headers.items()), "\r\n"]).encode("latin-1")


def _parsed_head(head: bytes) -> tuple[int, Message]:
    line, _, rest = head.partition(b"\r\n")
    if not (match := re.match(rb"HTTP/1\.[01] (\d{3})", line)):
        raise http.client.BadStatusLine(repr(line[:100]))
    return int(match[1]), http.client.parse_headers(io.BytesIO(rest))


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, Message]:
    while True:
        try:
            status, headers = _parsed_head(await reader.readuntil(b"\r\n\r\n"))
        except asyncio.LimitOverrunError:
            raise http.client.LineTooLong("header") from None
        if status >= 200:  # what is below announces another
            return status, headers


async def _pieces(reader: asyncio.StreamReader, headers: Message) -> AsyncIterator[bytes]:
    """A body as it comes. IncompleteReadError (an EOFError): it broke off."""
    length = headers.get("Content-Length")
    if headers.get("Transfer-Encoding", "").lower() == "chunked":
        while size := int((await reader.readuntil(b"\n")).partition(b";")[0], 16):
            yield await reader.readexactly(size)
            await reader.readexactly(2)
    elif length is not None:
        yield await reader.readexactly(int(length))
    else:
        while piece := await reader.read(65536):
            yield piece


def _proxy_headers(proxy: str) -> dict[str, str]:
    parts = urllib.parse.urlsplit(proxy)
    if parts.username is None:
        return {}
    known = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(known.encode()).decode()}


async def _tunnel(host: str, port: int, target: str, headers: Mapping[str, str]) -> socket.socket:
    """A connection to `target` that goes through the proxy. A socket and not a stream: before 3.11 those cannot begin TLS later."""
    loop = asyncio.get_running_loop()
    family, kind, protocol, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
    tunnel = socket.socket(family, kind, protocol)
    try:
        tunnel.setblocking(False)
        await loop.sock_connect(tunnel, address)
        await loop.sock_sendall(tunnel, _head(f"CONNECT {target}", {"Host": target, **headers}))
        head = b""
        while b"\r\n\r\n" not in head:  # nothing of the server's comes before we have spoken
            piece = await loop.sock_recv(tunnel, 4096)
            if not piece or len(head) > _LONGEST_HEAD:
                raise ConnectionError("the proxy gave no answer")
            head += piece
        status, _ = _parsed_head(head)
        if not 200 <= status < 300:
            raise ConnectionError(f"the proxy answered {status}")
        return tunnel
    except BaseException:
        tunnel.close()
        raise
