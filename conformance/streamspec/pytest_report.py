"""The report of a pytest run: findings gathered from the reports of tests, of every worker, and written at its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec
import pytest

from streamspec import __version__
from streamspec.pytest_marks import ATTRIBUTE, selected_ids
from streamspec.report import files
from streamspec.report.results import Finding, Results, TargetResults
from streamspec.requirement import all_requirements

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Worker(Protocol):
    """What pytest-xdist says of a worker that has finished."""

    workeroutput: Mapping[str, list[str]]


class Reporter:
    """A plugin of the process that sees every test's report: the only one, or the controller of several workers."""

    def __init__(self, config: pytest.Config) -> None:
        self._folder = Path(config.getoption("streamspec_report"))
        self._strict = bool(config.getoption("streamspec_strict"))
        self._started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._selected: set[str] = set()
        self._findings: dict[str, Finding] = {}
        self._targets: list[TargetResults] = []
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
            self._targets.append(msgspec.convert(carried["target"], TargetResults))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: _Worker) -> None:
        """Take what a worker had to run (pytest-xdist)."""
        self._selected.update(getattr(node, "workeroutput", {}).get(ATTRIBUTE, ()))

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
        results = Results(self._started_at, __version__, [replace(last, verdicts=verdicts)], complete=True)
        try:
            files.write(results, order, self._folder, None, strict=self._strict)
            self._said = f"report: {self._folder / files.RESULTS}"
        except files.ReportError as error:
            self._said = str(error)
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the report is, or why there is none."""
        terminalreporter.write_line(f"streamspec: {self._said}")
