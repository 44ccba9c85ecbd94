"""Results on a terminal or in a log: one target in detail, or several side by side.

Verdicts are told apart without colour; what is to be copied (commands, addresses) is never broken by us.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

from rich.text import Text

from streamspec.report.layout import print_labelled
from streamspec.report.results import Verdict
from streamspec.report.wording import (
    MARKS,
    MEANINGS,
    alike,
    area_title,
    conclusion,
    evidence,
    figure_name,
    figure_unit,
    figure_value,
    figures,
    printable,
    totals,
    versions,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console

    from streamspec.report.results import Finding, TargetResults
    from streamspec.report.wording import Described

STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.WARN: "yellow",
    Verdict.DEVIATION: "magenta",
    Verdict.INCONCLUSIVE: "bold cyan",
    Verdict.NOT_APPLICABLE: "dim",
}

SENTENCES_FROM_WIDTH = 70
"""Columns beside an id from which its sentence stands there; in fewer it would be cut to a few words."""

Column: TypeAlias = tuple[str, int]
"""A target's column of the matrix: its head, its width."""

MARK_WIDTH = max(len(mark) for mark in MARKS.values())


def print_check(
    console: Console, targets: Sequence[TargetResults], known: Mapping[str, Described], *, strict: bool
) -> None:
    """Targets one by one: requirements by area, what does not hold with its evidence, the totals.

    Nothing of a target that did not start: its one sentence says it all.
    """
    for target in targets:
        if target.verdicts:
            _print_target(console, target, known, strict=strict)


def _print_target(console: Console, target: TargetResults, known: Mapping[str, Described], *, strict: bool) -> None:
    console.print(Text.assemble((target.name, "bold"), f"  {target.url}"), soft_wrap=True)
    if said := versions(target):
        console.print(Text(said, "dim"), soft_wrap=True)
    width = max((len(finding.id) for finding in target.verdicts), default=0)
    for area, findings in groupby(target.verdicts, key=lambda finding: finding.id.partition("-")[0]):
        _print_area(console, area)
        for finding in findings:
            line = Text.assemble("  ", _mark(finding.verdict, MARK_WIDTH + 2), f"{finding.id:<{width}}  ")
            sentence = known[finding.id].sentence if finding.id in known else ""
            line.append(_beside(sentence, figures(finding), console.width - len(line)), "dim")
            line.rstrip()
            console.print(line, soft_wrap=True)
    _print_evidence(console, [target], known)
    _print_reasons(console, [target])
    console.print()
    _print_conclusion(console, target, strict=strict)


