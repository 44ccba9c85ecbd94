"""Answers given in place of a stream: problem details (RFC 9457), and the 204 that ends a reconnection.

Raise one anywhere before the header section; each server turns it into a response in one exception handler.
"""

import json
from http import HTTPStatus
from typing import TypeAlias

Fields: TypeAlias = tuple[tuple[str, str], ...]


class NoStream(Exception):
    """An answer that takes the place of a stream: a status, header fields and a body."""

    def __init__(self, status: int, fields: Fields = ()) -> None:
        super().__init__(status)
        self.status = status
        self.fields = fields

    def body(self) -> bytes:
        """The content; of a 204, nothing."""
        return b""


class Finished(NoStream):
    """204: the last event was received already.

    HTML 9.2.3: "Clients will reconnect if the connection is closed; a client can be told to stop reconnecting
    using the HTTP 204 No Content response code."
    """

    def __init__(self) -> None:
        super().__init__(204)


class Problem(NoStream):
    """A refusal or a failure that says what was wrong, with which parameter, and what would be right."""

    def __init__(self, status: int, detail: str, parameter: str | None = None, fields: Fields = ()) -> None:
        super().__init__(status, (("Content-Type", "application/problem+json"), *fields))
        self.detail = detail
        self.parameter = parameter

    def members(self) -> dict[str, str | int]:
        """The problem object. Without a type of its own the title is the status code's phrase (RFC 9457, 4.2.1)."""
        members: dict[str, str | int] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        return members if self.parameter is None else {**members, "parameter": self.parameter}

    def body(self) -> bytes:
        """The problem object as JSON."""
        return json.dumps(self.members()).encode()


def not_found(what: str) -> Problem:
    """404 for a path or a token nobody knows."""
    return Problem(404, f"{shown(what)} is not known here.")


def method_not_allowed(method: str, allow: str) -> Problem:
    """405, with the Allow field that RFC 9110 (15.5.6) demands."""
    return Problem(405, f"{shown(method)} is not allowed here; allowed: {allow}.", fields=(("Allow", allow),))


def unavailable(why: str) -> Problem:
    """503, to be tried again in a second."""
    return Problem(503, why, fields=(("Retry-After", "1"),))


def internal_error() -> Problem:
    """500 for an exception nobody foresaw; its text is in the server's log and stays there."""
    return Problem(500, "The server failed on this request; its log says why.")


def shown(text: str) -> str:
    """The caller's own text, quoted, and cut to a length that fits a message."""
    return repr(text if len(text) <= 64 else text[:61] + "...")
