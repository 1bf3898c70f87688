"""A cluster of one node: with one hash tag in namespace and prefix everything works, without it a worker says why not."""

import json
import os
import subprocess

import dramatiq
import pytest
import redis
from conftest import answers, eventually, find_peer, free_port
from dramatiq.brokers.redis import RedisBroker

TAG = "{dramatiq}"


@pytest.fixture
def cluster(tmp_path):
    port = free_port()
    words = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", tmp_path, "--save", "", "--logfile", "log",
             "--cluster-enabled", "yes", "--cluster-port", free_port()]
    server = subprocess.Popen(list(map(str, words)))
    client = redis.Redis(port=port, decode_responses=True)
    try:
        assert eventually(lambda: answers(client))
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        assert eventually(lambda: client.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
        yield client, f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()


def start(url, folder, **environment):
    program = find_peer().parents[1] / "examples/count_words"
    settings = {**os.environ, "REDIS_URL": url, "MEDSYNTH_QUEUES": "words", "MEDSYNTH_DATA_DIR": str(folder / "data"),
                "MEDSYNTH_RUNTIME_DIR": str(folder / "run"), "MAX_CPU_PERCENT": "100", "MAX_MEMORY_PERCENT": "100", **environment}
    return subprocess.Popen([str(program)], env=settings, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def test_one_hash_tag_keeps_everything_together(cluster, tmp_path):
    """Sent by Python, plain and delayed; run, recorded and settled by us, failures buried."""
    client, url = cluster
    broker = RedisBroker(url=url, namespace=TAG)
    broker.declare_queue("words")

    def send(delay=None, **kwargs):
        message = dramatiq.Message(queue_name="words", actor_name="count_words", args=(), kwargs=kwargs, options={})
        return broker.enqueue(message, delay=delay).message_id

    good, late, wrong = send(texts=["a b"]), send(texts=["a"], delay=300), send()
    worker = start(url, tmp_path, MEDSYNTH_NAMESPACE=TAG, TASK_STORAGE_PREFIX=TAG + ":task:")
    try:
        def status(task_id):
            return json.loads(client.hget(f"{TAG}:task:{task_id}", "status") or "null")

        for task_id, end in ((good, "completed"), (late, "completed"), (wrong, "failed")):
            assert eventually(lambda task_id=task_id, end=end: status(task_id) == end, 30), (task_id, status(task_id))
        assert eventually(lambda: client.hlen(TAG + ":words.XQ.msgs") == 1)
        assert eventually(lambda: client.exists(TAG + ":words.msgs") == 0)
        assert eventually(lambda: client.exists(TAG + ":words.DQ.msgs") == 0)
        worker.terminate()
        assert worker.wait(timeout=40) == 0
        assert client.hkeys(TAG + ":__medsynth__.workers") == [], "it left in order"
    finally:
        worker.kill()
        worker.communicate()


@pytest.mark.parametrize(("namespace", "prefix"), [("dramatiq", "task:"), (TAG, "{other}:task:")])
def test_without_it_a_worker_says_why(cluster, tmp_path, namespace, prefix):
    worker = start(cluster[1], tmp_path, MEDSYNTH_NAMESPACE=namespace, TASK_STORAGE_PREFIX=prefix)
    _, said = worker.communicate(timeout=30)
    assert worker.returncode == 2
    assert "hash tag" in said and "MEDSYNTH_NAMESPACE" in said
