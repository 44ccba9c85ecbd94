"""HAProxy: its configuration, and the settings that decide what becomes of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.proxies.proxy import Place, Proxy, Variant

if TYPE_CHECKING:
    from collections.abc import Sequence

LONG = ("timeout client 1h", "timeout server 1h")
NO_DELAY = "option http-no-delay"
ABORT_ON_CLOSE = "option abortonclose"

VARIANTS = (
    Variant("", "What streams need.", True, (*LONG, NO_DELAY, ABORT_ON_CLOSE)),
    Variant("delay", "Without `http-no-delay`.", False, (*LONG, ABORT_ON_CLOSE)),
    Variant("no-abortonclose", "Without `abortonclose`.", False, (*LONG, NO_DELAY)),
    Variant(
        "gzip",
        "Streams are compressed.",
        False,
        (
            *LONG,
            NO_DELAY,
            ABORT_ON_CLOSE,
            "filter compression",
            "compression algo gzip",
            "compression type text/plain text/event-stream",
        ),
    ),
)


def config(place: Place, settings: Sequence[str]) -> str:
    """The haproxy.cfg."""
    lines = "".join(f"    {line}\n" for line in settings)
    return f"""\
global
    maxconn 4096
listen streams
    mode http
    bind 127.0.0.1:{place.port}
    timeout connect 5s
{lines}    server origin {place.origin}
"""


HAPROXY = Proxy(
    name="haproxy",
    program="haproxy",
    install="apt-get install haproxy",
    config_file="haproxy.cfg",
    config=config,
    arguments=lambda path: ("-db", "-f", str(path)),
    version_arguments=("-v",),
    variants=VARIANTS,
)
