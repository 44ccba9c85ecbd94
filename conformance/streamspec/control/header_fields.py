"""The fields of every answer: of streams, of problems, for other origins. Values only; nothing is sent here.

Rule: one method per field or family of fields, so that a mutant can leave out or change exactly one.
"""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING

from streamspec.control.http1 import Fields, head_bytes

if TYPE_CHECKING:
    from streamspec.control.http1 import Request
    from streamspec.control.limits import Limits
    from streamspec.control.problem import Problem
    from streamspec.control.stream import Stream

# A browser may keep the answer to a preflight that long; 600 s is Chromium's default bound of old.
PREFLIGHT_MAX_AGE_S = 600


class HeaderFields:
    """Makes header sections."""

    limits: Limits

    # Streams

    def head_bytes(self, stream: Stream) -> bytes:
        """The status line and header section of a stream."""
        return head_bytes(self.stream_status(stream), [*self.stream_fields(stream), *self.message_fields(stream)])

    def stream_status(self, stream: Stream) -> int:  # noqa: ARG002 - for mutants to tell streams apart
        """The status of a stream that starts."""
        return 200

    def stream_fields(self, stream: Stream) -> Fields:
        """What the application says of a stream; how the message is framed is `message_fields`."""
        return [
            *self.common_fields(stream.request),
            ("Content-Type", self.media_type(stream)),
            # no-transform keeps compressing intermediaries off, X-Accel-Buffering nginx's buffer, nosniff the 1 KB that
            # browsers hold text/plain back for.
            ("Cache-Control", "no-store, no-transform"),
            ("X-Accel-Buffering", "no"),
            ("X-Content-Type-Options", "nosniff"),
            *([("Stream-Token", stream.record.token)] if stream.made_token else []),
        ]

    def media_type(self, stream: Stream) -> str:
        """The media type of a stream."""
        return "text/event-stream" if stream.script.sse else "text/plain; charset=utf-8"

    def message_fields(self, stream: Stream) -> Fields:
        """How the end of the message is told."""
        fields = [("Transfer-Encoding", "chunked")] if stream.chunked else []
        return fields if stream.keep else [*fields, ("Connection", "close")]

    # Everything

    def common_fields(self, request: Request) -> Fields:
        """What every answer has."""
        return [("Date", formatdate(usegmt=True)), *self.cors_fields(request)]

    def content_fields(self, media_type: str) -> Fields:
        """What every answer has that is made at once."""
        return [("Content-Type", media_type), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]

    def problem_fields(self, request: Request, problem: Problem) -> Fields:
        """What a problem has besides its content."""
        return [*self.common_fields(request), *self.content_fields("application/problem+json"), *problem.fields]

    # Cross-origin reading

    def origin_allowed(self, origin: str) -> bool:
        """Whether scripts of that origin may read."""
        return origin in self.limits.cors_origins

    def cors_fields(self, request: Request) -> Fields:
        """Who may read an answer. Vary is sent always: a cache must not give one origin's answer to another."""
        fields = [("Vary", "Origin")]
        origin = request.field("origin")
        if origin is not None and self.origin_allowed(origin):
            fields += [("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", "Stream-Token")]
        return fields

    def preflight_fields(self, request: Request, allow: str) -> Fields:
        """What a preflight is told: a POST with JSON and a Last-Event-ID may follow."""
        fields = [*self.common_fields(request), ("Allow", allow)]
        if self.origin_allowed(request.field("origin") or ""):
            fields += [
                ("Access-Control-Allow-Methods", allow),
                ("Access-Control-Allow-Headers", "Content-Type, Last-Event-ID"),
                ("Access-Control-Max-Age", str(PREFLIGHT_MAX_AGE_S)),
            ]
        return fields
