"""TLS under the probe, against the `ssl` module's own sockets."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from streamspec_client.http1_probe import Http1Connection
from streamspec_client.probe import Clock, Leaving, Unreachable
from streamspec_client.tls import Untrusted, trusting
from streamspec_client.trace import Closing, Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOON_S = 5.0
CERTIFICATE = str(Path(__file__).parent / "certificates" / "localhost.pem")
"""For localhost, signed by itself, with its key; made for these tests, good for a hundred years."""

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Peer:
    """A listener whose connections are served over TLS by a function, one after the other; errors are kept."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.errors: list[OSError] = []
        self._threads: list[threading.Thread] = []

    def serve(self, script: Callable[[ssl.SSLSocket], object]) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)

        def accept() -> None:
            raw, _ = self._listener.accept()
            raw.settimeout(SOON_S)
            try:
                with context.wrap_socket(raw, server_side=True) as sock:
                    script(sock)
            except OSError as error:
                self.errors.append(error)
                raw.close()

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


def connect(peer: Peer, tls: ssl.SSLContext, host: str = "localhost", within_s: float = SOON_S) -> Http1Connection:
    return Http1Connection("stream", host, peer.port, Clock.start(), tls=tls, connect_within_s=within_s)


def test_what_is_recorded_is_http_with_the_times_of_the_kernel(peer: Peer) -> None:
    go, sent = threading.Event(), threading.Event()

    def script(sock: ssl.SSLSocket) -> None:
        sock.recv(65536)
        sock.sendall(HEAD + b"1\r\na\r\n")
        go.wait(SOON_S)
        sock.sendall(b"1\r\nb\r\n0\r\n\r\n")
        sent.set()

    peer.serve(script)
    with connect(peer, trusting(ca_file=CERTIFICATE)) as stream:
        assert stream.request("GET", "/path")
        assert stream.wait_body(1, SOON_S)
        between_s = stream._clock.now_s()
        go.set()
        sent.wait(SOON_S)
        time.sleep(0.2)  # this reader is late on purpose
        assert stream.wait_complete(1, SOON_S)
        late_s = stream._clock.now_s() - stream.conversation().received[-1].at_s
        assert stream.wait_closed(SOON_S)
    talk = stream.conversation()
    assert talk.sent[0].data.startswith(b"GET /path HTTP/1.1\r\nHost: localhost:")
    assert talk.received[0].data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert talk.response is not None
    assert talk.response.body == b"ab"
    first, second = talk.response.chunks
    assert first.at_s <= between_s <= second.at_s
    assert late_s > 0.15
    assert talk.closing is Closing.FIN


def test_a_large_body_goes_both_ways_past_full_buffers(peer: Peer) -> None:
    size = 3_000_000

    def script(sock: ssl.SSLSocket) -> None:
        got = b""
        while len(got.partition(b"\r\n\r\n")[2]) < size:
            got += sock.recv(65536)
        got = got.partition(b"\r\n\r\n")[2]
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(got) + got)
        sock.recv(1)

    peer.serve(script)
    with connect(peer, trusting(verify=False)) as stream:
        assert stream.request("POST", "/", body=b"x" * size)
        assert stream.wait_complete(1, SOON_S)
        stream.leave(Leaving.FIN)
    assert stream.conversation().response is not None
    assert stream.conversation().responses[0].body == b"x" * size


def test_a_half_close_is_the_end_for_the_peer_and_reading_goes_on(peer: Peer) -> None:
    def script(sock: ssl.SSLSocket) -> None:
        while sock.recv(65536):
            pass
        sock.sendall(HEAD + b"0\r\n\r\n")

    peer.serve(script)
    with connect(peer, trusting(verify=False)) as stream:
        stream.request("GET", "/")
        stream.leave(Leaving.HALF_CLOSE)
        assert stream.wait_complete(1, SOON_S)


def test_close_notify_right_behind_the_last_bytes_is_the_end_though_the_socket_is_open(peer: Peer) -> None:
    sent, over = threading.Event(), threading.Event()

    def script(sock: ssl.SSLSocket) -> None:
        sock.recv(65536)
        sock.sendall(HEAD + b"1\r\na\r\n0\r\n\r\n")
        sock.setblocking(False)
        with pytest.raises(ssl.SSLWantReadError):
            sock.unwrap()
        sent.set()
        assert over.wait(SOON_S)

    peer.serve(script)
    with connect(peer, trusting(ca_file=CERTIFICATE)) as stream:
        stream.request("GET", "/")
        assert sent.wait(SOON_S)  # so that one read takes in both
        assert stream.wait_complete(1, SOON_S)
        assert stream.wait_closed(0.0)
        over.set()
        assert stream.conversation().closing is Closing.FIN


def test_a_reset_is_seen_as_one(peer: Peer) -> None:
    def script(sock: ssl.SSLSocket) -> None:
        sock.recv(65536)
        sock.sendall(HEAD)
        time.sleep(0.05)  # the head must be read before the reset drops what is unread
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    peer.serve(script)
    with connect(peer, trusting(verify=False)) as stream:
        stream.request("GET", "/")
        assert stream.wait_head(SOON_S)
        assert stream.wait_closed(SOON_S)
    assert stream.conversation().closing is Closing.RESET
    assert stream.conversation().responses[0].ending is Ending.RESET


def test_leaving_by_reset_is_a_reset_for_the_peer(peer: Peer) -> None:
    def script(sock: ssl.SSLSocket) -> None:
        sock.recv(65536)
        sock.sendall(HEAD)
        socket.socket.recv(sock, 1)  # below TLS, which tells no reset from an end

    peer.serve(script)
    with connect(peer, trusting(verify=False)) as stream:
        stream.request("GET", "/")
        assert stream.wait_head(SOON_S)
        stream.leave(Leaving.RST)
    peer.join()
    assert isinstance(peer.errors[0], ConnectionResetError)


def test_a_certificate_that_nobody_trusted_signed_is_refused(peer: Peer) -> None:
    peer.serve(ssl.SSLSocket.version)
    with pytest.raises(Untrusted, match=r"localhost port \d+: its certificate is refused \(self.signed certificate\)"):
        connect(peer, trusting())


def test_a_certificate_for_another_name_is_refused(peer: Peer) -> None:
    peer.serve(ssl.SSLSocket.version)
    with pytest.raises(Untrusted, match="IP address mismatch"):
        connect(peer, trusting(ca_file=CERTIFICATE), host="127.0.0.1")


def plain_peer(answer: bytes) -> tuple[socket.socket, threading.Thread]:
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with listener.accept()[0] as sock:
            sock.settimeout(SOON_S)
            sock.recv(65536)
            sock.sendall(answer)
            sock.recv(65536)

    thread = threading.Thread(target=accept)
    thread.start()
    return listener, thread


@pytest.mark.parametrize(
    ("answer", "within_s", "told"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", SOON_S, "wrong version number|record layer failure"),
        (b"", 0.1, "did not end within 0.1 s"),
    ],
    ids=["plain HTTP", "silence"],
)
def test_who_speaks_no_tls_is_unreachable(answer: bytes, within_s: float, told: str) -> None:
    listener, thread = plain_peer(answer)
    with listener, pytest.raises(Unreachable, match=told):
        Http1Connection(
            "stream", "127.0.0.1", listener.getsockname()[1], Clock.start(), tls=trusting(), connect_within_s=within_s
        )
    thread.join(SOON_S)


def test_a_file_that_holds_no_certificate_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    with pytest.raises(OSError, match=r"(?i)certificate|no start line"):
        trusting(ca_file=str(tmp_path / "empty.pem"))
