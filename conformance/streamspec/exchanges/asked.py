"""A request as a value: what is sent, what is wrong with it, and its answer by the contract. Nothing is sent here."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum

from streamspec.contract import Capability


class Fault(StrEnum):
    """What is wrong with a request."""

    NONE = "none"
    RANGE = "range"
    TYPE = "type"
    UNKNOWN = "unknown"
    MEMBERS = "members"
    TOKEN = "token"  # noqa: S105 - the contract's word for a stream's name
    JSON = "json"
    MEDIA_TYPE = "media type"
    TOO_LARGE = "too large"
    CONFLICT = "conflict"
    PATH = "path"
    METHOD = "method"


KINDS = {"/stream": "text", "/sse": "data"}
"""The resources that are streams, each with the member that usually holds the payload of its items."""

TOKEN = "{token}"  # noqa: S105 - the contract's word for a stream's name
"""Stands for a token that is made when the request is sent."""

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and its answer by the contract."""

    fault: Fault
    status: int
    method: str
    path: str
    """With its query."""
    parameters: tuple[str, ...] = ()
    """What the problem may name."""
    body: bytes | None = None
    media_type: str | None = JSON_TYPE
    bound: int | None = None
    """The end of the range that a number is beyond."""
    words: str = ""
    """What stands for the body where that is long."""
    fields: tuple[tuple[str, str], ...] = ()
    """Besides Content-Type."""

    @property
    def name(self) -> str:
        """What is sent, in a line: the name of its conversation."""
        body = self.words or (self.body or b"").decode("latin-1").encode("unicode_escape").decode("ascii")
        kind = "" if self.body is None or self.media_type == JSON_TYPE else f"as {self.media_type or 'no media type'}"
        fields = [f"with {name}: {value}" for name, value in self.fields]
        return " ".join(filter(None, (self.method, self.path, body, kind, *fields)))

    @property
    def resource(self) -> str:
        """The path without its query."""
        return self.path.partition("?")[0]

    @property
    def needs(self) -> frozenset[Capability]:
        """The capabilities that it is about."""
        if self.resource.endswith("/release"):
            return frozenset({Capability.GATE})
        if self.resource.startswith("/streams"):
            return frozenset({Capability.STATUS})
        keepalive = {Capability.KEEPALIVE} if "keepalive_ms" in self.name else set()
        return frozenset(keepalive | ({Capability.SCRIPT} if self.method == "POST" else set()))

    @property
    def is_of_a_stream(self) -> bool:
        """Whether it asks for a stream."""
        return self.resource in KINDS

    @property
    def starts_stream(self) -> bool:
        """Whether its answer is a stream."""
        return self.is_of_a_stream and self.status == 200

    def with_token(self) -> Asked:
        """The same that names a stream, too."""
        if self.body is None:
            return replace(self, path=f"{self.path}{'&' if '?' in self.path else '?'}token={TOKEN}")
        return replace(self, body=json.dumps({"token": TOKEN, **json.loads(self.body)}).encode())

    def sent_with(self, token: str) -> Asked:
        """The same with a token where one is to be."""
        body = None if self.body is None else self.body.replace(TOKEN.encode(), token.encode())
        return replace(self, path=self.path.replace(TOKEN, token), body=body)
