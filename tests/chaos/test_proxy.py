"""The proxy passes everything on, until it is told to do harm."""

import socket
import threading

import proxy
import pytest


@pytest.fixture
def echo():
    """A server that answers with what it was sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection:
                try:
                    while piece := connection.recv(1000):
                        connection.sendall(piece)
                except OSError:
                    pass

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


@pytest.fixture
def between(echo):
    between = proxy.Proxy(echo)
    yield between
    between.end()


def connect(between: proxy.Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", between.port), 5)


def said(client: socket.socket, words: bytes) -> bytes:
    client.sendall(words)
    return client.recv(100)


def test_it_passes_on_what_it_is_given(between):
    with connect(between) as client:
        assert said(client, b"one") == b"one"


def test_a_cut_resets_what_is_open_and_lets_nobody_in_until_it_is_mended(between):
    with connect(between) as client:
        assert said(client, b"one") == b"one"
        between.cut()
        with pytest.raises(ConnectionError):
            while said(client, b"two"):
                pass
            raise ConnectionResetError
    with pytest.raises(ConnectionError), connect(between) as client:
        if not said(client, b"three"):
            raise ConnectionResetError
    between.mend()
    with connect(between) as client:
        assert said(client, b"four") == b"four"


def test_what_is_stalled_comes_when_it_is_mended(between):
    with connect(between) as client:
        between.stall()
        client.sendall(b"late")
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(100)
        between.mend()
        client.settimeout(5)
        assert client.recv(100) == b"late"
