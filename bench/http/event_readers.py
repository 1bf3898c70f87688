"""Readers of /v1/events until standard input ends: event_readers.py PORT READING STALLED. Prints "ready" when all of them read, and at the end
how many bytes came. Stalled ones take nothing; each is replaced after 12 s, when the server has given it up. A task is submitted ten times a second."""

from __future__ import annotations

import json
import resource
import selectors
import socket
import sys
import time

CLAIMS = json.dumps({"claim1": "Aspirin reduces the risk.", "claim2": "Aspirin does not reduce the risk."}).encode()


def connect(port: int, stalled: bool) -> socket.socket:
    reader = socket.socket()
    if stalled:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect(("127.0.0.1", port))
    reader.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return reader


def submit(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"POST /v1/async-ml/contradiction/detect HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
                       b"Content-Length: %d\r\n\r\n%b" % (len(CLAIMS), CLAIMS))
        while client.recv(65536):
            pass


def main() -> None:
    port, reading, stalled = map(int, sys.argv[1:])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard > 0 else 65536, hard))
    poll = selectors.DefaultSelector()
    poll.register(sys.stdin, selectors.EVENT_READ)
    readers = [connect(port, False) for _ in range(reading)]
    for reader in readers:
        reader.setblocking(False)
        poll.register(reader, selectors.EVENT_READ)
    idle = [(time.monotonic(), connect(port, True)) for _ in range(stalled)]
    heard: set[socket.socket] = set()
    received = 0
    is_ready, next_task = False, time.monotonic()
    while True:
        for key, _ in poll.select(0.02):
            if key.fileobj is sys.stdin:
                print(received, flush=True)
                return
            got = len(key.fileobj.recv(65536))
            assert got, "a reader that reads was dropped"
            received += got
            heard.add(key.fileobj)
        while idle and time.monotonic() - idle[0][0] > 12:
            idle.pop(0)[1].close()
            idle.append((time.monotonic(), connect(port, True)))
        if not is_ready and len(heard) == reading:
            is_ready = True
            print("ready", flush=True)
        if time.monotonic() >= next_task:
            next_task += 0.1
            submit(port)


main()
