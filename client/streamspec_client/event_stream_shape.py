"""Many events at once, where their bytes prove that all of them have the same fields, one line each.

Nothing here knows a stream: whole events in, events or None out. None means not proven, never wrong.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING

from streamspec_client.event import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_FIELDS = {b"event:": "event", b"id:": "id", b"data:": "data"}


def events_of_same_shape(blocks: bytes, last_event_id: str) -> list[Event] | None:
    """Return the events of `blocks`, lines that end with LF and at last a blank one, if all are shaped as the first."""
    fields = _fields_of_first(blocks)
    if fields is None:
        return None
    text = blocks.decode("utf-8", "replace")
    if fields == ("data",) and text.startswith("data: "):
        values = text[6:-2].split("\n\ndata: ")
        # Between the values stood what they were split at. If they hold no line end, there was no other line.
        if "\n" in "".join(values):
            return None
        return events_of(repeat("message"), values, repeat(last_event_id))
    rows = _event_pattern(fields).findall(text)
    # A match begins a line and ends with a blank one. If no line end is outside of the matches, no line is.
    if len(rows) * (len(fields) + 1) != text.count("\n") or ("id" in fields and "\0" in text):
        return None
    columns = dict(zip(fields, [rows] if len(fields) == 1 else zip(*rows, strict=True), strict=True))
    types: Iterable[str] = columns.get("event", repeat("message"))
    if "" in columns.get("event", ()):
        types = (value or "message" for value in types)
    return events_of(types, columns["data"], columns.get("id", repeat(last_event_id)))


def _fields_of_first(blocks: bytes) -> tuple[str, ...] | None:
    fields: list[str] = []
    for line in blocks.split(b"\n", len(_FIELDS) + 1)[: len(_FIELDS) + 1]:
        if not line:
            return tuple(fields) if "data" in fields else None
        field = _FIELDS.get(bytes(line[: line.find(b":") + 1]))
        if field is None or field in fields:
            return None
        fields.append(field)
    return None


def events_of(types: Iterable[str], data: Iterable[str], last_event_ids: Iterable[str]) -> list[Event]:
    """Return as many events as the shortest of the three columns has values."""
    return list(map(new_event, repeat(Event), zip(types, data, last_event_ids, strict=False)))


# Event(...) runs a Python function for each event: 153 ns on CPython 3.11, where this takes 89 (79 under map).
new_event: Callable[[type[Event], tuple[str, str, str]], Event] = tuple.__new__


@lru_cache
def _event_pattern(fields: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("(?m)^" + "".join(rf"{field}: ?(.*)\n" for field in fields) + r"\n")
