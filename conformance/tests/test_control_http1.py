"""The control server's reading of requests, as bytes: whole, byte by byte, and with more behind."""

from __future__ import annotations

import pytest

from streamspec.control.http1 import BadRequest, Request, RequestReader, head_bytes, replaced, without

MAX_BODY_BYTES = 100
GET = b"GET /stream?count=2 HTTP/1.1\r\nHost: x\r\nA: 1\r\na:  2 \r\n\r\n"
VALID = {
    GET: ("GET", (1, 1), "1, 2", b""),
    b"\r\n\r\n" + GET: ("GET", (1, 1), "1, 2", b""),
    b"GET / HTTP/1.0\r\n\r\n": ("GET", (1, 0), None, b""),
    b"POST / HTTP/1.1\r\nHost:\r\nContent-Length: 3\r\n\r\nabc": ("POST", (1, 1), None, b"abc"),
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n2;e=1\r\nab\r\n01\r\nc\r\n0\r\nT: t\r\n\r\n": (
        "POST",
        (1, 1),
        None,
        b"abc",
    ),
}
HOST = b"Host: x\r\n"
INVALID = {
    b"hello\r\n": 400,
    b"GET  / HTTP/1.1\r\n": 400,
    b"GET / HTTP/1.1\n\r\n": 400,
    b"GET / HTTP/2.0\r\n": 505,
    b"GET / HTTP/1.1\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n": 400,
    b"GET / HTTP/1.1\r\nHost : x\r\n": 400,
    b"GET / HTTP/1.1\r\n" + HOST + b" folded\r\n": 400,
    b"GET / HTTP/1.1\r\n" + HOST + b"A: \0\r\n": 400,
    b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 101\r\n\r\n": 413,
    b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n": 400,
    b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n": 501,
    b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\n": 400,
    b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc": 400,
    b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n65\r\n": 413,
    b"G" * 65_540: 431,
    b"GET / HTTP/1.1\r\n" + b"A: " + b"a" * 32_768 + b"\r\nB: " + b"b" * 32_768 + b"\r\n": 431,
}


def read(reader: RequestReader) -> Request:
    request = reader.next_request()
    assert request is not None
    return request


@pytest.mark.parametrize(("data", "expected"), VALID.items())
@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_a_request_is_read_in_pieces_and_what_follows_is_kept(
    data: bytes, expected: tuple[str, tuple[int, int], str | None, bytes], piece: int
) -> None:
    reader = RequestReader(MAX_BODY_BYTES)
    for start in range(0, len(data), piece):
        assert reader.next_request() is None
        reader.feed(data[start : start + piece])
    reader.feed(GET)
    request = read(reader)
    assert (request.method, request.version, request.field("a"), request.body) == expected
    assert reader.buffered == len(GET)
    assert read(reader).target == "/stream?count=2"
    assert reader.next_request() is None


@pytest.mark.parametrize(("data", "status"), INVALID.items())
@pytest.mark.parametrize("piece", [1_000, 100_000])
def test_an_invalid_message_is_refused(data: bytes, status: int, piece: int) -> None:
    reader = RequestReader(MAX_BODY_BYTES)
    with pytest.raises(BadRequest) as refused:  # noqa: PT012 - which piece shows it is not the point
        for start in range(0, len(data), piece):
            reader.feed(data[start : start + piece])
            reader.next_request()
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/a?b=c?d", "/a", "b=c?d"),
        ("/a", "/a", ""),
        ("http://host/a?b", "/a", "b"),
        ("http://host", "/", ""),
        ("/a#b", "/a", ""),
    ],
)
def test_a_target_has_a_path_and_a_query(target: str, path: str, query: str) -> None:
    request = Request("GET", target, (1, 1), ())
    assert (request.path, request.query) == (path, query)


def test_the_members_of_a_list_are_in_lower_case_and_without_parameters() -> None:
    request = Request("GET", "/", (1, 1), (("connection", "Close, , x;q=1"), ("connection", "TE")))
    assert request.options("connection") == {"close", "x", "te"}


def test_a_head_is_written_in_order_and_fields_are_replaced_in_any_case() -> None:
    fields = [("A", "1"), ("b", "2"), ("a", "3")]
    assert without(fields, "A") == [("b", "2")]
    assert head_bytes(204, replaced(fields, "B", "4")) == b"HTTP/1.1 204 No Content\r\nA: 1\r\na: 3\r\nB: 4\r\n\r\n"
    assert head_bytes(299, []) == b"HTTP/1.1 299 \r\n\r\n"
