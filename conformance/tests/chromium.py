"""The Chromium of the machine, for tests that need a real browser.

Without one they are skipped, and say what to install; where CI or STREAMSPEC_REQUIRE_BROWSER is set they fail.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

HINT = (
    "no Chromium here: `apt install chromium` (or have `google-chrome` on PATH, or give a path in STREAMSPEC_CHROMIUM)"
)

# Without them it calls home, and the sandbox needs what a container has not.
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


_running: list[Browser] = []
"""At most one: Playwright's synchronous half cannot be started twice in a process."""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A running Chromium with a profile of its own, or the test's skip or failure. Whoever comes second shares it."""
    if _running:
        yield _running[0]
        return
    program = os.environ.get("STREAMSPEC_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        if os.environ.get("CI") or os.environ.get("STREAMSPEC_REQUIRE_BROWSER"):
            pytest.fail(HINT, pytrace=False)
        pytest.skip(HINT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=ARGUMENTS,
            # Off by Playwright's choice, on in everybody's browser: pages that are left are kept for the way back.
            ignore_default_args=["--disable-back-forward-cache"],
        )
        _running.append(browser)
        try:
            yield browser
        finally:
            _running.clear()
            browser.close()
