"""The lines between the suite and an adapter: one JSON object a line, orders one way, what is seen the other.

Order (standard input):  {"stream": 3, "url": "http://…", "method": "GET", "leave_after": 1}
Seen (standard output):  {"stream": 3, "event": {"type": "message", "data": "…", "id": "…"}}
                         {"stream": 3, "error": "…"}                  reported, and it goes on
                         {"stream": 3, "end": "complete"}             or "failed" (with "error"), or "left"
First of all:            {"client": "NAME", "version": "…", "runtime": "Python 3.11.7"}
                         or {"missing": "…"} where what it drives is not installed
"""

from __future__ import annotations

import time
from typing import Annotated, TypeAlias

import msgspec

from streamspec.clients.play import End, Ended, Event

Told: TypeAlias = "Event | Ended | str"
"""What an adapter tells of a stream: an event, its end, or an error after which it goes on."""


class AdapterError(Exception):
    """An adapter does not keep to the lines, or does not run: mend the adapter."""


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """Read this stream."""

    url: str
    method: str = "GET"
    content: str = ""
    leave_after: int = 0
    """Leave by the client's own means after so many events; 0: never."""
    stream: int = 0

    def at(self, url: str) -> Order:
        """The same for that URL."""
        return msgspec.structs.replace(self, url=url)

    def numbered(self, stream: int) -> Order:
        """The same as that stream."""
        return msgspec.structs.replace(self, stream=stream)


class _Event(msgspec.Struct, forbid_unknown_fields=True):
    data: str
    type: str | None = None
    id: str | None = None


class _Seen(msgspec.Struct, forbid_unknown_fields=True):
    stream: int
    event: _Event | None = None
    error: str | None = None
    end: End | None = None


class Hello(msgspec.Struct, forbid_unknown_fields=True):
    """The first line: what is driven here."""

    client: Annotated[str, msgspec.Meta(min_length=1)] = ""
    version: str = ""
    runtime: str = ""
    missing: str = ""


def order_line(order: Order) -> bytes:
    """The order as a line."""
    return msgspec.json.encode(order) + b"\n"


def read_hello(line: bytes) -> Hello:
    """The first line. Raises AdapterError."""
    try:
        hello = msgspec.json.decode(line, type=Hello)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AdapterError(f"its first line {_shown(line)} does not say what it drives: {error}") from error
    if not hello.client and not hello.missing:
        raise AdapterError(f"its first line {_shown(line)} names no client")
    return hello


def read_told(line: bytes, since_s: float) -> tuple[int, Told]:
    """A line about a stream: its number, and what is told of it. Raises AdapterError."""
    try:
        seen = msgspec.json.decode(line, type=_Seen)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AdapterError(f"it printed {_shown(line)}, which is no line of an adapter: {error}") from error
    at_s = time.monotonic() - since_s
    if seen.event is not None:
        return seen.stream, Event(at_s, seen.event.type, seen.event.data, seen.event.id)
    if seen.end is not None:
        return seen.stream, Ended(at_s, seen.end, seen.error or "")
    if seen.error is not None:
        return seen.stream, seen.error
    raise AdapterError(f"it printed {_shown(line)}, which tells neither an event nor an error nor an end")


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", "replace").strip()
    return repr(text if len(text) <= 80 else f"{text[:80]}…")
