"""The page's files on localhost, and `/implementations.json`, which tells it where the servers are.

A name, two addresses: a browser asks [::1] first for localhost, so that a stranger there would be seen in our place.
"""

from __future__ import annotations

import contextlib
import errno
import json
import socket
import socketserver
import threading
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler
from typing import TYPE_CHECKING

from streamspec.mistake import Mistake

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

_NO_SUCH_FAMILY = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
"""What a machine without IPv6 answers."""


class PortTaken(Mistake):
    """The port cannot be listened on; the message says why, and how to take another."""


class PageServer:
    """Listens from the beginning, so that the origin is certain; answers from `serve` on."""

    def __init__(self, page: Path, port: int) -> None:
        self._page = page
        self._files: list[_Files] = []
        self._listen(port)
        self.port: int = self._files[0].server_address[1]
        self.origin = f"http://localhost:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for files in self._files:
            files.end()

    def serve(self, implementations: Sequence[Mapping[str, str]]) -> None:
        """Answer in threads of their own until the context is left."""
        for files in self._files:
            files.begin(json.dumps(implementations).encode())

    def _listen(self, port: int) -> None:
        try:
            self._files.append(_Files(socket.AF_INET, ("127.0.0.1", port), self._page))
            taken = self._files[0].server_address[1]
            try:
                self._files.append(_Files(socket.AF_INET6, ("::1", taken), self._page))
            except OSError as error:
                if error.errno not in _NO_SUCH_FAMILY:
                    raise
        except OSError as error:
            self.__exit__(None, None, None)
            raise PortTaken(
                f"the page cannot listen on localhost port {port}: {error.strerror}; stop what listens there, or give "
                "another with --port"
            ) from error


class _Files(socketserver.ThreadingTCPServer):
    """One address of the page."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, family: socket.AddressFamily, address: tuple[str, int], page: Path) -> None:
        self.address_family = family
        self.page = page
        self.implementations = b""
        self._thread: threading.Thread | None = None
        super().__init__(address, _Answer)

    def begin(self, implementations: bytes) -> None:
        self.implementations = implementations
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        if self._thread is not None:
            self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a browser that closed its connection."""


class _Answer(SimpleHTTPRequestHandler):
    server: _Files
    protocol_version = "HTTP/1.1"
    timeout = 60.0

    def __init__(self, request: socket.socket, client_address: tuple[str, int], server: _Files) -> None:
        super().__init__(request, client_address, server, directory=str(server.page))

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/implementations.json":
            super().do_GET()
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.implementations)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(self.server.implementations)

    def end_headers(self) -> None:
        # A page of another build would ask for files that are no more.
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Write no log: the terminal is for what a person has to know."""
