"""A hub as huggingface.co is one: listing, resolve with its fields, a second server with the bytes; and what may go wrong with both."""

from __future__ import annotations

import hashlib
import json
import struct
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def gguf(architecture: str = "llama", licence: str = "apache-2.0", padding: int = 300_000) -> bytes:
    """A model file as far as its header goes; without tensors."""
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()
    strings = {"general.architecture": architecture, "general.license": licence, "test.padding": "x" * padding}
    numbers = {f"{architecture}.block_count": 1, f"{architecture}.embedding_length": 64, f"{architecture}.context_length": 512,
               f"{architecture}.attention.head_count": 1}
    entries = [text(key) + struct.pack("<I", 8) + text(value) for key, value in strings.items()]
    entries += [text(key) + struct.pack("<II", 4, value) for key, value in numbers.items()]
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries)) + b"".join(entries)


@dataclass
class Repository:
    files: dict[str, bytes]
    token: str = ""  # it is private: only who shows this sees it
    gated: bool = False
    revisions: set[str] = field(default_factory=lambda: {"main", "v1"})
    digests: dict[str, str] = field(default_factory=dict)  # said instead of the right ones
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass
class Asked:
    path: str
    range: str | None
    token: str | None


class Hub:
    """`repositories` may be changed at any time; `asked` and `fetched` say what was asked of the hub and of the server with the bytes."""

    def __init__(self, prefix: str = ""):
        self.prefix = prefix
        self.repositories: dict[str, Repository] = {}
        self.asked: list[Asked] = []
        self.fetched: list[Asked] = []
        self.break_after: list[int] = []  # the next answers with bytes end after so many, without a word
        self.hold = threading.Event()  # such an answer waits for it before it ends
        self.hold.set()
        self.server = _serve(self, _HubHandler)
        self.cdn = _serve(self, _CdnHandler)
        self.url = f"http://127.0.0.1:{self.server.server_port}{prefix}"

    def close(self) -> None:
        self.hold.set()
        for each in (self.server, self.cdn):
            each.shutdown()
            each.server_close()


@contextmanager
def running(prefix: str = "") -> Iterator[Hub]:
    hub = Hub(prefix)
    try:
        yield hub
    finally:
        hub.close()


def _serve(hub: Hub, handler: type[_Handler]) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type(handler.__name__, (handler,), {"hub": hub}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def noted(self) -> Asked:
        return Asked(self.path, self.headers["Range"], self.headers["Authorization"])

    def answer(self, status: int, body: bytes = b"", **fields: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **fields}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status: int, code: str) -> None:
        self.answer(status, b'{"error":"no"}', X_Error_Code=code, Content_Type="application/json")


class _HubHandler(_Handler):
    def do_GET(self) -> None:
        self.hub.asked.append(self.noted())
        words = urllib.parse.urlsplit(self.path).path.removeprefix(self.hub.prefix).strip("/").split("/")
        listing = words[:2] == ["api", "models"]
        owner, name, verb, revision, *rest = [*(words[2:] if listing else words), "", "", "", ""]
        repository = self.hub.repositories.get(f"{owner}/{name}")
        shown = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        if shown == "expired":
            return self.answer(401)
        if repository is None or (repository.token and shown != repository.token and not repository.gated):
            return self.refuse(404 if shown else 401, "RepoNotFound")
        if revision not in repository.revisions:
            return self.refuse(404, "RevisionNotFound")
        if repository.gated and shown != repository.token and not listing:
            return self.refuse(403 if shown else 401, "GatedRepo")
        if listing:
            return self.answer(200, json.dumps(_tree(repository)).encode(), Content_Type="application/json")
        path = urllib.parse.unquote("/".join(rest).rstrip("/"))
        content = repository.files.get(path)
        if verb != "resolve" or content is None:
            return self.refuse(404, "EntryNotFound")
        if not path.endswith((".gguf", ".onnx")):
            return self.answer(200, content, ETag=f'"{hashlib.sha1(content).hexdigest()}"')
        digest = repository.digests.get(path, hashlib.sha256(content).hexdigest())
        size = repository.sizes.get(path, len(content))
        self.answer(302, b"Found. Redirecting", X_Linked_ETag=f'"{digest}"', X_Linked_Size=str(size), X_Repo_Commit="0" * 40,
                    Location=f"http://127.0.0.1:{self.hub.cdn.server_port}/{owner}/{name}/{urllib.parse.quote(path)}?signature=secret")


class _CdnHandler(_Handler):
    def do_GET(self) -> None:
        self.hub.fetched.append(self.noted())
        owner, name, path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).strip("/").split("/", 2)
        content = self.hub.repositories[f"{owner}/{name}"].files[path]
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        wanted, condition = self.headers["Range"], self.headers["If-Range"]
        start = int(wanted[len("bytes="):-1]) if wanted and condition in (None, etag) else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", etag)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if not self.hub.break_after:
            self.wfile.write(content[start:])
            return
        self.wfile.write(content[start:start + self.hub.break_after.pop(0)])
        self.wfile.flush()
        self.hub.hold.wait(120)
        self.close_connection = True
        self.connection.close()


def _tree(repository: Repository) -> list[dict]:
    folders = {path.rpartition("/")[0] for path in repository.files} - {""}
    listed: list[dict] = [{"type": "directory", "path": each, "size": 0, "oid": "0"} for each in folders]
    for path, content in repository.files.items():
        entry: dict = {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
        if path.endswith((".gguf", ".onnx")):
            digest = repository.digests.get(path, hashlib.sha256(content).hexdigest())
            entry["lfs"] = {"oid": digest, "size": repository.sizes.get(path, len(content)), "pointerSize": 134}
        listed.append(entry)
    return listed
