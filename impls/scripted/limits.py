"""What the environment allows: the limits shown at `GET /` and kept by the ledger and the delivery."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

# The ledger remembers this many streams; open ones must fit into it.
LEDGER_SIZE = 10_000


class LimitError(ValueError):
    """A limit in the environment that cannot be kept; the message names the variable and the allowed range."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one server process; durations in milliseconds."""

    max_streams: int = 1_000
    send_timeout_ms: int = 30_000
    max_age_ms: int = 3_600_000
    drain_ms: int = 3_000
    cors_origins: tuple[str, ...] = ("http://localhost:3000",)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Limits":
        """The defaults, overridden by STREAMSPEC_* variables; raises LimitError."""
        return cls(
            max_streams=_number(environment, "STREAMSPEC_MAX_STREAMS", cls().max_streams, 1, LEDGER_SIZE),
            send_timeout_ms=_number(environment, "STREAMSPEC_SEND_TIMEOUT_MS", cls().send_timeout_ms, 1, 3_600_000),
            max_age_ms=_number(environment, "STREAMSPEC_MAX_AGE_MS", cls().max_age_ms, 1, 604_800_000),
            drain_ms=_number(environment, "STREAMSPEC_DRAIN_MS", cls().drain_ms, 0, 3_600_000),
            cors_origins=_origins(environment, cls().cors_origins),
        )

    def shown(self) -> dict[str, int]:
        """The members of `limits` at `GET /`."""
        return {
            "max_streams": self.max_streams,
            "send_timeout_ms": self.send_timeout_ms,
            "max_age_ms": self.max_age_ms,
            "drain_ms": self.drain_ms,
        }


def _number(environment: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environment.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and low <= int(text) <= high):
        raise LimitError(f"{name} must be an integer from {low} to {high}, not {text!r}")
    return int(text)


def _origins(environment: Mapping[str, str], default: tuple[str, ...]) -> tuple[str, ...]:
    text = environment.get("STREAMSPEC_CORS_ORIGINS")
    if text is None:
        return default
    origins = tuple(origin.strip() for origin in text.split(",") if origin.strip())
    if "*" in origins:
        raise LimitError("STREAMSPEC_CORS_ORIGINS is a list of origins separated by commas; '*' is not one")
    return origins