def print_compare(
    console: Console, targets: Sequence[TargetResults], known: Mapping[str, Described], *, strict: bool
) -> None:
    """Several targets: a matrix requirement × target, then evidence, reasons and totals."""
    ids = [made for made in known if any(finding.id == made for target in targets for finding in target.verdicts)]
    notes = _numbered_deviations(targets)
    cells = [{finding.id: finding for finding in target.verdicts} for target in targets]
    room = console.width - max(map(len, ids), default=0)
    columns = _columns(targets, room, numbered=bool(notes))
    heads = [head for head, _ in columns]
    if sum(width for _, width in columns) <= room:
        _print_matrix(console, ids, cells, columns, notes, places=range(len(targets)))
        _print_measured(console, ids, cells, columns)
    else:
        _print_bands(console, ids, cells, columns, notes, at_once=max(1, room // columns[0][1]))
    _print_legend(console, targets, heads)
    _print_evidence(console, targets, known)
    _print_deviations(console, targets, notes, heads)
    _print_reasons(console, targets)
    console.print()
    for target in targets:
        _print_conclusion(console, target, strict=strict)


def _print_matrix(
    console: Console,
    ids: Sequence[str],
    cells: Sequence[Mapping[str, Finding]],
    columns: Sequence[Column],
    notes: Mapping[tuple[int, str], int],
    *,
    places: Sequence[int],
) -> None:
    """Requirement × target, for the targets at those places."""
    first = max(map(len, ids), default=0)
    shown = [columns[place] for place in places]
    _print_row(console, "", first, shown, [Text(head, "bold") for head, _ in shown])
    for area, members in groupby(ids, key=lambda made: made.partition("-")[0]):
        _print_area(console, area)
        for made in members:
            found = [_cell(cells[place].get(made), notes.get((place, made))) for place in places]
            _print_row(console, made, first, shown, found)


def _print_bands(
    console: Console,
    ids: Sequence[str],
    cells: Sequence[Mapping[str, Finding]],
    columns: Sequence[Column],
    notes: Mapping[tuple[int, str], int],
    *,
    at_once: int,
) -> None:
    """The matrix in several parts, for more targets than fit beside each other: only what does not hold on each."""
    uneven = [made for made in ids if not all(made in row and row[made].verdict is Verdict.PASS for row in cells)]
    for first in range(0, len(columns), at_once):
        _print_matrix(console, uneven, cells, columns, notes, places=range(len(columns))[first : first + at_once])
        console.print()
    told = f"{len(ids) - len(uneven)} of {len(ids)} requirements hold on every target"
    print_labelled(console, "", f"{told}; results.json has all of them, with figures")


def _beside(sentence: str, measured: Sequence[str], width: int) -> str:
    """What stands beside an id: its sentence, cut to the room that the figures leave, or as many figures as fit."""
    while measured and len(", ".join(measured)) > width:
        measured = measured[:-1]
    told = ", ".join(measured)
    if width < SENTENCES_FROM_WIDTH:
        return told
    room = width - len(told) - (2 if told else 0)
    shown = sentence if len(sentence) <= room else sentence[: room - 1].rstrip() + "…"
    return f"{shown:<{room}}  {told}" if told else shown


def _mark(verdict: Verdict, width: int) -> Text:
    return Text(f"{MARKS[verdict]:<{width}}", STYLES[verdict])


def _cell(finding: Finding | None, note: int | None) -> Text:
    # No finding at all: the target did not start, so nothing could be observed.
    verdict = finding.verdict if finding else Verdict.INCONCLUSIVE
    return Text(MARKS[verdict] + (f" {note}" if note else ""), STYLES[verdict])


def _columns(targets: Sequence[TargetResults], width: int, *, numbered: bool) -> list[Column]:
    """Column heads and widths: the targets' names, or letters where these do not fit beside each other."""
    least = MARK_WIDTH + (2 if numbered else 0)
    named = [(target.name, max(len(target.name), least) + 2) for target in targets]
    fit = sum(column for _, column in named) <= width
    letters = [chr(ord("A") + place) if place < 26 else f"T{place + 1}" for place in range(len(targets))]
    return named if fit else [(letter, least + 2) for letter in letters]


def _print_row(console: Console, name: str, first: int, columns: Sequence[Column], cells: Iterable[Text]) -> None:
    line = Text(f"  {name:<{first}}")
    for width, cell in zip((width for _, width in columns), cells, strict=True):
        line.append("  ").append(cell)
        line.pad_right(width - 2 - len(cell))
    line.rstrip()
    console.print(line, soft_wrap=True)


def _print_measured(
    console: Console, ids: Sequence[str], cells: Sequence[Mapping[str, Finding]], columns: Sequence[Column]
) -> None:
    """The figures side by side."""
    rows: dict[str, list[Text]] = {}
    for made in ids:
        found = [row[made].measured if made in row else {} for row in cells]
        for name in dict.fromkeys(name for measured in found for name in measured):
            shown = [figure_value(measured[name]) if name in measured else "" for measured in found]
            only = max(map(len, found)) == 1
            rows[f"{made} {figure_unit(name) if only else figure_name(name)}"] = [Text(value) for value in shown]
    if rows:
        first = max(map(len, rows))
        console.print()
        _print_row(console, "measured", first, columns, [Text(head, "bold") for head, _ in columns])
        for name, values in rows.items():
            _print_row(console, name, first, columns, values)


def _print_area(console: Console, area: str) -> None:
    console.print(Text.assemble("\n", (area, "bold"), f" · {area_title(area)}"), soft_wrap=True)


def _print_legend(console: Console, targets: Sequence[TargetResults], heads: Sequence[str]) -> None:
    console.print()
    for target, head in zip(targets, heads, strict=True):
        named = target.name if head == target.name else f"{head} = {target.name}"
        console.print(Text.assemble((named, "bold"), f"  {versions(target) or target.spec}"), soft_wrap=True)
    shown = {finding.verdict for target in targets for finding in target.verdicts} - {Verdict.PASS}
    shown |= {Verdict.INCONCLUSIVE for target in targets if not target.verdicts}
    if shown:
        console.print()
    for verdict in (verdict for verdict in MARKS if verdict in shown):
        console.print(Text.assemble("  ", _mark(verdict, MARK_WIDTH + 2), MEANINGS[verdict]))


def _print_evidence(console: Console, targets: Iterable[TargetResults], known: Mapping[str, Described]) -> None:
    for target in targets:
        for finding in target.verdicts:
            if finding.verdict in {Verdict.FAIL, Verdict.WARN}:
                console.print()
                _print_finding(console, finding, target, known)


def _print_finding(console: Console, finding: Finding, target: TargetResults, known: Mapping[str, Described]) -> None:
    console.print(Text.assemble(_mark(finding.verdict, 0), " ", (finding.id, "bold"), f" on {target.name}"))
    if finding.id in known:
        print_labelled(console, "", known[finding.id].sentence)
    for label, text in evidence(finding, target, known):
        print_labelled(console, label, text, breakable=label in {"expected", "actual", "found"})


def _numbered_deviations(targets: Sequence[TargetResults]) -> dict[tuple[int, str], int]:
    """Note numbers of deviations, by target's place and requirement; the same reason has the same number."""
    numbers: dict[tuple[str | None, str | None], int] = {}
    notes: dict[tuple[int, str], int] = {}
    for place, target in enumerate(targets):
        for finding in target.verdicts:
            if finding.verdict is Verdict.DEVIATION:
                number = numbers.setdefault((finding.reason, finding.link), len(numbers) + 1)
                notes[place, finding.id] = number
    return notes


def _print_deviations(
    console: Console, targets: Sequence[TargetResults], notes: Mapping[tuple[int, str], int], heads: Sequence[str]
) -> None:
    told: set[int] = set()
    for (place, made), number in notes.items():
        if number in told:
            continue
        if not told:
            console.print(Text("\nDeviations", "bold"))
        told.add(number)
        finding = next(finding for finding in targets[place].verdicts if finding.id == made)
        alike = [cell for cell, noted in notes.items() if noted == number]
        where = ", ".join(dict.fromkeys([*(heads[column] for column, _ in alike), *(row for _, row in alike)]))
        print_labelled(console, str(number), f"{where}: {printable(finding.reason or '')}")
        if finding.link:
            print_labelled(console, "", finding.link, breakable=False)


def _print_reasons(console: Console, targets: Sequence[TargetResults]) -> None:
    """Why requirements were inconclusive or not applicable (of one target: deviations too), each reason once."""
    verdicts = [Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE] + ([Verdict.DEVIATION] if len(targets) == 1 else [])
    for verdict in verdicts:
        for names, findings in alike(targets, verdict):
            console.print(Text.assemble("\n", _mark(verdict, 0), f" on {', '.join(names)}, {_count(findings)}"))
            reason = findings[0].reason if verdict is Verdict.DEVIATION else None
            print_labelled(console, "because", printable(reason or findings[0].message))
            if verdict is Verdict.DEVIATION:
                print_labelled(console, "found", printable(findings[0].message))
                print_labelled(console, "link", findings[0].link or "", breakable=False)
            print_labelled(console, "ids", ", ".join(finding.id for finding in findings))


def _count(findings: Sequence[Finding]) -> str:
    return f"{len(findings)} requirement{'s' if len(findings) > 1 else ''}"


def _print_conclusion(console: Console, target: TargetResults, *, strict: bool) -> None:
    word = conclusion(target, strict=strict)
    style = {"conforms": "bold green", "inconclusive": "bold cyan"}.get(word, "bold red")
    line = Text.assemble((f"{target.name} {word}" if word != "inconclusive" else f"{target.name}: {word}", style))
    line.append(f": {totals(target)}" if word != "inconclusive" else f", {totals(target)}")
    line.append(f", in {target.duration_s:.1f} s" if target.verdicts else "")
    console.print(line, soft_wrap=True)
    if target.error:
        print_labelled(console, "because", printable(target.error))
