"""Serving one implementation to look at it by hand: this process becomes the command of its impl.toml.

So its output, its signals and its exit code are its own, and nothing stands between Ctrl-C and the server.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import NoReturn

from streamspec.implementation import Implementation, TargetError
from streamspec.target_names import resolve

LOOPBACK = "127.0.0.1"
"""Where implementations bind unless told otherwise (CONTRACT.md)."""


def serve_implementation(spec: str, *, host: str | None, port: int, server: str | None) -> NoReturn:
    """Become the server. Raises TargetError where it cannot be: an unknown name, a port that is in use."""
    found = resolve(spec)
    if not isinstance(found, Implementation):
        raise TargetError(f"{spec}: a URL is served already; give the name of an implementation, or its impl.toml")
    if server:
        found = found.with_server(server)
    _expect_free(host or LOOPBACK, port)
    arguments = ["--port", str(port)]
    arguments += ["--host", host] if host else []
    command = found.with_arguments(*arguments).command
    if port:
        shown = f"[{host}]" if host and ":" in host else host or LOOPBACK
        print(f"see it stream: curl -N http://{shown}:{port}/stream   (Ctrl-C stops the server)", file=sys.stderr)
    sys.stderr.flush()
    try:
        os.chdir(found.cwd)
        os.execvpe(command[0], command, {**os.environ, **found.env})  # noqa: S606 - no shell is wanted
    except OSError as error:
        raise TargetError(f"{found.source}: {command[0]!r} cannot be run: {error.strerror}") from error


def _expect_free(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as trial:
            # As servers do, so that connections that linger from the last run do not count as use.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
            trial.listen(1)
    except OSError as error:
        raise TargetError(
            f"cannot listen on {host} port {port}: {error.strerror}; give another --port or --host"
        ) from error
