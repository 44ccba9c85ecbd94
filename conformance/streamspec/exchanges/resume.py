"""Stimuli for resumption: the event demo asked for after each of its ids, after what is none, and cut for real."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from streamspec.contract import Capability
from streamspec.requirement import exchange
from streamspec_client.event_stream import EventStreamDecoder
from streamspec_client.probe import Leaving
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from streamspec.exchanges.recorder import Recorder
    from streamspec_client.probe import Connection
    from streamspec_client.trace import Response

COUNT = 4

WHOLE, EMPTY, FINISHED = "whole", "after-none", f"after-{COUNT}"
"""The streams asked for without a Last-Event-ID, with an empty one, and with the last of the ids."""

UNKNOWN = {"next": str(COUNT + 1), "zero": "0", "huge": "18446744073709551617"}
"""Numbers that are no id of the stream; the huge one is 1 to a server that counts in 64 bits."""

GARBAGE = {
    "word": "abc",
    "negative": "-1",
    "sign": "+1",
    "leading-zero": "01",
    "fraction": "1.0",
    "exponent": "1e0",
    "hexadecimal": "0x1",
    "underscore": "0_1",
    "list": "1, 2",
    "trailing": "1 2",
    "json": '{"n": 1}',
}
"""What is no number by the contract, though many a parser takes it for one."""

NOT_ASCII = {"superscript": "\xb2", "arabic-indic": "\u0662".encode().decode("latin-1")}
"""Digits to Unicode and to many a language. An HTTP server may turn such bytes away by itself, without a problem."""

CUT_INTERVAL_MS = 20
"""Time to leave a stream when an event has come and the next has not."""


@exchange(Capability.RESUME)
def resumed_events(recorder: Recorder) -> None:
    """The event demo as a whole, after each id and after what is none, side by side; then left event by event."""
    asked: dict[str, str | None] = {WHOLE: None, EMPTY: ""}
    asked.update({f"after-{number}": str(number) for number in range(1, COUNT + 1)})
    for kind in (UNKNOWN, GARBAGE, NOT_ASCII):
        asked.update(kind)
    streams = [_ask(recorder, name, last_event_id, interval_ms=0) for name, last_event_id in asked.items()]
    within_s = recorder.prompt_s
    for stream in streams:
        if not stream.wait_complete(1, within_s) and not stream.closed:
            within_s = 0.0
    _cut_and_reconnect(recorder)


def _ask(recorder: Recorder, name: str, last_event_id: str | None, *, interval_ms: int) -> Connection:
    fields = [] if last_event_id is None else [("Last-Event-ID", last_event_id)]
    return recorder.get(f"/sse?count={COUNT}&interval_ms={interval_ms}", fields, name=name)


def _cut_and_reconnect(recorder: Recorder) -> None:
    """Leave at each event, and come back with the last event ID of all that was read, as an EventSource does."""
    last_event_id = ""
    for number in range(1, COUNT + 2):
        stream = _ask(recorder, f"cut-{number}", last_event_id or None, interval_ms=CUT_INTERVAL_MS)
        came = stream.wait_for(partial(_has_new_id, last_event_id=last_event_id), recorder.prompt_s)
        recorder.leave(stream, Leaving.RST if number % 2 else Leaving.FIN)
        response = stream.response
        if not came or response is None or not response.body:
            return
        last_event_id = _last_event_id(response, last_event_id)


def _has_new_id(response: Response, last_event_id: str) -> bool:
    return response.ending is not Ending.OPEN or _last_event_id(response, last_event_id) != last_event_id


def _last_event_id(response: Response, before: str) -> str:
    decoder = EventStreamDecoder(before)
    decoder.feed(response.body)
    return decoder.last_event_id
