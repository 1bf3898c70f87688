"""The real binary, a real Redis, a real model: what the end-to-end tests run against (tests/support/server.py)."""

from server import *  # noqa: F403  the fixtures, and what the tests import from here
