"""Every mutant of the control client fails exactly the requirements it names, and the control client fails none.

As for servers (`test_mutants`). Long lines take as much time as all the rest: they are played at their own mutants
only.
"""

from __future__ import annotations

import asyncio

import pytest

from streamspec.clients.control import ControlClient, ControlOnce
from streamspec.clients.in_process import InProcess
from streamspec.clients.requirement import ClientMutant, all_client_requirements
from streamspec.clients.runner import ClientCheck
from streamspec.clients.server import PlayingServer
from streamspec.report.results import Finding, Verdict

SLOW_FACTOR = 0.3
"""Waits of 1.5 s for what sound clients do in milliseconds: mutants that answer too late fail that much sooner."""

AT_ONCE = 4
HEAVY = {"delivery-long-line", "delivery-linear"}

MUTANTS = [mutant for made in all_client_requirements() for mutant in made.mutants]


async def played_at(kind: type[ControlClient], *, heavy: bool) -> list[Finding]:
    """Findings on the control client, or on a mutant of it."""
    async with PlayingServer() as server:
        client = InProcess(kind, server.began_s)
        try:
            requirements = [made for made in all_client_requirements() if heavy or made.id not in HEAVY]
            return await ClientCheck(client, kind.claims, server, SLOW_FACTOR).run(requirements)
        finally:
            await client.close()


async def played_at_all() -> dict[str, list[Finding]]:
    """Findings on every mutant by its path. Side by side, because most of the time is waiting."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(mutant: ClientMutant) -> tuple[str, list[Finding]]:
        async with free:
            return mutant.path, await played_at(mutant.client, heavy=bool(HEAVY & mutant.kills))

    return dict(await asyncio.gather(*map(one, MUTANTS)))


@pytest.fixture(scope="module")
def found() -> dict[str, list[Finding]]:
    return asyncio.run(played_at_all())


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.path)
def test_a_mutant_fails_what_it_names_and_nothing_else(mutant: ClientMutant, found: dict[str, list[Finding]]) -> None:
    killed = {row.id: row.message for row in found[mutant.path] if row.verdict in {Verdict.FAIL, Verdict.WARN}}
    unclear = {row.id: row.message for row in found[mutant.path] if row.verdict is Verdict.INCONCLUSIVE}
    assert killed.keys() == mutant.kills, "\n".join(
        [f"does not break {name}" for name in mutant.kills - killed.keys()]
        + [f"breaks {name}, too: {message}" for name, message in killed.items() if name not in mutant.kills]
    )
    assert unclear == {}


@pytest.mark.parametrize("kind", [ControlClient, ControlOnce])
def test_the_control_client_holds_all_that_it_claims(kind: type[ControlClient]) -> None:
    rows = asyncio.run(played_at(kind, heavy=True))
    wrong = {row.id: row.message for row in rows if row.verdict not in {Verdict.PASS, Verdict.NOT_APPLICABLE}}
    assert wrong == {}
    unclaimed = {made.id for made in all_client_requirements() if made.needs - kind.claims}
    assert {row.id for row in rows if row.verdict is Verdict.NOT_APPLICABLE} == unclaimed


def test_every_requirement_of_a_client_can_fail() -> None:
    proven = {name for mutant in MUTANTS for name in mutant.kills}
    assert {made.id for made in all_client_requirements()} == proven
    assert {
        mutant.path for mutant in MUTANTS if mutant.breaks not in {made.id for made in all_client_requirements()}
    } == set()
