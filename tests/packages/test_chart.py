"""The chart in deploy/helm as it is rendered: chart/*.yaml are the manifests that were read and checked against Kubernetes' schemas.

To write them anew: MEDSYNTH_GOLDEN=write, then look at the difference.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import pytest
from conftest import ROOT

CHART = ROOT / "deploy/helm/medsynth"
GOLDEN = pathlib.Path(__file__).parent / "chart"
CASES = {
    "plain": ["redis.url=redis://redis:6379/0"],
    "everything": ["redis.existingSecret=redis", "autoscaling.enabled=true", "server.tls.existingSecret=certificate", "models.pullDemo=true", "server.replicas=2",
                   "server.persistence.accessMode=ReadWriteMany", "server.insecure=true", "server.environment.MEDSYNTH_LOG_LEVEL=debug"],
    "shared_models": ["redis.url=rediss://redis:6380/2", "autoscaling.enabled=true", "models.existingClaim=models", "server.persistence.existingClaim=data",
                      "podDisruptionBudget.enabled=false", "networkPolicy.enabled=false", "workers.queues={medsynth,words}"],
}
WRONG = {
    "redis.url=http://redis": "does not match pattern",
    "redis.url=": "where the Redis is",
    "server.replicas=2": "wants server.persistence.accessMode ReadWriteMany",
    "workers.queues=null": "queues",
    "server.replica=2": "additional properties 'replica' not allowed",
}


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("helm")
    if not program:
        pytest.skip("there is no helm")
    return subprocess.run([program, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def rendered(*values: str) -> subprocess.CompletedProcess[str]:
    return helm("template", "ms", str(CHART), "--kube-version", "1.30.0", *(word for value in values for word in ("--set", value)))


def test_helm_finds_no_fault():
    done = helm("lint", "--strict", str(CHART), "--set", "redis.url=redis://redis")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES)
def test_what_is_rendered(case: str):
    done = rendered(*CASES[case])
    assert done.returncode == 0, done.stderr
    file = GOLDEN / f"{case}.yaml"
    if os.environ.get("MEDSYNTH_GOLDEN") == "write":
        file.write_text(done.stdout)
    assert done.stdout == file.read_text()


@pytest.mark.parametrize("value", WRONG)
def test_wrong_values_are_refused_with_the_reason(value: str):
    done = rendered("redis.url=redis://redis", value)
    assert done.returncode != 0 and WRONG[value] in done.stderr, done.stderr


def test_the_version_is_the_program_s():
    version = next(line for line in (ROOT / "CMakeLists.txt").read_text().splitlines() if line.startswith("project(medsynth VERSION ")).split()[2]
    chart = (CHART / "Chart.yaml").read_text()
    assert f"\nversion: {version}\n" in chart and f"\nappVersion: {version}\n" in chart
