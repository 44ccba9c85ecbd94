"""Requirements × one client → findings: exchanges are played side by side, those that want to be alone after them.

What noise can imitate (`Late`) counts when it shows in attempt after attempt, played alone, each of which the control
client passes.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
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

ATTEMPTS = 2
"""A Late violation counts when it shows in so many attempts in which the control client was not late. Each waits for
seconds where a sound client takes milliseconds."""

MAX_ATTEMPTS = 5

SCRIPT_WITHIN_S = 60.0
"""A whole script, whose steps are bounded but for writing to a client that does not read."""

_numbers = count(1)


@dataclass(slots=True)
class _Judged:
    """What the attempts at one requirement came to so far."""

    finding: Finding
    late: int = 0
    """Attempts in which this client was late and the control client was not."""
    violation: Late | None = None
    """How it was late last; None where the verdict stands."""


class ClientCheck:
    """The playing and judging of one client. `turn` is had by who plays alone, among all that run side by side."""

    def __init__(
        self,
        client: Client,
        claims: frozenset[Claim],
        server: PlayingServer,
        slow_factor: float = 1.0,
        turn: asyncio.Lock | None = None,
    ) -> None:
        self._client = client
        self._claims = claims
        self._server = server
        self._slow_factor = slow_factor
        self._turn = turn or asyncio.Lock()

    async def run(self, requirements: Sequence[ClientRequirement]) -> list[Finding]:
        """Findings on all of them, in their order."""
        judged = {made.id: self._first(made) for made in requirements}
        open_ = [made for made in requirements if judged[made.id].finding.verdict is not Verdict.NOT_APPLICABLE]
        for number in range(1, MAX_ATTEMPTS + 1):
            plays = await self._play_all(open_, self._client)
            for made in open_:
                judged[made.id] = self._judge(made, plays[made.exchange.name], judged[made.id], number)
            open_ = [made for made in open_ if judged[made.id].violation is not None]
            if not open_:
                break
            await self._count(open_, judged)
            open_ = [made for made in open_ if judged[made.id].violation is not None]
        return [judged[made.id].finding for made in requirements]

    async def _play_all(self, requirements: Sequence[ClientRequirement], client: Client) -> dict[str, Play]:
        """Their exchanges by name: side by side, then those that want to be alone."""
        wanted = {made.exchange.name: made.exchange for made in requirements}
        beside = [exchange for exchange in wanted.values() if not exchange.alone]
        plays = await asyncio.gather(*(self._play(exchange, client) for exchange in beside))
        played = {exchange.name: play for exchange, play in zip(beside, plays, strict=True)}
        for exchange in wanted.values():
            if exchange.alone:
                async with self._turn:
                    played[exchange.name] = await self._play(exchange, client)
        return played

    async def _count(self, requirements: Sequence[ClientRequirement], judged: dict[str, _Judged]) -> None:
        """Let what was late count where the control client, under the load of now, is not late."""
        control = InProcess(ControlClient, self._server.began_s)
        try:
            plays = await self._play_all(requirements, control)
        finally:
            await control.close()
        for made in requirements:
            row = judged[made.id]
            assert row.violation is not None  # noqa: S101 - these are the late ones
            try:
                made.judge(plays[made.exchange.name])
            except (Violation, NotObserved):
                message = f"the control client was late too, so this machine cannot tell: {row.violation}"
                row.finding = replace(row.finding, verdict=Verdict.INCONCLUSIVE, message=message)
                continue
            row.late += 1
            row.finding = _violated(made, row.finding, row.violation)
            if row.late == ATTEMPTS:
                row.violation = None

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

    def _first(self, made: ClientRequirement) -> _Judged:
        finding = Finding(made.id, made.level, Verdict.PASS, "", exchange=made.exchange.name)
        if missing := sorted(made.needs - self._claims):
            message = f"not claimed: {', '.join(missing)}"
            return _Judged(replace(finding, verdict=Verdict.NOT_APPLICABLE, message=message))
        return _Judged(finding)

    def _judge(self, made: ClientRequirement, play: Play, before: _Judged, number: int) -> _Judged:
        finding = replace(before.finding, attempts=number, duration_s=round(play.duration_s, 6))
        try:
            return _Judged(self._verdict(made, play, finding))
        except Late as violation:
            return _Judged(finding, before.late, violation)
        except Violation as violation:
            return _Judged(_violated(made, finding, violation))

    def _verdict(self, made: ClientRequirement, play: Play, finding: Finding) -> Finding:
        """The verdict on one play that violates nothing. Raises Violation."""
        finding = replace(finding, verdict=Verdict.PASS, message="", expected=None, actual=None)
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
