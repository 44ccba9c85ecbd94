"""The control server on real sockets holds the contract: every area, by hand-written bytes."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
import struct
import time
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import urlsplit

import pytest

from streamspec.control import ControlServer, Limits, serve_in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    Connect: TypeAlias = "Callable[..., Wire]"

DEADLINE_S = 10.0
LIMITS = Limits(max_streams=50, send_timeout_ms=400, max_age_ms=60_000, drain_ms=200)


class Wire:
    """A connection whose bytes the test writes and reads itself."""

    def __init__(self, url: str, receive_buffer: int | None = None) -> None:
        address = urlsplit(url)
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect((address.hostname, address.port))
        self.received = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> Wire:
        self.socket.sendall(data)
        return self

    def ask(self, line: str, *fields: str, body: bytes | None = None, version: str = "1.1") -> Wire:
        head = [f"{line} HTTP/{version}", "Host: control", *fields]
        if body is not None:
            head.append(f"Content-Length: {len(body)}")
        return self.send("\r\n".join([*head, "", ""]).encode() + (body or b""))

    def post(self, path: str, *items: dict[str, object], version: str = "1.1", **script: object) -> Wire:
        body = json.dumps({"items": items, **script}).encode()
        return self.ask(f"POST {path}", "Content-Type: application/json", body=body, version=version)

    def until(self, pattern: bytes) -> bytes:
        """Reads up to the end of what the pattern matches, and takes that off."""
        while not (match := re.search(pattern, self.received, re.DOTALL)):
            data = self.socket.recv(262_144)
            assert data, f"the connection ended after {self.received[-200:]!r}"
            self.received += data
        taken, self.received = self.received[: match.end()], self.received[match.end() :]
        return taken

    def head(self) -> tuple[int, dict[str, str]]:
        """Reads a header section."""
        status_line, *lines = self.until(rb"\r\n\r\n").decode("latin-1").split("\r\n")[:-2]
        return int(status_line.split()[1]), {name.lower(): value for name, value in (x.split(": ", 1) for x in lines)}

    def chunk(self) -> bytes:
        """Reads one chunk; that of no bytes is the last."""
        size = int(self.until(rb"\r\n"), 16)
        while len(self.received) < size + 2:
            self.received += self.socket.recv(262_144)
        content, end, self.received = self.received[:size], self.received[size : size + 2], self.received[size + 2 :]
        assert end == b"\r\n"
        return content

    def chunks(self) -> list[bytes]:
        """Reads all chunks of a complete message."""
        return list(iter(self.chunk, b""))

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Reads an answer with a length."""
        status, fields = self.head()
        size = int(fields.get("content-length", 0))
        while len(self.received) < size:
            self.received += self.socket.recv(262_144)
        body, self.received = self.received[:size], self.received[size:]
        return status, fields, body

    def rest(self) -> bytes:
        """Reads to the end of the connection; ConnectionResetError is the test's to expect."""
        while data := self.socket.recv(262_144):
            self.received += data
        return self.received

    def leave(self, how: str) -> None:
        """Leaves with FIN, with RST, or with the write side alone."""
        if how == "half-close":
            self.socket.shutdown(socket.SHUT_WR)
            return
        if how == "rst":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Record(TypedDict):
    """What `GET /streams/{token}` answers."""

    state: str
    reason: str | None
    items_produced: int
    bytes_produced: int
    produced_ms: list[float]
    opened_ms: float
    closed_ms: float
    cleaned: bool
    cleanups: int


