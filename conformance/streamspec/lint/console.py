"""Findings of `lint` on a terminal or in a log: the timeline, the verdicts, the evidence, what stays unknown."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text

from streamspec.contract import AREAS
from streamspec.lint.checks import all_checks
from streamspec.lint.checks.check import AREA
from streamspec.lint.content import counted
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

NOT_APPLICABLE = Verdict.NOT_APPLICABLE
TITLES = {**AREAS, AREA: "What the wire alone shows besides"}

_TOLD_FIELDS = ("content-type", "content-encoding", "server", "via", "cache-control", "location")


PATH_AND_ORIGIN = ("path", "origin")
"""What two targets are called: the URL that was asked for, and what `--direct` names."""


def print_lint(console: Console, results: LintResults, *, strict: bool) -> None:
    """Everything that was found: at one URL, or at a path and its origin side by side."""
    checks = {made.id: made for made in all_checks()}
    found = {name: target for name, target in _named(results).items() if target.looks}
    for name, target in found.items():
        _print_looks(console, name, target)
    if found:
        _print_verdicts(console, found)
        for name, target in found.items():
            _print_evidence(console, name, target, checks)
        _print_reasons(console, found)
        if any(target.count(Verdict.PASS) for target in found.values()):
            _print_unknown(console, results.unknown)
    if results.changes:
        console.print(Text("\nbetween path and origin", "bold"))
        for change in results.changes:
            print_labelled(console, "", printable(change))
    console.print()
    for target in results.targets:
        _print_conclusion(console, target, strict=strict)


def print_explained(console: Console, made: Check) -> None:
    """One of lint's own checks: its sentence, its source, how to run it."""
    console.print(Text.assemble((made.id, "bold"), f"  {made.level}"))
    console.print(Text(made.sentence))
    print_labelled(console, "source", f"{made.anchor.title}: {made.anchor.url}", breakable=False)
    print_labelled(console, "run it", "streamspec lint URL", breakable=False)


def _named(results: LintResults) -> dict[str, Linted]:
    names = PATH_AND_ORIGIN if len(results.targets) > 1 else ("",)
    return dict(zip(names, results.targets, strict=True))


def _print_looks(console: Console, name: str, target: Linted) -> None:
    console.print(Text(f"{name}  {printable(target.url)}".strip(), "bold"), soft_wrap=True)
    for url, status, location in target.redirects:
        console.print(Text(f"  {status}  {printable(url)} leads to {printable(location)}"), soft_wrap=True)
    _print_head(console, target.looks[0])
    console.print()
    for line in lines(target.looks, is_unicode=is_unicode(console)):
        console.print(line, soft_wrap=True)
    if name == PATH_AND_ORIGIN[0]:
        console.print()


def _print_verdicts(console: Console, found: Mapping[str, Linted]) -> None:
    """A row for each check that applies to any of them, a column for each of them; figures where there is room."""
    rows = {made.id: made for target in found.values() for made in target.verdicts}
    applies = [
        id_
        for id_ in rows
        if any(made.id == id_ and made.verdict is not NOT_APPLICABLE for one in found.values() for made in one.verdicts)
    ]
    width = max(map(len, applies), default=0)
    for area, ids in groupby(applies, key=lambda id_: id_.partition("-")[0]):
        heads = "".join(f"{name:<{MARK_WIDTH + 2}}" for name in found).rstrip() if len(found) > 1 else ""
        console.print(Text.assemble("\n", (area, "bold"), f" · {TITLES[area]}"), soft_wrap=True)
        if heads and area == applies[0].partition("-")[0]:
            console.print(Text(f"  {heads}", "bold"), soft_wrap=True)
        for id_ in ids:
            marks = [made for target in found.values() for made in target.verdicts if made.id == id_]
            line = Text.assemble("  ", *(_mark(made.verdict, MARK_WIDTH + 2) for made in marks), f"{id_:<{width}}")
            if len(marks) == 1 and marks[0].measured:
                line.append(f"  {', '.join(figures(marks[0]))}", "dim")
            line.rstrip()
            console.print(line, soft_wrap=True)


