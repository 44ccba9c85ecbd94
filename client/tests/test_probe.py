"""The probe against a scripted peer on a real socket."""

from __future__ import annotations

import socket
import struct
import threading
import time
from typing import TYPE_CHECKING

import pytest

from streamspec_client.http1_probe import Http1Connection
from streamspec_client.probe import Clock, Leaving, Unreachable
from streamspec_client.trace import Closing, Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SOON_S = 5.0


class Peer:
    """A listening socket whose first connection is served by a function in a thread."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []

    def serve(self, script: Callable[[socket.socket], None]) -> None:
        def accept() -> None:
            sock, _ = self._listener.accept()
            with sock:
                sock.settimeout(SOON_S)
                script(sock)

        self._threads.append(threading.Thread(target=accept))
        self._threads[-1].start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(SOON_S)
            assert not thread.is_alive()
        self._listener.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.join()


def connect(peer: Peer, receive_buffer: int | None = None) -> Http1Connection:
    return Http1Connection("stream", "127.0.0.1", peer.port, Clock.start(), receive_buffer=receive_buffer)


def test_chunks_are_recorded_with_their_arrival(peer: Peer) -> None:
    go = threading.Event()

    def script(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(HEAD + b"1\r\na\r\n")
        go.wait(SOON_S)
        sock.sendall(b"1\r\nb\r\n0\r\n\r\n")

    peer.serve(script)
    with connect(peer) as stream:
        stream.request("GET", "/")
        assert stream.wait_body(1, SOON_S)
        between_s = time.monotonic()
        go.set()
        assert stream.wait_complete(1, SOON_S)
        talk = stream.conversation()
    assert talk.response is not None
    assert [chunk.data for chunk in talk.response.chunks] == [b"a", b"b"]
    first, second = talk.response.chunks
    assert first.at_s <= between_s - stream._clock.origin_s <= second.at_s


def test_an_arrival_is_the_kernels_and_not_the_moment_of_reading(peer: Peer) -> None:
    sent = threading.Event()

    def script(sock: socket.socket) -> None:
        sock.sendall(HEAD)
        sent.set()
        sock.recv(1)

    peer.serve(script)
    with connect(peer) as stream:
        stream.request("GET", "/")
        sent.wait(SOON_S)
        time.sleep(0.2)  # this reader is late on purpose
        assert stream.wait_head(SOON_S)
        (segment,) = stream.conversation().received
        late_s = stream._clock.now_s() - segment.at_s
    assert late_s > 0.15


def test_a_wait_ends_at_its_deadline(peer: Peer) -> None:
    def script(sock: socket.socket) -> None:
        while sock.recv(65536):
            pass

    peer.serve(script)
    with connect(peer) as stream:
        stream.request("GET", "/")
        assert not stream.wait_head(0.05)
        assert stream.response is None
        stream.leave(Leaving.FIN)


def test_fin_reaches_the_peer_as_end_of_file_even_after_unread_data(peer: Peer) -> None:
    seen: list[bytes | str] = []
    sent = threading.Event()

    def script(sock: socket.socket) -> None:
        sock.sendall(HEAD + b"1\r\na\r\n")
        sent.set()
        try:
            seen.append(sock.recv(65536))
        except ConnectionResetError:
            seen.append("reset")

    peer.serve(script)
    with connect(peer) as stream:
        sent.wait(SOON_S)
        stream.leave(Leaving.FIN)
    peer.join()
    assert seen == [b""]


def test_rst_reaches_the_peer_as_a_reset(peer: Peer) -> None:
    seen: list[str] = []

    def script(sock: socket.socket) -> None:
        try:
            sock.recv(65536)
        except ConnectionResetError:
            seen.append("reset")

    peer.serve(script)
    connect(peer).leave(Leaving.RST)
    peer.join()
    assert seen == ["reset"]


def test_half_closed_the_probe_reads_on(peer: Peer) -> None:
    def script(sock: socket.socket) -> None:
        while sock.recv(65536):
            pass
        sock.sendall(HEAD + b"1\r\na\r\n0\r\n\r\n")

    peer.serve(script)
    with connect(peer) as stream:
        stream.request("GET", "/")
        stream.leave(Leaving.HALF_CLOSE)
        assert stream.wait_complete(1, SOON_S)
        assert stream.conversation().left_at_s < SOON_S


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_the_peers_end_is_recorded_as_what_it_was(peer: Peer, how: str) -> None:
    def script(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(HEAD + b"1\r\na\r\n")
        sock.recv(1)  # until the probe has read, so that the reset takes nothing with it
        if how == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    peer.serve(script)
    with connect(peer) as stream:
        stream.request("GET", "/")
        assert stream.wait_body(1, SOON_S)
        stream.send(b".")
        assert stream.wait_closed(SOON_S)
        talk = stream.conversation()
    assert talk.closing is (Closing.FIN if how == "fin" else Closing.RESET)
    assert talk.response is not None
    assert talk.response.ending is (Ending.TRUNCATED if how == "fin" else Ending.RESET)


def test_it_reads_while_it_sends_so_that_an_early_refusal_is_seen(peer: Peer) -> None:
    def script(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        sock.shutdown(socket.SHUT_RDWR)

    peer.serve(script)
    with connect(peer) as stream:
        whole = stream.request("POST", "/", [], b"x" * 50_000_000, within_s=SOON_S)
        stream.wait_complete(1, SOON_S)
        assert not whole
        assert stream.response is not None
        assert stream.response.status == 413


def test_a_small_receive_buffer_bounds_what_the_kernel_takes(peer: Peer) -> None:
    taken: list[int] = []
    done = threading.Event()

    def script(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        sock.setblocking(False)
        count = 0
        try:
            while True:
                count += sock.send(b"x" * 65536)
        except BlockingIOError:
            taken.append(count)
        done.set()

    peer.serve(script)
    with connect(peer, receive_buffer=4096):
        assert done.wait(SOON_S)
    assert taken[0] < 1_000_000


def test_nothing_that_listens_is_unreachable() -> None:
    with socket.socket() as bound:  # and stays so, or another program might be given the port
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        with pytest.raises(Unreachable, match=f"127.0.0.1 port {port}: Connection refused"):
            Http1Connection("stream", "127.0.0.1", port, Clock.start())


def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="does not resolve"):
        Http1Connection("stream", "no-such-host.invalid", 80, Clock.start())