class State:
    """Asks for the state of streams, on a connection of its own."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def of(self, token: str, wait_ms: int = 0) -> Record:
        status, _, body = self.wire.ask(f"GET /streams/{token}?wait_ms={wait_ms}").answer()
        assert status == 200, body
        state: Record = json.loads(body)
        return state

    def totals(self) -> dict[str, object]:
        totals: dict[str, object] = json.loads(self.wire.ask("GET /streams").answer()[2])
        return totals

    def release(self, token: str, items: int = 1) -> None:
        body = json.dumps({"items": items}).encode()
        assert self.wire.ask(
            f"POST /streams/{token}/release", "Content-Type: application/json", body=body
        ).answer()[0] == 204  # fmt: skip


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve_in_thread(ControlServer, LIMITS) as url:
        yield url


@pytest.fixture
def connect() -> Iterator[Connect]:
    with contextlib.ExitStack() as stack:
        yield lambda url, **options: stack.enter_context(Wire(url, **options))


@pytest.fixture
def wire(connect: Connect, url: str) -> Wire:
    return connect(url)


@pytest.fixture
def state(connect: Connect, url: str) -> State:
    return State(connect(url))


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A token of the test's own."""
    return re.sub("[^A-Za-z0-9_-]", "-", request.node.name)[-64:]


GATE: dict[str, object] = {"gate": True, "text": "x"}


# Heads


def test_a_text_stream_has_the_fields_that_keep_others_from_buffering_it(wire: Wire) -> None:
    status, fields = wire.ask("GET /stream?count=1&interval_ms=0").head()
    assert status == 200
    assert fields["content-type"] == "text/plain; charset=utf-8"
    assert fields["cache-control"] == "no-store, no-transform"
    assert fields["x-accel-buffering"] == "no"
    assert fields["x-content-type-options"] == "nosniff"
    assert fields["transfer-encoding"] == "chunked"
    assert not {"content-length", "connection", "keep-alive"} & fields.keys()


def test_the_head_is_on_the_wire_before_the_first_item_is_released(wire: Wire, state: State, name: str) -> None:
    status, _ = wire.post("/stream", GATE, token=name).head()
    assert (status, state.of(name)["items_produced"]) == (200, 0)


@pytest.mark.parametrize("path", ["/stream?count=2", "/sse?count=2", "/streams", "/"])
def test_head_has_the_fields_of_get_and_no_content(
    connect: Connect, url: str, wire: Wire, state: State, path: str
) -> None:
    opened = state.totals()["opened"]
    of_head = wire.ask(f"HEAD {path}").head()
    assert state.totals()["opened"] == opened
    of_get = connect(url).ask(f"GET {path}").head()
    ignored = {"date", "stream-token", "content-length"}
    assert of_head[0] == of_get[0] == 200
    assert of_head[1].keys() == of_get[1].keys()
    assert all(of_head[1][name] == of_get[1][name] for name in of_get[1].keys() - ignored)
    assert wire.ask("GET /streams").answer()[0] == 200, "content followed the head"


@pytest.mark.parametrize(
    ("line", "allow"),
    [
        ("DELETE /stream", "GET, POST, HEAD, OPTIONS"),
        ("BREW /streams", "GET, HEAD, OPTIONS"),
        ("GET /streams/x/release", "POST, OPTIONS"),
    ],
)
def test_another_method_is_405_and_names_those_that_are_allowed(wire: Wire, line: str, allow: str) -> None:
    status, fields, _ = wire.ask(line).answer()
    assert (status, fields["allow"]) == (405, allow)


# Chunks


def test_an_item_is_a_chunk_and_is_received_before_the_next_is_released(wire: Wire, state: State, name: str) -> None:
    wire.post("/stream", {"gate": True, "size": 3}, repeat=5, token=name).head()
    for produced in range(1, 6):
        state.release(name)
        assert wire.chunk() == b"xxx"
        assert state.of(name)["items_produced"] == produced
    assert wire.chunk() == b""


def test_an_empty_item_does_not_end_the_message(wire: Wire, state: State, name: str) -> None:
    wire.post("/stream", {"text": "a"}, {"text": ""}, {"text": "b"}, token=name).head()
    assert wire.chunks() == [b"a", b"b"]
    assert state.of(name)["items_produced"] == 3


def test_items_of_any_bytes_and_size_arrive_whole(wire: Wire) -> None:
    raw = bytes(range(256))
    wire.post("/stream", {"base64": base64.b64encode(raw).decode()}, {"text": "zażółć 🦆"}, {"size": 4 << 20}).head()
    assert wire.chunks() == [raw, "zażółć 🦆".encode(), b"x" * (4 << 20)]


