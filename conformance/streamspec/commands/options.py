"""Options that several commands have, with the words of their help."""

from pathlib import Path
from typing import Annotated

import typer

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
    Path,
    typer.Option("--report", help="Folder for the report: a page, results.json, JUnit XML, a summary.", metavar="DIR"),
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
Via = Annotated[
    list[str] | None,
    typer.Option(
        "--via",
        metavar="PROXY[:VARIANT]",
        help="Each of them also behind that proxy, side by side: nginx, caddy, haproxy or next, with the settings "
        "that streams need or a variant (conformance/PROXIES.md has them), or `all`. Repeat it for more.",
    ),
]
Http2 = Annotated[
    bool,
    typer.Option("--http2", help="Ask over HTTP/2: by prior knowledge at http://, by ALPN at https://."),
]
Direct = Annotated[
    str | None,
    typer.Option("--direct", metavar="URL", help="The origin behind the target's URL: show both, side by side."),
]
DEFAULT_REPORT = Path("streamspec-report")
