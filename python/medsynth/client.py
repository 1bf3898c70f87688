"""A client of the HTTP API of `medsynth serve`.

    from medsynth import Medsynth

    result = Medsynth().detect_contradiction("Aspirin reduces stroke.", "Aspirin does not reduce stroke.", wait=True,
                                             on_progress=lambda task: print(task.progress))
    result.verdict, result.contradiction_score, result.explanation

    analysis = Medsynth().analyze("export.ris")       # of PubMed, Zotero, EndNote, Embase, ...
    for pair in analysis.contradictions: print(pair.contradiction_score, pair.claim1.claim, pair.claim2.claim)
    pandas.DataFrame(analysis.rows())

Errors are the exceptions of `medsynth.errors`; their `problem` is the API's problem document. A task that failed is `TaskFailed`.
Thread safe: each call has a connection of its own. `AsyncMedsynth` has the same calls for coroutines.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import http.client
import io
import ipaddress
import json
import os
import pathlib
import re
import socket
import ssl
import stat
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar, cast, overload

from medsynth.encoding import to_json
from medsynth.errors import Cancelled, InvalidArgument, MedsynthError, Timeout, Unavailable, from_core

__all__ = ["Analysis", "AsyncMedsynth", "Claim", "Contradiction", "Finding", "Medsynth", "Pair", "Question", "References", "Task", "TaskFailed"]

_POLL = 0.1  # seconds between looks at a task whose changes somebody wants to hear of
_LONG_WAIT = 20.0  # seconds that the server may take until the task has ended
_CODES = {400: "invalid_argument", 401: "not_allowed", 403: "not_allowed", 404: "not_found", 409: "conflict", 413: "invalid_argument",
          415: "invalid_argument", 422: "invalid_argument", 429: "exhausted", 503: "unavailable", 504: "timeout"}

Answer = TypeVar("Answer", bound="_Answer")


class TaskFailed(MedsynthError):
    """The task ended as failed; the message is its error. `task`: the record."""

    def __init__(self, task: Task) -> None:
        super().__init__(task.error or "the task failed", reason="task_failed")
        self.task = task


@dataclasses.dataclass(frozen=True)
class _Answer:
    """`raw`: the API's JSON, with what a newer server says more."""

    raw: dict[str, Any] = dataclasses.field(default_factory=dict, repr=False, kw_only=True)

    @classmethod
    def of(cls: type[Answer], fields: Mapping[str, Any]) -> Answer:
        known = {field.name for field in dataclasses.fields(cls)} - {"raw"}
        return cls(**{name: each for name, each in fields.items() if name in known}, raw=dict(fields))


@dataclasses.dataclass(frozen=True)
class Task(_Answer):
    """A record; times are RFC 3339."""

    task_id: str
    status: str
    progress: float = 0
    created_at: str | None = None
    updated_at: str | None = None
    completed_at: str | None = None
    failed_at: str | None = None
    error: str | None = None
    result: Any = None
    metadata: dict[str, Any] | None = None
    waiting: dict[str, Any] | None = None
    """Why it does not run: reason, since, detail, place, holder, have, need, estimate {low, high} in seconds, remedy."""

    @property
    def ended(self) -> bool:
        return self.status in ("completed", "failed", "cancelled")


@dataclasses.dataclass(frozen=True)
class Contradiction(_Answer):
    """What was found about two claims. `contradiction_score` 0 to 1, `duration` in seconds."""

    is_contradiction: bool
    contradiction_score: float
    contradiction_type: str
    confidence: str
    verdict: str
    explanation: str
    methods_used: list[str]
    calibrated: bool = False
    duration: float = 0
    warnings: list[str] = dataclasses.field(default_factory=list)
    details: dict[str, Any] = dataclasses.field(default_factory=dict, repr=False)


@dataclasses.dataclass(frozen=True)
class References(_Answer):
    """What a file holds: `articles` as `analyze_articles` takes them, records that were joined with one of them, and what could not
    be read or was read with a doubt ({line, detail, file})."""

    articles: list[dict[str, Any]]
    duplicates: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    format: str


@dataclasses.dataclass(frozen=True)
class Claim(_Answer):
    """One side of a pair. `evidence`: {role, begin, end, text}; claim[begin:end] is the text."""

    article_id: str
    title: str
    claim: str
    evidence: list[dict[str, Any]] = dataclasses.field(default_factory=list, repr=False)