def test_the_demo_is_twenty_chunks_and_done(wire: Wire) -> None:
    wire.ask("GET /stream?interval_ms=1").head()
    assert b"".join(wire.chunks()) == b"".join(b"chunk %d: hello\n" % i for i in range(1, 21)) + b"done\n"


def test_the_demo_without_a_query_goes_three_tenths_of_a_second_apart(wire: Wire, state: State) -> None:
    _, fields = wire.ask("GET /stream").head()
    assert wire.chunk() + wire.chunk() == b"chunk 1: hello\nchunk 2: hello\n"
    first_ms, second_ms = state.of(fields["stream-token"])["produced_ms"]
    assert second_ms - first_ms == pytest.approx(300, abs=100)


def test_the_schedule_does_not_drift(wire: Wire, state: State, name: str) -> None:
    wire.post("/stream", {"after_ms": 10, "size": 1000}, repeat=50, token=name).head()
    wire.chunks()
    record = state.of(name)
    produced_ms = record["produced_ms"]
    late_ms = [at_ms - record["opened_ms"] - 10 * n for n, at_ms in enumerate(produced_ms, 1)]
    assert -1 < min(late_ms) < 20
    assert sorted(late_ms[25:])[12] - sorted(late_ms[:25])[12] < 5


def test_the_schedule_goes_on_from_the_release_of_a_gate(wire: Wire, state: State, name: str) -> None:
    wire.post("/stream", {"gate": True, "after_ms": 80, "text": "x"}, token=name).head()
    released_ms = time.monotonic() * 1000
    state.release(name)
    wire.chunk()
    produced_ms = state.of(name)["produced_ms"]
    assert 79 < produced_ms[0] - released_ms < 300


def test_a_connection_serves_one_stream_after_the_other_and_pipelined_ones(wire: Wire) -> None:
    for _ in range(2):
        wire.ask("GET /stream?count=1").ask("GET /sse?count=1").ask("GET /streams")
    for _ in range(2):
        wire.head()
        assert wire.chunks() == [b"chunk 1: hello\n", b"done\n"]
        wire.head()
        assert len(wire.chunks()) == 2
        assert wire.answer()[0] == 200


def test_connection_close_is_honoured(wire: Wire) -> None:
    assert wire.ask("GET /stream?count=1", "Connection: close").head()[1]["connection"] == "close"
    assert wire.rest().endswith(b"0\r\n\r\n")


def test_http10_gets_the_bare_body_and_the_end_of_the_connection(wire: Wire) -> None:
    _, fields = wire.ask("GET /stream?count=2&interval_ms=0", "Connection: keep-alive", version="1.0").head()
    assert "transfer-encoding" not in fields
    assert fields["connection"] == "close"
    assert wire.rest() == b"chunk 1: hello\nchunk 2: hello\ndone\n"


# Events


def test_the_sse_demo_has_ids_json_and_a_terminal_event(wire: Wire) -> None:
    assert wire.ask("GET /sse?count=2&interval_ms=0").head()[1]["content-type"] == "text/event-stream"
    assert b"".join(wire.chunks()) == (
        b'id: 1\ndata: {"n": 1, "text": "hello"}\n\n'
        b'id: 2\ndata: {"n": 2, "text": "hello"}\n\n'
        b'event: done\ndata: {"count": 2}\n\n'
    )


def test_a_posted_event_is_one_chunk_with_all_its_fields(wire: Wire) -> None:
    item = {"event": "e", "data": "a\r\nb\rc\n\u2028d", "id": "ü", "retry": 5, "comment": "one\rtwo"}
    wire.post("/sse", item, {"size": 3, "id": "1"}, repeat=2).head()
    first, second, *_, last = wire.chunks()
    assert first.decode() == (
        ": one\n: two\nevent: e\nid: ü\nretry: 5\ndata: a\ndata: b\ndata: c\ndata: \u2028d\n\n"
    )  # fmt: skip
    assert second == b"id: 1\ndata: xxx\n\n"
    assert last == b'event: done\ndata: {"count": 4}\n\n'


