"""The generated tables of CONTRACT.md: budgets and requirements. `python -m streamspec.contract_table` rewrites them.

What stands between a pair of markers is made from the registry and the constants; nothing outside them is touched.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from streamspec import contract
from streamspec.contract import AREAS
from streamspec.requirement import ContractError, all_requirements

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamspec.contract import Anchor
    from streamspec.requirement import Requirement

CONTRACT_FILE = Path(__file__).parents[1] / "CONTRACT.md"

BUDGETS = (
    ("from leaving to `cleaned`", f"{contract.DISCONNECT_BUDGET_MS:g} ms"),
    ("arrival of an item after its production, median", f"{contract.LATENESS_BUDGET_MS:g} ms"),
    ("the length of a stream beside 200, over that of its schedule", f"{contract.PACE_BUDGET:g}"),
    ("400 items behind their schedule at the end", f"{contract.DRIFT_BUDGET_MS:g} ms"),
    ("first byte of a stream whose first item is due at once, median", f"{contract.FIRST_BYTE_BUDGET_MS:g} ms"),
    ("production ahead of a reader that reads nothing", f"{contract.FLOW_BUDGET_BYTES:,} bytes"),
    ("answer of `/streams` while streams are busy", f"{contract.STATUS_BUDGET_MS:g} ms"),
    ("shutdown, beyond `drain_ms`", f"{contract.SHUTDOWN_BUDGET_MS:g} ms"),
    ("from `retry` to the end of a stream that is cut, at least", f"{contract.RETRY_BUDGET_MS:g} ms"),
    ("anything that needs no time, before the suite gives up", f"{contract.PROMPT_S:g} s"),
)


def with_tables(text: str, requirements: Sequence[Requirement]) -> str:
    """The contract's text with current tables. Raises ContractError where their markers are not."""
    text = _between("budgets", text, _table(("budget", "value"), BUDGETS))
    return _between("requirements", text, _requirements(requirements))


def _between(name: str, text: str, made: str) -> str:
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begun, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not begun or not ended:
        raise ContractError(f"CONTRACT.md must hold the lines {begin} and {end}, in that order")
    return f"{before}{begin}\n\n{made}\n\n{end}{after}"


def _requirements(requirements: Sequence[Requirement]) -> str:
    levels = Counter(made.level for made in requirements)
    numbers = ", ".join(f"{count} {level}" for level, count in levels.items())
    parts = [f"{len(requirements)} requirements: {numbers}."]
    columns = ("requirement", "level", "what holds", "source", "shown by", "mutants")
    for area, of_area in groupby(requirements, key=lambda made: made.area):
        parts += [f"### {AREAS[area]}", _table(columns, map(_cells, of_area))]
    return "\n\n".join(parts)


def _cells(made: Requirement) -> tuple[str, ...]:
    source = _link(made.anchor)
    return f"`{made.id}`", made.level, made.sentence, source, made.exchange.name, str(len(made.mutants))


def _link(anchor: Anchor) -> str:
    return f"[{anchor.title}]({anchor.url.removeprefix(CONTRACT_FILE.name)})"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(map(_escaped, row))} |" for row in (columns, ["---"] * len(columns), *rows))


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("<", "\\<")


def main() -> int:
    """Writes the tables; with --check, only tells by its exit status whether they are current."""
    parser = argparse.ArgumentParser(prog="python -m streamspec.contract_table", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 where a table is outdated")
    check = parser.parse_args().check
    if not CONTRACT_FILE.is_file():
        parser.error(f"{CONTRACT_FILE} is not there: run it from a checkout of the project, installed editable")
    text = CONTRACT_FILE.read_text(encoding="utf-8")
    current = with_tables(text, all_requirements())
    if text == current:
        return 0
    if check:
        print("CONTRACT.md is outdated: run `python -m streamspec.contract_table`", file=sys.stderr)
        return 1
    CONTRACT_FILE.write_text(current, encoding="utf-8")
    print(f"{CONTRACT_FILE.name}: its tables are rewritten")
    return 0


if __name__ == "__main__":
    sys.exit(main())
