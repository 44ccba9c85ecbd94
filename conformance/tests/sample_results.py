"""Results as a run makes them, written by hand: every verdict, a target that did not start, text that bites."""

from __future__ import annotations

from streamspec.contract import Level
from streamspec.report.results import Finding, Results, TargetResults, Verdict
from streamspec.requirement import Requirement, all_requirements

REPORT_FILES = ["badge.json", "index.html", "junit.xml", "results.json", "summary.md"]

KNOWN: dict[str, Requirement] = {made.id: made for made in all_requirements()}
MUST, SHOULD = Level.MUST, Level.SHOULD

PASSED = Finding("head-status", MUST, Verdict.PASS, "", duration_s=0.01, exchange="gated-heads", attempts=1)
MEASURED = Finding("disconnect-fin-idle", MUST, Verdict.PASS, "", measured={"cleanup_ms": 0.8421})
FAILED = Finding(
    "head-no-store",
    MUST,
    Verdict.FAIL,
    "expected Cache-Control with no-store; got Cache-Control: \x1b[31m<public>\0 & ]]>",
    expected="Cache-Control with no-store",
    actual="Cache-Control: \x1b[31m<public>\0 & ]]>",
    at_s=0.0123,
    offset=17,
    curl="curl -N http://127.0.0.1:8000/stream",
)
WARNED = Finding(
    "head-nosniff", SHOULD, Verdict.WARN, "expected nosniff; got nothing", expected="nosniff", actual="nothing"
)
DEVIATES = Finding(
    "head-no-transform",
    SHOULD,
    Verdict.DEVIATION,
    "expected no-transform; got none",
    expected="no-transform",
    actual="none",
    reason="the framework overwrites it",
    link="https://example.org/issues/1",
)
UNCLEAR = Finding("chunks-pacing", MUST, Verdict.INCONCLUSIVE, "the control server was late too")
UNCLEAR_TOO = Finding("chunks-no-drift", MUST, Verdict.INCONCLUSIVE, "the control server was late too")
LEFT_OUT = Finding("framing-id", MUST, Verdict.NOT_APPLICABLE, "capability not declared: script")

DESCRIBE: dict[str, object] = {
    "contract": "1",
    "framework": {"name": "quart", "version": "0.22.0"},
    "server": {"name": "hypercorn", "version": "0.18.0", "http": "h11 0.16.0"},
    "python": "3.11.7",
}

GOOD = TargetResults("good", "good", "http://127.0.0.1:1", DESCRIBE, 2.04, [PASSED, MEASURED])
BAD = TargetResults(
    "bad",
    "path/to my/impl.toml",
    "http://127.0.0.1:2",
    {},
    3.0,
    [PASSED, FAILED, DEVIATES, WARNED, UNCLEAR_TOO, UNCLEAR, LEFT_OUT],
)
ABSENT = TargetResults(
    "absent", "http://h", "http://h", {}, 0.0, [], managed=False, error="http://h: cannot connect; start the server"
)


def results(*targets: TargetResults) -> Results:
    """A whole run over the targets."""
    return Results("2026-11-22T10:00:00+00:00", "0.1.0", list(targets), complete=True)
