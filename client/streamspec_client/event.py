"""What decoding an event stream gives: events, or the one error that ends it."""

from __future__ import annotations

from typing import NamedTuple


class Event(NamedTuple):
    """One dispatched event: the three values that a browser's MessageEvent would carry."""

    type: str
    data: str
    last_event_id: str


class EventTooLarge(Exception):
    """One event, or one line, is longer than the decoder may hold; the rest of the stream cannot be decoded."""

    def __init__(self, max_event_bytes: int) -> None:
        super().__init__(max_event_bytes)
        self.max_event_bytes = max_event_bytes

    def __str__(self) -> str:
        return (
            f"one event or line is longer than max_event_bytes ({self.max_event_bytes}): "
            "give the decoder a larger max_event_bytes, or close the connection"
        )
