"""A server as its clients know it: where it is, what is shown to it, the paths of its calls, and what its answers mean.

Both clients, the blocking one (`medsynth.client`) and the one for coroutines (`medsynth.async_client`), are made of this. No I/O but of
the files that it is given.
"""

from __future__ import annotations

import asyncio
import http.client
import io
import ipaddress
import json
import os
import pathlib
import re
import ssl
import stat
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Mapping, Sequence
from email.message import Message
from typing import Any

from medsynth.answers import Task, TaskFailed
from medsynth.encoding import to_json
from medsynth.errors import Cancelled, InvalidArgument, MedsynthError, Timeout, Unavailable, from_core

LOOK = 1.0  # seconds between looks at a task whose changes somebody wants to hear of
PAUSE = 0.1  # seconds, before a server that answers at once is asked again
LONG_WAIT = 20.0  # seconds that the server may take until the task has ended
JSON, BYTES = "application/json", "application/octet-stream"
_CODES = {400: "invalid_argument", 401: "not_allowed", 403: "not_allowed", 404: "not_found", 409: "conflict", 413: "invalid_argument",
          415: "invalid_argument", 422: "invalid_argument", 429: "exhausted", 503: "unavailable", 504: "timeout"}


class Server:
    """Where the server is, how it is asked, and what its answers mean. No I/O but the files that it is given."""

    def __init__(self, url: str | None, timeout: float, token: str | None, ca_file: str | os.PathLike[str] | None,
                 client_certificate: str | os.PathLike[str] | None, client_key: str | os.PathLike[str] | None) -> None:
        self.url, self._host = _server(url if url is not None else os.environ.get("MEDSYNTH_URL") or "http://127.0.0.1:8000")
        self.timeout = timeout
        self._token = _checked_token(token if token is not None else _known_token(self.url))
        self._proxy = "" if _is_loopback(self._host) else _proxy_of(self.url, self._host)
        self._through = f" through the environment's proxy {self._proxy.rpartition('@')[2].rpartition('//')[2]}" if self._proxy else ""
        self._socket = self.url.removeprefix("unix:") if self.url.startswith("unix:") else ""
        self._base = "http://localhost" if self._socket else self.url
        self._tls = _tls(ca_file, client_certificate, client_key) if self.url.startswith("https:") else None

    def _read(self, status: int, headers: Message, body: bytes) -> Any:
        """The JSON of an answer; a problem document is raised. An answer of ours is known by its own header, which proxies let pass
        (many replace Server)."""
        if "Medsynth-Version" not in headers and not headers.get("Server", "").startswith("medsynth"):
            raise Unavailable(f"what answers at {self.url}{self._through} is not a Medsynth server (status {status}, "
                              f"{headers.get('Server', 'no Server header')}, {headers.get('Content-Type', 'no content type')}). "
                              "Set MEDSYNTH_URL.", reason="not_medsynth")
        if status >= 300:
            raise _error(status, body, headers.get("Retry-After"))
        return json.loads(body)

    def _no_answer(self, error: BaseException) -> MedsynthError:
        """Why there is none that can be used."""
        why = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(why, (TimeoutError, asyncio.TimeoutError)):
            return Timeout(f"{self.url} did not answer within {self.timeout:g} s{self._through}", reason="no_answer")
        if isinstance(why, ssl.SSLCertVerificationError):
            return Unavailable(f"the certificate of {self.url} is not trusted ({why.verify_message}): name the file of the authority that "
                               "vouches for it (ca_file, MEDSYNTH_CA_FILE).", reason="not_trusted")
        if isinstance(why, (http.client.HTTPException, ValueError, EOFError)):
            return Unavailable(f"the answer of {self.url}{self._through} broke off, or is none of a Medsynth server: {why!r}",
                               reason="unexpected_answer")
        return Unavailable(f"no server answers at {self.url}{self._through}: {why}. Start 'medsynth serve', or set MEDSYNTH_URL.")


# --- what both clients ask, and what they make of it


def json_of(body: Any) -> bytes | None:
    return None if body is None else to_json(body).encode()


def references_path(columns: Mapping[str, str] | None) -> str:
    return "/v1/references" + ("?" + urllib.parse.urlencode(columns) if columns else "")


def tasks_path(status: str | None, limit: int, offset: int, results: bool) -> str:
    return "/v1/tasks/?" + urllib.parse.urlencode({"limit": limit, "offset": offset, **({} if status is None else {"status": status}),
                                                   **({"include": "result"} if results else {})})


def completed(task: Task) -> Task:
    """A task that has ended, where it did so well."""
    if task.status == "failed":
        raise TaskFailed(task)
    if task.status == "cancelled":
        raise Cancelled(f"task {task.task_id} was cancelled", reason="task_cancelled")
    return task


def still(task: Task, timeout: float) -> Timeout:
    return Timeout(f"task {task.task_id} is still {task.status} after {timeout:g} s", reason="task_timeout")


