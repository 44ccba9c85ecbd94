"""Results as Markdown: the matrix and what does not hold, for a job summary or a pull request."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from streamspec.report.proxied import proxied_markdown
from streamspec.report.results import Verdict
from streamspec.report.wording import MARKS, by_cause, conclusion, evidence, printable, totals, versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from streamspec.report.results import Finding, Results, TargetResults
    from streamspec.report.wording import Described

EMPHASIS = {Verdict.FAIL: "**", Verdict.INCONCLUSIVE: "**", Verdict.WARN: "*", Verdict.DEVIATION: "*"}


def markdown(results: Results, known: Mapping[str, Described], *, strict: bool) -> str:
    """The whole document."""
    lines = ["# streamspec", ""]
    lines += [f"- {_summary(target, strict=strict)}" for target in results.targets]
    lines += ["", *_matrix(results, known), *proxied_markdown(results.targets)]
    for target in results.targets:
        for finding in target.verdicts:
            if finding.verdict in {Verdict.FAIL, Verdict.WARN}:
                lines += ["", *_section(finding, target, known)]
        for findings in by_cause(target, Verdict.INCONCLUSIVE):
            ids = ", ".join(f"`{finding.id}`" for finding in findings)
            lines += ["", f"**inconclusive** on {target.name}: {_inline(findings[0].message)} ({ids})"]
    lines += _deviations(results.targets)
    lines += ["", f"streamspec {results.suite_version}, {results.started_at}", ""]
    return "\n".join(lines)


def _summary(target: TargetResults, *, strict: bool) -> str:
    said = f" ({_inline(versions(target))})" if versions(target) else ""
    why = f": {_inline(target.error)}" if target.error else ""
    return f"**{_inline(target.name)}** {conclusion(target, strict=strict)}: {totals(target)}{said}{why}"


def _matrix(results: Results, known: Mapping[str, Described]) -> Iterator[str]:
    cells = [{finding.id: finding for finding in target.verdicts} for target in results.targets]
    yield "| requirement | " + " | ".join(_inline(target.name) for target in results.targets) + " |"
    yield "|---|" + "---|" * len(results.targets)
    for made in known:
        if any(made in row for row in cells):
            shown = [_cell(row.get(made), target) for row, target in zip(cells, results.targets, strict=True)]
            yield f"| `{made}` | " + " | ".join(shown) + " |"


def _cell(finding: Finding | None, target: TargetResults) -> str:
    if finding is None and target.verdicts:  # another run's requirement
        return "not run"
    verdict = finding.verdict if finding else Verdict.INCONCLUSIVE  # no finding at all: the target did not start
    emphasis = EMPHASIS.get(verdict, "")
    return f"{emphasis}{MARKS[verdict]}{emphasis}"


def _section(finding: Finding, target: TargetResults, known: Mapping[str, Described]) -> Iterator[str]:
    yield f"**{MARKS[finding.verdict]}** `{finding.id}` on {_inline(target.name)}"
    if finding.id in known:
        yield f"{known[finding.id].sentence}"
    yield ""
    yield "```"
    yield from (f"{label:<9} {text}" for label, text in evidence(finding, target, known))
    yield "```"


def _deviations(targets: Sequence[TargetResults]) -> Iterator[str]:
    """What deviates and why, folded: it is known, and of a helper that people use it may be much."""
    for target in targets:
        if count := target.count(Verdict.DEVIATION):
            yield from ("", f"<details><summary>{count} deviations of {_html(target.name)}</summary>", "")
            for findings in by_cause(target, Verdict.DEVIATION):
                link = f" {_inline(findings[0].link)}" if findings[0].link else ""
                ids = ", ".join(f"`{finding.id}`" for finding in findings)
                yield f"- {_inline(findings[0].reason or findings[0].message)}{link} ({ids})"
            yield from ("", "</details>")


def _html(text: str) -> str:
    return escape(printable(text))


def _inline(text: str) -> str:
    """The text without what Markdown or HTML would read in it."""
    return "".join(f"\\{char}" if char in r"\`*_[]|<>" else char for char in printable(text))
