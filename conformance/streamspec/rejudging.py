"""Results → the verdicts again, from the recordings that they keep: no network, no server, no clock.

The judging is that of a run (`verdicts.Judging`); only what it asks for recordings is another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from streamspec.mistake import Mistake
from streamspec.recording import Recording
from streamspec.report.kept import BrokenRecording, restore
from streamspec.verdicts import Judging, Subject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamspec.contract import JSON
    from streamspec.report.kept import KeptRecording
    from streamspec.report.results import Finding, Results, TargetResults
    from streamspec.requirement import Exchange, Requirement


class NothingKept(Mistake):
    """Results without recordings: there is nothing to judge."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A requirement of which the file says another thing than its recordings do now."""

    target: str
    before: Finding
    now: Finding


def judged_again(results: Results, known: Mapping[str, Requirement], source: str) -> Results:
    """The same results with the verdicts of today's judges. Raises NothingKept and BrokenRecording.

    A requirement that is no longer known is left out; one that the run did not look at does not come in.
    """
    if not any(target.verdicts or target.error for target in results.targets):
        raise NothingKept(f"{source}: holds no verdicts, so there is nothing to judge again")
    targets = []
    for target in results.targets:
        if target.verdicts and not target.recordings:
            raise NothingKept(
                f"{source}: keeps no recordings of {target.name}, so there is nothing to judge; "
                "`streamspec check` and `streamspec compare` write files that do"
            )
        judging = Judging(_subject(target), KeptObservations(target, source))
        verdicts = [judging.finding(known[found.id]) for found in target.verdicts if found.id in known]
        targets.append(replace(target, verdicts=verdicts))
    return replace(results, targets=targets)


def differences(before: Results, now: Results) -> Sequence[Difference]:
    """Where the two do not say the same, apart from requirements that are no longer known."""
    return [
        Difference(old.name, was, found[was.id])
        for old, new in zip(before.targets, now.targets, strict=True)
        for found in [{made.id: made for made in new.verdicts}]
        for was in old.verdicts
        if was.id in found and found[was.id] != was
    ]


class KeptObservations:
    """What was recorded of one target and, where one was asked, of the control server."""

    def __init__(self, target: TargetResults, source: str) -> None:
        self._target = target
        self._source = source
        self._recordings: dict[tuple[str, str, int], Recording] = {}
        self._dying: set[int] = set()

    @property
    def ended(self) -> str | None:
        """Why the target was gone, in one sentence; None where it answered to the end."""
        return self._target.error

    def attempt(self, exchange: Exchange, number: int) -> Recording:
        """The attempt of that number. Of a target that hung, the last stands for all that would follow."""
        kept = self._target.recordings.get(exchange.name)
        attempts = kept.attempts if kept else []
        if attempts and self.ended is not None:
            number = min(number, len(attempts) - 1)
        return self._restored("target", exchange.name, attempts, number)

    def may_show_dying(self, recording: Recording) -> bool:
        """Whether the target may have been dying while this was recorded."""
        return id(recording) in self._dying

    def control(self, exchange: Exchange, number: int) -> Recording:
        """The control server's attempt of that number."""
        kept = self._target.recordings.get(exchange.name)
        return self._restored("control server", exchange.name, kept.control if kept else [], number)

    def _restored(self, of: str, exchange: str, attempts: Sequence[KeptRecording], number: int) -> Recording:
        key = (of, exchange, number)
        if key not in self._recordings:
            if number >= len(attempts):
                return Recording(None, f"the file holds no attempt {number + 1} at {exchange} with the {of}")
            kept = attempts[number]
            try:
                trace = None if kept.trace is None else restore(kept.trace)
            except BrokenRecording as error:
                raise BrokenRecording(f"{self._source}: {self._target.name}, {exchange}: {error}") from error
            made = self._recordings[key] = Recording(trace, kept.unobserved)
            if kept.dying:
                self._dying.add(id(made))
        return self._recordings[key]


def _subject(target: TargetResults) -> Subject:
    return Subject(
        url=target.url,
        managed=target.managed,
        capabilities=frozenset(target.capabilities),
        describe=cast("Mapping[str, JSON]", target.describe),
        deviations=target.deviations,
        source=target.source,
        expected=target.expected,
        is_behind_proxy=target.direct is not None,
        http2=target.http2,
    )
