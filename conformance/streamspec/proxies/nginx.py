"""nginx: its configuration, and the settings that decide what becomes of a stream."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING

from streamspec.implementation import Deviation
from streamspec.proxies.proxy import HIDES_IDLE_DISCONNECTS, Place, Proxy, Variant, ends_as_complete_to_http10

if TYPE_CHECKING:
    from collections.abc import Sequence

HTTP10 = ("proxy_http_version 1.0;",)
HTTP11 = ("proxy_http_version 1.1;", 'proxy_set_header Connection "";')
"""What nginx speaks to the server; by default HTTP/1.0, before version 1.29.7."""

PATIENT = ("proxy_read_timeout 1h;", "client_max_body_size 0;")
"""By default a stream that is silent for 60 s is cut, and nginx itself refuses a large request, in HTML."""

UNBUFFERED = ("proxy_buffering off;",)
BUFFERED = ("proxy_buffering on;", "proxy_ignore_headers X-Accel-Buffering;")
GZIP = ("gzip on;", "gzip_proxied any;", "gzip_types text/plain text/event-stream;")

KEPT = (ends_as_complete_to_http10("nginx"),)

_MAY_ANSWER_502 = (
    "Over HTTP/1.0 the server closes when it has refused a large request; where nginx is still sending that, the "
    "connection is reset, and nginx may answer 502 instead."
)
_STILL_SENDING = "https://trac.nginx.org/nginx/ticket/1293"

MAY_ANSWER_502 = (
    Deviation("input-problem", _MAY_ANSWER_502, _STILL_SENDING, found="1,048,577 bytes; got text/html"),
    Deviation("input-names-parameter", _MAY_ANSWER_502, _STILL_SENDING, found="got 502"),
    Deviation("input-too-large", _MAY_ANSWER_502, _STILL_SENDING, found="got 502"),
    Deviation("cors-error", _MAY_ANSWER_502, _STILL_SENDING, found="1,048,577 bytes"),
)

HOLDS_BACK = (
    "head-before-first-item",
    "chunks-causal",
    "chunks-causal-encoded",
    "framing-causal",
    "flow-bounded",
    "flow-isolated",
    "flow-send-timeout",
)

HOLDS_BACK_ALL = (
    *HOLDS_BACK,
    "chunks-causal-tiny",
    "chunks-pacing",
    "chunks-default-demo",
    "keepalive-while-silent",
    "keepalive-before-first-event",
    "input-token-conflict",
    "load-concurrent",
    "load-limit",
    "load-limit-freed",
)

VARIANTS = (
    Variant("", "What streams need.", True, (*HTTP11, *UNBUFFERED, *PATIENT), KEPT),
    Variant(
        "gzip", "Compression on: without buffering it is flushed.", True, (*HTTP11, *UNBUFFERED, *PATIENT, *GZIP), KEPT
    ),
    Variant(
        "http2",
        "HTTP/2 towards the client (`listen … http2`): a failure is visible to every client.",
        True,
        (*HTTP11, *UNBUFFERED, *PATIENT),
        http2=True,
    ),
    Variant(
        "defaults",
        "Nothing but `proxy_pass`: it streams only because the server sends `X-Accel-Buffering: no`. Requests over "
        "1 MB are refused by nginx itself, and a stream that is silent for 60 s is cut.",
        False,
        (),
        KEPT,
        ("input-problem", "input-names-parameter", "cors-error"),
    ),
    Variant(
        "http10",
        "HTTP/1.0 towards the server, without buffering: it streams, but a large request may be answered 502.",
        False,
        (*HTTP10, *UNBUFFERED, *PATIENT),
        (*KEPT, *MAY_ANSWER_502),
    ),
    Variant(
        "buffered",
        "Buffering on, where the server cannot turn it off: the header section waits for the first item, the end of an "
        "item that fills a buffer for the next one, and a reader that stalls stops nothing.",
        False,
        (*HTTP11, *BUFFERED, *PATIENT),
        KEPT,
        HOLDS_BACK,
    ),
    Variant(
        "http10-buffered",
        "Both: what `proxy_pass` alone does to a server that does not send `X-Accel-Buffering: no`.",
        False,
        (*HTTP10, *BUFFERED, *PATIENT),
        (*KEPT, *MAY_ANSWER_502),
        HOLDS_BACK_ALL,
    ),
    Variant(
        "ignore-abort",
        "A client that leaves an idle stream is noticed at its next item.",
        False,
        (*HTTP11, *UNBUFFERED, *PATIENT, "proxy_ignore_client_abort on;"),
        KEPT,
        (*HIDES_IDLE_DISCONNECTS, "disconnect-pipelined"),
    ),
)


def config(place: Place, settings: Sequence[str]) -> str:
    """The nginx.conf."""
    user = f"user {getpass.getuser()};\n" if os.geteuid() == 0 else ""
    temporary = "".join(
        f"    {kind}_temp_path {place.folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    lines = "".join(f"            {line}\n" for line in settings)
    return f"""\
{user}daemon off;
worker_processes 1;
pid {place.folder}/nginx.pid;
error_log stderr;
events {{
    worker_connections 4096;
}}
http {{
    access_log off;
{temporary}    server {{
        listen 127.0.0.1:{place.port}{" http2" if place.http2 else ""};
        location / {{
            proxy_pass http://{place.origin};
{lines}        }}
    }}
}}
"""


NGINX = Proxy(
    name="nginx",
    program="nginx",
    install="apt-get install nginx",
    config_file="nginx.conf",
    config=config,
    arguments=lambda place: ("-e", "stderr", "-p", str(place.folder), "-c", "nginx.conf"),
    version_arguments=("-v",),
    variants=VARIANTS,
)
