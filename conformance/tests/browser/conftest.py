"""The page of a report in a tab of Chromium, from a file, with no network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.chromium import chromium
from tests.http2_talks import Request, http2_talk, two_items
from tests.sample_recording import recorded
from tests.sample_results import ABSENT, GOOD, KNOWN, PASSED, results
from tests.traces import trace

from streamspec.report.html import page
from streamspec.report.kept import KeptExchange, KeptRecording, keep

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


@pytest.fixture(scope="session")
def address_of_http2(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a page of one target that was asked over HTTP/2."""
    file: Path = tmp_path_factory.mktemp("http2") / "index.html"
    kept = KeptExchange([KeptRecording(keep(trace(http2_talk([Request("/stream?token=abc")], two_items))))])
    asked = replace(GOOD, verdicts=[replace(PASSED, exchange="x", attempts=1)], recordings={"x": kept})
    file.write_text(page(results(asked), KNOWN, strict=False), "utf-8")
    return file.as_uri()


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens the page in a profile of its own; what it throws, or asks the network for, fails the test."""
    contexts = []
    faults: list[str] = []

    def open_page(
        hash: str = "",  # noqa: A002 - the URL's word
        *,
        script: bool = True,
        width: int = 1300,
        at: str = address,
    ) -> Page:
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
        made.goto(at + hash)
        return made

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
