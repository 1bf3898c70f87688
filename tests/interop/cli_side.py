"""What the `dramatiq` command loads: the actors of both sides on the Redis of REDIS_URL."""

import os

import dramatiq
from python_side import make_broker

dramatiq.set_broker(make_broker(os.environ["REDIS_URL"]))
