"""dramatiq_dashboard on data that our side wrote: its pages, deleting, requeueing."""

import html

import pytest
import requests
from conftest import HERE, eventually, free_port, old_python


class Dashboard:
    def __init__(self, side):
        port = free_port()
        side.start(old_python(), HERE / "dashboard_side.py", side.url, port)
        self.url = f"http://127.0.0.1:{port}"
        self.session = requests.Session()

    def page(self, path):
        answer = self.session.get(self.url + path, timeout=10)
        assert answer.status_code == 200, answer.text[-2000:]
        return html.unescape(answer.text)

    def post(self, path, queue, message_id):
        self.page(f"/queues/{queue.partition('.')[0]}")  # sets the cookie
        token = self.session.cookies["__dd_csrf"]
        form = {"queue": queue, "id": message_id, "__dd_csrf": token}
        answer = self.session.post(self.url + path, data=form, timeout=10)
        assert answer.status_code == 200, answer.text[-2000:]


@pytest.fixture
def dashboard(side):
    return Dashboard(side)


def only(side, key):
    (name,) = side.redis.hkeys(key)
    return name


def test_shows_what_we_sent(side, dashboard):
    """Jobs, delayed ones, and a page for each, with arguments and options."""
    side.send("for_python", "echo_peer", '["plain é"]')
    side.send("for_python", "echo_peer", '["later"]', delay=60_000)
    assert "for_python" in dashboard.page("/")
    for tab, key, args in (("standard", "dramatiq:for_python.msgs", "plain é"), ("delayed", "dramatiq:for_python.DQ.msgs", "later")):
        assert "echo_peer" in dashboard.page(f"/queues/for_python/{tab}")
        assert args in dashboard.page(f"/queues/for_python/{tab}/{only(side, key)}")


def test_shows_our_workers_and_dead_letters(side, dashboard):
    """Also beside one that nobody can decode: its page does not break, and shows what it was."""
    side.our_worker("for_peer")
    side.send("for_peer", "nobody", '["dead"]')
    side.redis.hset("dramatiq:for_peer.msgs", "bad", b"\x80\x04 pickle <b>")
    side.redis.rpush("dramatiq:for_peer", "bad")
    assert eventually(lambda: side.redis.hlen("dramatiq:for_peer.XQ.msgs") == 2)
    for worker in side.redis.hkeys("dramatiq:__medsynth__.workers"):
        assert worker[:8] in dashboard.page("/")
    failed = dashboard.page("/queues/for_peer/failed")
    assert "nobody" in failed and "undecodable" in failed
    assert "pickle <b>" in dashboard.page("/queues/for_peer/failed/bad")
    dashboard.post("/delete-message", "for_peer.XQ", "bad")
    assert side.redis.zcard("dramatiq:for_peer.XQ") == 1
    assert "undecodable" not in dashboard.page("/queues/for_peer/failed")


def test_what_it_requeues_we_run(side, dashboard):
    """It puts a past eta on the plain queue: due at once."""
    side.send("for_peer", "echo_peer", '["again"]', delay=60_000)
    dashboard.post("/requeue-message", "for_peer.DQ", only(side, "dramatiq:for_peer.DQ.msgs"))
    side.our_worker("for_peer")
    assert eventually(lambda: side.effects("peer") == ['["again"]'])
    assert eventually(lambda: side.redis.exists("dramatiq:for_peer", "dramatiq:for_peer.msgs", "dramatiq:for_peer.DQ.msgs") == 0)


def test_what_it_deletes_does_not_run(side, dashboard):
    """A waiting one, and a delayed one that our worker holds until it is due: then it is forgotten, too."""
    side.send("for_peer", "echo_peer", '["waits"]')
    dashboard.post("/delete-message", "for_peer", only(side, "dramatiq:for_peer.msgs"))
    side.our_worker("for_peer")
    side.send("for_peer", "echo_peer", '["delayed"]', delay=1_500)
    assert eventually(lambda: side.redis.zcard("dramatiq:__medsynth__.due.for_peer") == 1)
    dashboard.post("/delete-message", "for_peer.DQ", only(side, "dramatiq:for_peer.DQ.msgs"))
    side.send("for_peer", "echo_peer", '["after it"]', delay=2_000)
    assert eventually(lambda: side.effects("peer") == ['["after it"]'])
    assert eventually(lambda: side.leftovers() == [])
