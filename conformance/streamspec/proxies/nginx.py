"""nginx: its configuration, and the settings that decide what becomes of a stream."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING

from streamspec.proxies.proxy import Place, Proxy, Variant

if TYPE_CHECKING:
    from collections.abc import Sequence

HTTP11 = ("proxy_http_version 1.1;", 'proxy_set_header Connection "";')
"""What nginx speaks to the server; its own default is 1.0 before version 1.29.7."""

LONG = ("proxy_read_timeout 1h;", "client_max_body_size 0;")
"""A silent stream is cut after 60 s otherwise, and a large request is refused by nginx itself, in HTML."""

UNBUFFERED = ("proxy_buffering off;",)
BUFFERED = ("proxy_buffering on;", "proxy_ignore_headers X-Accel-Buffering;")
GZIP = ("gzip on;", "gzip_proxied any;", "gzip_types text/plain text/event-stream;")

VARIANTS = (
    Variant("", "What streams need.", (*HTTP11, *UNBUFFERED, *LONG)),
    Variant(
        "defaults",
        "Nothing but `proxy_pass`: buffering on, HTTP/1.0 towards the server; `X-Accel-Buffering: no` turns buffering off.",
        (),
    ),
    Variant("buffered", "Buffering on, the server's X-Accel-Buffering ignored.", (*HTTP11, *BUFFERED, *LONG)),
    Variant("http10", "HTTP/1.0 towards the server.", ("proxy_http_version 1.0;", *UNBUFFERED, *LONG)),
    Variant(
        "http10-buffered",
        "HTTP/1.0 towards the server, buffering on.",
        ("proxy_http_version 1.0;", *BUFFERED, *LONG),
    ),
    Variant("gzip", "Streams are compressed.", (*HTTP11, *UNBUFFERED, *LONG, *GZIP)),
    Variant(
        "ignore-abort",
        "The client's leaving is not passed on.",
        (*HTTP11, *UNBUFFERED, *LONG, "proxy_ignore_client_abort on;"),
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