@dataclasses.dataclass(frozen=True)
class Pair(_Answer):
    """Two findings that contradict each other: of pairs with this score, so many hold. `number` counts from 1, as the report and
    `label()` do; `question` is the id of one of `Analysis.questions`, or -1."""

    number: int
    claim1: Claim
    claim2: Claim
    contradiction_score: float
    contradiction_type: str
    confidence: str
    explanation: str
    question: int = -1
    finding1: int = 0
    finding2: int = 0
    context_differences: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Question(_Answer):
    """Findings of several articles on one thing: how many say more of the outcome, less, no difference, or not which."""

    id: int
    exposure: str
    outcome: str
    articles: int
    more: int = 0
    less: int = 0
    no_difference: int = 0
    undirected: int = 0
    contradictions: int = 0
    agreements: int = 0
    findings: list[int] = dataclasses.field(default_factory=list, repr=False)


@dataclasses.dataclass(frozen=True)
class Finding(_Answer):
    """What one sentence finds. `sentence`: {begin, end, text} in the article's abstract."""

    id: int
    article_id: str
    direction: str
    exposure: str = ""
    outcome: str = ""
    population: str = ""
    comparator: str = ""
    hedged: bool = False
    sentence: dict[str, Any] = dataclasses.field(default_factory=dict)
    estimate: dict[str, Any] | None = None
    p: float | None = None


@dataclasses.dataclass(frozen=True)
class Analysis(_Answer):
    """What articles disagree on (docs/http.md). `read`: what was read from the files."""

    task_id: str
    total_articles: int
    total_findings: int
    pairs_compared: int
    threshold: float
    contradictions: list[Pair]
    questions: list[Question]
    findings: list[Finding]
    articles: list[dict[str, Any]]
    warnings: list[str]
    agreements: int = 0
    not_compared: int = 0
    model: dict[str, Any] | None = None
    duration: float = 0
    read: References | None = dataclasses.field(default=None, repr=False)

    @classmethod
    def of_task(cls, task: Task, read: References | None = None) -> Analysis:
        """Of a task of `analyze_articles` that has completed."""
        result = cast(Mapping[str, Any], task.result)
        pairs = [Pair.of({**each, "number": number, "claim1": Claim.of(each["claim1"]), "claim2": Claim.of(each["claim2"])})
                 for number, each in enumerate(result["contradictions"], 1)]
        return cls.of({**result, "task_id": task.task_id, "contradictions": pairs, "read": read,
                       "questions": [Question.of(each) for each in result["questions"]],
                       "findings": [Finding.of(each) for each in result["findings"]]})

    def rows(self) -> list[dict[str, Any]]:
        """One flat dict for each pair: `pandas.DataFrame(analysis.rows())`."""
        findings = {each.id: each for each in self.findings}
        articles = {each["article_id"]: each for each in self.articles}
        return [{"pair": pair.number, "exposure": findings[pair.finding1].exposure, "outcome": findings[pair.finding1].outcome,
                 "score": pair.contradiction_score, "confidence": pair.confidence, "differs": "; ".join(pair.context_differences),
                 **_side(1, pair.claim1, findings[pair.finding1], articles[pair.claim1.article_id]),
                 **_side(2, pair.claim2, findings[pair.finding2], articles[pair.claim2.article_id])} for pair in self.contradictions]


