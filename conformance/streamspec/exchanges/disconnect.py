"""Stimuli for disconnects: a client leaves in some way and situation, then the stream's state is waited for.

What is judged stands in the ledger, so a stream whose items or header section do not come is left all the same. Where
a state gets no answer at all, that is marked `unanswered-NAME`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.contract import Capability
from streamspec.exchanges.recorder import TargetLost
from streamspec.requirement import exchange
from streamspec_client.probe import Leaving
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    from streamspec.exchanges.recorder import Item, Recorder
    from streamspec_client.probe import Connection
    from streamspec_client.trace import Response

KINDS = {"text": "/stream", "events": "/sse"}
"""The two kinds of stream, by the name their conversations have: frameworks answer them with different classes."""

LEFT = tuple((f"{kind}-{how}", kind, how) for kind in KINDS for how in (Leaving.FIN, Leaving.RST))
"""Both kinds left in both ways, by the name of the conversation."""

STATE_WAIT_MS = 800
"""How long a state is waited for: beyond the budget, so that a clean-up that comes late gets a figure."""

WIRE_WAIT_S = 1.0
"""How long the first bytes are waited for before a stream is left: they tell where its producer is, and no verdict."""

SHORT_WIRE_WAIT_S = 0.1
"""The same where bytes have not come before: time to open the stream, so that there is one to leave."""

IDLE = "count=2&interval_ms=60000"
"""One item at once, the next in a minute: whoever notices at the next write notices too late."""

ACTIVE = "count=3000&interval_ms=10"
"""30 s of items: a server that does not stop goes on for long enough to be caught, and not for ever."""

HELLO: dict[str, Item] = {"text": {"text": "hello\n"}, "events": {"data": "hello"}}

STALLED_ITEM_BYTES, STALLED_ITEMS = 65_536, 512
"""32 MiB: kernels hide 3.4 to 4.1 MB on loopback, and a server may be 16 MiB ahead."""

STALLED_RECEIVE_BUFFER = 8_192

AT_REST_MS = 50
"""A producer that has made nothing for so long is paused: its items follow each other in 0.1 ms."""

KEEPALIVE_MS = 20
KEEPALIVE_COMMENTS = 3
"""Two keep-alive comments at least: some servers begin every event stream with a comment."""

TIGHT_ITEMS = 500_000
"""1 to 5 s of work for servers in Python, in which one that never gives way does not see the client leave; finite,
because an endless one hung uvicorn, Hypercorn and granian for good."""

TIGHT_LEFT = tuple((f"{kind}-{number}", kind) for number in (1, 2) for kind in KINDS)
"""Tight streams by the name of their conversation. Two of each kind: a producer that gives way now and then is stopped
properly if its client leaves just then, which is once in some hundred times."""

RECOVERY_WAITS = 4
"""Times `prompt_s` that a server which answers nobody is waited for before anything else is asked of it."""


class Client:
    """Reads streams and leaves them; after a wait in vain it hardly waits any more, so a broken server costs one."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._wire_wait_s = WIRE_WAIT_S
        self._state_wait_ms = STATE_WAIT_MS

    def await_head(self, stream: Connection) -> None:
        """Read until the header section is there."""
        self._see(stream.wait_head(self._wire_wait_s))

    def await_item(self, stream: Connection) -> None:
        """Read until the first item is there, or something else instead of it."""
        self._see(stream.wait_for(lambda made: b"hello" in made.body or _is_over(made), self._wire_wait_s))

    def await_comments(self, stream: Connection) -> None:
        """Read until some keep-alive comments are there."""
        self._see(
            stream.wait_for(lambda made: comments(made) >= KEEPALIVE_COMMENTS or _is_over(made), self._wire_wait_s)
        )

    def await_body(self, stream: Connection, size: int) -> None:
        """Read until the body has that size."""
        self._see(stream.wait_body(size, self._wire_wait_s))

    def leave(self, stream: Connection, how: Leaving, token: str) -> bool:
        """Leave, and say whether the stream is settled then."""
        self._recorder.leave(stream, how)
        return self.await_settled(stream.name, token)

    def await_settled(self, name: str, token: str, more_ms: int = 0) -> bool:
        """Whether the stream is closed and cleaned up within the wait, or the server knows none of that name."""
        wait_ms = self._state_wait_ms + more_ms if self._state_wait_ms else 0
        try:
            state = self._recorder.state(token, wait_ms=wait_ms, name=f"state-{name}")
        except TargetLost:
            self._recorder.mark(f"unanswered-{name}")
            self._state_wait_ms = 0
            return False
        settled = "state" not in state or (state["state"] == "closed" and state.get("cleaned") is True)
        if not settled:
            self._state_wait_ms = 0
        return settled

    def _see(self, came: bool) -> None:
        if not came:
            self._wire_wait_s = SHORT_WIRE_WAIT_S
            self._recorder.totals()  # raises TargetLost where it was dead before anyone left, which proves nothing


def comments(response: Response) -> int:
    """Comment lines in the body so far."""
    return sum(line.startswith(b":") for line in response.body.splitlines())


def _is_over(response: Response) -> bool:
    return response.ending is not Ending.OPEN


def _leave_demos(recorder: Recorder, query: str, how: Leaving) -> None:
    """Leave both demos, one after the other, when the first item is there."""
    client = Client(recorder)
    for kind, path in KINDS.items():
        token = recorder.token()
        stream = recorder.get(f"{path}?{query}&token={token}", name=kind)
        client.await_item(stream)
        if not client.leave(stream, how, token):
            return