def _print_head(console: Console, look: Seen) -> None:
    told = [f"{name}: {value}" for name, value in look.fields if name.lower() in _TOLD_FIELDS]
    if look.status is not None:
        console.print(Text(f"  {look.status}  {printable(', '.join(told))}", "dim"), soft_wrap=True)


def _print_evidence(console: Console, name: str, target: Linted, checks: Mapping[str, Check]) -> None:
    told = [finding for finding in target.verdicts if finding.verdict in {Verdict.FAIL, Verdict.WARN}]
    for finding in sorted(told, key=lambda finding: finding.verdict is Verdict.WARN):
        made = checks[finding.id]
        on = f" on the {name}" if name else ""
        console.print(Text.assemble("\n", _mark(finding.verdict, 0), " ", (finding.id, "bold"), on))
        print_labelled(console, "", made.sentence)
        print_labelled(console, "source", f"{made.anchor.title}: {made.anchor.url}", breakable=False)
        print_labelled(console, "expected", printable(finding.expected or ""))
        where = f" (at byte {finding.offset} of the body)" if finding.offset is not None else ""
        print_labelled(console, "actual", printable(finding.actual or "") + where)


def _print_reasons(console: Console, found: Mapping[str, Linted]) -> None:
    """What is inconclusive or not applicable, each reason once; what is so on path and origin alike, once for both."""
    for verdict in (Verdict.INCONCLUSIVE, NOT_APPLICABLE):
        reasons = {name: _reasons(target, verdict) for name, target in found.items()}
        alike = {reason: ids for reason, ids in next(iter(reasons.values())).items() if _all_have(reasons, reason, ids)}
        _print_reason(console, verdict, "" if len(found) == 1 else " on both", alike)
        for name, own in reasons.items():
            rest = {reason: ids for reason, ids in own.items() if alike.get(reason) != ids}
            _print_reason(console, verdict, f" on the {name}", rest)


def _reasons(target: Linted, verdict: Verdict) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for finding in target.verdicts:
        if finding.verdict is verdict:
            reasons.setdefault(finding.message, []).append(finding.id)
    return reasons


def _all_have(reasons: Mapping[str, Mapping[str, list[str]]], reason: str, ids: list[str]) -> bool:
    return all(own.get(reason) == ids for own in reasons.values())


def _print_reason(console: Console, verdict: Verdict, on: str, reasons: Mapping[str, Sequence[str]]) -> None:
    if reasons:
        console.print(Text.assemble("\n", _mark(verdict, 0), on))
    for reason, ids in reasons.items():
        print_labelled(console, "because", printable(reason))
        print_labelled(console, "", "every other check" if len(ids) == len(all_checks()) - 1 else ", ".join(ids))


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
    status = target.looks[0].status
    if target.count(Verdict.FAIL) and status != 200:
        word, style = f"there is no stream, the answer is {status or 'no HTTP'}", "bold red"
    elif target.count(Verdict.FAIL) or (strict and target.count(Verdict.WARN)):
        word, style = "something is wrong on the wire", "bold red"
    elif target.count(Verdict.INCONCLUSIVE):
        word, style = "inconclusive", "bold cyan"
    else:
        word, style = "nothing wrong on the wire", "bold green"
    console.print(Text.assemble((f"{printable(target.url)}: {word}", style), f", {counts}"), soft_wrap=True)
    if target.not_made:
        made = counted(len(target.not_made), "checks")
        console.print(f"sent once, so {made} that ask in other ways were not made; --repeat makes them", soft_wrap=True)


def _mark(verdict: Verdict, width: int) -> Text:
    return Text(f"{MARKS[verdict]:<{width}}", STYLES[verdict])
