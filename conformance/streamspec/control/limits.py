"""The limits of the contract and where they come from: the environment. Nothing here enforces them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# The ledger keeps 10,000 streams, so more could not be open at once.
RANGES = {
    "max_streams": (1, 10_000),
    "send_timeout_ms": (1, 86_400_000),
    "max_age_ms": (1, 86_400_000),
    "drain_ms": (0, 86_400_000),
}


class LimitError(Exception):
    """A limit in the environment that is none: mend the environment."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server allows; shown at `GET /`."""

    max_streams: int = 1_000
    send_timeout_ms: int = 30_000
    max_age_ms: int = 3_600_000
    drain_ms: int = 3_000
    cors_origins: tuple[str, ...] = ("http://localhost:3000",)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Limits:
        """Reads `STREAMSPEC_MAX_STREAMS` and its like; raises LimitError where one is out of range."""

        def number(name: str, default: int) -> int:
            variable, (low, high) = f"STREAMSPEC_{name.upper()}", RANGES[name]
            text = environment.get(variable, str(default))
            if not re.fullmatch("[0-9]{1,12}", text) or not low <= int(text) <= high:
                raise LimitError(f"{variable}={text!r}: set it to an integer from {low} to {high}")
            return int(text)

        default = cls()
        origins = environment.get("STREAMSPEC_CORS_ORIGINS", ",".join(default.cors_origins))
        listed = tuple(origin.strip() for origin in origins.split(",") if origin.strip())
        return cls(
            max_streams=number("max_streams", default.max_streams),
            send_timeout_ms=number("send_timeout_ms", default.send_timeout_ms),
            max_age_ms=number("max_age_ms", default.max_age_ms),
            drain_ms=number("drain_ms", default.drain_ms),
            cors_origins=listed,
        )
