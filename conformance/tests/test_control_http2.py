"""The control server over HTTP/2 with prior knowledge holds the contract, on the port where it speaks HTTP/1.x too."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from tests.http2_client import DEADLINE_S, INITIAL_WINDOW, JSON, Http2Client

from streamspec.control import ControlServer, Fields, Limits, Reason, Stream, http2_stream, serve_in_thread
from streamspec.control.http2_connection import LAST_STREAM_EVER, MAX_CONCURRENT_STREAMS, PREFACE, Http2Connection
from streamspec.control.tcp import MAX_KEPT_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from streamspec.control.http2_stream import Http2Stream

    Connect: TypeAlias = "Callable[..., Http2Client]"

LIMITS = Limits(max_streams=500, send_timeout_ms=400, max_age_ms=60_000, drain_ms=200)
GATE: dict[str, object] = {"gate": True, "text": "x"}
BLOCK: dict[str, object] = {"size": 65_536}
TOKEN, BESIDE, ENDING = "t", "beside", "ending"
"""Streams of a server that the test has for itself."""
STOPPED = ("disconnected", True, 1)
INTERNAL_ERROR, NO_ERROR = ErrorCodes.INTERNAL_ERROR.value, ErrorCodes.NO_ERROR.value
PING = bytes([0, 0, 8, 6, 0, 0, 0, 0, 0]) + b"pingpong"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve_in_thread(ControlServer, LIMITS) as url:
        yield url


@pytest.fixture
def connect() -> Iterator[Connect]:
    with contextlib.ExitStack() as stack:
        yield lambda url, **options: stack.enter_context(Http2Client(url, **options))


@pytest.fixture
def client(connect: Connect, url: str) -> Http2Client:
    return connect(url)


@pytest.fixture
def state(connect: Connect, url: str) -> Http2Client:
    """A connection of its own, which asks for the state of streams."""
    return connect(url)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A token of the test's own."""
    return re.sub("[^A-Za-z0-9_-]", "-", request.node.name)[-64:]


def settled(state: Http2Client, token: str) -> int:
    """How much a stream has produced once it produces no more."""
    last = -1
    while (produced := state.record(token, 50)["bytes_produced"]) != last:
        assert isinstance(produced, int)
        last = produced
    return last


class UnreadTransport(asyncio.Transport):
    """A socket whose peer does not read."""

    def __init__(self, own: socket.socket) -> None:
        super().__init__({"socket": own})
        self.unread = 0
        self.aborted = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return self.unread

    def write(self, data: object) -> None:
        pass

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


def raw(url: str, data: bytes) -> socket.socket:
    """A connection on which those bytes were sent."""
    address = urlsplit(url)
    connection = socket.create_connection((address.hostname, address.port or 0), timeout=DEADLINE_S)
    connection.sendall(data)
    return connection


# Which HTTP it is


def test_the_preface_may_come_in_pieces(url: str) -> None:
    with raw(url, b"") as connection:
        for start in range(len(PREFACE)):
            connection.sendall(PREFACE[start : start + 1])
        assert connection.recv(9)[3] == 4, "the first frame is SETTINGS"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"HTTP/1.1 505 "),
        (b"P", b""),
        (b"PUT / HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 405 "),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 "),
    ],
)
def test_what_is_not_the_preface_is_http1(url: str, data: bytes, status: bytes) -> None:
    with raw(url, data) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(13) == status


def test_a_storm_fits_into_the_streams_that_a_client_may_open_at_once(client: Http2Client) -> None:
    client.head(client.ask("/"))
    assert client.h2.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] == MAX_CONCURRENT_STREAMS >= 10_000


def test_the_control_server_says_that_it_speaks_http2(client: Http2Client) -> None:
    capabilities = client.json("/")["capabilities"]
    assert isinstance(capabilities, list)
    assert "http2" in capabilities


# The message