def test_keepalive_comments_come_while_silent_and_between_events_alone(wire: Wire, state: State, name: str) -> None:
    wire.post("/sse", {"gate": True, "size": 1 << 20}, keepalive_ms=20, token=name).head()
    assert [wire.chunk() for _ in range(3)] == [b": keep-alive\n\n"] * 3
    state.release(name)
    content = b"".join(wire.chunks()).replace(b": keep-alive\n\n", b"")
    assert content == b"data: " + b"x" * (1 << 20) + b'\n\nevent: done\ndata: {"count": 1}\n\n'


@pytest.mark.parametrize(
    ("last", "count", "status", "first"),
    [
        ("", 3, 200, b"id: 1\n"),
        ("1", 3, 200, b"id: 2\n"),
        ("3", 3, 204, b""),
        ("4", 3, 422, b""),
        ("0", 3, 422, b""),
        ("01", 3, 422, b""),
        ("x", 3, 422, b""),
        ("1", 0, 422, b""),
    ],
)
def test_resume_goes_on_after_the_last_event_id(wire: Wire, last: str, count: int, status: int, first: bytes) -> None:
    answered, fields = wire.ask(f"GET /sse?count={count}&interval_ms=0", f"Last-Event-ID: {last}").head()
    assert answered == status
    if status == 200:
        assert wire.chunks()[0].startswith(first)
    if status == 422:
        assert b'"parameter": "Last-Event-ID"' in wire.until(b"}")
    assert ("content-length" in fields) is (status == 422)


# Disconnects

ITEMS: dict[str, dict[str, object]] = {
    "idle": {"after_ms": 30_000, "text": "x"},
    "active": {"after_ms": 5, "text": "x"},
    "tight": {"size": 64},
    "keep-alive": {"gate": True, "data": "x"},
    "stalled": {"size": 65_536},
}


@pytest.mark.parametrize("how", ["fin", "rst", "half-close"])
@pytest.mark.parametrize("when", ["idle", "gate", "active", "tight", "keep-alive", "pipelined", "stalled"])
def test_a_client_that_leaves_stops_the_producer_at_once(
    wire: Wire, state: State, name: str, when: str, how: str
) -> None:
    path = "/sse" if when == "keep-alive" else "/stream"
    wire.post(path, ITEMS.get(when, GATE), token=name, repeat=1_000_000, cleanup_ms=5, keepalive_ms=10).head()
    if when == "pipelined":
        wire.ask("GET /streams")
    if when in {"active", "tight", "keep-alive"}:
        wire.chunk()
    if when == "stalled":
        last = -1
        while (produced := state.of(name, wait_ms=50)["bytes_produced"]) != last:
            last = produced
    wire.leave(how)
    left_ms = time.monotonic() * 1000
    record = state.of(name, wait_ms=5_000)
    assert (record["reason"], record["cleaned"], record["cleanups"]) == ("disconnected", True, 1)
    assert record["closed_ms"] - left_ms < 250
    assert state.of(name)["items_produced"] == record["items_produced"]


def test_a_tight_producer_leaves_time_for_others(wire: Wire, state: State, name: str) -> None:
    wire.post("/stream", {"size": 64}, repeat=100_000, token=name).head()
    slowest_s = 0.0
    wire.socket.settimeout(0)
    open_ = True
    while open_:
        try:
            while wire.socket.recv(1 << 20):
                pass
        except BlockingIOError:
            pass
        asked_s = time.monotonic()
        open_ = state.of(name)["state"] == "open"
        slowest_s = max(slowest_s, time.monotonic() - asked_s)
    assert slowest_s < 0.25


# Flow


