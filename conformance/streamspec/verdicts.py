"""Observations of one target → findings. Whether they are made now or come from a file is nothing to this module.

What noise can imitate (`Late`) counts when it shows in attempt after attempt, each of which the control server passes,
and in none of which the machine kept the server from running for as long as it was late.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Protocol

from streamspec.contract import PROMPT_S, Level
from streamspec.http1_only import HTTP1_ONLY
from streamspec.proxies.hop_by_hop import HOP_BY_HOP
from streamspec.report.curl import curl_line
from streamspec.report.results import Finding, Verdict
from streamspec.requirement import Late, NotObserved, Violation
from streamspec_client.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamspec.contract import JSON
    from streamspec.implementation import Deviation
    from streamspec.recording import Recording
    from streamspec.requirement import Exchange, Figures, Requirement
    from streamspec_client.trace import Conversation

ATTEMPTS = 3
"""A Late violation counts when it shows in so many attempts in which the control server was not late."""

MAX_ATTEMPTS = 6
"""Attempts in all, those in which the control server was late too included."""

STARVED_SHARE = 0.4
"""How much of the time in which a server did not run it must have waited for a processor, for that to excuse it.

A wait makes nothing later than by itself, so what is late by more than the server waited in all has another cause,
whatever the share. That does not do alone: many short waits add up, and beside 200 streams sound servers wait for 60
to 130 ms of 1.2 s on two processors of which others use a quarter to a third, when a stream that is slow on purpose is
late by 75. That is 5 to 11 % of the whole time, and they sleep for most of it: who sleeps has what it needs. With 16
busy loops beside and load averages of 22 to 42, those that starve wait for 41 % and more of the time in which they do
not run: less than all, for the probe starves too.
"""

STARVED_S = PROMPT_S / 2
"""How long it must have waited at least where something never came, so that nobody knows by how much it was late.

What a sound server does in milliseconds was waited for so much longer that little less can be the reason. The share is
one of the whole time there, because one that spins for ever does not sleep: what little it waits is all the rest.
"""

HOW_TO_LAUNCH = "write an impl.toml with its command, and run `streamspec check path/to/impl.toml`"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a verdict depends on besides recordings: what a target declares, and what is known of it."""

    url: str
    managed: bool
    """Whether the suite launched it."""
    capabilities: frozenset[str]
    describe: Mapping[str, JSON]
    deviations: Sequence[Deviation]
    source: str
    """What lists its deviations."""
    expected: Sequence[str] = ()
    """Requirements that are expected to fail, though nothing excuses it."""
    is_behind_proxy: bool = False
    """Whether something stands between the server and the probe."""
    http2: bool = False
    """Whether it is asked over HTTP/2."""


class Observations(Protocol):
    """Recordings of a target and, where one is in doubt, of the control server."""

    @property
    def ended(self) -> str | None:
        """Why the target is gone, in one sentence; None while it answers."""

    def attempt(self, exchange: Exchange, number: int) -> Recording:
        """The attempt of that number, counted from 0."""

    def may_show_dying(self, recording: Recording) -> bool:
        """Whether the target may have been dying, of whatever cause, while this was recorded."""

    def control(self, exchange: Exchange, number: int) -> Recording:
        """The same with the control server, under the load of the target's own attempt where that is still there."""


