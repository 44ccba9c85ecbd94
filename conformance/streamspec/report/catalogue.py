"""What there is: the requirements as a list, one of them explained."""

from __future__ import annotations

import inspect
import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from streamspec.contract import AREAS, Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console

    from streamspec.contract import JSON
    from streamspec.requirement import Requirement


def as_json(requirements: Iterable[Requirement]) -> str:
    """The requirements with their anchors and mutants."""
    rows: list[JSON] = [
        {
            "id": made.id,
            "area": made.area,
            "level": str(made.level),
            "sentence": made.sentence,
            "anchor": {"title": made.anchor.title, "url": made.anchor.url},
            "exchange": made.exchange.name,
            "mutants": [{"name": mutant.name, "also_breaks": dict(mutant.also_breaks)} for mutant in made.mutants],
        }
        for made in requirements
    ]
    return json.dumps(rows, indent=1, ensure_ascii=False)


def print_list(console: Console, requirements: Sequence[Requirement]) -> None:
    """Ids, levels and sentences by area."""
    width = max((len(made.id) for made in requirements), default=0)
    for area, members in groupby(requirements, key=lambda made: made.area):
        console.print(Text.assemble("\n" if area != requirements[0].area else "", (area, "bold"), f" · {AREAS[area]}"))
        for made in members:
            room = max(20, console.width - width - 12)
            lines = Text(made.sentence).wrap(console, room)
            level = Text(f"{made.level:<6}", "" if made.level is Level.MUST else "yellow")
            console.print(Text.assemble("  ", f"{made.id:<{width}}  ", level, "  ", lines[0]))
            for line in lines[1:]:
                console.print(Text.assemble(" " * (width + 12), line))


def print_explained(console: Console, made: Requirement, requirements: Iterable[Requirement]) -> None:
    """One requirement: its sentence, its source, how it is shown, the mutants that prove it, how to run it alone."""
    console.print(Text.assemble((made.id, "bold"), f"  {made.level}"))
    console.print(Text(made.sentence))
    also = [mutant for other in requirements for mutant in other.mutants if made.id in mutant.also_breaks]
    parts = {
        "source": [f"{made.anchor.title}: {made.anchor.url}"],
        "shown by": [f"{made.exchange.name}: {made.exchange.sentence}"],
        "needs": sorted(made.exchange.needs) + (["a launched process"] if made.exchange.process else []),
        "mutants": [_mutant_line(mutant.name, mutant.also_breaks) for mutant in made.mutants],
        "fails too": [f"{mutant.path}: {mutant.also_breaks[made.id]}" for mutant in also],
        "judge": [_source_line(made)],
        "run it": [f"streamspec check TARGET --select {made.id}"],
    }
    for label, lines in parts.items():
        for number, line in enumerate(lines):
            if label in {"source", "judge", "run it"}:  # to be copied: never broken by us
                console.print(Text.assemble("  ", (f"{label:<10}", "dim"), line), soft_wrap=True)
                continue
            console.print(Text.assemble("  ", (f"{label if number == 0 else '':<10}", "dim")), end="")
            _print_hanging(console, line)


def _print_hanging(console: Console, text: str) -> None:
    for number, line in enumerate(Text(text).wrap(console, max(20, console.width - 13))):
        console.print(Padding(line, (0, 0, 0, 12)) if number else line)


def _mutant_line(name: str, also_breaks: Mapping[str, str]) -> str:
    if not also_breaks:
        return f"{name}: breaks this alone"
    others = "; ".join(f"{other} ({reason})" for other, reason in also_breaks.items())
    return f"{name}: breaks this and {others}"


def _source_line(made: Requirement) -> str:
    file = inspect.getsourcefile(made.judge) or "?"
    lines, first = inspect.getsourcelines(made.judge)
    # A decorated function's source begins with its decorators.
    offset = next((number for number, line in enumerate(lines) if line.lstrip().startswith("def ")), 0)
    path = Path(file)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}:{first + offset}"
