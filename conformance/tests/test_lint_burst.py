"""What counts as held back, on times that are written by hand: no socket, no clock, so no noise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamspec.lint.burst import ends_in_burst, is_burst, is_held_back, is_live, is_many_at_once, is_measure
from streamspec.lint.checks.delivery import lint_incremental
from streamspec.lint.look import Limits, Look
from streamspec.lint.request import Request
from streamspec.lint.visit import ASKED, BROWSER, Visit
from streamspec.requirement import NotObserved, Violation
from streamspec_client.trace import NEVER_S, Chunk, Closing, Conversation, Ending, Framing, Response

REQUEST = Request.of("http://example.org/")


def look_at(
    *times_s: float,
    ending: Ending = Ending.COMPLETE,
    ended_at_s: float | None = None,
    unread_s: float = 0.0,
    is_joined: bool = False,
) -> Look:
    """A look that asked at 0 and saw an event at each of those times, in a chunk of its own or all in one."""
    chunks = tuple(Chunk(at_s, b"data: %d\n\n" % number) for number, at_s in enumerate(times_s))
    if is_joined:
        chunks = (Chunk(times_s[-1], b"".join(chunk.data for chunk in chunks)),)
    over_at_s = times_s[-1] if ended_at_s is None else ended_at_s
    response = Response(
        200, "OK", "1.1", (("Content-Type", "text/event-stream"),), 0.0, Framing.CHUNKED, chunks, ending, over_at_s
    )
    conversation = Conversation("", 0.0, (), (), (response,), Closing.OPEN, NEVER_S, b"", left_at_s=over_at_s)
    return Look(ASKED, REQUEST, conversation, "", unread_s)


def paced(count: int, step_s: float, begin_s: float = 0.0) -> list[float]:
    return [begin_s + number * step_s for number in range(count)]


def judge(look: Look, **others: Look) -> None:
    lint_incremental(Visit(REQUEST, Limits(100, 30.0, 20.0), (), {ASKED: look, **others}))


@pytest.mark.parametrize(
    "times_s",
    [
        paced(20, 0.1),
        paced(6, 0.06),
        paced(40, 0.02, begin_s=20.0),  # 0.8 s of a stream of 21 s: little of it, and live
        [0.0, *paced(30, 0.0, begin_s=0.2)],
    ],
    ids=["slow", "quick", "thought over, then one by one", "soon, behind an event"],
)
def test_what_comes_over_a_time_passes(times_s: list[float]) -> None:
    judge(look_at(*times_s))


@pytest.mark.parametrize(
    "look",
    [
        look_at(*paced(20, 0.0, begin_s=2.0)),
        look_at(*paced(20, 0.0001, begin_s=2.0)),
        look_at(*paced(10, 0.0, begin_s=2.0), *paced(10, 0.0, begin_s=2.03)),
    ],
    ids=["one write", "a loop of writes", "a loop of writes that was interrupted"],
)
def test_many_at_once_at_the_end_were_held_back(look: Look) -> None:
    with pytest.raises(Violation, match="20 events within"):
        judge(look)


@pytest.mark.parametrize(
    "look",
    [
        look_at(*paced(6, 0.002, begin_s=1.5)),
        look_at(*paced(6, 0.0, begin_s=1.5)),
        look_at(*paced(20, 0.002, begin_s=1.5)),
        look_at(*paced(20, 0.0005, begin_s=1.5)),
        look_at(*paced(20, 0.0, begin_s=0.1)),
        look_at(*paced(20, 0.0, begin_s=1.0), ending=Ending.OPEN, ended_at_s=9.0),
        look_at(*paced(20, 0.0, begin_s=1.0), ended_at_s=9.0),
    ],
    ids=[
        "few, 2 ms apart", "few at once", "many, 2 ms apart", "the fastest of models", "ready soon", "a feed goes on",
        "the end is later",
    ],
)  # fmt: skip
def test_what_may_have_been_made_in_that_moment_is_inconclusive(look: Look) -> None:
    with pytest.raises(NotObserved, match="nobody can tell; ask for one that takes its time for each piece"):
        judge(look)


def test_what_this_machine_was_too_busy_to_read_blames_no_server() -> None:
    with pytest.raises(NotObserved, match=r"for 0\.20 s this machine was too busy to read: ask once more"):
        judge(look_at(*paced(20, 0.0, begin_s=2.0), unread_s=0.2))


def test_what_was_sent_in_one_chunk_was_at_once_however_busy_this_machine_was() -> None:
    look = look_at(*paced(20, 0.0, begin_s=2.0), unread_s=0.2, is_joined=True)
    with pytest.raises(Violation, match="20 events within"):
        judge(look)
    assert is_held_back(look, look_at(*paced(20, 0.02)))


def test_noise_of_this_machine_convicts_nobody() -> None:
    quick, stretched = look_at(*paced(6, 0.0, begin_s=1.6)), look_at(*paced(6, 0.05, begin_s=1.5), unread_s=0.1)
    assert not is_held_back(quick, stretched)
    assert is_held_back(quick, replace(stretched, unread_s=0.0))
    from_a_cache = look_at(*paced(6, 0.0, begin_s=0.3), unread_s=0.1)
    assert not is_held_back(from_a_cache, look_at(*paced(6, 0.12))), "it may have been there in no time"


def test_another_look_that_is_live_convicts_whatever_the_count() -> None:
    held = look_at(*paced(6, 0.0, begin_s=0.3))
    with pytest.raises(Violation, match="what comes when asked as a browser does: 3 events at 3 moments"):
        judge(held, **{BROWSER: look_at(*paced(3, 0.06))})


def test_haste_differs_from_look_to_look_and_convicts_nobody() -> None:
    quick, less_so = look_at(*paced(6, 0.002, begin_s=1.5)), look_at(*paced(6, 0.016, begin_s=1.2))
    assert is_measure(less_so)
    assert not is_held_back(quick, less_so)
    assert not is_held_back(less_so, quick)


def test_what_comes_sooner_than_it_was_made_before_is_another_answer() -> None:
    assert not is_held_back(look_at(*paced(20, 0.0, begin_s=0.01)), look_at(*paced(20, 0.1)))
    assert is_held_back(look_at(*paced(20, 0.0, begin_s=1.0)), look_at(*paced(20, 0.1)))


def test_some_that_were_held_back_among_others_that_were_not_are_seen() -> None:
    live = look_at(*paced(20, 0.1))
    pings_first = look_at(*paced(13, 0.1), *paced(7, 0.0, begin_s=1.9))
    assert is_held_back(pings_first, live)
    three_joined = look_at(*paced(17, 0.1), *paced(3, 0.0, begin_s=1.9))
    assert not is_held_back(three_joined, live), "a feed may have so many at once"


def test_a_source_that_makes_several_at_a_time_is_no_measure_for_clumps() -> None:
    ticks = look_at(*(at_s for at_s in paced(5, 0.5) for _ in range(10)))
    later = look_at(*(at_s for at_s in paced(5, 0.5, begin_s=0.3) for _ in range(10)))
    assert not is_held_back(later, ticks)


def test_one_by_one_takes_a_time_that_noise_does_not_make() -> None:
    for look, live in ((look_at(*paced(6, 0.06)), True), (look_at(*paced(6, 0.011)), False)):
        assert look.content is not None
        assert is_live(look.content) is live
        assert is_burst(look, look.content) is False


def test_a_single_piece_is_one_burst_and_never_many() -> None:
    look = look_at(2.0)
    assert look.content is not None
    assert is_burst(look, look.content)
    assert not is_many_at_once(look.content)
    assert not ends_in_burst(replace(look), look.content)
    assert not is_held_back(look, look_at(*paced(5, 0.1)))
