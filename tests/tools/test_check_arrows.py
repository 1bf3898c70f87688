"""tools/check-arrows against small projects made here."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

TABLE = """
| room | what lives there | may use |
|---|---|---|
| `base` | ground | – |
| `store` | keeps | base |
| `engine` | runs, with `#include "x"` | base, store |
"""


def check(folder: pathlib.Path, table: str = TABLE, **files: str) -> tuple[int, str]:
    """Exit code and output for a project with this table, three good rooms, and these files (a__b for a/b)."""
    rooms = {
        "base/CMakeLists.txt": "medsynth_room(base SOURCES a.cc LIBRARIES fmt::fmt)",
        "store/CMakeLists.txt": "medsynth_room(store SOURCES a.cc USES base)  # not engine",
        "engine/CMakeLists.txt": "medsynth_room(engine\n  SOURCES a.cc\n  USES base\n       store\n  LIBRARIES x)",
        "engine/a.cc": '#include "medsynth/store/store.h"\n#include "medsynth/engine/inner/x.h"\n#include <vector>\n',
    }
    rooms |= {name.replace("__", "/"): text for name, text in files.items()}
    for name, text in rooms.items():
        path = folder / "src" / "medsynth" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "docs").mkdir()
    (folder / "docs" / "architecture.md").write_text(table)
    done = subprocess.run([sys.executable, ROOT / "tools" / "check-arrows", folder], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr


# A project whose includes and lists follow the table is accepted without a word.
def test_accepts_what_the_table_allows(tmp_path):
    assert check(tmp_path) == (0, "")


# A file that includes a room which its own may not use is named with its line.
def test_refuses_an_include_against_the_arrow(tmp_path):
    code, output = check(tmp_path, **{"store__sub__b.h": '// text\n#  include "medsynth/engine/engine.h"\n'})
    assert code == 1
    assert output == "src/medsynth/store/sub/b.h:2: store may not use engine\n"


# Angle brackets are no way around it.
def test_refuses_an_include_in_angle_brackets(tmp_path):
    code, output = check(tmp_path, **{"base__b.cc": "#include <medsynth/store/store.h>\n"})
    assert code == 1 and "base may not use store" in output


# What lies in a subfolder of an allowed room is private to that room.
def test_refuses_an_include_of_a_private_folder(tmp_path):
    code, output = check(tmp_path, **{"engine__b.cc": '#include "medsynth/store/inner/x.h"\n'})
    assert code == 1 and "inner/x.h is private to store" in output


# llama.cpp's headers belong to the inference room alone.
def test_refuses_llama_headers_elsewhere(tmp_path):
    code, output = check(tmp_path, **{"engine__b.cc": "#include <llama.h>\n"})
    assert code == 1 and "engine/b.cc:1" in output


# A room whose USES is longer or shorter than its row of the table is refused.
def test_refuses_a_list_that_differs_from_the_table(tmp_path):
    code, output = check(tmp_path, **{"engine__CMakeLists.txt": "medsynth_room(engine SOURCES a.cc USES base)"})
    assert code == 1 and "engine/CMakeLists.txt: USES base, but docs/architecture.md allows base store" in output


# A room that the table does not know is refused.
def test_refuses_a_room_without_a_row(tmp_path):
    code, output = check(tmp_path, **{"attic__CMakeLists.txt": "medsynth_room(attic SOURCES a.cc)"})
    assert code == 1 and "attic is not in the table" in output


# A table whose arrows go round is refused, even though every list agrees with it.
def test_refuses_a_cycle(tmp_path):
    table = TABLE.replace("| keeps | base |", "| keeps | base, engine |")
    code, output = check(tmp_path, table, **{"store__CMakeLists.txt": "medsynth_room(store SOURCES a.cc USES base engine)"})
    assert code == 1 and "the arrows go round: engine -> store -> engine" in output


# Without a table there is nothing to compare with, and that is no success.
def test_is_not_blind_without_a_table(tmp_path):
    code, output = check(tmp_path, "no table here\n")
    assert code == 1 and "blind" in output


# The project itself is in order.
def test_this_project():
    done = subprocess.run([ROOT / "tools" / "check-arrows"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
