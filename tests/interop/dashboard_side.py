"""The real dramatiq_dashboard over the queues of both sides, as a program: until it is killed; prints "ready".

    python dashboard_side.py REDIS_URL PORT
"""

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import dramatiq_dashboard
from python_side import make_broker


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


if __name__ == "__main__":
    app = dramatiq_dashboard.DashboardApp(broker=make_broker(sys.argv[1]), prefix="")
    server = make_server("127.0.0.1", int(sys.argv[2]), app, handler_class=Quiet)
    print("ready", flush=True)
    server.serve_forever()
