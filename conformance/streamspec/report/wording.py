"""The words every report uses for verdicts, figures, totals and evidence. Text in, text out; nothing prints."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Protocol

from streamspec.clients.contract import AREAS as CLIENT_AREAS
from streamspec.contract import AREAS
from streamspec.report.results import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from streamspec.contract import Anchor, Level
    from streamspec.report.results import Finding, TargetResults


class Described(Protocol):
    """What reports say of a requirement, whether of servers or of clients."""

    @property
    def command(self) -> str:
        """The command of streamspec that runs it."""

    @property
    def id(self) -> str: ...  # noqa: D102 - as in Finding
    @property
    def level(self) -> Level: ...  # noqa: D102 - as in Finding
    @property
    def sentence(self) -> str:
        """What must hold."""

    @property
    def anchor(self) -> Anchor:
        """Where that is written."""


MARKS = {
    Verdict.PASS: "pass",
    Verdict.FAIL: "FAIL",
    Verdict.WARN: "warn",
    Verdict.DEVIATION: "deviates",
    Verdict.INCONCLUSIVE: "inconcl.",
    Verdict.NOT_APPLICABLE: "n/a",
}
"""Verdicts as they stand in lists and tables: told apart without colour, eight letters at most."""

MEANINGS = {
    Verdict.PASS: "it holds",
    Verdict.FAIL: "a MUST does not hold",
    Verdict.WARN: "a SHOULD does not hold",
    Verdict.DEVIATION: "it does not hold, for a reason that is known and listed",
    Verdict.INCONCLUSIVE: "it could not be observed",
    Verdict.NOT_APPLICABLE: "not applicable to this target",
}

LONGEST_TEXT = 1_000
"""Characters of evidence shown; results.json has it whole."""


UNITS = {"ms", "s", "bytes"}


def area_title(area: str) -> str:
    """What the area is about; empty for one that no longer exists."""
    return (AREAS | CLIENT_AREAS).get(area, "")


def printable(text: str) -> str:
    """The text in one line: a server must not be able to write control characters to a terminal or into XML."""
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
    return shown if len(shown) <= LONGEST_TEXT else f"{shown[:LONGEST_TEXT]}… ({len(shown)} characters)"


def figures(finding: Finding) -> list[str]:
    """What was measured, each as `cleanup 0.8 ms`."""
    told = []
    for name, value in finding.measured.items():
        words, _, unit = name.rpartition("_")
        parts = [words, figure_value(value), unit] if unit in UNITS else [name, figure_value(value)]
        told.append(" ".join(filter(None, parts)).replace("_", " "))
    return told


def figure_name(name: str) -> str:
    """A figure's name in words, its unit last."""
    return name.replace("_", " ")


def figure_unit(name: str) -> str:
    """The unit at the end of a figure's name, which says enough where it is a requirement's only figure."""
    unit = name.rpartition("_")[2]
    return unit if unit in UNITS else figure_name(name)


