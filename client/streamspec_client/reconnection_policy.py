"""The rules by which a client of event streams goes on: what a browser does, and what an unwatched client should do.

Pure functions of what happened; the state is `reconnection`'s. WHATWG HTML 9.2.3 (processing model).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

MEDIA_TYPE = "text/event-stream"

# A server that says one of these is the same request away from an answer; any other status says no.
RETRIED_STATUSES = frozenset({429, 502, 503, 504})

# What setTimeout takes at most, 24.8 days: a browser waits no longer, and no sleep overflows.
LONGEST_WAIT_S = (2**31 - 1) / 1000


class Policy(Protocol):
    """The rules by which `Reconnection` decides."""

    @property
    def reconnection_time_s(self) -> float:
        """The reconnection time before the server sends a `retry`."""

    @property
    def idle_timeout_s(self) -> float | None:
        """How long a shell waits for the next byte; any byte, a comment too, starts it anew. None: for ever."""

    @property
    def max_fruitless(self) -> int | None:
        """After how many connections in a row without an event to give up. None: never."""

    @property
    def methods(self) -> frozenset[str] | None:
        """The methods that it can be used with. None: any."""

    def is_event_stream(self, content_type: str) -> bool:
        """Whether a 200 answer of this Content-Type is read."""

    def is_retried(self, status: int, retry_after_s: float | None) -> bool:
        """Whether an answer of another status is asked for again."""

    def clamped_s(self, retry_ms: int) -> float:
        """The reconnection time that a `retry` of the stream sets."""

    def delay_s(self, reconnection_time_s: float, fruitless: int, retry_after_s: float | None, chance: float) -> float:
        """How long to wait after `fruitless` connections in a row without an event; `chance` is in [0, 1)."""


@dataclass(frozen=True, slots=True)
class BrowserPolicy:
    """Exactly what EventSource does: back after the reconnection time, for ever, until any status but 200."""

    # Chromium's and WebKit's. The standard: "probably in the region of a few seconds".
    reconnection_time_s: float = 3.0
    idle_timeout_s: float | None = None
    max_fruitless: int | None = None
    methods: frozenset[str] | None = frozenset({"GET"})

    def is_event_stream(self, content_type: str) -> bool:
        """The type is text/event-stream and its charset, if it has one, is utf-8."""
        charsets = [value for name, value in _parameters(content_type) if name == "charset"]
        return _essence(content_type) == MEDIA_TYPE and charsets[:1] in ([], ["utf-8"])

    def is_retried(self, status: int, retry_after_s: float | None) -> bool:  # noqa: ARG002 - the protocol's parameters
        """No other status is: "if res's status is not 200 [...] then fail the connection"."""
        return False

    def clamped_s(self, retry_ms: int) -> float:
        """What the server says; 0 is at once."""
        return min(retry_ms / 1000, LONGEST_WAIT_S)

    def delay_s(
        self,
        reconnection_time_s: float,
        fruitless: int,  # noqa: ARG002 - the protocol's parameters
        retry_after_s: float | None,  # noqa: ARG002 - the protocol's parameters
        chance: float,  # noqa: ARG002 - the protocol's parameters
    ) -> float:
        """The reconnection time, each time."""
        return reconnection_time_s


@dataclass(frozen=True, slots=True)
class RobustPolicy:
    """What a client should do that nobody watches: back off with jitter, notice silence, give up in the end."""

    reconnection_time_s: float = 1.0
    # Three of the comments that the standard recommends "every 15 seconds or so" did not come.
    idle_timeout_s: float | None = 45.0
    max_fruitless: int | None = 10
    methods: frozenset[str] | None = None
    min_delay_s: float = 0.1
    max_delay_s: float = 60.0
    max_retry_after_s: float = 300.0

    def is_event_stream(self, content_type: str) -> bool:
        """The type is text/event-stream; its charset does not matter, as event streams are always UTF-8."""
        return _essence(content_type) == MEDIA_TYPE

    def is_retried(self, status: int, retry_after_s: float | None) -> bool:
        """429, 502, 503 and 504 are, and any other error that says with Retry-After that it may be."""
        return status in RETRIED_STATUSES or (status >= 400 and retry_after_s is not None)

    def clamped_s(self, retry_ms: int) -> float:
        """What the server says, within min_delay_s and max_delay_s: it starts no storm, and stops no client."""
        return min(max(retry_ms / 1000, self.min_delay_s), self.max_delay_s)

    def delay_s(self, reconnection_time_s: float, fruitless: int, retry_after_s: float | None, chance: float) -> float:
        """Never before the reconnection time and Retry-After; up to a time that doubles until max_delay_s.

        The first wait already is spread over once to twice the reconnection time: a server that restarts has all of
        its clients back at once otherwise.
        """
        doubled_s = reconnection_time_s * 2.0 ** min(max(fruitless, 1), 32)
        longest_s = max(reconnection_time_s, min(doubled_s, self.max_delay_s))
        delay_s = reconnection_time_s + (longest_s - reconnection_time_s) * chance
        return max(delay_s, min(retry_after_s or 0.0, self.max_retry_after_s))


def _essence(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _parameters(content_type: str) -> list[tuple[str, str]]:
    pairs = (parameter.partition("=") for parameter in content_type.split(";")[1:])
    return [(name.strip().lower(), value.strip().strip('"').lower()) for name, _, value in pairs]