def test_a_stream_has_the_fields_of_http1_but_for_those_of_the_connection(client: Http2Client, name: str) -> None:
    answer = client.head(client.post("/stream", GATE, token=name))
    assert answer.status == 200
    assert answer.fields.keys() == {
        "date", "vary", "content-type", "cache-control", "x-accel-buffering", "x-content-type-options",
    }  # fmt: skip
    assert (answer.fields["content-type"], answer.content) == ("text/plain; charset=utf-8", b"")
    assert client.record(name)["items_produced"] == 0


@pytest.mark.parametrize("path", ["/stream?count=2", "/sse?count=2", "/streams", "/"])
def test_head_has_the_fields_of_get_and_no_content(client: Http2Client, path: str) -> None:
    opened = client.json("/streams")["opened"]
    of_head = client.whole(client.ask(path, method="HEAD"))
    assert (of_head.status, of_head.content, of_head.ended) == (200, b"", True)
    assert client.json("/streams")["opened"] == opened
    assert of_head.fields.keys() == client.head(client.ask(path)).fields.keys()


def test_an_item_is_received_before_the_next_is_released(client: Http2Client, name: str) -> None:
    number = client.post("/stream", {"gate": True, "size": 3}, repeat=5, token=name)
    for produced in range(1, 6):
        client.release(name)
        assert client.content(number, 3) == b"xxx"
        assert client.record(name)["items_produced"] == produced
    answer = client.whole(number)
    assert (answer.content, answer.ended, answer.reset) == (b"", True, None)


def test_two_streams_go_on_by_turns(client: Http2Client, name: str) -> None:
    tokens = [f"{name[-62:]}-{side}" for side in "ab"]
    numbers = [client.post("/stream", GATE, repeat=3, token=token) for token in tokens]
    for _ in range(3):
        for token, number in zip(tokens, numbers, strict=True):
            client.release(token)
            assert client.content(number, 1) == b"x"
    assert all(client.whole(number).ended for number in numbers)


def test_the_demos_are_those_of_http1(client: Http2Client) -> None:
    text = client.whole(client.ask("/stream?count=2&interval_ms=0"))
    assert (text.content, text.ended) == (b"chunk 1: hello\nchunk 2: hello\ndone\n", True)
    events = client.whole(client.ask("/sse?count=1&interval_ms=0"))
    assert events.content == b'id: 1\ndata: {"n": 1, "text": "hello"}\n\nevent: done\ndata: {"count": 1}\n\n'
    assert client.whole(client.ask("/sse?count=1", ("last-event-id", "1"))).status == 204


def test_an_item_larger_than_every_frame_and_window_arrives_whole(connect: Connect, url: str) -> None:
    client = connect(url, window=INITIAL_WINDOW, connection_window=INITIAL_WINDOW)
    number = client.post("/stream", {"size": 1 << 20}, {"text": "end"})
    received = 0
    while received < (1 << 20) + 3:
        client.content(number, min(16_384, (1 << 20) + 3 - received))
        received += 16_384
        client.open_window(16_384)
        client.open_window(16_384, number)
    assert client.whole(number).ended


def test_keepalive_comments_come_while_silent_and_between_events_alone(client: Http2Client, name: str) -> None:
    number = client.post("/sse", {"gate": True, "size": 1 << 20}, keepalive_ms=20, token=name)
    assert client.content(number, 42) == b": keep-alive\n\n" * 3
    client.release(name)
    content = client.whole(number).content.replace(b": keep-alive\n\n", b"")
    assert content == b"data: " + b"x" * (1 << 20) + b'\n\nevent: done\ndata: {"count": 1}\n\n'


# Endings


def test_a_failed_text_is_reset(client: Http2Client, name: str) -> None:
    answer = client.whole(client.post("/stream", {"text": "x"}, end="fail", token=name))
    assert (answer.content, answer.ended, answer.reset) == (b"x", False, INTERNAL_ERROR)
    assert client.ending(name) == ("failed", True, 1)


