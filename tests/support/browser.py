"""Debian's chromium, and what keeps people out of a page in it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOCK = ROOT / "web/package-lock.json"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "medsynth"
PACKAGES = CACHE / f"web-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}" / "node_modules"
WIDTHS = (390, 768, 1280)
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


@contextlib.contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program, "chromium is missing: run scripts/setup"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage", *flags])
        yield running
        running.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def barriers(page: Page) -> list[tuple[str, list[str]]]:
    """What axe-core finds: the rule, and the elements that break it. The page's context must bypass its CSP."""
    page.add_script_tag(path=PACKAGES / "axe-core/axe.min.js")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]
