"""Stimuli for failures: producers that raise behind their items or before the header section, and what is beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.contract import Capability
from streamspec.requirement import exchange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamspec.exchanges.recorder import Item, Recorder
    from streamspec_client.probe import Connection

KINDS = {"text": "/stream", "events": "/sse"}
"""The two kinds of stream, by what the names of their conversations end with."""

ITEMS: Mapping[str, tuple[Item, ...]] = {
    "text": ({"text": "first\n"}, {"text": "last\n", "after_ms": 10}),
    "events": ({"data": "first", "id": "1"}, {"data": "last", "id": "2", "after_ms": 10}),
}
HTTP10 = "http10-text"
"""The text that fails to an HTTP/1.0 client."""

TEXT = b"first\nlast\n"

STATE_WAIT_MS = 800
"""How long a state is waited for: a failed stream is closed and cleaned up at once."""

OTHERS = ("text", "events", "before-text", "before-events")
"""The streams that fail: of both kinds, behind their items and before their header section."""

NEIGHBOUR_ITEMS: Mapping[str, tuple[Item, ...]] = {
    "text": ({"text": "neighbour\n"}, {"text": "goes on\n", "gate": True}),
    "events": ({"data": "neighbour"}, {"data": "goes on", "gate": True}),
}
"""Of the streams that do not fail. Those that fail beside them begin with the same item."""


def _wait_all(recorder: Recorder, streams: Sequence[Connection]) -> bool:
    """Wait for the end of each stream; once one has not come in time, look only at what is there."""
    within_s = recorder.prompt_s
    for stream in streams:
        if not stream.wait_complete(1, within_s) and not stream.closed:
            within_s = 0.0
    return within_s > 0


def _post(
    recorder: Recorder, name: str, items: Sequence[Item] = (), *, token: str = "", http_version: str = "1.1"
) -> Connection:
    """Post a script of the kind that the name ends with.

    `plain-…` completes, `before-…` fails before the header section, every other behind its items.
    """
    kind = name.rpartition("-")[2]
    return recorder.post(
        KINDS[kind],
        items or ITEMS[kind],
        token=token or recorder.token(),
        name=name,
        http_version=http_version,
        end="complete" if name.startswith("plain-") else "fail",
        fail_before_start=name.startswith("before-"),
    )


@exchange(Capability.SCRIPT)
def failing_streams(recorder: Recorder) -> None:
    """Streams side by side whose producers raise: text to both versions of HTTP, and events; beside them plain ones."""
    streams = [_post(recorder, f"plain-{kind}") for kind in KINDS]
    streams += [_post(recorder, kind) for kind in KINDS]
    streams += [_post(recorder, f"before-{kind}") for kind in KINDS]
    if not recorder.target.http2:
        streams.append(_post(recorder, HTTP10, http_version="1.0"))
    _wait_all(recorder, streams)


@exchange(Capability.SCRIPT, Capability.STATUS)
def recorded_failures(recorder: Recorder) -> None:
    """Streams whose producers raise, and a plain one; then the state of each."""
    tokens = {name: recorder.token() for name in ("plain-text", *OTHERS)}
    streams = [_post(recorder, name, token=token) for name, token in tokens.items()]
    wait_ms = STATE_WAIT_MS if _wait_all(recorder, streams) else 0
    for name, token in tokens.items():
        found = recorder.state(token, wait_ms=wait_ms, name=f"state-{name}")
        if found.get("cleaned") is not True:
            wait_ms = 0


@exchange(Capability.SCRIPT, Capability.GATE)
def failures_beside_others(recorder: Recorder) -> None:
    """A text and an event stream at their gates while others fail; then the gates open, and one more is asked for."""
    tokens = {kind: recorder.token() for kind in KINDS}
    neighbours = [
        recorder.post(path, NEIGHBOUR_ITEMS[kind], token=tokens[kind], name=f"neighbour-{kind}")
        for kind, path in KINDS.items()
    ]
    for stream in neighbours:
        stream.wait_head(recorder.prompt_s)
    failing = [_post(recorder, name, NEIGHBOUR_ITEMS[name.rpartition("-")[2]][:1]) for name in OTHERS]
    _wait_all(recorder, failing)
    for token in tokens.values():
        recorder.release(token)
    after = [recorder.get(f"{path}?count=1&interval_ms=0", name=f"after-{kind}") for kind, path in KINDS.items()]
    _wait_all(recorder, [*neighbours, *after])
