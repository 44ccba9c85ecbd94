"""Findings of `lint` on a terminal or in a log: the timeline, the verdicts, the evidence, what stays unknown."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text

from streamspec.contract import AREAS
from streamspec.lint.checks import all_checks
from streamspec.lint.checks.check import AREA
from streamspec.lint.timeline import is_unicode, lines
from streamspec.report.console import MARK_WIDTH, STYLES
from streamspec.report.layout import print_labelled
from streamspec.report.results import Verdict
from streamspec.report.wording import MARKS, figures, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from streamspec.lint.checks.check import Check
    from streamspec.lint.verdicts import Linted, LintResults, Seen
    from streamspec.report.results import Finding

TITLES = {**AREAS, AREA: "What the wire alone shows besides"}

_TOLD_FIELDS = ("content-type", "content-encoding", "server", "via", "cache-control", "location")


def print_lint(console: Console, results: LintResults, *, strict: bool) -> None:
    """Everything that was found at each URL."""
    checks = {made.id: made for made in all_checks()}
    for number, target in enumerate(results.targets):
        if number:
            console.print()
        _print_target(console, target, checks)
    if any(target.verdicts for target in results.targets):
        _print_unknown(console, results.unknown)
    console.print()
    for target in results.targets:
        _print_conclusion(console, target, strict=strict)


def _print_target(console: Console, target: Linted, checks: Mapping[str, Check]) -> None:
    console.print(Text(printable(target.url), "bold"), soft_wrap=True)
    for url, status, location in target.redirects:
        console.print(Text(f"  {status}  {printable(url)} leads to {printable(location)}"), soft_wrap=True)
    if not target.looks:
        return
    _print_head(console, target.looks[0])
    console.print()
    for line in lines(target.looks, is_unicode=is_unicode(console)):
        console.print(line, soft_wrap=True)
    width = max((len(finding.id) for finding in target.verdicts), default=0)
    told = [finding for finding in target.verdicts if finding.verdict is not Verdict.NOT_APPLICABLE]
    for area, findings in groupby(told, key=lambda finding: finding.id.partition("-")[0]):
        console.print(Text.assemble("\n", (area, "bold"), f" · {TITLES[area]}"), soft_wrap=True)
        for finding in findings:
            line = Text.assemble("  ", _mark(finding.verdict, MARK_WIDTH + 2), f"{finding.id:<{width}}")
            line.append(f"  {', '.join(figures(finding))}" if finding.measured else "", "dim")
            line.rstrip()
            console.print(line, soft_wrap=True)
    for finding in target.verdicts:
        if finding.verdict in {Verdict.FAIL, Verdict.WARN}:
            _print_evidence(console, finding, checks[finding.id])
    _print_reasons(console, target)


def _print_head(console: Console, look: Seen) -> None:
    told = [f"{name}: {value}" for name, value in look.fields if name.lower() in _TOLD_FIELDS]
    if look.status is not None:
        console.print(Text(f"  {look.status}  {printable(', '.join(told))}", "dim"), soft_wrap=True)


def _print_evidence(console: Console, finding: Finding, made: Check) -> None:
    console.print(Text.assemble("\n", _mark(finding.verdict, 0), " ", (finding.id, "bold")))
    print_labelled(console, "", made.sentence)
    print_labelled(console, "source", f"{made.anchor.title}: {made.anchor.url}", breakable=False)
    print_labelled(console, "expected", printable(finding.expected or ""))
    where = f" (at byte {finding.offset} of the body)" if finding.offset is not None else ""
    print_labelled(console, "actual", printable(finding.actual or "") + where)


def _print_reasons(console: Console, target: Linted) -> None:
    """What is inconclusive or not applicable, each reason once."""
    for verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE):
        reasons: dict[str, list[str]] = {}
        for finding in target.verdicts:
            if finding.verdict is verdict:
                reasons.setdefault(finding.message, []).append(finding.id)
        if reasons:
            console.print(Text.assemble("\n", _mark(verdict, 0)))
        for reason, ids in reasons.items():
            print_labelled(console, "because", printable(reason))
            print_labelled(console, "", ", ".join(ids))


def _print_unknown(console: Console, ids: Sequence[str]) -> None:
    counts = [(area, sum(1 for _ in made)) for area, made in groupby(ids, key=lambda made: made.partition("-")[0])]
    console.print(Text.assemble("\n", ("unknown", STYLES[Verdict.INCONCLUSIVE])))
    print_labelled(
        console,
        "because",
        f"the wire alone does not show them: {len(ids)} requirements of the contract, such as whether the producer "
        "stops when its client leaves; `streamspec check` shows them on a server that has the contract's resources",
    )
    print_labelled(console, "areas", ", ".join(f"{area} {count}" for area, count in counts))


def _print_conclusion(console: Console, target: Linted, *, strict: bool) -> None:
    if target.error:
        return
    counts = ", ".join(f"{target.count(verdict)} {MARKS[verdict]}" for verdict in MARKS if target.count(verdict))
    if target.count(Verdict.FAIL) or (strict and target.count(Verdict.WARN)):
        word, style = "does not stream as it should", "bold red"
    elif target.count(Verdict.INCONCLUSIVE):
        word, style = "inconclusive", "bold cyan"
    else:
        word, style = "nothing wrong on the wire", "bold green"
    console.print(Text.assemble((f"{printable(target.url)}: {word}", style), f", {counts}"), soft_wrap=True)


def _mark(verdict: Verdict, width: int) -> Text:
    return Text(f"{MARKS[verdict]:<{width}}", STYLES[verdict])
