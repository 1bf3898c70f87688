"""A reader of GET /v1/events over a raw socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

from server import Server


class Reader:
    """A connection that reads events. `last` is the id that it would come back with."""

    def __init__(self, server: Server, query: str = "", after: str = "", buffer: int = 0):
        host, port = server.url.removeprefix("http://").split(":")
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(60)
        self.socket.connect((host, int(port)))
        resume = f"Last-Event-ID: {after}\r\n" if after else ""
        self.socket.sendall(f"GET /v1/events{query} HTTP/1.1\r\nHost: localhost\r\n{resume}\r\n".encode())
        self.last = after
        self.text = b""
        self.head = self.until(b"\r\n\r\n").decode()
        assert self.head.startswith("HTTP/1.1 200 "), self.head
        assert "text/event-stream" in self.head

    def until(self, end: bytes) -> bytes:
        """What comes before `end`; EOFError where the server closed the connection."""
        while end not in self.text:
            got = self.socket.recv(65536)
            if not got:
                raise EOFError
            self.text += got
        found, self.text = self.text.split(end, 1)
        return found

    def block(self) -> dict[str, str]:
        fields = dict(line.split(": ", 1) for line in self.until(b"\n\n").decode().split("\n"))
        self.last = fields.get("id", self.last)
        return fields

    def events(self, *kinds: str) -> Iterator[dict]:
        """The data of each event of these kinds."""
        while True:
            block = self.block()
            if block.get("event") in kinds:
                yield json.loads(block["data"])

    def is_closed(self) -> bool:
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return True

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