def figure_value(value: float) -> str:
    """Three digits tell machines and servers apart; the rest is noise."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def evidence(finding: Finding, target: TargetResults, known: Mapping[str, Described]) -> Iterator[tuple[str, str]]:
    """Labelled lines that a reader of a failure needs: the source, expected, actual, and how to see it again."""
    if (made := known.get(finding.id)) is not None:
        yield "source", f"{made.anchor.title}: {made.anchor.url}"
    if finding.expected is None or finding.actual is None:
        yield "found", printable(finding.message)
    else:
        yield "expected", printable(finding.expected)
        yield "actual", printable(finding.actual) + _where(finding)
    if finding.verdict is Verdict.DEVIATION:
        yield "reason", printable(" ".join(filter(None, [finding.reason, finding.link])))
    yield "again", again(finding, target, known)
    if finding.curl and target.via is None:  # the proxy went with the run
        if target.managed:
            yield "by hand", serve(target)
            yield "", finding.curl
        else:
            yield "by hand", finding.curl


def again(finding: Finding, target: TargetResults, known: Mapping[str, Described]) -> str:
    """The command that runs only this requirement, on this target."""
    select = f"--select {finding.id}"
    if target.via:
        matrix = " --matrix" if target.server else ""
        return f"streamspec compare {shlex.quote(target.spec)}{matrix} --via {target.via} {select}"
    if target.origin:
        direct = f"--direct {shlex.quote(target.origin)}{_over(target)}"
        return f"streamspec check {shlex.quote(target.spec)} {direct} {select}"
    command = known[finding.id].command if finding.id in known else "check"
    return f"streamspec {command} {_named(target)}{_over(target)} {select}"


def serve(target: TargetResults) -> str:
    """The command that serves a target that the suite launched, to be asked by hand."""
    return f"streamspec serve {_named(target)}"


def _over(target: TargetResults) -> str:
    return " --http2" if target.http2 else ""


def _named(target: TargetResults) -> str:
    return shlex.quote(target.spec) + (f" --server {shlex.quote(target.server)}" if target.server else "")


def _where(finding: Finding) -> str:
    places = []
    if finding.offset is not None:
        places.append(f"at byte {finding.offset} of the body")
    if finding.at_s is not None:
        places.append(f"after {finding.at_s:.3f} s")
    if finding.attempts > 1:
        places.append(f"in attempt {finding.attempts}")
    return f" ({', '.join(places)})" if places else ""


def totals(target: TargetResults) -> str:
    """`62 pass, 1 FAIL, 2 n/a`, in the order of MARKS."""
    counts = [(verdict, target.count(verdict)) for verdict in MARKS]
    return ", ".join(f"{count} {MARKS[verdict]}" for verdict, count in counts if count) or "nothing observed"


def conclusion(target: TargetResults, *, strict: bool) -> str:
    """Whether the target conforms, in a word or three."""
    if target.count(Verdict.FAIL) or (strict and target.count(Verdict.WARN)):
        return "does not conform"
    if target.error or target.count(Verdict.INCONCLUSIVE):
        return "inconclusive"
    return "conforms"


def headline(targets: Sequence[TargetResults], *, strict: bool) -> str:
    """What a run comes to, in a few words: `starlette conforms`, `3 of 4 targets conform, 1 with deviations`."""
    words = [conclusion(target, strict=strict) for target in targets]
    deviating = [target for target in targets if target.count(Verdict.DEVIATION)]
    if len(targets) == 1:
        name = printable(targets[0].name)
        told = f"{name}: inconclusive" if words[0] == "inconclusive" else f"{name} {words[0]}"
        return f"{told}, with deviations" if deviating else told
    conforming = words.count("conforms")
    how_many = f"all {len(targets)}" if conforming == len(targets) else f"{conforming} of {len(targets)}"
    return f"{how_many} targets conform{f', {len(deviating)} with deviations' if deviating else ''}"


def versions(target: TargetResults) -> str:
    """What the target says of itself: `starlette 1.10.0, uvicorn 0.54.0 (h11 0.16.0), Python 3.11.7`."""
    parts = []
    for key in ("framework", "server"):
        part = target.describe.get(key)
        if isinstance(part, dict) and isinstance(part.get("name"), str):
            http = f" ({part['http']})" if part.get("http") else ""
            parts.append(f"{part['name']} {part.get('version', '')}".strip() + http)
    if target.describe.get("python"):
        parts.append(f"Python {target.describe['python']}")
    if target.via_version:
        parts.append(f"behind {target.via_version}")
    return printable(", ".join(dict.fromkeys(parts)))


def by_cause(target: TargetResults, verdict: Verdict) -> list[list[Finding]]:
    """The findings of that verdict, those of one cause together, so that it is told once."""
    grouped: dict[tuple[str, str | None], list[Finding]] = {}
    for finding in target.verdicts:
        if finding.verdict is verdict:
            # The same reason explains deviations that show in different ways.
            message = "" if finding.reason else finding.message
            grouped.setdefault((message, finding.reason), []).append(finding)
    return list(grouped.values())


def alike(targets: Sequence[TargetResults], verdict: Verdict) -> Iterable[tuple[list[str], list[Finding]]]:
    """The findings `by_cause`, each with the names of the targets that have it for the same requirements."""
    told: dict[tuple[str, ...], tuple[list[str], list[Finding]]] = {}
    for target in targets:
        for findings in by_cause(target, verdict):
            same = (findings[0].message, *(finding.id for finding in findings))
            told.setdefault(same, ([], findings))[0].append(target.name)
    return told.values()
