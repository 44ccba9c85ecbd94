"""The Recorder: what an exchange is written with. Everything done through it lands in the Trace."""

from __future__ import annotations

import base64
import json
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from streamspec.contract import PROMPT_S
from streamspec.requirement import ContractError
from streamspec.run_delay import starved
from streamspec_client.http2_probe import Http2Connection
from streamspec_client.probe import Clock, Leaving
from streamspec_client.trace import Answer, Mark, Trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from streamspec.contract import JSON
    from streamspec.process import Process
    from streamspec.target import Target
    from streamspec_client.probe import Connection

Item: TypeAlias = "Mapping[str, JSON]"

BROWSER_ACCEPT_ENCODING = "gzip, deflate, br, zstd"
"""What Chromium 156 sends."""

LEDGER = "/streams"
"""What tells of streams and opens their gates. Behind a proxy the origin is asked: it knows when a stream ended."""


class TargetLost(Exception):
    """The target answers no control request: it has ended, or hangs."""


class Recorder:
    """Records one exchange with one target; close it (or use it as a context manager) to let every socket go."""

    def __init__(self, target: Target, exchange: str, slow_factor: float = 1.0) -> None:
        self.target = target
        self._ledger = target.origin or target
        self.prompt_s = PROMPT_S * slow_factor
        """How long to wait for what a sound server does in milliseconds."""
        self._exchange = exchange
        self._clock = Clock.start()
        self._started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._connections: list[Connection] = []
        self._control: Connection | None = None
        self._control_answers = 0
        self._answers: list[Answer] = []
        self._marks: list[Mark] = []
        self._released: dict[str, int] = {}
        self._log_from = target.log_size()
        self._times_from = target.process_times()
        self._terminated_at_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for connection in self._connections:
            connection.close()
        self._drop_control()

    # Streams

    def token(self) -> str:
        """A new stream name that no other run uses."""
        return f"{self._exchange[:40]}-{secrets.token_hex(6)}"

    def connect(self, name: str = "stream", *, receive_buffer: int | None = None) -> Connection:
        """A recorded connection to the target. Raises probe.Unreachable."""
        return self._connected(self.target, name, receive_buffer)

    def _connected(self, at: Target, name: str, receive_buffer: int | None) -> Connection:
        connection = at.connect(name, self._clock, within_s=self.prompt_s, receive_buffer=receive_buffer)
        self._connections.append(connection)
        return connection

    def connect_http2(self, name: str = "stream", *, receive_buffer: int | None = None) -> Http2Connection:
        """A recorded connection over HTTP/2, whatever the target is asked in elsewhere. Raises probe.Unreachable."""
        connection = self.target.connect(
            name, self._clock, within_s=self.prompt_s, receive_buffer=receive_buffer, http2=True
        )
        assert isinstance(connection, Http2Connection)  # noqa: S101 - for the type checker
        self._connections.append(connection)
        return connection

    def get(
        self,
        path: str,
        fields: Iterable[tuple[str, str]] = (),
        *,
        name: str = "stream",
        method: str = "GET",
        http_version: str = "1.1",
        receive_buffer: int | None = None,
    ) -> Connection:
        """Connect and ask for a path (with its query); for a ledger's at the origin."""
        at = self._ledger if path.startswith(LEDGER) else self.target
        connection = self._connected(at, name, receive_buffer)
        connection.request(method, at.prefix + path, fields, http_version=http_version)
        return connection

    def post(
        self,
        path: str,
        items: Sequence[Item],
        *,
        token: str,
        fields: Iterable[tuple[str, str]] = (),
        name: str = "stream",
        http_version: str = "1.1",
        receive_buffer: int | None = None,
        **script: JSON,
    ) -> Connection:
        """Connect and post a script: its items, and its other members as keywords (`end="hang"`)."""
        connection = self.connect(name, receive_buffer=receive_buffer)
        self.post_on(connection, path, items, token=token, fields=fields, http_version=http_version, **script)
        return connection

    def post_on(
        self,
        connection: Connection,
        path: str,
        items: Sequence[Item],
        *,
        token: str,
        fields: Iterable[tuple[str, str]] = (),
        http_version: str = "1.1",
        **script: JSON,
    ) -> None:
        """Post a script on a connection that is there already."""
        body = json.dumps({"token": token, "items": [dict(item) for item in items], **script}).encode()
        fields = [("Content-Type", "application/json"), *fields]
        connection.request("POST", self.target.prefix + path, fields, body, http_version=http_version)

    def may_go_on(self, stream: Connection) -> bool:
        """Whether the header section has come; behind a proxy also where it has not.

        A proxy may hold it back until something follows it, and what becomes of that is another question.
        """
        return stream.wait_head(self.prompt_s) or self.target.is_behind_proxy

    def leave(self, connection: Connection, how: Leaving) -> None:
        """Leave a stream, and mark the moment as `left`."""
        self._marks.append(Mark(connection.leave(how), "left"))

    def mark(self, name: str, value: int = 0) -> None:
        """Name this moment."""
        self._marks.append(Mark(self._clock.now_s(), name, value))

    # The process, of exchanges that launch one

    def terminate(self) -> None:
        """Ask the server to end (SIGTERM); `terminated` marks the moment."""
        self._terminated_at_s = self._clock.now_s()
        self._marks.append(Mark(self._terminated_at_s, "terminated"))
        self._process().terminate()

    def wait_exit(self, within_s: float) -> bool:
        """Whether its process ends within that time of being asked to.

        `exited` marks when (value: its status, negative for a signal).
        """
        process = self._process()
        if not process.wait_exit(max(0.0, self._terminated_at_s + within_s - self._clock.now_s())):
            return False
        code = process.exit_code
        assert code is not None  # noqa: S101 - it has ended
        self.mark("exited", code)
        process.wait_log()
        return True

    def _process(self) -> Process:
        if self.target.process is None:
            raise ContractError(f"{self._exchange} ends a process, so it must launch one")
        return self.target.process

    # Control

    def release(self, token: str, items: int = 1, *, mark: str = "released") -> None:
        """Open gates; the mark (value: gates of that stream opened so far) is of the moment before it is asked."""
        self._released[token] = self._released.get(token, 0) + items
        self.mark(mark, self._released[token])
        self.ask("release", "POST", f"/streams/{token}/release", json.dumps({"items": items}).encode())

    def state(self, token: str, wait_ms: int = 0, name: str = "state") -> dict[str, JSON]:
        """A stream's state; with `wait_ms` as soon as it is closed and cleaned, else after that time."""
        query = f"?wait_ms={wait_ms}" if wait_ms else ""
        answer = self.ask(name, "GET", f"/streams/{token}{query}", within_s=self.prompt_s + wait_ms / 1000)
        return _object(answer)

    def totals(self, name: str = "totals") -> dict[str, JSON]:
        """The totals over all streams."""
        return _object(self.ask(name, "GET", "/streams"))

    def ask(
        self, name: str, method: str, path: str, body: bytes | None = None, *, within_s: float | None = None
    ) -> Answer:
        """Send a control request and record its whole answer. Raises TargetLost where none comes."""
        fields = [("Content-Type", "application/json")] if body is not None else []
        asked_at_s = self._clock.now_s()
        for attempt in (1, 2):
            control = self._control_connection()
            control.request(method, self._ledger.prefix + path, fields, body)
            if control.wait_complete(self._control_answers + 1, within_s or self.prompt_s):
                break
            self._drop_control()  # a server may close an idle connection just as it is used again
            if attempt == 2 or not (control.closed and control.response_count == self._control_answers):
                raise TargetLost(f"{method} {path} got no answer within {within_s or self.prompt_s:g} s")
        self._control_answers += 1
        response = control.response
        assert response is not None  # noqa: S101 - wait_complete says that one has ended
        answer = Answer(
            name, method, path, asked_at_s, response.ended_at_s, response.status, response.fields, response.body
        )
        self._answers.append(answer)
        if response.value("connection") == "close":
            self._drop_control()
        return answer

    def _drop_control(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None

    def _control_connection(self) -> Connection:
        if self._control is None:
            self._control_answers = 0
            self._control = self._ledger.connect("control", self._clock, within_s=self.prompt_s)
        return self._control

    def trace(self) -> Trace:
        """What was recorded, frozen."""
        starved_s, ran_s = starved(self._times_from, self.target.process_times())
        return Trace(
            exchange=self._exchange,
            target=self.target.name,
            started_at=self._started_at,
            duration_s=self._clock.now_s(),
            conversations=tuple(connection.conversation() for connection in self._connections),
            answers=tuple(self._answers),
            marks=tuple(self._marks),
            log=self.target.log_since(self._log_from),
            starved_s=round(starved_s, 6),
            ran_s=round(ran_s, 6),
        )


def base64_item(data: bytes, **members: JSON) -> Item:
    """A text item of exactly those bytes."""
    return {"base64": base64.b64encode(data).decode("ascii"), **members}


def _object(answer: Answer) -> dict[str, JSON]:
    try:
        value = json.loads(answer.body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
