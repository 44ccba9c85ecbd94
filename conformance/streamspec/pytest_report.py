"""The report of a pytest run: findings gathered from the reports of tests, of every worker, and written at its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec
import pytest

from streamspec import __version__
from streamspec.pytest_marks import ATTRIBUTE, RECORDINGS, selected_ids
from streamspec.rejudging import judged_again
from streamspec.report import files
from streamspec.report.kept import KeptExchange
from streamspec.report.results import Finding, Results, TargetResults, Verdict
from streamspec.requirement import all_requirements

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Gateway(Protocol):
    id: str


class _Worker(Protocol):
    """What pytest-xdist says of a worker that has finished."""

    workeroutput: Mapping[str, list[str] | bytes]
    gateway: _Gateway


FROM_BEST = (Verdict.PASS, Verdict.DEVIATION, Verdict.WARN, Verdict.INCONCLUSIVE, Verdict.FAIL)
"""The verdicts that rest on a recording."""


class Reporter:
    """A plugin of the process that sees every test's report: the only one, or the controller of several workers."""

    def __init__(self, config: pytest.Config) -> None:
        self._folder = Path(config.getoption("streamspec_report"))
        self._strict = bool(config.getoption("streamspec_strict"))
        self._started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._selected: set[str] = set()
        self._findings: dict[str, Finding] = {}
        self._targets: list[TargetResults] = []
        self._workers: dict[str, str] = {}
        """Who had each finding, by its id."""
        self._recordings: dict[str, dict[str, KeptExchange]] = {}
        """By worker, and exchange."""
        self._said = ""
        try:
            files.prepare(self._folder, None)
        except files.ReportError as error:
            raise pytest.UsageError(f"--streamspec-report: {error}") from error

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the finding that a report carries."""
        if (carried := getattr(report, ATTRIBUTE, None)) is not None:
            finding = msgspec.convert(carried["finding"], Finding)
            self._findings[finding.id] = finding
            self._workers[finding.id] = carried["worker"]
            self._targets.append(msgspec.convert(carried["target"], TargetResults))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: _Worker) -> None:
        """Take what a worker had to run, and what it recorded (pytest-xdist)."""
        output = getattr(node, "workeroutput", {})
        self._selected.update(output.get(ATTRIBUTE, ()))
        if kept := output.get(RECORDINGS):
            self.keep(node.gateway.id, kept)

    def keep(self, worker: str, kept: bytes) -> None:
        """Take what a worker, or the only process, has recorded: by exchange, as JSON."""
        self._recordings[worker] = msgspec.json.decode(kept, type=dict[str, KeptExchange])

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report, if every test that was selected has a finding: half a run must not look whole."""
        selected = self._selected | set(selected_ids(session))
        if missing := len(selected - set(self._findings)) or not selected:
            without = f"{missing} of {len(selected)} requirements have no finding" if selected else "no requirement ran"
            self._said = f"no report was written: {without}"
            return
        order = {made.id: made for made in all_requirements()}
        verdicts = [self._findings[name] for name in order if name in self._findings]
        last = max(self._targets, key=lambda target: (target.error is not None, target.duration_s))
        target = replace(last, verdicts=verdicts, recordings=self._kept())
        results = Results(self._started_at, __version__, [target], complete=True)
        if len(self._recordings) > 1 and target.recordings:
            results = judged_again(results, order, files.RESULTS)
        try:
            files.write(results, order, self._folder, None, strict=self._strict)
            self._said = f"report: {self._folder / files.RESULTS}"
        except files.ReportError as error:
            self._said = str(error)
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _kept(self) -> dict[str, KeptExchange]:
        """What was recorded, by exchange; none where a worker died with its share.

        Several workers may have recorded an exchange. That with the worst finding stays, and all rest on it.
        """
        resting = [found for found in self._findings.values() if found.verdict in FROM_BEST]
        from_best = sorted(resting, key=lambda found: (FROM_BEST.index(found.verdict), found.attempts))
        chosen = {found.exchange: self._workers[found.id] for found in from_best}
        try:
            return {exchange: self._recordings[worker][exchange] for exchange, worker in chosen.items()}
        except KeyError:
            return {}

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the report is, or why there is none."""
        terminalreporter.write_line(f"streamspec: {self._said}")
