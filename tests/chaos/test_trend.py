"""The statistics of the soak: they see what grows, and nothing else."""

import random

import pytest
import trend


def noise(count: int, rise: float = 0.0, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [100 + rise * at / count + rng.gauss(0, 5) for at in range(count)]


@pytest.mark.parametrize("count", [40, 1800])
def test_noise_is_no_drift(count):
    assert all(trend.drift(noise(count, seed=seed), 3) is None for seed in range(20))


@pytest.mark.parametrize("count", [40, 1800])
def test_what_grows_is_seen(count):
    assert all(trend.drift(noise(count, 25, seed), 10) for seed in range(20))


def test_what_grows_by_less_than_the_bound_is_none():
    assert trend.p_of_trend(noise(1800, 5)[:400]) < 1
    assert trend.drift(noise(1800, 5), 10) is None


def test_what_falls_is_none():
    assert trend.drift(noise(400, -50), 3) is None


def test_single_outliers_are_none():
    values = noise(200)
    values[-3:] = [1e6] * 3
    assert trend.drift(values, 10) is None


def test_few_or_equal_values_are_none():
    assert trend.drift([1, 2, 3], 0) is None
    assert trend.drift([7] * 100, 0) is None


def test_the_size_of_a_drift():
    assert trend.change([1, 2, 3, 4]) == 3
