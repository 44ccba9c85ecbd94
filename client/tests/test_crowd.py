"""Several connections of the probe read by one thread, against sockets that this thread writes to itself."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from streamspec_client.crowd import Crowd
from streamspec_client.http1_probe import Http1Connection
from streamspec_client.probe import Clock, Leaving
from streamspec_client.trace import Closing, Ending

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SOON_S = 5.0
COUNT = 3


@pytest.fixture
def pairs() -> Iterator[list[tuple[Http1Connection, socket.socket]]]:
    """Connections that have asked for something, each with the server's end of it."""
    made = []
    clock = Clock.start()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for number in range(COUNT):
            connection = Http1Connection(str(number), "127.0.0.1", listener.getsockname()[1], clock)
            connection.request("GET", "/")
            made.append((connection, listener.accept()[0]))
            made[-1][1].recv(1000)  # closing with bytes unread would reset
    yield made
    for connection, peer in made:
        connection.close()
        peer.close()


def test_each_connection_gets_what_came_on_it(pairs: list[tuple[Http1Connection, socket.socket]]) -> None:
    connections = [connection for connection, _ in pairs]
    crowd = Crowd(connections)
    for number, (_, peer) in reversed(list(enumerate(pairs))):
        peer.sendall(HEAD + b"1\r\n%d\r\n" % number)
    assert crowd.read(lambda: all(made.body_size for made in connections), SOON_S)
    assert [made.response and made.response.body for made in connections] == [b"0", b"1", b"2"]


def test_it_reads_on_when_some_are_closed_and_says_when_all_are(
    pairs: list[tuple[Http1Connection, socket.socket]],
) -> None:
    crowd = Crowd(connection for connection, _ in pairs)
    pairs[0][1].sendall(HEAD + b"0\r\n\r\n")
    for _, peer in pairs[:2]:
        peer.shutdown(socket.SHUT_WR)
    assert crowd.read(lambda: all(connection.closed for connection, _ in pairs[:2]), SOON_S)
    pairs[2][1].sendall(HEAD + b"1\r\nx\r\n")
    pairs[2][1].close()
    assert crowd.read_to_end(SOON_S)
    found = [connection.conversation() for connection, _ in pairs]
    assert [made.closing for made in found[:2]] == [Closing.FIN, Closing.FIN]
    assert [made.response and made.response.ending for made in found] == [Ending.COMPLETE, None, Ending.TRUNCATED]
    assert not crowd.read(lambda: False, SOON_S), "nobody is left to read from"


def test_a_wait_that_is_over_says_so(pairs: list[tuple[Http1Connection, socket.socket]]) -> None:
    crowd = Crowd(connection for connection, _ in pairs)
    began_s = time.monotonic()
    assert not crowd.read_to_end(0.05)
    assert time.monotonic() - began_s < SOON_S


def test_a_connection_that_was_left_is_no_part_of_it(pairs: list[tuple[Http1Connection, socket.socket]]) -> None:
    pairs[0][0].leave(Leaving.RST)
    with pytest.raises(ValueError, match="connection 0 was left"):
        Crowd(connection for connection, _ in pairs)
