"""A stream as an ASGI response, whatever framework made it (ASGI 3, HTTP spec 2.x).

The protocol has no word for three things that streaming needs: which server this is, how many bytes nobody takes, and
an end that is visibly incomplete. So the server's own `send` is asked what it belongs to, before any middleware wraps
it. A server that hides that is served too, without the look at its connection.
"""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import TypeAlias, cast

from impls.scripted.connection import Connection, Transport
from impls.scripted.delivery import deliver
from impls.scripted.streams import Stream

Scope: TypeAlias = MutableMapping[str, object]
Message: TypeAlias = MutableMapping[str, object]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
RawFields: TypeAlias = Sequence[tuple[bytes, bytes]]

_SEND = "streamspec.send"

# From `send` to the transport: one step in uvicorn, three in Hypercorn (HTTPStream, H11Protocol, TCPServer).
_MOST_STEPS = 3


class KeepsSend:
    """An application whose scope still holds the server's own `send` when middleware has wrapped it."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the application with `send` in its scope."""
        scope[_SEND] = send
        await self._application(scope, receive, send)


async def respond(stream: Stream, fields: RawFields, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers a request with a stream; to HEAD, with its header fields alone, and without its producer."""
    wire = _AsgiWire(fields, scope, receive, send)
    if scope["method"] == "HEAD":
        await wire.start()
        await wire.end()
    else:
        await deliver(stream, wire)


def server_of(scope: Scope) -> tuple[str, str]:
    """Distributions of the server that called the application, and of its HTTP parser; empty where it hides them."""
    owner = getattr(scope.get(_SEND), "__self__", None)
    module = type(owner).__module__.split(".") if owner is not None else [""]
    if module[0] == "hypercorn":
        return "hypercorn", "h2" if scope["http_version"] == "2" else "h11"
    if module[0] == "uvicorn":
        return "uvicorn", module[-1].removesuffix("_impl").removesuffix("_h2")
    return module[0], ""


class _AsgiWire:
    def __init__(self, fields: RawFields, scope: Scope, receive: Receive, send: Send) -> None:
        self.connection = _connection(scope)
        self._fields = fields
        self._http10 = scope["http_version"] == "1.0"
        self._receive = receive
        self._send = send

    async def start(self) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": self._fields})
        # Some servers hold the header section until there is content (granian, daphne); empty content will do.
        await self.write(b"")

    async def write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def departed(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def closes_by_reset(self) -> bool:
        return self._http10


def _connection(scope: Scope) -> Connection | None:
    """The connection the request came on, if the request is alone on it."""
    if scope["http_version"] not in ("1.0", "1.1"):
        return None
    send: object = scope.get(_SEND)
    for _ in range(_MOST_STEPS):
        owner: object = getattr(send, "__self__", None)
        writer: object = getattr(owner, "writer", owner)
        transport: object = getattr(writer, "transport", None)
        if hasattr(transport, "abort") and hasattr(transport, "get_write_buffer_size"):
            return Connection(cast("Transport", transport))
        send = getattr(owner, "send", None)
    return None
