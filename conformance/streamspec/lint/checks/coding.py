"""Codings: what the fields say that the body is coded with is what it is coded with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.contract import Level, rfc
from streamspec.judging import expect
from streamspec.lint.checks.check import NotApplicable, check, response_of, stream_of, streamed
from streamspec.lint.content import is_coded_whole
from streamspec.lint.visit import ASKED, BROWSER, HTTP10
from streamspec_client.trace import Framing

if TYPE_CHECKING:
    from streamspec.lint.visit import Visit

MUST, SHOULD = Level.MUST, Level.SHOULD

REGISTERED = {"br", "compress", "dcb", "dcz", "deflate", "gzip", "x-compress", "x-gzip", "zstd"}
"""The content codings of the IANA registry."""


@check("lint-coding", MUST, rfc(9110, "8.4"))
def lint_coding(visit: Visit) -> None:
    """A content coding is one that the request accepts, and the body is coded with it from its begin to its end."""
    streamed(visit)
    seen = []
    for name in (ASKED, BROWSER):
        look = visit.looks.get(name)
        if look is None or look.response is None or look.response.status != 200:
            continue
        response, content = stream_of(look)
        if not content.coding:
            continue
        seen.append(f"{name}: {content.coding}")
        accepted = look.request.value("accept-encoding")
        if accepted is not None:
            named = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
            is_accepted = "*" in named or set(content.coding.split(", ")) <= named
            expect(is_accepted, f"one of {accepted}", f"Content-Encoding: {content.coding}")
        strange = sorted(set(content.coding.split(", ")) - REGISTERED)
        expect(not strange, "a content coding", f"Content-Encoding: {', '.join(strange)}")
        expect("corrupt" not in content.undecoded, f"{content.coding} data", f"{content.undecoded} ({name})")
        if not content.undecoded:
            cut = f"a body that is complete without it ({name})"
            expect(is_coded_whole(response), f"the end of the {content.coding} data", cut)
    if not seen:
        raise NotApplicable("no content coding was used")


@check("lint-delimited", SHOULD, rfc(9112, "6.3"))
def lint_delimited(visit: Visit) -> None:
    """The body has chunks or a length: where the end of the connection ends it, one that was cut looks complete."""
    response, _ = streamed(visit)
    if visit.request.version != "1.1":
        raise NotApplicable("it was asked for over HTTP/1.0")
    told = f"no Transfer-Encoding: the body is {response.framing}, from an HTTP/{response.http_version} server"
    expect(response.framing is not Framing.CLOSE, "chunked", told, at_s=response.head_at_s)


@check("lint-http10-coding", MUST, rfc(9112, "6.1"))
def lint_http10_coding(visit: Visit) -> None:
    """To HTTP/1.0 the body has no Transfer-Encoding, which a client of it takes for content."""
    streamed(visit)
    if HTTP10 not in visit.looks:
        raise NotApplicable(visit.unlooked[HTTP10])
    response = response_of(visit.looks[HTTP10])
    if response.status in {426, 505}:
        raise NotApplicable(f"HTTP/1.0 is not served: it was answered {response.status}")
    told = f"Transfer-Encoding: {response.value('transfer-encoding')}"
    if "uvicorn" in (response.value("server") or "").lower():
        told += "; uvicorn does so with httptools, and not with h11 (`uvicorn --http h11`)"
    expect(not response.values("transfer-encoding"), "no Transfer-Encoding", told)
