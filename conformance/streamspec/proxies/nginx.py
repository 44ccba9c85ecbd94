"""nginx: its configuration, and the settings that decide what becomes of a stream."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING

from streamspec.proxies.proxy import HIDES_IDLE_DISCONNECTS, HTTP10_ENDS_AS_COMPLETE, Place, Proxy, Variant
from streamspec.target import Deviation

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

KEPT = (
    Deviation(
        requirement="failure-truncates",
        found=HTTP10_ENDS_AS_COMPLETE,
        reason=(
            "To an HTTP/1.0 client nginx closes the connection where it could reset it, and the end of the connection "
            "is the end of the message there. To HTTP/1.1 the last chunk is missing, as it should be."
        ),
        link="https://www.rfc-editor.org/rfc/rfc9112#section-8",
    ),
)

HOLDS_BACK = (
    "head-before-first-item",
    "chunks-causal",
    "chunks-causal-encoded",
    "chunks-causal-tiny",
    "framing-causal",
    "flow-bounded",
    "flow-isolated",
    "flow-send-timeout",
)

VARIANTS = (
    Variant("", "What streams need.", True, (*HTTP11, *UNBUFFERED, *PATIENT), KEPT),
    Variant(
        "http10",
        "HTTP/1.0 towards the server streams too; that a stream failed then shows only where the server resets.",
        True,
        (*HTTP10, *UNBUFFERED, *PATIENT),
        KEPT,
    ),
    Variant(
        "gzip", "Compression on: without buffering it is flushed.", True, (*HTTP11, *UNBUFFERED, *PATIENT, *GZIP), KEPT
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
        "buffered",
        "Buffering on, where the server cannot turn it off.",
        False,
        (*HTTP11, *BUFFERED, *PATIENT),
        KEPT,
        HOLDS_BACK,
    ),
    Variant(
        "http10-buffered",
        "The same with HTTP/1.0 towards the server.",
        False,
        (*HTTP10, *BUFFERED, *PATIENT),
        KEPT,
        HOLDS_BACK,
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
        listen 127.0.0.1:{place.port};
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
    arguments=lambda path: ("-e", "stderr", "-p", str(path.parent), "-c", str(path)),
    version_arguments=("-v",),
    variants=VARIANTS,
)
