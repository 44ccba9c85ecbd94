"""Who likely held a stream back, by what the response itself shows: a pure function of it, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.lint.suspects import PROXIES, in_between
from streamspec.testing.checks import BURST_S
from streamspec_client.trace import Framing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamspec_client.trace import Response

SLOW_HEAD_S = 0.05
"""A header section that takes longer has waited for something: sound servers need 1 to 5 ms, 40 at their first."""

SPREAD_S = 0.05
"""Content that takes longer did not come together: a buffer that is let go takes milliseconds."""

SMALLEST_BUFFER = 512
"""Pieces of one size below this are rather items of one size."""


def suspects(response: Response | None, asked_at_s: float) -> Iterator[str]:
    """Sentences, the most telling first; each names the suspect and what to do about it."""
    if response is None:
        yield (
            "the handler has not returned a response yet: it works through its items first, or its server or a "
            "middleware holds the header section back until there is content"
        )
        return
    yield from _named(response)
    yield from _by_size(response)
    yield from _by_time(response, asked_at_s)


def _named(response: Response) -> Iterator[str]:
    """Those that the header section names."""
    codings = [coding for coding in response.tokens("content-encoding") if coding != "identity"]
    if codings:
        yield (
            f"compression: the content is {', '.join(codings)}, and a compressor keeps what is small until it is told "
            "to flush. Leave streams out of the compressing middleware; it may also go by Cache-Control: no-transform"
        )
    if response.framing is Framing.CONTENT_LENGTH:
        yield (
            "whatever made the Content-Length: it knew the whole body before it sent the header section. A response "
            "that is no streaming one, or a middleware that reads the body (to log, sign or cache it)"
        )
    for name in in_between(response):
        yield f"what stands in between: {PROXIES[name]}"
    if (via := response.value("via")) and not in_between(response):
        yield f"the proxy (Via: {via}): most collect unless they are told not to"


def _by_size(response: Response) -> Iterator[str]:
    """A buffer that is passed on when it is full."""
    sizes = {len(chunk.data) for chunk in response.chunks[:-1]}
    if len(response.chunks) > 2 and len(sizes) == 1 and (size := sizes.pop()) >= SMALLEST_BUFFER:
        yield f"a buffer of {size} bytes: every piece but the last has that size, whatever the size of the items"


def _by_time(response: Response, asked_at_s: float) -> Iterator[str]:
    """What waited: the header section too, or the content alone."""
    first_s = response.chunks[0].at_s if response.chunks else None
    waited_s = response.head_at_s - asked_at_s
    if first_s is not None and response.chunks[-1].at_s - first_s > SPREAD_S:
        return  # it came over time, so nobody held all of it back
    if first_s is None:
        yield "the producer has not made its first item, or somebody behind the header section keeps it"
    elif waited_s > SLOW_HEAD_S and first_s - response.head_at_s <= BURST_S:
        yield (
            f"something that waits for the content before it sends anything (the header section came after "
            f"{waited_s:.3f} s, together with it): a handler that makes all items before it returns, a middleware or "
            "server that reads the whole response"
        )
    elif first_s - response.head_at_s > SLOW_HEAD_S:
        yield (
            "the producer: the header section came at once, the content later and together. A list in the place of a "
            "generator, items that are joined, output that is not flushed"
        )
    else:
        yield (
            "nobody, perhaps: all was there at once after the request. Where the producer is as fast as that, time "
            "cannot tell; let it wait at a `Gate` and use assert_lock_step"
        )
