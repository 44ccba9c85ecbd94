"""The page of a report in a tab of Chromium, from a file, with no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.chromium import chromium
from tests.sample_recording import recorded
from tests.sample_results import ABSENT, GOOD, KNOWN, results

from streamspec.report.html import page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

LOCAL = ("file:", "data:")

DEADLINE_MS = 20_000
"""On a busy machine; what waits for something takes milliseconds."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a page of three targets with every verdict."""
    file: Path = tmp_path_factory.mktemp("report") / "index.html"
    file.write_text(page(results(GOOD, recorded(), ABSENT), KNOWN, strict=False), "utf-8")
    return file.as_uri()


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens the page in a profile of its own; what it throws, or asks the network for, fails the test."""
    contexts = []
    faults: list[str] = []

    def open_page(hash: str = "", *, script: bool = True, width: int = 1300) -> Page:  # noqa: A002 - the URL's word
        context = browser.new_context(
            java_script_enabled=script, offline=True, viewport={"width": width, "height": 900}
        )
        context.set_default_timeout(DEADLINE_MS)
        contexts.append(context)
        made = context.new_page()
        made.on("pageerror", lambda error: faults.append(str(error)))
        made.on("console", lambda said: faults.append(said.text) if said.type in {"error", "warning"} else None)
        made.on(
            "request", lambda asked: faults.append(asked.url) if not asked.url.startswith(("file:", "data:")) else None
        )
        made.goto(address + hash)
        return made

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
