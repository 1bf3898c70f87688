"""Clients that others make from /openapi.json: they pass their languages' type checkers, and submit, wait and read."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest
from browser import PACKAGES
from conftest import ASPIRIN, NO_ASPIRIN, Server

PYTHON = """
import sys

from made.api.async_ml import detect_contradiction
from made.api.tasks import list_tasks, show_task
from made.client import AuthenticatedClient
from made.models.contradiction_result import ContradictionResult
from made.models.detect_contradiction import DetectContradiction
from made.models.submit_answer import SubmitAnswer
from made.models.task_info import TaskInfo
from made.models.task_page import TaskPage

url, claim1, claim2 = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token="none-is-needed")
submitted = detect_contradiction.sync(client=client, body=DetectContradiction(claim1, claim2, use_all_methods=False))
assert isinstance(submitted, SubmitAnswer)
task = None
while not isinstance(task, TaskInfo) or task.status not in ("completed", "failed"):
    task = show_task.sync(submitted.data.task_id, client=client, wait=20)
assert isinstance(task.result, ContradictionResult), task
page = list_tasks.sync(client=client, limit=1)
assert isinstance(page, TaskPage) and isinstance(page.tasks[0], TaskInfo)
print(task.result.verdict.value)
"""

TYPESCRIPT = """
import createClient from 'openapi-fetch';
import type { components, paths } from './made';

declare const process: { argv: string[] };
const [url, claim1, claim2] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: url });
const { data: submitted, error } = await client.POST('/v1/async-ml/contradiction/detect', { body: { claim1, claim2, use_all_methods: false } });
if (!submitted) throw new Error(error.detail);
const path = { task_id: submitted.data.task_id };
let task: components['schemas']['TaskInfo'] | undefined;
while (!task || !['completed', 'failed'].includes(task.status)) {
  ({ data: task } = await client.GET('/v1/tasks/{task_id}', { params: { path, query: { wait: 20 } } }));
}
const isVerdict = (result: unknown): result is components['schemas']['ContradictionResult'] => typeof result === 'object' && result !== null && 'verdict' in result;
if (!isVerdict(task.result)) throw new Error('no verdict');
const verdict: 'contradiction' | 'no_contradiction' | 'uncertain' = task.result.verdict;
console.log(verdict);
"""


@pytest.fixture(scope="module")
def description(server: Server, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    file = tmp_path_factory.mktemp("api") / "openapi.json"
    file.write_text(server.get("/openapi.json").text)
    return file


def run(*words: object, folder: pathlib.Path) -> str:
    done = subprocess.run([str(word) for word in words], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_every_example_is_as_its_schema_says(description: pathlib.Path):
    import jsonschema_rs
    api = json.loads(description.read_text())
    compared = 0
    for path, methods in api["paths"].items():
        for method, call in methods.items():
            contents = [answer["content"] for status, answer in call["responses"].items() if status[0] == "2"]
            contents += [call["requestBody"]["content"]] if "requestBody" in call else []
            for content in contents:
                for kind, each in content.items():
                    if kind != "application/json":
                        continue
                    schema = {**each["schema"], "components": api["components"]}
                    found = [f"{error.instance_path}: {error.message}" for error in jsonschema_rs.validator_for(schema).iter_errors(each["example"])]
                    assert found == [], (method, path, found)
                    compared += 1
    assert compared > 30


def test_a_python_client(server: Server, description: pathlib.Path, tmp_path: pathlib.Path):
    tools = pathlib.Path(sys.executable).parent
    (tmp_path / "config.yaml").write_text("post_hooks: []\n")
    said = run(tools / "openapi-python-client", "generate", "--path", description, "--meta", "none", "--output-path", "made", "--config", "config.yaml",
               folder=tmp_path)
    assert "Warning" not in said, said
    (tmp_path / "use.py").write_text(PYTHON)
    run(sys.executable, "-m", "mypy", "--strict", "--no-warn-redundant-casts", "use.py", "made", folder=tmp_path)
    assert run(sys.executable, "use.py", server.url, ASPIRIN, NO_ASPIRIN, folder=tmp_path) == "contradiction\n"


def test_a_typescript_client(server: Server, description: pathlib.Path, tmp_path: pathlib.Path):
    (tmp_path / "node_modules").symlink_to(PACKAGES)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    run("node", PACKAGES / "openapi-typescript/bin/cli.js", description, "--output", "made.d.ts", folder=tmp_path)
    (tmp_path / "use.ts").write_text(TYPESCRIPT)
    run("node", PACKAGES / "typescript/bin/tsc", "--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler",
        "--lib", "es2022,dom,dom.iterable", "use.ts", folder=tmp_path)
    assert run("node", "use.js", server.url, ASPIRIN, NO_ASPIRIN, folder=tmp_path) == "contradiction\n"