def _side(number: int, claim: Claim, finding: Finding, article: Mapping[str, Any]) -> dict[str, Any]:
    estimate = finding.estimate or {}
    side = {"article": claim.article_id, "title": claim.title, "year": article.get("year"), "doi": article.get("doi"),
            "pmid": article.get("pmid"), "retracted": bool(article.get("retracted")), "direction": finding.direction,
            "claim": claim.claim, "estimate": estimate.get("value"), "low": estimate.get("low"), "high": estimate.get("high")}
    return {f"{name}_{number}": value for name, value in side.items()}


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, host: str, **options: Any) -> None:
        super().__init__(host, **options)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _UnixHandler(urllib.request.HTTPHandler):
    """Whatever the host, it is asked through that socket."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(functools.partial(_UnixConnection, self._path), req)


class Medsynth:
    """`url`: MEDSYNTH_URL, else http://127.0.0.1:8000; or https://..., or unix:/path. It may have a path, of a proxy before the server. The
    environment's proxy (http_proxy, https_proxy) is not asked for a server on this machine. `timeout`: seconds for one HTTP call.

    `token`: the key to show; MEDSYNTH_TOKEN, else the file MEDSYNTH_TOKEN_FILE, else what `medsynth login` keeps for the server.
    `ca_file`, `client_certificate` and `client_key` are PEM files, as MEDSYNTH_CA_FILE, MEDSYNTH_CLIENT_CERTIFICATE and
    MEDSYNTH_CLIENT_KEY name them. A key that is missing, or may not do that, is `NotAllowed`, which says what to do.

    Ids that break the rule for names (empty, white space, control characters, `.`, `..`) are `InvalidArgument` before anything
    is asked; an answer of what is no Medsynth server is `Unavailable`."""

    def __init__(self, url: str | None = None, timeout: float = 30.0, *, token: str | None = None,
                 ca_file: str | os.PathLike[str] | None = None, client_certificate: str | os.PathLike[str] | None = None,
                 client_key: str | os.PathLike[str] | None = None) -> None:
        self.url, host = _server(url if url is not None else os.environ.get("MEDSYNTH_URL") or "http://127.0.0.1:8000")
        self.timeout = timeout
        self._token = _checked_token(token if token is not None else _known_token(self.url))
        self._proxy = "" if _is_loopback(host) else _proxy_of(self.url, host)
        handlers: list[urllib.request.BaseHandler] = [] if self._proxy else [urllib.request.ProxyHandler({})]
        self._base = self.url
        if self.url.startswith("unix:"):
            self._base = "http://localhost"
            handlers.append(_UnixHandler(self.url.removeprefix("unix:")))
        elif self.url.startswith("https:"):
            handlers.append(urllib.request.HTTPSHandler(context=_tls(ca_file, client_certificate, client_key)))
        self._opener = urllib.request.build_opener(*handlers)

    @overload
    def detect_contradiction(self, claim1: str, claim2: str, *, wait: Literal[False] = False, **fields: Any) -> Task: ...
    @overload
    def detect_contradiction(self, claim1: str, claim2: str, *, wait: Literal[True], timeout: float = 3600.0,
                             on_progress: Callable[[Task], None] | None = None, **fields: Any) -> Contradiction: ...
    def detect_contradiction(self, claim1: str, claim2: str, *, wait: bool = False, timeout: float = 3600.0,
                             on_progress: Callable[[Task], None] | None = None, **fields: Any) -> Task | Contradiction:
        """Submits; gives the pending task, or with `wait` the result. `fields`: metadata1, metadata2, use_all_methods, language_model,
        task_id."""
        task = self._submit("contradiction/detect", {"claim1": claim1, "claim2": claim2, **fields})
        return Contradiction.of(self.wait(task.task_id, timeout, on_progress).result) if wait else task

    def analyze_articles(self, articles: Sequence[Mapping[str, Any]], threshold: float = 0.7, **fields: Any) -> Task:
        """Submits {id, title, abstract, claims} of each article."""
        return self._submit("contradiction/analyze", {"articles": list(articles), "threshold": threshold, **fields})

    def read_references(self, *paths: str | os.PathLike[str], columns: Mapping[str, str] | None = None) -> References:
        """The articles in exports of references, those of several files together. `columns`: of tables whose columns have unusual
        names, such as {"abstract": "Kurzfassung"}. `InvalidArgument`: no format that is known."""
        query = "?" + urllib.parse.urlencode(columns) if columns else ""
        return References.of(self._send("POST", "/v1/references" + query, _bytes_of(paths), "application/octet-stream"))

    def analyze(self, *paths: str | os.PathLike[str], threshold: float = 0.7, columns: Mapping[str, str] | None = None,
                timeout: float = 3600.0, on_progress: Callable[[Task], None] | None = None, **fields: Any) -> Analysis:
        """What the articles in these files disagree on. `fields`: question (words that exposure and outcome must have), budget_seconds
        (how long models may be asked), task_id."""
        read = self.read_references(*paths, columns=columns)
        task = self.analyze_articles(read.articles, threshold, **fields)
        return Analysis.of_task(self.wait(task.task_id, timeout, on_progress), read)

    def label(self, task_id: str, pair: int, label: Literal["agree", "disagree"]) -> None:
        """Keeps what a person thinks of a reported pair, by its number, for `medsynth calibrate`: agree, they contradict each
        other; disagree, they do not. `NotFound`: no such task."""
        self.request("POST", "/v1/labels", {"task_id": task_id, "pair": pair, "label": label})

    def generate_embeddings(self, texts: Sequence[str], **fields: Any) -> Task:
        """`fields`: model_name, task_id."""
        return self._submit("embeddings/generate", {"texts": list(texts), **fields})

    def wait(self, task_id: str, timeout: float = 3600.0, on_progress: Callable[[Task], None] | None = None) -> Task:
        """The task once it is completed. `on_progress` hears of each change. `TaskFailed`, `Cancelled`, `Timeout` (the task goes on)."""
        end, seen = time.monotonic() + timeout, None
        while True:
            asked = time.monotonic()
            wait = min(_POLL if on_progress else min(_LONG_WAIT, self.timeout / 2), max(0.0, end - asked))
            task = Task.of(self.request("GET", f"{_task_path(task_id)}?wait={wait:.3f}"))
            if on_progress and (task.status, task.progress) != seen:
                seen = (task.status, task.progress)
                on_progress(task)
            if task.status == "completed":
                return task
            if task.status == "failed":
                raise TaskFailed(task)
            if task.status == "cancelled":
                raise Cancelled(f"task {task_id} was cancelled", reason="task_cancelled")
            if time.monotonic() >= end:
                raise Timeout(f"task {task_id} is still {task.status} after {timeout:g} s", reason="task_timeout")
            time.sleep(max(0.0, min(_POLL, asked + wait - time.monotonic())))  # one with many who wait answers at once

    def task(self, task_id: str) -> Task:
        return Task.of(self.request("GET", _task_path(task_id)))

    def tasks(self, status: str | None = None, limit: int = 100, offset: int = 0) -> list[Task]:
        """Newest first; limit 1 to 1000."""
        query = {"limit": limit, "offset": offset, **({} if status is None else {"status": status})}
        return [Task.of(each) for each in self.request("GET", "/v1/tasks/?" + urllib.parse.urlencode(query))["tasks"]]

    def cancel(self, task_id: str) -> None:
        self.request("POST", _task_path(task_id) + "/cancel")

    def delete(self, task_id: str) -> None:
        """Deletes the record; one that waits in a queue or runs is stopped. `NotFound`: there is none."""
        self.request("DELETE", _task_path(task_id))

    def usage(self) -> dict[str, Any]:
        return cast(dict[str, Any], self.request("GET", "/v1/resources/usage"))

    def model_cache_stats(self) -> dict[str, Any]:
        return cast(dict[str, Any], self.request("GET", "/v1/model-cache/stats"))

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Any call of the API; its JSON answer."""
        return self._send(method, path, None if body is None else to_json(body).encode(), "application/json")

    def _send(self, method: str, path: str, data: bytes | None, content_type: str) -> Any:
        asked = urllib.request.Request(self._base + path, data, {"Content-Type": content_type}, method=method)
        if self._token:
            asked.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with self._opener.open(asked, timeout=self.timeout) as answer:
                self._identify(answer)
                return json.load(answer)
        except urllib.error.HTTPError as answer:
            with answer:
                self._identify(answer)
                raise _error(answer.code, answer.read(), answer.headers.get("Retry-After")) from None
        except MedsynthError:
            raise
        except TimeoutError:
            raise Timeout(f"{self.url} did not answer within {self.timeout:g} s{self._proxy}", reason="no_answer") from None
        except (http.client.HTTPException, ValueError) as error:
            raise Unavailable(f"the answer of {self.url}{self._proxy} broke off, or is none of a Medsynth server: {error!r}",
                              reason="unexpected_answer") from None
        except (urllib.error.URLError, ConnectionError) as error:
            why = getattr(error, "reason", error)
            if isinstance(why, TimeoutError):
                raise Timeout(f"{self.url} did not answer within {self.timeout:g} s{self._proxy}", reason="no_answer") from None
            if isinstance(why, ssl.SSLCertVerificationError):
                raise Unavailable(f"the certificate of {self.url} is not trusted ({why.verify_message}): name the file of the authority that "
                                  "vouches for it (ca_file, MEDSYNTH_CA_FILE).", reason="not_trusted") from None
            raise Unavailable(f"no server answers at {self.url}{self._proxy}: {why}. Start 'medsynth serve', or set MEDSYNTH_URL.") from None

    def _identify(self, answer: Any) -> None:
        """By its own header, which proxies let pass (many replace Server)."""
        headers = answer.headers
        if "Medsynth-Version" not in headers and not headers.get("Server", "").startswith("medsynth"):
            raise Unavailable(f"what answers at {self.url}{self._proxy} is not a Medsynth server (status {answer.status}, "
                              f"{headers.get('Server', 'no Server header')}, {headers.get('Content-Type', 'no content type')}). "
                              "Set MEDSYNTH_URL.", reason="not_medsynth")

    def _submit(self, path: str, body: Mapping[str, Any]) -> Task:
        return Task.of(self.request("POST", f"/v1/async-ml/{path}", body)["data"])


