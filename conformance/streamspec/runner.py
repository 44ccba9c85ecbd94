"""Requirements × one target → findings: records each exchange once, side by side, then judges.

What time-bound waiting decides (`Late`) is recorded again, alone and paired with the control server, before it counts.
"""

from __future__ import annotations

import queue
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from streamspec.contract import Level
from streamspec.exchanges.recorder import Recorder, TargetLost
from streamspec.process import ProcessError
from streamspec.report.results import Finding, TargetResults, Verdict
from streamspec.requirement import Exchange, Late, NotObserved, Requirement, Violation
from streamspec.target import Implementation, Target, TargetError, control_implementation, running
from streamspec_client.probe import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType
    from typing import Self

    from streamspec.requirement import Figures
    from streamspec_client.trace import Trace

SIDE_BY_SIDE = 8
"""Exchanges recorded at once. They mostly wait; with more, two busy cores make them late."""

ATTEMPTS = 3
"""A Late violation counts when it shows in each of so many attempts in which the control server was not late."""

MAX_ATTEMPTS = 6
"""Attempts in all, those in which the control server was late too included."""

WARM_UP = ("/stream?count=1&interval_ms=0", "/sse?count=1&interval_ms=0")
"""The first response of a route costs 17 to 75 ms; each is asked once before anything is timed."""


class TargetEnded(Exception):
    """The target is gone: nothing more can be observed."""


