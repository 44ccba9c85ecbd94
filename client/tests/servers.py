"""What the shells are tested against: a server that answers by script, the control server, a proxy that cuts."""

from __future__ import annotations

import queue
import random
import re
import select
import socket
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

SOON_S = 10.0

STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
TEXT_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Then(Enum):
    """What follows the bytes of an answer."""

    CLOSE = "close"
    RESET = "reset"
    HOLD = "hold the connection until the client leaves"


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes to write, `late` after a wait in their middle, and what follows."""

    data: bytes
    then: Then = Then.CLOSE
    wait_s: float = 0.0
    late: bytes = b""


class ScriptedServer:
    """Gives one answer to each connection, in order, and refuses connections after the last."""

    def __init__(self, *answers: Answer) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[bytes] = []
        self.left: queue.Queue[None] = queue.Queue()
        """One item for each client that left an answer on hold."""
        self._thread = threading.Thread(target=self._serve, args=(answers,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._listener.close()
        self._thread.join(SOON_S)
        assert not self._thread.is_alive()

    def _serve(self, answers: tuple[Answer, ...]) -> None:
        self._listener.settimeout(SOON_S)
        for answer in answers:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return  # the test is over
            with sock:
                sock.settimeout(SOON_S)
                self._answer(sock, answer)
        self._listener.close()

    def _answer(self, sock: socket.socket, answer: Answer) -> None:
        self.requests.append(read_request(sock))
        sock.sendall(answer.data)
        if answer.wait_s:
            # Nothing may come meanwhile: only time shows that the client waits longer than that.
            threading.Event().wait(answer.wait_s)
            sock.sendall(answer.late)
        if answer.then is Then.RESET:
            reset(sock)
        elif answer.then is Then.HOLD:
            read_to_end(sock)
            self.left.put(None)


def read_request(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(sock)
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)^content-length: *(\d+)", head, re.MULTILINE)
    while length and len(body) < int(length[1]):
        body += received(sock)
    return head + b"\r\n\r\n" + body


def received(sock: socket.socket) -> bytes:
    data = sock.recv(65536)
    assert data, "the client left in the middle of its request"
    return data


def read_to_end(sock: socket.socket) -> None:
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        pass  # as good an end as any


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class CuttingProxy:
    """Forwards one connection after the other to a server, and cuts each after a random number of response bytes.

    Half of the cuts are a FIN, half a reset.
    """

    def __init__(self, upstream_port: int, seed: int, longest: int) -> None:
        self._is_over = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts = 0
        self._upstream_port = upstream_port
        self._random = random.Random(seed)  # noqa: S311 - the same cuts each time
        self._longest = longest
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        # Closing a listener does not wake the thread that accepts; a connection does.
        self._is_over = True
        socket.create_connection(self._listener.getsockname()).close()
        self._thread.join(SOON_S)
        assert not self._thread.is_alive()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            client, _ = self._listener.accept()
            with client:
                if self._is_over:
                    return
                client.settimeout(SOON_S)
                with socket.create_connection(("127.0.0.1", self._upstream_port), SOON_S) as upstream:
                    upstream.sendall(read_request(client))
                    self._forward(upstream, client)

    def _forward(self, upstream: socket.socket, client: socket.socket) -> None:
        room = self._random.randint(1, self._longest)
        try:
            while room:
                readable, _, _ = select.select([upstream, client], [], [], SOON_S)
                data = upstream.recv(min(room, 65536)) if readable == [upstream] else b""
                if not data:
                    return  # either side has left
                client.sendall(data)
                room -= len(data)
        except OSError:
            return  # the client has what it wanted
        self.cuts += 1
        if self._random.random() < 0.5:
            reset(client)


class ControlServer:
    """The control server as a process that can be killed, and started again at the same port."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "streamspec.control", "--port", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        self.port = int(line.rstrip().rstrip("/").rpartition(":")[2])

    def kill(self) -> None:
        if self._process is not None:
            assert self._process.stdout is not None
            self._process.kill()
            self._process.wait(SOON_S)
            self._process.stdout.close()


@contextmanager
def control_server() -> Iterator[ControlServer]:
    server = ControlServer()
    try:
        server.start()
        yield server
    finally:
        server.kill()
