"""What there is: the requirements as a list, one of them explained."""

from __future__ import annotations

import inspect
import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from streamspec.contract import TEXT, Level
from streamspec.report.layout import print_labelled, wrapped
from streamspec.report.wording import area_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console

    from streamspec.clients.requirement import ClientMutant, ClientRequirement
    from streamspec.contract import JSON
    from streamspec.report.wording import Described
    from streamspec.requirement import Mutant, Requirement


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


def print_list(console: Console, requirements: Sequence[Described]) -> None:
    """Ids, levels and sentences by area."""
    width = max((len(made.id) for made in requirements), default=0)
    by_area = groupby(requirements, key=lambda made: made.id.partition("-")[0])
    for number, (area, members) in enumerate(by_area):
        console.print(Text.assemble("\n" if number else "", (area, "bold"), f" · {area_title(area)}"))
        for made in members:
            level = Text(f"{made.level:<6}", "" if made.level is Level.MUST else "yellow")
            first, *rest = wrapped(console, made.sentence, console.width - width - 12)
            console.print(Text.assemble(f"  {made.id:<{width}}  ", level, f"  {first}"), soft_wrap=True)
            for line in rest:
                console.print(Text(" " * (width + 12) + line), soft_wrap=True)


def print_explained(console: Console, made: Requirement, requirements: Iterable[Requirement]) -> None:
    """One requirement: its sentence, its source, how it is shown, the mutants that prove it, how to run it alone."""
    _print_head(console, made)
    print_labelled(console, "shown by", f"{made.exchange.name}: {made.exchange.sentence}")
    needs = [*sorted(made.exchange.needs), *(["a launched process"] if made.exchange.process else [])]
    if needs:
        print_labelled(console, "needs", ", ".join(needs))
    _print_proof(console, made, [mutant for other in requirements for mutant in other.mutants])
    print_labelled(console, "run it", f"streamspec check TARGET --select {made.id}", breakable=False)


def print_client_explained(
    console: Console, made: ClientRequirement, requirements: Iterable[ClientRequirement]
) -> None:
    """The same of a requirement of clients."""
    _print_head(console, made)
    print_labelled(console, "claims", ", ".join(sorted(made.needs)) or "every client")
    _print_proof(console, made, [mutant for other in requirements for mutant in other.mutants])
    print_labelled(console, "run it", f"streamspec clients CLIENT --select {made.id}", breakable=False)


def _print_head(console: Console, made: Described) -> None:
    console.print(Text.assemble((made.id, "bold"), f"  {made.level}"))
    console.print(Text(made.sentence))
    url = made.anchor.url
    if url.startswith(TEXT.name):
        url = str(_from_here(TEXT.resolve())) + url.removeprefix(TEXT.name)
    print_labelled(console, "source", f"{made.anchor.title}: {url}", breakable=False)


def _print_proof(
    console: Console, made: Requirement | ClientRequirement, mutants: Iterable[Mutant | ClientMutant]
) -> None:
    own: Sequence[Mutant | ClientMutant] = made.mutants
    for number, mutant in enumerate(own):
        print_labelled(console, "" if number else "mutants", _mutant_line(mutant.name, mutant.also_breaks))
    also = [mutant for mutant in mutants if made.id in mutant.also_breaks]
    for number, mutant in enumerate(also):
        print_labelled(console, "" if number else "fails too", f"{mutant.path}: {mutant.also_breaks[made.id]}")
    print_labelled(console, "judge", _source_line(made), breakable=False)


def _mutant_line(name: str, also_breaks: Mapping[str, str]) -> str:
    if not also_breaks:
        return f"{name}: breaks this alone"
    others = "; ".join(f"{other} ({reason})" for other, reason in also_breaks.items())
    return f"{name}: breaks this and {others}"


def _source_line(made: Requirement | ClientRequirement) -> str:
    file = inspect.getsourcefile(made.judge) or "?"
    lines, first = inspect.getsourcelines(made.judge)
    # A decorated function's source begins with its decorators.
    offset = next((number for number, line in enumerate(lines) if line.lstrip().startswith("def ")), 0)
    return f"{_from_here(Path(file))}:{first + offset}"


def _from_here(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
