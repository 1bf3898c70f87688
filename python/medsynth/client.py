"""A client of the HTTP API of `medsynth serve`.

    from medsynth import Medsynth

    result = Medsynth().detect_contradiction("Aspirin reduces stroke.", "Aspirin does not reduce stroke.", wait=True,
                                             on_progress=lambda task: print(task.progress))
    result.verdict, result.contradiction_score, result.explanation

    analysis = Medsynth().analyze("export.ris")       # of PubMed, Zotero, EndNote, Embase, ...
    for pair in analysis.contradictions: print(pair.contradiction_score, pair.claim1.claim, pair.claim2.claim)
    pandas.DataFrame(analysis.rows())

Errors are the exceptions of `medsynth.errors`; their `problem` is the API's problem document. A task that failed is `TaskFailed`.
Thread safe: each call has a connection of its own. `AsyncMedsynth` has the same calls for coroutines, on the event loop's own sockets.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
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
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from email.message import Message
from typing import Any, Literal, TypeVar, cast, overload

from medsynth.encoding import to_json
from medsynth.errors import Cancelled, InvalidArgument, MedsynthError, Timeout, Unavailable, from_core

__all__ = ["Analysis", "AsyncMedsynth", "Claim", "Contradiction", "Finding", "Medsynth", "Pair", "Question", "References", "Task", "TaskFailed"]

_LOOK = 1.0  # seconds between looks at a task whose changes somebody wants to hear of
_PAUSE = 0.1  # seconds, before a server that answers at once is asked again
_LONG_WAIT = 20.0  # seconds that the server may take until the task has ended
_LONGEST_HEAD = 65536  # bytes, of an answer
_JSON, _BYTES = "application/json", "application/octet-stream"
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
    `label()` do; `question` is the id of one of `Analysis.questions`, or -1; `entailment` is the probability of a contradiction that
    an entailment model gave it, where one read it."""

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
    entailment: float | None = None


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


class _Server:
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