class AsyncMedsynth:
    """The calls of `Medsynth`, awaited: they run on threads of the event loop's executor. A callback runs there too."""

    def __init__(self, url: str | None = None, timeout: float = 30.0, *, token: str | None = None,
                 ca_file: str | os.PathLike[str] | None = None, client_certificate: str | os.PathLike[str] | None = None,
                 client_key: str | os.PathLike[str] | None = None) -> None:
        self._sync = Medsynth(url, timeout, token=token, ca_file=ca_file, client_certificate=client_certificate, client_key=client_key)

    @overload
    async def detect_contradiction(self, claim1: str, claim2: str, *, wait: Literal[False] = False, **fields: Any) -> Task: ...
    @overload
    async def detect_contradiction(self, claim1: str, claim2: str, *, wait: Literal[True], timeout: float = 3600.0,
                                   on_progress: Callable[[Task], None] | None = None, **fields: Any) -> Contradiction: ...
    async def detect_contradiction(self, claim1: str, claim2: str, **options: Any) -> Task | Contradiction:
        return await asyncio.to_thread(lambda: self._sync.detect_contradiction(claim1, claim2, **options))

    async def analyze_articles(self, articles: Sequence[Mapping[str, Any]], threshold: float = 0.7, **fields: Any) -> Task:
        return await asyncio.to_thread(self._sync.analyze_articles, articles, threshold, **fields)

    async def read_references(self, *paths: str | os.PathLike[str], columns: Mapping[str, str] | None = None) -> References:
        return await asyncio.to_thread(lambda: self._sync.read_references(*paths, columns=columns))

    async def analyze(self, *paths: str | os.PathLike[str], threshold: float = 0.7, columns: Mapping[str, str] | None = None,
                      timeout: float = 3600.0, on_progress: Callable[[Task], None] | None = None, **fields: Any) -> Analysis:
        return await asyncio.to_thread(lambda: self._sync.analyze(*paths, threshold=threshold, columns=columns, timeout=timeout,
                                                                  on_progress=on_progress, **fields))

    async def label(self, task_id: str, pair: int, label: Literal["agree", "disagree"]) -> None:
        await asyncio.to_thread(self._sync.label, task_id, pair, label)

    async def generate_embeddings(self, texts: Sequence[str], **fields: Any) -> Task:
        return await asyncio.to_thread(self._sync.generate_embeddings, texts, **fields)

    async def wait(self, task_id: str, timeout: float = 3600.0, on_progress: Callable[[Task], None] | None = None) -> Task:
        return await asyncio.to_thread(self._sync.wait, task_id, timeout, on_progress)

    async def task(self, task_id: str) -> Task:
        return await asyncio.to_thread(self._sync.task, task_id)

    async def tasks(self, status: str | None = None, limit: int = 100, offset: int = 0) -> list[Task]:
        return await asyncio.to_thread(self._sync.tasks, status, limit, offset)

    async def cancel(self, task_id: str) -> None:
        await asyncio.to_thread(self._sync.cancel, task_id)

    async def delete(self, task_id: str) -> None:
        await asyncio.to_thread(self._sync.delete, task_id)

    async def usage(self) -> dict[str, Any]:
        return await asyncio.to_thread(self._sync.usage)

    async def model_cache_stats(self) -> dict[str, Any]:
        return await asyncio.to_thread(self._sync.model_cache_stats)

    async def request(self, method: str, path: str, body: Any = None) -> Any:
        return await asyncio.to_thread(self._sync.request, method, path, body)