def test_a_stalled_reader_stops_production_and_loses_nothing(
    connect: Connect, url: str, state: State, name: str
) -> None:
    wire = connect(url, receive_buffer=8_192)
    wire.post("/stream", {"size": 65_536}, repeat=160, token=name).head()
    held = state.of(name, wait_ms=100)["bytes_produced"]
    assert held < 6 << 20
    assert sum(map(len, wire.chunks())) == 160 * 65_536


def test_a_reader_that_takes_nothing_for_the_send_timeout_is_closed(
    connect: Connect, url: str, state: State, name: str
) -> None:
    wire = connect(url, receive_buffer=8_192)
    wire.post("/stream", {"size": 65_536}, repeat=1_000, token=name).head()
    record = state.of(name, wait_ms=5_000)
    assert (record["reason"], record["cleaned"]) == ("slow_client", True)
    assert 400 <= record["closed_ms"] - record["produced_ms"][-1] < 900
    with pytest.raises(ConnectionResetError):
        wire.rest()
    assert not wire.received.endswith(b"0\r\n\r\n")


# Failures


def test_a_failed_text_has_no_last_chunk(wire: Wire, state: State, name: str) -> None:
    wire.post("/stream", {"text": "x"}, end="fail", token=name).head()
    assert wire.rest() == b"1\r\nx\r\n"
    assert state.of(name, wait_ms=1_000)["reason"] == "failed"


def test_a_failed_text_to_http10_is_reset(wire: Wire, state: State, name: str) -> None:
    wire.post("/stream", GATE, end="fail", version="1.0", token=name).head()
    state.release(name)
    with pytest.raises(ConnectionResetError):
        wire.rest()


def test_a_failed_event_stream_says_so_and_ends_complete(wire: Wire, state: State, name: str) -> None:
    wire.post("/sse", {"data": "x"}, end="fail", token=name).head()
    first, last = wire.chunks()
    assert first == b"data: x\n\n"
    event, data = last.decode().splitlines()[:2]
    assert event == "event: error"
    assert json.loads(data.removeprefix("data: "))["status"] == 500
    assert wire.ask("GET /streams").answer()[0] == 200
    assert state.of(name)["reason"] == "failed"


def test_a_failure_before_the_head_is_500(wire: Wire, state: State, name: str) -> None:
    status, fields, _ = wire.post("/stream", fail_before_start=True, token=name).answer()
    assert (status, fields["content-type"]) == (500, "application/problem+json")
    record = state.of(name, wait_ms=1_000)
    assert (record["reason"], record["cleaned"], record["cleanups"]) == ("failed", True, 1)


# Input

