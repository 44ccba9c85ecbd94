"""Answers that are made at once: JSON, problems, empty ones. How long a connection lives is decided here too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from streamspec.control.header_fields import HeaderFields
from streamspec.control.http1 import Fields, Request, head_bytes

if TYPE_CHECKING:
    from streamspec.control.connection import Connection
    from streamspec.control.problem import Problem


class Answers(HeaderFields):
    """Writes whole answers."""

    draining = False
    """Whether the server is shutting down: connections then close after their answer."""

    def keep_connection(self, request: Request) -> bool:
        """Whether a connection of HTTP/1.x serves another request after this one."""
        # HTTP/1.0 has no keep-alive here: it would need the very field that the contract bans.
        return request.version >= (1, 1) and "close" not in request.options("connection") and not self.draining

    def stays_open(self, request: Request) -> bool:
        """Whether the answer says nothing of the connection: that of HTTP/2 is ended by GOAWAY, not by a field."""
        # RFC 9113 8.2.2: "MUST NOT generate an HTTP/2 message containing connection-specific header fields"
        return request.multiplexed or self.keep_connection(request)

    def has_content(self, request: Request) -> bool:
        """Whether the answer has content: that to HEAD has the fields of GET alone."""
        return request.method != "HEAD"

    def answer(
        self, connection: Connection, request: Request, status: int, fields: Fields, content: bytes | None = None
    ) -> None:
        """Sends an answer; `content` None is that of 204, which has none and no length."""
        keep = self.stays_open(request)
        if content is not None:
            fields = [*fields, ("Content-Length", str(len(content)))]
        if not keep:
            fields = [*fields, ("Connection", "close")]
        head = head_bytes(status, fields)
        connection.write(head + content if content and self.has_content(request) else head)
        connection.response_complete(keep)

    def answer_json(self, connection: Connection, request: Request, members: dict[str, object]) -> None:
        """Answers 200 with a JSON object."""
        fields = [*self.common_fields(request), *self.content_fields("application/json")]
        self.answer(connection, request, 200, fields, json.dumps(members).encode())

    def refuse(self, connection: Connection, request: Request, problem: Problem) -> None:
        """Answers with a problem."""
        content = json.dumps(self.problem_members(problem)).encode()
        self.answer(connection, request, problem.status, self.problem_fields(request, problem), content)

    def problem_members(self, problem: Problem) -> dict[str, object]:
        """The problem object that is sent."""
        return problem.members()

    def refuse_bytes(self, connection: Connection, problem: Problem, request: Request | None = None) -> None:
        """Answers what cannot be read as a request, and reads no further on that connection, or stream of HTTP/2."""
        content = json.dumps(self.problem_members(problem)).encode()
        known = request or Request("GET", "/", (1, 1), ())
        fields = [*self.problem_fields(known, problem), ("Content-Length", str(len(content)))]
        if not known.multiplexed:
            fields = [*fields, ("Connection", "close")]
        connection.write(head_bytes(problem.status, fields) + content)
        connection.refuse_rest()
