"""What a server's answers are in Python: a task, a judged pair, an analysis.

Each is a frozen value, safe to share between threads; `raw` is the API's own JSON.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from medsynth.errors import MedsynthError

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
