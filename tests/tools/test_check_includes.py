"""tools/check-includes against small projects made here."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def check(folder: pathlib.Path, *options: str, **files: str) -> tuple[int, str]:
    """Exit code and output for a project with these files in src (a__b.h as a_dot_h: a/b.h)."""
    for name, text in files.items():
        path = folder / "src" / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run([sys.executable, ROOT / "tools/check-includes", *options, folder], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr


# The header names a type that only <string> happens to bring along: refused, with the line.
def test_a_header_that_relies_on_another_librarys_luck(tmp_path):
    code, said = check(tmp_path, m__a_dot_h="#pragma once\n#include <string>\nstd::uint8_t x();\n")
    assert code == 1
    assert "src/m/a.h:3: uses <cstdint>" in said


# What the project's own headers include may be relied on, at any depth.
def test_own_headers_count(tmp_path):
    assert check(tmp_path, m__a_dot_h="#include <cstdint>\n", m__b_dot_h='#include "m/a.h"\n',
                 m__b_dot_cc='#include "m/b.h"\nstd::uint8_t x() { return 1; }\n') == (0, "")


# Comments and strings name nothing.
def test_comments_and_strings_are_not_code(tmp_path):
    assert check(tmp_path, a_dot_cc='// std::vector\nconst char* x = "std::map"; /* std::set\n std::list */\n') == (0, "")


# --fix adds what is missing, and then nothing is.
def test_fix_adds_them(tmp_path):
    code, _ = check(tmp_path, "--fix", a_dot_h="#pragma once\n\n#include <string>\n\nstd::vector<std::uint8_t> x(std::string);\n")
    assert code == 0
    assert check(tmp_path) == (0, "")
    assert (tmp_path / "src/a.h").read_text().count("#include") == 3
