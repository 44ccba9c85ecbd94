"""A recorded request as a line of shell: it must be what a person can paste, again and again."""

from __future__ import annotations

import json
import shlex

import pytest
from tests.http2_talks import Request, http2_talk

from streamspec.report.curl import LONGEST_BODY, curl_line
from streamspec_client.trace import NEVER_S, Closing, Conversation, Segment


def conversation(*sent: bytes) -> Conversation:
    """A conversation in which those bytes were sent."""
    segments = tuple(Segment(0.0, data) for data in sent)
    return Conversation("stream", 0.0, segments, (), (), Closing.OPEN, NEVER_S, b"")


def post(script: object, *fields: str) -> bytes:
    body = json.dumps(script).encode()
    lines = ["POST /p/sse HTTP/1.1", "Host: h:1", *fields, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        (b"GET /stream HTTP/1.1\r\nHost: h:1\r\n\r\n", "curl -N http://h:1/stream"),
        (b"GET /stream?count=2&token=a-1 HTTP/1.1\r\n\r\n", "curl -N 'http://h:1/stream?count=2'"),
        (b"GET /stream?token=a-1 HTTP/1.1\r\n\r\n", "curl -N http://h:1/stream"),
        (b"GET /sse HTTP/1.0\r\n\r\n", "curl -N --http1.0 http://h:1/sse"),
        (b"HEAD /sse HTTP/1.1\r\n\r\n", "curl -N -I http://h:1/sse"),
        (b"DELETE /sse HTTP/1.1\r\n\r\n", "curl -N -X DELETE http://h:1/sse"),
        (b"GET /sse HTTP/1.1\r\nLast-Event-ID: 3\r\n\r\n", "curl -N -H 'Last-Event-ID: 3' http://h:1/sse"),
        (b"GET /sse HTTP/1.1\r\nAccept-Encoding: gzip, br\r\n\r\n", "curl -N --compressed http://h:1/sse"),
    ],
)
def test_a_request_becomes_a_line(sent: bytes, line: str) -> None:
    assert curl_line(conversation(sent), "http://h:1/p") == line


def test_a_script_is_posted_without_token_and_with_delays_for_gates() -> None:
    script = {"token": "t", "items": [{"gate": True, "data": "it's"}, {"data": "b"}], "end": "hang"}
    whole = post(script, "Content-Type: application/json")
    line = curl_line(conversation(whole[:50], whole[50:]), "http://h:1/p")
    words = shlex.split(line or "")
    assert words[:4] == ["curl", "-N", "-H", "Content-Type: application/json"]
    assert words[4] == "-d"
    assert json.loads(words[5]) == {"items": [{"data": "it's", "after_ms": 500}, {"data": "b"}], "end": "hang"}
    assert words[6:] == ["http://h:1/p/sse"]


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (Request("/stream?count=2&token=a-1"), "curl -N --http2-prior-knowledge 'http://h:1/stream?count=2'"),
        (
            Request("/sse", fields=(("Last-Event-ID", "3"),)),
            "curl -N --http2-prior-knowledge -H 'last-event-id: 3' http://h:1/sse",
        ),
        (Request("/sse", method="HEAD"), "curl -N --http2-prior-knowledge -I http://h:1/sse"),
        (
            Request("/sse", b'{"token": "t", "items": [{"gate": true}]}', (("Content-Length", "41"),)),
            """curl -N --http2-prior-knowledge -d '{"items": [{"after_ms": 500}]}' http://h:1/sse""",
        ),
    ],
)
def test_a_request_over_http2_becomes_a_line(request_: Request, line: str) -> None:
    talk = http2_talk([request_, Request("/behind")], lambda _: None)
    assert curl_line(talk, "http://h:1/p") == line
    assert curl_line(talk, "https://h/p") == line.replace("-prior-knowledge", "").replace("http://h:1", "https://h")


def test_what_is_no_request_over_http2_has_no_line() -> None:
    sent = http2_talk([], lambda _: None).sent[0].data
    assert curl_line(conversation(sent), "http://h:1") is None
    assert curl_line(conversation(sent + b"\0\0\1\1\4\0\0\0\1\xff"), "http://h:1") is None


def test_what_was_pipelined_behind_is_left_out() -> None:
    line = curl_line(conversation(post({"items": []}) + b"GET / HTTP/1.1\r\n\r\n"), "http://h:1")
    assert line == """curl -N -d '{"items": []}' http://h:1/p/sse"""


def test_a_launched_server_is_gone_so_the_line_is_for_one_that_is_served() -> None:
    assert curl_line(conversation(b"GET /sse HTTP/1.1\r\n\r\n"), None) == "curl -N http://127.0.0.1:8000/sse"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\x00\x01",
        b"hello\r\n\r\n",
        b"POST /sse HTTP/1.1\r\nContent-Length: 5\r\n\r\n{bad}",
        b"POST /sse HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]",
        post({"items": [{"text": "x" * LONGEST_BODY}]}),
    ],
)
def test_what_a_shell_cannot_say_has_no_line(sent: bytes) -> None:
    assert curl_line(conversation(sent) if sent else None, "http://h:1") is None
