"""Stimuli for the shutdown: SIGTERM to a process of its own while streams are open, and what becomes of them all.

Streams and the polls for their states are read together until everything is closed, but for a reader that has stalled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.contract import SHUTDOWN_BUDGET_MS, Capability
from streamspec.exchanges.disconnect import HELLO, KINDS, STALLED_RECEIVE_BUFFER, await_rest
from streamspec.exchanges.flow import ENDLESS_STRIPES, STRIPE_BYTES
from streamspec.requirement import exchange
from streamspec_client.crowd import Crowd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamspec.exchanges.recorder import Item, Recorder
    from streamspec_client.probe import Connection

DRAIN_MS = 300
"""Little, because it is waited for; enough for a stream to come to its end on a busy machine."""

FINISHING_MS = 100

GONE_WITHIN_MS = DRAIN_MS + SHUTDOWN_BUDGET_MS

SEEN_GONE_WITHIN_S = GONE_WITHIN_MS / 1000 + 0.5
"""How long the end is waited for: one that comes a little late gets a figure."""

CLEANUP_MS = 50
"""A clean-up that awaits: where the process goes at once, it does not come to its end."""

POLL_WAIT_MS = 30_000

ACTIVE_MS, ACTIVE_ITEMS = 10, 3_000
"""30 s of items: no server comes to the end of them by itself in time."""

FINISHING, STALLED = "finishing", "stalled"
"""Streams besides those named after their kind."""

LAUNCH: Mapping[str, str] = {"STREAMSPEC_DRAIN_MS": str(DRAIN_MS)}


class Shutdown:
    """Streams that are open when the signal comes."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._tokens: dict[str, str] = {}
        self._read: list[Connection] = []

    def open(self, name: str, kind: str, items: Sequence[Item], *, repeat: int = 1, end: str = "complete") -> bool:
        """Open a stream, and say whether its header section has come."""
        token = self._tokens[name] = self._recorder.token()
        stream = self._recorder.post(
            KINDS[kind], items, token=token, name=name, repeat=repeat, end=end, cleanup_ms=CLEANUP_MS
        )
        self._read.append(stream)
        return stream.wait_head(self._recorder.prompt_s)

    def stall(self, name: str) -> Connection:
        """Open a text stream that nobody reads, and wait until it rests."""
        token = self._tokens[name] = self._recorder.token()
        stream = self._recorder.post(
            "/stream", [{"size": STRIPE_BYTES}], token=token, name=name, repeat=ENDLESS_STRIPES,
            receive_buffer=STALLED_RECEIVE_BUFFER, cleanup_ms=CLEANUP_MS,
        )  # fmt: skip
        self._recorder.may_go_on(stream)  # through a proxy the request takes its time: before, nobody knows the token
        await_rest(self._recorder, token)
        return stream

    def terminate(self) -> None:
        """Poll for the states, send the signal, and read until all is closed and the process gone, or the time over."""
        for name, token in self._tokens.items():
            self._read.append(self._recorder.get(f"/streams/{token}?wait_ms={POLL_WAIT_MS}", name=f"state-{name}"))
        # A connection made after those of the polls is answered: so the server has the polls before it has the signal.
        self._recorder.get("/streams", name="signal").wait_complete(1, self._recorder.prompt_s)
        crowd = Crowd(self._read)
        self._recorder.terminate()
        crowd.read(self._is_over, SEEN_GONE_WITHIN_S)
        self._recorder.wait_exit(SEEN_GONE_WITHIN_S)

    def _is_over(self) -> bool:
        # A proxy keeps the connection to its client, whatever becomes of the one to the server. Over HTTP/2 what ends
        # is a stream.
        keeps = self._recorder.target.is_behind_proxy or self._recorder.target.http2
        return all(read.closed or (keeps and read.response_count > 0) for read in self._read)


@exchange(Capability.SCRIPT, Capability.STATUS, Capability.SHUTDOWN, launch=LAUNCH)
def terminated_while_idle(recorder: Recorder) -> None:
    """SIGTERM while a text and an event stream wait for ever after their first item, and another text is almost done.

    Its last item is due soon after the signal, well before the end of the drain.
    """
    shutdown = Shutdown(recorder)
    for kind in KINDS:
        if not shutdown.open(kind, kind, [HELLO[kind]], end="hang"):
            return
    if shutdown.open(FINISHING, "text", [HELLO["text"], {**HELLO["text"], "after_ms": FINISHING_MS}]):
        shutdown.terminate()


@exchange(Capability.SCRIPT, Capability.STATUS, Capability.SHUTDOWN, launch=LAUNCH)
def terminated_while_active(recorder: Recorder) -> None:
    """SIGTERM while items of both kinds come every 10 ms, and the reader of another text has stopped reading."""
    shutdown = Shutdown(recorder)
    stalled = shutdown.stall(STALLED)
    for kind in KINDS:
        if not shutdown.open(kind, kind, [{**HELLO[kind], "after_ms": ACTIVE_MS}], repeat=ACTIVE_ITEMS):
            return
    shutdown.terminate()
    stalled.wait_closed(recorder.prompt_s)