def test_a_failed_event_stream_says_so_and_ends_complete(client: Http2Client, name: str) -> None:
    answer = client.whole(client.post("/sse", {"data": "x"}, end="fail", token=name))
    assert answer.content.startswith(b"data: x\n\nevent: error\ndata: ")
    assert (answer.ended, client.ending(name)) == (True, ("failed", True, 1))


def test_a_failure_before_the_head_is_500(client: Http2Client, name: str) -> None:
    answer = client.whole(client.post("/stream", fail_before_start=True, token=name))
    assert (answer.status, answer.ended, client.ending(name)) == (500, True, ("failed", True, 1))


def test_a_stream_that_is_too_old_is_reset_and_an_event_stream_is_told_to_come_back(connect: Connect) -> None:
    with serve_in_thread(ControlServer, Limits(max_age_ms=50)) as own_url:
        client = connect(own_url)
        answer = client.whole(client.post("/sse", {"gate": True, "data": "x"}, token=TOKEN))
        assert (answer.content, answer.reset) == (b"retry: 1000\n\n", INTERNAL_ERROR)
        assert client.ending(TOKEN) == ("max_age", True, 1)


# The client leaves

ITEMS: dict[str, dict[str, object]] = {
    "idle": {"after_ms": 30_000, "text": "x"},
    "gate": GATE,
    "active": {"after_ms": 5, "text": "x"},
    "tight": {"size": 64},
    "keep-alive": {"gate": True, "data": "x"},
    "stalled": BLOCK,
}


@pytest.mark.parametrize("when", ITEMS)
def test_rst_stream_stops_that_producer_and_nothing_else(connect: Connect, url: str, name: str, when: str) -> None:
    client = connect(url)
    beside_token = f"{name[-60:]}-b"
    beside = client.post("/stream", GATE, repeat=2, token=beside_token)
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: INITIAL_WINDOW})
    path = "/sse" if when == "keep-alive" else "/stream"
    number = client.post(path, ITEMS[when], token=name, repeat=1_000_000, cleanup_ms=5, keepalive_ms=10)
    client.head(number)
    if when not in {"idle", "gate"}:
        client.content(number, 1)
    if when == "stalled":
        settled(client, name)
    client.reset(number)
    assert client.ending(name) == STOPPED
    stopped_at = client.record(name)["items_produced"]
    client.release(name)
    client.release(beside_token, 2)
    assert client.whole(beside).content == b"xx"
    assert client.record(name)["items_produced"] == stopped_at


def test_a_poll_that_is_reset_leaves_the_stream_and_the_connection_as_they_are(client: Http2Client, name: str) -> None:
    stream = client.post("/stream", GATE, token=name)
    poll = client.ask(f"/streams/{name}?wait_ms=60000")
    client.json("/streams")
    client.reset(poll)
    client.release(name)
    assert client.whole(stream).ended
    assert client.ending(name) == ("completed", True, 1)


@pytest.mark.parametrize("how", ["fin", "rst", "half-close"])
def test_a_connection_that_is_closed_stops_every_stream_of_it(
    client: Http2Client, state: Http2Client, name: str, how: str
) -> None:
    tokens = {f"{name[-50:]}-{when}": when for when in ITEMS}
    for token, when in tokens.items():
        path = "/sse" if when == "keep-alive" else "/stream"
        client.head(client.post(path, ITEMS[when], token=token, repeat=1_000_000, keepalive_ms=10))
    client.ask("/stream", *JSON, method="POST", ends=False)
    client.leave(how)
    assert {token: state.ending(token) for token in tokens} == dict.fromkeys(tokens, STOPPED)
    if how == "half-close":
        client.rest()
        assert client.goaways == [(2 * len(tokens) + 1, NO_ERROR)]


def test_an_answer_that_no_window_lets_out_does_not_outlive_its_client(connect: Connect, url: str) -> None:
    client = connect(url, window=0)
    number = client.ask("/streams")
    client.head(number)
    client.leave("half-close")
    client.rest()
    assert (client.answers[number].content, client.answers[number].ended) == (b"", False)


