"""The demo as a person starts it, and a tab of Chromium with its page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, expect
from tests.chromium import chromium
from web.tests.board import DEADLINE_S, Board

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]

expect.set_options(timeout=DEADLINE_S * 1_000)


@pytest.fixture(scope="session")
def origin() -> Iterator[str]:
    """Of the page, while the demo runs."""
    page = os.environ.get("STREAMSPEC_PAGE") or str(ROOT / "client" / "web" / "out")
    command = [sys.executable, "-P", "-m", "streamspec", "demo", "--port", "0", "--page", page]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            said = demo.stdout.readline().split()
            assert said, "the demo did not start: its words are on standard error"
            yield said[0]
        finally:
            demo.terminate()


@pytest.fixture(scope="session")
def urls(origin: str) -> dict[str, str]:
    """Base URLs of the implementations, by name."""
    with urlopen(f"{origin}/implementations.json", timeout=DEADLINE_S) as answer:  # noqa: S310 - it is http
        return {one["name"]: one["url"] for one in json.load(answer)}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def board(browser: Browser, origin: str) -> Iterator[Board]:
    """The page in a tab and a profile of its own; whatever it throws fails the test."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(DEADLINE_S * 1_000)
    page = context.new_page()
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    page.goto(origin)
    yield Board(page)
    context.close()
    assert thrown == []
