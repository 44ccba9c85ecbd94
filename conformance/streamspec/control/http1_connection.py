"""One connection that serves HTTP/1.1: its requests one after the other, each response whole before the next.

Rule: it reads on while a response is under way, so that FIN and RST are seen behind a pipelined request too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.control.connection import Connection, Disconnect
from streamspec.control.http1 import BadRequest, RequestReader
from streamspec.control.tcp import MAX_KEPT_BYTES, TcpConnection

if TYPE_CHECKING:
    from streamspec.control.connection import Answerer


class Http1Connection(TcpConnection, Connection):
    """Takes requests one after the other; a request is under way from `on_request` to `response_complete`."""

    def __init__(self, answerer: Answerer) -> None:
        TcpConnection.__init__(self, answerer)
        Connection.__init__(self)
        self._reader = RequestReader(answerer.max_body_bytes)
        self._serving = False

    @property
    def carrier(self) -> TcpConnection:
        """Itself: it carries one response at a time."""
        return self

    def data_received(self, data: bytes) -> None:
        """Serves the request that is whole now, or keeps what came for when its turn comes."""
        if self._discarding:
            return
        self._reader.feed(data)
        if not self.busy:
            self._serve()
        elif not self._answerer.reads_ahead():
            self._transport.pause_reading()
        elif self._reader.buffered > MAX_KEPT_BYTES:
            self.left(Disconnect.RST)
            self.reset()

    def eof_received(self) -> bool:
        """Keeps the write side open: whether a FIN ends the response is the answerer's to say."""
        self._fin_received = True
        if self.busy:
            self.left(Disconnect.FIN)
        else:
            self._transport.close()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed, by the client's reset or by this end."""
        self.lost = True
        if self.busy:
            self.left(Disconnect.RST)
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        """The kernel has taken everything."""
        super().resume_writing()
        self.writable()

    def response_complete(self, keep: bool) -> None:
        """The response is written: the next request is served, or the connection closes."""
        self.over()
        if not keep or self.fin_received:
            self._transport.close()
        elif not self._serving:
            self._transport.resume_reading()
            self._serve()

    def close(self) -> None:
        """Ends the response where it stands; FIN follows what was written."""
        self.over()
        super().close()

    def reset(self) -> None:
        """Ends the connection with RST; what the kernel has not sent is dropped."""
        self.over()
        super().reset()

    def refuse_rest(self) -> None:
        """The response is written and nothing more will be read as a request."""
        self.over()
        self.discard_rest()

    def _serve(self) -> None:
        # A loop, not a call from response_complete: thousands of pipelined requests must not nest.
        self._serving = True
        try:
            while not self.busy and not self._discarding and not self._transport.is_closing():
                request = self._reader.next_request()
                if request is None:
                    break
                self.busy = True
                self._answerer.on_request(self, request)
        except BadRequest as error:
            self.busy = True
            self._answerer.on_bad_request(self, error)
        finally:
            self._serving = False
