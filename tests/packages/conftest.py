"""What scripts/package made, away from the tree that made it."""

from server import *  # noqa: F403
