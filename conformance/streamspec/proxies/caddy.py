"""Caddy: its configuration, and the settings that decide what becomes of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.implementation import Deviation
from streamspec.proxies.proxy import HIDES_IDLE_DISCONNECTS, Place, Proxy, Variant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_ENDS_AS_COMPLETE = (
    "Where the server's message breaks off, Caddy ends its own as complete, so nobody sees the failure: in 2.6 and "
    "older; releases since the end of 2023 abort the connection."
)
_ABORT = "https://github.com/caddyserver/caddy/pull/5952"

HIDES_FAILURES = (
    Deviation("failure-truncates", _ENDS_AS_COMPLETE, _ABORT),
    Deviation("shutdown-truncation-visible", _ENDS_AS_COMPLETE, _ABORT),
    Deviation("load-max-age", _ENDS_AS_COMPLETE, _ABORT, found="an incomplete message; got one that ends as a"),
    Deviation("flow-send-timeout", _ENDS_AS_COMPLETE, _ABORT, found="an incomplete message; got one that ends as a"),
)

KEPT = (
    *HIDES_FAILURES,
    Deviation(
        "disconnect-pipelined",
        "Go's HTTP server looks no further once it has read the beginning of the next request, so a client that sent "
        "one early and then leaves is noticed at the stream's next item.",
        "https://github.com/golang/go/issues/13165",
    ),
)

VARIANTS = (
    Variant("", "What streams need: nothing but `reverse_proxy`.", True, ("reverse_proxy {origin}",), KEPT),
    Variant(
        "flush",
        "With `flush_interval -1` no disconnect is passed on; without it streams are flushed all the same.",
        False,
        ("reverse_proxy {origin} {", "    flush_interval -1", "}"),
        KEPT,
        HIDES_IDLE_DISCONNECTS,
    ),
    Variant(
        "gzip",
        "Compression on: the header section waits for the first item, and once that is over 512 bytes, so that Caddy "
        "compresses, everything waits for the end; `no-transform` is not heeded.",
        False,
        ("encode gzip", "reverse_proxy {origin}"),
        KEPT,
        ("chunks-causal-encoded",),
    ),
    Variant(
        "http2",
        "HTTP/2 towards the client: what Caddy speaks by itself wherever it has TLS.",
        True,
        ("reverse_proxy {origin}",),
        (*HIDES_FAILURES, Deviation("http2-failure-resets", _ENDS_AS_COMPLETE, _ABORT)),
        http2=True,
    ),
)


def config(place: Place, settings: Sequence[str]) -> str:
    """The Caddyfile."""
    lines = "".join(f"    {line}\n" for line in settings).replace("{origin}", place.origin)
    protocols = "\n    servers {\n        protocols h1 h2c\n    }" if place.http2 else ""
    return f"""\
{{
    admin off
    auto_https off
    grace_period 1s{protocols}
}}
http://:{place.port} {{
    bind 127.0.0.1
{lines}}}
"""


def env(folder: Path) -> Mapping[str, str]:
    """Folders of its own for what it keeps."""
    return {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}


CADDY = Proxy(
    name="caddy",
    program="caddy",
    install="apt-get install caddy",
    config_file="Caddyfile",
    config=config,
    arguments=lambda _place: ("run", "--adapter", "caddyfile", "--config", "Caddyfile"),
    version_arguments=("version",),
    variants=VARIANTS,
    env=env,
)
