"""Task records as they lie in Redis (docs/redis-keys.md), many at once: what a test would wait minutes for if tasks had to run."""

from __future__ import annotations

import datetime
import json

import redis

PREFIX = "task:"


def time_text(micros: int) -> str:
    moment = datetime.datetime.fromtimestamp(micros // 1_000_000, datetime.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{micros % 1_000_000:06d}Z"


def make_tasks(store: redis.Redis, count: int, name: str = "task-{:05d}", begin: int = 1_760_000_000_000_000, **fields) -> None:
    """`count` tasks a millisecond apart, the first one first; `fields` as in a record, status completed unless they say otherwise."""
    status = fields.setdefault("status", "completed")
    fields = {"actor": "detect_contradiction", "queue": "medsynth", "progress": 100, **fields}
    for first in range(0, count, 1000):
        pipeline = store.pipeline(transaction=False)
        for number in range(first, min(first + 1000, count)):
            created = begin + number * 1000
            task_id, time = name.format(number), time_text(created)
            record = {**fields, "created_at": time, "updated_at": time}
            pipeline.hset(PREFIX + task_id, mapping={field: json.dumps(value) for field, value in record.items()})
            for index in ("all", f"status:{status}"):
                pipeline.zadd(f"{PREFIX}\x1f{index}", {task_id: created})
        pipeline.execute()
