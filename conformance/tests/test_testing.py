"""`streamspec.testing` on real sockets: what each assertion proves, and what a failure says."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest
from tests import endpoints

from streamspec.testing import CannotAsk, Event, Gate, Leaving, Probe, Server, Stream, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON_S = 0.3
"""A deadline for what does not come: the test waits for it."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The endpoints under uvicorn, in a thread."""
    with serving(endpoints.app) as server:
        yield server


@pytest.fixture
def probe() -> Iterator[Probe]:
    """A client whose connections are closed when the test is over."""
    endpoints.stopped.clear()
    with Probe() as probe:
        yield probe


def failure(of: Stream, assertion: str, *arguments: object, **options: object) -> str:
    """What the assertion says as it fails."""
    with pytest.raises(AssertionError) as failed:
        getattr(of, assertion)(*arguments, **options)
    return str(failed.value)


def test_what_comes_bit_by_bit_is_incremental(server: Server, probe: Probe) -> None:
    stream = probe.get(server, "/paced")
    stream.assert_incremental(over_s=0.1, pieces=3)
    stream.assert_events("0", "1", "2", "3", "4")
    assert stream.events()[4] == Event("message", "4", "")
    assert (stream.status, stream.header("content-type")) == (200, "text/event-stream")
    assert stream.read().startswith(b"data: 0\n\ndata: 1\n\n")


def test_what_is_hoarded_is_not_incremental_and_the_producer_is_suspected(server: Server, probe: Probe) -> None:
    said = failure(probe.get(server, "/hoarded"), "assert_incremental").splitlines()
    assert said[0] == "GET /hoarded: not incremental"
    assert said[1] == "  expected  events that come at 2 or more different moments, over 0.05 s or more"
    assert said[2].startswith("  actual    5 in 0.000 s, at 1 moment")
    assert said[3].startswith("  likely    the producer: the header section came at once")
    assert said[-1].endswith("← the end: complete")
    assert "← 1: 45 bytes 'data: 0" in said[-2]


def test_lock_step_is_proven_by_order_on_a_stream_that_never_ends(server: Server, probe: Probe) -> None:
    stream = probe.get(server, "/gated")
    stream.assert_head_first()
    stream.assert_lock_step([f"item {number}" for number in range(20)], endpoints.gate.release)
    endpoints.gate.release(2)
    assert stream.receive_event().data == "item 20"
    stream.receive("item 21\n\n")


def test_what_is_held_back_breaks_lock_step(server: Server, probe: Probe) -> None:
    said = failure(probe.get(server, "/hoarded"), "assert_lock_step", ["0", "1"], lambda: None)
    assert "GET /hoarded: not in lock-step" in said
    assert "'1') after its release\n  actual    it was there before" in said


def test_lock_step_needs_a_producer_that_waits(server: Server, probe: Probe) -> None:
    stream = probe.get(server, "/ungated")
    stream.assert_event_stream(events=2)
    said = failure(stream, "assert_lock_step", ["item 0"], endpoints.gate.release)
    assert "likely    the producer does not wait for the release" in said


def test_an_item_that_does_not_come_fails_at_the_deadline(server: Server, probe: Probe) -> None:
    said = failure(probe.get(server, "/gated", within_s=SOON_S), "assert_lock_step", ["item 0"], lambda: None)
    assert "expected  item 1 ('item 0') after its release\n  actual    not within 0.3 s" in said
    assert "* item 1 released" in said


def test_a_header_section_that_comes_with_the_content_is_not_first(server: Server, probe: Probe) -> None:
    assert "before the first content" in failure(probe.get(server, "/paced"), "assert_head_first", by_s=0.5)


def test_what_is_not_there_is_told_with_the_answer(server: Server, probe: Probe) -> None:
    for assertion in ("assert_complete", "assert_incremental", "assert_head_first", "assert_event_stream"):
        assert "expected  a response with status 200\n  actual    404 Not Found" in failure(
            probe.get(server, "/nowhere"), assertion
        )


def test_a_failure_carries_what_the_application_raised(server: Server, probe: Probe) -> None:
    said = failure(probe.get(server, "/failing"), "assert_complete")
    assert "actual    the server closed the connection before the message was complete" in said
    assert "  the app   ValueError: no more tokens (" in said
    assert "endpoints.py" in said
    assert "  the app   LookupError: before the header section" in failure(
        probe.get(server, "/raises"), "assert_complete"
    )
    assert "the app" not in failure(probe.get(server, "/nowhere"), "assert_complete"), "what others raised is theirs"


@pytest.mark.parametrize("how", Leaving)
def test_leaving_stops_the_producer(server: Server, probe: Probe, how: Leaving) -> None:
    stream = probe.get(server, "/gated")
    stream.assert_leaving_stops(endpoints.stopped.is_set, how=how)


def test_a_producer_that_goes_on_is_told(server: Server, probe: Probe) -> None:
    said = failure(probe.get(server, "/ungated"), "assert_leaving_stops", lambda: False, within_s=SOON_S)
    assert "expected  `stopped` to tell True within 0.3 s" in said
    assert "* the client leaves (fin)" in said


def test_what_is_asked_of_a_stream_that_was_left_is_told_so(server: Server, probe: Probe) -> None:
    stream = probe.get(server, "/gated")
    assert stream.status == 200
    stream.leave()
    assert "no end: the client has left" in failure(stream, "read")
    assert "actual    nothing more: the client has left" in failure(stream, "receive", "item 0")
    at_once = probe.get(server, "/gated")
    at_once.leave()
    assert "actual    nothing more: the client has left" in failure(at_once, "read")


