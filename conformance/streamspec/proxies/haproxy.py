"""HAProxy: its configuration, and the settings that decide what becomes of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.implementation import Deviation
from streamspec.proxies.proxy import HIDES_IDLE_DISCONNECTS, Place, Proxy, Variant, ends_as_complete_to_http10

if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENT = ("timeout client 1h", "timeout server 1h")
"""HAProxy wants both to be set; a stream that is silent for longer is cut."""

NO_DELAY = ("option http-no-delay",)
ABORT_ON_CLOSE = ("option abortonclose",)
GZIP = ("filter compression", "compression algo gzip", "compression type text/plain text/event-stream")

KEPT = (ends_as_complete_to_http10("HAProxy"),)

_ENDS_STREAM = (
    "To HTTP/2, where the server's message breaks off HAProxy ends the stream with END_STREAM, as one that is "
    "complete: nobody sees the failure. To HTTP/1.1 the last chunk is missing, as it should be."
)
_SENDS_EMPTY_DATA = "https://github.com/haproxy/haproxy/blob/v2.6.0/src/mux_h2.c"

ENDS_STREAMS = (
    Deviation("failure-truncates", _ENDS_STREAM, _SENDS_EMPTY_DATA),
    Deviation("http2-failure-resets", _ENDS_STREAM, _SENDS_EMPTY_DATA),
    Deviation("load-max-age", _ENDS_STREAM, _SENDS_EMPTY_DATA, found="an incomplete message; got one that ends"),
    Deviation("shutdown-truncation-visible", _ENDS_STREAM, _SENDS_EMPTY_DATA),
    Deviation(
        "flow-send-timeout", _ENDS_STREAM, _SENDS_EMPTY_DATA, found="an incomplete message; got one that ends as a"
    ),
)

WAITS_FOR_MORE = (
    "chunks-pacing",
    "keepalive-while-silent",
    "keepalive-before-first-event",
    "load-concurrent",
    "load-max-age-retry",
)

NOTICES_AT_NEXT_ITEM = (*HIDES_IDLE_DISCONNECTS, "disconnect-pipelined")

VARIANTS = (
    Variant("", "What streams need.", True, (*PATIENT, *NO_DELAY, *ABORT_ON_CLOSE), KEPT),
    Variant(
        "gzip",
        "Compression on: a stream with `Cache-Control: no-transform` is left alone.",
        True,
        (*PATIENT, *NO_DELAY, *ABORT_ON_CLOSE, *GZIP),
        KEPT,
    ),
    Variant(
        "delay",
        "Without `http-no-delay` what is small waits up to 200 ms for more.",
        False,
        (*PATIENT, *ABORT_ON_CLOSE),
        KEPT,
        WAITS_FOR_MORE,
    ),
    Variant(
        "no-abortonclose",
        "Without `abortonclose` a client that leaves an idle stream is noticed at its next item.",
        False,
        (*PATIENT, *NO_DELAY),
        KEPT,
        NOTICES_AT_NEXT_ITEM,
    ),
    Variant(
        "http2",
        "HTTP/2 towards the client (`proto h2`, or `alpn h2` with TLS): a text that is cut short looks complete.",
        True,
        (*PATIENT, *NO_DELAY, *ABORT_ON_CLOSE),
        ENDS_STREAMS,
        http2=True,
    ),
    Variant("defaults", "Neither of the two.", False, PATIENT, KEPT, (*WAITS_FOR_MORE, *NOTICES_AT_NEXT_ITEM)),
)


def config(place: Place, settings: Sequence[str]) -> str:
    """The haproxy.cfg."""
    lines = "".join(f"    {line}\n" for line in settings)
    return f"""\
global
    maxconn 4096
listen streams
    mode http
    bind 127.0.0.1:{place.port}{" proto h2" if place.http2 else ""}
    timeout connect 5s
{lines}    server origin {place.origin}
"""


HAPROXY = Proxy(
    name="haproxy",
    program="haproxy",
    install="apt-get install haproxy",
    config_file="haproxy.cfg",
    config=config,
    arguments=lambda _place: ("-db", "-f", "haproxy.cfg"),
    version_arguments=("-v",),
    variants=VARIANTS,
)
