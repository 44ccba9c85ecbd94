"""`streamspec judge`: the verdicts of a run again, from its file alone."""

from __future__ import annotations

from pathlib import Path  # typer resolves the annotations of commands
from typing import TYPE_CHECKING, Annotated

import typer

from streamspec import rejudging
from streamspec.commands.ending import output, say, sentences
from streamspec.commands.options import Json, Strict
from streamspec.report.console import print_check, print_compare
from streamspec.report.results import encode, exit_code, read
from streamspec.requirement import all_requirements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamspec.report.results import Results
    from streamspec.requirement import Requirement


def judge(
    results: Annotated[Path, typer.Argument(help="The results.json of a whole run.", metavar="FILE")],
    *,
    strict: Strict = False,
    json: Json = False,
) -> None:
    """Give the verdicts of a run again from its recordings.

    No server is asked. What differs from the file is told.
    """
    with sentences():
        known = {made.id: made for made in all_requirements()}
        before = read(results)
        now = rejudging.judged_again(before, known, str(results))
        agreement = _agreement(rejudging.differences(before, now), before.suite_version)
        agreement += _not_judged(before, known)
        if json:
            print(encode(now).decode(), end="")
            for line in agreement:
                say(line)
        else:
            show = print_compare if len(now.targets) > 1 else print_check
            show(output(), now.targets, known, strict=strict)
            print(*agreement, sep="\n")
        for target in now.targets:
            if target.error:
                say(f"INCONCLUSIVE: {target.error}")
        raise typer.Exit(exit_code(now.targets, strict=strict))


def _agreement(differences: Sequence[rejudging.Difference], version: str) -> list[str]:
    """Whether the file says the same, or where it says another thing."""
    if not differences:
        return ["judged again from its recordings: the same as in the file"]
    lines = []
    for one in differences:
        was, now = one.before, one.now
        what = f"{was.verdict} in the file, {now.verdict} now" if was.verdict is not now.verdict else "said otherwise"
        lines.append(f"{was.id} on {one.target}: {what}")
    differ = "1 finding differs" if len(differences) == 1 else f"{len(differences)} findings differ"
    return [*lines, f"{differ}: streamspec {version} wrote the file, or it was changed since"]


def _not_judged(before: Results, known: Mapping[str, Requirement]) -> list[str]:
    """What the file has verdicts of and today's requirements do not: a line, or none."""
    ids = sorted({found.id for target in before.targets for found in target.verdicts} - known.keys())
    return [f"left out, as no requirement has that id now: {', '.join(ids)}"] if ids else []
