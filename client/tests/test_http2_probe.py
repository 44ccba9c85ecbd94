"""The probe over HTTP/2 against h2's server on a real socket."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, SettingsAcknowledged, StreamEnded, StreamReset, WindowUpdated

from streamspec_client.http2_frames import PREFACE
from streamspec_client.http2_probe import PROTOCOL, Http2Connection
from streamspec_client.probe import Clock, Leaving, Unreachable
from streamspec_client.tls import trusting
from streamspec_client.trace import Closing, Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from h2.events import Event

EventT = TypeVar("EventT", bound="Event")

SOON_S = 5.0
WINDOW = 65_535
CERTIFICATE = str(Path(__file__).parent / "certificates" / "localhost.pem")


class Talk:
    """The server's side of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.h2 = H2Connection(H2Configuration(client_side=False))
        self.h2.initiate_connection()
        self.seen: list[Event] = []
        self.is_over = ""
        self._looked = 0

    def send(self) -> None:
        self.sock.sendall(self.h2.data_to_send())

    def head(self, stream: int = 1, status: str = "200", *, ends: bool = False) -> None:
        self.h2.send_headers(stream, [(":status", status)], end_stream=ends)
        self.send()

    def data(self, data: bytes, stream: int = 1, *, ends: bool = False) -> None:
        self.h2.send_data(stream, data, end_stream=ends)
        self.send()

    def until(self, kind: type[EventT], *, grants: bool = True) -> EventT:
        """Read until the next event of that kind."""
        while True:
            for place in range(self._looked, len(self.seen)):
                self._looked = place + 1
                if isinstance(event := self.seen[place], kind):
                    return event
            assert self.read(grants=grants), f"the connection ended without {kind.__name__}"

    def read(self, *, grants: bool = True) -> bool:
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            self.is_over = "reset"
            return False
        if not data:
            self.is_over = "fin"
            return False
        for event in self.h2.receive_data(data):
            self.seen.append(event)
            if grants and isinstance(event, DataReceived) and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id or 0)
        self.send()
        return True

    def until_over(self) -> None:
        while self.read():
            pass

    def content_size(self) -> int:
        return sum(len(event.data or b"") for event in self.seen if isinstance(event, DataReceived))