class Check:
    """The recording and judging of one target; a context manager, because it may launch a control server."""

    def __init__(self, target: Target, slow_factor: float = 1.0) -> None:
        self.target = target
        self.traces: dict[str, Trace] = {}
        """Recorded exchanges by name, the latest attempt of each."""
        self._unobserved: dict[str, str] = {}
        self._slow_factor = slow_factor
        self._stack = ExitStack()
        self._control: Target | None = None
        self._ended: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stack.close()

    @property
    def ended(self) -> str | None:
        """Why the target is gone, in one sentence; None while it answers."""
        return self._ended

    def run(self, requirements: Sequence[Requirement], progress: Callable[[Finding], None]) -> TargetResults:
        """Findings on all of them, in their order; `progress` is told of each as it is made."""
        began_s = time.monotonic()
        self.record(requirements)
        verdicts = []
        for requirement in requirements:
            finding = self.finding(requirement)
            verdicts.append(finding)
            progress(finding)
        return TargetResults(
            name=self.target.name,
            url=self.target.url,
            describe=dict(self.target.describe),
            duration_s=time.monotonic() - began_s,
            verdicts=verdicts,
            managed=self.target.process is not None,
            error=self._ended,
        )

    def record(self, requirements: Iterable[Requirement]) -> None:
        """Record every exchange they need and that applies: side by side, then those that want to be alone."""
        wanted = [made.exchange for made in requirements if self._not_applicable(made) is None]
        exchanges = list({exchange.name: exchange for exchange in wanted if not self._known(exchange)}.values())
        self._warm_up()
        together = [exchange for exchange in exchanges if not exchange.alone and exchange.launch is None]
        _side_by_side([partial(self._observe, exchange) for exchange in together])
        for exchange in exchanges:
            if exchange not in together:
                self._observe(exchange)

    def finding(self, requirement: Requirement) -> Finding:
        """The finding on one requirement; records its exchange if that was not done."""
        finding = Finding(requirement.id, requirement.level, Verdict.PASS, "", exchange=requirement.exchange.name)
        if reason := self._not_applicable(requirement):
            return replace(finding, verdict=Verdict.NOT_APPLICABLE, message=reason)
        if not self._known(requirement.exchange):
            self._observe(requirement.exchange)
        finding = self._judged(requirement, finding)
        return self._with_deviation(requirement, finding)

    def _known(self, exchange: Exchange) -> bool:
        return exchange.name in self.traces or exchange.name in self._unobserved

    def _not_applicable(self, requirement: Requirement) -> str | None:
        exchange = requirement.exchange
        if exchange.process and self.target.process is None:
            return (
                "needs a process that the suite launches: write an impl.toml with its command, "
                "and run `streamspec check path/to/impl.toml`"
            )
        if missing := sorted(exchange.needs - self.target.capabilities):
            return f"capability not declared: {', '.join(missing)}"
        return None

    # Recording

    def _warm_up(self) -> None:
        try:
            with Recorder(self.target, "warm-up", self._slow_factor) as recorder:
                for path in WARM_UP:
                    recorder.get(path).wait_complete(1, recorder.prompt_s)
                for path in ("/stream", "/sse"):
                    connection = recorder.post(path, [], token=recorder.token())
                    connection.wait_complete(1, recorder.prompt_s)
        except Unreachable:
            self._note_end()

    def _observe(self, exchange: Exchange) -> None:
        """Record an exchange into `traces`, or why that was not possible into `_unobserved`."""
        try:
            self.traces[exchange.name] = self._recorded(exchange, self.target)
            self._unobserved.pop(exchange.name, None)
        except TargetEnded as error:
            self._unobserved[exchange.name] = str(error)
        except (NotObserved, TargetLost, TargetError, ProcessError) as error:
            self._unobserved[exchange.name] = str(error)
        except Exception as error:  # noqa: BLE001 - a crash of ours is never a verdict on a server
            self._unobserved[exchange.name] = (
                f"streamspec itself failed while recording {exchange.name} ({type(error).__name__}: {error}): "
                "this is a bug of the suite, please report it"
            )

    def _recorded(self, exchange: Exchange, target: Target) -> Trace:
        if target is self.target and self._ended is not None:
            raise TargetEnded(self._ended)
        with ExitStack() as stack:
            if exchange.launch is not None and target.implementation is not None:
                target = stack.enter_context(running(target.implementation, exchange.launch))
            recorder = stack.enter_context(Recorder(target, exchange.name, self._slow_factor))
            try:
                exchange.record(recorder)
            except (Unreachable, TargetLost) as error:
                if target is self.target:
                    self._note_end()
                raise TargetEnded(self._ended) if self._ended else NotObserved(str(error)) from error
            return recorder.trace()

    def _note_end(self) -> None:
        """Find out whether the target is gone: its process ended, or nothing listens any more."""
        process = self.target.process
        if process is not None and process.wait_exit(0.5):
            last = process.log_since(0).strip().splitlines()
            words = f"; its last words: {last[-1].strip()}" if last else ""
            self._ended = f"{self.target.name}: the server ended {process.ending()} during the run{words}"
            return
        try:
            Recorder(self.target, "still-there").connect().close()
        except Unreachable as error:
            self._ended = f"{self.target.url}: the server stopped answering during the run: {error.reason}"

    # Judging

    def _judged(self, requirement: Requirement, finding: Finding) -> Finding:
        """The verdict; a Late violation is recorded again until enough attempts count or there were too many."""
        counted = 0
        late = ""
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return self._judged_once(requirement, replace(finding, attempts=attempt))
            except Late as violation:
                late = str(violation)
                counted += self._control_is_in_time(requirement)
                if counted == ATTEMPTS:
                    return _violated(requirement, replace(finding, attempts=attempt), violation)
                self._observe(requirement.exchange)
        busy = f"the control server was late too, so this machine is too busy to tell: {late}"
        return replace(finding, verdict=Verdict.INCONCLUSIVE, message=busy, attempts=MAX_ATTEMPTS)

    def _judged_once(self, requirement: Requirement, finding: Finding) -> Finding:
        """The verdict on the latest recording. Raises Late."""
        name = requirement.exchange.name
        if name in self._unobserved:
            return replace(finding, verdict=Verdict.INCONCLUSIVE, message=self._unobserved[name])
        trace = self.traces[name]
        finding = replace(finding, duration_s=round(trace.duration_s, 6))
        try:
            return replace(finding, measured=_rounded(requirement.judge(trace)))
        except Late:
            raise
        except Violation as violation:
            return _violated(requirement, finding, violation)
        except NotObserved as error:
            message = str(error)
        except Exception as error:  # noqa: BLE001 - a crash of ours is never a verdict on a server
            message = f"streamspec itself failed while judging ({type(error).__name__}: {error}): please report it"
        return replace(finding, verdict=Verdict.INCONCLUSIVE, message=message)

    def _control_is_in_time(self, requirement: Requirement) -> bool:
        """Whether the control server holds the requirement now, under the same load."""
        try:
            if self._control is None:
                self._control = self._stack.enter_context(running(control_implementation()))
            requirement.judge(self._recorded(requirement.exchange, self._control))
        except (Violation, NotObserved):
            return False
        return True

    def _with_deviation(self, requirement: Requirement, finding: Finding) -> Finding:
        deviation = next((row for row in self.target.deviations if row.requirement == requirement.id), None)
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


def _violated(requirement: Requirement, finding: Finding, violation: Violation) -> Finding:
    return replace(
        finding,
        verdict=Verdict.FAIL if requirement.level is Level.MUST else Verdict.WARN,
        message=str(violation),
        expected=violation.expected,
        actual=violation.actual,
        at_s=violation.at_s,
        offset=violation.offset,
    )


def _rounded(figures: Figures | None) -> dict[str, float]:
    return {name: round(value, 3) for name, value in (figures or {}).items()}


def _side_by_side(jobs: Sequence[Callable[[], None]]) -> None:
    """Run the jobs in a few daemon threads, so that Ctrl-C does not wait for what a silent server keeps waiting."""
    waiting: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)

    def work() -> None:
        while True:
            try:
                job = waiting.get_nowait()
            except queue.Empty:
                return
            job()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(SIDE_BY_SIDE, len(jobs)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