class Medsynth(_Server):
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
        super().__init__(url, timeout, token, ca_file, client_certificate, client_key)
        handlers: list[urllib.request.BaseHandler] = [] if self._proxy else [urllib.request.ProxyHandler({})]
        if self._socket:
            handlers.append(_UnixHandler(self._socket))
        elif self._tls:
            handlers.append(urllib.request.HTTPSHandler(context=self._tls))
        self._opener = urllib.request.build_opener(*handlers)

    @overload
    def detect_contradiction(self, claim1: str, claim2: str, *, wait: Literal[False] = False, **fields: Any) -> Task: ...
    @overload
    def detect_contradiction(self, claim1: str, claim2: str, *, wait: Literal[True], timeout: float = 3600.0,
                             on_progress: Callable[[Task], None] | None = None, **fields: Any) -> Contradiction: ...
    def detect_contradiction(self, claim1: str, claim2: str, *, wait: bool = False, timeout: float = 3600.0,
                             on_progress: Callable[[Task], None] | None = None, **fields: Any) -> Task | Contradiction:
        """Submits; gives the pending task, or with `wait` the result. `fields`: metadata1, metadata2, use_all_methods, language_model,
        entailment_model, task_id."""
        task = self._submit("contradiction/detect", {"claim1": claim1, "claim2": claim2, **fields})
        return Contradiction.of(self.wait(task.task_id, timeout, on_progress).result) if wait else task

    def analyze_articles(self, articles: Sequence[Mapping[str, Any]], threshold: float = 0.7, **fields: Any) -> Task:
        """Submits {id, title, abstract, claims} of each article."""
        return self._submit("contradiction/analyze", {"articles": list(articles), "threshold": threshold, **fields})

    def read_references(self, *paths: str | os.PathLike[str], columns: Mapping[str, str] | None = None) -> References:
        """The articles in exports of references, those of several files together. `columns`: of tables whose columns have unusual
        names, such as {"abstract": "Kurzfassung"}. `InvalidArgument`: no format that is known."""
        return References.of(self._send("POST", _references_path(columns), _bytes_of(paths), _BYTES))

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
            wait = min(_LOOK if on_progress else _LONG_WAIT, self.timeout / 2, max(0.0, end - asked))
            task = Task.of(self.request("GET", f"{_task_path(task_id)}?wait={wait:.3f}"))
            if on_progress and (task.status, task.progress) != seen:
                seen = (task.status, task.progress)
                on_progress(task)
            if task.ended:
                return _completed(task)
            if time.monotonic() >= end:
                raise _still(task, timeout)
            time.sleep(max(0.0, min(_PAUSE, asked + wait - time.monotonic())))  # one with many who wait answers at once

    def task(self, task_id: str) -> Task:
        return Task.of(self.request("GET", _task_path(task_id)))

    def tasks(self, status: str | None = None, limit: int = 100, offset: int = 0, *, results: bool = False) -> list[Task]:
        """Newest first; limit 1 to 1000. A result above 64 KiB is None, but with `results`; then there may be fewer than `limit`."""
        return [Task.of(each) for each in self.request("GET", _tasks_path(status, limit, offset, results))["tasks"]]

    def cancel(self, task_id: str) -> None:
        self.request("POST", _task_path(task_id) + "/cancel")

    def delete(self, task_id: str) -> None:
        """Deletes the record; one that waits in a queue or runs is stopped. `NotFound`: there is none."""
        self.request("DELETE", _task_path(task_id))

    def usage(self) -> dict[str, Any]:
        return cast(dict[str, Any], self.request("GET", "/v1/resources/usage"))

    def model_cache_stats(self) -> dict[str, Any]:
        return cast(dict[str, Any], self.request("GET", "/v1/model-cache/stats"))

    def models(self) -> list[dict[str, Any]]:
        """What is installed, once for each name and host (docs/http.md)."""
        return cast(list[dict[str, Any]], self.request("GET", "/v1/models")["models"])

    def use_model(self, model: str) -> dict[str, Any]:
        """Makes it the model that answers where a request names none, on every host that has it; what each did. `NotFound`: none has it."""
        return cast(dict[str, Any], self.request("POST", _use_path(model))["data"])

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Any call of the API; its JSON answer."""
        return self._send(method, path, _json_of(body), _JSON)

    def _send(self, method: str, path: str, data: bytes | None, content_type: str) -> Any:
        asked = urllib.request.Request(self._base + path, data, {"Content-Type": content_type}, method=method)
        if self._token:
            asked.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with self._opener.open(asked, timeout=self.timeout) as answer:
                return self._read(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as answer:
            with answer:
                return self._read(answer.code, answer.headers, answer.read())
        except MedsynthError:
            raise
        except (http.client.HTTPException, ValueError, OSError) as error:
            raise self._no_answer(error) from None

    def _submit(self, path: str, body: Mapping[str, Any]) -> Task:
        return Task.of(self.request("POST", f"/v1/async-ml/{path}", body)["data"])


class AsyncMedsynth(_Server):
    """The calls of `Medsynth`, awaited, on the event loop's own sockets: a call that is cancelled closes its connection. `timeout`: seconds
    for one HTTP call in all. Callbacks run on the event loop. Redirects are not followed."""

    def __init__(self, url: str | None = None, timeout: float = 30.0, *, token: str | None = None,
                 ca_file: str | os.PathLike[str] | None = None, client_certificate: str | os.PathLike[str] | None = None,
                 client_key: str | os.PathLike[str] | None = None) -> None:
        super().__init__(url, timeout, token, ca_file, client_certificate, client_key)

    @overload
    async def detect_contradiction(self, claim1: str, claim2: str, *, wait: Literal[False] = False, **fields: Any) -> Task: ...
    @overload
    async def detect_contradiction(self, claim1: str, claim2: str, *, wait: Literal[True], timeout: float = 3600.0,
                                   on_progress: Callable[[Task], None] | None = None, **fields: Any) -> Contradiction: ...
    async def detect_contradiction(self, claim1: str, claim2: str, *, wait: bool = False, timeout: float = 3600.0,
                                   on_progress: Callable[[Task], None] | None = None, **fields: Any) -> Task | Contradiction:
        task = await self._submit("contradiction/detect", {"claim1": claim1, "claim2": claim2, **fields})
        return Contradiction.of((await self.wait(task.task_id, timeout, on_progress)).result) if wait else task

    async def analyze_articles(self, articles: Sequence[Mapping[str, Any]], threshold: float = 0.7, **fields: Any) -> Task:
        return await self._submit("contradiction/analyze", {"articles": list(articles), "threshold": threshold, **fields})

    async def read_references(self, *paths: str | os.PathLike[str], columns: Mapping[str, str] | None = None) -> References:
        data = await asyncio.to_thread(_bytes_of, paths)
        return References.of(await self._send("POST", _references_path(columns), data, _BYTES))

    async def analyze(self, *paths: str | os.PathLike[str], threshold: float = 0.7, columns: Mapping[str, str] | None = None,
                      timeout: float = 3600.0, on_progress: Callable[[Task], None] | None = None, **fields: Any) -> Analysis:
        read = await self.read_references(*paths, columns=columns)
        task = await self.analyze_articles(read.articles, threshold, **fields)
        return Analysis.of_task(await self.wait(task.task_id, timeout, on_progress), read)

    async def label(self, task_id: str, pair: int, label: Literal["agree", "disagree"]) -> None:
        await self.request("POST", "/v1/labels", {"task_id": task_id, "pair": pair, "label": label})

    async def generate_embeddings(self, texts: Sequence[str], **fields: Any) -> Task:
        return await self._submit("embeddings/generate", {"texts": list(texts), **fields})

    async def wait(self, task_id: str, timeout: float = 3600.0, on_progress: Callable[[Task], None] | None = None) -> Task:
        path, end = _task_path(task_id), time.monotonic() + timeout
        if on_progress:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._follow(task_id, on_progress), timeout)
        while True:
            asked = time.monotonic()
            wait = min(_LONG_WAIT, self.timeout / 2, max(0.0, end - asked))
            task = Task.of(await self.request("GET", f"{path}?wait={wait:.3f}"))
            if task.ended:
                return _completed(task)
            if time.monotonic() >= end:
                raise _still(task, timeout)
            await asyncio.sleep(max(0.0, min(_PAUSE, asked + wait - time.monotonic())))  # one with many who wait answers at once

    async def task(self, task_id: str) -> Task:
        return Task.of(await self.request("GET", _task_path(task_id)))

    async def tasks(self, status: str | None = None, limit: int = 100, offset: int = 0, *, results: bool = False) -> list[Task]:
        return [Task.of(each) for each in (await self.request("GET", _tasks_path(status, limit, offset, results)))["tasks"]]

    async def cancel(self, task_id: str) -> None:
        await self.request("POST", _task_path(task_id) + "/cancel")

    async def delete(self, task_id: str) -> None:
        await self.request("DELETE", _task_path(task_id))

    async def usage(self) -> dict[str, Any]:
        return cast(dict[str, Any], await self.request("GET", "/v1/resources/usage"))

    async def model_cache_stats(self) -> dict[str, Any]:
        return cast(dict[str, Any], await self.request("GET", "/v1/model-cache/stats"))

    async def models(self) -> list[dict[str, Any]]:
        return cast(list[dict[str, Any]], (await self.request("GET", "/v1/models"))["models"])

    async def use_model(self, model: str) -> dict[str, Any]:
        return cast(dict[str, Any], (await self.request("POST", _use_path(model)))["data"])

    async def request(self, method: str, path: str, body: Any = None) -> Any:
        return await self._send(method, path, _json_of(body), _JSON)

    async def _submit(self, path: str, body: Mapping[str, Any]) -> Task:
        return Task.of((await self.request("POST", f"/v1/async-ml/{path}", body))["data"])

    async def _follow(self, task_id: str, on_progress: Callable[[Task], None]) -> None:
        """Tells of each change until the task has ended."""
        seen = None
        async with contextlib.aclosing(self._changes(task_id)) as changes:
            async for _ in changes:
                task = await self.task(task_id)
                if (task.status, task.progress) != seen:
                    seen = (task.status, task.progress)
                    on_progress(task)
                if task.ended:
                    return

    async def _changes(self, task_id: str) -> AsyncGenerator[None, None]:
        """Something for each event of the task, at first, and each second where the server tells no events."""
        while True:
            yield None
            with contextlib.suppress(MedsynthError):  # what is wrong with more than the events, a look at the task says
                async with self._asked("GET", "/v1/events?" + urllib.parse.urlencode({"task_id": task_id}), None, _JSON) as (status, headers, pieces):
                    if status != 200:
                        self._read(status, headers, b"".join([piece async for piece in pieces]))
                    text = b""
                    while piece := await asyncio.wait_for(anext(pieces, b""), self.timeout):  # heartbeats come more often
                        *lines, text = (text + piece).split(b"\n")
                        if any(line.startswith((b"event: start", b"event: task")) for line in lines):
                            yield None
            await asyncio.sleep(_LOOK)

    async def _send(self, method: str, path: str, data: bytes | None, content_type: str) -> Any:
        async def exchange() -> Any:
            async with self._asked(method, path, data, content_type) as (status, headers, pieces):
                return self._read(status, headers, b"".join([piece async for piece in pieces]))

        try:
            return await asyncio.wait_for(exchange(), self.timeout)
        except asyncio.TimeoutError as error:
            raise self._no_answer(error) from None

    @contextlib.asynccontextmanager
    async def _asked(self, method: str, path: str, data: bytes | None,
                     content_type: str) -> AsyncIterator[tuple[int, Message, AsyncIterator[bytes]]]:
        """An answer: its status, headers, and body as it comes. The connection is closed at the end, whichever that is."""
        parts = urllib.parse.urlsplit(self._base)
        target = parts.path + path
        if not method.isalpha() or not target.isascii() or not target.isprintable() or " " in target:
            raise InvalidArgument("path: must be percent-encoded", reason="invalid_path")
        headers = {"Host": parts.netloc, "Connection": "close", "Accept-Encoding": "identity", "Content-Type": content_type}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if data is not None:
            headers["Content-Length"] = str(len(data))
        if self._proxy and not self._tls:
            target, headers = f"http://{parts.netloc}{target}", {**headers, **_proxy_headers(self._proxy)}
        writer = None
        try:
            reader, writer = await asyncio.wait_for(self._connect(), self.timeout)
            writer.write(_head(f"{method} {target}", headers) + (data or b""))
            await writer.drain()
            status, received = await asyncio.wait_for(_read_head(reader), self.timeout)
            yield status, received, _pieces(reader, received)
        except MedsynthError:
            raise
        except (http.client.HTTPException, ValueError, EOFError, OSError, asyncio.TimeoutError) as error:
            raise self._no_answer(error) from None
        finally:
            if writer:
                writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urllib.parse.urlsplit(self._base)
        port = parts.port or (443 if self._tls else 80)
        if self._socket:
            return await asyncio.open_unix_connection(self._socket, limit=_LONGEST_HEAD)
        if not self._proxy:
            return await asyncio.open_connection(self._host, port, ssl=self._tls, limit=_LONGEST_HEAD)
        proxy = urllib.parse.urlsplit(self._proxy)
        if not self._tls:
            return await asyncio.open_connection(proxy.hostname, proxy.port or 80, limit=_LONGEST_HEAD)
        tunnel = await _tunnel(proxy.hostname or "", proxy.port or 80, f"[{self._host}]:{port}" if ":" in self._host else f"{self._host}:{port}",
                               _proxy_headers(self._proxy))
        return await asyncio.open_connection(sock=tunnel, ssl=self._tls, server_hostname=self._host, limit=_LONGEST_HEAD)


# --- HTTP/1.1 on asyncio's streams (RFC 9112)


def _head(request: str, headers: Mapping[str, str]) -> bytes:
    return "".join([f"{request} HTTP/1.1\r\n", *(f"{name}: {value}\r\n" for name, value in headers.items()), "\r\n"]).encode("latin-1")


def _parsed_head(head: bytes) -> tuple[int, Message]:
    line, _, rest = head.partition(b"\r\n")
    if not (match := re.match(rb"HTTP/1\.[01] (\d{3})", line)):
        raise http.client.BadStatusLine(repr(line[:100]))
    return int(match[1]), http.client.parse_headers(io.BytesIO(rest))


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, Message]:
    while True:
        try:
            status, headers = _parsed_head(await reader.readuntil(b"\r\n\r\n"))
        except asyncio.LimitOverrunError:
            raise http.client.LineTooLong("header") from None
        if status >= 200:  # what is below announces another
            return status, headers


async def _pieces(reader: asyncio.StreamReader, headers: Message) -> AsyncIterator[bytes]:
    """A body as it comes. IncompleteReadError (an EOFError): it broke off."""
    length = headers.get("Content-Length")
    if headers.get("Transfer-Encoding", "").lower() == "chunked":
        while size := int((await reader.readuntil(b"\n")).partition(b";")[0], 16):
            yield await reader.readexactly(size)
            await reader.readexactly(2)
    elif length is not None:
        yield await reader.readexactly(int(length))
    else:
        while piece := await reader.read(65536):
            yield piece


def _proxy_headers(proxy: str) -> dict[str, str]:
    parts = urllib.parse.urlsplit(proxy)
    if parts.username is None:
        return {}
    known = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(known.encode()).decode()}


async def _tunnel(host: str, port: int, target: str, headers: Mapping[str, str]) -> socket.socket:
    """A connection to `target` that goes through the proxy. A socket and not a stream: before 3.11 those cannot begin TLS later."""
    loop = asyncio.get_running_loop()
    family, kind, protocol, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
    tunnel = socket.socket(family, kind, protocol)
    try:
        tunnel.setblocking(False)
        await loop.sock_connect(tunnel, address)
        await loop.sock_sendall(tunnel, _head(f"CONNECT {target}", {"Host": target, **headers}))
        head = b""
        while b"\r\n\r\n" not in head:  # nothing of the server's comes before we have spoken
            piece = await loop.sock_recv(tunnel, 4096)
            if not piece or len(head) > _LONGEST_HEAD:
                raise ConnectionError("the proxy gave no answer")
            head += piece
        status, _ = _parsed_head(head)
        if not 200 <= status < 300:
            raise ConnectionError(f"the proxy answered {status}")
        return tunnel
    except BaseException:
        tunnel.close()
        raise


# --- what both ask, and what they make of it


def _json_of(body: Any) -> bytes | None:
    return None if body is None else to_json(body).encode()


def _references_path(columns: Mapping[str, str] | None) -> str:
    return "/v1/references" + ("?" + urllib.parse.urlencode(columns) if columns else "")


def _tasks_path(status: str | None, limit: int, offset: int, results: bool) -> str:
    return "/v1/tasks/?" + urllib.parse.urlencode({"limit": limit, "offset": offset, **({} if status is None else {"status": status}),
                                                   **({"include": "result"} if results else {})})


def _completed(task: Task) -> Task:
    """A task that has ended, where it did so well."""
    if task.status == "failed":
        raise TaskFailed(task)
    if task.status == "cancelled":
        raise Cancelled(f"task {task.task_id} was cancelled", reason="task_cancelled")
    return task


def _still(task: Task, timeout: float) -> Timeout:
    return Timeout(f"task {task.task_id} is still {task.status} after {timeout:g} s", reason="task_timeout")


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


def _task_path(task_id: str) -> str:
    return f"/v1/tasks/{_segment('task_id', task_id)}"


def _use_path(model: str) -> str:
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