@exchange(Capability.STATUS, alone=True)
def fin_while_idle(recorder: Recorder) -> None:
    """Both demos left with FIN after the first item, when the next is a minute away."""
    _leave_demos(recorder, IDLE, Leaving.FIN)


@exchange(Capability.STATUS, alone=True)
def rst_while_idle(recorder: Recorder) -> None:
    """Both demos left with RST after the first item, when the next is a minute away."""
    _leave_demos(recorder, IDLE, Leaving.RST)


@exchange(Capability.STATUS, alone=True)
def fin_while_active(recorder: Recorder) -> None:
    """Both demos left with FIN while items come every 10 ms."""
    _leave_demos(recorder, ACTIVE, Leaving.FIN)


@exchange(Capability.STATUS, alone=True)
def rst_while_active(recorder: Recorder) -> None:
    """Both demos left with RST while items come every 10 ms."""
    _leave_demos(recorder, ACTIVE, Leaving.RST)


@exchange(Capability.SCRIPT, Capability.GATE, Capability.STATUS, alone=True)
def left_before_first_item(recorder: Recorder) -> None:
    """Posted streams of both kinds left with FIN and with RST while the first item waits at its gate."""
    client = Client(recorder)
    for name, kind, how in LEFT:
        token = recorder.token()
        stream = recorder.post(KINDS[kind], [{**HELLO[kind], "gate": True}], token=token, name=name)
        client.await_head(stream)
        if not client.leave(stream, how, token):
            return


@exchange(Capability.SCRIPT, Capability.GATE, Capability.STATUS)
def left_while_stalled(recorder: Recorder) -> None:
    """Posted streams of both kinds that nobody reads, left when their producers have come to rest.

    With RST: that is what close() sends where data is unread (RFC 2525, section 2.17).
    """
    client = Client(recorder)
    for kind, path in KINDS.items():
        token = recorder.token()
        items: list[Item] = [{"size": STALLED_ITEM_BYTES}] * STALLED_ITEMS
        items.append({**HELLO[kind], "gate": True})
        stream = recorder.post(path, items, token=token, name=kind, receive_buffer=STALLED_RECEIVE_BUFFER)
        client.await_head(stream)
        await_rest(recorder, token)
        if not client.leave(stream, Leaving.RST, token):
            return


def await_rest(recorder: Recorder, token: str) -> None:
    """Wait until the producer makes no more items; the long poll is the pause between two looks."""
    seen = -1.0
    for _ in range(int(recorder.prompt_s * 1000 / AT_REST_MS)):
        produced = recorder.state(token, wait_ms=AT_REST_MS, name="stalling").get("items_produced")
        if not isinstance(produced, int) or produced == seen:
            return
        seen = produced


@exchange(Capability.SCRIPT, Capability.GATE, Capability.KEEPALIVE, Capability.STATUS, timed=True)
def left_during_keepalive(recorder: Recorder) -> None:
    """A silent event stream left with FIN after some keep-alive comments."""
    client, token = Client(recorder), recorder.token()
    items: list[Item] = [HELLO["events"], {**HELLO["events"], "gate": True}]
    stream = recorder.post("/sse", items, token=token, keepalive_ms=KEEPALIVE_MS)
    client.await_comments(stream)
    client.leave(stream, Leaving.FIN, token)


@exchange(Capability.SCRIPT, Capability.STATUS, alone=True)
def half_closed(recorder: Recorder) -> None:
    """Posted streams of both kinds half-closed while items come every 10 ms, which then find no RST."""
    client = Client(recorder)
    for kind, path in KINDS.items():
        token = recorder.token()
        stream = recorder.post(path, [{**HELLO[kind], "after_ms": 10}], token=token, name=kind, repeat=3000)
        client.await_item(stream)
        if not client.leave(stream, Leaving.HALF_CLOSE, token):
            return


@exchange(Capability.STATUS, timed=True)
def left_with_request_pipelined(recorder: Recorder) -> None:
    """Idle demos of both kinds left with FIN and with RST when another request waits behind them."""
    client = Client(recorder)
    for name, kind, how in LEFT:
        token = recorder.token()
        stream = recorder.get(f"{KINDS[kind]}?{IDLE}&token={token}", name=name)
        client.await_item(stream)
        stream.request("GET", f"{recorder.target.prefix}/")
        if not client.leave(stream, how, token):
            return


@exchange(Capability.SCRIPT, Capability.STATUS, alone=True)
def left_while_tight(recorder: Recorder) -> None:
    """Streams of both kinds whose next item is always ready, left with RST at the first.

    At the first, because later a full buffer makes them wait.
    """
    client = Client(recorder)
    for name, kind in TIGHT_LEFT:
        token = recorder.token()
        stream = recorder.post(KINDS[kind], [HELLO[kind]], token=token, name=name, repeat=TIGHT_ITEMS, end="hang")
        client.await_item(stream)
        if not client.leave(stream, Leaving.RST, token):
            await_recovery(recorder)
            return


def await_recovery(recorder: Recorder) -> None:
    """Wait for a server that answered nobody to answer again, so that what is recorded next is not about that."""
    for _ in range(RECOVERY_WAITS):
        try:
            recorder.totals()
        except TargetLost:
            continue
        return
