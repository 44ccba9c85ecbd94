"""The words and numbers of the contract: levels, capabilities, spec anchors, budgets. No server, no socket."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

VERSION = "1"
"""The contract's version, as `GET /` answers it."""

TEXT = Path(__file__).with_name("CONTRACT.md")
"""The contract itself, which is installed with the suite; in a checkout a link to it."""

DEMO_COUNT = 20
DEMO_INTERVAL_MS = 300
"""`GET /stream` without parameters: 20 chunks, 0.3 s apart."""

KEEPALIVE_COMMENT = "keep-alive"
TERMINAL_EVENT = "done"

# Budgets. Each is far from what sound servers need and far from what the defect it is there for costs.

DISCONNECT_BUDGET_MS = 500.0
"""From leaving to `cleaned`. Sound servers take 0.3 ms in the median and 1.2 ms at p99 of 6,534 disconnects; those that
notice at the next write, or leave it to the garbage collector, take seconds."""

LATENESS_BUDGET_MS = 25.0
"""Median of arrival less production. Loopback with sound servers: below 1 ms; a delayed ACK costs 40 ms, a flush timer
100 ms and more. The median, because scheduling noise on a busy machine hits single items."""

PACE_BUDGET = 1.5
"""How many times its schedule a stream in a crowd may take: drift and noise on two busy cores add a third at most; a
pool of 40 threads plays 200 streams in five times the time."""

DRIFT_BUDGET_MS = 40.0
"""How far the schedule of 400 items may be behind at its end. Deadline pacing: below 3 ms; sleep pacing loses 0.2 to
0.6 ms an item, so 80 ms and more."""

FIRST_BYTE_BUDGET_MS = 25.0
"""Median time from request to first byte of a stream that has its first item at once. Loopback with sound servers: 1 to
5 ms; one without TCP_NODELAY takes 40 ms on a connection in use. A server fails it only where the control server meets
it in the same minute."""

FLOW_BUDGET_BYTES = 16 * 1_048_576
"""Production ahead of a reader that reads nothing: kernels hide 3.4 to 4.1 MB on loopback."""

STATUS_BUDGET_MS = 250.0
"""From asking for `/streams` to its answer, whatever the streams are doing. Sound servers: 1 to 6 ms beside 200 of
them, 25 to 70 beside a producer that never waits; one that such a producer starves takes 600 and more."""

SHUTDOWN_BUDGET_MS = 2_000.0
"""What a shutdown may take beyond drain_ms: clean-ups, and a second's grace that some servers give open connections."""

RETRY_BUDGET_MS = 50.0
"""From `retry` to the end of a stream that is cut. Chromium forgets what has come and is not yet read when a message
breaks off: with no time between the two 3 to 10 of 100 EventSources came back after their own 3 s, on a busy machine 5
of 200 after 25 ms, and none of 200 after 50."""

PROMPT_S = 5.0
"""How long the probe waits for what a sound server does in milliseconds. It bounds failing runs only; what a deadline
decides is recorded again, alone, before it counts."""


class Level(StrEnum):
    """Requirement levels (RFC 2119)."""

    MUST = "MUST"
    SHOULD = "SHOULD"


class Capability(StrEnum):
    """What an implementation declares at `GET /` and in its impl.toml."""

    GATE = "gate"
    STATUS = "status"
    SCRIPT = "script"
    RESUME = "resume"
    KEEPALIVE = "keepalive"
    LIMITS = "limits"
    CORS = "cors"
    SHUTDOWN = "shutdown"
    HTTP2 = "http2"


AREAS = {
    "head": "The header section",
    "chunks": "Delivery of text",
    "framing": "Event stream syntax",
    "keepalive": "Keep-alive comments",
    "resume": "Resumption by Last-Event-ID",
    "disconnect": "The producer stops when the client leaves",
    "flow": "A reader that stalls stops its producer",
    "failure": "Failures are visible",
    "input": "Bad input is refused",
    "cors": "Cross-origin reading",
    "load": "Many streams at once",
    "shutdown": "Shutting down with open streams",
    "http2": "Streams of an HTTP/2 connection",
}
"""The areas in reading order: a requirement's area is its id up to the first hyphen."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a requirement comes from."""

    title: str
    url: str


def rfc(number: int, section: str) -> Anchor:
    """A section of an RFC: `rfc(9112, "7.1")`."""
    return Anchor(f"RFC {number}, section {section}", f"https://www.rfc-editor.org/rfc/rfc{number}#section-{section}")


def html(fragment: str) -> Anchor:
    """A part of the event stream chapter of the HTML standard, by its fragment."""
    return Anchor(f"HTML, {fragment}", f"https://html.spec.whatwg.org/multipage/server-sent-events.html#{fragment}")


def fetch(fragment: str) -> Anchor:
    """A part of the Fetch standard, by its fragment."""
    return Anchor(f"Fetch, {fragment}", f"https://fetch.spec.whatwg.org/#{fragment}")


def mime_sniffing(fragment: str) -> Anchor:
    """A part of the MIME Sniffing standard, by its fragment."""
    return Anchor(f"MIME Sniffing, {fragment}", f"https://mimesniff.spec.whatwg.org/#{fragment}")


def contract(section: str) -> Anchor:
    """A section of this contract, by its heading in CONTRACT.md: for what no outside standard decides."""
    words = re.sub(r"[^\w -]", "", section.lower())
    return Anchor(f"Contract, {section}", f"CONTRACT.md#{words.replace(' ', '-')}")
