"""The command line: options in, a run, reports and an exit code out.

Every way to fail ends here in one sentence on standard error: 1 a violation, 2 the command, 3 nothing to be observed.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Iterator  # noqa: TC003 - typer resolves the annotations of commands
from dataclasses import dataclass
from pathlib import Path  # typer resolves it, too
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from streamspec import __version__, session
from streamspec.report import catalogue, files
from streamspec.report.console import print_check, print_compare
from streamspec.report.progress import Progress
from streamspec.report.results import ExitCode, encode, exit_code
from streamspec.requirement import REGISTRY, ContractError, UnknownSelection, all_requirements, select
from streamspec.serving import serve_implementation
from streamspec.target import TargetError, implementations, variants

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType


app = typer.Typer(
    help="Prove that an HTTP server really streams: chunk timing, event stream framing, disconnects.",
    epilog="Exit codes: 0 conformant, 1 violation, 2 usage, 3 nothing could be observed.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


Select = Annotated[
    list[str] | None,
    typer.Option("--select", metavar="PREFIX", help="Only ids that start so; repeat it, or separate by commas."),
]
Skip = Annotated[
    list[str] | None,
    typer.Option("--skip", metavar="PREFIX", help="No ids that start so; repeat it, or separate by commas."),
]
Strict = Annotated[bool, typer.Option("--strict", help="A SHOULD that does not hold is a violation too.")]
Report = Annotated[
    Path, typer.Option("--report", help="Folder for results.json, junit.xml and summary.md.", metavar="DIR")
]
Json = Annotated[bool, typer.Option("--json", help="Write results.json, and nothing else, to standard output.")]
JUnit = Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML to this file too.", metavar="FILE")]
SlowFactor = Annotated[
    float,
    typer.Option(
        "--slow-factor", metavar="FACTOR", help="Wait so many times as long for what must come.", min=0.1, max=100
    ),
]
Server = Annotated[
    str | None,
    typer.Option("--server", help="Server to stand under it: one of `servers` in its impl.toml; by default the first."),
]
DEFAULT_REPORT = Path("streamspec-report")


@dataclass(frozen=True, slots=True)
class _Options:
    """What `check` and `compare` have in common."""

    only: list[str] | None
    skip: list[str] | None
    strict: bool
    report: Path
    json: bool
    junit: Path | None
    slow_factor: float


@app.command()
def check(
    target: Annotated[str, typer.Argument(help="A base URL, an impl.toml, or a name under impls/.")],
    *,
    server: Server = None,
    only: Select = None,
    skip: Skip = None,
    strict: Strict = False,
    report: Report = DEFAULT_REPORT,
    json: Json = False,
    junit: JUnit = None,
    slow_factor: SlowFactor = 1.0,
) -> None:
    """Check one target in detail."""
    options = _Options(only, skip, strict, report, json, junit, slow_factor)
    _run(lambda: session.choose([target], server=server), options, print_check)


@app.command()
def compare(
    targets: Annotated[list[str] | None, typer.Argument(help="As for `check`; by default all of impls/*/.")] = None,
    *,
    with_variants: Annotated[
        bool, typer.Option("--variants", help="Add impls/variants/*/: helpers and idioms that people use.")
    ] = False,
    matrix: Annotated[bool, typer.Option("--matrix", help="Each of them under each of its servers.")] = False,
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
    options = _Options(only, skip, strict, report, json, junit, slow_factor)
    _run(lambda: session.choose(specs, matrix=matrix), options, print_compare)


@app.command("list")
def list_requirements(
    only: Select = None,
    skip: Skip = None,
    json: Annotated[bool, typer.Option("--json", help="With anchors and mutants, as JSON.")] = False,
) -> None:
    """List the requirements."""
    with _sentences():
        chosen = select(only or (), skip or ())
        if json:
            print(catalogue.as_json(chosen))
        else:
            catalogue.print_list(_console(), chosen)


@app.command()
def explain(name: Annotated[str, typer.Argument(help="A requirement's id.", metavar="ID")]) -> None:
    """Explain one requirement, and what proves it."""
    with _sentences():
        known = all_requirements()
        if name not in REGISTRY:
            near = [made.id for made in known if name in made.id]
            hint = f"do you mean {' or '.join(near[:3])}?" if near else "`streamspec list` shows every id"
            raise UnknownSelection(f"no requirement is named {name!r}; {hint}")
        catalogue.print_explained(_console(), REGISTRY[name], known)


@app.command()
def serve(
    implementation: Annotated[str, typer.Argument(help="An impl.toml, or a name under impls/.")],
    host: Annotated[str | None, typer.Option(help="Address to bind, if not the implementation's own choice.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to bind; 0: any that is free.")] = 8000,
    server: Server = None,
) -> None:
    """Serve one implementation until Ctrl-C."""
    with _sentences():
        serve_implementation(implementation, host=host, port=port, server=server)


bench = typer.Typer(help="Measure our client's parts against their peers.", no_args_is_help=True)
app.add_typer(bench, name="bench")


@bench.command()
def decoder(
    json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
    rounds: Annotated[int, typer.Option(min=2, max=1000, help="Rounds, the decoders interleaved in each.")] = 9,
    node_modules: Annotated[
        Path, typer.Option(metavar="DIR", help="Where undici and eventsource-parser are looked for.")
    ] = Path("node_modules"),
) -> None:
    """Time our event stream decoder beside its peers: about a minute."""
    from streamspec.bench import decoder_table, print_decoder_table  # noqa: PLC0415 - it imports every peer

    with _sentences():
        table = decoder_table(rounds, node_modules, lambda column: print(f"measuring {column}", file=sys.stderr))
        if json:
            print(table.to_json())
        else:
            print_decoder_table(table, _console())


@bench.callback()
def bench_group() -> None:
    """Measure our client's parts against their peers."""


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    """Prove that an HTTP server really streams: chunk timing, event stream framing, disconnects."""
    if show:
        print(f"streamspec {__version__}")
        raise typer.Exit


