"""examples/count_words: a small program that links the library, fed by a Python producer."""

import json
import os
import pathlib
import signal
import subprocess

import dramatiq
import pytest
from conftest import eventually, find_peer
from dramatiq.brokers.redis import RedisBroker


@pytest.fixture
def count_words(side, tmp_path):
    program = os.environ.get("MEDSYNTH_EXAMPLES", find_peer().parents[1] / "examples")
    environment = {**os.environ, "REDIS_URL": side.url, "MEDSYNTH_QUEUES": "words", "MEDSYNTH_DATA_DIR": str(tmp_path / "data"),
                   "MEDSYNTH_RUNTIME_DIR": str(tmp_path / "run"), "MEDSYNTH_LOG_FORMAT": "json",
                   "MAX_CPU_PERCENT": "100", "MAX_MEMORY_PERCENT": "100"}
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen([str(pathlib.Path(program) / "count_words")], env=environment, stdin=subprocess.DEVNULL, stderr=log)
    yield process
    process.kill()
    process.wait()
    log.close()


# With admission, one at a time; and brief, without it, many at a time.
ACTORS = pytest.mark.parametrize("actor", ["count_words", "count_few_words"])


def send(side, actor, *args, **kwargs):
    """As any Python producer; gives the id of the message, which is the task's."""
    broker = RedisBroker(url=side.url)
    message = dramatiq.Message(queue_name="words", actor_name=actor, args=args, kwargs=kwargs, options={})
    broker.declare_queue("words")
    return broker.enqueue(message).message_id


def record(side, task_id, name):
    text = side.redis.hget(f"task:{task_id}", name)
    return text and json.loads(text)


@ACTORS
def test_it_counts(side, count_words, actor):
    """By name, with a default, and positionally; it ends in order when asked to."""
    by_name = send(side, actor, texts=["one two", "three"])
    by_position = send(side, actor, ["a bb ccc"], 2)
    for task_id, words in ((by_name, 3), (by_position, 2)):
        assert eventually(lambda: record(side, task_id, "status") == "completed", 30), record(side, task_id, "error")
        result = record(side, task_id, "result")
        assert result["words"] == words and result["duration"] >= 0
        assert record(side, task_id, "actor") == actor and record(side, task_id, "progress") == 100
    assert eventually(lambda: side.redis.exists("dramatiq:words", "dramatiq:words.msgs", "dramatiq:words.XQ") == 0)
    count_words.send_signal(signal.SIGTERM)
    assert count_words.wait(timeout=40) == 0


@ACTORS
@pytest.mark.parametrize(("kwargs", "named"), [
    ({}, "texts"), ({"texts": []}, "texts"), ({"texts": ["a"], "at_leats": 2}, "at_least"), ({"texts": ["a"], "at_least": 0}, "at_least"),
])
def test_wrong_arguments_are_a_dead_letter_that_names_them(side, count_words, kwargs, named, actor):
    task_id = send(side, actor, **kwargs)
    assert eventually(lambda: side.redis.hlen("dramatiq:words.XQ.msgs") == 1, 30)
    assert named in record(side, task_id, "error")
    (reason,) = side.redis.hvals("dramatiq:__medsynth__.reasons.words")
    assert named in reason


def test_many_brief_ones_each_end_once(side, count_words):
    tasks = [send(side, "count_few_words", texts=["word " * number]) for number in range(1, 301)]
    assert eventually(lambda: side.redis.exists("dramatiq:words", "dramatiq:words.msgs") == 0, 60)
    assert [record(side, task_id, "result")["words"] for task_id in tasks] == list(range(1, 301))
    assert {(record(side, task_id, "status"), record(side, task_id, "attempt")) for task_id in tasks} == {("completed", 1)}
    assert not side.redis.exists("dramatiq:words.XQ")
