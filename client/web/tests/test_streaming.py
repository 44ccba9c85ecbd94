"""In a real browser: text and events arrive when they are produced, from each of the four and from all at once."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect
from web.tests.ledger import release, state

if TYPE_CHECKING:
    from web.tests.board import Board

GREETINGS = "Grüße, Γειά, 世界 👋🏽\n"


def test_text_is_read_to_its_end(board: Board) -> None:
    board.read_text(count=3, interval_ms=20)
    board.press("Start all at once")
    for column in board.each():
        column.expect_phase("Complete")
        column.expect_text("chunk 1: hello\nchunk 2: hello\nchunk 3: hello\ndone\n")
        column.expect_producer("completed, cleaned up, 3 items produced")
        expect(column.figure("First byte")).to_have_text(re.compile(r"^[\d.]+ ms$"))
        expect(
            column.root.get_by_role("img", name=re.compile(r"^Timeline: 3 items produced; \d reads "))
        ).to_be_visible()


def test_an_item_is_shown_before_the_next_one_exists(board: Board) -> None:
    board.script_text([{"text": f"piece {n}\n", "gate": True} for n in (1, 2, 3)])
    board.press("Start all at once")
    for column in board.each():
        column.expect_phase("Streaming")
        ledger = column.ledger_url()
        for n in (1, 2):
            column.open_gate()
            column.expect_text("".join(f"piece {past}\n" for past in range(1, n + 1)))
            assert (state(ledger).items_produced, state(ledger).state) == (n, "open")
        column.open_gate()
        column.expect_phase("Complete")


def test_four_at_once_are_open_together_and_stop_together(board: Board) -> None:
    board.script_events([{"id": str(n), "data": f"event {n}", "gate": True} for n in (1, 2)])
    board.press("Start all at once")
    ledgers = []
    for column in board.each():
        column.expect_phase("Streaming")
        ledgers.append(column.ledger_url())
        release(ledgers[-1])
        column.expect_text("message #1  event 1\n")
    for ledger in ledgers:
        assert (state(ledger).state, state(ledger).items_produced) == ("open", 1)
    board.press("Stop all")
    for column, ledger in zip(board.each(), ledgers, strict=True):
        column.expect_phase("Stopped")
        assert state(ledger, until_closed=True).reason == "disconnected"


def test_one_by_one_each_begins_when_the_one_before_is_over(board: Board) -> None:
    board.script_text([{"text": "the gate is open", "gate": True}])
    board.press("Start one by one")
    for index, column in enumerate(board.each()):
        column.expect_phase("Streaming")
        for later in board.each()[index + 1 :]:
            later.expect_phase("Not started")
        column.open_gate()
        column.expect_phase("Complete")


def test_stop_all_ends_the_sequence_too(board: Board) -> None:
    board.script_text([{"text": "", "gate": True}])
    board.press("Start one by one")
    first, second, *_ = board.each()
    first.expect_phase("Streaming")
    board.press("Stop all")
    first.expect_producer("disconnected, cleaned up")
    second.expect_phase("Not started")


def test_utf8_split_at_every_byte(board: Board) -> None:
    payload = GREETINGS.encode()
    items = [{"base64": base64.b64encode(payload[at : at + 1]).decode(), "gate": True} for at in range(len(payload))]
    board.script_text(items)
    board.press("Start all at once")
    for column in board.each():
        column.expect_phase("Streaming")
    ledgers = [column.ledger_url() for column in board.each()]
    for count in range(1, len(payload) + 1):
        for ledger in ledgers:
            release(ledger)
        for column in board.each():
            # Each byte was a read of its own: the next one is released only when this one was read.
            expect(column.figure("Reads")).to_have_text(f"{count}, {count} B")
            column.expect_text(payload[:count].decode(errors="ignore"))
    for column in board.each():
        column.expect_phase("Complete")
        column.expect_text(GREETINGS)


def test_a_script_of_events_goes_through_our_own_decoder(board: Board) -> None:
    board.script_events(
        [
            {"retry": 2000, "comment": "nothing to see"},
            {"id": "a", "data": "no type"},
            {"id": "é✓", "event": "greeting", "data": "two\r\nlines"},
            {"event": "tick", "data": ""},
        ]
    )
    board.press("Start all at once")
    for column in board.each():
        column.expect_phase("Complete")
        column.expect_text(
            re.compile(
                r"^message #a  no type\ngreeting #é✓  two\n    lines\ntick #é✓  \ndone #é✓  \{\"count\": ?4\}\n$"
            )
        )
        expect(column.figure("Last event ID")).to_have_text("é✓")


def test_an_event_source_reads_to_the_terminal_event(board: Board) -> None:
    board.read_event_source(count=2, interval_ms=20)
    board.press("Start all at once")
    for column in board.each():
        column.expect_phase("Complete")
        column.expect_text(re.compile(r'^message #1 .*"n": ?1.*\nmessage #2 .*"n": ?2.*\ndone #2  \{"count": ?2\}\n$'))
        column.expect_producer("0 open now; since Start 1 opened, 1 cleaned up")
