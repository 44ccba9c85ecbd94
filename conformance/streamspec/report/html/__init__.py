"""Results as one self-contained HTML page: it works offline, prints, and shows the evidence behind every cell.

Matrix, totals, figures, code and what does not hold are HTML; the evidence is packed JSON that a small script unpacks
when a cell is opened, so the page opens at once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from streamspec.report.html.evidence import packed
from streamspec.report.html.figures import groups
from streamspec.report.html.sources import comparison
from streamspec.report.results import Verdict
from streamspec.report.wording import (
    MARKS,
    MEANINGS,
    area_title,
    by_cause,
    conclusion,
    evidence,
    headline,
    printable,
    totals,
    versions,
)
from streamspec.requirement import Requirement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamspec.report.html.sources import Comparison
    from streamspec.report.results import Finding, Results, TargetResults
    from streamspec.report.wording import Described

SYMBOLS = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✕",
    Verdict.WARN: "!",
    Verdict.DEVIATION: "≠",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_APPLICABLE: "–",
}
"""Verdicts by shape: the third sign beside the word and the colour."""

TOLD_ONE_BY_ONE = {Verdict.FAIL, Verdict.WARN}
TOLD_BY_CAUSE = (Verdict.INCONCLUSIVE, Verdict.DEVIATION, Verdict.NOT_APPLICABLE)

STATES = {"conforms": ("good", "✓"), "inconclusive": ("unclear", "?")}


def page(results: Results, known: Mapping[str, Described], *, strict: bool, notes: Sequence[str] = ()) -> str:
    """The whole document."""
    slugs = _slugs([target.name for target in results.targets])
    rows = _rows(results.targets, known)
    environment = Environment(
        loader=PackageLoader("streamspec.report", "html"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        results=results,
        headline=headline(results.targets, strict=strict),
        all_conform=all(conclusion(target, strict=strict) == "conforms" for target in results.targets),
        notes=notes,
        requirements=len(rows),
        targets=[
            _target(target, slug, known, strict=strict) for target, slug in zip(results.targets, slugs, strict=True)
        ],
        areas=_areas(rows, results.targets, slugs, known),
        marks=list(MARKS.items()),
        legend=[(verdict, MARKS[verdict], SYMBOLS[verdict], MEANINGS[verdict]) for verdict in MARKS],
        troubles=_troubles(results.targets, slugs, known),
        commands={"again", "by hand"},
        figures=groups(results.targets, known),
        code=_code(comparison(results.targets)),
        counted=_counted,
        data=_script_safe({"targets": _names(results.targets, slugs), "requirements": _requirements(rows, known)}),
    )


def _prose(sentence: str) -> Markup:
    """A sentence whose words in backticks are code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(sentence))))  # noqa: S704 - escaped before


def _slugs(names: Sequence[str]) -> list[str]:
    """The names as they stand in the page's addresses: letters, digits and hyphens, each once."""
    made: list[str] = []
    for name in names:
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "target"
        numbered = (f"{slug}-{number}" for number in range(2, len(names) + 2))
        made.append(slug if slug not in made else next(each for each in numbered if each not in made))
    return made


def _rows(targets: Sequence[TargetResults], known: Mapping[str, Described]) -> list[str]:
    """The requirements that were looked at: in reading order, then those that this version does not know."""
    found = dict.fromkeys(finding.id for target in targets for finding in target.verdicts)
    return [name for name in known if name in found] + [name for name in found if name not in known]


def _target(target: TargetResults, slug: str, known: Mapping[str, Described], *, strict: bool) -> dict[str, object]:
    word = conclusion(target, strict=strict)
    state, symbol = STATES.get(word, ("bad", "✕"))
    return {
        "name": printable(target.name),
        "slug": slug,
        "state": state,
        "symbol": symbol,
        "conclusion": word,
        "counts": [(verdict, mark, count) for verdict, mark in MARKS.items() if (count := target.count(verdict))],
        "totals": totals(target),
        "versions": versions(target),
        "error": printable(target.error or ""),
        "spec": target.spec + (f" --server {target.server}" if target.server else ""),
        "duration_s": target.duration_s,
        "packed": Markup(packed(target, known)),  # noqa: S704 - base64 has no character that HTML reads
    }


