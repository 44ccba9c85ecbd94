"""Requirements × one target → findings.

What noise can imitate (`Late`) counts when it shows in attempt after attempt, each of which the control server passes.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from streamspec.contract import Level
from streamspec.process import ProcessError
from streamspec.recording import Recordings, any_time
from streamspec.report.curl import curl_line
from streamspec.report.results import Finding, TargetResults, Verdict
from streamspec.requirement import Late, NotObserved, Violation
from streamspec.target import TargetError, control_implementation, running
from streamspec_client.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType
    from typing import Self

    from streamspec.recording import Turn
    from streamspec.requirement import Figures, Requirement
    from streamspec.target import Deviation, Implementation, Target
    from streamspec_client.trace import Conversation

ATTEMPTS = 3
"""A Late violation counts when it shows in so many attempts in which the control server was not late."""

MAX_ATTEMPTS = 6
"""Attempts in all, those in which the control server was late too included."""

HOW_TO_LAUNCH = "write an impl.toml with its command, and run `streamspec check path/to/impl.toml`"


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
        self._control = control
        self._control_recordings: Recordings | None = None
        self._stack = ExitStack()

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
        return self.results(verdicts, spec, time.monotonic() - began_s)

    def results(self, verdicts: list[Finding], spec: str, duration_s: float) -> TargetResults:
        """Findings on this target, with what it says of itself."""
        return TargetResults(
            name=self.target.name,
            spec=spec,
            url=self.target.url,
            describe=dict(self.target.describe),
            duration_s=round(duration_s, 3),
            verdicts=verdicts,
            managed=self.target.process is not None,
            server=self.target.implementation.server if self.target.implementation else None,
            error=self.ended,
        )

    def record(self, requirements: Iterable[Requirement], progress: Callable[[str], None] | None = None) -> None:
        """Record every exchange they need and that applies: side by side, then those that want to be alone."""
        wanted = [made.exchange for made in requirements if self._not_applicable(made) is None]
        self._recordings.record(wanted, progress)

    def finding(self, requirement: Requirement) -> Finding:
        """The finding on one requirement; records its exchange if that was not done."""
        finding = Finding(requirement.id, requirement.level, Verdict.PASS, "", exchange=requirement.exchange.name)
        if reason := self._not_applicable(requirement):
            return replace(finding, verdict=Verdict.NOT_APPLICABLE, message=reason)
        return self._with_deviation(requirement, self._judged(requirement, finding))

    def _not_applicable(self, requirement: Requirement) -> str | None:
        exchange = requirement.exchange
        if self.target.process is None:
            if exchange.process:
                return f"needs a process that the suite launches: {HOW_TO_LAUNCH}"
            if exchange.at_url is not None and (obstacle := exchange.at_url(self.target.describe)):
                return f"{obstacle}: {HOW_TO_LAUNCH}"
        if missing := sorted(exchange.needs - self.target.capabilities):
            return f"capability not declared: {', '.join(missing)}"
        return None

    def _judged(self, requirement: Requirement, finding: Finding) -> Finding:
        """The verdict; where it is Late, that of further attempts until enough count or there were too many.

        A deviation is expected to fail, so noise that imitates a failure costs it nothing: one attempt is enough.
        """
        is_expected = self._deviation(requirement) is not None
        counted = 0
        busy = ""
        for number in range(MAX_ATTEMPTS):
            recording = self._recordings.attempt(requirement.exchange, number)
            finding = replace(finding, attempts=number + 1)
            if recording.trace is None:
                return replace(finding, verdict=Verdict.INCONCLUSIVE, message=recording.unobserved)
            finding = replace(finding, duration_s=round(recording.trace.duration_s, 6))
            try:
                return self._judged_once(requirement, recording.trace, finding)
            except Violation as violation:
                if self._recordings.may_show_dying(recording):
                    return replace(finding, verdict=Verdict.INCONCLUSIVE, message=self.ended or "")
                if is_expected or not isinstance(violation, Late):
                    return self._violated(requirement, recording.trace, finding, violation)
                if control_failure := self._control_failure(requirement, number):
                    busy = f"{control_failure}, so this machine cannot tell: {violation}"
                    continue
                counted += 1
                if counted == ATTEMPTS:
                    return self._violated(requirement, recording.trace, finding, violation)
        return replace(finding, verdict=Verdict.INCONCLUSIVE, message=busy)

    def _judged_once(self, requirement: Requirement, trace: Trace, finding: Finding) -> Finding:
        """The verdict on one trace. Raises Violation."""
        try:
            return replace(finding, measured=_rounded(requirement.judge(trace)))
        except Violation:
            raise
        except NotObserved as error:
            message = str(error)
        except Exception as error:  # noqa: BLE001 - a crash of ours is never a verdict on a server
            message = (
                f"streamspec itself failed while judging ({type(error).__name__}: {error}); "
                "this is a bug of it, please report it"
            )
        return replace(finding, verdict=Verdict.INCONCLUSIVE, message=message)

    def _control_failure(self, requirement: Requirement, number: int) -> str:
        """How the control server fails the requirement in an attempt of its own, under the load of now; else empty."""
        try:
            if self._control_recordings is None:
                target = self._stack.enter_context(running(self._control()))
                self._control_recordings = Recordings(target, self._slow_factor, self._turn)
            recording = self._control_recordings.attempt(requirement.exchange, number)
            if recording.trace is None:
                return f"the control server could not be observed ({recording.unobserved})"
            requirement.judge(recording.trace)
        except Violation:
            return "the control server was late too"
        except (TargetError, ProcessError) as error:
            return f"the control server did not start ({error})"
        except Exception as error:  # noqa: BLE001 - whatever keeps the control server from passing, the target is not to blame
            return f"the control server could not be judged ({type(error).__name__}: {error})"
        return ""

    def _violated(self, requirement: Requirement, trace: Trace, finding: Finding, violation: Violation) -> Finding:
        return replace(
            finding,
            verdict=Verdict.FAIL if requirement.level is Level.MUST else Verdict.WARN,
            message=str(violation),
            expected=violation.expected,
            actual=violation.actual,
            at_s=violation.at_s,
            offset=violation.offset,
            curl=curl_line(_complained_of(requirement, trace), None if self.target.process else self.target.url),
        )

    def _deviation(self, requirement: Requirement) -> Deviation | None:
        return next((row for row in self.target.deviations if row.requirement == requirement.id), None)

    def _with_deviation(self, requirement: Requirement, finding: Finding) -> Finding:
        deviation = self._deviation(requirement)
        if deviation is None:
            return finding
        if finding.verdict in {Verdict.FAIL, Verdict.WARN}:
            return replace(finding, verdict=Verdict.DEVIATION, reason=deviation.reason, link=deviation.link)
        if finding.verdict is Verdict.PASS:
            source = self.target.implementation.source if self.target.implementation else self.target.name
            message = f"it holds, but {source} lists it as a deviation: remove that entry"
            return replace(finding, verdict=Verdict.FAIL, message=message)
        return finding


def check_deviations(implementation: Implementation, known: Iterable[str]) -> None:
    """Raise TargetError for a deviation that names no requirement."""
    ids = set(known)
    for deviation in implementation.deviations:
        if deviation.requirement not in ids:
            raise TargetError(
                f"{implementation.source}: the deviation {deviation.requirement!r} names no requirement; "
                "`streamspec list` shows every id"
            )


class _Watched(Trace):
    """A trace that knows which conversation was looked at last."""

    __slots__ = ("looked_at",)
    looked_at: Conversation | None

    def conversation(self, name: str) -> Conversation:
        """The conversation of that name, which is remembered."""
        found = Trace.conversation(self, name)
        object.__setattr__(self, "looked_at", found)
        return found


def _complained_of(requirement: Requirement, trace: Trace) -> Conversation | None:
    """The conversation that a violation is about: the one that its judge looked at last, else the first."""
    watched = _Watched(*(getattr(trace, field.name) for field in fields(trace)))
    object.__setattr__(watched, "looked_at", trace.conversations[0] if trace.conversations else None)
    with suppress(Violation, NotObserved):
        requirement.judge(watched)
    return watched.looked_at


def _rounded(figures: Figures | None) -> dict[str, float]:
    return {name: round(value, 3) for name, value in (figures or {}).items()}
