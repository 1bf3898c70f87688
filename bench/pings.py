"""What is measured beside the pick-up of a task."""

from __future__ import annotations

import socket
import time


def idle_pings(port: int, count: int) -> list[float]:
    """Milliseconds of a PING of the Redis of 127.0.0.1:`port` on an idle connection, `count` times, 50 ms apart: what two processes
    that sleep take to wake each other."""
    times = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            time.sleep(0.05)
            begin = time.perf_counter()
            connection.sendall(b"PING\r\n")
            connection.recv(64)
            times.append((time.perf_counter() - begin) * 1000)
    return times
