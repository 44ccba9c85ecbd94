"""The producer: order by gates, a schedule without drift, keep-alive in silence, clean-up exactly once."""

import asyncio
import time
from contextlib import aclosing

import pytest

from impls.scripted.player import CHECKPOINT_S, ScriptedFailure, play
from impls.scripted.script import Kind
from impls.scripted.streams import Reason, Stream
from impls.tests.stages import SHORT_S, opened

KEEP_ALIVE = b": keep-alive\n\n"


async def everything(stream: Stream) -> list[bytes]:
    async with asyncio.timeout(SHORT_S), aclosing(play(stream)) as items:
        return [item async for item in items]


def test_the_first_thing_is_empty_so_that_the_header_section_can_go() -> None:
    async def scene() -> None:
        stream = await opened(Kind.TEXT, {"items": [{"gate": True, "text": "a"}]})
        async with aclosing(play(stream)) as items:
            assert await anext(items) == b""
            assert stream.entry.items_produced == 0

    asyncio.run(scene())


def test_a_text_is_its_items_and_events_end_with_the_terminal_event() -> None:
    async def scene() -> None:
        text = await opened(Kind.TEXT, {"items": [{"text": "a"}, {"text": ""}], "repeat": 2})
        assert await everything(text) == [b"", b"a", b"", b"a", b"", b""]
        assert (text.entry.items_produced, text.entry.bytes_produced, text.entry.cleanups) == (4, 2, 1)
        events = await opened(Kind.EVENTS, {"items": [{"data": "ä"}]})
        assert await everything(events) == [b"", "data: ä\n\n".encode(), b'event: done\ndata: {"count": 1}\n\n']
        assert (events.entry.items_produced, events.entry.bytes_produced, events.entry.cleanups) == (1, 2, 1)

    asyncio.run(scene())


def test_an_item_behind_a_gate_does_not_exist_before_its_release() -> None:
    async def scene() -> None:
        stream = await opened(Kind.TEXT, {"items": [{"gate": True, "text": "a"}], "repeat": 3})
        async with asyncio.timeout(SHORT_S), aclosing(play(stream)) as items:
            await anext(items)
            for produced in range(3):
                following = asyncio.ensure_future(anext(items))
                await asyncio.sleep(0)
                assert (following.done(), stream.entry.items_produced) == (False, produced)
                stream.entry.gates.release(1)
                assert await following == b"a"

    asyncio.run(scene())


def test_a_gate_opened_early_stays_open() -> None:
    async def scene() -> None:
        stream = await opened(Kind.TEXT, {"items": [{"gate": True, "text": "a"}], "repeat": 2})
        stream.entry.gates.release(1)
        stream.entry.gates.release(5)
        assert await everything(stream) == [b"", b"a", b"a", b""]

    asyncio.run(scene())


def test_the_schedule_goes_on_from_the_release() -> None:
    async def scene() -> None:
        stream = await opened(Kind.TEXT, {"items": [{"gate": True, "after_ms": 30, "text": "a"}]})
        async with asyncio.timeout(SHORT_S), aclosing(play(stream)) as items:
            await anext(items)
            following = asyncio.ensure_future(anext(items))
            await asyncio.sleep(0.03)
            released_s = time.monotonic()
            stream.entry.gates.release(1)
            await following
            assert time.monotonic() - released_s >= 0.03

    asyncio.run(scene())


def test_a_delay_does_not_move_what_follows() -> None:
    async def caught_up_s() -> float:
        stream = await opened(Kind.TEXT, {"items": [{"after_ms": 10, "text": "a"}], "repeat": 8})
        async with asyncio.timeout(SHORT_S), aclosing(play(stream)) as items:
            await anext(items)
            begun_s = time.monotonic()
            await anext(items)
            # A client that takes nothing for 60 ms: six items become due meanwhile, and come at once.
            await asyncio.sleep(0.06)
            for _ in range(6):
                await anext(items)
            return time.monotonic() - begun_s

    # A busy machine only adds to it, and not every time.
    fastest_s = min(asyncio.run(caught_up_s()) for _ in range(5))
    assert 0.07 <= fastest_s < 0.11, "a schedule that starts anew with each item would take 0.13 s"