class Judging:
    """The verdicts on one target."""

    def __init__(self, subject: Subject, observations: Observations) -> None:
        self._subject = subject
        self._observations = observations

    def finding(self, requirement: Requirement) -> Finding:
        """The finding on one requirement."""
        finding = Finding(requirement.id, requirement.level, Verdict.PASS, "", exchange=requirement.exchange.name)
        if reason := self.not_applicable(requirement):
            return replace(finding, verdict=Verdict.NOT_APPLICABLE, message=reason)
        return self._with_deviation(requirement, self._judged(requirement, finding))

    def not_applicable(self, requirement: Requirement) -> str | None:
        """Why the requirement does not apply to this target, if it does not."""
        exchange = requirement.exchange
        if self._subject.http2 and (reason := HTTP1_ONLY.get(requirement.id)):
            return f"asked over HTTP/2: {reason}"
        if self._subject.is_behind_proxy and (reason := HOP_BY_HOP.get(requirement.id)):
            return f"behind a proxy: {reason}"
        if not self._subject.managed:
            if exchange.process:
                return f"needs a process that the suite launches: {HOW_TO_LAUNCH}"
            if exchange.at_url is not None and (obstacle := exchange.at_url(self._subject.describe)):
                return f"{obstacle}: {HOW_TO_LAUNCH}"
        if missing := sorted(exchange.needs - self._subject.capabilities):
            return f"capability not declared: {', '.join(missing)}"
        return None

    def _judged(self, requirement: Requirement, finding: Finding) -> Finding:
        """The verdict; where it is Late, that of further attempts until enough count or there were too many.

        Where a failure is expected, noise that imitates it costs nothing: one attempt is enough.
        """
        counted = 0
        busy = ""
        for number in range(MAX_ATTEMPTS):
            recording = self._observations.attempt(requirement.exchange, number)
            finding = replace(finding, attempts=number + 1)
            if recording.trace is None:
                return replace(finding, verdict=Verdict.INCONCLUSIVE, message=recording.unobserved)
            finding = replace(finding, duration_s=round(recording.trace.duration_s, 6))
            try:
                return self._judged_once(requirement, recording.trace, finding)
            except Violation as violation:
                if self._observations.may_show_dying(recording):
                    return replace(finding, verdict=Verdict.INCONCLUSIVE, message=self._observations.ended or "")
                is_expected = self._is_expected(requirement, violation)
                if is_expected or not isinstance(violation, Late):
                    return self._violated(requirement, recording.trace, finding, violation)
                if trouble := starved(violation, recording.trace) or self._control_failure(requirement, number):
                    busy = f"{trouble}, so this machine cannot tell: {violation}"
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
        recording = self._observations.control(requirement.exchange, number)
        if recording.trace is None:
            return f"the control server could not be observed ({recording.unobserved})"
        try:
            requirement.judge(recording.trace)
        except Violation:
            return "the control server was late too"
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
            curl=curl_line(complained_of(requirement, trace), None if self._subject.managed else self._subject.url),
        )

    def _is_expected(self, requirement: Requirement, violation: Violation) -> bool:
        known = self._deviation(requirement, str(violation)) is not None
        return known or requirement.id in self._subject.expected

    def _deviation(self, requirement: Requirement, message: str | None = None) -> Deviation | None:
        """What is listed of it, if anything is; with the message of a violation only what explains that one."""
        listed = (row for row in self._subject.deviations if row.requirement == requirement.id)
        return next((row for row in listed if message is None or row.found in message), None)

    def _with_deviation(self, requirement: Requirement, finding: Finding) -> Finding:
        if finding.verdict in {Verdict.FAIL, Verdict.WARN}:
            deviation = self._deviation(requirement, finding.message)
            if deviation is not None:
                return replace(finding, verdict=Verdict.DEVIATION, reason=deviation.reason, link=deviation.link)
        # A proxy may mend what its server does wrong, and a newer proxy does what an older one could not.
        may_hold = self._subject.is_behind_proxy or self._deviation(requirement) is None
        if finding.verdict is Verdict.PASS and not may_hold:
            message = f"it holds, but {self._subject.source} lists it as a deviation: remove that entry"
            return replace(finding, verdict=Verdict.FAIL, message=message)
        return finding


class _Watched(Trace):
    """A trace that knows which conversation was looked at last."""

    __slots__ = ("looked_at",)
    looked_at: Conversation | None

    def conversation(self, name: str) -> Conversation:
        """The conversation of that name, which is remembered."""
        found = Trace.conversation(self, name)
        object.__setattr__(self, "looked_at", found)
        return found


def complained_of(requirement: Requirement, trace: Trace) -> Conversation | None:
    """The conversation that a violation is about: the one that its judge looked at last, else the first."""
    watched = _Watched(*(getattr(trace, field.name) for field in fields(trace)))
    object.__setattr__(watched, "looked_at", trace.conversations[0] if trace.conversations else None)
    with suppress(Exception):  # whatever ends its looking (a recording may be of another version), it has looked
        requirement.judge(watched)
    return watched.looked_at


def starved(late: Late, trace: Trace) -> str:
    """How the machine kept the server from being in time, in words; empty where that does not explain it."""
    lasted_s, starved_s = trace.duration_s, trace.starved_s
    if late.by_s:
        least_s = max(late.by_s, STARVED_SHARE * (lasted_s - trace.ran_s))
    else:
        least_s = max(STARVED_S, STARVED_SHARE * lasted_s)
    if starved_s <= least_s:
        return ""
    return f"its process waited {starved_s * 1000:.0f} ms of {lasted_s * 1000:.0f} ms for a processor"


def _rounded(figures: Figures | None) -> dict[str, float]:
    return {name: round(value, 3) for name, value in (figures or {}).items()}
