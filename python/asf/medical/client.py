"""A client of the HTTP API of `medsynth serve`.

    from asf.medical.client import Medsynth

    result = Medsynth().detect_contradiction("Aspirin reduces stroke.", "Aspirin does not reduce stroke.", wait=True,
                                             on_progress=lambda task: print(task.progress))
    result.verdict, result.contradiction_score, result.explanation

Errors are the exceptions of `asf.medical.errors`; their `problem` is the API's problem document. A task that failed is `TaskFailed`.
Thread safe: each call has a connection of its own. `AsyncMedsynth` has the same calls for coroutines.
"""

from __future__ import annotations

import asyncio
import dataclasses
import http.client
import ipaddress
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar, cast, overload

from asf.medical import _core
from asf.medical.core.encoding import to_json
from asf.medical.errors import Cancelled, InvalidArgument, MedsynthError, Timeout, Unavailable, from_core

_POLL = 0.1  # seconds between looks at a task
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


class Medsynth:
    """`url`: MEDSYNTH_URL, else http://127.0.0.1:8000; it may have a path, of a proxy before the server. The environment's
    proxy (http_proxy) is not asked for a server on this machine. `timeout`: seconds for one HTTP call.

    Ids that break the rule for names (empty, white space, control characters, `.`, `..`) are `InvalidArgument` before anything
    is asked; an answer of what is no Medsynth server is `Unavailable`."""

    def __init__(self, url: str | None = None, timeout: float = 30.0) -> None:
        self.url, host = _server(url if url is not None else os.environ.get("MEDSYNTH_URL") or "http://127.0.0.1:8000")
        self.timeout = timeout
        direct = [urllib.request.ProxyHandler({})] if _is_loopback(host) else []
        self._opener = urllib.request.build_opener(*direct)

    @overload
    def detect_contradiction(self, claim1: str, claim2: str, *, wait: Literal[False] = False, **fields: Any) -> Task: ...
    @overload
    def detect_contradiction(self, claim1: str, claim2: str, *, wait: Literal[True], timeout: float = 3600.0,
                             on_progress: Callable[[Task], None] | None = None, **fields: Any) -> Contradiction: ...
    def detect_contradiction(self, claim1: str, claim2: str, *, wait: bool = False, timeout: float = 3600.0,
                             on_progress: Callable[[Task], None] | None = None, **fields: Any) -> Task | Contradiction:
        """Submits; gives the pending task, or with `wait` the result. `fields`: metadata1, metadata2, use_all_methods, task_id."""
        task = self._submit("contradiction/detect", {"claim1": claim1, "claim2": claim2, **fields})
        return Contradiction.of(self.wait(task.task_id, timeout, on_progress).result) if wait else task

    def analyze_articles(self, articles: Sequence[Mapping[str, Any]], threshold: float = 0.7, **fields: Any) -> Task:
        """Submits {id, title, abstract, claims} of each article."""
        return self._submit("contradiction/analyze", {"articles": list(articles), "threshold": threshold, **fields})

    def generate_embeddings(self, texts: Sequence[str], **fields: Any) -> Task:
        """`fields`: model_name, task_id."""
        return self._submit("embeddings/generate", {"texts": list(texts), **fields})

    def wait(self, task_id: str, timeout: float = 3600.0, on_progress: Callable[[Task], None] | None = None) -> Task:
        """The task once it is completed. `on_progress` hears of each change. `TaskFailed`, `Cancelled`, `Timeout` (the task goes on)."""
        end, seen = time.monotonic() + timeout, None
        while True:
            task = self.task(task_id)
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
            time.sleep(_POLL)

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
        data = None if body is None else to_json(body).encode()
        asked = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
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
            raise Timeout(f"{self.url} did not answer within {self.timeout:g} s", reason="no_answer") from None
        except (http.client.HTTPException, ValueError) as error:
            raise Unavailable(f"the answer of {self.url} broke off, or is none of a Medsynth server: {error!r}",
                              reason="unexpected_answer") from None
        except (urllib.error.URLError, ConnectionError) as error:
            why = getattr(error, "reason", error)
            raise Unavailable(f"no server answers at {self.url}: {why}. Start 'medsynth serve', or set MEDSYNTH_URL.") from None

    def _identify(self, answer: Any) -> None:
        """By its own header, which proxies let pass (many replace Server)."""
        headers = answer.headers
        if "Medsynth-Version" not in headers and not headers.get("Server", "").startswith("medsynth"):
            raise Unavailable(f"what answers at {self.url} is not a Medsynth server (status {answer.status}, "
                              f"{headers.get('Server', 'no Server header')}, {headers.get('Content-Type', 'no content type')}). "
                              "Set MEDSYNTH_URL.", reason="not_medsynth")

    def _submit(self, path: str, body: Mapping[str, Any]) -> Task:
        return Task.of(self.request("POST", f"/v1/async-ml/{path}", body)["data"])


class AsyncMedsynth:
    """The calls of `Medsynth`, awaited: they run on threads of the event loop's executor. A callback runs there too."""

    def __init__(self, url: str | None = None, timeout: float = 30.0) -> None:
        self._sync = Medsynth(url, timeout)

    @overload
    async def detect_contradiction(self, claim1: str, claim2: str, *, wait: Literal[False] = False, **fields: Any) -> Task: ...
    @overload
    async def detect_contradiction(self, claim1: str, claim2: str, *, wait: Literal[True], timeout: float = 3600.0,
                                   on_progress: Callable[[Task], None] | None = None, **fields: Any) -> Contradiction: ...
    async def detect_contradiction(self, claim1: str, claim2: str, **options: Any) -> Task | Contradiction:
        return await asyncio.to_thread(lambda: self._sync.detect_contradiction(claim1, claim2, **options))

    async def analyze_articles(self, articles: Sequence[Mapping[str, Any]], threshold: float = 0.7, **fields: Any) -> Task:
        return await asyncio.to_thread(self._sync.analyze_articles, articles, threshold, **fields)

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


def _server(url: str) -> tuple[str, str]:
    """The address without its last slashes, and its host. Nothing of a wrong one is quoted: it may hold a password."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise InvalidArgument("url: must look like http://127.0.0.1:8000", reason="invalid_url")
    if "@" in url or "?" in url or "#" in url:
        raise InvalidArgument("url: must have no user, no password, no '?' and no '#'", reason="invalid_url")
    return url.rstrip("/"), host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _task_path(task_id: str) -> str:
    _core.check_name("task_id", task_id)
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
