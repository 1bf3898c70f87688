"""The types that callers see are real: mypy checks the package, code that uses it, and the extension's stub."""

import ast
import pathlib
import re
import subprocess
import sys

import asf.medical.client
from asf.medical import _core

PACKAGE = pathlib.Path(asf.medical.client.__file__).parents[1]
# An ignore that is not needed is an error too: each marks a call that must be refused.
SAMPLE = """
from typing import Any

from typing_extensions import assert_type

from asf.medical.client import Analysis, AsyncMedsynth, Contradiction, Medsynth, Pair, Task
from asf.medical.core.persistent_task_storage import task_storage
from asf.medical.core.resource_limiter import resource_limiter
from asf.medical.ml.model_cache import model_cache

assert_type(task_storage.get_task_status("a"), dict[str, Any] | None)
assert_type(task_storage.list_tasks(), list[dict[str, Any]])
assert_type(task_storage.update_task_progress("a", 1, stage="x"), bool)
task_storage.get_task_status(1)  # type: ignore[arg-type]
assert_type(resource_limiter.can_start_task(), tuple[bool, dict[str, Any]])
resource_limiter.acquire_task_slot("1")  # type: ignore[arg-type]
assert_type(model_cache.get_or_create("a", lambda: 1), int)
with model_cache.use("a", lambda: "text") as model:
    assert_type(model, str)
assert_type(Medsynth().detect_contradiction("a", "b"), Task)
assert_type(Medsynth().detect_contradiction("a", "b", wait=True), Contradiction)
assert_type(Medsynth().analyze("a.ris"), Analysis)
assert_type(Medsynth().analyze("a.ris").contradictions, list[Pair])
Medsynth().label("a", 1, "maybe")  # type: ignore[arg-type]
Medsynth().detect_contradiction("a", "b", on_progress=1, wait=True)  # type: ignore[call-overload]


@resource_limiter.limited(model="a")
def work(number: int) -> str:
    return str(number)


assert_type(work(1), str)


async def main() -> None:
    assert_type(await AsyncMedsynth().detect_contradiction("a", "b", wait=True), Contradiction)
    assert_type(await task_storage.aio.get_task_status("a"), dict[str, Any] | None)
"""


def checked(tmp_path, *words):
    done = subprocess.run([sys.executable, "-m", *words], cwd=tmp_path, text=True, capture_output=True, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr


def test_code_that_uses_the_package_is_checked(tmp_path):
    (tmp_path / "sample.py").write_text(SAMPLE)
    checked(tmp_path, "mypy", "--strict", "sample.py")


def test_the_package_is_typed_throughout(tmp_path):
    (tmp_path / "asf").symlink_to(PACKAGE)  # what is installed is not looked at
    checked(tmp_path, "mypy", "--strict", "--namespace-packages", "--explicit-package-bases", "-p", "asf")


def test_the_stub_is_that_of_the_extension():
    """The same names with as many parameters: mypy.stubtest does not know the functions of nanobind."""
    def described(body, of):
        return {node.name: described(node.body, getattr(of, node.name)) if isinstance(node, ast.ClassDef) else len(parameters(node))
                for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name != "__init__"}

    def parameters(node):
        return [each for each in node.args.posonlyargs + node.args.args if each.arg != "self"]

    def found(of):
        return {name: found(each) if isinstance(each, type) else arity(each) for name, each in vars(of).items()
                if not name.startswith("_") and name != "version"}

    def arity(function):
        if isinstance(function, property):
            return 0
        (signature,) = [each[0] for each in function.__nb_signature__]
        node = ast.parse(re.sub(r"\\[^\\]*\\", "", signature) + ": ...").body[0]
        return len(parameters(node))

    stub = ast.parse((PACKAGE / "medical/_core.pyi").read_text())
    assert described(stub.body, _core) == found(_core)
