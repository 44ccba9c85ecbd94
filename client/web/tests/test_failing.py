"""In a real browser: what fails, breaks or comes back is shown as that."""

from __future__ import annotations

import re
import socket
from contextlib import ExitStack

from playwright.sync_api import Browser, expect
from web.tests.board import Board
from web.tests.relay import Relay


def test_text_that_fails_is_cut_short(board: Board) -> None:
    # The gate, because a browser drops what it has received and the page has not read when the connection breaks.
    board.script_text([{"text": "a piece, and then no last chunk"}, {"text": "", "gate": True}], end="fail")
    board.press("Start all at once")
    for column in board.each():
        column.expect_text("a piece, and then no last chunk")
        column.open_gate()
        column.expect_phase("Cut short")
        column.expect_sentence("the connection broke before the last chunk")
        column.expect_text("a piece, and then no last chunk")
        column.expect_producer("failed, cleaned up, 2 items produced")


def test_events_that_fail_are_failed_with_the_servers_words(board: Board) -> None:
    board.script_events([{"data": "before"}], end="fail")
    board.press("Start all at once")
    for column in board.each():
        column.expect_phase("Failed")
        column.expect_sentence(re.compile("^The server says that it failed: .+"))
        column.expect_text(re.compile(r"^message  before\nerror  \{.*500.*\}\n$"))


def test_a_stream_that_fails_before_it_starts_is_refused(board: Board) -> None:
    board.script_text([{"text": "never"}], fail_before_start=True)
    board.press("Start all at once")
    for column in board.each():
        column.expect_phase("Refused")
        column.expect_sentence("Refused with 500")
        column.expect_producer("failed, cleaned up, 0 items produced")


def test_a_bad_parameter_is_refused_with_the_problem(board: Board) -> None:
    board.read_text(count=100_001, interval_ms=0)
    column = board.columns["fastapi"]
    column.start()
    column.expect_phase("Refused")
    column.expect_sentence(re.compile("^Refused with 422: .*count"))
    column.expect_producer("the server knows no such stream")


def test_events_that_break_off_are_cut_short(board: Board, urls: dict[str, str]) -> None:
    with Relay(urls["aiohttp"]) as relay:
        board.columns["aiohttp"].move(relay.url)
        board.script_events([{"id": "1", "data": "whole"}], end="hang")
        column = board.columns["aiohttp"]
        column.start()
        column.expect_text("message #1  whole\n")
        relay.break_connections()
        column.expect_phase("Cut short")
        column.expect_producer("disconnected, cleaned up")


def test_event_sources_come_back_where_they_were(board: Board, urls: dict[str, str]) -> None:
    with ExitStack() as stack:
        relays = [stack.enter_context(Relay(urls[column.name])) for column in board.each()]
        for column, relay in zip(board.each(), relays, strict=True):
            column.move(relay.url)
        board.read_event_source(count=5, interval_ms=150)
        for column, relay in zip(board.each(), relays, strict=True):
            column.start()
            column.expect_text(re.compile(r"message #2 "))
            relay.break_connections()
            column.expect_sentence(re.compile("the browser comes back by itself, with Last-Event-ID [2-4]"))
        for column, relay in zip(board.each(), relays, strict=True):
            column.expect_phase("Complete")
            ids = re.findall(r"^message #(\d) ", column.arrived.inner_text(), re.MULTILINE)
            assert ids == ["1", "2", "3", "4", "5"]
            expect(column.figure("Connections")).to_have_text("2")
            first, second = relay.last_event_ids("/sse")
            assert first is None
            assert second in {"2", "3", "4"}


def test_an_event_source_that_is_not_closed_is_told_that_there_is_no_more(board: Board, urls: dict[str, str]) -> None:
    with Relay(urls["quart"]) as relay:
        column = board.columns["quart"]
        column.move(relay.url)
        board.read_event_source(count=2, interval_ms=0, close_at_done=False)
        column.start()
        column.expect_phase("Complete")
        column.expect_sentence("was told that there is no more")
        assert relay.last_event_ids("/sse") == [None, "2"]


def test_an_event_source_that_is_refused_gives_up(board: Board) -> None:
    board.read_event_source(count=100_001, interval_ms=0)
    column = board.columns["starlette"]
    column.start()
    column.expect_phase("Refused")
    column.expect_sentence("gave up at once")


def test_a_server_that_is_not_there_is_no_answer(board: Board) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    column = board.columns["fastapi"]
    column.move(url)
    expect(column.root.locator(".software")).to_contain_text(f"No answer from {url}")
    column.start()
    column.expect_phase("No answer")
    column.expect_sentence("Is the server running")


def test_an_origin_that_is_not_allowed_is_told(browser: Browser, origin: str) -> None:
    elsewhere = origin.replace("localhost", "127.0.0.1")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(elsewhere)
        column = Board(page).columns["aiohttp"]
        expect(column.root.locator(".software")).to_contain_text(f"does it allow the origin {elsewhere}")
        column.start()
        column.expect_phase("No answer")


def test_a_script_that_is_no_json_is_told_beside_it_and_not_sent(board: Board) -> None:
    board.script_text([])
    board.write_script('{"items": [')
    expect(board.page.get_by_label("Script, JSON")).to_have_attribute("aria-invalid", "true")
    expect(board.page.get_by_text(re.compile("^The script is no JSON: ")).first).to_be_visible()
    column = board.columns["quart"]
    column.start()
    column.expect_phase("Not sent")


def test_an_address_that_is_none_is_told(board: Board) -> None:
    column = board.columns["quart"]
    column.move("nowhere")
    expect(column.root.locator(".software")).to_contain_text("is no base URL")
    column.start()
    column.expect_phase("Not sent")
    column.expect_sentence("is no base URL")
