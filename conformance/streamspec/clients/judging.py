"""What judges of clients share. Values in, values or a Violation out.

Where one requirement is about types and IDs, events are known by their data: that an event is missing, or is one too
many, is another requirement's matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.clients.exchanges import SENTINEL
from streamspec.requirement import Late, NotObserved, Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec.clients.play import Event, Play, Reading, Request

SHOWN = 8
"""Events that a violation quotes."""


def asked(reading: Reading) -> Request:
    """The first request. Late where none came."""
    if not reading.requests:
        raise Late(expected="a request", actual=f"none{_how_ended(reading)}")
    return reading.requests[0]


def asked_again(reading: Reading, number: int = 2) -> Request:
    """The request of that number. Late where it did not come, Violation where the client has ended instead."""
    asked(reading)
    if len(reading.requests) >= number:
        return reading.requests[number - 1]
    expected = "a new connection" if number == 2 else f"connection number {number}"
    if reading.ended is not None:
        raise Violation(expected=expected, actual=f"none{_how_ended(reading)}", at_s=None)
    raise Late(expected=expected, actual=f"none within the time that was waited{_how_ended(reading)}")


def told(reading: Reading) -> Sequence[Event]:
    """The events up to the sentinel."""
    for number, event in enumerate(reading.events):
        if event.data == SENTINEL:
            return reading.events[:number]
    return reading.events


def expect_data(play: Play, *expected: str) -> None:
    """Raise Violation unless the events have that data, in that order."""
    asked(play.reading)
    expect_told(play.reading, [event.data for event in told(play.reading)], list(expected), "the data")


def expect_types(play: Play, **types: str) -> None:
    """Raise Violation unless the events of that data have those types: `expect_types(play, a="message")`."""
    _expect_each(play, {event.data: _type(event) for event in told(play.reading)}, types, "type")


def expect_ids(play: Play, **ids: str) -> None:
    """Raise Violation unless the events of that data carry those last event IDs: `expect_ids(play, a="1")`."""
    _expect_each(play, {event.data: event.id or "" for event in told(play.reading)}, ids, "last event ID")


def _type(event: Event) -> str:
    return "message" if event.type is None else event.type


def _expect_each(play: Play, found: dict[str, str], expected: dict[str, str], what: str) -> None:
    asked(play.reading)
    for data in expected:
        if data not in found:
            expect_told(play.reading, [], [data], "an event of data")
    wrong = {data: found[data] for data in expected if found[data] != expected[data]}
    if wrong:
        data, instead = next(iter(wrong.items()))
        raise Violation(
            expected=f"{what} {expected[data]!r} of the event of data {data!r}", actual=f"{_short(instead)}"
        )


def expect_in_order(play: Play, marks: Sequence[str], what: str) -> None:
    """Raise Late unless each of the marks held: what was waited for came before the server went on."""
    asked(play.reading)
    for name in marks:
        mark = play.reading.mark(name)
        if mark is None:
            raise NotObserved(f"the exchange did not come to {name!r}")
        if not mark.held:
            raise Late(
                expected=what,
                actual=f"not before the next byte of the server ({name}){_how_ended(play.reading)}",
            )


def expect_told(reading: Reading, found: list[str], expected: list[str], what: str) -> None:
    """Raise Violation unless that was found; Late where the client may not have told all."""
    if found == expected:
        return
    kind = Violation if reading.ended or any(event.data == SENTINEL for event in reading.events) else Late
    raise kind(
        expected=f"{what} {_quoted(expected)}",
        actual=f"{_quoted(found)}{_how_ended(reading)}",
    )


def _quoted(texts: Sequence[str]) -> str:
    shown = ", ".join(_short(text) for text in texts[:SHOWN]) or "none"
    return shown if len(texts) <= SHOWN else f"{shown} … ({len(texts)} in all)"


def _short(text: str) -> str:
    return repr(text) if len(text) <= 60 else f"{text[:60]!r}… ({len(text)} characters)"


def _how_ended(reading: Reading) -> str:
    if reading.ended is None:
        return f", and the client reported {_short(reading.errors[-1])}" if reading.errors else ""
    why = f": {reading.ended.error}" if reading.ended.error else ""
    return f", and the reading ended {reading.ended.how}{why}"
