"""tools/count-tests against reports made here."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

GTEST = """<?xml version="1.0"?><testsuites tests="3"><testsuite name="S">
<testcase name="a" status="run" result="completed"/><testcase name="b" status="notrun" result="suppressed"/>
<testcase name="c" status="run" result="completed">{inside}</testcase></testsuite></testsuites>"""
CTEST = '<testsuite><testcase name="base_test" status="{status}"/></testsuite>'
PYTEST = '<testsuites><testsuite><testcase name="x"/><testcase name="y">{inside}</testcase></testsuite></testsuites>'


def count(folder: pathlib.Path, *broken: str, **files: str) -> tuple[int, str]:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run([sys.executable, ROOT / "tools" / "count-tests", folder, *broken], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout


def good(inside: str = "") -> dict[str, str]:
    return {"release__ctest_dot_junit": CTEST.format(status="run"), "release__base_test_dot_xml": GTEST.format(inside=""),
            "e2e_dot_junit": PYTEST.format(inside=inside)}


# Tests of GoogleTest and pytest are added up; what was not run is counted apart.
def test_adds_up(tmp_path):
    assert count(tmp_path, **good()) == (0, "4 passed, 0 failed, 1 skipped\n")


# One failed test anywhere makes the sum a failure.
def test_counts_failures(tmp_path):
    assert count(tmp_path, **good('<failure message="no"/>')) == (1, "3 passed, 1 failed, 1 skipped\n")


# A program that crashed leaves no report or a cut one: ctest's word counts as one failure.
def test_counts_a_crash(tmp_path):
    assert count(tmp_path, **{"asan__ctest_dot_junit": CTEST.format(status="fail")}) == (1, "0 passed, 1 failed\n")


# A program whose own report has the failure is not counted twice.
def test_counts_a_failure_once(tmp_path):
    files = {"asan__ctest_dot_junit": CTEST.format(status="fail"),
             "asan__base_test_dot_xml": GTEST.format(inside='<failure message="no"/>')}
    assert count(tmp_path, **files) == (1, "1 passed, 1 failed, 1 skipped\n")


# A stage that broke without a failed test (a build, a linter) is a failure as well.
def test_counts_broken_stages(tmp_path):
    assert count(tmp_path, "build release", "style", **good()) == (1, "4 passed, 2 failed, 1 skipped\n")


# Nothing ran: that is no success.
def test_nothing_is_no_success(tmp_path):
    assert count(tmp_path) == (1, "0 passed, 0 failed\n")
