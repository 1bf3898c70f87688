"""What of a queue's messages is left in Redis when all work is done."""

from __future__ import annotations

import redis


def _size(store: redis.Redis, key: str) -> int:
    of_kind = {"hash": store.hlen, "list": store.llen, "set": store.scard, "zset": store.zcard, "string": store.strlen}
    kind = store.type(key)
    kind = kind.decode() if isinstance(kind, bytes) else kind
    return of_kind[kind](key) if kind in of_kind else 0


def left_behind(store: redis.Redis, queue: str, namespace: str = "dramatiq") -> dict[str, int]:
    """Entries by key. Every key of the namespace counts, but those that are meant to stay, so that one that gets another name
    is still seen: dead letters and why, the registry of workers and queues, and what expires by itself."""
    ours = f"{namespace}:__medsynth__."
    stay = {f"{namespace}:__heartbeats__", f"{namespace}:{queue}.XQ", f"{namespace}:{queue}.XQ.msgs", f"{ours}reasons.{queue}",
            f"{ours}workers", f"{ours}queues", f"{ours}paused"}
    found = {}
    for key in store.scan_iter(f"{namespace}:*", count=1000):
        name = key.decode() if isinstance(key, bytes) else key
        if name not in stay and store.ttl(name) < 0:
            found[name] = _size(store, name)
    return found
