"""Endpoints that `lint` is shown: raw sockets that answer each request as a function plays it."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Self

SOON_S = 10.0
CERTIFICATE = str(Path(__file__).parents[2] / "client" / "tests" / "certificates" / "localhost.pem")

STEP_S = 0.06
"""Between items: longer than a burst, however many there are of them. Only time shows that they come apart."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came."""

    method: str
    target: str
    version: str
    fields: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Answer:
    """A connection to answer on."""

    sock: socket.socket
    asked: Asked
    leaving: threading.Event

    def head(self, fields: dict[str, str], status: str = "200 OK") -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.send(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1"))

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def wait(self, seconds: float = STEP_S) -> None:
        """Wait, but not after the test is over."""
        self.leaving.wait(seconds)

    def whole(self, media_type: str, body: bytes, status: str = "200 OK", **fields: str) -> None:
        self.head({"Content-Type": media_type, "Content-Length": str(len(body)), **fields}, status)
        self.send(body)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"

FIELDS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream whose every property can be spoilt; as it is, nothing is wrong with it."""

    items: tuple[bytes, ...] = (*(b"id: %d\ndata: %d\n\n" % (n, n) for n in range(1, 6)), b"event: done\ndata: 5\n\n")
    fields: dict[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    step_s: float = STEP_S
    wait_head_s: float = 0.0
    wait_first_s: float = 0.0
    last: bytes = LAST_CHUNK
    is_endless: bool = False
    resumes: bool = True
    codes: bool = False
    """gzip for who accepts it, flushed after each item."""
    flushes: bool = True
    chunks_to_http10: bool = False
    chunks: bool = True
    """Else the end of the connection is the end of the body."""

    def __call__(self, answer: Answer) -> None:
        asked = answer.asked
        is_chunked = (asked.version == "1.1" and self.chunks) or self.chunks_to_http10
        framing = {"Transfer-Encoding": "chunked"} if is_chunked else {}
        is_coded = self.codes and "gzip" in asked.fields.get("accept-encoding", "")
        coding = {"Content-Encoding": "gzip"} if is_coded else {}
        fields = {**FIELDS, **self.fields, **framing, **coding}
        answer.wait(self.wait_head_s)
        answer.head({name: value for name, value in fields.items() if name not in self.without})
        answer.wait(self.wait_first_s)
        compressor = zlib.compressobj(wbits=31)
        first = self._behind(asked.fields.get("last-event-id")) if self.resumes else 0
        while True:
            for number, item in enumerate(self.items[first:]):
                answer.wait(self.step_s if number else 0)
                data = item
                if is_coded:
                    data = compressor.compress(item) + (compressor.flush(zlib.Z_SYNC_FLUSH) if self.flushes else b"")
                if data:
                    answer.send(chunk(data) if is_chunked else data)
            if not self.is_endless or answer.leaving.is_set():
                break
            answer.wait(self.step_s)
        if is_coded:
            answer.send(chunk(compressor.flush()) if is_chunked else compressor.flush())
        if is_chunked:
            answer.send(self.last)

    def _behind(self, last_event_id: str | None) -> int:
        """The place of the item behind the one with that id; 0 for none."""
        field = f"id: {last_event_id}".encode()
        return next((place for place, item in enumerate(self.items, 1) if field in item.splitlines()), 0)


class Endpoint:
    """A server on a free port that answers each connection once, in a thread of its own, and closes it."""

    def __init__(self, play: Callable[[Answer], None], *, tls: bool = False, host: str = "127.0.0.1") -> None:
        self._play = play
        self._context: ssl.SSLContext | None = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(CERTIFICATE)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        named = "localhost" if tls else f"[{host}]" if ":" in host else host
        self.url = f"http{'s' if tls else ''}://{named}:{self.port}/"
        self.asked: list[Asked] = []
        self._leaving = threading.Event()
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept)

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._leaving.set()
        # Closing a listener does not wake the thread that accepts; a connection does.
        socket.create_connection(self._listener.getsockname()[:2]).close()
        for thread in [self._acceptor, *self._threads]:
            thread.join(SOON_S)
            assert not thread.is_alive()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._leaving.is_set():
                sock.close()
                return
            thread = threading.Thread(target=self._answer, args=(sock,))
            self._threads.append(thread)
            thread.start()

    def _answer(self, sock: socket.socket) -> None:
        sock.settimeout(SOON_S)
        with contextlib.suppress(OSError), sock:  # the client may leave at any time
            wire = self._context.wrap_socket(sock, server_side=True) if self._context else sock
            with wire:
                asked = _read(wire)
                self.asked.append(asked)
                self._play(Answer(wire, asked, self._leaving))


def _read(sock: socket.socket) -> Asked:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(sock)
    head, _, body = data.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(fields.get("content-length", "0")):
        body += _more(sock)
    method, target, version = line.split(" ")
    return Asked(method, target, version.removeprefix("HTTP/"), fields, body)


def _more(sock: socket.socket) -> bytes:
    data = sock.recv(65536)
    if not data:
        raise ConnectionResetError
    return data


def buffered(stream: Iterable[bytes], seconds: float, *, coding: str = "", **fields: str) -> Callable[[Answer], None]:
    """A play that collects the whole body for so long, and then says how long it is."""
    body = b"".join(stream)
    if coding:
        body = gzip.compress(body)
        fields["Content-Encoding"] = coding

    def play(answer: Answer) -> None:
        answer.wait(seconds)
        answer.head({**FIELDS, **fields, "Content-Length": str(len(body))})
        answer.send(body)

    return play