def _bytes_of(paths: Sequence[str | os.PathLike[str]]) -> bytes:
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
    if url.startswith("unix:/"):
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
    """" through the proxy ..." of the environment, without its password; "" where none is asked."""
    proxy = urllib.request.getproxies().get(url.partition(":")[0])
    if not proxy or urllib.request.proxy_bypass(host):
        return ""
    return f" through the environment's proxy {proxy.rpartition('@')[2].rpartition('//')[2]}"


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


def _task_path(task_id: str) -> str:
    # As the server's check_name(): what it would refuse, and what clients take for a folder of the path.
    if not task_id.strip(" ") or task_id in (".", "..") or len(task_id.encode()) > 200 or re.search(r"[\x00-\x1f\x7f-\x9f]", task_id):
        detail = "must have 1 to 200 bytes that are no control characters, and be neither white space nor '.' or '..'"
        raise InvalidArgument(f"task_id: {detail}", faults=[("task_id", detail)])
    return f"/v1/tasks/{urllib.parse.quote(task_id, safe='')}"


def _error(status: int, body: bytes, retry_after: str | None) -> MedsynthError:
    try:
        problem = json.loads(body)
    except ValueError:
        problem = {}
    faults = [(fault["pointer"], fault["detail"]) for fault in problem.get("errors") or []]
    wait = float(retry_after) if retry_after and retry_after.isdigit() else None
    return from_core(_CODES.get(status, "internal"), problem.get("detail") or f"HTTP status {status}", problem.get("code", ""), faults,
                     wait, problem)
