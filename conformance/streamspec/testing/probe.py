"""A client for one test: it sends requests to a server and hands over each response while it streams."""

from __future__ import annotations

import json as json_text
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from streamspec.mistake import Mistake
from streamspec.testing.stream import Stream
from streamspec_client.probe import Clock, Connection, Unreachable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from streamspec.contract import JSON
    from streamspec.testing.server import Server

WITHIN_S = 10.0
"""For each wait: what is late by as much does not come. It bounds failing tests only."""


class CannotAsk(Mistake):
    """The request cannot be sent as it was given."""


class Probe:
    """Sends requests, each on a connection of its own; a context manager that leaves those still open."""

    def __init__(self) -> None:
        self._connections: list[Connection] = []

    def get(
        self,
        server: Server | str,
        path: str = "/",
        *,
        headers: Mapping[str, str] | None = None,
        within_s: float = WITHIN_S,
    ) -> Stream:
        """GET a path (with its query) of a server, and return its response at once, before anything of it came."""
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
        """Any other method. `server` may be a base URL too. Raises CannotAsk where nobody answers there."""
        base = urlsplit(str(server))
        if base.scheme != "http" or not base.hostname:
            raise CannotAsk(f"{server}: give a server of streamspec_server, or a base URL that starts with http://")
        fields = list((headers or {}).items())
        names = {name.lower() for name, _ in fields}
        if json is not None:
            body = json_text.dumps(json).encode()
            fields += [("Content-Type", "application/json")] if "content-type" not in names else []
        clock = Clock.start()
        target = f"{base.path.rstrip('/')}/{path.removeprefix('/')}"
        try:
            connection = Connection(target, base.hostname, base.port or 80, clock, connect_within_s=within_s)
        except Unreachable as error:
            raise CannotAsk(f"{method} {target}: {error}") from error
        self._connections.append(connection)
        stream = Stream(connection, clock, f"{method} {target}", within_s, None if isinstance(server, str) else server)
        connection.request(method, target, fields, body, within_s=within_s)
        return stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for connection in self._connections:
            connection.close()
