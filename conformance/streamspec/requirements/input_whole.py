"""Input as a whole: a body that is not the JSON it should be, or too much of it; tokens and paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamspec.contract import Level, contract, rfc
from streamspec.control import ControlServer, Problem
from streamspec.exchanges import input as stimuli
from streamspec.exchanges.asked import Fault
from streamspec.exchanges.bad_requests import requests
from streamspec.judging import answered, expect, streamed
from streamspec.requirement import requirement
from streamspec.requirements.input import expect_answers, told

if TYPE_CHECKING:
    from streamspec.control.server import Handler
    from streamspec_client.trace import Trace

MUST = Level.MUST


@requirement("input-json", MUST, rfc(8259, "8.1"), stimuli.refused_bodies)
def input_json(trace: Trace) -> None:
    """A body that is not JSON in UTF-8 is refused with 400: NaN, a trailing comma and UTF-16 are none."""
    expect_answers(trace, requests([Fault.JSON]))


@input_json.mutant()
class TakesBrokenJsonForNothing(ControlServer):
    def parse_json(self, body: bytes) -> object:
        try:
            return super().parse_json(body)
        except Problem:
            return {"items": []}


@input_json.mutant()
class GuessesTheEncoding(ControlServer):
    def parse_json(self, body: bytes) -> object:
        utf16 = body.startswith((b"\xff\xfe", b"\xfe\xff"))
        return super().parse_json(body.decode("utf-16").encode() if utf16 else body)


@input_json.mutant()
class TakesNanForANumber(ControlServer):
    def parse_json(self, body: bytes) -> object:
        return super().parse_json(body.replace(b"NaN", b"1"))


@requirement("input-media-type", MUST, rfc(9110, "15.5.16"), stimuli.refused_bodies)
def input_media_type(trace: Trace) -> None:
    """A body is taken as application/json in any case, with a charset too, and refused with 415 as anything else."""
    expect_answers(trace, requests([Fault.MEDIA_TYPE]))


@input_media_type.mutant()
class TakesAnyMediaType(ControlServer):
    def check_media_type(self, content_type: str | None) -> None:
        pass


@input_media_type.mutant()
class ComparesFieldValuesByteForByte(ControlServer):
    def check_media_type(self, content_type: str | None) -> None:
        if content_type != "application/json":
            raise Problem(415, f"Content-Type must be application/json, not {content_type}", "Content-Type")


@requirement("input-too-large", MUST, rfc(9110, "15.5.14"), stimuli.large_bodies)
def input_too_large(trace: Trace) -> None:
    """A body of 1,048,576 bytes is taken; a longer one is refused with 413, or with 411 where it comes in chunks."""
    for name in (made.name for made in trace.conversations):
        wanted = {200} if name == stimuli.ALLOWED else {413, 411} if name == stimuli.CHUNKED else {413}
        response = answered(trace, name)
        statuses = " or ".join(map(str, sorted(wanted)))
        expect(response.status in wanted, f"{statuses} to a body {name}", told(response))


@input_too_large.mutant()
class TakesLargeBodies(ControlServer):
    max_body_bytes = 64 * 1_048_576


@input_too_large.mutant()
class RefusesTheLargestBodyAllowed(ControlServer):
    max_body_bytes = 1_048_575


@requirement("input-token-syntax", MUST, contract("Resources"), stimuli.refused_requests)
def input_token_syntax(trace: Trace) -> None:
    """A token of 64 characters A-Z a-z 0-9 _ - is taken; a longer, an empty and any other one are refused with 422."""
    expect_answers(trace, requests([Fault.TOKEN]))


@input_token_syntax.mutant()
class TakesAnyToken(ControlServer):
    def check_token(self, value: object, where: str) -> str:
        return self.check_string(value, where)


@input_token_syntax.mutant()
class LooksForLineEndsInsideOfTokens(ControlServer):
    def check_token(self, value: object, where: str) -> str:
        return super().check_token(value.removesuffix("\n") if isinstance(value, str) else value, where)


@requirement("input-token-conflict", MUST, contract("Resources"), stimuli.known_tokens)
def input_token_conflict(trace: Trace) -> None:
    """A token that is known, of an open or a closed stream of either kind, is refused with 409."""
    for name in stimuli.KNOWN_STREAMS:
        streamed(trace, name)
    for conversation in trace.conversations:
        if conversation.name not in stimuli.KNOWN_STREAMS:
            response = answered(trace, conversation.name)
            expect(response.status == 409, f"409 to {conversation.name} with the token of a stream", told(response))


@input_token_conflict.mutant()
class TakesATokenTwice(ControlServer):
    def token_taken(self, token: str) -> bool:
        return False


@input_token_conflict.mutant()
class ForgetsStreamsThatClose(ControlServer):
    def token_taken(self, token: str) -> bool:
        record = self.ledger.find(token)
        return record is not None and not record.finished


@requirement("input-not-found", MUST, rfc(9110, "15.5.5"), stimuli.unknown_paths)
def input_not_found(trace: Trace) -> None:
    """An unknown path or token is answered 404; paths are exact, so there is no redirect to a similar one."""
    expect_answers(trace, stimuli.UNKNOWN)


@input_not_found.mutant()
class AnswersEveryPath(ControlServer):
    def handlers(self, path: str) -> dict[str, Handler]:
        return super().handlers(path) or {"GET": self.get_description}


@input_not_found.mutant()
class IgnoresTheLastSlash(ControlServer):
    def handlers(self, path: str) -> dict[str, Handler]:
        return super().handlers(path.rstrip("/") or "/")
