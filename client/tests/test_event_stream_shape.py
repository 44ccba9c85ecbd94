"""What is proven for many events at once is right; what cannot be proven is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.event_streams import RUNS
from tests.oracle import interpret

from streamspec_client.event_stream_shape import events_of_same_shape

# CR never comes here: line ends are LF by then. A begun UTF-8 character may.
lines = st.sampled_from(
    [
        *(b"data: x", b"data:y", b"data", b"data:", b"event: e", b"event:", b"id: 1", b"id:", b"id: \0", b"retry: 5"),
        *(b": c", b"xdata: z", b"", b"data: \xe2\x82", b" data: x", b"data: data: x"),
    ]
)
any_block = st.lists(lines, max_size=4).map(lambda some: b"".join(line + b"\n" for line in some) + b"\n")
same_run = st.tuples(st.sampled_from([run for run in RUNS if b"\r" not in run]), st.integers(1, 4))
blocks = st.lists(any_block | same_run.map(lambda run: run[0] * run[1]), min_size=1)


@given(some=blocks.map(b"".join))
def test_events_of_same_shape_are_those_of_the_standard(some: bytes) -> None:
    events = events_of_same_shape(some, "k")
    if events is not None:
        outcome = interpret(some, "k")
        assert tuple(events) == outcome.events
        assert events[-1].last_event_id == outcome.last_event_id
        assert outcome.retry_ms is None


@pytest.mark.parametrize(
    "event",
    [
        b"data: x\n\n",
        b"data:x\n\n",
        b"data:\n\n",
        b"event: e\ndata: x\n\n",
        b"data: x\nid: 1\n\n",
        b"id: 1\nevent:\ndata: x\n\n",
    ],
)
def test_common_events_are_decoded_at_once(event: bytes) -> None:
    events = events_of_same_shape(event * 5, "k")
    assert events is not None
    assert tuple(events) == interpret(event * 5, "k").events


@pytest.mark.parametrize(
    "stream",
    [
        b"data: x\ndata: y\n\n",
        b"data: x\n\nxdata: y\n\n",
        b"data: x\n\n\ndata: y\n\n",
        b"data: x\n\n: c\n\n",
        b"event: e\ndata: x\n\nevent: e\ndata: y\ndata: z\n\nevent: e\n\n",
        b"id: 1\ndata: x\n\nid: \0\ndata: x\n\n",
        b"id: 1\n\n",
        b"data: x\nretry: 5\n\n",
        b"event: e\nevent: f\ndata: x\n\n",
        b"\ndata: x\n\n",
    ],
)
def test_other_events_are_left_to_the_line_by_line_way(stream: bytes) -> None:
    assert events_of_same_shape(stream, "k") is None
