"""One Redis for Python's producers and our worker as people run it: with a password, an ACL user, TLS and a database number, and
behind sentinels that want a password of their own."""

import subprocess

import pytest
import redis
from conftest import Side as Processes
from conftest import answers, eventually, find_peer, free_port
from python_actors import Side
from redis.sentinel import Sentinel


class Deployment(Processes):
    """A Redis started with `words`; `url` is what a worker of ours is given."""

    def __init__(self, folder, client, url, words):
        self.words, self.client, self.url = words, client, url
        self.peer, self.folder, self.processes = find_peer(), folder, []
        self.redis = client
        self.start_redis()

    def start_redis(self):
        self.server = subprocess.Popen(["redis-server", *map(str, self.words)])
        assert eventually(lambda: answers(self.redis))


def runs(deployment, tmp_path, client=None):
    """Plain, delayed and retried, from Python to our worker, with a result that Python reads."""
    theirs = Side(None, client=client or deployment.client)
    deployment.our_actors(tmp_path)
    sent = theirs.send("add_peer", 1, 2, store_results=True)
    assert sent.get_result(block=True, timeout=10_000) == 3
    theirs.send("echo_peer", "later", delay=200)
    theirs.send("flaky_peer", "flaky")
    found = (b'["later"]', b'["flaky"]')
    assert eventually(lambda: sorted(theirs.client.lrange("effects:peer", 0, -1)) == sorted(found))


@pytest.mark.parametrize("who", ["password", "user", "tls"])
def test_passwords_users_tls_and_databases(tmp_path, who):
    port = free_port()
    words = ["--bind", "127.0.0.1", "--dir", tmp_path, "--save", "", "--logfile", "log", "--requirepass", "p/ss"]
    words += ["--user", "ada", "on", ">s:cret", "~*", "&*", "+@all"]
    user, password = ("ada", "s:cret") if who == "user" else (None, "p/ss")
    credentials = "ada:s%3Acret" if who == "user" else ":p%2Fss"
    url, options = f"redis://{credentials}@127.0.0.1:{port}/3", {}
    if who == "tls":
        make_certificate(tmp_path)
        words += ["--port", 0, "--tls-port", port, "--tls-cert-file", tmp_path / "it.pem", "--tls-key-file", tmp_path / "it.key"]
        words += ["--tls-ca-cert-file", tmp_path / "it.pem", "--tls-auth-clients", "no"]
        options = {"ssl": True, "ssl_ca_certs": str(tmp_path / "it.pem")}
        url = f"rediss://{credentials}@127.0.0.1:{port}/3?ssl_ca_certs={tmp_path / 'it.pem'}"
    else:
        words += ["--port", port]
    client = redis.Redis(port=port, db=3, username=user, password=password, host="127.0.0.1", **options)
    deployment = Deployment(tmp_path, redis.Redis(port=port, db=3, username=user, password=password, host="127.0.0.1",
                                                  decode_responses=True, **options), url, words)
    try:
        runs(deployment, tmp_path, client)
    finally:
        deployment.end()


def make_certificate(folder):
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=it -addext subjectAltName=IP:127.0.0.1 -keyout it.key -out it.pem"
    subprocess.run(words.split(), cwd=folder, check=True, capture_output=True)


def test_sentinels_with_a_password_of_their_own(tmp_path):
    port, sentinel_port = free_port(), free_port()
    words = ["--port", port, "--bind", "127.0.0.1", "--dir", tmp_path, "--save", "", "--logfile", "log", "--requirepass", "master"]
    (tmp_path / "sentinel.conf").write_text(
        f"port {sentinel_port}\nbind 127.0.0.1\ndir {tmp_path}\nlogfile sentinel.log\nrequirepass guarded\n"
        f"sentinel monitor main 127.0.0.1 {port} 1\nsentinel auth-pass main master\n")
    url = f"redis+sentinel://:master@127.0.0.1:{free_port()},127.0.0.1:{sentinel_port}/main/2?sentinel_password=guarded"
    deployment = Deployment(tmp_path, redis.Redis(port=port, db=2, password="master", decode_responses=True), url, words)
    try:
        watch = subprocess.Popen(["redis-server", str(tmp_path / "sentinel.conf"), "--sentinel"])
        deployment.processes.append(watch)
        watched = Sentinel([("127.0.0.1", sentinel_port)], sentinel_kwargs={"password": "guarded"})
        assert eventually(lambda: finds(watched))
        runs(deployment, tmp_path, watched.master_for("main", db=2, password="master"))
    finally:
        deployment.end()


def finds(sentinel):
    try:
        return sentinel.discover_master("main")
    except redis.RedisError:
        return None