def test_a_storm_of_resets_leaves_nothing_open(client: Http2Client, name: str) -> None:
    before = client.json("/streams")
    for item in range(200):
        client.reset(client.post("/stream", BLOCK, GATE, token=f"{name[-50:]}-{item}", repeat=1_000))
    endings = {client.ending(f"{name[-50:]}-{item}") for item in range(200)}
    after = client.json("/streams")
    assert endings == {STOPPED}
    assert (after["opened"], after["open"]) == (int(str(before["opened"])) + 200, before["open"])


# Flow control


def test_a_closed_window_stops_production_after_one_item(
    connect: Connect, url: str, state: Http2Client, name: str
) -> None:
    client = connect(url, window=0)
    number = client.post("/stream", {"size": 1_000}, repeat=100, token=name)
    assert client.head(number).status == 200
    assert settled(state, name) == 1_000
    client.open_window(1_500, number)
    assert client.content(number, 1_500) == b"x" * 1_500
    assert settled(state, name) == 2_000
    client.open_window(1 << 20, number)
    assert client.content(number, 98_500) == b"x" * 98_500
    assert client.whole(number).ended


def test_the_initial_window_may_change_while_a_stream_waits_for_it(connect: Connect, url: str) -> None:
    client = connect(url, window=0)
    number = client.post("/stream", {"size": 1_000})
    client.head(number)
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1_000})
    client.flush()
    answer = client.whole(number)
    assert (len(answer.content), answer.ended) == (1_000, True)


def test_the_window_of_the_connection_bounds_production_and_then_is_shared(
    connect: Connect, url: str, state: Http2Client, name: str
) -> None:
    client = connect(url, connection_window=INITIAL_WINDOW)
    tokens = [f"{name[-60:]}-{side}" for side in "ab"]
    first, second = (client.post("/stream", BLOCK, repeat=16, token=token) for token in tokens)
    client.head(second)
    assert sum(settled(state, token) for token in tokens) <= INITIAL_WINDOW + 2 * 65_536
    client.until(lambda: len(client.answers[first].content) + len(client.answers[second].content) == INITIAL_WINDOW)
    client.order.clear()
    client.open_window(8 * 16_384)
    client.until(lambda: len(client.order) >= 8)
    assert {client.order.count(first), client.order.count(second)} <= {3, 4, 5}, "neither waits for the other"
    client.open_window(1 << 30)
    assert [len(client.whole(number).content) for number in (first, second)] == [16 * 65_536] * 2


def test_a_stream_whose_window_is_closed_holds_up_no_other(client: Http2Client, state: Http2Client, name: str) -> None:
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: INITIAL_WINDOW})
    client.flush()
    stalled = client.post("/stream", BLOCK, repeat=100, token=name)
    client.head(stalled)
    assert settled(state, name) <= 3 * 65_536
    beside_token = f"{name[-60:]}-b"
    beside = client.post("/stream", GATE, repeat=3, token=beside_token)
    for _ in range(3):
        client.release(beside_token)
        client.content(beside, 1)
    assert client.whole(beside).ended
    assert not client.answers[stalled].ended


def test_a_reader_that_reads_nothing_stops_production_whatever_its_windows(connect: Connect) -> None:
    with serve_in_thread(ControlServer) as own_url:  # with its own send time-out: this reader is slow
        client = connect(own_url, receive_buffer=8_192)
        number = client.post("/stream", BLOCK, repeat=160, token=TOKEN)
        client.head(number)
        assert settled(connect(own_url), TOKEN) < 6 << 20
        answer = client.whole(number)
        assert (len(answer.content), answer.ended) == (160 * 65_536, True)


