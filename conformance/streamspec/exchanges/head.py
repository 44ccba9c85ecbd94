"""Stimuli for the header section."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.contract import Capability
from streamspec.requirement import exchange

if TYPE_CHECKING:
    from streamspec.exchanges.recorder import Item, Recorder

KINDS = {"text": "/stream", "events": "/sse"}
"""The two kinds of stream, by the name their conversations have."""

UNKNOWN_METHODS = ("PUT", "DELETE")


@exchange(Capability.SCRIPT, Capability.GATE)
def gated_heads(recorder: Recorder) -> None:
    """A text and an event stream whose first item waits at a gate, which opens when the header section is there."""
    for name, path in KINDS.items():
        token = recorder.token()
        item: Item = {"gate": True, "text": "first\n"} if name == "text" else {"gate": True, "data": "first"}
        stream = recorder.post(path, [item], token=token, name=name)
        stream.wait_head(recorder.prompt_s)
        recorder.mark(f"released-{name}")
        recorder.release(token)
        stream.wait_complete(1, recorder.prompt_s)


@exchange(Capability.STATUS)
def head_and_get(recorder: Recorder) -> None:
    """HEAD, then on the same connection GET, for both kinds; then the state of the stream that HEAD named."""
    for name, path in KINDS.items():
        token = recorder.token()
        stream = recorder.get(f"{path}?count=2&interval_ms=0&token={token}", method="HEAD", name=f"head-{name}")
        if stream.wait_complete(1, recorder.prompt_s) and not stream.closed:
            stream.request("GET", f"{recorder.target.prefix}/")
            stream.wait_complete(2, recorder.prompt_s)
        recorder.state(token, name=f"state-{name}")
        get = recorder.get(f"{path}?count=2&interval_ms=0&token={recorder.token()}", name=f"get-{name}")
        get.wait_complete(1, recorder.prompt_s)


@exchange()
def unknown_methods(recorder: Recorder) -> None:
    """Methods that a stream does not have."""
    for name, path in KINDS.items():
        for method in UNKNOWN_METHODS:
            stream = recorder.get(path, method=method, name=f"{method}-{name}")
            stream.wait_complete(1, recorder.prompt_s)
