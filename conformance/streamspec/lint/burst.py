"""Whether the pieces of a body came one by one or at once, by itself and beside another look. Values in, values out.

Nobody sees on the wire when a piece was made. That it was held back shows where it comes at once with others which, by
another way, come one by one. Alone, a burst after a silence may as well have been made in that moment.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate, pairwise
from statistics import median
from typing import TYPE_CHECKING

from streamspec.lint.content import CHUNKS, MOMENT_S
from streamspec_client.trace import Ending, Framing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec.lint.content import Content
    from streamspec.lint.look import Look

BURST_S = 0.05
BURST_SHARE = 0.05
"""Pieces that come within this time, or within this share of the time before the first, are one burst: a buffer that
is let go takes milliseconds, however many pieces it holds, and a slow network a part of what they waited."""

WAIT_S = 0.5
"""A burst after less than this may be an answer that was ready. People see a delay of half a second."""

MANY_PIECES = 10
"""So many at one moment are rarely made then: a model that answers in a word has fewer tokens."""

AT_ONCE_S = 0.0002
"""Between pieces that one write lets go, or a loop that only writes: 0.02 to 0.15 ms on loopback, and none within a
segment. The fastest of models take three times as long for a token."""

LIVE_S = 0.1
"""Pieces that are spread over so much came one after the other: haste and noise differ by less from look to look."""

PROOF_MOMENTS = 3
"""Pieces at so many moments, one apart from the other, were not held back: the rest need not be waited for."""

CLUMP = 3
"""So many times as many pieces at a moment are no noise: that joins two now and then, on a busy machine too."""

SURE_PIECES = 5
"""So many at one moment, or none in their time: a feed with news at random times is rarely so."""

NOISE = 4
"""So many times as long as this machine was too busy to read: what differs by less may be its doing, or that of a
server which runs on it and is as late for each piece."""

HASTE = 0.25
"""What was held back comes no sooner than it is made, and noise stretches the one or the other by less than this. What
comes in a smaller share of that time is another answer: the second one to a question may be from a cache."""


def is_live(content: Content) -> bool:
    """Whether pieces came apart from each other, about one at a moment, over a time that noise does not make."""
    apart = content.moments >= PROOF_MOMENTS and content.pieces <= 2 * content.moments
    return apart and content.spread_s >= LIVE_S


def is_burst(look: Look, content: Content) -> bool:
    """Whether all of it came in a small part of the time that it took, and not one by one."""
    wait_s = content.first_s - look.asked_at_s
    return content.spread_s <= max(BURST_S, BURST_SHARE * wait_s) and not is_live(content)


def is_measure(look: Look) -> bool:
    """Whether its pieces came over a time, so that others can be compared with them."""
    return look.content is not None and look.content.pieces > 1 and not is_burst(look, look.content)


def ends_in_burst(look: Look, content: Content) -> bool:
    """Whether a stream that is one burst of many pieces after a wait ended with it: a feed goes on."""
    assert look.response is not None  # noqa: S101 - there is content
    waited = content.first_s - look.asked_at_s >= WAIT_S
    over = look.response.ending is not Ending.OPEN and look.over_at_s - content.pieces_s[-1] < WAIT_S
    return waited and over and is_many_at_once(content)


def is_many_at_once(content: Content) -> bool:
    """Whether many pieces came, most of them with no time between that would make one."""
    gaps_s = [later - earlier for earlier, later in pairwise(content.pieces_s)]
    return content.pieces >= MANY_PIECES and median(gaps_s) <= AT_ONCE_S


def is_joined(content: Content) -> bool:
    """Whether the sender put several pieces into a chunk: that they came at once is no trouble of whoever reads."""
    if content.response.framing is not Framing.CHUNKED:
        return False
    chunk_ends = list(accumulate(len(chunk.data) for chunk in content.response.chunks))
    return 2 * len({bisect_left(chunk_ends, end) for end in content.ends}) <= content.pieces


def is_read_in_time(look: Look, content: Content) -> bool:
    """Whether it came at once on the wire too, and not because this machine was too busy to read."""
    return is_joined(content) or look.unread_s <= BURST_S


def pieces_at_the_end(content: Content) -> int:
    """How many of its pieces came at one moment, the last."""
    times_s = content.pieces_s
    count = min(1, len(times_s))
    while 0 < count < len(times_s) and times_s[-count] - times_s[-count - 1] <= MOMENT_S:
        count += 1
    return count


def is_held_back(look: Look, live: Look) -> bool:
    """Whether pieces came at once that in the other look came one by one, in about the time that they took there."""
    content, usual = look.content, live.content
    assert content is not None  # noqa: S101 - callers have looked
    assert usual is not None  # noqa: S101 - as above
    usual_s = [at_s - live.asked_at_s for at_s in usual.pieces_s]
    times_s = [at_s - look.asked_at_s for at_s in _times_s(content, usual)]
    count = min(len(times_s), len(usual_s))
    noise_s = 0.0 if is_joined(content) else NOISE * max(look.unread_s, live.unread_s)
    if count < 2 or times_s[count - 1] < max(HASTE * usual_s[count - 1], noise_s):
        return False
    if usual_s[count - 1] - usual_s[0] < max(LIVE_S, noise_s):
        return False
    return _is_burst_beside(look, times_s[:count], usual_s[:count]) or (
        usual.pieces_at_once < 2
        and (
            content.pieces_at_once >= CLUMP * usual.pieces_at_once
            or _most_withheld_s(times_s[:count], usual_s[:count]) >= WAIT_S
        )
    )


def _times_s(content: Content, usual: Content) -> Sequence[float]:
    """When its pieces were there, cut as the other ones are where nothing but that cuts them."""
    if usual.noun != CHUNKS or content.undecoded or usual.undecoded:
        return content.pieces_s
    size = len(content.response.body)
    return [content.response.arrival_s(end) for end in usual.ends if end <= size]


def _is_burst_beside(look: Look, times_s: Sequence[float], usual_s: Sequence[float]) -> bool:
    """Whether they are one burst, and took several times as long the other way."""
    assert look.content is not None  # noqa: S101 - as above
    spread_s, usual_spread_s = times_s[-1] - times_s[0], usual_s[-1] - usual_s[0]
    is_one = spread_s <= max(BURST_S, BURST_SHARE * times_s[0]) and is_burst(look, look.content)
    return is_one and usual_spread_s >= CLUMP * spread_s


def _most_withheld_s(times_s: Sequence[float], usual_s: Sequence[float]) -> float:
    """The longest time that pieces took the other way of which surely too many came at one moment here."""
    longest_s, first = 0.0, 0
    for last, at_s in enumerate(times_s):
        while at_s - times_s[first] > MOMENT_S:
            first += 1
        if last - first + 1 >= SURE_PIECES:
            longest_s = max(longest_s, usual_s[last] - usual_s[first])
    return longest_s
