"""The ledger: what it says, what it refuses, what it forgets."""

import asyncio
from itertools import pairwise

import pytest

from impls.scripted.limits import LEDGER_SIZE, LimitError, Limits
from impls.scripted.problem import Problem
from impls.scripted.script import Kind, Script
from impls.scripted.streams import PRODUCED_KEPT, Reason, Streams
from impls.tests.stages import SHORT_S


def script(token: str | None = None) -> Script:
    return Script(kind=Kind.TEXT, items=iter(()), token=token)


def end(streams: Streams, token: str, reason: Reason = Reason.COMPLETED) -> None:
    entry = streams.find(token)
    entry.clean()
    entry.close(reason)


def refusal(streams: Streams, token: str | None = None) -> Problem:
    with pytest.raises(Problem) as refused:
        streams.open(script(token), "GET")
    return refused.value


def test_a_stream_is_open_then_closed_and_cleaned() -> None:
    streams = Streams(Limits())
    entry = streams.open(script("a"), "GET").entry
    assert entry.state() | {"opened_ms": 0, "now_ms": 0, "worker": 0} == {
        "token": "a",
        "state": "open",
        "reason": None,
        "items_produced": 0,
        "bytes_produced": 0,
        "produced_ms": [],
        "opened_ms": 0,
        "closed_ms": None,
        "now_ms": 0,
        "cleaned": False,
        "cleanups": 0,
        "worker": 0,
    }
    entry.close(Reason.DISCONNECTED)
    entry.close(Reason.COMPLETED)
    state = entry.state()
    assert (state["state"], state["reason"], state["cleaned"]) == ("closed", "disconnected", False)
    entry.clean()
    assert (entry.state()["cleaned"], entry.state()["cleanups"]) == (True, 1)
    totals = streams.totals()
    assert (totals["open"], totals["opened"], totals["cleaned"]) == (0, 1, 1)
    assert totals["reasons"] == {
        "completed": 0,
        "disconnected": 1,
        "failed": 0,
        "slow_client": 0,
        "max_age": 0,
        "shutdown": 0,
    }


def test_the_last_thousand_times_of_production_are_kept_in_order() -> None:
    entry = Streams(Limits()).open(script("a"), "GET").entry
    for at_ms in range(PRODUCED_KEPT + 3):
        entry.produced(2, float(at_ms))
    produced_ms = entry.state()["produced_ms"]
    assert isinstance(produced_ms, list)
    assert (len(produced_ms), produced_ms[0], produced_ms[-1]) == (PRODUCED_KEPT, 3.0, PRODUCED_KEPT + 2.0)
    assert all(earlier < later for earlier, later in pairwise(produced_ms))
    assert (entry.items_produced, entry.bytes_produced) == (PRODUCED_KEPT + 3, 2 * PRODUCED_KEPT + 6)


def test_a_known_token_is_a_conflict_also_when_its_stream_is_over() -> None:
    streams = Streams(Limits())
    streams.open(script("a"), "GET")
    assert (refusal(streams, "a").status, refusal(streams, "a").parameter) == (409, "token")
    end(streams, "a")
    assert refusal(streams, "a").status == 409


def test_a_slot_is_free_when_its_stream_is_closed_and_cleaned() -> None:
    streams = Streams(Limits(max_streams=1))
    entry = streams.open(script("a"), "GET").entry
    assert refusal(streams).status == 503
    assert ("Retry-After", "1") in refusal(streams).fields
    entry.close(Reason.DISCONNECTED)
    assert refusal(streams).status == 503
    entry.clean()
    streams.open(script("b"), "GET")


def test_head_is_answered_as_get_and_opens_nothing() -> None:
    streams = Streams(Limits(max_streams=1))
    assert streams.open(script("a"), "HEAD").fields() == streams.open(script("a"), "GET").fields()
    assert streams.totals()["opened"] == 1
    with pytest.raises(Problem):
        streams.open(script("a"), "HEAD")


def test_only_a_token_that_the_server_made_is_sent() -> None:
    streams = Streams(Limits())
    assert "Stream-Token" not in dict(streams.open(script("a"), "GET").fields())
    made = streams.open(script(), "GET")
    assert dict(made.fields())["Stream-Token"] == made.entry.token
    assert streams.find(made.entry.token) is made.entry


def test_a_draining_ledger_opens_nothing() -> None:
    streams = Streams(Limits())
    streams.drain()
    assert refusal(streams).status == 503
    assert streams.totals()["draining"] is True


def test_the_stream_that_closed_first_is_forgotten_first() -> None:
    streams = Streams(Limits(max_streams=LEDGER_SIZE))
    for i in range(LEDGER_SIZE):
        streams.open(script(f"t{i}"), "GET")
    assert refusal(streams).status == 503
    end(streams, "t7")
    end(streams, "t3")
    streams.open(script("u"), "GET")
    with pytest.raises(Problem) as unknown:
        streams.find("t7")
    assert unknown.value.status == 404
    assert streams.find("t3").reason is Reason.COMPLETED
    assert (streams.totals()["opened"], streams.totals()["open"]) == (LEDGER_SIZE + 1, LEDGER_SIZE - 1)


def test_a_poll_is_answered_when_the_stream_is_over() -> None:
    async def scene() -> None:
        streams = Streams(Limits())
        entry = streams.open(script("a"), "GET").entry
        poll = asyncio.create_task(streams.state("a", 60_000))
        entry.close(Reason.COMPLETED)
        await asyncio.sleep(0.01)
        assert not poll.done(), "closed, and not yet cleaned"
        entry.clean()
        async with asyncio.timeout(SHORT_S):
            assert (await poll)["cleaned"] is True
            assert (await streams.state("a", 60_000))["reason"] == "completed"

    asyncio.run(scene())


def test_a_poll_is_answered_after_its_wait_and_at_shutdown() -> None:
    async def scene() -> None:
        streams = Streams(Limits())
        streams.open(script("a"), "GET")
        async with asyncio.timeout(SHORT_S):
            assert (await streams.state("a", 10))["state"] == "open"
            poll = asyncio.create_task(streams.state("a", 60_000))
            await asyncio.sleep(0)
            streams.stop_waiting()
            assert (await poll)["state"] == "open"

    asyncio.run(scene())


def test_release_knows_every_stream_of_the_ledger_and_no_other() -> None:
    streams = Streams(Limits())
    streams.open(script("a"), "GET")
    end(streams, "a")
    streams.release("a", 3)
    with pytest.raises(Problem) as unknown:
        streams.release("b", 1)
    assert unknown.value.status == 404


def test_limits_come_from_the_environment() -> None:
    limits = Limits.from_environment(
        {
            "STREAMSPEC_MAX_STREAMS": "7",
            "STREAMSPEC_DRAIN_MS": "0",
            "STREAMSPEC_CORS_ORIGINS": "http://a, http://b,",
        }
    )
    assert limits.shown() == {"max_streams": 7, "send_timeout_ms": 30_000, "max_age_ms": 3_600_000, "drain_ms": 0}
    assert limits.cors_origins == ("http://a", "http://b")
    assert Limits.from_environment({}) == Limits()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STREAMSPEC_MAX_STREAMS", "0"),
        ("STREAMSPEC_MAX_STREAMS", "10001"),
        ("STREAMSPEC_MAX_STREAMS", "ten"),
        ("STREAMSPEC_DRAIN_MS", "-1"),
        ("STREAMSPEC_CORS_ORIGINS", "*"),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(LimitError, match=name):
        Limits.from_environment({name: value})
