"""A TCP proxy on a port of its own that can be closed (connections are reset, new ones refused), stalled, or slowed down."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading


class Proxy:
    def __init__(self, target: int):
        self.target = target  # port on 127.0.0.1
        self.delay = 0.0  # seconds before each piece goes on
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._closed = False
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), name="proxy", daemon=True)
        self._thread.start()
        started.wait()

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._flows.set()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()
        self._server.close()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closed:
            return self._reset(writer)
        try:
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            return self._reset(writer)
        self._writers |= {writer, other_writer}
        await asyncio.gather(self._pump(reader, other_writer), self._pump(other_reader, writer))
        self._writers -= {writer, other_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65536):
                await self._flows.wait()
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    @staticmethod
    def _reset(writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    def _do(self, work) -> None:
        self._loop.call_soon_threadsafe(work)

    def cut(self) -> None:
        def now() -> None:
            self._closed = True
            for writer in self._writers:
                self._reset(writer)
        self._do(now)

    def stall(self) -> None:
        self._do(self._flows.clear)

    def mend(self) -> None:
        def now() -> None:
            self._closed, self.delay = False, 0.0
            self._flows.set()
        self._do(now)

    def end(self) -> None:
        self._do(self._loop.stop)
        self._thread.join(5)
