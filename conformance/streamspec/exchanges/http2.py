"""Stimuli over HTTP/2: streams that share one connection, one of them in lock-step, stalled, reset or failing.

Each request is a stream of the connection, and its response has the request's place in the conversation. Gates are
opened, and states asked for, elsewhere: over the HTTP that the target is asked in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.contract import Capability
from streamspec.exchanges.chunks import LOCK_STEP_SIZES
from streamspec.exchanges.disconnect import HELLO, KINDS, STATE_WAIT_MS, await_rest
from streamspec.exchanges.disconnect_effects import NEIGHBOUR_ITEM_BYTES
from streamspec.exchanges.failure import ITEMS
from streamspec.exchanges.flow import NEIGHBOUR_STRIPES, STRIPE_BYTES, STRIPES, stripes
from streamspec.requirement import exchange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec.contract import JSON
    from streamspec.exchanges.recorder import Item, Recorder
    from streamspec_client.http2_probe import Http2Connection

CONNECTION = "connection"
"""The conversation that all of it is about."""

ANSWERS = ("/", "/stream?count=1&interval_ms=0", "/sse?count=1&interval_ms=0", "/nothing")
"""What is asked for besides: JSON, a stream of each kind, a problem."""

LEFT = tuple(KINDS)
"""The streams that are reset, in their places."""

RESET_NEIGHBOUR = len(LEFT)
"""The place of the stream beside them."""

NEIGHBOUR_ITEMS = len(LEFT) + 1
"""An item before each reset, and one behind the last."""

STALLED, STALLED_NEIGHBOUR = 0, 1
"""The places of the stream that is not read and of the one beside it."""

FAILING_TEXT, AFTER_FAILURE = 0, 1
"""The places of the text that fails and of what is asked for after it."""

ENDS_WITHIN_S = 1.0
"""How long the end of a text that fails is waited for: sound servers take milliseconds, and what this decides is
recorded again, alone."""


def _post(
    recorder: Recorder, connection: Http2Connection, kind: str, items: Sequence[Item], end: JSON = "complete"
) -> tuple[str, int]:
    """Post a script on a stream of that connection; its token, and its place."""
    token = recorder.token()
    recorder.post_on(connection, KINDS[kind], items, token=token, end=end)
    return token, connection.asked - 1


@exchange(Capability.SCRIPT, Capability.GATE, Capability.HTTP2)
def lock_step_on_http2(recorder: Recorder) -> None:
    """Each gated item of a text is released when the one before it has been read; then other answers are asked for.

    One after the other: how many streams a server takes at a time is its own affair (RFC 9113, section 5.1.2).
    """
    connection = recorder.connect_http2(CONNECTION)
    token, place = _post(recorder, connection, "text", [{"gate": True, "size": size} for size in LOCK_STEP_SIZES])
    connection.wait_head_of(place, recorder.prompt_s)
    size = 0
    for item in LOCK_STEP_SIZES:
        size += item
        recorder.release(token)
        if not connection.wait_body_of(place, size, recorder.prompt_s):
            return
    for path in ANSWERS:
        if not connection.wait_end_of(place, recorder.prompt_s):
            return
        connection.request("GET", recorder.target.prefix + path)
        place += 1
    connection.wait_end_of(place, recorder.prompt_s)


@exchange(Capability.SCRIPT, Capability.GATE, Capability.STATUS, Capability.HTTP2, timed=True)
def reset_beside_lock_step(recorder: Recorder) -> None:
    """Idle streams of both kinds are reset (RST_STREAM), one after the other, between the items of another stream."""
    connection = recorder.connect_http2(CONNECTION)
    tokens = {}
    for kind in LEFT:
        tokens[kind], place = _post(recorder, connection, kind, [HELLO[kind]], end="hang")
        connection.wait_body_of(place, 1, recorder.prompt_s)
    gated: Sequence[Item] = [{**HELLO["text"], "gate": True}] * NEIGHBOUR_ITEMS
    neighbour, place = _post(recorder, connection, "text", gated)
    connection.wait_head_of(place, recorder.prompt_s)
    for number, kind in enumerate(LEFT):
        if not _released(recorder, connection, neighbour, number + 1):
            return
        connection.reset_stream(number)
        recorder.mark(f"left-{kind}")
        recorder.state(tokens[kind], wait_ms=STATE_WAIT_MS, name=f"state-{kind}")
    if _released(recorder, connection, neighbour, NEIGHBOUR_ITEMS):
        connection.request("GET", f"{recorder.target.prefix}/stream?count=1&interval_ms=0")
        connection.wait_end_of(RESET_NEIGHBOUR + 1, recorder.prompt_s)


def _released(recorder: Recorder, connection: Http2Connection, token: str, items: int) -> bool:
    """Open a gate of the stream beside the others, and say whether so many of its items have come."""
    recorder.release(token)
    return connection.wait_body_of(RESET_NEIGHBOUR, items * NEIGHBOUR_ITEM_BYTES, recorder.prompt_s)


@exchange(Capability.SCRIPT, Capability.GATE, Capability.STATUS, Capability.HTTP2)
def stalled_on_http2(recorder: Recorder) -> None:
    """A text whose window is not widened, one beside it in lock-step; then the window opens, and all is read."""
    connection = recorder.connect_http2(CONNECTION)
    stalled, _ = _post(recorder, connection, "text", stripes("text"))
    connection.withhold(STALLED)
    connection.wait_head_of(STALLED, recorder.prompt_s)
    recorder.release(stalled, STRIPES, mark="opened")
    await_rest(recorder, stalled)
    neighbour, _ = _post(recorder, connection, "text", stripes("text"))
    connection.wait_head_of(STALLED_NEIGHBOUR, recorder.prompt_s)
    for number in range(1, NEIGHBOUR_STRIPES + 1):
        recorder.release(neighbour)
        if not connection.wait_body_of(STALLED_NEIGHBOUR, number * STRIPE_BYTES, recorder.prompt_s):
            break
    recorder.mark("rests", connection.body_size_of(STALLED))
    recorder.state(stalled, name="rests")
    connection.grant(STALLED)
    recorder.mark("read-on")
    connection.wait_body_of(STALLED, STRIPES * STRIPE_BYTES, recorder.prompt_s)


@exchange(Capability.SCRIPT, Capability.HTTP2)
def failing_on_http2(recorder: Recorder) -> None:
    """A text whose producer raises behind its items; when it has ended, another stream is asked for."""
    connection = recorder.connect_http2(CONNECTION)
    _post(recorder, connection, "text", ITEMS["text"], end="fail")
    connection.wait_end_of(FAILING_TEXT, ENDS_WITHIN_S)
    connection.request("GET", f"{recorder.target.prefix}/stream?count=1&interval_ms=0")
    connection.wait_end_of(AFTER_FAILURE, recorder.prompt_s)
