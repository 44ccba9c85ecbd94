"""`streamspec lint`: what the wire alone shows of any endpoint."""

from __future__ import annotations

from pathlib import Path  # typer resolves the annotations of commands
from typing import Annotated

import typer
from rich.console import Console

from streamspec.commands.ending import output, say, sentences
from streamspec.commands.options import Direct, Strict

Url = Annotated[str, typer.Argument(metavar="URL", help="http:// or https://, with path and query.")]
Method = Annotated[str | None, typer.Option("-X", "--request", metavar="METHOD", help="GET; with a body, POST.")]
Header = Annotated[
    list[str] | None, typer.Option("-H", "--header", metavar="LINE", help="`Name: value`; repeat it for more.")
]
Data = Annotated[
    list[str] | None, typer.Option("-d", "--data", metavar="DATA", help="A body; @FILE: what is in it, - for stdin.")
]
DataBinary = Annotated[
    list[str] | None, typer.Option("--data-binary", metavar="DATA", help="The same, line ends of files kept.")
]
Cookie = Annotated[str | None, typer.Option("-b", "--cookie", metavar="COOKIES", help="`name=value; name=value`.")]
User = Annotated[str | None, typer.Option("-u", "--user", metavar="USER", help="`name:password`, for Basic.")]
Insecure = Annotated[bool, typer.Option("-k", "--insecure", help="Trust any certificate.")]
CaFile = Annotated[
    Path | None, typer.Option("--cacert", metavar="FILE", help="Trust the authorities in it, not the system's.")
]
Location = Annotated[bool, typer.Option("-L", "--location", help="Follow redirects.")]
MaxTime = Annotated[
    float, typer.Option("--max-time", "-m", min=0.1, max=3600, metavar="SECONDS", help="Leave a stream after that.")
]
MaxEvents = Annotated[
    int, typer.Option("--max-events", min=1, max=100_000, metavar="N", help="Leave a stream after so many events.")
]
MaxSilence = Annotated[
    float,
    typer.Option(
        "--max-silence", min=0.1, max=3600, metavar="SECONDS", help="Longest silence that proxies on the way allow."
    ),
]
Once = Annotated[
    bool | None,
    typer.Option(
        "--once/--repeat",
        help="Send the request once only, or up to four times, in other ways. By default GET and HEAD are repeated, "
        "and POST, which may cost or change something, is sent once.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print what was found as JSON, and nothing else.")]


def lint(
    url: Url,
    *,
    method: Method = None,
    header: Header = None,
    data: Data = None,
    data_binary: DataBinary = None,
    cookie: Cookie = None,
    user: User = None,
    insecure: Insecure = False,
    cacert: CaFile = None,
    location: Location = False,
    max_time: MaxTime = 30.0,
    max_events: MaxEvents = 100,
    max_silence: MaxSilence = 20.0,
    once: Once = None,
    direct: Direct = None,
    strict: Strict = False,
    json: Json = False,
) -> None:
    """See whether any endpoint streams, without the contract.

    What is looked at: its head, its framing, whether it is buffered, how it ends. The request is sent as given, then
    as a browser accepts it, over HTTP/1.0, and back with Last-Event-ID; a POST only as given, unless with --repeat.
    """
    from streamspec.lint import run  # noqa: PLC0415 - the other commands do without it
    from streamspec.lint.console import print_lint  # noqa: PLC0415 - as above
    from streamspec.lint.look import Limits  # noqa: PLC0415 - as above
    from streamspec.lint.request import Request, body_of  # noqa: PLC0415 - as above
    from streamspec.lint.verdicts import encode  # noqa: PLC0415 - as above

    with sentences():
        request = Request.of(
            url,
            method=method,
            lines=header or (),
            body=body_of(data, data_binary),
            is_form=bool(data or data_binary),
            cookie=cookie,
            user=user,
            trust=run.trust(cacert, verify=not insecure),
        )
        limits = Limits(max_events, max_time, max_silence)
        results = run.lint(
            request, limits, Console(stderr=True, highlight=False), direct=direct, follow=location, once=once
        )
        if json:
            print(encode(results).decode(), end="")
        else:
            print_lint(output(), results, strict=strict)
        for target in results.targets:
            if target.error:
                say(f"INCONCLUSIVE: {target.error}")
        raise typer.Exit(run.exit_code(results, strict=strict))
