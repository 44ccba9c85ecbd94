"""Requirements × one client → findings: exchanges are played side by side, those that want to be alone after them.

What noise can imitate (`Late`) counts when it shows in attempt after attempt, played alone, each of which the control
client passes.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from streamspec.clients.control import ControlClient
from streamspec.clients.in_process import InProcess
from streamspec.clients.play import Play
from streamspec.clients.playing import Playing
from streamspec.contract import Level
from streamspec.report.results import Finding, Verdict
from streamspec.requirement import Late, NotObserved, Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec.clients.contract import Claim
    from streamspec.clients.play import Reading
    from streamspec.clients.playing import Client
    from streamspec.clients.requirement import ClientExchange, ClientRequirement, Script
    from streamspec.clients.server import PlayingServer

ATTEMPTS = 3
"""A Late violation counts when it shows in so many attempts in which the control client was not late."""

MAX_ATTEMPTS = 6

SCRIPT_WITHIN_S = 60.0
"""A whole script, whose steps are bounded but for writing to a client that does not read."""

_numbers = count(1)


class ClientCheck:
    """The playing and judging of one client."""

    def __init__(
        self, client: Client, claims: frozenset[Claim], server: PlayingServer, slow_factor: float = 1.0
    ) -> None:
        self._client = client
        self._claims = claims
        self._server = server
        self._slow_factor = slow_factor
        self._plays: dict[str, Play] = {}

    async def run(self, requirements: Sequence[ClientRequirement]) -> list[Finding]:
        """Findings on all of them, in their order."""
        wanted = {made.exchange.name: made.exchange for made in requirements if not self._unclaimed(made)}
        beside = [exchange for exchange in wanted.values() if not exchange.alone]
        plays = await asyncio.gather(*(self._play(exchange, self._client) for exchange in beside))
        self._plays = {exchange.name: play for exchange, play in zip(beside, plays, strict=True)}
        return [await self._finding(made) for made in requirements]

    def _unclaimed(self, made: ClientRequirement) -> list[Claim]:
        return sorted(made.needs - self._claims)

    async def _play(self, exchange: ClientExchange, client: Client) -> Play:
        began_s = time.monotonic()
        readings = await asyncio.gather(*(self._read(exchange, script, client) for script in exchange.scripts))
        return Play(tuple(readings), time.monotonic() - began_s)

    async def _read(self, exchange: ClientExchange, script: Script, client: Client) -> Reading:
        playing = Playing(self._server, f"{next(_numbers)}-{exchange.name}", self._slow_factor)
        client.read(exchange.order.at(playing.url), playing.hear)
        try:
            async with asyncio.timeout(SCRIPT_WITHIN_S):
                await script(playing)
        except TimeoutError:
            playing.mark("whole script", held=False)
        return playing.over()

    async def _finding(self, made: ClientRequirement) -> Finding:
        finding = Finding(made.id, made.level, Verdict.PASS, "", exchange=made.exchange.name)
        if missing := self._unclaimed(made):
            message = f"not claimed: {', '.join(missing)}"
            return replace(finding, verdict=Verdict.NOT_APPLICABLE, message=message)
        counted, busy = 0, ""
        for number in range(1, MAX_ATTEMPTS + 1):
            first = self._plays.get(made.exchange.name) if number == 1 else None
            play = first or await self._play(made.exchange, self._client)
            finding = replace(finding, attempts=number, duration_s=round(play.duration_s, 6))
            try:
                return self._judged(made, play, finding)
            except Violation as violation:
                if not isinstance(violation, Late):
                    return _violated(made, finding, violation)
                if failure := await self._control_failure(made):
                    busy = f"{failure}, so this machine cannot tell: {violation}"
                    continue
                counted += 1
                if counted == ATTEMPTS:
                    return _violated(made, finding, violation)
        return replace(finding, verdict=Verdict.INCONCLUSIVE, message=busy)

    def _judged(self, made: ClientRequirement, play: Play, finding: Finding) -> Finding:
        """The verdict on one play. Raises Violation."""
        try:
            figures = made.judge(play) or {}
            return replace(finding, measured={name: round(value, 3) for name, value in figures.items()})
        except Violation:
            raise
        except NotObserved as error:
            message = str(error)
        except Exception as error:  # noqa: BLE001 - a crash of ours is never a verdict on a client
            message = f"streamspec itself failed while judging ({type(error).__name__}: {error}); please report it"
        return replace(finding, verdict=Verdict.INCONCLUSIVE, message=message)

    async def _control_failure(self, made: ClientRequirement) -> str:
        """How the control client fails the requirement, played alone, under the load of now; else empty."""
        control = InProcess(ControlClient, self._server.began_s)
        try:
            made.judge(await self._play(made.exchange, control))
        except (Violation, NotObserved):
            return "the control client was late too"
        finally:
            await control.close()
        return ""


def _violated(made: ClientRequirement, finding: Finding, violation: Violation) -> Finding:
    return replace(
        finding,
        verdict=Verdict.FAIL if made.level is Level.MUST else Verdict.WARN,
        message=str(violation),
        expected=violation.expected,
        actual=violation.actual,
        at_s=violation.at_s,
        offset=violation.offset,
    )
