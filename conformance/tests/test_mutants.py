"""Every mutant fails exactly the requirements it names, and the server it is made of fails none.

INCONCLUSIVE is no kill, and is not let pass either: a requirement that could not be observed on a mutant has not shown
that it would hold there, so the kill set would be a guess.

Flow, load and shutdown fill the server or launch it anew, which takes three times as long as all the rest. By default
they are run on their own mutants only; with STREAMSPEC_EVERY_KILL=1 they are run on every mutant. The area http2 is run
on no mutant of another area: what is wrong with that is wrong over HTTP/2 as well.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from streamspec.implementation import control_implementation
from streamspec.report.results import Verdict
from streamspec.requirement import Mutant, Requirement, all_requirements
from streamspec.runner import Check
from streamspec.target import running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamspec.report.results import TargetResults

SLOW_FACTOR = 0.2
"""Waits of 1 s for what sound servers do in milliseconds: mutants that answer too late fail that much sooner."""

HEAVY_AREAS = {"flow", "load", "shutdown"}
EVERY_KILL = os.environ.get("STREAMSPEC_EVERY_KILL") == "1"

MUTANTS = [mutant for made in all_requirements() for mutant in made.mutants]


def run(mutant: str | None, requirements: Sequence[Requirement]) -> TargetResults:
    """These requirements on the control server, or on a mutant of it."""
    with running(control_implementation(mutant)) as target, Check(target, SLOW_FACTOR) as check:
        return check.run(requirements, mutant or "control")


def told_apart_by(mutant: Mutant) -> Sequence[Requirement]:
    """The requirements to run on a mutant: all, or all but those of the heavy areas that it has nothing to do with."""
    areas = {name.partition("-")[0] for name in mutant.kills}
    left_out = set() if EVERY_KILL or areas & HEAVY_AREAS else set(HEAVY_AREAS)
    if "http2" not in areas:
        left_out.add("http2")
    return [made for made in all_requirements() if made.area not in left_out]


def found(results: TargetResults, *verdicts: Verdict) -> dict[str, str]:
    """The ids with one of the verdicts, and what was said of them."""
    return {finding.id: finding.message for finding in results.verdicts if finding.verdict in verdicts}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.path)
def test_mutant(mutant: Mutant, record_property: Callable[[str, object], None]) -> None:
    results = run(mutant.path, told_apart_by(mutant))
    killed = found(results, Verdict.FAIL, Verdict.WARN)
    record_property("kills", " ".join(killed))
    unclear = found(results, Verdict.INCONCLUSIVE)
    assert killed.keys() == mutant.kills, "\n".join(
        [f"does not break {name}" for name in mutant.kills - killed.keys()]
        + [f"breaks {name}, too: {message}" for name, message in killed.items() if name not in mutant.kills]
    )
    assert unclear == {}


def test_control_server() -> None:
    results = run(None, all_requirements())
    assert found(results, *(set(Verdict) - {Verdict.PASS})) == {}
