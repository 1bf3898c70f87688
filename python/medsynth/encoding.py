"""Any Python value as JSON: what NumPy, datetime, enum and dataclasses bring is written as what it means."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import math
import os
import uuid
from collections.abc import Mapping
from typing import Any

__all__ = ["NumpyEncoder", "to_json"]


def _plain(value: Any) -> Any:
    """One value that JSON does not know, as one that it does."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return aware.astimezone(datetime.timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (uuid.UUID, os.PathLike)):
        return str(value)
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind in ("M", "m"):  # NumPy's times: of nanoseconds, tolist would make plain numbers
        return value.astype(f"{'datetime' if kind == 'M' else 'timedelta'}64[us]").tolist()
    if callable(getattr(value, "tolist", None)):  # NumPy's scalars and arrays, tensors, series
        return value.tolist()
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a value of type {type(value).__name__} cannot be written as JSON")


def _key(key: Any) -> Any:
    if key is None or isinstance(key, (str, int, float, bool)) and not isinstance(key, enum.Enum):
        return key
    return _key(_plain(key))


def _thorough(value: Any) -> Any:
    """The whole value in plain types: keys of any type, and null for numbers that are none (NaN, infinity)."""
    if isinstance(value, enum.Enum):
        return _thorough(value.value)
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_key(key): _thorough(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_thorough(each) for each in value]
    return _thorough(_plain(value))


def to_json(value: Any) -> str:
    """Compact JSON. NumPy scalars and arrays become numbers and lists, datetimes RFC 3339 in UTC (one without a time zone
    is UTC), enums their values, sets lists, NaN and infinity null. TypeError: a value that has no such form."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False, default=_plain)
    except (TypeError, ValueError):
        return json.dumps(_thorough(value), separators=(",", ":"), allow_nan=False)


class NumpyEncoder(json.JSONEncoder):
    """The source document's encoder, for `json.dumps(value, cls=NumpyEncoder)`."""

    def default(self, value: Any) -> Any:
        return _plain(value)
