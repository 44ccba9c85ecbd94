"""Servers that answer `GET /` as the contract says and play nothing: for tests of what stands around exchanges."""

from __future__ import annotations

import json
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DESCRIPTION = {"contract": "1", "implementation": "fake", "capabilities": ["gate"]}

FAKE_SERVER = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/die":
            print("goodbye, cruel world", file=sys.stderr, flush=True)
            os._exit(7)
        body = json.dumps({"contract": "1", "capabilities": []}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *arguments):
        pass

server = HTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""
"""A process that ends with status 7 when it is asked for `/die`."""

DYING_SERVER = FAKE_SERVER.replace('self.path == "/die"', 'self.path != "/"')
"""The same, but whatever it is asked for besides `/` is its end."""


class FakeServer(ThreadingHTTPServer):
    """A server in a thread of this process; while `silent` it takes requests and answers none."""

    daemon_threads = True

    def __init__(self, description: object = DESCRIPTION) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.body = description if isinstance(description, bytes) else json.dumps(description).encode()
        self.answering = threading.Event()
        self.answering.set()

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of probes that have left."""

    def end(self) -> None:
        """Stop listening, as a server that was killed."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeServer

    def do_GET(self) -> None:
        """Answer any path with the description."""
        self.server.answering.wait(60)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)
        self.close_connection = True

    do_POST = do_GET  # noqa: N815 - http.server's name for it

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name for it
        """Say nothing."""


@contextmanager
def fake_server(description: object = DESCRIPTION) -> Iterator[FakeServer]:
    """A FakeServer that listens."""
    server = FakeServer(description)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.answering.set()
        server.end()
        thread.join(5)


def write_implementation(
    folder: Path, *command: str, name: str = "fake", more: str = "", server: str = FAKE_SERVER
) -> Path:
    """An impl.toml with that command (Python code of a server if none is given); `more` is added to it."""
    if not command:
        (folder / "server.py").write_text(server, "utf-8")
        command = (sys.executable, "server.py")
    path = folder / "impl.toml"
    path.write_text(f"name = {json.dumps(name)}\ncommand = {json.dumps(command)}\n{more}\n", "utf-8")
    return path
