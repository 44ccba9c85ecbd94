"""`streamspec report`: the files of a report from results that are there, of one run or of several."""

from __future__ import annotations

from pathlib import Path  # typer resolves the annotations of commands
from typing import Annotated

import typer

from streamspec.clients.requirement import all_client_requirements
from streamspec.commands.ending import say, sentences
from streamspec.commands.options import DEFAULT_REPORT, JUnit, Report, Strict
from streamspec.mistake import Mistake
from streamspec.report import files
from streamspec.report.merging import merged
from streamspec.report.results import read
from streamspec.report.wording import Described, conclusion, totals
from streamspec.requirement import all_requirements


class WouldBeLost(Mistake):
    """A file of results would be overwritten by the report that it is part of."""


def report(
    results: Annotated[list[Path], typer.Argument(help="results.json of whole runs, one or several.", metavar="FILE…")],
    *,
    strict: Strict = False,
    folder: Report = DEFAULT_REPORT,
    junit: JUnit = None,
) -> None:
    """Make one report of the results of one run or several.

    The exit code is 0 whatever the verdicts are; `judge` exits as `check` does.
    """
    with sentences():
        # What is read may lie where the report goes, so it is read first.
        whole, notes = merged([(path, read(path)) for path in results])
        written = folder / files.RESULTS
        if len(results) > 1 and any(path.resolve() == written.resolve() for path in results):
            raise WouldBeLost(f"{written}: the report of all would replace it; give --report another folder")
        files.prepare(folder, junit)
        known: dict[str, Described] = {made.id: made for made in all_requirements()}
        known |= {made.id: made for made in all_client_requirements()}
        files.write(whole, known, folder, junit, strict=strict, notes=notes)
        for note in notes:
            say(note)
        for target in whole.targets:
            print(f"{target.name} {conclusion(target, strict=strict)}: {totals(target)}")
        print(f"report: {folder / files.PAGE}")
