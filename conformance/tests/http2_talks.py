"""Conversations over HTTP/2, made in memory: the probe's reader on one side, h2's server on the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from h2.config import H2Configuration
from h2.connection import H2Connection

from streamspec_client.http2_reader import Http2Reader
from streamspec_client.trace import NEVER_S, Closing, Conversation, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked."""

    target: str = "/stream"
    body: bytes = b""
    fields: tuple[tuple[str, str], ...] = ()
    method: str = ""


def two_items(server: H2Connection) -> None:
    """An answer of two items, the first of them padded, and the end of the connection."""
    server.send_headers(1, [(":status", "200"), ("content-type", "text/plain")])
    server.send_data(1, b"one\n", pad_length=2)
    server.send_data(1, b"two\n", end_stream=True)
    server.close_connection(additional_data=b"bye")


def http2_talk(
    requests: Sequence[Request], answer: Callable[[H2Connection], None], *, step: int | None = None
) -> Conversation:
    """The requests on streams 1, 3, …; then what the server's connection was made to send, in pieces of `step`."""
    reader, server = Http2Reader(), H2Connection(H2Configuration(client_side=False))
    for made in requests:
        method = made.method or ("POST" if made.body else "GET")
        number = reader.ask(method, made.target, "h:1", "http", made.fields, has_content=bool(made.body))
        if made.body:
            reader.add(number, made.body)
            reader.finish(number)
    sent = [Segment(0.001, reader.to_send())]
    server.initiate_connection()
    server.receive_data(sent[0].data)
    answer(server)
    data = server.data_to_send()
    size = step or max(1, len(data))
    received = [Segment(0.1 + at / 1e6, data[at : at + size]) for at in range(0, len(data), size)]
    for segment in received:
        reader.feed(segment.data, segment.at_s)
    sent.append(Segment(0.9, reader.to_send()))
    return Conversation(
        "stream", 0.0, tuple(sent), tuple(received), reader.responses(), Closing.OPEN, NEVER_S, reader.trailing
    )
