"""In a real browser: the page is used by keyboard, at any width, in dark and light."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect
from web.tests.board import Board

CONTRAST = 4.5
"""WCAG 2.2, 1.4.3, for text of usual size."""


def test_by_keyboard_alone(board: Board) -> None:
    page = board.page
    board.columns["starlette"].expect_phase("Not started")
    tab_to(page, "fetch")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name=re.compile("^POST · events "))).to_be_checked()
    tab_to(page, "Silent until stopped")
    page.keyboard.press("Enter")
    tab_to(page, "Start starlette")
    page.keyboard.press("Enter")
    board.columns["starlette"].expect_phase("Streaming")
    tab_to(page, "Stop starlette")
    page.keyboard.press("Space")
    board.columns["starlette"].expect_phase("Stopped")


def test_a_screen_reader_is_told_how_a_stream_ends_and_not_of_every_piece(board: Board) -> None:
    board.read_text(count=1, interval_ms=0)
    column = board.columns["fastapi"]
    column.start()
    column.expect_phase("Complete")
    expect(column.root.get_by_role("status")).to_have_text("Complete: the last chunk came.")
    expect(column.arrived).not_to_have_attribute("aria-live", re.compile("."))


@pytest.mark.parametrize("width", [320, 390, 820, 1400, 2400])
def test_nothing_is_cut_off_at_any_width(board: Board, width: int) -> None:
    board.page.set_viewport_size({"width": width, "height": 900})
    board.script_events([{"id": "long", "data": "x" * 500}])
    board.press("Start all at once")
    for column in board.columns.values():
        column.expect_phase("Complete")
    assert board.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_every_word_stands_out_from_its_ground(browser: Browser, origin: str, scheme: str) -> None:
    with browser.new_context(color_scheme="dark" if scheme == "dark" else "light") as context:
        page = context.new_page()
        page.goto(origin)
        board = Board(page)
        first, second, third, _ = board.columns.values()
        board.script_events([], end="fail")
        first.start()
        first.expect_phase("Failed")
        board.read_text(count=1, interval_ms=0)
        second.start()
        second.expect_phase("Complete")
        board.script_text([], end="hang")
        third.start()
        third.expect_phase("Streaming")
        assert page.evaluate(FAINT_WORDS, CONTRAST) == []


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has that name has the focus."""
    for _ in range(60):
        focused = page.evaluate(
            "[document.activeElement.ariaLabel, document.activeElement.labels?.[0]?.innerText, "
            "document.activeElement.innerText].find(Boolean) ?? ''"
        )
        if re.match(rf"{re.escape(name)}\b", focused.strip()):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name!r} cannot be reached with Tab")


# Contrast by WCAG 2.2; colours through a canvas, because they may be given in any colour space.
FAINT_WORDS = """
(atLeast) => {
  const pen = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = rgba(colour).slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (rgba(colour)[3] === 255) return colour;
    }
    return getComputedStyle(document.documentElement).backgroundColor;
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const said = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim());
    if (said.length === 0 || element.closest(":disabled, script, style")) continue;
    const [a, b] = [luminance(getComputedStyle(element).color), luminance(ground(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < atLeast) faint.push(`${said[0].data.trim()}: ${contrast.toFixed(2)}`);
  }
  return faint;
}
"""