@pytest.mark.parametrize("what", ["window", "kernel"])
def test_a_reader_that_takes_nothing_for_the_send_timeout_is_cut(
    connect: Connect, url: str, state: Http2Client, name: str, what: str
) -> None:
    client = connect(url, window=INITIAL_WINDOW) if what == "window" else connect(url, receive_buffer=8_192)
    number = client.post("/stream", BLOCK, repeat=1_000, token=name)
    client.head(number)
    assert state.ending(name) == ("slow_client", True, 1)
    answer = client.whole(number)
    assert (answer.ended, answer.reset) == (False, INTERNAL_ERROR)
    assert client.whole(client.ask("/streams", method="HEAD")).status == 200, "the connection lives on"


def test_a_client_that_asks_and_never_reads_is_cut() -> None:
    with socket.socket() as own:
        transport = UnreadTransport(own)
        connection = Http2Connection(ControlServer(LIMITS))
        connection.connection_made(transport)
        connection.data_received(PING)
        assert not transport.aborted
        transport.unread = MAX_KEPT_BYTES + 1
        connection.data_received(PING)
        assert transport.aborted


# Requests


@pytest.mark.parametrize("says_so", [True, False])
def test_a_body_that_is_too_large_is_refused_before_its_end(client: Http2Client, says_so: bool) -> None:
    length = (("content-length", "1048577"),) if says_so else ()
    number = client.ask(
        "/stream", *JSON, *length, method="POST", ends=False, body=b"x" if says_so else b"x" * 1_048_577
    )
    answer = client.whole(number)
    assert (answer.status, answer.ended, json.loads(answer.content)["parameter"]) == (413, True, "body")
    assert "connection" not in answer.fields
    assert client.whole(client.ask("/streams")).status == 200


def test_what_follows_a_refusal_is_discarded_and_then_not_wanted(
    client: Http2Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http2_stream, "LINGER_S", 0.05)
    number = client.ask("/stream", *JSON, method="POST", ends=False, body=b"x" * 1_048_577)
    assert client.whole(number).status == 413
    client.h2.send_data(number, b"x" * 16_384)
    client.flush()
    client.until(lambda: client.answers[number].reset is not None)
    assert client.answers[number].reset == NO_ERROR


def test_a_body_of_exactly_a_mebibyte_passes(client: Http2Client) -> None:
    body = b'{"items": [{"text": "%b"}]}' % (b"x" * (1_048_576 - 25))
    answer = client.whole(client.ask("/stream", *JSON, method="POST", body=body))
    assert (answer.status, len(answer.content)) == (200, 1_048_576 - 25)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/nowhere", 404),
        ("DELETE", "/stream", 405),
        ("GET", "/stream?count=x", 422),
        ("POST", "/stream", 415),
        ("OPTIONS", "/sse", 204),
    ],
)
def test_errors_and_options_are_those_of_http1(client: Http2Client, method: str, target: str, status: int) -> None:
    answer = client.whole(client.ask(target, ("origin", "http://localhost:3000"), method=method))
    assert (answer.status, answer.ended) == (status, True)
    assert answer.fields["access-control-allow-origin"] == "http://localhost:3000"
    assert not {"connection", "keep-alive", "transfer-encoding"} & answer.fields.keys()


# The end of the connection


@pytest.mark.parametrize(
    ("garbage", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ErrorCodes.FRAME_SIZE_ERROR),
        (bytes([0, 0, 4, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]), ErrorCodes.PROTOCOL_ERROR),
        (bytes([0, 0, 1, 1, 5, 0, 0, 0, 9, 0xFF]), ErrorCodes.PROTOCOL_ERROR),
    ],
)
def test_a_protocol_error_ends_the_connection_by_goaway_and_every_stream_of_it(
    client: Http2Client, state: Http2Client, name: str, garbage: bytes, code: ErrorCodes
) -> None:
    client.head(client.post("/stream", GATE, token=name))
    client.socket.sendall(garbage)
    client.rest()
    assert [error for _, error in client.goaways] == [code.value]
    assert state.ending(name) == STOPPED


