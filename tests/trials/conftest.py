"""Trials: each fault that was seen in the field, tried on the real binary and a real Redis (tests/support/server.py)."""

from server import *  # noqa: F403  the fixtures, and what the tests import from here
from proxy import Proxy  # noqa: F401  a TCP forwarder that can be cut, stalled or sent elsewhere
