"""What a client of event streams does next: the state between connections, which ends in an outcome.

Sans-IO: no socket, no clock, no sleep. A shell sends the request, reports what happened, and does what it is told.
The rules are a policy's (`reconnection_policy`). RFC 9110 9.2.2 (idempotent methods) and 10.2.3 (Retry-After).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from enum import StrEnum
from random import random as uniform
from typing import TYPE_CHECKING, TypeAlias

from streamspec_client.event_stream import DEFAULT_MAX_EVENT_BYTES, Event, EventStreamDecoder
from streamspec_client.reconnection_policy import LONGEST_WAIT_S, MEDIA_TYPE, BrowserPolicy, Policy, RobustPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "BrowserPolicy",
    "ConnectionEnd",
    "Decision",
    "Outcome",
    "Policy",
    "Reconnect",
    "Reconnection",
    "RobustPolicy",
    "Stop",
]

# RFC 9110 9.2.2: "a client SHOULD NOT automatically retry a request with a non-idempotent method".
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})

# Servers take header sections of 8 KiB at least by common default (nginx, Apache); a longer field is a sure 431.
MAX_ID_FIELD_BYTES = 4096

_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


class ConnectionEnd(StrEnum):
    """How a connection came to its end."""

    NOT_CONNECTED = "not connected"
    """No connection was made, so that the request cannot have reached anyone."""
    BROKEN = "broken"
    """An error or a time-out after the request was begun, or a body cut short."""
    IDLE = "idle"
    """No byte came for the idle time-out."""
    CLEAN = "ended"
    """The body ended as HTTP says that bodies end."""


class Outcome(StrEnum):
    """What a stream came to."""

    COMPLETE = "complete"
    """The terminal event was received, or the server said 204: there is no more."""
    INCOMPLETE = "incomplete"
    """It ended without a terminal event, and is not asked for again."""
    REFUSED = "refused"
    """The server's answer is no event stream, and is final."""


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Wait, then send the request again with `Reconnection.request_fields`."""

    after_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Connect no more. `status` is the answer's that was final, if one was."""

    outcome: Outcome
    reason: str
    status: int | None = None


Decision: TypeAlias = Reconnect | Stop


