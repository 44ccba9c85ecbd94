"""Every mutant fails exactly the requirements it names, and the server it is made of fails none.

The whole contract is run on each. INCONCLUSIVE is no kill, and is not let pass either: a requirement that could not be
observed on a mutant has not shown that it would hold there, so the kill set would be a guess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamspec.report.results import Verdict
from streamspec.requirement import Mutant, all_requirements
from streamspec.runner import Check
from streamspec.target import control_implementation, running

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamspec.report.results import TargetResults

SLOW_FACTOR = 0.2
"""Waits of 1 s for what sound servers do in milliseconds: mutants that answer too late fail that much sooner."""

MUTANTS = [mutant for made in all_requirements() for mutant in made.mutants]


def run(mutant: str | None) -> TargetResults:
    """All requirements on the control server, or on a mutant of it."""
    with running(control_implementation(mutant)) as target, Check(target, SLOW_FACTOR) as check:
        return check.run(all_requirements(), mutant or "control")


def found(results: TargetResults, *verdicts: Verdict) -> dict[str, str]:
    """The ids with one of the verdicts, and what was said of them."""
    return {finding.id: finding.message for finding in results.verdicts if finding.verdict in verdicts}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.path)
def test_mutant(mutant: Mutant, record_property: Callable[[str, object], None]) -> None:
    results = run(mutant.path)
    killed = found(results, Verdict.FAIL, Verdict.WARN)
    record_property("kills", " ".join(killed))
    unclear = found(results, Verdict.INCONCLUSIVE)
    assert killed.keys() == mutant.kills, "\n".join(
        [f"does not break {name}" for name in mutant.kills - killed.keys()]
        + [f"breaks {name}, too: {message}" for name, message in killed.items() if name not in mutant.kills]
    )
    assert unclear == {}


def test_control_server() -> None:
    results = run(None)
    assert found(results, *(set(Verdict) - {Verdict.PASS})) == {}
