"""`streamspec check` and `streamspec compare`: a run, the report of it, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # typer resolves the annotations of commands
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from streamspec import session
from streamspec.commands.ending import output, say, sentences
from streamspec.commands.options import (
    DEFAULT_REPORT,
    Direct,
    Http2,
    Json,
    JUnit,
    Report,
    Select,
    Server,
    Skip,
    SlowFactor,
    Strict,
    Via,
)
from streamspec.proxies import find_all
from streamspec.report import files
from streamspec.report.console import print_check, print_compare
from streamspec.report.progress import Progress
from streamspec.report.proxied import print_proxied
from streamspec.report.results import encode, exit_code
from streamspec.requirement import select
from streamspec.target_names import foreign, implementations, variants

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamspec.report.results import Results
    from streamspec.report.wording import Described


@dataclass(frozen=True, slots=True)
class Options:
    """What `check`, `compare` and `clients` have in common."""

    only: list[str] | None
    skip: list[str] | None
    strict: bool
    report: Path
    json: bool
    junit: Path | None
    slow_factor: float


def check(
    target: Annotated[str, typer.Argument(help="A base URL, an impl.toml, or a name under impls/.")],
    *,
    server: Server = None,
    direct: Direct = None,
    http2: Http2 = False,
    only: Select = None,
    skip: Skip = None,
    strict: Strict = False,
    report: Report = DEFAULT_REPORT,
    json: Json = False,
    junit: JUnit = None,
    slow_factor: SlowFactor = 1.0,
) -> None:
    """Check one target in detail.

    With --direct, the target is a server behind whatever stands in front of it, and is compared with its origin.
    """
    options = Options(only, skip, strict, report, json, junit, slow_factor)
    if direct is None:
        _run(lambda: session.choose([target], server=server, http2=http2), options, print_check)
    else:
        _run(lambda: session.choose_deployed(target, direct, server=server, http2=http2), options, print_compare)


def compare(
    targets: Annotated[list[str] | None, typer.Argument(help="As for `check`; by default all of impls/*/.")] = None,
    *,
    with_variants: Annotated[
        bool, typer.Option("--variants", help="Add impls/variants/*/: helpers and idioms that people use.")
    ] = False,
    with_foreign: Annotated[
        bool, typer.Option("--foreign", help="Add impls/foreign/*/: another language, another framework.")
    ] = False,
    matrix: Annotated[bool, typer.Option("--matrix", help="Each of them under each of its servers.")] = False,
    via: Via = None,
    http2: Http2 = False,
    only: Select = None,
    skip: Skip = None,
    strict: Strict = False,
    report: Report = DEFAULT_REPORT,
    json: Json = False,
    junit: JUnit = None,
    slow_factor: SlowFactor = 1.0,
) -> None:
    """Check several targets side by side."""
    specs = targets or list(implementations())
    specs += variants() if with_variants else ()
    specs += foreign() if with_foreign else ()
    options = Options(only, skip, strict, report, json, junit, slow_factor)
    _run(lambda: session.choose(specs, matrix=matrix, via=find_all(via or ()), http2=http2), options, print_compare)


def _run(choose: Callable[[], Sequence[session.Chosen]], options: Options, show: Callable[..., None]) -> None:
    with sentences():
        requirements = select(options.only or (), options.skip or ())
        chosen = choose()
        files.prepare(options.report, options.junit)
        with Progress(Console(stderr=True, highlight=False), len(chosen)) as progress:
            results = session.run(chosen, requirements, options.slow_factor, progress)
        conclude(results, {made.id: made for made in requirements}, options, show)


def conclude(results: Results, known: Mapping[str, Described], options: Options, show: Callable[..., None]) -> NoReturn:
    """Write the report and show the findings, in this order, and exit; what cannot be written is shown nevertheless."""
    unwritten: files.ReportError | None = None
    try:
        files.write(results, known, options.report, options.junit, strict=options.strict)
    except files.ReportError as error:
        unwritten = error
    if options.json:
        print(encode(results).decode(), end="")
    else:
        show(output(), results.targets, known, strict=options.strict)
        print_proxied(output(), results.targets)
    for reason in dict.fromkeys(target.error for target in results.targets if target.error):
        say(f"INCONCLUSIVE: {reason}")
    if unwritten is not None:
        raise unwritten
    raise typer.Exit(exit_code(results.targets, strict=options.strict))
