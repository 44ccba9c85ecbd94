"""Problem details (RFC 9457): the one exception that becomes an answer."""

from __future__ import annotations

from streamspec.control.http1 import Fields, reason_phrase


class Problem(Exception):
    """A request that gets no stream, with the answer that says why and what would be right."""

    def __init__(self, status: int, detail: str, parameter: str | None = None, fields: Fields | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.parameter = parameter
        self.fields = fields or []
        """Field lines that this answer has besides the common ones, `Allow` say."""

    def members(self) -> dict[str, object]:
        """The problem object."""
        members: dict[str, object] = {
            "type": "about:blank",
            "title": reason_phrase(self.status),
            "status": self.status,
            "detail": self.detail,
        }
        if self.parameter is not None:
            members["parameter"] = self.parameter
        return members
