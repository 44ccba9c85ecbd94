"""A relay before a server, whose connections a test can break: for the browser it is a network that fails."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Relay:
    """Hands bytes on in both directions, keeps the heads of the requests, and breaks what is told to break."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._server = (parts.hostname or "", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.requests: list[str] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.break_connections()

    def break_connections(self) -> None:
        """Break all that are there now; new ones are relayed."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for side in pair:
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)

    def last_event_ids(self, path: str) -> list[str | None]:
        """The field Last-Event-ID of each GET of that path so far, None where there was none."""
        heads = [head for head in self.requests if head.startswith(f"GET {path}")]
        found = [re.search(r"(?im)^last-event-id: *(.*?)\r?$", head) for head in heads]
        return [match and match[1] for match in found]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                with self._lock:
                    self._pairs.append((client, server))
                threading.Thread(target=self._hand_on, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._hand_on, args=(server, client, False), daemon=True).start()

    def _hand_on(self, source: socket.socket, sink: socket.socket, is_request: bool) -> None:
        with contextlib.suppress(OSError), source:
            while data := source.recv(65_536):
                if is_request:
                    self.requests.append(data.decode("latin-1"))
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
