"""The control client: raw asyncio and h11, and everything that is required. Mutants override one method of it.

It shares no code with `streamspec_client`: two readings of one text.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urljoin, urlsplit

import h11

from streamspec.clients.contract import Claim
from streamspec.clients.control_decoder import ControlDecoder
from streamspec.clients.play import End, Ended, Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamspec.clients.adapter_lines import Order, Told
    from streamspec.clients.control_decoder import Dispatched

WAIT_S = 0.1
"""The reconnection time before the stream sets one."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})
IDEMPOTENT = frozenset({"GET", "HEAD"})
READ_BYTES = 65_536


class Finished(Exception):
    """Reading has come to its end."""

    def __init__(self, how: End, error: str = "") -> None:
        super().__init__(how, error)
        self.how, self.error = how, error


class Again(Exception):
    """The connection has come to its end; there is to be another one."""

    def __init__(self, error: str = "", after_s: float = 0.0) -> None:
        super().__init__(error)
        self.error, self.after_s = error, after_s


class ControlClient(ControlDecoder):
    """One reading of one stream."""

    claims: ClassVar[frozenset[Claim]] = frozenset(Claim)

    def __init__(self, order: Order, hear: Callable[[Told], None], began_s: float) -> None:
        super().__init__()
        self.order = order
        self.method = order.method
        self.url = order.url
        self.handed_over = 0
        self.is_over = False
        self._hear = hear
        self._began_s = began_s

    async def run(self) -> None:
        """Read until there is an end, and tell it."""
        try:
            while True:
                await self.pause(await self.connection())
        except Finished as finished:
            self.tell_end(finished.how, finished.error)

    def tell_end(self, how: End, error: str = "") -> None:
        """Tell the end of the reading."""
        self._hear(Ended(self._now_s(), how, error))

    async def connection(self) -> float:
        """One connection to its end; how long to wait before the next one. Raises Finished."""
        host = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(host.hostname, host.port)
        try:
            await self._speak(reader, writer)
        except Again as again:
            if again.error:
                self._hear(again.error)
            return max(self.wait_s(), again.after_s)
        finally:
            self.close(writer)
        return 0.0  # a redirect

    def close(self, writer: asyncio.StreamWriter) -> None:
        """End the connection, at once."""
        writer.transport.abort()

    async def pause(self, for_s: float) -> None:
        """Wait before the next connection."""
        await asyncio.sleep(for_s)

    def wait_s(self) -> float:
        """The reconnection time."""
        return WAIT_S if self.retry_ms is None else self.retry_ms / 1000

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h11.Connection(h11.CLIENT)
        parts = urlsplit(self.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        content = self.content()
        fields = [(b"Host", parts.netloc.encode()), *self.request_fields()]
        fields += [(b"Content-Length", str(len(content)).encode())] if content else []
        request = h11.Request(method=self.method, target=target, headers=fields)
        data = (http.send(request) or b"") + (http.send(h11.Data(content)) or b"")
        writer.write(data + (http.send(h11.EndOfMessage()) or b""))
        try:
            while True:
                event = http.next_event()
                if event is h11.NEED_DATA:
                    http.receive_data(await reader.read(READ_BYTES))
                elif isinstance(event, h11.Response):
                    headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
                    if self.answered(event.status_code, headers):
                        return
                elif isinstance(event, h11.Data):
                    self.received(bytes(event.data))
                elif isinstance(event, h11.EndOfMessage):
                    self.ended()
        except (h11.RemoteProtocolError, ConnectionError) as error:
            self.broken(f"{type(error).__name__}: {error}")

    def content(self) -> bytes:
        """The content of the request."""
        return self.order.content.encode()

    def request_fields(self) -> list[tuple[bytes, bytes]]:
        """The fields of a request for an event stream."""
        fields = [(b"Accept", b"text/event-stream"), (b"Cache-Control", b"no-store")]
        last_event_id = self.last_event_id_field()
        return [*fields, (b"Last-Event-ID", last_event_id)] if last_event_id else fields

    def last_event_id_field(self) -> bytes:
        """The value of Last-Event-ID; empty for no such field."""
        return self.last_event_id.encode()

    def answered(self, status: int, headers: dict[str, str]) -> bool:
        """Take in the head; True for a redirect to go to. Raises Finished and Again."""
        if status == 204:
            raise Finished(End.COMPLETE)
        if status in REDIRECTS and "location" in headers:
            self.redirected(status, headers["location"])
            return True
        if status == 503 and "retry-after" in headers:
            raise Again(f"status {status}", self.retry_after_s(headers["retry-after"]))
        self.refuse_status(status)
        self.refuse_media_type(headers.get("content-type", ""))
        self.begin()
        return False

    def redirected(self, status: int, location: str) -> None:
        """Go there, with the same method where the status keeps it (RFC 9110 15.4)."""
        self.url = urljoin(self.url, location)
        if status not in {307, 308} and self.method == "POST":
            self.method = "GET"

    def retry_after_s(self, value: str) -> float:
        """Seconds."""
        return float(value)

    def refuse_status(self, status: int) -> None:
        """Raise Finished for any status but 200."""
        if status != 200:
            raise Finished(End.FAILED, f"status {status}")

    def refuse_media_type(self, content_type: str) -> None:
        """Raise Finished for any type but text/event-stream."""
        if content_type.partition(";")[0].strip().lower() != "text/event-stream":
            raise Finished(End.FAILED, f"no event stream: {content_type!r}")

    def received(self, data: bytes) -> None:
        """Hand over the events that the bytes complete. Raises Finished where the order says to leave."""
        for event in self.feed(data):
            self.hand_over(event)
            self.handed_over += 1
            if self.handed_over == self.order.leave_after:
                self.leave()

    def hand_over(self, event: Dispatched) -> None:
        """Tell the event."""
        self._hear(Event(self._now_s(), event.type, event.data, event.last_event_id))

    def leave(self) -> None:
        """Stop reading. Raises Finished."""
        raise Finished(End.LEFT)

    def ended(self) -> None:
        """The body ended as HTTP says. Raises Again or Finished."""
        self.come_back("")

    def broken(self, error: str) -> None:
        """The connection broke. Raises Again or Finished."""
        self.come_back(error)

    def come_back(self, error: str) -> None:
        """Raise Again, where asking twice does no harm (RFC 9110 9.2.2)."""
        if self.method in IDEMPOTENT or self.last_event_id:
            raise Again(error)
        raise Finished(End.FAILED, error or "the stream ended")

    def _now_s(self) -> float:
        return time.monotonic() - self._began_s


class ControlOnce(ControlClient):
    """The same, which reads one response and does not come back."""

    claims = frozenset(Claim) - {Claim.RECONNECTS, Claim.RETRY_AFTER}

    def come_back(self, error: str) -> None:
        """There is no second connection. Raises Finished."""
        raise Finished(End.FAILED if error else End.COMPLETE, error)

    def answered(self, status: int, headers: dict[str, str]) -> bool:
        """503 is as final as any other error. Raises Finished."""
        headers.pop("retry-after", None)
        return super().answered(status, headers)
