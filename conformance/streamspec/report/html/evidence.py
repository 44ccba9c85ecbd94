"""What a cell of the matrix opens: findings and recordings of one target as compact JSON for the page's script.

Bytes are bounded here: the page shows how a stream went, results.json has it whole. A string of bytes has one character
for each byte (Latin-1), so that a script can cut it by offsets.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from streamspec.report.html.wire import answer, talk
from streamspec.report.kept import restore, restore_bytes
from streamspec.report.production import production
from streamspec.report.results import Verdict
from streamspec.report.wording import again, figures, printable, serve
from streamspec.requirement import Requirement
from streamspec.verdicts import complained_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamspec.contract import JSON
    from streamspec.report.kept import KeptExchange, KeptRecording, KeptTrace
    from streamspec.report.results import Finding, TargetResults
    from streamspec.report.wording import Described

MOST_TALKS = 12
"""Conversations of one exchange that are shown; a crowd has 200, which look alike."""

MOST_BYTES = 524_288
"""What an exchange may have received for its items to be told apart: more is content for its own sake."""

MOST_MARKS = 64
MOST_ANSWERS = 24


def packed(target: TargetResults, known: Mapping[str, Described]) -> str:
    """The JSON of a target: zlib format (RFC 1950), base64."""
    complaints = {made.id: name for made in target.verdicts if (name := _complaint(made, target, known))}
    looked_at: dict[str, set[str]] = {}
    for finding in target.verdicts:
        if finding.id in complaints:
            looked_at.setdefault(finding.exchange, set()).add(complaints[finding.id])
    url = None if target.managed else target.url
    value: JSON = {
        "serve": serve(target) if target.managed else "",
        "findings": {
            made.id: _finding(made, complaints.get(made.id), again(made, target, known)) for made in target.verdicts
        },
        "exchanges": {
            name: _exchange(kept, looked_at.get(name, set()), url) for name, kept in target.recordings.items()
        },
    }
    return b64encode(zlib.compress(msgspec.json.encode(value), 6)).decode("ascii")


def _complaint(finding: Finding, target: TargetResults, known: Mapping[str, Described]) -> str | None:
    """The conversation that a violation is about: it is shown in any case."""
    violated = finding.verdict in {Verdict.FAIL, Verdict.WARN, Verdict.DEVIATION} and finding.actual is not None
    kept = target.recordings.get(finding.exchange)
    made = known.get(finding.id)
    if not violated or kept is None or not isinstance(made, Requirement) or finding.attempts > len(kept.attempts):
        return None
    trace = kept.attempts[finding.attempts - 1].trace
    about = complained_of(made, restore(trace)) if trace else None
    return about.name if about else None


def _finding(finding: Finding, about: str | None, command: str) -> JSON:
    shown: dict[str, JSON] = {
        "verdict": finding.verdict,
        "message": printable(finding.message),
        "expected": None if finding.expected is None else printable(finding.expected),
        "actual": None if finding.actual is None else printable(finding.actual),
        "at": finding.at_s,
        "offset": finding.offset,
        "reason": finding.reason,
        "link": finding.link,
        "again": command,
        "figures": list(figures(finding)),
        "exchange": finding.exchange,
        "attempts": finding.attempts,
        "about": about,
    }
    return {name: value for name, value in shown.items() if value not in (None, "", [])}


def _exchange(kept: KeptExchange, looked_at: set[str], url: str | None) -> JSON:
    return {
        "attempts": [_recording(made, looked_at, url) for made in kept.attempts],
        "control": [_recording(made, looked_at, url) for made in kept.control],
    }


def _recording(kept: KeptRecording, looked_at: set[str], url: str | None) -> JSON:
    if kept.trace is None:
        return {"unobserved": printable(kept.unobserved)}
    return _trace(kept.trace, looked_at, url)


def _trace(kept: KeptTrace, looked_at: set[str], url: str | None) -> JSON:
    shown = [made for place, made in enumerate(kept.conversations) if place < MOST_TALKS or made.name in looked_at]
    received = sum(sum(talk.received.sizes) for talk in shown)
    produced = production(restore(replace(kept, conversations=shown))) if received <= MOST_BYTES else {}
    log = restore_bytes(kept.log).decode("utf-8", "replace")
    return {
        "started": kept.started_at,
        "duration": kept.duration_s,
        "marks": [[mark.at_s, mark.name, mark.value] for mark in kept.marks[:MOST_MARKS]],
        "moreMarks": max(0, len(kept.marks) - MOST_MARKS),
        "talks": [talk(made, produced.get(made.name), url) for made in shown],
        "moreTalks": len(kept.conversations) - len(shown),
        "answers": [answer(made) for made in kept.answers[:MOST_ANSWERS]],
        "moreAnswers": max(0, len(kept.answers) - MOST_ANSWERS),
        "log": log[:4000],
    }
