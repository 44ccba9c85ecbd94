"""One request, sent once and recorded: until it ends, until enough was seen, or until time is up. Nothing is judged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from streamspec.lint.content import Content, content_of
from streamspec_client.http1_probe import Http1Connection
from streamspec_client.probe import Leaving
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamspec.lint.request import Request
    from streamspec_client.probe import Clock
    from streamspec_client.trace import Conversation, Response

CONNECT_WITHIN_S = 10.0

GLANCE_S = 0.05
"""How often what has come is counted, and a timeline drawn."""

GLANCE_SHARE = 0.1
"""And the share of the time that this may take: all that has come is read anew each time, which may be much."""

LARGEST_BODY = 8 * 1_048_576
"""Bytes of body after which a sample is large enough, whatever it holds."""


LAST_READS = 3
"""Reads before leaving; what is still to be read then comes from a server that always has something to send."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a sample is large enough, and what silence is too long."""

    max_events: int
    max_time_s: float
    max_silence_s: float
    """How long an event stream may be silent: less than the proxies on its way wait."""


@dataclass(frozen=True)
class Look:
    """What one request showed."""

    name: str
    request: Request
    conversation: Conversation
    why_left: str
    """Why the probe left before the end, in a few words; empty where the server ended it."""
    unread_s: float = 0.0
    """The longest time in which nothing could be read, because this machine was busy: what came then seems to have come
    at once."""

    @property
    def response(self) -> Response | None:
        """The response, if one came."""
        return self.conversation.response

    @cached_property
    def content(self) -> Content | None:
        """Its body by its media type; None without a response."""
        return content_of(self.response) if self.response is not None else None

    @property
    def asked_at_s(self) -> float:
        """When the request had been sent; never after the answer to it, which may be seen first on a busy machine."""
        sent = self.conversation.sent
        at_s = sent[-1].at_s if sent else self.conversation.opened_at_s
        return min(at_s, self.response.head_at_s) if self.response is not None else at_s

    @property
    def over_at_s(self) -> float:
        """When the response ended, or the probe left."""
        if self.response is not None and self.response.ending is not Ending.OPEN:
            return self.response.ended_at_s
        return min(self.conversation.left_at_s, self.conversation.closed_at_s)

    @property
    def watched_s(self) -> float:
        """From the request to the end, or to leaving."""
        return self.over_at_s - self.asked_at_s


class Watcher(Protocol):
    """Who is shown a look while it goes on."""

    def begin(self, name: str) -> None:
        """A request is about to be sent."""

    def glance(self, look: Look, now_s: float) -> None:
        """This is what has come so far."""

    def end(self, look: Look) -> None:
        """That was all."""


def look(
    request: Request,
    name: str,
    clock: Clock,
    limits: Limits,
    watcher: Watcher,
    *,
    enough: Callable[[Content], bool] | None = None,
) -> Look:
    """Send a request and record what comes. Raises probe.Unreachable.

    It leaves when `max_events` pieces were there, when `max_time_s` is up, or when it is `enough`.
    """
    watcher.begin(name)
    address = request.address
    with Http1Connection(
        name, address.host, address.port, clock, connect_within_s=min(CONNECT_WITHIN_S, limits.max_time_s),
        tls=request.trust if address.is_tls else None,
    ) as connection:  # fmt: skip
        deadline_s = clock.now_s() + limits.max_time_s
        connection.request(
            request.method, address.target, request.fields, request.body,
            http_version=request.version, within_s=limits.max_time_s,
        )  # fmt: skip
        why_left, next_glance_s, unread_s = "", 0.0, 0.0
        read_at_s = clock.now_s()
        while not connection.response_count and not connection.closed:
            rest_s = deadline_s - clock.now_s()
            if rest_s <= 0:
                why_left = f"left after --max-time {limits.max_time_s:g}"
                break
            waits_s, within_s = clock.now_s(), min(rest_s, GLANCE_S)
            overslept_s = 0.0 if connection.wait_more(within_s) else clock.now_s() - waits_s - within_s
            unread_s, read_at_s = max(unread_s, waits_s - read_at_s, overslept_s), clock.now_s()
            if connection.body_size >= LARGEST_BODY:
                why_left = f"left after {LARGEST_BODY >> 20} MiB"
                break
            began_s = clock.now_s()
            if began_s < next_glance_s:
                continue
            so_far = Look(name, request, connection.conversation(), "")
            watcher.glance(so_far, began_s)
            if so_far.content and (why_left := _why_enough(so_far.content, limits, enough)):
                break
            next_glance_s = began_s + max(GLANCE_S, (clock.now_s() - began_s) / GLANCE_SHARE)
        _leave(connection)
        why_left = "" if connection.response_count else why_left
        found = Look(name, request, connection.conversation(), why_left, unread_s)
    watcher.end(found)
    return found


def _leave(connection: Http1Connection) -> None:
    """Read what is there and leave with FIN; with RST where bytes keep coming, which a FIN would have to wait for."""
    is_flooding = all(connection.wait_more(0.0) for _ in range(LAST_READS))
    connection.leave(Leaving.RST if is_flooding else Leaving.FIN)


def _why_enough(content: Content, limits: Limits, enough: Callable[[Content], bool] | None) -> str:
    if content.pieces >= limits.max_events:
        return f"left after --max-events {limits.max_events}"
    return "left when that was enough" if enough is not None and enough(content) else ""
