"""Requirements × one running target → findings, with the recordings that they rest on."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from streamspec.implementation import TargetError, control_implementation
from streamspec.process import ProcessError
from streamspec.recording import Recording, Recordings, any_time
from streamspec.report.kept import KeptExchange, KeptRecording, keep
from streamspec.report.results import Finding, TargetResults
from streamspec.target import running
from streamspec.verdicts import Judging, Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType
    from typing import Self

    from streamspec.implementation import Implementation
    from streamspec.recording import Turn
    from streamspec.requirement import Exchange, Requirement
    from streamspec.target import Target
    from streamspec_client.trace import Trace


NOT_ASKED_FOR = Recording(None, "the control server was not asked in that attempt")


class Check:
    """The recording and judging of one target; a context manager, because it may launch a control server."""

    def __init__(
        self,
        target: Target,
        slow_factor: float = 1.0,
        *,
        control: Callable[[], Implementation | str] = control_implementation,
        turn: Turn = any_time,
    ) -> None:
        self.target = target
        self._recordings = Recordings(target, slow_factor, turn)
        self._slow_factor = slow_factor
        self._turn = turn
        self._launch_control = control
        self._control_recordings: Recordings | None = None
        self._of_control: dict[str, dict[int, Recording]] = {}
        """By exchange and number; those that no requirement asked for were not recorded."""
        self._stack = ExitStack()
        self._subject = _subject(target)
        self._judging = Judging(self._subject, self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, tb)

    @property
    def traces(self) -> dict[str, Trace]:
        """Recorded exchanges by name, the latest attempt of each."""
        return self._recordings.traces()

    @property
    def ended(self) -> str | None:
        """Why the target is gone, in one sentence; None while it answers."""
        return self._recordings.ended

    def run(
        self, requirements: Sequence[Requirement], spec: str, progress: Callable[[str], None] | None = None
    ) -> TargetResults:
        """Findings on all of them, in their order. `spec` is what named the target; `progress` hears of each step."""
        began_s = time.monotonic()
        self.record(requirements, progress)
        verdicts = []
        for number, requirement in enumerate(requirements, 1):
            if progress:
                progress(f"{number} of {len(requirements)} judged: {requirement.id}")
            verdicts.append(self.finding(requirement))
        return replace(self.results(verdicts, spec, time.monotonic() - began_s), recordings=self.kept())

    def results(self, verdicts: list[Finding], spec: str, duration_s: float) -> TargetResults:
        """Findings on this target, with what it says of itself, without the recordings."""
        return TargetResults(
            name=self.target.name,
            spec=spec,
            url=self.target.url,
            describe=dict(self.target.describe),
            duration_s=round(duration_s, 3),
            verdicts=verdicts,
            managed=self._subject.managed,
            server=self.target.implementation.server if self.target.implementation else None,
            error=self.ended,
            capabilities=sorted(self._subject.capabilities),
            deviations=list(self._subject.deviations),
            source=self._subject.source,
            expected=list(self._subject.expected),
            http2=self.target.http2,
        )

    def kept(self) -> dict[str, KeptExchange]:
        """What was recorded, by exchange: the verdicts can be given again from it."""
        return {
            name: KeptExchange(
                [self._kept(made) for made in attempts],
                [self._kept(made, of_control=True) for made in self._attempts_of_control(name)],
            )
            for name, attempts in self._recordings.attempts().items()
        }

    def _attempts_of_control(self, exchange: str) -> Iterable[Recording]:
        made = self._of_control.get(exchange, {})
        return [made.get(number, NOT_ASKED_FOR) for number in range(max(made, default=-1) + 1)]

    def _kept(self, recording: Recording, *, of_control: bool = False) -> KeptRecording:
        dying = not of_control and self._recordings.showed_dying(recording)
        return KeptRecording(keep(recording.trace) if recording.trace else None, recording.unobserved, dying)

    def record(self, requirements: Iterable[Requirement], progress: Callable[[str], None] | None = None) -> None:
        """Record every exchange they need and that applies, where that was not done."""
        wanted = [made.exchange for made in requirements if self._judging.not_applicable(made) is None]
        self._recordings.record(wanted, progress)

    def finding(self, requirement: Requirement) -> Finding:
        """The finding on one requirement; records its exchange if that was not done."""
        return self._judging.finding(requirement)

    def attempt(self, exchange: Exchange, number: int) -> Recording:
        """The attempt of that number, counted from 0; recorded now where there was none yet."""
        return self._recordings.attempt(exchange, number)

    def may_show_dying(self, recording: Recording) -> bool:
        """Whether the target may have been dying, of whatever cause, while this was recorded."""
        return self._recordings.may_show_dying(recording)

    def control(self, exchange: Exchange, number: int) -> Recording:
        """The same with the control server, which is launched where none is; recorded now where there was none yet."""
        made = self._of_control.setdefault(exchange.name, {})
        is_asked = (self.target.origin or self.target).http2
        if number not in made:
            try:
                if self._control_recordings is None:
                    target = self._stack.enter_context(running(self._launch_control(), http2=is_asked))
                    self._control_recordings = Recordings(target, self._slow_factor, self._turn)
                made[number] = self._control_recordings.attempt(exchange, len(made))
            except (TargetError, ProcessError) as error:
                made[number] = Recording(None, f"it did not start: {error}")
        return made[number]


def _subject(target: Target) -> Subject:
    source = target.implementation.source if target.implementation else None
    return Subject(
        url=target.url,
        managed=target.process is not None,
        capabilities=target.capabilities,
        describe=target.describe,
        deviations=target.deviations,
        source=_shortest(source) if source else target.name,
        expected=target.expected,
        is_behind_proxy=target.is_behind_proxy,
        http2=target.http2,
    )


def _shortest(path: Path) -> str:
    path, here = path.absolute(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def check_deviations(implementation: Implementation, known: Iterable[str]) -> None:
    """Raise TargetError for a deviation that names no requirement."""
    ids = set(known)
    for deviation in implementation.deviations:
        if deviation.requirement not in ids:
            raise TargetError(
                f"{implementation.source}: the deviation {deviation.requirement!r} names no requirement; "
                "`streamspec list` shows every id"
            )