def test_an_ended_response_without_the_text_suspects_nobody_of_holding_it_back(server: Server, probe: Probe) -> None:
    said = failure(probe.get(server, "/paced"), "receive", "nothing like this")
    assert "the response ended without it (complete)" in said
    assert "likely" not in said


def test_a_producer_that_has_stopped_before_proves_nothing(server: Server, probe: Probe) -> None:
    assert "nothing to stop" in failure(probe.get(server, "/ungated"), "assert_leaving_stops", lambda: True)


def test_an_endless_stream_does_not_end_and_nothing_hangs(server: Server, probe: Probe) -> None:
    said = failure(probe.get(server, "/ungated", within_s=SOON_S), "assert_events", "item 0", "item 1", "item 2")
    assert "an endless stream has `receive_event`" in said
    assert "no end so far" in said
    assert "event 4 did not come" in failure(
        read_three(probe.get(server, "/ungated", within_s=SOON_S)), "receive_event"
    )
    assert "2 more lines" not in said


def read_three(stream: Stream) -> Stream:
    """The stream, three events later."""
    for _ in range(3):
        stream.receive_event()
    return stream


def test_a_stream_that_says_nothing_but_keep_alive_hangs_nobody(server: Server, probe: Probe) -> None:
    for assertion in ("receive_event", "assert_incremental", "assert_complete", "assert_event_stream", "events"):
        began_s = time.monotonic()
        assert "no end so far" in failure(probe.get(server, "/pinging", within_s=SOON_S), assertion)
        assert time.monotonic() - began_s < 5


def test_content_that_cannot_be_decoded_is_told(server: Server, probe: Probe) -> None:
    stream = probe.get(server, "/paced", headers={"X-Coding": "br"})
    assert "content coding br cannot be decoded here" in failure(stream, "receive", "data")


def test_other_events_are_told_with_the_first_that_differs(server: Server, probe: Probe) -> None:
    said = failure(probe.get(server, "/paced"), "assert_events", "0", "1", "two")
    assert "expected  event 3: data 'two'\n  actual    Event(type='message', data='2'" in said


def test_what_ends_without_the_awaited_is_told_so(server: Server, probe: Probe) -> None:
    said = failure(probe.get(server, "/paced"), "receive", "data: 9")
    assert "actual    the response ended without it (complete), after 45 bytes of content" in said


def test_a_post_carries_json(probe: Probe) -> None:
    seen: list[tuple[object, object]] = []

    async def echo(scope: endpoints.Message, receive: endpoints.Receive, send: endpoints.Send) -> None:
        if scope["type"] == "http":
            body = (await receive())["body"]
            seen.append((scope["path"], body))
            await send({"type": "http.response.start", "status": 200, "headers": scope["headers"]})
            await send({"type": "http.response.body", "body": body})

    with serving(echo) as server:
        stream = probe.post(server, "/ä%20b", json={"prompt": "hi"}, headers={"X-Mine": "1"})
        assert stream.read() == b'{"prompt": "hi"}'
        assert (stream.header("content-type"), stream.header("x-mine")) == ("application/json", "1")
    assert seen == [("/ä b", b'{"prompt": "hi"}')]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("http://127.0.0.1:1", "GET /: cannot connect to 127.0.0.1 port 1: Connection refused"),
        ("ftp://127.0.0.1", "give a URL that starts with http:// or https://"),
        ("127.0.0.1:8000", "give a URL that starts with http:// or https://"),
        ("http://a b", "write %20 for a space"),
    ],
)
def test_where_nothing_can_be_asked_is_told(probe: Probe, where: str, said: str) -> None:
    with pytest.raises(CannotAsk, match=said):
        probe.get(where)


@pytest.mark.parametrize(("name", "value"), [("X-Mine", "a\r\nX-Other: b"), ("X-Mine", "a\nb"), ("", "a")])
def test_a_header_that_is_not_one_line_is_not_sent(server: Server, probe: Probe, name: str, value: str) -> None:
    with pytest.raises(CannotAsk, match="a field is one line with a name"):
        probe.get(server, "/paced", headers={name: value})


# The gate


def test_a_gate_keeps_releases_and_lets_one_pass_for_each() -> None:
    gate = Gate()
    passed: list[str] = []

    async def pass_twice(name: str) -> None:
        for _ in range(2):
            await gate.passed()
            passed.append(name)

    async def main() -> None:
        gate.release()
        tasks = [asyncio.create_task(pass_twice(name)) for name in "ab"]
        await asyncio.sleep(0)
        await asyncio.wait(tasks, timeout=0.05)
        assert passed == ["a"]
        tasks[0].cancel()
        await asyncio.wait({tasks[0]})
        gate.release(2)
        await asyncio.wait_for(tasks[1], 5)
        assert passed == ["a", "b", "b"], "a release is not lost on one who waits no more"

    asyncio.run(main())


def test_a_gate_holds_a_blocking_endpoint_too() -> None:
    gate = Gate()
    thread = threading.Thread(target=gate.wait_passed)
    thread.start()
    assert thread.is_alive()
    gate.release()
    thread.join(5)
    assert not thread.is_alive()
