"""Requests made up from /openapi.json, valid and not: no internal error, and every answer is as the document says."""

import pathlib
import subprocess
import sys
from collections.abc import Callable

from conftest import Server, wait_until

# What a schema cannot say is refused too (a field in both body and query, a change that changes nothing), so a request that
# fits the schema may get a 422. And /v1/dead/replay is also a dead letter of that id, whose methods Allow names too.
# The answer of /v1/events has no end: test_events.py.
LEFT_OUT = "positive_data_acceptance,allow_header_conformance"


def test_every_answer_is_as_the_schema_says(make_server: Callable[..., Server], tmp_path: pathlib.Path):
    server = make_server("--workers", "1").start()
    token = server.cli("keys", "create", "schema", "--scope", "admin").stdout.strip()  # the document says that calls need one
    wait_until(lambda: server.get("/v1/tasks/").status_code == 401, what="the key")
    run = subprocess.run(
        [pathlib.Path(sys.executable).parent / "schemathesis", "run", f"{server.url}/openapi.json", "--max-examples", "25", "--seed", "1",
         "--exclude-checks", LEFT_OUT, "--exclude-path", "/v1/events", "--header", f"Authorization: Bearer {token}", "--generation-database", "none", "--no-color", "--request-timeout", "20"],
        cwd=tmp_path, capture_output=True, text=True, timeout=280)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert server.get("/readyz").status_code == 200
