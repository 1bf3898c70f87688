"""One factory call per burst; what happens to those whose factory raises, gives nothing, or takes long."""

import os
import threading

import pytest
from asf.medical.errors import ModelLoadError
from asf.medical.ml.model_cache import model_cache
from conftest import python


@pytest.fixture(autouse=True)
def empty():
    model_cache.clear()
    yield
    model_cache.clear()


def in_threads(count, work):
    results = []

    def run():
        try:
            results.append(work())
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, results


def test_sixty_four_threads_call_one_factory():
    together, calls = threading.Barrier(64), []

    def ask():
        together.wait(30)
        return model_cache.get_or_create("one", lambda: calls.append(1) or object())

    threads, results = in_threads(64, ask)
    for thread in threads:
        thread.join()
    assert len(calls) == 1 and len(results) == 64 and len(set(map(id, results))) == 1


def test_a_factory_that_raises_is_left_alone_for_a_while():
    with pytest.raises(KeyError, match="cause"):
        model_cache.get_or_create("broken", lambda: {}["cause"])
    with pytest.raises(ModelLoadError, match="cause") as caught:
        model_cache.get_or_create("broken", object)
    assert caught.value.retry_after == 1
    model_cache.remove("broken")
    assert model_cache.get_or_create("broken", object) is not None


def test_a_factory_that_returns_none():
    with pytest.raises(ModelLoadError, match="returned None"):
        model_cache.get_or_create("none", lambda: None)
    assert model_cache.get("none") is None


def test_a_slow_factory_goes_on_while_others_time_out():
    started, finish, made = threading.Event(), threading.Event(), object()

    def slow():
        started.set()
        finish.wait(30)
        return made

    threads, results = in_threads(1, lambda: model_cache.get_or_create("slow", slow))
    started.wait(30)
    with pytest.raises(TimeoutError, match="slow was not loaded within 0.05 s"):
        model_cache.get_or_create("slow", object, timeout=0.05)
    finish.set()
    threads[0].join()
    assert results == [made] and model_cache.get("slow") is made


def test_a_model_in_use_is_not_dropped():
    model = object()
    model_cache.put("used", model, metadata={"memory_mb": 1})
    with model_cache.use("used") as used:
        assert used is model
        for number in range(10):
            model_cache.put(f"other-{number}", object())
        assert model_cache.get("used") is model
        assert next(each for each in model_cache.get_stats()["models"] if each["id"] == "used")["users"] == 1
        assert model_cache.remove("used") is True
    assert model_cache.get("used") is None
    with pytest.raises(LookupError), model_cache.use("used"):
        pass


def test_the_statistics_tell_memory_said_and_measured():
    model_cache.put("said", object(), metadata={"memory_mb": 1024, "note": "x"})
    model_cache.get_or_create("measured", lambda: bytearray(os.urandom(1 << 16) * 512))
    models = {each["id"]: each for each in model_cache.get_stats()["models"]}
    assert models["said"]["memory_bytes"] == 1024 * 1024 * 1024 and models["said"]["metadata"]["note"] == "x"
    assert models["measured"]["memory_bytes"] > 16 * 1024 * 1024


def test_nothing_is_given_out_after_its_time():
    source = """
import time
from asf.medical.ml.model_cache import model_cache
model_cache.put("short", object())
assert model_cache.get("short") is not None
end = time.monotonic() + 30
while model_cache.get_stats()["size"] and time.monotonic() < end:
    time.sleep(0.01)
assert model_cache.get("short") is None and model_cache.get_stats()["expirations"] == 1
"""
    done = python(source, MODEL_CACHE_TTL="0.1")
    assert done.returncode == 0, done.stderr
