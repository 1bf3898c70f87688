"""`models pull` against a hub in the test: what it fetches, what it refuses, and how it goes on where it broke off."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator

import certificates
import hub as hubs
import pytest
from conftest import wait_until
from hub import Hub, Repository, gguf

SMALL, LARGE = gguf(), gguf(padding=600_000)
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hubs.running() as running:
        running.repositories["Some/Model-GGUF"] = Repository({"README.md": b"#", "model-Q4_K_M.gguf": SMALL, "model-Q8_0.gguf": LARGE})
        running.repositories["Some/One"] = Repository({"README.md": b"#", "folder/the one.gguf": SMALL})
        yield running


@pytest.fixture
def environment(hub: Hub, tmp_path: pathlib.Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MEDSYNTH_", "HF_")) and not name.lower().endswith("_proxy")}
    return {**kept, "HF_ENDPOINT": hub.url, "MEDSYNTH_DATA_DIR": str(tmp_path / "data"), "MEDSYNTH_MODELS_DIR": str(tmp_path / "models"),
            "XDG_CONFIG_HOME": str(tmp_path / "config"), "MAX_MEMORY_PERCENT": "100"}


@pytest.fixture
def run(binary: pathlib.Path, environment: dict[str, str]) -> Run:
    def call(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(binary), "models", *words], env={**environment, **variables}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=240)
    return call


def files(environment: dict[str, str]) -> set[str]:
    """What lies in the models folder, but for digests and locks."""
    folder = pathlib.Path(environment["MEDSYNTH_MODELS_DIR"])
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file() and each.suffix not in (".sha256", ".lock")} - {"models.toml"}


def pulled(done: subprocess.CompletedProcess[str]) -> dict:
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "progress is for terminals"
    return json.loads(done.stdout)


PULL = ("pull", "hf:Some/Model-GGUF:q4_k_m", "--no-calibrate", "--json")


def test_a_model_of_the_hub(hub: Hub, run: Run, environment: dict[str, str]):
    entry = pulled(run(*PULL, HF_TOKEN="hf_secret"))
    assert entry["name"] == "model" and entry["file"] == "model-Q4_K_M.gguf" and entry["kind"] == "language"
    assert entry["sha256"] == hashlib.sha256(SMALL).hexdigest() and entry["licence"] == "apache-2.0"
    assert files(environment) == {"model-Q4_K_M.gguf"}
    assert all(each.token == "Bearer hf_secret" for each in hub.asked)
    assert [each.token for each in hub.fetched] == [None], "the token is not for whom the hub leads to"
    assert [each["name"] for each in json.loads(run("list", "--json").stdout)] == ["model"]
    again = run(*PULL[:3], "--yes")
    assert again.returncode == 0 and "hf_secret" not in again.stdout + again.stderr


def test_the_only_model_and_a_revision_and_a_name(hub: Hub, run: Run, environment: dict[str, str]):
    entry = pulled(run("pull", "hf:Some/One@v1", "--name", "mine", "--no-calibrate", "--json"))
    assert entry["name"] == "mine" and files(environment) == {"the one.gguf"}
    assert "/resolve/v1/folder/the%20one.gguf" in hub.asked[-1].path
    assert pulled(run("pull", f"{hub.url}/Some/One/blob/main/folder/the%20one.gguf", "--name", "pasted", "--no-calibrate", "--json"))["name"] == "pasted"


def test_an_address(hub: Hub, run: Run, environment: dict[str, str]):
    address = f"http://127.0.0.1:{hub.cdn.server_port}/Some/Model-GGUF/model-Q8_0.gguf"
    wrong = run("pull", address, "--sha256", "0" * 64, "--no-calibrate")
    assert wrong.returncode == 2 and "its sha256 is" in wrong.stderr and not files(environment)
    assert pulled(run("pull", address, "--sha256", hashlib.sha256(LARGE).hexdigest(), "--no-calibrate", "--json"))["name"] == "model-q8_0"
    assert not hub.asked, "an address is no repository"


def test_a_mirror_below_a_path(binary: pathlib.Path, run: Run):
    with hubs.running("/mirror/of") as mirror:
        mirror.repositories["a/b"] = Repository({"x.gguf": SMALL})
        assert pulled(run("pull", "hf:a/b", "--no-calibrate", "--json", HF_ENDPOINT=mirror.url + "/"))["name"] == "b"
        assert all(each.path.startswith("/mirror/of/") for each in mirror.asked)


def test_what_belongs_to_an_onnx_model_comes_with_it(hub: Hub, run: Run, environment: dict[str, str]):
    hub.repositories["Some/Nli"] = Repository({"config.json": b"{}", "spm.model": b"s", "README.md": b"#", "pytorch_model.bin": b"w",
                                               "onnx/model.onnx": b"no model", "onnx/model_int8.onnx": b"no model"})
    several = run("pull", "hf:Some/Nli", "--no-calibrate")
    assert several.returncode == 1 and "onnx/model_int8.onnx" in several.stderr
    refused = run("pull", "hf:Some/Nli:model_int8", "--no-calibrate")
    asked = {each.path.rpartition("/resolve/main/")[2] for each in hub.asked if "/resolve/" in each.path}
    assert asked == {"config.json", "spm.model", "onnx/model_int8.onnx"}
    assert refused.returncode == 2 and not files(environment), "what is no model is not kept"


def test_several_models_are_named(run: Run, environment: dict[str, str]):
    asked = run("pull", "hf:Some/Model-GGUF", "--no-calibrate")
    assert asked.returncode == 1 and "model-Q4_K_M.gguf" in asked.stderr and "model-Q8_0.gguf" in asked.stderr
    assert not files(environment)


def test_it_goes_on_in_the_same_call(hub: Hub, run: Run):
    hub.break_after = [100_000, 100_000]
    assert pulled(run(*PULL))["sha256"] == hashlib.sha256(SMALL).hexdigest()
    assert [each.range for each in hub.fetched] == [None, "bytes=100000-", "bytes=200000-"]


def test_it_goes_on_after_it_was_killed(hub: Hub, binary: pathlib.Path, run: Run, environment: dict[str, str]):
    hub.break_after = [100_000]
    hub.hold.clear()
    part = pathlib.Path(environment["MEDSYNTH_MODELS_DIR"]) / ".pull/model/model-Q4_K_M.gguf.part"
    with subprocess.Popen([str(binary), "models", *PULL], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as first:
        wait_until(lambda: part.exists() and part.stat().st_size == 100_000, 120, "a part of the file")
        first.kill()
    hub.hold.set()
    assert pulled(run(*PULL))["sha256"] == hashlib.sha256(SMALL).hexdigest()
    assert [each.range for each in hub.fetched] == [None, "bytes=100000-"]
    assert files(environment) == {"model-Q4_K_M.gguf"}


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(hub: Hub, binary: pathlib.Path, run: Run, environment: dict[str, str]):
    hub.break_after = [100_000, 0]
    broken = run(*PULL)
    assert broken.returncode == 6 and "goes on from there" in broken.stderr
    hub.repositories["Some/Model-GGUF"].files["model-Q4_K_M.gguf"] = LARGE
    assert pulled(run(*PULL))["sha256"] == hashlib.sha256(LARGE).hexdigest()


def test_two_at_a_time_are_one(hub: Hub, binary: pathlib.Path, environment: dict[str, str]):
    hub.break_after = [100_000]
    hub.hold.clear()
    both = [subprocess.Popen([str(binary), "models", *PULL], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)]
    wait_until(lambda: hub.fetched, 120, "one of them fetches")
    hub.hold.set()
    for each in both:
        said, wrong = each.communicate(timeout=240)
        assert each.returncode == 0, wrong
        assert json.loads(said)["sha256"] == hashlib.sha256(SMALL).hexdigest()
    assert [each.range for each in hub.fetched] == [None, "bytes=100000-"], "the second has fetched nothing"


def test_a_name_that_is_taken(hub: Hub, run: Run):
    pulled(run(*PULL))
    other = ("pull", "hf:Some/Model-GGUF:Q8_0", "--no-calibrate", "--json")
    taken = run(*other)
    assert taken.returncode == 1 and "--yes" in taken.stderr
    assert pulled(run(*PULL))["sha256"] == hashlib.sha256(SMALL).hexdigest() and len(hub.fetched) == 1, "the same again is nothing to do"
    assert pulled(run(*other, "--yes"))["sha256"] == hashlib.sha256(LARGE).hexdigest()
    assert pulled(run(*PULL, "--name", "another"))["name"] == "another"


@pytest.mark.parametrize(("words", "variables", "code", "says"), [
    (("nothing",), {}, 3, "models list --available"),
    (("hf:Some",), {}, 2, "hf:OWNER/REPO"),
    (("hf:No/Such",), {}, 3, "there is no repository"),
    (("hf:Some/Private",), {}, 3, "or it is private: then set HF_TOKEN"),
    (("hf:Some/Private",), {"HF_TOKEN": "expired"}, 4, "refuses the token of HF_TOKEN"),
    (("hf:Some/Private",), {"HF_TOKEN": "two\nlines"}, 2, "HF_TOKEN"),
    (("hf:Some/Gated:x.gguf",), {}, 4, "accept its conditions"),
    (("hf:Some/Gated:x.gguf",), {"HF_TOKEN": "other"}, 4, "may not read it yet"),
    (("hf:Some/One@v9",), {}, 3, "no revision v9"),
    (("hf:Some/One:no.gguf",), {}, 3, "has no file no.gguf"),
    (("hf:Some/Model-GGUF:Q2_K",), {}, 3, "there is model-Q4_K_M.gguf"),
    (("hf:Some/Weights",), {}, 3, "must be converted"),
    (("hf:Some/Parts",), {}, 2, "llama-gguf-split"),
    (("hf:Some/Text",), {}, 2, "no GGUF model file"),
    (("hf:Some/Damaged",), {}, 2, "its sha256 is"),
    (("hf:Some/Huge",), {}, 6, "no room"),
    (("hf:Some/One",), {"HF_ENDPOINT": "http://127.0.0.1:1"}, 6, "does not answer"),
    (("hf:Some/One",), {"HF_ENDPOINT": "https://me:secret@host"}, 2, "HF_ENDPOINT (or --hub-url): the address must have no user and no password"),
    (("hf:Some/One",), {"http_proxy": "socks5://me:secret@host"}, 2, "http_proxy: must be the address of an HTTP proxy"),
    (("http://127.0.0.1:1/x.gguf",), {}, 6, "does not answer"),
    (("hf:Some/One", "--name", "no/name"), {}, 2, "letters, digits"),
])
def test_what_cannot_be_is_said(hub: Hub, run: Run, environment: dict[str, str], words: tuple[str, ...], variables: dict[str, str], code: int, says: str):
    hub.repositories |= {
        "Some/Private": Repository({"x.gguf": SMALL}, token="right"),
        "Some/Gated": Repository({"x.gguf": SMALL}, token="right", gated=True),
        "Some/Weights": Repository({"model.safetensors": b"x"}),
        "Some/Parts": Repository({f"m-0000{part}-of-00002.gguf": SMALL for part in (1, 2)}),
        "Some/Text": Repository({"x.gguf": b"no model"}),
        "Some/Damaged": Repository({"x.gguf": SMALL}, digests={"x.gguf": "0" * 64}),
        "Some/Huge": Repository({"x.gguf": SMALL}, sizes={"x.gguf": 10**18}),
    }
    refused = run("pull", *words, "--no-calibrate", **variables)
    assert refused.returncode == code and says in refused.stderr, (refused.returncode, refused.stderr)
    assert "secret" not in refused.stderr and not files(environment)
    for name in ("Some/Private", "Some/Gated"):
        if words[0].startswith(f"hf:{name}"):
            assert pulled(run("pull", *words, "--no-calibrate", "--json", HF_TOKEN="right"))["licence"] == "apache-2.0"


def test_a_server_that_stops_in_the_middle(hub: Hub, run: Run, environment: dict[str, str]):
    hub.break_after = [100_000, 0]
    broken = run(*PULL)
    assert broken.returncode == 6 and "broke off" in broken.stderr and "goes on from there" in broken.stderr
    assert files(environment) == {".pull/model/model-Q4_K_M.gguf.part", ".pull/model/model-Q4_K_M.gguf.part.json"}


class _Tunnel(http.server.BaseHTTPRequestHandler):
    """A proxy that leads all to one server."""
    port = 0
    asked: list[str]

    def log_message(self, *_: object) -> None:
        pass

    def do_CONNECT(self) -> None:
        self.asked.append(f"{self.path} {self.headers['Proxy-Authorization']}")
        with socket.create_connection(("127.0.0.1", self.port)) as other:
            self.send_response(200)
            self.end_headers()
            there = threading.Thread(target=_copy, args=(self.connection, other), daemon=True)
            there.start()
            _copy(other, self.connection)
        self.close_connection = True


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass


def test_tls_and_a_proxy(hub: Hub, run: Run, environment: dict[str, str], tmp_path: pathlib.Path):
    """https through a proxy: the name in the certificate is the hub's, and a certificate that nobody vouches for is refused."""
    made = certificates.self_signed(tmp_path, "hub", "DNS:hub.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    plain = hub.server.server_port
    # A TLS end before the hub's own server.
    listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                if listener.fileno() < 0:
                    return
                continue
            other = socket.create_connection(("127.0.0.1", plain))
            threading.Thread(target=_copy, args=(client, other), daemon=True).start()
            threading.Thread(target=_copy, args=(other, client), daemon=True).start()
    threading.Thread(target=serve, daemon=True).start()
    tunnel = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Tunnel", (_Tunnel,), {"port": listener.getsockname()[1], "asked": []}))
    threading.Thread(target=tunnel.serve_forever, daemon=True).start()
    proxy = {"https_proxy": f"http://me:pw@127.0.0.1:{tunnel.server_port}", "HF_ENDPOINT": "https://hub.example"}
    try:
        distrusted = run("pull", "hf:Some/One", "--no-calibrate", **proxy)
        assert distrusted.returncode == 6 and "is not trusted" in distrusted.stderr, distrusted.stderr
        # The hub leads on to http here, which https must not.
        refused = run("pull", "hf:Some/One", "--no-calibrate", **proxy, SSL_CERT_FILE=str(made.certificate))
        assert refused.returncode == 4 and "not encrypted" in refused.stderr, refused.stderr
        assert tunnel.RequestHandlerClass.asked[-1] == "hub.example:443 Basic bWU6cHc="
        assert "pw@" not in distrusted.stderr + refused.stderr
    finally:
        listener.close()
        tunnel.shutdown()
        tunnel.server_close()


def test_the_models_that_we_know_of(run: Run):
    known = json.loads(run("list", "--available", "--json").stdout)
    assert {"smollm2-135m-instruct", "all-minilm-l6-v2", "qwen2.5-coder-0.5b-instruct"} <= {each["name"] for each in known}
    assert all(each["licence"] and each["bytes"] and each["memory_mb"] and not each["installed"] for each in known)
    shown = run("list", "--available").stdout
    assert "not measured" in shown and "Apache-2.0" in shown


def test_one_that_we_know_of_is_checked(hub: Hub, run: Run, environment: dict[str, str]):
    """A mirror that has another file under its name is found out before the first byte."""
    (known,) = (each for each in json.loads(run("list", "--available", "--json").stdout) if each["name"] == "qwen2.5-coder-0.5b-instruct")
    repository, revision, file = re.fullmatch("hf:(.+)@(.+):(.+)", known["from"]).groups()
    hub.repositories[repository] = Repository({file: SMALL}, revisions={revision})
    refused = run("pull", known["name"], "--no-calibrate")
    assert refused.returncode == 2 and "another file than the wanted one" in refused.stderr
    assert hub.asked and not hub.fetched