def _areas(
    rows: Sequence[str], targets: Sequence[TargetResults], slugs: Sequence[str], known: Mapping[str, Described]
) -> list[dict[str, object]]:
    cells = [{finding.id: finding for finding in target.verdicts} for target in targets]
    areas: dict[str, list[dict[str, object]]] = {}
    for name in rows:
        found = [(row.get(name), slug) for row, slug in zip(cells, slugs, strict=True)]
        row: dict[str, object] = {
            "id": name,
            "level": next(finding.level for finding, _ in found if finding is not None),
            "sentence": _prose(known[name].sentence) if name in known else "",
            "cells": [_cell(finding, slug, target) for (finding, slug), target in zip(found, targets, strict=True)],
        }
        areas.setdefault(name.partition("-")[0], []).append(row)
    return [{"name": area, "description": area_title(area), "rows": members} for area, members in areas.items()]


def _cell(finding: Finding | None, slug: str, target: TargetResults) -> dict[str, object]:
    if finding is None and target.verdicts:  # another run's requirement
        return {"verdict": "", "symbol": "", "mark": "not run", "href": ""}
    verdict = finding.verdict if finding else Verdict.INCONCLUSIVE  # no finding at all: the target did not start
    href = f"{slug}/{finding.id}" if finding else ""
    return {"verdict": verdict, "symbol": SYMBOLS[verdict], "mark": MARKS[verdict], "href": href}


def _troubles(
    targets: Sequence[TargetResults], slugs: Sequence[str], known: Mapping[str, Described]
) -> list[dict[str, object]]:
    """What is no pass, by target: violations one by one, the rest by cause."""
    troubles: list[dict[str, object]] = []
    for target, slug in zip(targets, slugs, strict=True):
        findings = [
            {
                "href": f"{slug}/{finding.id}",
                "id": finding.id,
                "verdict": finding.verdict,
                "symbol": SYMBOLS[finding.verdict],
                "mark": MARKS[finding.verdict],
                "level": finding.level,
                "sentence": _prose(known[finding.id].sentence) if finding.id in known else "",
                "evidence": list(evidence(finding, target, known)),
            }
            for finding in target.verdicts
            if finding.verdict in TOLD_ONE_BY_ONE
        ]
        causes = [
            {
                "verdict": verdict,
                "symbol": SYMBOLS[verdict],
                "mark": MARKS[verdict],
                "message": printable(members[0].reason or members[0].message),
                "link": members[0].link or "",
                "ids": [(made.id, f"{slug}/{made.id}", _deviates(made)) for made in members],
            }
            for verdict in TOLD_BY_CAUSE
            for members in by_cause(target, verdict)
        ]
        if findings or causes:
            troubles.append({"name": printable(target.name), "findings": findings, "groups": causes})
    return troubles


def _deviates(finding: Finding) -> str:
    """What a deviation shows, in a clause; empty for other verdicts."""
    return printable(finding.actual or finding.message) if finding.verdict is Verdict.DEVIATION else ""


def _code(found: Comparison) -> dict[str, object]:
    sources = [
        {
            "name": source.name,
            "title": ", ".join(dict.fromkeys(name.partition(" · ")[0] for name in source.targets)),
            "pieces": source.pieces,
        }
        for source in found.sources
    ]
    return {"sources": sources, "names": found.names}


def _names(targets: Sequence[TargetResults], slugs: Sequence[str]) -> list[dict[str, str]]:
    return [{"name": printable(target.name), "slug": slug} for target, slug in zip(targets, slugs, strict=True)]


def _requirements(rows: Sequence[str], known: Mapping[str, Described]) -> dict[str, dict[str, str]]:
    """What the script needs to know of requirements beyond the matrix: where each comes from, and what shows it."""
    return {
        name: {
            "source": made.anchor.title,
            "url": made.anchor.url if made.anchor.url.startswith(("https://", "http://")) else "",
            "shown": f"{made.exchange.name}: {made.exchange.sentence}" if isinstance(made, Requirement) else "",
        }
        for name in rows
        if (made := known.get(name)) is not None
    }


def _script_safe(value: object) -> Markup:
    """JSON that stands in a script element: no `<` that could end it."""
    return Markup(msgspec.json.encode(value).decode().replace("<", "\\u003c"))  # noqa: S704 - see above


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
