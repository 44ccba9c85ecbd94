"""An EventSource whose stream is cut for its age comes back when `retry` says, and not after the browser's own time.

Chromium forgets what it has received and not yet read when a message is incomplete: so the four give it time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamspec.implementation import read_implementation
from streamspec.target import running
from streamspec.target_names import implementations

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MAX_AGE_MS = 300

RETURNED_WITHIN_MS = 2_500
"""The four say 1,000 ms, Chromium waits 3,000 by itself: between the two, with most of the room for a busy machine."""

AT_ONCE = 5
"""EventSources; a sixth connection is left for the page, and Chromium has no more for an origin."""

ROUNDS = 4
"""With the cut right behind `retry` 3 to 14 of 100 were late: of 20 on each of the four, 4 or more in all."""

LISTEN = """
({count, url}) => Promise.all(Array.from({length: count}, () => new Promise((resolve) => {
  const source = new EventSource(url);
  let lost = null;
  source.onerror = () => { lost ??= performance.now(); };
  source.onopen = () => {
    if (lost === null) return;
    resolve(performance.now() - lost);
    source.close();
  };
})))
"""


@pytest.mark.parametrize("name", implementations())
def test_an_event_source_comes_back_when_it_was_told_to(browser: Browser, name: str) -> None:
    limits = {"STREAMSPEC_MAX_AGE_MS": str(MAX_AGE_MS)}
    with running(read_implementation(implementations()[name]), limits) as target:
        context = browser.new_context()
        page = context.new_page()
        page.goto(target.url)
        waited_ms: list[float] = []
        for _ in range(ROUNDS):
            asked = {"count": AT_ONCE, "url": "/sse?count=2&interval_ms=60000"}
            waited_ms += page.evaluate(LISTEN, asked)
        context.close()
    assert max(waited_ms) < RETURNED_WITHIN_MS, sorted(map(round, waited_ms))
    assert min(waited_ms) > MAX_AGE_MS, "it came back before `retry` says"
