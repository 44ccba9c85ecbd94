"""HTTP/1.1 requests from bytes (RFC 9112): values in, values out, no socket, no clock, nothing of the contract.

Rule: a message that RFC 9112 calls invalid is refused, never repaired; what follows a refused message is not read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

Fields: TypeAlias = list[tuple[str, str]]
"""Field lines in the order sent: name and value."""

# RFC 9110 5.6.2: token = 1*tchar
TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# RFC 9112 3: request-line = method SP request-target SP HTTP-version
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([\x21-\x7e\x80-\xff]+) HTTP/([0-9])\.([0-9])")
# RFC 9112 5: field-line = field-name ":" OWS field-value OWS; no whitespace before the colon, no obs-fold.
FIELD_LINE = re.compile(rb"(" + TOKEN + rb"):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
# RFC 9112 7.1: chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF. Sixteen digits hold any size there is.
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?")

MAX_HEAD_BYTES = 65_536
MAX_CHUNK_LINE_BYTES = 4_096


class BadRequest(Exception):
    """The bytes are no request that can be answered in kind; the connection closes after the answer."""

    def __init__(self, status: int, detail: str, request: Request | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.request = request
        """The request line and header section, where they were read; the answer may depend on them."""


@dataclass(frozen=True)
class Request:
    """One whole request; field names are in lower case, in the order received."""

    method: str
    target: str
    version: tuple[int, int]
    fields: tuple[tuple[str, str], ...]
    body: bytes = b""

    @property
    def multiplexed(self) -> bool:
        """Whether its connection carries others at the same time and frames them all: HTTP/2."""
        return self.version >= (2, 0)

    @property
    def path(self) -> str:
        """The path of the target as sent, without authority and query."""
        return self._path_and_query[0]

    @property
    def query(self) -> str:
        """The query of the target as sent, without its question mark."""
        return self._path_and_query[1]

    @cached_property
    def _path_and_query(self) -> tuple[str, str]:
        target = self.target.partition("#")[0]
        if not target.startswith("/"):
            # RFC 9112 3.2.2: "A server MUST accept the absolute-form in requests"
            target = "/" + target.partition("://")[2].partition("/")[2]
        path, _, query = target.partition("?")
        return path, query

    def field(self, name: str) -> str | None:
        """The value of a field, its lines joined by a comma as RFC 9110 5.3 has it; None where there is none."""
        values = [value for field_name, value in self.fields if field_name == name]
        return ", ".join(values) if values else None

    def options(self, name: str) -> set[str]:
        """The members of a comma-separated field, in lower case and without their parameters."""
        members = (self.field(name) or "").split(",")
        return {member.partition(";")[0].strip().lower() for member in members} - {""}


class RequestReader:
    """Cuts what a connection receives into requests."""

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._received = bytearray()
        self._steps = self._request()

    @property
    def buffered(self) -> int:
        """Bytes received and not yet part of a request that was handed out."""
        return len(self._received)

    def feed(self, data: bytes) -> None:
        """Takes what the connection received."""
        self._received += data

    def next_request(self) -> Request | None:
        """The next whole request; None until it has come. Raises BadRequest."""
        try:
            next(self._steps)
        except StopIteration as whole:
            self._steps = self._request()
            request: Request = whole.value
            return request
        return None

    def _request(self) -> Generator[None, None, Request]:
        head = b""
        # RFC 9112 2.2: "SHOULD ignore at least one empty line (CRLF) received prior to the request-line"
        while not head:
            head = yield from self._line(MAX_HEAD_BYTES)
        method, target, version = request_line(head)
        fields: list[tuple[str, str]] = []
        size = len(head)
        while line := (yield from self._line(MAX_HEAD_BYTES)):
            size += len(line)
            if size > MAX_HEAD_BYTES:
                raise BadRequest(431, f"the header section is longer than {MAX_HEAD_BYTES} bytes")
            fields.append(field_line(line))
        request = Request(method, target, version, tuple(fields))
        check_host(request)
        try:
            body = yield from self._body(request)
        except BadRequest as error:
            raise BadRequest(error.status, error.detail, request) from error
        return Request(method, target, version, tuple(fields), body)

    def _body(self, request: Request) -> Generator[None, None, bytes]:
        coding, length = request.field("transfer-encoding"), request.field("content-length")
        if coding is not None:
            if length is not None or request.version < (1, 1):
                raise BadRequest(400, "Transfer-Encoding beside a Content-Length, or in HTTP/1.0")
            if coding.lower() != "chunked":
                raise BadRequest(501, f"Transfer-Encoding {coding!r}: only chunked is understood")
            return (yield from self._chunks())
        if length is None:
            return b""
        if not re.fullmatch("[0-9]{1,18}", length):
            raise BadRequest(400, f"Content-Length {length!r} is not a number")
        self._check_size(int(length))
        return (yield from self._exactly(int(length)))

    def _chunks(self) -> Generator[None, None, bytes]:
        content = bytearray()
        while True:
            line = CHUNK_LINE.fullmatch((yield from self._line(MAX_CHUNK_LINE_BYTES)))
            if line is None:
                raise BadRequest(400, "a chunk does not begin with its size in hexadecimal digits")
            size = int(line[1], 16)
            if size == 0:
                break
            self._check_size(len(content) + size)
            content += yield from self._exactly(size)
            if (yield from self._exactly(2)) != b"\r\n":
                raise BadRequest(400, "a chunk is longer than its size says")
        while (yield from self._line(MAX_HEAD_BYTES)):
            pass  # RFC 9110 6.5.1: a trailer field that has no meaning here is discarded
        return bytes(content)

    def _check_size(self, size: int) -> None:
        if size > self._max_body_bytes:
            raise BadRequest(413, f"the body is longer than {self._max_body_bytes} bytes")

    def _line(self, limit: int) -> Generator[None, None, bytes]:
        searched = 0
        while (end := self._received.find(b"\r\n", searched)) < 0:
            if len(self._received) > limit:
                raise BadRequest(431, f"a line is longer than {limit} bytes")
            searched = max(0, len(self._received) - 1)
            yield
        line = bytes(self._received[:end])
        del self._received[: end + 2]
        return line

    def _exactly(self, size: int) -> Generator[None, None, bytes]:
        while len(self._received) < size:
            yield
        data = bytes(self._received[:size])
        del self._received[:size]
        return data


def request_line(line: bytes) -> tuple[str, str, tuple[int, int]]:
    """Method, target and version of a request line; raises BadRequest."""
    match = REQUEST_LINE.fullmatch(line)
    if match is None:
        raise BadRequest(400, f"not an HTTP/1.1 request line: {line[:80]!r}")
    version = int(match[3]), int(match[4])
    if version[0] != 1:
        raise BadRequest(505, f"HTTP version {version[0]}.{version[1]}: only 1.0 and 1.1 are spoken here")
    return match[1].decode("ascii"), match[2].decode("latin-1"), version


def field_line(line: bytes) -> tuple[str, str]:
    """Name, in lower case, and value of a field line; raises BadRequest."""
    match = FIELD_LINE.fullmatch(line)
    if match is None:
        raise BadRequest(400, f"not a field line: {line[:80]!r}")
    return match[1].decode("ascii").lower(), match[2].decode("latin-1")


def check_host(request: Request) -> None:
    """Raises BadRequest where an HTTP/1.1 request has not exactly one Host field (RFC 9112 3.2)."""
    hosts = sum(name == "host" for name, _ in request.fields)
    if hosts > 1 or (hosts == 0 and request.version >= (1, 1)):
        raise BadRequest(400, f"an HTTP/1.1 request has one Host field, this one has {hosts}")


def reason_phrase(status: int) -> str:
    """The reason phrase of a status code, empty where it has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def head_bytes(status: int, fields: Iterable[tuple[str, str]]) -> bytes:
    """A status line and a header section, with the empty line that ends it."""
    lines = [f"HTTP/1.1 {status} {reason_phrase(status)}", *(f"{name}: {value}" for name, value in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def without(fields: Fields, name: str) -> Fields:
    """The fields less those of that name, in whatever case."""
    return [field for field in fields if field[0].lower() != name.lower()]


def replaced(fields: Fields, name: str, value: str) -> Fields:
    """The fields with one line of that name, at the end, in place of any there were."""
    return [*without(fields, name), (name, value)]
