"""In a real browser: text and events arrive when they are produced, from one server or from all four."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.board import FOUR, Board
from tests.ledger import release, state

if TYPE_CHECKING:
    from collections.abc import Mapping

each_server = pytest.mark.parametrize("name", FOUR)

GREETINGS = "Grüße, Γειά, 世界 👋🏽\n"


@each_server
def test_text_is_read_to_its_end(board: Board, name: str) -> None:
    board.read_text(count=3, interval_ms=20)
    column = board.columns[name]
    column.start()
    column.expect_phase("Complete")
    column.expect_text("chunk 1: hello\nchunk 2: hello\nchunk 3: hello\ndone\n")
    column.expect_producer("completed, cleaned up, 3 items produced")
    expect(column.figure("First byte")).to_have_text(re.compile(r"^[\d.]+ ms$"))
    expect(column.root.get_by_role("img", name=re.compile(r"^Timeline: 3 items produced; \d reads "))).to_be_visible()


@each_server
def test_an_item_is_shown_before_the_next_one_exists(board: Board, name: str) -> None:
    board.script_text([{"text": f"piece {n}\n", "gate": True} for n in (1, 2, 3)])
    column = board.columns[name]
    column.start()
    column.expect_phase("Streaming")
    ledger = column.ledger_url()
    for n in (1, 2):
        column.open_gate()
        column.expect_text("".join(f"piece {past}\n" for past in range(1, n + 1)))
        assert (state(ledger).items_produced, state(ledger).state) == (n, "open")
    column.open_gate()
    column.expect_phase("Complete")


def test_four_at_once(board: Board) -> None:
    board.script_events([{"id": str(n), "data": f"event {n}", "gate": True} for n in (1, 2)])
    board.press("Start all at once")
    ledgers = {}
    for name, column in board.columns.items():
        column.expect_phase("Streaming")
        ledgers[name] = column.ledger_url()
    for name, column in board.columns.items():
        release(ledgers[name])
        column.expect_text("message #1  event 1\n")
    for name in FOUR:
        assert (state(ledgers[name]).state, state(ledgers[name]).items_produced) == ("open", 1)
    board.press("Stop all")
    for name, column in board.columns.items():
        column.expect_phase("Stopped")
        assert state(ledgers[name], until_closed=True).reason == "disconnected"


def test_one_by_one_each_begins_when_the_one_before_is_over(board: Board) -> None:
    board.script_text([{"text": "the gate is open", "gate": True}])
    board.press("Start one by one")
    columns = list(board.columns.values())
    for index, column in enumerate(columns):
        column.expect_phase("Streaming")
        for later in columns[index + 1 :]:
            later.expect_phase("Not started")
        column.open_gate()
        column.expect_phase("Complete")


def test_stop_all_ends_the_sequence_too(board: Board) -> None:
    board.script_text([{"text": "", "gate": True}])
    board.press("Start one by one")
    first, second, *_ = board.columns.values()
    first.expect_phase("Streaming")
    board.press("Stop all")
    first.expect_producer("disconnected, cleaned up")
    second.expect_phase("Not started")


@each_server
def test_utf8_split_at_every_byte(board: Board, name: str) -> None:
    payload = GREETINGS.encode()
    items = [{"base64": base64.b64encode(payload[at : at + 1]).decode(), "gate": True} for at in range(len(payload))]
    board.script_text(items)
    column = board.columns[name]
    column.start()
    column.expect_phase("Streaming")
    ledger = column.ledger_url()
    for count in range(1, len(payload) + 1):
        release(ledger)
        # Each byte was a read of its own: the next one is released only when this one was read.
        expect(column.figure("Reads")).to_have_text(f"{count}, {count} B")
        column.expect_text(payload[:count].decode(errors="ignore"))
    column.expect_phase("Complete")
    column.expect_text(GREETINGS)


@each_server
def test_a_script_of_events_goes_through_our_own_decoder(board: Board, name: str) -> None:
    items: list[Mapping[str, object]] = [
        {"retry": 2000, "comment": "nothing to see"},
        {"id": "a", "data": "no type"},
        {"id": "é✓", "event": "greeting", "data": "two\r\nlines"},
        {"event": "tick", "data": ""},
    ]
    board.script_events(items)
    column = board.columns[name]
    column.start()
    column.expect_phase("Complete")
    column.expect_text(
        re.compile(r'^message #a  no type\ngreeting #é✓  two\n    lines\ntick #é✓  \ndone #é✓  \{"count": ?4\}\n$')
    )
    expect(column.figure("Last event ID")).to_have_text("é✓")


@each_server
def test_an_event_source_reads_to_the_terminal_event(board: Board, name: str) -> None:
    board.read_event_source(count=2, interval_ms=20)
    column = board.columns[name]
    column.start()
    column.expect_phase("Complete")
    column.expect_text(re.compile(r'^message #1 .*"n": ?1.*\nmessage #2 .*"n": ?2.*\ndone #2  \{"count": ?2\}\n$'))
    column.expect_producer("0 open now; since Start 1 opened, 1 cleaned up")
