"""The control server's parts as values: events to bytes, the ledger's bounds, the limits."""

from __future__ import annotations

import pytest

from streamspec.control import Event, Limits, Reason
from streamspec.control.event_stream import EventEncoder
from streamspec.control.ledger import MAX_RECORDS, Ledger, Record
from streamspec.control.limits import LimitError
from streamspec_client.event_stream import EventStreamDecoder

TEXTS = ["", " ", "  two", "a", "a\n", "\n", "\n\n", "a\nb", "a\r\nb", "a\rb", "a\n\rb", "\ra", ":", "data: x", "a: b"]
TEXTS += ["\u2028a\u2029b\x85c\x0bd\x0ce", "\0", "\ufeff", "🦆", "x" * 70_000, "\r\n\r\n", "event: x\n\nid: 1"]


@pytest.mark.parametrize("text", TEXTS)
def test_data_reads_back_with_lf_for_every_line_end(text: str) -> None:
    [event] = EventStreamDecoder().feed(EventEncoder().encode_event(Event(data=text)))
    assert event.data == text.replace("\r\n", "\n").replace("\r", "\n")
    assert event.type == "message"


@pytest.mark.parametrize("text", [text for text in TEXTS if text])
def test_a_comment_is_no_event_and_no_field(text: str) -> None:
    decoder = EventStreamDecoder()
    encoder = EventEncoder()
    event = Event(comment=text)
    assert decoder.feed(encoder.encode_event(event) + encoder.encode_event(Event(data="next")))[0].data == "next"
    assert (decoder.last_event_id, decoder.retry_ms) == ("", None)


@pytest.mark.parametrize("text", ["", " x", "x:", "ü", "\ufeff"])
def test_types_and_ids_read_back(text: str) -> None:
    [event] = EventStreamDecoder().feed(EventEncoder().encode_event(Event(event=text, id=text, data="", retry=0)))
    assert (event.type, event.last_event_id) == (text or "message", text)


def finish(ledger: Ledger, record: Record) -> None:
    ledger.close(record, Reason.COMPLETED, 1.0)
    ledger.clean(record)


def test_the_ledger_forgets_what_was_closed_first_and_nothing_that_is_open() -> None:
    ledger = Ledger()
    records = [ledger.open_record(str(number), 0.0) for number in range(MAX_RECORDS)]
    finish(ledger, records[2])
    finish(ledger, records[1])
    ledger.open_record("a", 0.0)
    ledger.open_record("b", 0.0)
    assert [ledger.find(token) is not None for token in ("0", "1", "2", "3", "a", "b")] == [
        True, False, False, True, True, True,
    ]  # fmt: skip
    assert (ledger.open, ledger.opened, ledger.cleaned) == (MAX_RECORDS, MAX_RECORDS + 2, 2)


def test_the_first_reason_stays_and_a_poll_is_told_once() -> None:
    ledger = Ledger()
    record = ledger.open_record("t", 0.0)
    told: list[Reason | None] = []
    record.waiting.add(lambda: told.append(record.reason))
    ledger.close(record, Reason.FAILED, 5.0)
    ledger.close(record, Reason.SHUTDOWN, 6.0)
    assert told == []
    ledger.clean(record)
    ledger.clean(record)
    assert told == [Reason.FAILED]
    assert (record.closed_ms, ledger.cleaned, dict(ledger.reasons)) == (5.0, 1, {Reason.FAILED: 1})


def test_a_record_keeps_the_times_of_the_last_thousand_items() -> None:
    record = Record("t", 0.0)
    for number in range(2_500):
        record.produced(2, float(number))
    assert (record.items_produced, record.bytes_produced) == (2_500, 5_000)
    assert record.produced_ms == [float(number) for number in range(1_500, 2_500)]


def test_limits_are_read_from_the_environment() -> None:
    origins = {"STREAMSPEC_CORS_ORIGINS": "http://a, http://b"}
    assert Limits.from_environment({}) == Limits()
    assert Limits.from_environment(origins).cors_origins == ("http://a", "http://b")
    with pytest.raises(LimitError, match="STREAMSPEC_DRAIN_MS='x': set it to an integer from 0"):
        Limits.from_environment({"STREAMSPEC_DRAIN_MS": "x"})
