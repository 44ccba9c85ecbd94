"""What is judged of a visit: requirements of the contract where one conversation shows them, and lint's own checks.

A check is a pure function of a Visit. Nothing here opens a socket or looks at a clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.lint.checks.check import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec.lint.checks.check import Check


def all_checks() -> Sequence[Check]:
    """Every check in reading order: the contract's, then lint's own."""
    from streamspec.lint.checks import body, coding, contract, course, delivery  # noqa: PLC0415 - they import this

    own = [module.__name__ for module in (body, delivery, coding, course)]
    ordered = sorted(REGISTRY.values(), key=lambda made: own.index(made.judge.__module__))
    return [*contract.checks(), *ordered]
