"""The kill matrix of test_mutants.py, printed at the end of a run: from one process or from many workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Which requirements each mutant failed."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    properties = {report.nodeid: dict(report.user_properties) for report in reports}
    kills = {name: found["kills"].split() for name, found in properties.items() if "kills" in found}
    if not kills:
        return
    terminalreporter.section("kill matrix")
    paths = {nodeid.partition("[")[2].rstrip("]"): nodeid for nodeid in kills}
    width = max(map(len, paths))
    for path in sorted(paths):
        own = path.partition("/")[0]
        killed = ["itself" if made == own else made for made in kills[paths[path]]]
        terminalreporter.write_line(f"{path:<{width}}  {', '.join(killed) or 'NOTHING'}")
    terminalreporter.write_line(f"{len(kills)} mutants")
