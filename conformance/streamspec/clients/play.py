"""What happened while a stream was played at a client: requests, what the adapter told, marks. Frozen values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NEVER_S = float("inf")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived; fields as bytes, in order."""

    at_s: float
    method: str
    target: str
    fields: tuple[tuple[bytes, bytes], ...]
    content: bytes

    def values(self, name: str) -> list[bytes]:
        """The values of that field."""
        return [value for known, value in self.fields if known.lower() == name.lower().encode()]


@dataclass(frozen=True, slots=True)
class Event:
    """An event as the adapter told it. What the client does not tell is None."""

    at_s: float
    type: str | None
    data: str
    id: str | None


class End(StrEnum):
    """How the client's reading ended, by its adapter."""

    COMPLETE = "complete"
    """The client says that all is well: its loop ended, and nothing was raised."""
    FAILED = "failed"
    """The client raised or reported an error, and does not go on."""
    LEFT = "left"
    """The adapter left, as it was told to."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of reading; nothing comes after it."""

    at_s: float
    how: End
    error: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that the server did or waited for."""

    at_s: float
    name: str
    held: bool = True
    """Whether what was waited for came in time."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One stream as the client read it, over as many connections as it took."""

    requests: tuple[Request, ...]
    events: tuple[Event, ...]
    errors: tuple[str, ...]
    """What it reported and went on after."""
    ended: Ended | None
    """None where it had not ended when the record was closed."""
    marks: tuple[Mark, ...]

    def mark(self, name: str) -> Mark | None:
        """The first mark of that name."""
        return next((mark for mark in self.marks if mark.name == name), None)


@dataclass(frozen=True, slots=True)
class Play:
    """One exchange with a client: one reading, or several of the same side by side."""

    readings: tuple[Reading, ...]
    duration_s: float

    @property
    def reading(self) -> Reading:
        """The first, which is the only one of most."""
        return self.readings[0]
