"""Stimuli for flow control: readers that stop reading, for a while or for ever, and one beside them that reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.contract import Capability
from streamspec.exchanges.awaited import AwaitedLimit, late_ms
from streamspec.exchanges.disconnect import KINDS, STALLED_RECEIVE_BUFFER, await_rest
from streamspec.requirement import exchange

if TYPE_CHECKING:
    from streamspec.exchanges.recorder import Item, Recorder

STRIPE_BYTES, STRIPES = 65_536, 280
"""17.5 MiB: more than a server may be ahead. Each stripe is numbered, so that none can stand in for another."""

MARKERS = [b"%08d\n" % number for number in range(1, STRIPES + 1)]
FILLER_BYTES = STRIPE_BYTES - len(MARKERS[0])

NEIGHBOUR_STRIPES = 6

SEND_TIMEOUT = AwaitedLimit("send_timeout_ms", 2_000)
"""Short enough to be awaited, and four times what a busy machine was seen to hold a process up."""

ENDLESS_STRIPES = 1_024
"""64 MiB, which nobody who heeds any bound comes to the end of."""


def text_stripes() -> bytes:
    """The text stream's whole content."""
    return b"".join(marker + b"x" * FILLER_BYTES for marker in MARKERS)


def stripes(kind: str) -> list[Item]:
    """The stripes of a kind as items, each behind a gate."""
    if kind == "events":
        return [{"gate": True, "id": str(number), "size": STRIPE_BYTES} for number in range(1, STRIPES + 1)]
    items: list[Item] = []
    for marker in MARKERS:
        items += [{"gate": True, "text": marker.decode()}, {"size": FILLER_BYTES}]
    return items


@exchange(Capability.SCRIPT, Capability.GATE, Capability.STATUS)
def stalled_beside_lock_step(recorder: Recorder) -> None:
    """Streams of both kinds that nobody reads; beside them the same text in lock-step; then they are read to the end.

    It is the same, because then a server might think of the two as the audience of one broadcast.
    """
    streams = {}
    for kind, path in KINDS.items():
        token = recorder.token()
        streams[token] = stream = recorder.post(
            path, stripes(kind), token=token, name=kind, receive_buffer=STALLED_RECEIVE_BUFFER
        )
        if not recorder.may_go_on(stream):
            return
        recorder.release(token, STRIPES, mark="opened")
    recorder.mark("send-timeout", SEND_TIMEOUT.declared_ms(recorder.target.describe) or 0)
    for token, stream in streams.items():
        await_rest(recorder, token)
        recorder.mark(f"rests-{stream.name}", stream.body_size)
        recorder.state(token, name=f"rests-{stream.name}")
    _read_in_lock_step(recorder)
    recorder.mark("read-on")
    for stream in streams.values():
        read = -1
        while not stream.wait_complete(1, recorder.prompt_s):
            if stream.body_size == read:
                return
            read = stream.body_size  # it is still coming: megabytes take their time on a busy machine


def _read_in_lock_step(recorder: Recorder) -> None:
    token = recorder.token()
    neighbour = recorder.post("/stream", stripes("text"), token=token, name="neighbour")
    if not recorder.may_go_on(neighbour):
        return
    for number in range(1, NEIGHBOUR_STRIPES + 1):
        recorder.release(token)
        if not neighbour.wait_body(number * STRIPE_BYTES, recorder.prompt_s):
            return


@exchange(
    Capability.SCRIPT,
    Capability.STATUS,
    Capability.LIMITS,
    launch=SEND_TIMEOUT.launch,
    at_url=SEND_TIMEOUT.too_long_to_await,
)
def stalled_for_ever(recorder: Recorder) -> None:
    """Streams of both kinds that nobody reads until the server closes them, then what is left of them is read."""
    timeout_ms = SEND_TIMEOUT.in_force_ms(recorder.target)
    recorder.mark("send-timeout", timeout_ms)
    streams = {}
    for kind, path in KINDS.items():
        token = recorder.token()
        streams[token] = stream = recorder.post(
            path,
            [{"size": STRIPE_BYTES}],
            token=token,
            name=kind,
            receive_buffer=STALLED_RECEIVE_BUFFER,
            repeat=ENDLESS_STRIPES,
        )
        if not stream.wait_head(recorder.prompt_s):
            return
    for token, stream in streams.items():
        state = recorder.state(token, wait_ms=late_ms(timeout_ms) + 500, name=f"state-{stream.name}")
        if state.get("state") != "closed":
            return
        stream.wait_closed(recorder.prompt_s)
