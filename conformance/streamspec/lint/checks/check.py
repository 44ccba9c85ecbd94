"""A check: an id, a level, one sentence, its source, and a pure function of a Visit. And what checks share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from streamspec.lint.content import Kind
from streamspec.requirement import ContractError, Figures, NotObserved
from streamspec_client.trace import Framing

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamspec.contract import Anchor, Level
    from streamspec.lint.content import Content
    from streamspec.lint.look import Look
    from streamspec.lint.visit import Visit
    from streamspec_client.trace import Response

Judge: TypeAlias = "Callable[[Visit], Figures | None]"

AREA = "lint"
"""How the ids of lint's own checks begin."""


class NotApplicable(Exception):
    """The check is not about what came: another media type, an end that was not waited for."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that the wire alone shows."""

    id: str
    level: Level
    sentence: str
    anchor: Anchor
    judge: Judge
    """Returns figures or None; raises Violation, NotObserved or NotApplicable."""


REGISTRY: dict[str, Check] = {}


def check(id: str, level: Level, anchor: Anchor) -> Callable[[Judge], Judge]:  # noqa: A002 - as in `requirement`
    """Register a function as one of lint's own checks; its docstring is the sentence."""

    def register(judge: Judge) -> Judge:
        if id in REGISTRY or not id.startswith(f"{AREA}-") or judge.__name__ != id.replace("-", "_"):
            raise ContractError(f"the check {id} is there already, or does not have its function's name")
        REGISTRY[id] = Check(id, level, " ".join((judge.__doc__ or "").split()), anchor, judge)
        return judge

    return register


def response_of(look: Look) -> Response:
    """The response of a look. NotObserved where none came."""
    if look.response is None:
        hint = "" if look.request.address.is_tls else "; is TLS spoken there (https://)?"
        raise NotObserved(f"no answer came: {look.why_left or 'the server closed the connection' + hint}")
    return look.response


def stream_of(look: Look) -> tuple[Response, Content]:
    """The response of a look, which is 200, and its content. NotApplicable for another status."""
    response = look.response
    if response is None:
        raise NotApplicable("there is no stream: no answer came")
    if response.status != 200:
        raise NotApplicable(f"there is no stream: the answer is {response.status or 'no HTTP'}")
    if response.framing is Framing.NONE:
        raise NotApplicable(f"there is no stream: an answer to {look.request.method} has no content")
    assert look.content is not None  # noqa: S101 - there is a response
    return response, look.content


def is_one_document(content: Content) -> bool:
    """Whether it is a JSON document that came in one piece: nothing of it streams."""
    return content.kind is Kind.DOCUMENT and content.moments <= 1


def streamed(visit: Visit, *kinds: Kind) -> tuple[Response, Content]:
    """The stream that was asked for, of one of these kinds (any if none is named). NotApplicable for another."""
    response, content = stream_of(visit.asked)
    if is_one_document(content):
        raise NotApplicable("the answer is one JSON document: see lint-stream")
    if kinds and content.kind not in kinds:
        raise NotApplicable(f"the media type is not that of {' or '.join(kinds)}")
    return response, content


def readable(visit: Visit, *kinds: Kind) -> tuple[Response, Content]:
    """The same, with content that could be decoded. NotObserved where it could not, and where none came."""
    response, content = streamed(visit, *kinds)
    if content.undecoded:
        raise NotObserved(content.undecoded)
    if not content.response.body:
        raise NotObserved(f"the body is empty: {visit.asked.why_left or 'the stream ended'}")
    return response, content