def test_garbage_behind_the_preface_is_answered_by_goaway(url: str) -> None:
    with raw(url, PREFACE + b"garbage" * 100) as connection:
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert received[3] == 4, "the first frame is SETTINGS"
    assert b"\x07\x00\x00\x00\x00\x00" in received, "GOAWAY"


def test_streams_go_on_after_the_client_has_sent_goaway(client: Http2Client, state: Http2Client, name: str) -> None:
    number = client.post("/stream", GATE, {"text": "y"}, token=name)
    client.head(number)
    client.socket.sendall(bytes([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
    state.release(name)
    assert client.content(number, 2) == b"xy"
    client.rest()
    assert client.answers[number].ended


@contextlib.contextmanager
def process(**environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A control server and its URL."""
    with subprocess.Popen(
        [sys.executable, "-m", "streamspec.control"],
        env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        try:
            assert server.stdout is not None
            yield server, server.stdout.readline().strip()
        finally:
            server.kill()


def test_sigterm_is_told_by_goaway_then_streams_may_end_and_what_is_left_is_cut(connect: Connect) -> None:
    with process(STREAMSPEC_DRAIN_MS="400") as (server, url):
        client = connect(url)
        ends = client.post("/stream", GATE, token=ENDING)
        text = client.post("/stream", GATE, token=TOKEN, cleanup_ms=20)
        events = client.post("/sse", {"gate": True, "data": "x"})
        client.head(events)
        poll = client.ask(f"/streams/{TOKEN}?wait_ms=60000")
        server.send_signal(signal.SIGTERM)
        client.until(lambda: bool(client.goaways))
        assert client.goaways == [(LAST_STREAM_EVER, NO_ERROR)]
        refused = client.whole(client.ask("/stream"))
        assert (refused.status, refused.fields["retry-after"], "connection" in refused.fields) == (503, "1", False)
        client.release(ENDING)
        assert (client.whole(ends).content, client.answers[ends].ended) == (b"x", True)
        assert (client.whole(text).ended, client.answers[text].reset) == (False, INTERNAL_ERROR)
        assert (client.whole(events).content, client.answers[events].reset) == (b"retry: 1000\n\n", INTERNAL_ERROR)
        record = json.loads(client.whole(poll).content)
        assert (record["reason"], record["cleaned"], record["cleanups"]) == ("shutdown", True, 1)
        client.rest()
        assert client.goaways[1:] == [(client.h2.highest_outbound_stream_id, NO_ERROR)]
        assert server.wait(DEADLINE_S) == 0
        assert server.stderr is not None
        assert server.stderr.read() == ""


# What a mutant may break, one thing at a time


class SaysKeepAlive(ControlServer):
    """Sends a field of the connection."""

    def message_fields(self, stream: Stream) -> Fields:
        return [
            *super().message_fields(stream),
            *([("Connection", "keep-alive")] if stream.request.multiplexed else []),
        ]


class IsDeafToStreamResets(ControlServer):
    """Goes on for nobody."""

    def on_stream_reset(self, stream: Stream) -> None:
        pass


class ResetsTheConnection(ControlServer):
    """Takes one stream for all."""

    def on_stream_reset(self, stream: Stream) -> None:
        super().on_stream_reset(stream)
        stream.connection.carrier.reset()


class BuffersWithoutBound(ControlServer):
    """Does not wait for a window."""

    async def drain(self, stream: Stream) -> None:
        if not stream.request.multiplexed:
            await super().drain(stream)


class HoldsAnItemBack(ControlServer):
    """Sends every second item, with the one before it."""

    def write_unsent(self, stream: Stream) -> None:
        if not stream.request.multiplexed or stream.ending or not stream.record.items_produced % 2:
            super().write_unsent(stream)


class EndsFailedText(ControlServer):
    """Says that half of it is the whole."""

    async def end_failed_text(self, stream: Stream) -> None:
        await self.end_message(stream)
        self.complete(stream, Reason.FAILED)


class HasOneQueue(ControlServer):
    """Lets all wait for the slowest."""

    def may_send(self, connection: Http2Stream) -> bool:
        others = connection.carrier.streams.values()
        return not any(other.unsent_bytes and not other.window for other in others if other is not connection)


class Broken(NamedTuple):
    """Two connections to a mutant."""

    client: Http2Client
    state: Http2Client


@pytest.fixture
def broken(connect: Connect, request: pytest.FixtureRequest) -> Iterator[Broken]:
    with serve_in_thread(request.param, LIMITS) as own_url:
        yield Broken(connect(own_url), connect(own_url))


@pytest.mark.parametrize("broken", [SaysKeepAlive], indirect=True)
def test_a_mutant_can_send_a_field_that_http2_forbids(broken: Broken) -> None:
    client = broken.client
    client.h2.config.validate_inbound_headers = False
    assert client.head(client.ask("/stream?count=0")).fields["connection"] == "keep-alive"


@pytest.mark.parametrize("broken", [IsDeafToStreamResets], indirect=True)
def test_a_mutant_can_be_deaf_to_rst_stream_and_still_hear_fin(broken: Broken) -> None:
    client, state = broken
    number = client.post("/stream", GATE, {"after_ms": 30_000, "text": "x"}, token=TOKEN)
    client.head(number)
    client.reset(number)
    client.release(TOKEN)
    assert client.record(TOKEN, 100)["state"] == "open"
    client.leave("fin")
    assert state.ending(TOKEN) == STOPPED


@pytest.mark.parametrize("broken", [ResetsTheConnection], indirect=True)
def test_a_mutant_can_reset_the_connection_with_the_stream(broken: Broken) -> None:
    client, state = broken
    client.post("/stream", GATE, token=BESIDE)
    number = client.post("/stream", GATE, token=TOKEN)
    client.head(number)
    client.reset(number)
    with pytest.raises(ConnectionResetError):
        client.rest()
    assert state.ending(BESIDE) == state.ending(TOKEN) == STOPPED


@pytest.mark.parametrize("broken", [BuffersWithoutBound], indirect=True)
def test_a_mutant_can_buffer_what_the_window_does_not_take(broken: Broken) -> None:
    client, state = broken
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
    number = client.post("/stream", BLOCK, repeat=64, token=TOKEN)
    client.head(number)
    assert state.ending(TOKEN) == ("completed", True, 1)
    assert state.record(TOKEN)["bytes_produced"] == 64 * 65_536
    client.open_window(64 * 65_536, number)
    assert (len(client.whole(number).content), client.answers[number].ended) == (64 * 65_536, True)


@pytest.mark.parametrize("broken", [HoldsAnItemBack], indirect=True)
def test_a_mutant_can_hold_an_item_back(broken: Broken) -> None:
    client = broken.client
    number = client.post("/stream", GATE, repeat=2, token=TOKEN)
    client.release(TOKEN)
    while not client.record(TOKEN, 20)["items_produced"]:
        pass
    assert client.head(number).content == b""
    client.release(TOKEN)
    assert client.whole(number).content == b"xx"


@pytest.mark.parametrize("broken", [EndsFailedText], indirect=True)
def test_a_mutant_can_end_a_failed_text_as_if_it_were_whole(broken: Broken) -> None:
    client = broken.client
    assert client.whole(client.post("/stream", GATE | {"gate": False}, end="fail")).ended


@pytest.mark.parametrize("broken", [HasOneQueue], indirect=True)
def test_a_mutant_can_let_a_stalled_stream_hold_up_the_others(broken: Broken) -> None:
    client, state = broken
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
    stalled = client.post("/stream", {"size": 10}, {"after_ms": 30_000, "text": "x"}, token=BESIDE)
    client.head(stalled)
    number = client.post("/stream", {"size": 10}, token=TOKEN)
    client.head(number)
    client.open_window(10, number)
    assert state.record(TOKEN, 100)["state"] == "open"
    client.open_window(10, stalled)
    assert client.whole(number).ended