def test_silence_is_filled_with_keep_alive_and_an_item_that_is_due_is_not_held_back() -> None:
    async def scene() -> None:
        script: dict[str, object] = {"items": [{"after_ms": 300, "data": "a"}], "keepalive_ms": 30}
        _, *silence, item, _ = await everything(await opened(Kind.EVENTS, script))
        assert set(silence) == {KEEP_ALIVE}
        # Fewer where the machine is busy; with one more the item would have come later than it was due.
        assert len(silence) <= 9
        assert item == b"data: a\n\n"

    asyncio.run(scene())


def test_keep_alive_goes_on_while_a_stream_hangs_and_before_a_gate() -> None:
    async def scene() -> None:
        for script in ({"items": [], "end": "hang"}, {"items": [{"gate": True, "data": "a"}]}):
            stream = await opened(Kind.EVENTS, {**script, "keepalive_ms": 10})
            async with asyncio.timeout(SHORT_S), aclosing(play(stream)) as items:
                assert [await anext(items) for _ in range(4)] == [b"", KEEP_ALIVE, KEEP_ALIVE, KEEP_ALIVE]
            assert stream.entry.cleanups == 1

    asyncio.run(scene())


def test_a_text_has_no_keep_alive() -> None:
    async def scene() -> None:
        stream = await opened(Kind.TEXT, {"items": [{"after_ms": 30, "text": "a"}], "keepalive_ms": 10})
        assert await everything(stream) == [b"", b"a", b""]

    asyncio.run(scene())


def test_a_text_that_fails_raises_after_its_last_item() -> None:
    async def scene() -> None:
        stream = await opened(Kind.TEXT, {"items": [{"text": "a"}], "end": "fail"})
        async with aclosing(play(stream)) as items:
            assert [await anext(items), await anext(items)] == [b"", b"a"]
            with pytest.raises(ScriptedFailure):
                await anext(items)
        assert stream.entry.cleanups == 1

    asyncio.run(scene())


def test_events_that_fail_say_so_and_do_not_say_done() -> None:
    async def scene() -> None:
        stream = await opened(Kind.EVENTS, {"items": [], "end": "fail"})
        *_, last = await everything(stream)
        assert last.startswith(b'event: error\ndata: {"type": "about:blank"')
        assert stream.entry.outcome is Reason.FAILED
        assert stream.entry.cleanups == 1

    asyncio.run(scene())


def test_a_failure_before_the_start_yields_nothing_and_is_cleaned_up() -> None:
    async def scene() -> None:
        stream = await opened(Kind.TEXT, {"items": [], "fail_before_start": True})
        with pytest.raises(ScriptedFailure):
            await anext(play(stream))
        assert stream.entry.cleanups == 1

    asyncio.run(scene())


def test_closing_at_a_yield_waits_for_the_clean_up() -> None:
    async def scene() -> None:
        stream = await opened(Kind.TEXT, {"items": [{"text": "a"}], "repeat": 9, "cleanup_ms": 20})
        items = play(stream)
        await anext(items)
        await anext(items)
        closing = asyncio.ensure_future(items.aclose())
        await asyncio.sleep(0)
        assert (stream.entry.cleaning, stream.entry.cleanups) == (True, 0)
        await closing
        assert stream.entry.cleanups == 1

    asyncio.run(scene())


def test_a_producer_that_is_always_ready_lets_others_run() -> None:
    async def scene() -> int:
        stream = await opened(Kind.TEXT, {"items": [{"size": 64}], "repeat": 1_000_000})
        steps = 0
        others_s = 0.0

        async def other() -> None:
            nonlocal steps, others_s
            while True:
                begun_s = time.monotonic()
                await asyncio.sleep(0)
                others_s = max(others_s, time.monotonic() - begun_s)
                steps += 1

        task = asyncio.create_task(other())
        until_s = time.monotonic() + 20 * CHECKPOINT_S
        async with aclosing(play(stream)) as items:
            async for _ in items:
                if time.monotonic() > until_s:
                    break
        task.cancel()
        return steps

    # Twenty checkpoints' time: without any, the other task would have had no step at all.
    assert asyncio.run(scene()) >= 5