JSON = "Content-Type: application/json"
REFUSED = [
    ("GET /stream?count=-1", None, 422, "count"),
    ("GET /stream?count=100001", None, 422, "count"),
    ("GET /stream?count=x", None, 422, "count"),
    ("GET /stream?count=1&count=1", None, 422, "count"),
    ("GET /stream?keepalive_ms=50", None, 422, "keepalive_ms"),
    ("GET /sse?keepalive_ms=9", None, 422, "keepalive_ms"),
    ("GET /stream?token=a%20b", None, 422, "token"),
    ("GET /streams?x=1", None, 422, "x"),
    ("GET /streams?=1", None, 422, "query"),
    ("GET /nowhere", None, 404, None),
    ("GET /stream/", None, 404, None),
    ("GET /streams/unknown", None, 404, None),
    ("POST /streams/unknown/release", b'{"items": 1}', 404, None),
    ("POST /stream?count=1", b'{"items": []}', 422, "count"),
    ("POST /stream", b"", 400, "body"),
    ("POST /stream", b"{", 400, "body"),
    ("POST /stream", b"[" * 100_000, 400, "body"),
    ("POST /stream", b'{"items": [], "repeat": NaN}', 400, "body"),
    ("POST /stream", b"\xff", 400, "body"),
    ("POST /stream", b"[]", 422, "body"),
    ("POST /stream", b"{}", 422, "items"),
    ("POST /stream", b'{"items": {}}', 422, "items"),
    ("POST /stream", b'{"items": [], "": 1}', 422, "body"),
    ("POST /stream", b'{"items": [1]}', 422, "items[0]"),
    ("POST /stream", b'{"items": [{}]}', 422, "items[0]"),
    ("POST /stream", b'{"items": [{"text": "a", "size": 1}]}', 422, "items[0]"),
    ("POST /stream", b'{"items": [{"text": 1}]}', 422, "items[0].text"),
    ("POST /stream", b'{"items": [{"text": "\\ud800"}]}', 422, "items[0].text"),
    ("POST /stream", b'{"items": [{"base64": "a"}]}', 422, "items[0].base64"),
    ("POST /stream", b'{"items": [{"text": ""}, {"size": -1}]}', 422, "items[1].size"),
    ("POST /stream", b'{"items": [{"size": 67108865}]}', 422, "items[0].size"),
    ("POST /stream", b'{"items": [{"size": true}]}', 422, "items[0].size"),
    ("POST /stream", b'{"items": [{"size": 1.5}]}', 422, "items[0].size"),
    ("POST /stream", b'{"items": [{"size": "1"}]}', 422, "items[0].size"),
    ("POST /stream", b'{"items": [{"size": 1, "gate": 1}]}', 422, "items[0].gate"),
    ("POST /stream", b'{"items": [{"size": 1, "after_ms": 60001}]}', 422, "items[0].after_ms"),
    ("POST /stream", b'{"items": [{"data": "x"}]}', 422, "items[0].data"),
    ("POST /stream", b'{"items": [], "extra": 1}', 422, "extra"),
    ("POST /stream", b'{"items": [], "repeat": 0}', 422, "repeat"),
    ("POST /stream", b'{"items": [], "end": "never"}', 422, "end"),
    ("POST /stream", b'{"items": [], "cleanup_ms": 60001}', 422, "cleanup_ms"),
    ("POST /stream", b'{"items": [], "token": "a b"}', 422, "token"),
    ("POST /stream", b'{"items": [], "token": ""}', 422, "token"),
    ("POST /sse", b'{"items": [{}]}', 422, "items[0]"),
    ("POST /sse", b'{"items": [{"gate": true}]}', 422, "items[0]"),
    ("POST /sse", b'{"items": [{"text": "x"}]}', 422, "items[0].text"),
    ("POST /sse", b'{"items": [{"event": "a\\nb"}]}', 422, "items[0].event"),
    ("POST /sse", b'{"items": [{"event": "a\\rb"}]}', 422, "items[0].event"),
    ("POST /sse", b'{"items": [{"id": "a\\nb"}]}', 422, "items[0].id"),
    ("POST /sse", b'{"items": [{"id": "a\\u0000b"}]}', 422, "items[0].id"),
    ("POST /sse", b'{"items": [{"retry": -1}]}', 422, "items[0].retry"),
    ("POST /sse", b'{"items": [{"retry": 2147483648}]}', 422, "items[0].retry"),
    ("POST /sse", b'{"items": [{"data": "", "size": 1}]}', 422, "items[0].size"),
]


@pytest.mark.parametrize(("line", "body", "status", "parameter"), REFUSED)
def test_bad_input_is_refused_by_name_and_opens_no_stream(
    wire: Wire, state: State, *, line: str, body: bytes | None, status: int, parameter: str | None
) -> None:
    opened = state.totals()["opened"]
    answered, fields, content = wire.ask(line, JSON, body=body).answer()
    problem = json.loads(content)
    assert (answered, problem["status"], problem.get("parameter")) == (status, status, parameter)
    assert fields["content-type"] == "application/problem+json"
    assert state.totals()["opened"] == opened


def test_a_body_of_another_media_type_is_415(wire: Wire) -> None:
    assert wire.ask("POST /stream", "Content-Type: text/plain", body=b'{"items": []}').answer()[0] == 415


