"""Delivery: each way in which a stream ends, and what is on the wire then. The wire is a fake, the producer is not."""

import asyncio
import gc

import pytest

from impls.scripted.delivery import READING_S, deliver
from impls.scripted.limits import Limits
from impls.scripted.player import ScriptedFailure
from impls.scripted.script import Kind
from impls.scripted.streams import Reason, Stream, Streams
from impls.tests.stages import SHORT_S, FakeWire, opened

IDLE: dict[str, object] = {"items": [{"text": "a"}, {"gate": True, "text": "b"}]}
IDLE_EVENTS: dict[str, object] = {"items": [{"data": "a"}, {"gate": True, "data": "b"}]}
SENT_EVENT = b"data: a\n\n"


async def ended(delivery: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(SHORT_S):
        await asyncio.wait({delivery})


async def begun(stream: Stream, wire: FakeWire, sent: bytes = b"a") -> "asyncio.Task[None]":
    delivery = asyncio.create_task(deliver(stream, wire))
    await wire.until_sent(sent)
    return delivery


def test_each_item_is_one_chunk_and_an_empty_one_is_none() -> None:
    async def scene() -> None:
        wire = FakeWire()
        stream = await opened(Kind.TEXT, {"items": [{"text": "a"}, {"text": ""}, {"text": "b"}]})
        await deliver(stream, wire)
        assert wire.sent == ["head", b"a", b"b", "last chunk"]
        assert (stream.entry.reason, stream.entry.cleanups) == (Reason.COMPLETED, 1)
        assert wire.transport.ended_by == ""

    asyncio.run(scene())


def test_a_text_that_fails_has_no_last_chunk() -> None:
    async def scene() -> None:
        wire = FakeWire()
        stream = await opened(Kind.TEXT, {"items": [{"text": "a"}], "end": "fail"})
        await deliver(stream, wire)
        assert wire.sent == ["head", b"a"]
        assert wire.transport.ended_by == "close"
        assert (stream.entry.reason, stream.entry.cleanups) == (Reason.FAILED, 1)

    asyncio.run(scene())


def test_events_that_fail_are_complete_and_recorded_as_failed() -> None:
    async def scene() -> None:
        wire = FakeWire()
        stream = await opened(Kind.EVENTS, {"items": [], "end": "fail"})
        await deliver(stream, wire)
        assert wire.sent[-1] == "last chunk"
        assert wire.transport.ended_by == ""
        assert stream.entry.reason is Reason.FAILED

    asyncio.run(scene())


def test_a_failure_before_the_start_sends_nothing() -> None:
    async def scene() -> None:
        wire = FakeWire()
        stream = await opened(Kind.EVENTS, {"items": [], "fail_before_start": True})
        with pytest.raises(ScriptedFailure):
            await deliver(stream, wire)
        assert wire.sent == []
        assert (stream.entry.reason, stream.entry.cleanups) == (Reason.FAILED, 1)

    asyncio.run(scene())


@pytest.mark.parametrize("takes", [True, False], ids=["idle", "at a yield"])
def test_a_client_that_leaves_stops_the_producer_and_waits_for_its_clean_up(takes: bool) -> None:
    async def scene() -> None:
        wire = FakeWire()
        stream = await opened(Kind.TEXT, {**IDLE, "cleanup_ms": 30})
        delivery = asyncio.create_task(deliver(stream, wire))
        if takes:
            await wire.until_sent(b"a")
        else:
            wire.takes.clear()
            await wire.asked.wait()
        wire.leave()
        await ended(delivery)
        assert (stream.entry.reason, stream.entry.cleanups) == (Reason.DISCONNECTED, 1)
        assert stream.entry.items_produced == 1
        assert "last chunk" not in wire.sent

    asyncio.run(scene())


def test_a_clean_up_that_has_begun_is_not_cancelled() -> None:
    async def scene() -> None:
        wire = FakeWire()
        stream = await opened(Kind.TEXT, {"items": [{"text": "a"}], "cleanup_ms": 50})
        delivery = await begun(stream, wire)
        assert (stream.entry.cleaning, stream.entry.cleanups) == (True, 0)
        wire.leave()
        await ended(delivery)
        assert (stream.entry.reason, stream.entry.cleanups) == (Reason.DISCONNECTED, 1)
        assert "last chunk" not in wire.sent

    asyncio.run(scene())


@pytest.mark.parametrize("client_has_left", [True, False])
def test_a_server_that_cancels_the_handler_gets_it_back_cleaned_up(client_has_left: bool) -> None:
    async def scene() -> None:
        wire = FakeWire()
        stream = await opened(Kind.TEXT, {**IDLE, "cleanup_ms": 30})
        delivery = await begun(stream, wire)
        if client_has_left:
            wire.transport.close()
        delivery.cancel()
        await ended(delivery)
        assert delivery.cancelled()
        assert stream.entry.cleanups == 1
        assert stream.entry.reason is (Reason.DISCONNECTED if client_has_left else Reason.SHUTDOWN)
        assert wire.transport.is_closing()

    asyncio.run(scene())


@pytest.mark.parametrize("reason", [Reason.SHUTDOWN, Reason.MAX_AGE])
def test_events_that_are_cut_tell_when_to_come_back_and_have_no_last_chunk(reason: Reason) -> None:
    async def scene() -> None:
        wire = FakeWire()
        stream = await opened(Kind.EVENTS, IDLE_EVENTS)
        delivery = await begun(stream, wire, SENT_EVENT)
        stream.entry.cut(reason)
        await ended(delivery)
        assert wire.sent == ["head", SENT_EVENT, b"retry: 1000\n\n"]
        assert wire.transport.ended_by == "close"
        assert (stream.entry.reason, stream.entry.cleanups) == (reason, 1)

    asyncio.run(scene())


def test_a_client_that_is_told_to_come_back_has_time_to_read_that() -> None:
    async def scene() -> None:
        wire = FakeWire()
        stream = await opened(Kind.EVENTS, {**IDLE_EVENTS, "cleanup_ms": 1})
        delivery = await begun(stream, wire, SENT_EVENT)
        stream.entry.cut(Reason.MAX_AGE)
        await wire.until_sent(b"retry: 1000\n\n")
        told_s = asyncio.get_running_loop().time()
        await wire.transport.gone.wait()
        assert asyncio.get_running_loop().time() - told_s >= READING_S * 0.9
        assert stream.entry.cleanups == 1  # meanwhile: the producer is not held up by it
        await ended(delivery)

    asyncio.run(scene())


def test_a_client_that_was_told_and_leaves_is_not_waited_for() -> None:
    async def scene() -> None:
        wire = FakeWire()
        stream = await opened(Kind.EVENTS, IDLE_EVENTS)
        delivery = await begun(stream, wire, SENT_EVENT)
        stream.entry.cut(Reason.MAX_AGE)
        await wire.until_sent(b"retry: 1000\n\n")
        wire.leave()
        await ended(delivery)
        assert (stream.entry.reason, wire.transport.ended_by) == (Reason.MAX_AGE, "close")

    asyncio.run(scene())


def test_a_text_that_is_cut_just_ends_without_last_chunk() -> None:
    async def scene() -> None:
        wire = FakeWire()
        stream = await opened(Kind.TEXT, IDLE)
        delivery = await begun(stream, wire)
        stream.entry.cut(Reason.SHUTDOWN)
        await ended(delivery)
        assert wire.sent == ["head", b"a"]
        assert wire.transport.ended_by == "close"

    asyncio.run(scene())


def test_a_stream_that_is_too_old_is_cut() -> None:
    async def scene() -> None:
        wire = FakeWire()
        stream = await opened(Kind.TEXT, IDLE, Streams(Limits(max_age_ms=20)))
        await ended(asyncio.create_task(deliver(stream, wire)))
        assert stream.entry.reason is Reason.MAX_AGE

    asyncio.run(scene())


@pytest.mark.parametrize("unsent_bytes", [0, 70_000], ids=["a write that waits", "bytes that wait"])
def test_a_client_that_takes_nothing_is_reset(unsent_bytes: int) -> None:
    async def scene() -> None:
        wire = FakeWire()
        stream = await opened(Kind.TEXT, IDLE, Streams(Limits(send_timeout_ms=100)))
        if unsent_bytes:
            wire.transport.unsent_bytes = unsent_bytes
        else:
            wire.takes.clear()
        await ended(asyncio.create_task(deliver(stream, wire)))
        assert (stream.entry.reason, stream.entry.cleanups) == (Reason.SLOW_CLIENT, 1)
        assert wire.transport.ended_by == "abort"

    asyncio.run(scene())


def test_a_client_that_waits_for_the_next_item_is_not_slow() -> None:
    async def scene() -> None:
        wire = FakeWire()
        stream = await opened(Kind.TEXT, IDLE, Streams(Limits(send_timeout_ms=1)))
        delivery = await begun(stream, wire)
        # Longer than two looks at the connection: a send time-out would have been seen.
        await asyncio.sleep(0.6)
        stream.entry.gates.release(1)
        await ended(delivery)
        assert stream.entry.reason is Reason.COMPLETED

    asyncio.run(scene())


def test_a_connection_that_is_gone_without_an_event_is_noticed_all_the_same() -> None:
    async def scene() -> None:
        class DeafWire(FakeWire):
            async def departed(self) -> None:
                await asyncio.Future()

        wire = DeafWire()
        stream = await opened(Kind.TEXT, IDLE)
        delivery = await begun(stream, wire)
        wire.transport.close()
        await ended(delivery)
        assert (stream.entry.reason, stream.entry.cleanups) == (Reason.DISCONNECTED, 1)

    asyncio.run(scene())


def test_nothing_is_written_to_a_connection_that_is_closing() -> None:
    async def scene() -> None:
        wire = FakeWire()
        stream = await opened(Kind.TEXT, {"items": [{"text": "a"}, {"gate": True, "text": "b"}]})
        delivery = await begun(stream, wire)
        wire.transport.close()
        stream.entry.gates.release(1)
        await ended(delivery)
        assert wire.sent == ["head", b"a"]

    asyncio.run(scene())


def test_a_failure_before_the_head_is_cleaned_up_though_the_server_cancels(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        streams = Streams(Limits())
        script: dict[str, object] = {"items": [], "fail_before_start": True, "cleanup_ms": 50}
        stream = await opened(Kind.TEXT, script, streams)
        delivery = asyncio.create_task(deliver(stream, FakeWire()))
        async with asyncio.timeout(SHORT_S):
            while not stream.entry.cleaning:  # noqa: ASYNC110 - a flag; nobody but this test waits for it
                await asyncio.sleep(0)
        delivery.cancel()
        await ended(delivery)
        assert delivery.cancelled()
        assert (stream.entry.reason, stream.entry.cleanups) == (Reason.FAILED, 1)
        assert await streams.wait_idle(0)

    asyncio.run(scene())
    # asyncio logs an exception that nobody has taken from its task.
    gc.collect()
    assert caplog.records == []


def test_a_stream_that_is_cancelled_before_it_begins_is_disconnected() -> None:
    async def scene() -> None:
        wire = FakeWire()
        streams = Streams(Limits())
        stream = await opened(Kind.TEXT, IDLE, streams)
        delivery = asyncio.create_task(deliver(stream, wire))
        await asyncio.sleep(0)
        delivery.cancel()
        await ended(delivery)
        assert wire.sent == []
        assert (stream.entry.reason, stream.entry.cleanups) == (Reason.DISCONNECTED, 1)
        assert await streams.wait_idle(SHORT_S)

    asyncio.run(scene())
