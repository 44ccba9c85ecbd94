"""The words and numbers of what is required of a client: areas, claims, budgets. No client, no socket."""

from __future__ import annotations

from enum import StrEnum


class Claim(StrEnum):
    """What a client says of itself in its adapter's TOML; what it does not claim is not judged."""

    TYPES = "types"
    """It tells each event's type."""
    IDS = "ids"
    """It tells the last event ID that goes with each event."""
    STATUS = "status"
    """It tells an error status from a stream by itself."""
    MEDIA_TYPE = "media-type"
    """It refuses what is no event stream by itself."""
    REDIRECTS = "redirects"
    """It follows redirects as it is driven."""
    REQUEST = "request"
    """It makes the request's header section itself."""
    METHODS = "methods"
    """It sends other methods than GET, with content."""
    RECONNECTS = "reconnects"
    """It comes back by itself when a stream ends or breaks."""
    RETRY_AFTER = "retry-after"
    """It comes back after 503 when Retry-After says so."""


AREAS = {
    "decoding": "Event stream syntax",
    "delivery": "Events come with the byte that ends them",
    "ids": "The last event ID",
    "request": "What is asked for",
    "answer": "Answers that are no stream",
    "ending": "Ends and breaks are told apart",
    "return": "Coming back",
    "leaving": "Leaving",
}
"""The areas in reading order: a requirement's area is its id up to the first hyphen."""

PROMPT_S = 5.0
"""How long a client may take for what a sound one does in milliseconds. It bounds failing runs only; what this deadline
decides is played again, alone, before it counts."""

BACK_S = 8.0
"""How long a client may take to come back: `retry: 100` was played before, 3 s is the browsers' reconnection time."""

LONG_LINE_BYTES = 1_000_000
LONGER_LINE_BYTES = 4_000_000
LONGER_LINE_BUDGET_S = 4.0
"""Linear decoders take 0.1 to 0.3 s on two busy cores; two that copy what they have at each piece take more than 10."""

EARLY_S = 0.005
"""What a wait may fall short of the time asked for: timers of event loops fire up to a clock tick early."""
