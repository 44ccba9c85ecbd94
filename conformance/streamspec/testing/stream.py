"""One response while it streams: read as the test asks for it, and asserted on. Every wait has a deadline.

A failure says what was expected and what came, shows the timeline, and names who likely held the stream back.
"""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING

from streamspec.dispatches import dispatched
from streamspec.requirement import Violation
from streamspec.testing import checks
from streamspec.testing.suspects import suspects
from streamspec.testing.timeline import timeline
from streamspec_client.probe import Leaving
from streamspec_client.trace import Ending, Mark

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from streamspec.testing.server import Server
    from streamspec_client.event_stream import Event
    from streamspec_client.probe import Clock, Connection
    from streamspec_client.trace import Response

LOOK_EVERY_S = 0.005
"""Between two looks at what the test's callable tells, or at a process's log: they have no way to wake us."""

ERROR_LINES = 8


class Stream:
    """The response to one request. Each call waits for `within_s` at most, however much comes meanwhile."""

    def __init__(
        self, connection: Connection, clock: Clock, request: str, within_s: float, server: Server | None
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._request = request
        self._within_s = within_s
        self._server = server
        self._errors_before = len(server.errors()) if server else 0
        self._asked_at_s = clock.now_s()
        self._marks: list[Mark] = []
        self._received = 0
        self._events_received = 0
        self._has_left = False

    # What came

    @property
    def response(self) -> Response:
        """The response as far as it has been read, waiting for its header section."""
        __tracebackhide__ = True
        if not self._connection.wait_head(self._within_s):
            self._held_back("no response", "a header section")
        response = self._connection.response
        assert response is not None  # noqa: S101 - its header section was waited for
        return response

    @property
    def status(self) -> int:
        """The status code."""
        return self.response.status

    def header(self, name: str) -> str | None:
        """The value of a header field, or None."""
        return self.response.value(name)

    def read(self) -> bytes:
        """The content, whole and without its content coding; waits for the end, which must be a complete one."""
        __tracebackhide__ = True
        self.assert_complete()
        return self._content()

    def events(self) -> list[Event]:
        """All events; waits for the end, which must be a complete one."""
        __tracebackhide__ = True
        self.assert_complete()
        return self._events()

    def receive(self, text: str | bytes) -> None:
        """Wait until this has come, behind what was received before."""
        __tracebackhide__ = True
        wanted = text.encode() if isinstance(text, str) else text
        if not self._read_until(lambda: wanted in self._content()[self._received :]):
            self._held_back(f"{text!r} did not come", f"{text!r} behind byte {self._received} of the content")
        self._received = self._content().index(wanted, self._received) + len(wanted)

    def receive_event(self) -> Event:
        """Wait for the next event, and return it."""
        __tracebackhide__ = True
        number = self._events_received + 1
        if not self._read_until(lambda: len(self._events()) >= number):
            self._held_back(f"event {number} did not come", f"event {number}")
        self._events_received = number
        return self._events()[number - 1]

    # Assertions

    def assert_complete(self) -> None:
        """It is a 2xx and ends complete: by the last chunk, or by all of its Content-Length."""
        __tracebackhide__ = True
        has_ended = self._read_until(lambda: self.response.ending is not Ending.OPEN)
        what = "not complete" if has_ended else f"no end within {self._within_s:g} s (`within_s` of the request)"
        if self._has_left and not has_ended:
            what = "no end: the client has left"
        self._check(what, checks.expect_success, checks.expect_complete)

    def assert_incremental(self, *, over_s: float = 0.05, pieces: int = 2) -> None:
        """The content comes bit by bit: at so many different moments at least, over so many seconds at least.

        Of an event stream the events count, not the bytes. It returns as soon as that is shown, so it may be asked of
        an endless stream. Choose `over_s` well below what the producer takes; where it takes no time, let it wait at a
        `Gate` and use `assert_lock_step`, which needs no clock.
        """
        __tracebackhide__ = True
        self._check("no stream", checks.expect_success)

        def shown() -> bool:
            try:
                checks.expect_incremental(self.response, over_s, pieces)
            except Violation:
                return False
            return True

        if not self._read_until(shown):
            self._check("not incremental", lambda made: checks.expect_incremental(made, over_s, pieces), held_back=True)

    def assert_lock_step(self, items: Sequence[str], release: Callable[[], object]) -> None:
        """Each item comes when it is released, and before the next one is: proven by order, without a clock.

        The producer waits, at a `Gate` say, before each item, and `release` lets it go on by one. An item is a text
        that the content holds; of an event stream, that the data of the next event holds.
        """
        __tracebackhide__ = True
        self._check("no stream", checks.expect_success)
        for number, item in enumerate(items, 1):
            if self._is_there(item):
                self._fail(
                    "not in lock-step",
                    Violation(expected=f"item {number} ({item!r}) after its release", actual="it was there before"),
                    hint="the producer does not wait for the release",
                )
            self._mark(f"item {number} released")
            release()
            if not self._read_until(lambda: self._is_there(item)):  # noqa: B023 - it is called in this round
                self._held_back("not in lock-step", f"item {number} ({item!r}) after its release")
            self._take(item)

    def assert_head_first(self, *, by_s: float = 0.02) -> None:
        """The header section comes before the content: while the producer still waits, or so long before its first."""
        __tracebackhide__ = True
        self._check("no stream", checks.expect_success)
        self._connection.wait_body(1, by_s)
        try:
            checks.expect_head_first(self.response, by_s)
        except Violation as violation:
            hint = "the header section waited for the first item; or the producer had that at once, then hold it back"
            self._fail("the header section is not first", violation, hint=hint)

    def assert_event_stream(self, *, events: int | None = None) -> None:
        """Content-Type and syntax are those of an event stream; of an endless one, so many `events` are looked at."""
        __tracebackhide__ = True
        self._check("no stream", checks.expect_success)
        wanted = float("inf") if events is None else events
        self._read_until(lambda: self.response.ending is not Ending.OPEN or len(self._events()) >= wanted)
        if events is None:
            self._check("no end; an endless stream has `receive_event`, and `events=`", checks.expect_complete)
        self._check("no valid event stream", checks.expect_event_stream)
        if events is not None and len(found := self._events()) < events:
            self._held_back(f"{len(found)} events came", f"{events} events")

    def assert_events(self, *expected: str | Event) -> None:
        """All of its events are these: a string is the data of an event, an `Event` all that it has."""
        __tracebackhide__ = True
        self.assert_event_stream()
        self._check("other events", lambda _: checks.expect_events(self._events(), expected))

    def assert_leaving_stops(
        self, stopped: Callable[[], bool], *, within_s: float = 2.0, how: Leaving = Leaving.FIN
    ) -> None:
        """The client leaves, and `stopped` comes to tell True: set in the `finally` of the producer, say."""
        __tracebackhide__ = True
        self._check("no stream", checks.expect_success)
        if stopped():
            actual = "`stopped` tells True while the client is still there, so it cannot tell what leaving does"
            self._fail("nothing to stop", Violation(expected="a producer that is running", actual=actual))
        self.leave(how)
        deadline_s = time.monotonic() + within_s
        while not stopped():
            if time.monotonic() > deadline_s:
                self._fail(
                    "the producer goes on",
                    Violation(expected=f"`stopped` to tell True within {within_s:g} s", actual="it still tells False"),
                    hint="nobody tells the producer that the client has left (aiohttp: handler_cancellation=True), it "
                    "does not notice between two items, or it is suspended and waits for the garbage collector",
                )
            time.sleep(LOOK_EVERY_S)

    def leave(self, how: Leaving = Leaving.FIN) -> None:
        """Leave: close the connection (FIN), reset it (RST), or close the sending side alone (HALF_CLOSE)."""
        self._mark(f"the client leaves ({how})")
        self._has_left = how is not Leaving.HALF_CLOSE
        self._connection.leave(how)

    # Reading

    def _read_until(self, reached: Callable[[], bool]) -> bool:
        """Read until that holds; False where the response ended before, or the time is over, whatever came in it."""
        deadline_s = self._clock.now_s() + self._within_s
        while not reached():
            if self.response.ending is not Ending.OPEN:
                return False
            size = self._connection.body_size
            has_moved = functools.partial(self._has_moved, size)
            if not self._connection.wait_for(has_moved, deadline_s - self._clock.now_s()):
                return reached()
        return True

    def _has_moved(self, size: int, response: Response) -> bool:
        return self._connection.body_size > size or response.ending is not Ending.OPEN

    def _content(self) -> bytes:
        __tracebackhide__ = True
        self._check("content that cannot be read", checks.plain)
        return checks.plain(self.response).body

    def _events(self) -> list[Event]:
        return [made.event for made in dispatched(self._content())]

    def _is_there(self, item: str) -> bool:
        if checks.is_event_stream(self.response):
            found = self._events()[self._events_received :]
            return bool(found) and item in found[0].data
        return item.encode() in self._content()[self._received :]

    def _take(self, item: str) -> None:
        if checks.is_event_stream(self.response):
            self._events_received += 1
        else:
            self._received = self._content().index(item.encode(), self._received) + len(item.encode())

    def _mark(self, name: str) -> None:
        self._marks.append(Mark(self._clock.now_s(), name))

    # Failing

    def _errors(self) -> Sequence[str]:
        """What the application has said since the request, once that is whole."""
        if self._server is None:
            return ()
        deadline_s = time.monotonic() + self._server.errors_within_s
        errors = self._server.errors()
        while time.monotonic() < deadline_s:
            time.sleep(LOOK_EVERY_S)
            errors = self._server.errors()
        return errors[self._errors_before :]

    def _check(self, what: str, *expectations: Callable[[Response], object], held_back: bool = False) -> None:
        __tracebackhide__ = True
        try:
            for expectation in expectations:
                expectation(self.response)
        except Violation as violation:
            self._fail(what, violation, held_back=held_back)

    def _held_back(self, what: str, expected: str) -> NoReturn:
        __tracebackhide__ = True
        response = self._connection.response
        if self._has_left and (response is None or response.ending is Ending.OPEN):
            self._fail(what, Violation(expected=expected, actual="nothing more: the client has left"))
        if response is None and self._connection.closed:
            actual = "the server closed the connection"
        elif response is None or response.ending is Ending.OPEN:
            actual = f"not within {self._within_s:g} s"
        else:
            actual = f"the response ended without it ({response.ending}), after {len(response.body)} bytes of content"
        self._fail(what, Violation(expected=expected, actual=actual), held_back=True)

    def _fail(self, what: str, violation: Violation, *, held_back: bool = False, hint: str = "") -> NoReturn:
        __tracebackhide__ = True
        response = self._connection.response
        where = f" at byte {violation.offset} of the content" if violation.offset is not None else ""
        lines = [
            f"{self._request}: {what}",
            f"  expected  {violation.expected}",
            f"  actual    {violation.actual}{where}",
        ]
        hints = [*suspects(response, self._asked_at_s)] if held_back else []
        errors = self._errors()
        lines += [f"  {'likely' if not number else '':<9} {line}" for number, line in enumerate([*hints, hint]) if line]
        lines += [f"  {'the app' if not number else '':<9} {line}" for number, line in enumerate(errors[-ERROR_LINES:])]
        lines += ["", timeline(self._request, self._asked_at_s, response, self._marks, self._clock.now_s())]
        raise AssertionError("\n".join(lines)) from None
