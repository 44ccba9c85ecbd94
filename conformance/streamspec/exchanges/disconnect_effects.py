"""Stimuli for what a disconnect does besides: to the stream's clean-up, to other streams, to the server and its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.contract import Capability
from streamspec.exchanges.disconnect import ACTIVE, HELLO, IDLE, KINDS, LEFT, STATE_WAIT_MS, Client
from streamspec.requirement import exchange
from streamspec_client.probe import Leaving

if TYPE_CHECKING:
    from streamspec.exchanges.recorder import Item, Recorder

CLEANUP_MS = 150

NEIGHBOUR_ITEMS, NEIGHBOUR_ITEM_BYTES = 7, len("hello\n")

STORM_WAVES, STORM_WAVE, STORM_READER_EVERY = 8, 25, 5
"""200 clients, one in five reads the header section before it resets. Waves, because a listen queue of 100 drops what
comes beyond, and the kernel then repeats the SYN a second later."""

STORM = "count=1&first_delay_ms=10000"
"""Nothing but the header section is written for 10 s, so no write tells the server that the client has left; then a
server that has not noticed is rid of its 200 streams."""


@exchange(Capability.SCRIPT, Capability.GATE, Capability.STATUS)
def left_then_released(recorder: Recorder) -> None:
    """A gated text left with FIN and an active one with RST; gates open, 100 ms later their states are read again."""
    client = Client(recorder)
    scripts: dict[str, Item] = {"gated": {"gate": True}, "active": {"after_ms": 5}}
    tokens = {}
    for (name, schedule), how in zip(scripts.items(), (Leaving.FIN, Leaving.RST), strict=True):
        tokens[name] = token = recorder.token()
        stream = recorder.post("/stream", [{**HELLO["text"], **schedule}], token=token, name=name, repeat=6000)
        client.await_head(stream)
        recorder.release(token)
        client.await_item(stream)
        client.leave(stream, how, token)
    recorder.release(tokens["gated"], 50)
    # Another stream is the clock, so that a slow server is given its time.
    clock = recorder.get("/stream?count=11&interval_ms=10", name="clock")
    clock.wait_complete(1, recorder.prompt_s)
    for name, token in tokens.items():
        recorder.state(token, name=f"later-{name}")


@exchange(Capability.SCRIPT, Capability.STATUS)
def left_while_cleaning(recorder: Recorder) -> None:
    """Posted streams whose clean-up takes a while, the text left with FIN and the events with RST, both at once."""
    client = Client(recorder)
    streams = {}
    for kind, path in KINDS.items():
        token = recorder.token()
        stream = recorder.post(path, [HELLO[kind]], token=token, name=kind, end="hang", cleanup_ms=CLEANUP_MS)
        client.await_item(stream)
        streams[token] = stream
    for stream, how in zip(streams.values(), (Leaving.FIN, Leaving.RST), strict=True):
        recorder.leave(stream, how)
    for token, stream in streams.items():
        if not client.await_settled(stream.name, token, CLEANUP_MS):
            return


@exchange(Capability.SCRIPT, Capability.GATE, Capability.STATUS)
def left_beside_lock_step(recorder: Recorder) -> None:
    """A text stream in lock-step; before each release but the first, another of the same script is left."""
    client, token = Client(recorder), recorder.token()
    items: list[Item] = [{**HELLO["text"], "gate": True}] * NEIGHBOUR_ITEMS
    stream = recorder.post("/stream", items, token=token)
    client.await_head(stream)
    for number in range(1, NEIGHBOUR_ITEMS + 1):
        if number > 1:
            other_token = recorder.token()
            other = recorder.post("/stream", items, token=other_token, name=f"other-{number}")
            client.await_head(other)
            client.leave(other, Leaving.RST if number % 2 else Leaving.FIN, other_token)
        recorder.release(token)
        client.await_body(stream, number * NEIGHBOUR_ITEM_BYTES)
    recorder.state(token, wait_ms=STATE_WAIT_MS)


@exchange(Capability.STATUS)
def connect_and_reset(recorder: Recorder) -> None:
    """200 clients that ask for a silent stream and reset, one in five when it has read the header section."""
    client = Client(recorder)
    tokens = {}
    for wave in range(STORM_WAVES):
        streams = []
        for number in range(STORM_WAVE):
            name, path = f"storm-{wave}-{number}", KINDS["events" if number % 2 else "text"]
            tokens[name] = recorder.token()
            streams.append(recorder.get(f"{path}?{STORM}&token={tokens[name]}", name=name))
        for stream in streams[::STORM_READER_EVERY]:
            client.await_head(stream)
        for stream in streams:
            recorder.leave(stream, Leaving.RST)
    for name, token in tokens.items():
        if not client.await_settled(name, token):
            return
    client.await_head(recorder.get("/stream?count=1&interval_ms=0", name="after"))


@exchange(Capability.STATUS, alone=True, process=True)
def log_of_disconnects(recorder: Recorder) -> None:
    """Idle and active demos of both kinds left with FIN and with RST, for what the server logs of it."""
    client = Client(recorder)
    for situation, query in (("idle", IDLE), ("active", ACTIVE)):
        for name, kind, how in LEFT:
            token = recorder.token()
            stream = recorder.get(f"{KINDS[kind]}?{query}&token={token}", name=f"{situation}-{name}")
            client.await_item(stream)
            client.leave(stream, how, token)
    # Another stream is the clock, for a server that is told of a disconnect only by its next write. What was logged
    # before the clock's end has been read from the pipe by then.
    recorder.get("/stream?count=11&interval_ms=10", name="clock").wait_complete(1, recorder.prompt_s)
