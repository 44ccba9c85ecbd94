"""Bytes → responses: each case whole, byte by byte, and with bytes behind it."""

from __future__ import annotations

import pytest

from streamspec_client.response_reader import ResponseReader
from streamspec_client.trace import Ending, Framing, Response

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def read(data: bytes, step: int | None = None, methods: tuple[str, ...] = ("GET",), end: str = "") -> ResponseReader:
    reader = ResponseReader()
    for method in methods:
        reader.expect(method)
    size = step or max(1, len(data))
    for at in range(0, len(data), size):
        reader.feed(data[at : at + size], at_s=float(at + size))
    if end:
        reader.end(reset=end == "reset", at_s=1e6)
    return reader


@pytest.fixture(params=[None, 1, 3], ids=["whole", "by 1", "by 3"])
def step(request: pytest.FixtureRequest) -> int | None:
    value = request.param
    assert value is None or isinstance(value, int)
    return value


def only(reader: ResponseReader) -> Response:
    (response,) = reader.responses()
    return response


def test_if_chunks_come_in_any_pieces_then_their_bounds_are_kept(step: int | None) -> None:
    response = only(read(HEAD + b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", step))
    assert [chunk.data for chunk in response.chunks] == [b"abc", b"d"]
    assert (response.ending, response.framing) == (Ending.COMPLETE, Framing.CHUNKED)


def test_a_chunk_has_the_time_of_its_last_byte() -> None:
    response = only(read(HEAD + b"3\r\nabc\r\n", step=1))
    assert response.chunks[0].at_s == len(HEAD) + len(b"3\r\nabc")
    assert response.head_at_s == len(HEAD)


def test_an_unfinished_chunk_is_kept_as_far_as_it_came(step: int | None) -> None:
    response = only(read(HEAD + b"5\r\nab", step))
    assert response.body == b"ab"
    assert response.ending is Ending.OPEN


def test_bytes_behind_the_last_chunk_are_trailing(step: int | None) -> None:
    reader = read(HEAD + b"0\r\n\r\nxyz", step)
    assert only(reader).ending is Ending.COMPLETE
    assert reader.trailing == b"xyz"


def test_two_pipelined_requests_have_two_responses(step: int | None) -> None:
    second = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"
    reader = read(HEAD + b"1\r\na\r\n0\r\n\r\n" + second, step, methods=("GET", "GET"))
    assert [response.status for response in reader.responses()] == [200, 404]
    assert reader.responses()[1].body == b"no"
    assert reader.trailing == b""


def test_interim_responses_are_passed_over(step: int | None) -> None:
    reader = read(b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"0\r\n\r\n", step)
    assert only(reader).status == 200
    assert reader.heads == 1


def test_a_close_delimited_body_is_complete_at_fin(step: int | None) -> None:
    response = only(read(b"HTTP/1.0 200 OK\r\n\r\nabc", step, end="fin"))
    assert (response.body, response.ending, response.framing) == (b"abc", Ending.COMPLETE, Framing.CLOSE)


@pytest.mark.parametrize("end", ["fin", "reset"])
def test_a_chunked_body_that_is_cut_is_not_complete(step: int | None, end: str) -> None:
    response = only(read(HEAD + b"3\r\nabc\r\n", step, end=end))
    assert response.ending is (Ending.TRUNCATED if end == "fin" else Ending.RESET)
    assert response.body == b"abc"


@pytest.mark.parametrize("garbage", [b"zz\r\nabc\r\n", b"-1\r\n", b"3\r\nabcdef\r\n"])
def test_malformed_chunks_are_evidence_and_what_came_before_is_kept(step: int | None, garbage: bytes) -> None:
    response = only(read(HEAD + b"1\r\na\r\n" + garbage, step))
    assert response.ending is Ending.MALFORMED
    assert response.error
    assert response.body.startswith(b"a")


def test_what_is_no_http_at_all_is_a_malformed_response_without_status(step: int | None) -> None:
    response = only(read(b"220 smtp.example ESMTP\r\n\r\n", step))
    assert (response.status, response.ending) == (0, Ending.MALFORMED)


def test_a_reset_before_any_response_leaves_none() -> None:
    assert read(b"", end="reset").responses() == ()


def test_the_response_to_head_has_no_content(step: int | None) -> None:
    reader = read(HEAD + b"5\r\nhello\r\n0\r\n\r\n", step, methods=("HEAD",))
    assert only(reader).ending is Ending.COMPLETE
    assert reader.trailing == b"5\r\nhello\r\n0\r\n\r\n"


def test_field_names_keep_their_case_and_are_found_without_it() -> None:
    response = only(read(b"HTTP/1.1 200 OK\r\nX-One: a\r\nx-ONE:  b \r\nContent-Length: 0\r\n\r\n"))
    assert response.fields[0] == ("X-One", "a")
    assert response.value("x-one") == "a, b"
    assert response.value("absent") is None


def test_a_header_section_of_100_kib_is_read() -> None:
    response = only(read(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 102_400 + b"\r\nContent-Length: 0\r\n\r\n"))
    assert len(response.values("X")[0]) == 102_400
