"""Next.js, whose rewrites are a proxy: `next dev` of a project that consists of its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streamspec.implementation import Deviation
from streamspec.proxies.proxy import Place, Proxy, Variant, ends_as_complete_to_http10

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WEB = Path("client", "web")
"""The page of this project, which has Next among its packages."""

PASSED_ON = ("skipTrailingSlashRedirect: true,", "experimental: { proxyTimeout: 3_600_000 },")
"""By default Next redirects paths that end in a slash itself, and cuts a stream that is silent for 30 s."""

KEPT = (
    Deviation(
        "load-concurrent",
        "200 streams with 20 items a second each are much for `next dev`, which is one process: on a busy machine it "
        "is late, and answers some with 500. On one that is not it keeps up.",
        "https://nextjs.org/docs/app/api-reference/cli/next#next-dev-options",
    ),
    Deviation(
        "input-not-found",
        "Next takes a path for the same with a slash at its end: it redirects or, as it is set here, passes it on "
        "without.",
        "https://nextjs.org/docs/app/api-reference/config/next-config-js/trailingSlash",
        found="GET /stream/",
    ),
    Deviation(
        "head-before-first-item",
        "Node holds the header section back until something follows it, and Next does not flush it: send a comment at "
        "once, or the first item.",
        "https://nodejs.org/api/http.html#responseflushheaders",
    ),
    ends_as_complete_to_http10("Next"),
)

VARIANTS = (
    Variant(
        "",
        "What streams need; compression, which is on, leaves a stream with `Cache-Control: no-transform` alone.",
        True,
        PASSED_ON,
        KEPT,
    ),
    Variant("no-compress", "Compression off.", True, (*PASSED_ON, "compress: false,"), KEPT),
)


def config(place: Place, settings: Sequence[str]) -> str:
    """The next.config.mjs."""
    lines = "".join(f"  {line}\n" for line in settings)
    return f"""\
export default {{
  rewrites: async () => ({{
    beforeFiles: [{{ source: "/:path*", destination: "http://{place.origin}/:path*" }}],
  }}),
{lines}}};
"""


def packages() -> Sequence[Path]:
    """Where this project's page keeps the programs of its packages: here or above."""
    return [start / WEB / "node_modules" / ".bin" for start in (Path.cwd(), *Path.cwd().parents)]


def env(folder: Path) -> Mapping[str, str]:
    """A folder of its own for what it keeps, and nothing sent to anyone."""
    return {"HOME": str(folder), "NEXT_TELEMETRY_DISABLED": "1"}


NEXT = Proxy(
    name="next",
    program="next",
    install=f"npm ci --prefix {WEB.as_posix()}",
    config_file="next.config.mjs",
    config=config,
    arguments=lambda place: ("dev", "-H", "127.0.0.1", "-p", str(place.port), str(place.folder)),
    version_arguments=("--version",),
    variants=VARIANTS,
    env=env,
    folders=("pages",),
    places=packages,
)