def main() -> None:
    """The command `streamspec`."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminated)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows ASCII alone gets question marks
    app(prog_name="streamspec")


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP, which end a run as Ctrl-C does: servers that were launched are stopped."""


def _terminated(number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated(number)


def _run(choose: Callable[[], Sequence[session.Chosen]], options: _Options, show: Callable[..., None]) -> None:
    with _sentences():
        requirements = select(options.only or (), options.skip or ())
        chosen = choose()
        files.prepare(options.report, options.junit)
        with Progress(Console(stderr=True, highlight=False), len(chosen)) as progress:
            results = session.run(chosen, requirements, options.slow_factor, progress)
        known = {made.id: made for made in requirements}
        unwritten: files.ReportError | None = None
        try:
            files.write(results, known, options.report, options.junit, strict=options.strict)
        except files.ReportError as error:
            unwritten = error  # the findings are shown nevertheless
        if options.json:
            print(encode(results).decode(), end="")
        else:
            show(_console(), results.targets, known, strict=options.strict)
        for target in results.targets:
            if target.error:
                _say(f"INCONCLUSIVE: {target.error}")
        if unwritten is not None:
            raise unwritten
        raise typer.Exit(exit_code(results.targets, strict=options.strict))


class _Output(Console):
    """Standard output. A reader that has gone is an error here as elsewhere: rich would exit 1, our "violation"."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def _console() -> Console:
    return _Output(highlight=False)


def _say(sentence: object) -> None:
    print(f"streamspec: {sentence}", file=sys.stderr)


@contextlib.contextmanager
def _sentences() -> Iterator[None]:
    """Turn whatever ends a command into one sentence on standard error and its exit code."""
    try:
        yield
        sys.stdout.flush()
    except (UnknownSelection, TargetError, files.ReportError) as error:
        _say(error)
        raise typer.Exit(ExitCode.USAGE) from error
    except ContractError as error:
        _say(f"this is a bug of streamspec, please report it: {error}")
        raise typer.Exit(ExitCode.INCONCLUSIVE) from error
    except KeyboardInterrupt as error:
        number = error.args[0] if isinstance(error, Terminated) else signal.SIGINT
        _say("interrupted: no report was written")
        raise typer.Exit(128 + number) from error
    except BrokenPipeError as error:  # `| head` has seen enough
        _close_output()
        raise typer.Exit(128 + signal.SIGPIPE) from error
    except OSError as error:
        _close_output()
        _say(f"standard output cannot be written: {error.strerror}")
        raise typer.Exit(ExitCode.USAGE) from error


def _close_output() -> None:
    """Send what is left in the buffer nowhere, so that the interpreter does not fail over it again as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
