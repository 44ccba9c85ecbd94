"""Answers that are no stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.clients.contract import BACK_S, Claim
from streamspec.clients.control import Again, ControlClient
from streamspec.clients.exchanges import SOON, answers, conclude
from streamspec.clients.judging import asked, asked_again, expect_data
from streamspec.clients.play import End
from streamspec.clients.requirement import exchange, requirement
from streamspec.contract import Level, html, mime_sniffing, rfc
from streamspec.judging import expect
from streamspec.requirement import Late

if TYPE_CHECKING:
    from streamspec.clients.play import Play, Reading
    from streamspec.clients.playing import Playing
    from streamspec.clients.requirement import Script

MODEL = html("sse-processing-model")
AWAY_S = 1.0
"""How long to look for a client that should stay away, where it does not tell that it has ended. It was told by `retry`
to come back after 0.1 s."""


def refused_with(status: int) -> Script:
    """That status, with an event in the content that must not be taken for one of a stream."""

    async def script(playing: Playing) -> None:
        exchanged = await playing.request()
        if exchanged is None:
            return
        content = SOON + b"data: error\n\n"
        await exchanged.head(status, ("Content-Type", "text/event-stream"), ("Content-Length", str(len(content))))
        await exchanged.write(content)
        exchanged.close()
        await playing.error_or_end()
        if not await playing.end(AWAY_S):
            await playing.stays_away(AWAY_S)

    return script


STATUSES = (401, 404, 500)
REFUSALS = answers("refusals", *map(refused_with, STATUSES))


@requirement("answer-status", Level.MUST, MODEL, REFUSALS, Claim.STATUS)
def answer_status(play: Play) -> None:
    """An answer of 401, 404 or 500 is no stream: it is reported, and its content gives no events."""
    for reading, status in zip(play.readings, STATUSES, strict=True):
        asked(reading)
        expect(not reading.events, f"no events of an answer {status}", [event.data for event in reading.events])
        complete = reading.ended is not None and reading.ended.how is End.COMPLETE
        expect(not complete, f"an error for an answer {status}", "the reading ended as complete, without an error")
        if reading.ended is None and not reading.errors and len(reading.requests) < 2:
            raise Late(expected=f"an error for an answer {status}", actual="nothing")


@answer_status.mutant({"answer-final": "it reads an error's content as a stream that ended, so it comes back"})
class ReadsAnyStatus(ControlClient):
    def refuse_status(self, status: int) -> None:
        pass


@requirement("answer-final", Level.MUST, html("fail-the-connection"), REFUSALS, Claim.STATUS, Claim.RECONNECTS)
def answer_final(play: Play) -> None:
    """After 401 or 404 the client does not come back by itself."""
    for reading, status in zip(play.readings, STATUSES, strict=True):
        if status < 500:
            asked(reading)
            expect(len(reading.requests) == 1, f"no other request after {status}", f"{len(reading.requests)} requests")


@answer_final.mutant()
class RetriesEveryStatus(ControlClient):
    def refuse_status(self, status: int) -> None:
        if status != 200:
            raise Again(f"status {status}")


@exchange()
async def no_content(playing: Playing) -> None:
    """A stream that ends, and 204 for who comes back."""
    exchanged = await playing.request()
    if exchanged is None:
        return
    await exchanged.head()
    await exchanged.chunk(SOON + b"data: a\n\n")
    await exchanged.finish()
    if again := await playing.request(BACK_S):
        await again.head(204, ("Cache-Control", "no-store"))
        again.close()
        if not await playing.end(AWAY_S):
            await playing.stays_away(AWAY_S)


@requirement("answer-204", Level.MUST, MODEL, no_content, Claim.RECONNECTS)
def answer_204(play: Play) -> None:
    """204 tells a client to stop: it does not come back after it."""
    asked_again(play.reading)
    expect(len(play.reading.requests) == 2, "no request after 204", f"{len(play.reading.requests) - 2} more")


@answer_204.mutant()
class ComesBackAfter204(ControlClient):
    def answered(self, status: int, headers: dict[str, str]) -> bool:
        if status == 204:
            raise Again("status 204")
        return super().answered(status, headers)


@exchange()
async def html_page(playing: Playing) -> None:
    """200, but of type text/html, with content that reads like an event."""
    exchanged = await playing.request()
    if exchanged is None:
        return
    await exchanged.head(200, ("Content-Type", "text/html"), ("Transfer-Encoding", "chunked"))
    await exchanged.chunk(b"data: page\n\n")
    await conclude(playing, exchanged)
    await playing.error_or_end()


@requirement("answer-media-type", Level.MUST, MODEL, html_page, Claim.MEDIA_TYPE)
def answer_media_type(play: Play) -> None:
    """An answer that is not of type text/event-stream gives no events, and an error."""
    asked(play.reading)
    expect(not play.reading.events, "no events of text/html", [event.data for event in play.reading.events])
    expect(not _is_silent(play.reading), "an error", "the reading ended as complete, without an error")


@answer_media_type.mutant()
class ReadsAnyType(ControlClient):
    def refuse_media_type(self, content_type: str) -> None:
        pass


def of_type(content_type: str) -> Script:
    """A stream whose type is written so."""

    async def script(playing: Playing) -> None:
        if exchanged := await playing.request():
            await exchanged.head(200, ("Content-Type", content_type), ("Transfer-Encoding", "chunked"))
            await exchanged.chunk(b"data: a\n\n")
            await conclude(playing, exchanged)

    return script


SPELLINGS = ("text/event-stream;charset=UTF-8", "Text/Event-Stream; charset=utf-8", 'text/event-stream; x="a;b"')


@requirement(
    "answer-media-type-spelling",
    Level.MUST,
    mime_sniffing("mime-type-essence"),
    answers("media-type-spellings", *map(of_type, SPELLINGS)),
)
def answer_media_type_spelling(play: Play) -> None:
    """text/event-stream is known in any case of its letters, and with parameters."""
    for reading, spelling in zip(play.readings, SPELLINGS, strict=True):
        asked(reading)
        found = [event.data for event in reading.events]
        ended = f", {reading.ended.error}" if reading.ended else ""
        expect("a" in found, f"the event of a stream of type {spelling}", f"{found or 'none'}{ended}")


@answer_media_type_spelling.mutant()
class ComparesTypesLiterally(ControlClient):
    def refuse_media_type(self, content_type: str) -> None:
        super().refuse_media_type(content_type if content_type == content_type.lower() else "")


@exchange()
async def unavailable(playing: Playing) -> None:
    """503 with Retry-After: 1, then a stream."""
    exchanged = await playing.request()
    if exchanged is None:
        return
    playing.mark("refused")
    await exchanged.head(503, ("Retry-After", "1"), ("Content-Length", "0"))
    exchanged.close()
    if again := await playing.request(BACK_S):
        await again.head()
        await again.chunk(b"data: a\n\n")
        await conclude(playing, again)


@requirement("answer-retry-after", Level.SHOULD, rfc(9110, "10.2.3"), unavailable, Claim.RETRY_AFTER)
def answer_retry_after(play: Play) -> None:
    """After 503 with Retry-After: 1 the client comes back, not before that second is over."""
    again = asked_again(play.reading)
    refused = play.reading.mark("refused")
    waited_s = again.at_s - refused.at_s if refused else 0.0
    expect(waited_s >= 0.99, "a wait of 1 s", f"{waited_s:.3f} s")
    expect_data(play, "a")


@answer_retry_after.mutant()
class ComesBackAtOnce(ControlClient):
    def retry_after_s(self, value: str) -> float:  # noqa: ARG002 - as it is called
        return 0.0


def _is_silent(reading: Reading) -> bool:
    return reading.ended is not None and reading.ended.how is End.COMPLETE
