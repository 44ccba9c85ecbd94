"""The one value that decoding an event stream gives."""

from __future__ import annotations

from typing import NamedTuple


class Event(NamedTuple):
    """One dispatched event: the three values that a browser's MessageEvent would carry."""

    type: str
    data: str
    last_event_id: str
