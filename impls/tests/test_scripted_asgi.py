"""The ASGI response, driven by hand: what it sends, and how it finds the connection."""

import asyncio
from collections.abc import Callable

import pytest

from impls.scripted.asgi import KeepsSend, Message, Receive, Scope, Send, respond, server_of
from impls.scripted.script import Kind
from impls.scripted.streams import Reason
from impls.tests.stages import SHORT_S, FakeTransport, opened

FIELDS = [(b"content-type", b"text/plain; charset=utf-8")]
HEAD = {"type": "http.response.start", "status": 200, "headers": FIELDS}


def part(body: bytes, *, more_body: bool = True) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more_body}


class Cycle:
    """A server's side of one request, with the transport where uvicorn has it."""

    def __init__(self) -> None:
        self.transport = FakeTransport()
        self.sent: list[Message] = []

    async def send(self, message: Message) -> None:
        """Remembers the message."""
        self.sent.append(message)

    async def receive(self) -> Message:
        """Says that the client has left, when its connection has ended."""
        await self.transport.gone.wait()
        return {"type": "http.disconnect"}


class OuterCycle:
    """The same, with the transport where Hypercorn has it: behind the streams' own `send`."""

    class Writer:
        """What asyncio.start_server hands over."""

        def __init__(self, transport: FakeTransport) -> None:
            self.transport = transport

    class Server:
        """Holds the writer."""

        def __init__(self, transport: FakeTransport) -> None:
            self.writer = OuterCycle.Writer(transport)

        async def protocol_send(self) -> None:
            """Never called here."""

    def __init__(self, cycle: Cycle) -> None:
        self._cycle = cycle
        self.send = self.Server(cycle.transport).protocol_send

    async def app_send(self, message: Message) -> None:
        """What the application gets as `send`."""
        await self._cycle.send(message)


def scope_of(method: str = "GET", http_version: str = "1.1") -> Scope:
    return {"type": "http", "method": method, "http_version": http_version}


async def answered(cycle: Cycle, script: dict[str, object], scope: Scope, send: Send | None = None) -> Reason | None:
    """Serves the script through middleware that wraps `send`; gives the reason recorded."""
    stream = await opened(Kind.TEXT, script)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        async def wrapped(message: Message) -> None:
            await send(message)

        await respond(stream, FIELDS, scope, receive, wrapped)

    async with asyncio.timeout(SHORT_S):
        await KeepsSend(application)(scope, cycle.receive, send or cycle.send)
    return stream.entry.reason


def test_the_head_is_flushed_by_an_empty_part_before_the_first_item() -> None:
    cycle = Cycle()
    reason = asyncio.run(answered(cycle, {"items": [{"text": "a"}]}, scope_of()))
    assert cycle.sent == [HEAD, part(b""), part(b"a"), part(b"", more_body=False)]
    assert reason is Reason.COMPLETED


def test_head_is_the_head_alone_and_its_producer_never_starts() -> None:
    cycle = Cycle()
    reason = asyncio.run(answered(cycle, {"items": [], "end": "hang"}, scope_of("HEAD")))
    assert cycle.sent == [HEAD, part(b""), part(b"", more_body=False)]
    assert reason is None


@pytest.mark.parametrize("send_of", [lambda cycle: cycle.send, lambda cycle: OuterCycle(cycle).app_send])
def test_a_failed_text_ends_the_connection_that_the_servers_send_belongs_to(send_of: Callable[[Cycle], Send]) -> None:
    cycle = Cycle()
    script: dict[str, object] = {"items": [], "end": "fail"}
    assert asyncio.run(answered(cycle, script, scope_of(), send_of(cycle))) is Reason.FAILED
    assert cycle.transport.ended_by == "close"
    assert cycle.sent == [HEAD, part(b"")]


def test_a_connection_that_many_requests_share_is_left_alone() -> None:
    cycle = Cycle()
    script: dict[str, object] = {"items": [], "end": "fail"}
    assert asyncio.run(answered(cycle, script, scope_of(http_version="2"))) is Reason.FAILED
    assert cycle.transport.ended_by == ""
    assert cycle.sent == [HEAD, part(b"")]


def test_a_server_that_hides_its_connection_is_served_too() -> None:
    cycle = Cycle()

    async def send(message: Message) -> None:
        await cycle.send(message)

    script: dict[str, object] = {"items": [{"text": "a"}], "end": "fail"}
    assert asyncio.run(answered(cycle, script, scope_of(), send)) is Reason.FAILED
    assert cycle.sent == [HEAD, part(b""), part(b"a")]


def test_the_server_is_named_by_the_module_of_its_send() -> None:
    uvicorn = type("RequestResponseCycle", (Cycle,), {"__module__": "uvicorn.protocols.http.h11_impl"})()
    hypercorn = type("HTTPStream", (Cycle,), {"__module__": "hypercorn.protocol.http_stream"})()
    assert server_of({"streamspec.send": uvicorn.send, "http_version": "1.1"}) == ("uvicorn", "h11")
    assert server_of({"streamspec.send": hypercorn.send, "http_version": "2"}) == ("hypercorn", "h2")
    assert server_of({"http_version": "1.1"}) == ("", "")
