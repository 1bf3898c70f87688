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

import functools
import http.client
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast, overload

from medsynth.answers import Analysis, Claim, Contradiction, Finding, Pair, Question, References, Task, TaskFailed
from medsynth.async_client import AsyncMedsynth
from medsynth.errors import MedsynthError
from medsynth.server import (BYTES, JSON, LONG_WAIT, LOOK, PAUSE, Server, bytes_of, completed, json_of, references_path, still, task_path,
                             tasks_path, use_path)

__all__ = ["Analysis", "AsyncMedsynth", "Claim", "Contradiction", "Finding", "Medsynth", "Pair", "Question", "References", "Task", "TaskFailed"]


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


class Medsynth(Server):
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
        return References.of(self._send("POST", references_path(columns), bytes_of(paths), BYTES))

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
            wait = min(LOOK if on_progress else LONG_WAIT, self.timeout / 2, max(0.0, end - asked))
            task = Task.of(self.request("GET", f"{task_path(task_id)}?wait={wait:.3f}"))
            if on_progress and (task.status, task.progress) != seen:
                seen = (task.status, task.progress)
                on_progress(task)
            if task.ended:
                return completed(task)
            if time.monotonic() >= end:
                raise still(task, timeout)
            time.sleep(max(0.0, min(PAUSE, asked + wait - time.monotonic())))  # one with many who wait answers at once

    def task(self, task_id: str) -> Task:
        return Task.of(self.request("GET", task_path(task_id)))

    def tasks(self, status: str | None = None, limit: int = 100, offset: int = 0, *, results: bool = False) -> list[Task]:
        """Newest first; limit 1 to 1000. A result above 64 KiB is None, but with `results`; then there may be fewer than `limit`."""
        return [Task.of(each) for each in self.request("GET", tasks_path(status, limit, offset, results))["tasks"]]

    def cancel(self, task_id: str) -> None:
        self.request("POST", task_path(task_id) + "/cancel")

    def delete(self, task_id: str) -> None:
        """Deletes the record; one that waits in a queue or runs is stopped. `NotFound`: there is none."""
        self.request("DELETE", task_path(task_id))

    def usage(self) -> dict[str, Any]:
        return cast(dict[str, Any], self.request("GET", "/v1/resources/usage"))

    def model_cache_stats(self) -> dict[str, Any]:
        return cast(dict[str, Any], self.request("GET", "/v1/model-cache/stats"))

    def models(self) -> list[dict[str, Any]]:
        """What is installed, once for each name and host (docs/http.md)."""
        return cast(list[dict[str, Any]], self.request("GET", "/v1/models")["models"])

    def use_model(self, model: str) -> dict[str, Any]:
        """Makes it the model that answers where a request names none, on every host that has it; what each did. `NotFound`: none has it."""
        return cast(dict[str, Any], self.request("POST", use_path(model))["data"])

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Any call of the API; its JSON answer."""
        return self._send(method, path, json_of(body), JSON)

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