def bytes_of(paths: Sequence[str | os.PathLike[str]]) -> bytes:
    """One file as it is, several as a zip of them."""
    if not paths:
        raise InvalidArgument("paths: at least one file is needed", reason="no_file")
    if len(paths) == 1:
        return pathlib.Path(paths[0]).read_bytes()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        for number, path in enumerate(paths, 1):
            files.write(path, f"{number}/{pathlib.Path(path).name}")
    return archive.getvalue()


def _server(url: str) -> tuple[str, str]:
    """The address without its last slashes, and its host. Nothing of a wrong one is quoted: it may hold a password."""
    if re.fullmatch(r"unix:/[^/@?#][^@?#]*", url):
        return url, "localhost"
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise InvalidArgument("url: must look like http://127.0.0.1:8000 or unix:/path", reason="invalid_url")
    if "@" in url or "?" in url or "#" in url:
        raise InvalidArgument("url: must have no user, no password, no '?' and no '#'", reason="invalid_url")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _proxy_of(url: str, host: str) -> str:
    """The address of the environment's proxy; "" where none is asked."""
    proxy = urllib.request.getproxies().get(url.partition(":")[0])
    if not proxy or urllib.request.proxy_bypass(host):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _known_token(url: str) -> str:
    """The key that the environment, or `medsynth login`, has for the server; "" for none."""
    if token := os.environ.get("MEDSYNTH_TOKEN"):
        return token
    if file := os.environ.get("MEDSYNTH_TOKEN_FILE"):
        try:
            return pathlib.Path(file).read_text().strip()
        except (OSError, ValueError):
            raise InvalidArgument(f"MEDSYNTH_TOKEN_FILE: '{file}' cannot be read", reason="no_token") from None
    folder = pathlib.Path(os.environ.get("XDG_CONFIG_HOME", ""))
    store = (folder if folder.is_absolute() else pathlib.Path("~/.config").expanduser()) / "medsynth/tokens.json"
    try:
        with store.open() as kept:
            mode, text = os.fstat(kept.fileno()).st_mode, kept.read()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError):
        raise InvalidArgument(f"{store} cannot be read", reason="damaged_tokens") from None
    if stat.S_IMODE(mode) & 0o077:
        raise InvalidArgument(f"{store} must be a file that only its owner may read: chmod 600 {store}", reason="not_private")
    try:
        return str(json.loads(text)["tokens"].get(url, ""))
    except (ValueError, LookupError, TypeError, AttributeError):
        raise InvalidArgument(f"{store} is damaged: remove it, and log in again (medsynth login)", reason="damaged_tokens") from None


def _checked_token(token: str) -> str:
    if not all(" " < each < "\x7f" for each in token):
        raise InvalidArgument("token: must be a key as 'medsynth keys create' shows it, in one line", reason="invalid_token")
    return token


def _tls(ca_file: str | os.PathLike[str] | None, certificate: str | os.PathLike[str] | None,
         key: str | os.PathLike[str] | None) -> ssl.SSLContext:
    ca_file = ca_file or os.environ.get("MEDSYNTH_CA_FILE") or None
    certificate = certificate or os.environ.get("MEDSYNTH_CLIENT_CERTIFICATE") or None
    key = key or os.environ.get("MEDSYNTH_CLIENT_KEY") or None
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise InvalidArgument(f"ca_file: '{os.fspath(ca_file or '')}' cannot be used: {error}", reason="invalid_ca_file") from None
    if certificate:
        try:
            context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise InvalidArgument(f"client_certificate: '{os.fspath(certificate)}' cannot be used: {error}", reason="invalid_certificate") from None
    return context


def _segment(argument: str, name: str) -> str:
    # As the server's check_name(): what it would refuse, and what clients take for a folder of the path.
    if not name.strip(" ") or name in (".", "..") or len(name.encode()) > 200 or re.search(r"[\x00-\x1f\x7f-\x9f]", name):
        detail = "must have 1 to 200 bytes that are no control characters, and be neither white space nor '.' or '..'"
        raise InvalidArgument(f"{argument}: {detail}", faults=[(argument, detail)])
    return urllib.parse.quote(name, safe="")


def task_path(task_id: str) -> str:
    return f"/v1/tasks/{_segment('task_id', task_id)}"


def use_path(model: str) -> str:
    return f"/v1/models/{_segment('model', model)}/use"


def _error(status: int, body: bytes, retry_after: str | None) -> MedsynthError:
    try:
        problem = json.loads(body)
    except ValueError:
        problem = {}
    faults = [(fault["pointer"], fault["detail"]) for fault in problem.get("errors") or []]
    wait = float(retry_after) if retry_after and retry_after.isdigit() else None
    return from_core(_CODES.get(status, "internal"), problem.get("detail") or f"HTTP status {status}", problem.get("code", ""), faults,
                     wait, problem)
