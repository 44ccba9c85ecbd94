"""What stands in front of a server, told beside the server itself: on a terminal and as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from streamspec.proxies.aspects import ASPECTS, answer, broken, cannot_keep, in_pairs, mended
from streamspec.report.layout import print_labelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from streamspec.report.results import Finding, TargetResults


def print_proxied(console: Console, targets: Sequence[TargetResults]) -> None:
    """For each server the answers side by side, then what each proxy breaks of what holds directly."""
    for direct, through in in_pairs(targets):
        rows = _rows(direct, through)
        widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
        console.print(Text(f"\n{direct.name}, directly and behind a proxy", "bold"))
        for cells in rows:
            line = Text("  ")
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True)):
                bad = number > 0 and not cell.startswith(("yes", "-"))
                line.append(f"{cell:<{width}}", "bold red" if bad and cells is not rows[0] else "")
            line.rstrip()
            console.print(line, soft_wrap=True)
        for one in through:
            console.print()
            for label, text in _said(one, direct):
                print_labelled(console, label, text)


def proxied_markdown(targets: Sequence[TargetResults]) -> Iterator[str]:
    """The same as lines of Markdown."""
    for direct, through in in_pairs(targets):
        head, *rows = _rows(direct, through)
        yield from ("", f"### {direct.name}, directly and behind a proxy", "")
        yield from (f"| {' | '.join(head)} |", "|---" * len(head) + "|")
        yield from (f"| {' | '.join(cells)} |" for cells in rows)
        for one in through:
            yield ""
            yield from (f"- {label}: {text}" if label else f"- {text}" for label, text in _said(one, direct))


def _rows(direct: TargetResults, through: Sequence[TargetResults]) -> list[list[str]]:
    head = ["", "directly", *(name_in_front(one) for one in through)]
    rows = [[made.question, *(answer(made, one) for one in (direct, *through))] for made in ASPECTS]
    return [head, *(row for row in rows if set(row[1:]) != {"-"})]


def name_in_front(results: TargetResults) -> str:
    """What stands in front: the proxy's name and variant, else where it is seen."""
    return results.via or results.name


def _said(through: TargetResults, direct: TargetResults) -> Iterator[tuple[str, str]]:
    named = name_in_front(through)
    version = f" ({through.via_version})" if through.via_version else ""
    if through.error:
        yield "", f"{named}: {through.error}"
        return
    lost = cannot_keep(through, direct)
    if breaks := broken(through, direct):
        yield "", f"{named}{version} breaks {_count(breaks)} that {'holds' if len(breaks) == 1 else 'hold'} directly:"
        yield "breaks", _ids(breaks)
    else:
        yield "", f"{named}{version} breaks nothing" + (" that is not known of it" if lost else "")
    if lost:
        yield "known", f"{_ids(lost)}: see the deviations"
    if better := mended(through, direct):
        yield "mended", _ids(better)


def _count(findings: Sequence[Finding]) -> str:
    return f"{len(findings)} requirement{'s' if len(findings) > 1 else ''}"


def _ids(findings: Sequence[Finding]) -> str:
    return ", ".join(made.id for made in findings)
