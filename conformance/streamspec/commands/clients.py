"""`streamspec clients`: the suite turned round, at clients of event streams."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from streamspec.clients import session
from streamspec.clients.requirement import select
from streamspec.commands.check import Options, conclude
from streamspec.commands.ending import output, say, sentences
from streamspec.commands.options import DEFAULT_REPORT, Json, JUnit, Report, Select, Skip, SlowFactor, Strict
from streamspec.mistake import Mistake
from streamspec.report import catalogue, files
from streamspec.report.console import print_check, print_compare
from streamspec.report.progress import Progress


class NothingInstalled(Mistake):
    """None of the clients that were named is installed: install one."""


def clients(
    names: Annotated[
        list[str] | None, typer.Argument(help="Clients by name, or their adapters' TOML files; by default all.")
    ] = None,
    *,
    show: Annotated[bool, typer.Option("--list", help="List what is required of clients, and run nothing.")] = False,
    only: Select = None,
    skip: Skip = None,
    strict: Strict = False,
    report: Report = DEFAULT_REPORT,
    json: Json = False,
    junit: JUnit = None,
    slow_factor: SlowFactor = 1.0,
) -> None:
    """Play edge cases at clients of event streams, and compare them."""
    with sentences():
        requirements = select(only or (), skip or ())
        if show:
            catalogue.print_list(output(), requirements)
            return
        adapters = session.choose(names or ())
        files.prepare(report, junit)
        with Progress(Console(stderr=True, highlight=False), len(adapters)) as progress:
            results, absent = asyncio.run(session.run(adapters, requirements, slow_factor, progress))
        for missing in absent:
            say(f"{missing.adapter.name} is not installed ({missing.reason}): {missing.adapter.install}")
        if not results.targets or (names and absent):
            raise NothingInstalled("nothing was played at these: install them first")
        options = Options(only, skip, strict, report, json, junit, slow_factor)
        shown = print_check if len(adapters) == 1 else print_compare
        conclude(results, {made.id: made for made in requirements}, options, shown)
