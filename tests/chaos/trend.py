"""Whether a series drifts. Pure.

A drift is one that cannot be chance (Mann-Kendall's test, p < 0.001) and that matters (Theil-Sen's slope over the whole series is larger
than a bound). Both are robust: single outliers neither make nor hide it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

SIGNIFICANT = 0.001
MOST_POINTS = 400  # longer series are halved until they are shorter: all pairs are looked at


def thinned(values: Sequence[float]) -> list[float]:
    """Medians of neighbours, so few that all pairs can be looked at."""
    step = math.ceil(len(values) / MOST_POINTS)
    return [statistics.median(values[at:at + step]) for at in range(0, len(values), step)]


def p_of_trend(values: Sequence[float]) -> float:
    """Two-sided, by the normal approximation with correction for ties; 1 for fewer than ten values."""
    n = len(values)
    if n < 10:
        return 1.0
    s = sum((b > a) - (b < a) for i, a in enumerate(values) for b in values[i + 1:])
    ties = [values.count(value) for value in set(values)]
    variance = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
    if variance <= 0 or s == 0:
        return 1.0
    return math.erfc((abs(s) - 1) / math.sqrt(2 * variance))


def change(values: Sequence[float]) -> float:
    """How much it rises from its beginning to its end, by the median of all slopes."""
    slopes = [(b - a) / (j - i) for i, a in enumerate(values) for j, b in enumerate(values[i + 1:], i + 1)]
    return statistics.median(slopes) * (len(values) - 1) if slopes else 0.0


def drift(values: Sequence[float], bound: float) -> str | None:
    """What is wrong with the series, or None. `bound`: the rise that is still nothing."""
    few = thinned(values)
    rise, p = change(few), p_of_trend(few)
    if rise > bound and p < SIGNIFICANT:
        return f"rises by {rise:.1f} from {few[0]:.1f} (allowed: {bound:.1f}; p = {p:.1g})"
    return None
