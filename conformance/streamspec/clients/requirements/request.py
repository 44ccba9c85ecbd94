"""What a client asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.clients.adapter_lines import Order
from streamspec.clients.contract import Claim
from streamspec.clients.control import ControlClient
from streamspec.clients.exchanges import answers, conclude
from streamspec.clients.judging import asked, asked_again, told
from streamspec.clients.requirement import exchange, requirement
from streamspec.contract import Level, html, rfc
from streamspec.judging import expect
from streamspec.requirement import Late, Violation

if TYPE_CHECKING:
    from streamspec.clients.play import Play, Reading, Request
    from streamspec.clients.playing import Playing
    from streamspec.clients.requirement import Script

CONTENT = '{"prompt": "grüß"}'


@exchange()
async def plain_request(playing: Playing) -> None:
    """A stream that nobody has read before."""
    if exchanged := await playing.request():
        await exchanged.head()
        await conclude(playing, exchanged)


@requirement("request-no-id", Level.MUST, html("the-last-event-id-header"), plain_request, Claim.REQUEST)
def request_no_id(play: Play) -> None:
    """Without an ID there is no Last-Event-ID in the request."""
    found = asked(play.reading).values("last-event-id")
    expect(not found, "no Last-Event-ID field", found)


@request_no_id.mutant({"return-id-empty": "it sends the empty ID there, too"})
class SendsAnEmptyId(ControlClient):
    def request_fields(self) -> list[tuple[bytes, bytes]]:
        fields = super().request_fields()
        return fields if self.last_event_id else [*fields, (b"Last-Event-ID", b"")]


@exchange(order=Order("", method="POST", content=CONTENT))
async def post(playing: Playing) -> None:
    """A POST with content."""
    if exchanged := await playing.request():
        await exchanged.head()
        await conclude(playing, exchanged)


@requirement("request-post", Level.MUST, rfc(9110, "9.3.3"), post, Claim.METHODS)
def request_post(play: Play) -> None:
    """A POST arrives as such, with its content."""
    request = asked(play.reading)
    expect(request.method == "POST", "POST", request.method)
    expect(request.content == CONTENT.encode(), f"the content {CONTENT!r}", request.content)


@request_post.mutant({"request-post-redirected": "the first request lacks it already"})
class SendsNoContent(ControlClient):
    def content(self) -> bytes:
        return b""


def redirected_by(status: int, *, relative: bool) -> Script:
    """One redirect to a stream."""

    async def script(playing: Playing) -> None:
        exchanged = await playing.request()
        if exchanged is None:
            return
        target = f"{playing.url}/{status}"
        location = "/" + target.partition("://")[2].partition("/")[2] if relative else target
        await exchanged.head(status, ("Location", location), ("Content-Length", "0"))
        exchanged.close()
        if there := await playing.request():
            await there.head()
            await there.chunk(b"data: found\n\n")
            await conclude(playing, there)

    return script


REDIRECTS = (301, 302, 307, 308)


@requirement(
    "request-redirected",
    Level.SHOULD,
    rfc(9110, "15.4"),
    answers("redirects", *(redirected_by(status, relative=status % 2 == 1) for status in REDIRECTS)),
    Claim.REDIRECTS,
)
def request_redirected(play: Play) -> None:
    """Redirects by 301, 302, 307 and 308 are followed to the stream, Location being relative or absolute."""
    for reading, status in zip(play.readings, REDIRECTS, strict=True):
        asked(reading)
        target = redirected(reading, 2, status).target
        expect(target.endswith(f"/{status}"), f"a request for what Location says, …/{status}", target)
        found = [event.data for event in told(reading)]
        expect(found == ["found"], "the event of that stream", found)


@request_redirected.mutant({"request-post-redirected": "its second redirect is a 308"})
class RefusesPermanentRedirects(ControlClient):
    def answered(self, status: int, headers: dict[str, str]) -> bool:
        if status == 308:
            self.refuse_status(status)
        return super().answered(status, headers)


@request_redirected.mutant({"request-post-redirected": "it forgets the path there, too"})
class GoesToTheRoot(ControlClient):
    def redirected(self, status: int, location: str) -> None:
        super().redirected(status, location.rpartition("/")[0])


@exchange(order=Order("", method="POST", content=CONTENT))
async def post_redirected(playing: Playing) -> None:
    """A POST that is redirected by 307, then by 308."""
    for status in (307, 308):
        exchanged = await playing.request()
        if exchanged is None:
            return
        await exchanged.head(status, ("Location", f"{playing.url}/{status}"), ("Content-Length", "0"))
        exchanged.close()
    if exchanged := await playing.request():
        await exchanged.head()
        await conclude(playing, exchanged)


@requirement(
    "request-post-redirected", Level.MUST, rfc(9110, "15.4.8"), post_redirected, Claim.METHODS, Claim.REDIRECTS
)
def request_post_redirected(play: Play) -> None:
    """A POST that 307 or 308 redirects stays a POST, with its content."""
    asked(play.reading)
    for number, status in ((2, 307), (3, 308)):
        request = redirected(play.reading, number, status)
        expect(request.target.endswith(f"/{status}"), f"a request for …/{status}", request.target)
        expect(request.method == "POST", f"POST after {status}", request.method)
        expect(request.content == CONTENT.encode(), f"the content after {status}", request.content)


@request_post_redirected.mutant()
class MakesEveryRedirectAGet(ControlClient):
    def redirected(self, status: int, location: str) -> None:  # noqa: ARG002 - as it is called
        super().redirected(303, location)

    def content(self) -> bytes:
        return super().content() if self.method == "POST" else b""


def redirected(reading: Reading, number: int, status: int) -> Request:
    """The request of that number, which follows that redirect. Raises Violation and Late."""
    try:
        return asked_again(reading, number)
    except Late as late:
        raise Late(expected=f"a request after {status}", actual=late.actual) from None
    except Violation as violation:
        raise Violation(expected=f"a request after {status}", actual=violation.actual) from None
