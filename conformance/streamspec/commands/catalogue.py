"""`streamspec list` and `streamspec explain`: what is required, and what proves it."""

from __future__ import annotations

from typing import Annotated

import typer

from streamspec.clients.requirement import CLIENT_REGISTRY, all_client_requirements
from streamspec.commands.ending import output, sentences
from streamspec.commands.options import Select, Skip
from streamspec.lint.checks import all_checks
from streamspec.lint.console import print_explained as print_check
from streamspec.report import catalogue
from streamspec.requirement import REGISTRY, UnknownSelection, all_requirements, select


def list_requirements(
    only: Select = None,
    skip: Skip = None,
    json: Annotated[bool, typer.Option("--json", help="With anchors and mutants, as JSON.")] = False,
) -> None:
    """List the requirements."""
    with sentences():
        chosen = select(only or (), skip or ())
        if json:
            print(catalogue.as_json(chosen))
        else:
            catalogue.print_list(output(), chosen)


def explain(name: Annotated[str, typer.Argument(help="A requirement's id.", metavar="ID")]) -> None:
    """Explain one requirement, and what proves it."""
    with sentences():
        if found := {made.id: made for made in all_checks()}.get(name) if name.startswith("lint-") else None:
            print_check(output(), found)
            return
        of_clients = all_client_requirements()
        if name in CLIENT_REGISTRY:
            catalogue.print_client_explained(output(), CLIENT_REGISTRY[name], of_clients)
            return
        known = all_requirements()
        if name not in REGISTRY:
            near = [each for each in (*REGISTRY, *CLIENT_REGISTRY) if name in each]
            lists = "`streamspec list` shows every id, `streamspec clients --list` those of clients"
            hint = f"do you mean {' or '.join(near[:3])}?" if near else lists
            raise UnknownSelection(f"no requirement is named {name!r}; {hint}")
        catalogue.print_explained(output(), REGISTRY[name], known)
