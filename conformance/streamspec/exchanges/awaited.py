"""Limits that an exchange waits for: short where the suite launches the server, else as the server says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamspec.contract import JSON
    from streamspec.target import Target

LONGEST_MS = 10_000
"""What is awaited of a server that the suite did not launch."""


def late_ms(limit_ms: int) -> int:
    """What a limit may take: servers look for it now and then, some as often as a tenth of it."""
    return limit_ms * 5 // 4 + 500


@dataclass(frozen=True, slots=True)
class AwaitedLimit:
    """One of the limits at `GET /`, in milliseconds."""

    name: str
    launched_with_ms: int

    @property
    def launch(self) -> Mapping[str, str]:
        """The environment that sets it."""
        return {f"STREAMSPEC_{self.name.upper()}": str(self.launched_with_ms)}

    def declared_ms(self, describe: Mapping[str, JSON]) -> int | None:
        """What `GET /` says of it; None where that says nothing."""
        limits = describe.get("limits")
        value = limits.get(self.name) if isinstance(limits, dict) else None
        return value if isinstance(value, int) else None

    def in_force_ms(self, target: Target) -> int:
        """What it is on this target, launched with it or not."""
        declared_ms = self.declared_ms(target.describe) if target.process is None else None
        return declared_ms or self.launched_with_ms

    def too_long_to_await(self, describe: Mapping[str, JSON]) -> str | None:
        """Why it is not awaited of a server that runs already; None where it is."""
        value = self.declared_ms(describe)
        if value is not None and value <= LONGEST_MS:
            return None
        shown = "tells none" if value is None else f"says {value}"
        setting = " ".join(f"{variable}={value}" for variable, value in self.launch.items())
        return f"awaits a {self.name} of {LONGEST_MS} at most, and GET / {shown}: start the server with {setting}"
