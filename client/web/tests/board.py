"""The page as a person meets it: by the names of its buttons and fields, and by what stands in it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Locator, Page

DEADLINE_S = 20.0
"""For what must come: a hundred times what it takes, because the machine may be busy."""

FOUR = ("aiohttp", "fastapi", "quart", "starlette")


class Column:
    """One server on the page."""

    def __init__(self, page: Page, name: str) -> None:
        self.name = name
        self.root = page.get_by_role("region", name=name, exact=True)
        self.arrived = page.get_by_role("region", name=f"What arrived from {name}", exact=True)

    def start(self) -> None:
        self.root.get_by_role("button", name=re.compile(f"^(Start|Restart) {self.name}$")).click()

    def stop(self) -> None:
        self.root.get_by_role("button", name=f"Stop {self.name}", exact=True).click()

    def open_gate(self) -> None:
        self.root.get_by_role("button", name=f"Open a gate of {self.name}", exact=True).click()

    def move(self, url: str) -> None:
        address = self.root.get_by_label(f"Base URL of {self.name}", exact=True)
        address.fill(url)
        address.press("Enter")

    def expect_phase(self, word: str) -> None:
        """The word of its badge, which screen readers read too."""
        expect(self.root.locator(".badge")).to_contain_text(word)

    def expect_sentence(self, part: str | re.Pattern[str]) -> None:
        expect(self.root.get_by_role("status")).to_contain_text(part)

    def expect_text(self, text: str | re.Pattern[str]) -> None:
        """All that arrived, white space as it is."""
        pattern = text if isinstance(text, re.Pattern) else re.compile(f"^{re.escape(text)}$")
        expect(self.arrived).to_have_text(pattern, use_inner_text=True)

    def expect_producer(self, part: str | re.Pattern[str]) -> None:
        expect(self.root.locator(".producer")).to_contain_text(part)

    def figure(self, name: str) -> Locator:
        """The value beside that name."""
        return self.root.locator(f"div:has(> dt:text-is('{name}')) > dd")

    def ledger_url(self) -> str:
        """Where the server tells of the stream that was started last."""
        link = self.root.get_by_role("link", name="What the server tells")
        expect(link).to_be_visible()
        return link.get_attribute("href") or ""


class Board:
    """The whole page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.columns = {name: Column(page, name) for name in FOUR}

    def each(self) -> list[Column]:
        """The columns, as they stand on the page."""
        return list(self.columns.values())

    def read_text(self, *, count: int, interval_ms: int) -> None:
        self._choose("fetch")
        self._fill(count, interval_ms)

    def read_event_source(self, *, count: int, interval_ms: int, close_at_done: bool = True) -> None:
        self._choose("EventSource")
        self._fill(count, interval_ms)
        self.page.get_by_label("Close at the terminal event").set_checked(close_at_done)

    def script_text(self, items: Sequence[object], **rest: object) -> None:
        self._choose("POST · text")
        self.write_script(json.dumps({"items": items, **rest}))

    def script_events(self, items: Sequence[object], **rest: object) -> None:
        self._choose("POST · events")
        self.write_script(json.dumps({"items": items, **rest}))

    def write_script(self, script: str) -> None:
        self.page.get_by_label("Script, JSON").fill(script)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def _choose(self, way: str) -> None:
        self.page.get_by_role("radio", name=re.compile(f"^{re.escape(way)} ")).check()

    def _fill(self, count: int, interval_ms: int) -> None:
        self.page.get_by_label("Items").fill(str(count))
        self.page.get_by_label("Interval, ms").fill(str(interval_ms))
