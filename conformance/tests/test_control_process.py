"""The control server as a process: its announcement, its shutdown, its limits from the environment."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE_S = 10.0
GATE = {"gate": True}


@contextlib.contextmanager
def process(**environment: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A control server and its port."""
    command = [sys.executable, "-m", "streamspec.control", "--port", "0"]
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            yield server, int(server.stdout.readline().strip().removeprefix("http://127.0.0.1:"))
        finally:
            server.kill()


@contextlib.contextmanager
def asked(port: int, line: str, body: dict[str, object] | None = None) -> Iterator[socket.socket]:
    """A connection on which that was asked, closed at the end."""
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{line} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as connection:
        connection.sendall(head.encode() + content)
        yield connection


def rest(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def until(connection: socket.socket, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        data = connection.recv(65_536)
        assert data, f"the connection ended after {received!r}"
        received += data
    return received


def ended(server: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit status and standard error."""
    code = server.wait(DEADLINE_S)
    assert server.stderr is not None
    return code, server.stderr.read()


@pytest.mark.parametrize(
    ("path", "item", "cut"),
    [
        ("/stream", {**GATE, "text": "x"}, b""),
        ("/sse", {**GATE, "data": "x"}, b"d\r\nretry: 1000\n\n\r\n"),
    ],
)
def test_sigterm_cuts_what_is_open_after_the_drain_and_tells_a_poll(
    path: str, item: dict[str, object], cut: bytes
) -> None:
    script = {"items": [item], "token": "t", "cleanup_ms": 50}
    with process(STREAMSPEC_DRAIN_MS="200") as (server, port), asked(port, f"POST {path}", script) as stream:
        until(stream, b"\r\n\r\n")
        with asked(port, "GET /streams/t?wait_ms=9000") as poll:
            asked_s = time.monotonic()
            server.send_signal(signal.SIGTERM)
            while b'"draining": true' not in totals(port):
                assert time.monotonic() - asked_s < DEADLINE_S
            with asked(port, "GET /stream") as refused:
                assert rest(refused).startswith(b"HTTP/1.1 503 ")
            assert rest(stream) == cut
            record = json.loads(rest(poll).split(b"\r\n\r\n")[1])
        assert ended(server) == (0, "")
        assert 0.2 <= time.monotonic() - asked_s < 2.2
    assert (record["reason"], record["cleaned"], record["cleanups"]) == ("shutdown", True, 1)


def totals(port: int) -> bytes:
    with asked(port, "GET /streams") as connection:
        return until(connection, b"}")


def test_a_stream_that_ends_during_the_drain_is_complete() -> None:
    with process() as (server, port), asked(port, "GET /stream?count=1&first_delay_ms=200") as stream:
        until(stream, b"\r\n\r\n")
        server.send_signal(signal.SIGTERM)
        assert rest(stream) == b"f\r\nchunk 1: hello\n\r\n5\r\ndone\n\r\n0\r\n\r\n"
        assert ended(server) == (0, "")


def test_a_clean_up_that_takes_too_long_does_not_hold_the_process() -> None:
    script = {"items": [{**GATE, "text": "x"}], "cleanup_ms": 60_000}
    with process(STREAMSPEC_DRAIN_MS="0") as (server, port), asked(port, "POST /stream", script) as stream:
        until(stream, b"\r\n\r\n")
        asked_s = time.monotonic()
        server.send_signal(signal.SIGTERM)
        assert ended(server)[0] == 0
        assert time.monotonic() - asked_s < 2.0


@pytest.mark.parametrize("item", [{"size": 65_536}, {"gate": True, "text": "x"}])
def test_a_client_that_leaves_is_no_word_on_standard_error(item: dict[str, object]) -> None:
    with process() as (server, port):
        with asked(port, "POST /stream", {"items": [item], "repeat": 500, "token": "t"}) as stream:
            stream.recv(100)
        with asked(port, "GET /streams/t?wait_ms=5000") as poll:
            assert b'"disconnected"' in until(poll, b"}")
        with asked(port, "GET /sse HTTP/1.1\r\nbroken"):
            pass
        server.send_signal(signal.SIGTERM)
        assert ended(server) == (0, "")


def test_limits_come_from_the_environment_and_are_shown() -> None:
    with (
        process(STREAMSPEC_MAX_STREAMS="7", STREAMSPEC_MAX_AGE_MS="9") as (_, port),
        asked(port, "GET /") as connection,
    ):
        described = json.loads(until(connection, b"}}").split(b"\r\n\r\n")[1])
    assert described["limits"] == {"max_streams": 7, "send_timeout_ms": 30_000, "max_age_ms": 9, "drain_ms": 3_000}


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--mutant", "head-status/no-such"], {}, "no mutant 'head-status/no-such'"),
        ([], {"STREAMSPEC_MAX_STREAMS": "0"}, "STREAMSPEC_MAX_STREAMS='0': set it to an integer from 1 to 10000"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(arguments: list[str], environment: dict[str, str], said: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "streamspec.control", *arguments],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert said in ran.stderr.splitlines()[-1]