def test_a_body_of_exactly_a_mebibyte_passes_and_one_byte_more_is_413(connect: Connect, url: str, wire: Wire) -> None:
    body = b'{"items": [{"text": "%b"}]}' % (b"x" * (1_048_576 - 25))
    assert len(body) == 1_048_576
    assert wire.ask("POST /stream", JSON, body=body).head()[0] == 200
    too_large = connect(url).ask("POST /stream", JSON, body=body + b" ")
    status, fields, content = too_large.answer()
    assert (status, fields["connection"], json.loads(content)["parameter"]) == (413, "close", "body")
    assert too_large.rest() == b""


def test_a_chunked_body_that_grows_too_large_is_413(wire: Wire) -> None:
    wire.ask("POST /stream", JSON, "Transfer-Encoding: chunked")
    for _ in range(16):
        wire.send(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
    assert wire.send(b"1\r\n").answer()[0] == 413


def test_a_token_is_taken_once(connect: Connect, url: str, wire: Wire, name: str) -> None:
    wire.ask(f"GET /stream?count=0&token={name}").head()
    status, _, content = connect(url).ask(f"GET /stream?count=0&token={name}").answer()
    assert (status, json.loads(content)["parameter"]) == (409, "token")


def test_gates_released_on_a_closed_stream_are_204(wire: Wire, state: State, name: str) -> None:
    wire.ask(f"GET /stream?count=0&token={name}").head()
    wire.chunks()
    state.release(name)


# Cross-origin reading

ALLOWED = "http://localhost:3000"


@pytest.mark.parametrize("path", ["/stream?count=0", "/stream?count=x", "/streams", "/nowhere"])
def test_the_listed_origin_may_read_and_another_may_not(connect: Connect, url: str, path: str) -> None:
    _, fields = connect(url).ask(f"GET {path}", f"Origin: {ALLOWED}").head()
    assert (fields["access-control-allow-origin"], fields["vary"]) == (ALLOWED, "Origin")
    assert fields["access-control-expose-headers"] == "Stream-Token"
    _, fields = connect(url).ask(f"GET {path}", "Origin: http://evil.example").head()
    assert ("access-control-allow-origin" in fields, fields["vary"]) == (False, "Origin")


def test_a_preflight_allows_what_a_client_sends(wire: Wire) -> None:
    status, fields = wire.ask("OPTIONS /sse", f"Origin: {ALLOWED}", "Access-Control-Request-Method: POST").head()
    assert status == 204
    assert "POST" in fields["access-control-allow-methods"]
    assert fields["access-control-allow-headers"] == "Content-Type, Last-Event-ID"
    assert "content-length" not in fields


# Limits


def test_beyond_max_streams_it_is_503_until_a_slot_is_free(connect: Connect) -> None:
    with serve_in_thread(ControlServer, Limits(max_streams=2)) as own_url:
        first, second = (connect(own_url).post("/stream", GATE, token=name) for name in ("a", "b"))
        first.head()
        second.head()
        status, fields, _ = connect(own_url).ask("GET /stream").answer()
        assert (status, fields["retry-after"]) == (503, "1")
        first.leave("rst")
        assert State(connect(own_url)).of("a", wait_ms=2_000)["cleaned"]
        assert connect(own_url).ask("GET /stream").head()[0] == 200


def test_a_stream_that_is_too_old_is_cut_and_an_event_stream_is_told_to_come_back(connect: Connect, name: str) -> None:
    with serve_in_thread(ControlServer, Limits(max_age_ms=50)) as own_url:
        wire = connect(own_url).post("/sse", {"gate": True, "data": "x"}, token=name)
        wire.head()
        assert wire.rest() == b"d\r\nretry: 1000\n\n\r\n"
        assert State(connect(own_url)).of(name, wait_ms=1_000)["reason"] == "max_age"


def test_a_long_poll_answers_after_its_wait_while_the_stream_is_open(wire: Wire, state: State, name: str) -> None:
    wire.post("/stream", GATE, token=name).head()
    asked_s = time.monotonic()
    assert state.of(name, wait_ms=60)["state"] == "open"
    assert time.monotonic() - asked_s >= 0.06