class Peer:
    """A listening socket whose first connection is served by a function in a thread, over TLS where asked for."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.errors: list[OSError] = []
        self._thread: threading.Thread | None = None

    def serve(self, script: Callable[[Talk], None], alpn: list[str] | None = None) -> None:
        def accept() -> None:
            sock, _ = self._listener.accept()
            sock.settimeout(SOON_S)
            try:
                with sock if alpn is None else server_context(alpn).wrap_socket(sock, server_side=True) as stream:
                    script(Talk(stream))
            except OSError as error:
                self.errors.append(error)

        self._thread = threading.Thread(target=accept)
        self._thread.start()

    def join(self) -> None:
        if self._thread is not None:
            self._thread.join(SOON_S)
            assert not self._thread.is_alive()
        self._listener.close()


def server_context(alpn: list[str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.join()


def connect(peer: Peer) -> Http2Connection:
    return Http2Connection("stream", "127.0.0.1", peer.port, Clock.start())


def connect_tls(peer: Peer) -> Http2Connection:
    trust = trusting(ca_file=CERTIFICATE, protocol=PROTOCOL)
    return Http2Connection("stream", "localhost", peer.port, Clock.start(), tls=trust)


def test_frames_are_recorded_with_their_arrival(peer: Peer) -> None:
    go = threading.Event()

    def script(talk: Talk) -> None:
        talk.until(StreamEnded)
        talk.head()
        talk.data(b"a")
        go.wait(SOON_S)
        talk.data(b"b", ends=True)
        talk.until_over()

    peer.serve(script)
    with connect(peer) as stream:
        assert stream.request("GET", "/")
        assert stream.wait_body(1, SOON_S)
        between_s = stream._clock.now_s()
        assert not stream.wait_closed(0.0)
        go.set()
        assert stream.wait_complete(1, SOON_S)
        assert stream.wait_closed(SOON_S)
        assert not stream.closed
        stream.leave(Leaving.FIN)
    talk = stream.conversation()
    assert talk.response is not None
    assert [chunk.data for chunk in talk.response.chunks] == [b"a", b"b"]
    first, second = talk.response.chunks
    assert first.at_s <= between_s <= second.at_s
    assert talk.sent[0].data.startswith(PREFACE)
    assert talk.trailing == b""


def test_an_arrival_is_the_kernels_and_not_the_moment_of_reading(peer: Peer) -> None:
    sent = threading.Event()

    def script(talk: Talk) -> None:
        talk.until(StreamEnded)
        talk.head()
        talk.data(b"a")
        sent.set()
        talk.until_over()

    peer.serve(script)
    with connect(peer) as stream:
        stream.request("GET", "/")
        assert sent.wait(SOON_S)
        before_s = stream._clock.now_s()
        time.sleep(0.2)  # this reader is late on purpose
        assert stream.wait_body(1, SOON_S)
        assert stream.response is not None
        assert stream.response.chunks[0].at_s < before_s + 0.1
        stream.leave(Leaving.FIN)


def test_a_body_larger_than_the_window_goes_out_as_it_is_granted(peer: Peer) -> None:
    size = 500_000
    got: list[int] = []

    def script(talk: Talk) -> None:
        talk.until(StreamEnded)
        got.append(talk.content_size())
        talk.head(ends=True)
        talk.until_over()

    peer.serve(script)
    with connect(peer) as stream:
        assert stream.request("POST", "/", body=b"x" * size, within_s=SOON_S)
        assert stream.wait_complete(1, SOON_S)
        stream.leave(Leaving.FIN)
    peer.join()
    assert got == [size]


def test_a_body_waits_for_a_server_that_grants_late(peer: Peer) -> None:
    got: list[int] = []

    def script(talk: Talk) -> None:
        talk.until(RequestReceived)
        while talk.content_size() < WINDOW:
            talk.until(DataReceived, grants=False)
        talk.h2.ping(b"not yet!")  # frames that grant nothing are read, and do not end the wait
        talk.send()
        talk.h2.increment_flow_control_window(40_000)
        talk.send()
        talk.h2.increment_flow_control_window(40_000, 1)
        talk.send()
        talk.until(StreamEnded)
        got.append(talk.content_size())
        talk.head(ends=True)
        talk.until_over()

    peer.serve(script)
    with connect(peer) as stream:
        assert stream.request("POST", "/", body=b"x" * 100_000, within_s=SOON_S)
        assert stream.wait_complete(1, SOON_S)
        stream.leave(Leaving.FIN)
    peer.join()
    assert got == [100_000]


def test_a_server_that_refuses_early_is_heard(peer: Peer) -> None:
    def script(talk: Talk) -> None:
        talk.until(DataReceived, grants=False)
        talk.head(status="413", ends=True)
        talk.h2.reset_stream(1)
        talk.send()
        talk.until_over()

    peer.serve(script)
    with connect(peer) as stream:
        assert not stream.request("POST", "/", body=b"x" * 1_000_000, within_s=SOON_S)
        assert stream.response is not None
        assert (stream.response.status, stream.response.ending) == (413, Ending.COMPLETE)
        assert not stream.closed
        stream.leave(Leaving.FIN)


def test_a_server_that_never_grants_ends_the_request_with_its_time(peer: Peer) -> None:
    got: list[int] = []

    def script(talk: Talk) -> None:
        while talk.read(grants=False):
            pass
        got.append(talk.content_size())

    peer.serve(script)
    with connect(peer) as stream:
        began_s = stream._clock.now_s()
        assert not stream.request("POST", "/", body=b"x" * 100_000, within_s=0.2)
        assert 0.2 <= stream._clock.now_s() - began_s < SOON_S
        stream.leave(Leaving.FIN)
    peer.join()
    assert got == [WINDOW]


def test_a_server_that_talks_and_never_grants_ends_it_too(peer: Peer) -> None:
    def script(talk: Talk) -> None:
        talk.until(RequestReceived)
        talk.sock.settimeout(0.001)
        for _ in range(5_000):
            talk.h2.ping(b"12345678")
            try:
                talk.send()
                if not talk.read(grants=False):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    peer.serve(script)
    with connect(peer) as stream:
        assert not stream.request("POST", "/", body=b"x" * 100_000, within_s=0.2)
        assert stream._clock.now_s() < SOON_S


def test_to_leave_with_rst_resets_the_stream_and_the_connection_lives_on(peer: Peer) -> None:
    codes: list[object] = []

    def script(talk: Talk) -> None:
        talk.until(StreamEnded)
        talk.head()
        codes.append(talk.until(StreamReset).error_code)
        talk.until(StreamEnded)
        talk.head(3, ends=True)
        talk.until_over()
        codes.append(talk.is_over)

    peer.serve(script)
    with connect(peer) as stream:
        stream.request("GET", "/")
        assert stream.wait_head(SOON_S)
        left_at_s = stream.leave(Leaving.RST)
        stream.request("GET", "/again")
        assert stream.wait_complete(1, SOON_S)
        stream.leave(Leaving.FIN)
    peer.join()
    assert codes == [ErrorCodes.CANCEL, "fin"]
    talk = stream.conversation()
    assert [made.ending for made in talk.responses] == [Ending.OPEN, Ending.COMPLETE]
    assert left_at_s < talk.left_at_s


def test_rst_of_a_connection_on_which_nothing_was_asked_is_that_of_tcp(peer: Peer) -> None:
    over: list[str] = []

    def script(talk: Talk) -> None:
        talk.until_over()
        over.append(talk.is_over)

    peer.serve(script)
    connect(peer).leave(Leaving.RST)
    peer.join()
    assert over == ["reset"]


def test_fin_reaches_the_peer_as_end_of_file_even_after_unread_data(peer: Peer) -> None:
    sent, over = threading.Event(), list[str]()

    def script(talk: Talk) -> None:
        talk.until(StreamEnded)
        talk.head()
        talk.data(b"unread")
        sent.set()
        talk.until_over()
        over.append(talk.is_over)

    peer.serve(script)
    with connect(peer) as stream:
        stream.request("GET", "/")
        assert sent.wait(SOON_S)
        stream.leave(Leaving.FIN)
    peer.join()
    assert over == ["fin"]
    assert stream.conversation().responses[0].body == b"unread"


def test_half_closed_the_probe_reads_on(peer: Peer) -> None:
    def script(talk: Talk) -> None:
        talk.until_over()
        talk.head()
        talk.data(b"late", ends=True)

    peer.serve(script)
    with connect(peer) as stream:
        stream.request("GET", "/")
        stream.leave(Leaving.HALF_CLOSE)
        assert stream.wait_complete(1, SOON_S)
        assert stream.response is not None
        assert stream.response.body == b"late"
        assert stream.conversation().left_at_s < SOON_S


def test_a_stream_that_is_withheld_stalls_until_it_is_granted(peer: Peer) -> None:
    def script(talk: Talk) -> None:
        talk.until(StreamEnded)
        talk.head()
        rest = 100_000
        while rest:
            size = min(rest, talk.h2.local_flow_control_window(1), 16_384)
            if not size:
                talk.until(WindowUpdated)
                continue
            talk.data(b"x" * size, ends=size == rest)
            rest -= size
        talk.until_over()

    peer.serve(script)
    with connect(peer) as stream:
        stream.request("GET", "/")
        stream.withhold(0)
        assert stream.wait_body(WINDOW, SOON_S)
        assert not stream.wait_body(WINDOW + 1, 0.1)
        stream.grant(0)
        assert stream.wait_body_of(0, 100_000, SOON_S)
        assert stream.wait_complete(1, SOON_S)
        stream.leave(Leaving.FIN)


def test_a_refusal_without_a_response_is_the_end_of_the_wait(peer: Peer) -> None:
    def script(talk: Talk) -> None:
        talk.until(StreamEnded)
        talk.h2.reset_stream(1, ErrorCodes.REFUSED_STREAM)
        talk.send()
        talk.until(StreamEnded)
        talk.head(3, ends=True)
        talk.until_over()

    peer.serve(script)
    with connect(peer) as stream:
        stream.request("GET", "/")
        assert not stream.wait_head(SOON_S)
        seen = [stream.closed]
        assert stream.wait_closed(SOON_S)
        assert stream.conversation().closing is Closing.OPEN
        assert stream.request("GET", "/again")
        assert [*seen, stream.closed] == [True, False]
        assert stream.wait_complete(1, SOON_S)
        stream.leave(Leaving.FIN)


def test_behind_goaway_a_request_is_not_sent(peer: Peer) -> None:
    def script(talk: Talk) -> None:
        talk.until(StreamEnded)
        talk.head()
        talk.sock.sendall(b"\0\0\x08\7\0\0\0\0\0" + struct.pack(">II", 1, 0))
        talk.data(b"to the end", ends=True)
        talk.until_over()

    peer.serve(script)
    with connect(peer) as stream:
        stream.request("GET", "/")
        assert stream.wait_complete(1, SOON_S)
        assert not stream.request("GET", "/more")
        assert stream.closed
        stream.leave(Leaving.FIN)
    response, unsent = stream.conversation().responses
    assert (response.ending, response.body) == (Ending.COMPLETE, b"to the end")
    assert (unsent.status, unsent.error) == (0, "not sent: GOAWAY NO_ERROR")


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_the_peers_end_is_recorded_as_what_it_was(peer: Peer, how: str) -> None:
    def script(talk: Talk) -> None:
        talk.until(StreamEnded)
        talk.head()
        talk.data(b"a")
        talk.until(SettingsAcknowledged)
        talk.until(StreamEnded)  # once the probe has read, so that the reset takes nothing with it
        if how == "reset":
            talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    peer.serve(script)
    with connect(peer) as stream:
        stream.request("GET", "/")
        assert stream.wait_body(1, SOON_S)
        stream.request("GET", "/unanswered")
        assert stream.wait_closed(SOON_S)
        assert stream.closed
        talk = stream.conversation()
    assert talk.closing is (Closing.FIN if how == "fin" else Closing.RESET)
    assert [made.ending for made in talk.responses] == 2 * [Ending.TRUNCATED if how == "fin" else Ending.RESET]
    assert [made.status for made in talk.responses] == [200, 0]


def test_a_peer_that_is_gone_ends_a_request_at_once(peer: Peer) -> None:
    peer.serve(lambda talk: talk.sock.close())
    with connect(peer) as stream:
        assert stream.wait_closed(SOON_S)
        assert not stream.request("POST", "/", body=b"x" * 1_000_000, within_s=SOON_S)
        assert not stream.wait_head(SOON_S)
    assert stream.conversation().responses == ()


def test_http1_in_return_is_evidence(peer: Peer) -> None:
    def script(talk: Talk) -> None:
        talk.sock.recv(65536)
        talk.sock.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        talk.sock.recv(65536)

    peer.serve(script)
    with connect(peer) as stream:
        stream.request("GET", "/")
        assert stream.wait_head(SOON_S)
        assert stream.response is not None
        assert (stream.response.status, stream.response.ending) == (0, Ending.MALFORMED)
        assert stream.response.error == "HTTP/1.x, where HTTP/2 was asked for"


def test_over_tls_a_large_body_goes_both_ways(peer: Peer) -> None:
    size = 300_000

    def script(talk: Talk) -> None:
        talk.until(StreamEnded)
        talk.head()
        rest = talk.content_size()
        while rest:
            count = min(rest, talk.h2.local_flow_control_window(1), 16_384)
            if count:
                talk.data(b"x" * count, ends=count == rest)
                rest -= count
            else:
                talk.until(WindowUpdated)
        talk.until_over()

    peer.serve(script, alpn=["h2"])
    with connect_tls(peer) as stream:
        assert stream.request("POST", "/", body=b"x" * size, within_s=SOON_S)
        assert stream.wait_complete(1, SOON_S)
        stream.leave(Leaving.FIN)
    talk = stream.conversation()
    assert talk.responses[0].body == b"x" * size
    assert talk.sent[0].data.startswith(PREFACE)


@pytest.mark.parametrize("alpn", [[], ["http/1.1"]], ids=["no ALPN", "HTTP/1.1 alone"])
def test_a_tls_server_that_does_not_offer_http2_is_unreachable(peer: Peer, alpn: list[str]) -> None:
    peer.serve(Talk.until_over, alpn=alpn)
    with pytest.raises(Unreachable, match=r"cannot connect to localhost port \d+: it does not speak HTTP/2: by ALPN"):
        connect_tls(peer)


def test_nothing_that_listens_is_unreachable() -> None:
    with socket.socket() as bound:  # and stays so, or another program might be given the port
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        with pytest.raises(Unreachable, match="Connection refused"):
            Http2Connection("stream", "127.0.0.1", port, Clock.start())


def test_what_a_stream_that_has_ended_cannot_bring_is_not_waited_for(peer: Peer) -> None:
    def script(talk: Talk) -> None:
        talk.until(StreamEnded)
        talk.head()
        talk.data(b"a", ends=True)
        talk.until(StreamEnded)
        talk.h2.reset_stream(3, ErrorCodes.REFUSED_STREAM)
        talk.send()
        talk.until_over()

    peer.serve(script)
    with connect(peer) as stream:
        stream.request("GET", "/")
        assert stream.wait_complete(1, SOON_S)
        stream.request("GET", "/refused")
        began_s = time.monotonic()
        assert not stream.wait_body_of(0, 2, SOON_S)
        assert not stream.wait_head_of(1, SOON_S)
        assert time.monotonic() - began_s < SOON_S
