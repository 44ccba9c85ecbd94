"""A client for one test: it sends requests to a server and hands over each response while it streams."""

from __future__ import annotations

import json as json_text
from typing import TYPE_CHECKING

from streamspec.lint.address import Address, BadAddress
from streamspec.mistake import Mistake
from streamspec.testing.stream import Stream
from streamspec_client.http1_probe import Http1Connection
from streamspec_client.probe import Clock, Unreachable
from streamspec_client.tls import trusting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from streamspec.contract import JSON
    from streamspec.testing.server import Server

WITHIN_S = 10.0
"""For each call on a response. A passing test waits for its stream alone; this bounds one that fails."""


class CannotAsk(Mistake):
    """The request cannot be sent as it was given."""


class Probe:
    """Sends requests, each on a connection of its own; a context manager that leaves those still open."""

    def __init__(self) -> None:
        self._connections: list[Http1Connection] = []

    def get(
        self,
        server: Server | str,
        path: str = "/",
        *,
        headers: Mapping[str, str] | None = None,
        within_s: float = WITHIN_S,
    ) -> Stream:
        """GET a path (with its query) of a server, and return its response at once, before anything of it came."""
        __tracebackhide__ = True
        return self.request("GET", server, path, headers=headers, within_s=within_s)

    def post(
        self,
        server: Server | str,
        path: str = "/",
        *,
        json: JSON = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        within_s: float = WITHIN_S,
    ) -> Stream:
        """POST JSON, or bytes, likewise."""
        __tracebackhide__ = True
        return self.request("POST", server, path, json=json, body=body, headers=headers, within_s=within_s)

    def request(
        self,
        method: str,
        server: Server | str,
        path: str = "/",
        *,
        json: JSON = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        within_s: float = WITHIN_S,
    ) -> Stream:
        """Any other method. `server` may be the base URL of one that runs elsewhere. Raises CannotAsk."""
        __tracebackhide__ = True
        try:
            address = Address.of(f"{str(server).rstrip('/')}/{path.removeprefix('/')}")
        except BadAddress as error:
            raise CannotAsk(str(error)) from None
        asked = f"{method} {address.target}"
        fields = list((headers or {}).items())
        for name, value in fields:
            if not name.strip() or any(sign in name + value for sign in "\r\n\0"):
                raise CannotAsk(f"the header {name!r}: {value!r}: a field is one line with a name")
        names = {name.lower() for name, _ in fields}
        if json is not None:
            body = json_text.dumps(json).encode()
            fields += [("Content-Type", "application/json")] if "content-type" not in names else []
        clock = Clock.start()
        tls = trusting() if address.scheme == "https" else None
        try:
            connection = Http1Connection(asked, address.host, address.port, clock, connect_within_s=within_s, tls=tls)
        except Unreachable as error:
            raise CannotAsk(f"{asked}: {error}") from None
        self._connections.append(connection)
        stream = Stream(connection, clock, asked, within_s, None if isinstance(server, str) else server)
        connection.request(method, address.target, fields, body, within_s=within_s)
        return stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for connection in self._connections:
            connection.close()