class Reconnection:
    """One event stream over as many connections as it takes.

    A shell goes round: send `request_fields`; `responded`, and if that decides nothing, `received` for each piece of
    the body until `is_complete`; then `ended`, unless it leaves by its own wish. A decision is done, not argued with.

    `is_terminal` says which event is the stream's last: with it the outcome is COMPLETE, without it a stream that ends
    is asked for again, or is INCOMPLETE. A method that is not idempotent is sent again only with a last event ID, or if
    `repeat` says that it does no harm.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        method: str = "GET",
        repeat: bool = False,
        last_event_id: str = "",
        is_terminal: Callable[[Event], bool] | None = None,
        max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
        chance: Callable[[], float] = uniform,
    ) -> None:
        self.policy: Policy = policy or RobustPolicy()
        self.method = method.upper()
        if self.policy.methods is not None and self.method not in self.policy.methods:
            allowed = ", ".join(sorted(self.policy.methods))
            raise ValueError(f"{type(self.policy).__name__} sends {allowed} only, not {self.method}: use RobustPolicy")
        if _UNSENDABLE.search(last_event_id):
            raise ValueError(f"last_event_id {last_event_id!r} holds a character that no header field can carry")
        self.reconnection_time_s = self.policy.reconnection_time_s
        self.is_complete = False
        self._repeat = repeat
        self._is_terminal = is_terminal
        self._max_event_bytes = max_event_bytes
        self._chance = chance
        self._fruitless = 0
        self._had_event = False
        self._decoder = EventStreamDecoder(last_event_id, max_event_bytes=max_event_bytes)

    @property
    def last_event_id(self) -> str:
        """The ID of the last blank line received, over all connections."""
        return self._decoder.last_event_id

    @property
    def last_event_id_field(self) -> str | None:
        """The value of Last-Event-ID, to be encoded as UTF-8; None where there is no ID that a field can carry."""
        value = self.last_event_id.strip(" \t")
        if not value or _UNSENDABLE.search(value) or len(value.encode()) > MAX_ID_FIELD_BYTES:
            return None
        return value

    def request_fields(self) -> list[tuple[str, str]]:
        """The fields that make the next request one for an event stream from where the last one stopped."""
        fields = [("Accept", MEDIA_TYPE), ("Cache-Control", "no-cache")]
        last_event_id = self.last_event_id_field
        return fields if last_event_id is None else [*fields, ("Last-Event-ID", last_event_id)]

    def responded(self, status: int, fields: Iterable[tuple[str, str]]) -> Decision | None:
        """Take in the head of the answer; None says: read its body with `received`."""
        first: dict[str, str] = {}
        for name, value in fields:
            first.setdefault(name.lower(), value.strip())
        if status == 204:
            return Stop(Outcome.COMPLETE, "204: the server has no more", status)
        content_type = first.get("content-type", "")
        if status == 200:
            if not self.policy.is_event_stream(content_type):
                return Stop(Outcome.REFUSED, f"200, but of type {content_type or 'none'}, not {MEDIA_TYPE}", status)
            self._decoder = EventStreamDecoder(self.last_event_id, max_event_bytes=self._max_event_bytes)
            return None
        retry_after_s = _retry_after_s(first.get("retry-after", ""), first.get("date", ""))
        if not self.policy.is_retried(status, retry_after_s):
            return Stop(Outcome.REFUSED, f"status {status}", status)
        return self._again(Stop(Outcome.REFUSED, f"status {status}", status), retry_after_s)

    def received(self, data: bytes) -> list[Event]:
        """Return the events that `data` completes, none after the terminal one.

        Raises `EventTooLarge` as `EventStreamDecoder.feed` does.
        """
        if self.is_complete:
            return []
        events = self._decoder.feed(data)
        if self._decoder.retry_ms is not None:
            self.reconnection_time_s = self.policy.clamped_s(self._decoder.retry_ms)
        self._had_event = self._had_event or bool(events)
        if self._is_terminal is not None:
            for position, event in enumerate(events, start=1):
                if self._is_terminal(event):
                    self.is_complete = True
                    return events[:position]
        return events

    def ended(self, how: ConnectionEnd) -> Decision:
        """Take in the end of a connection, or that there was none.

        Raises `EventTooLarge` where the last piece held more than the events that it gave.
        """
        if self.is_complete:
            return Stop(Outcome.COMPLETE, "the terminal event was received")
        self._decoder.close()
        return self._again(Stop(Outcome.INCOMPLETE, how.value), None, was_sent=how is not ConnectionEnd.NOT_CONNECTED)

    def _again(self, otherwise: Stop, retry_after_s: float | None, *, was_sent: bool = True) -> Decision:
        self._fruitless = 0 if self._had_event else self._fruitless + 1
        self._had_event = False
        may_repeat = self._repeat or self.method in IDEMPOTENT_METHODS or self.last_event_id_field is not None
        if was_sent and not may_repeat:
            return replace(otherwise, reason=f"{otherwise.reason}; {self.method} is sent again only with an event ID")
        if self.policy.max_fruitless is not None and self._fruitless >= self.policy.max_fruitless:
            return replace(otherwise, reason=f"{otherwise.reason}; connections without an event: {self._fruitless}")
        delay_s = self.policy.delay_s(self.reconnection_time_s, self._fruitless, retry_after_s, self._chance())
        return Reconnect(delay_s, otherwise.reason)


def _retry_after_s(retry_after: str, date: str) -> float | None:
    """Read Retry-After = HTTP-date / delay-seconds; a date counts from the answer's own Date, so clocks may differ."""
    if retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after), LONGEST_WAIT_S)
    try:
        wait = parsedate_to_datetime(retry_after) - parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait.total_seconds(), 0.0), LONGEST_WAIT_S)
