"""Input: what the contract does not allow is refused in words that help, and before a stream begins.

What is wrong with a body as a whole, with a token or a path, is in `input_whole.py`.
"""

from __future__ import annotations

import contextlib
import json
import re
from email.message import Message
from typing import TYPE_CHECKING

from streamspec.contract import Level, contract, rfc
from streamspec.control import ControlServer, Fields, Problem, Reason, replaced
from streamspec.exchanges import input as stimuli
from streamspec.exchanges.asked import Fault
from streamspec.exchanges.bad_requests import PLAIN, REQUESTS, requests
from streamspec.judging import answered, expect
from streamspec.requirement import NotObserved, requirement
from streamspec_client.trace import Closing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from streamspec.contract import JSON
    from streamspec.control import Item, Request
    from streamspec.control.connection import Connection
    from streamspec.exchanges.asked import Asked
    from streamspec_client.trace import Response, Trace

MUST = Level.MUST
STATUS = contract("Status")


def recorded(trace: Trace, wanted: Iterable[Asked]) -> list[Asked]:
    """Those of the requests that were sent."""
    sent = {conversation.name for conversation in trace.conversations}
    return [asked for asked in wanted if asked.name in sent]


def _expect_plain_accepted(trace: Trace, asked: Asked) -> None:
    """Raise NotObserved where the same resource, or for an unknown path any, refuses a request without a fault, too."""
    for plain in recorded(trace, PLAIN):
        if asked.fault is Fault.PATH or (plain.method, plain.resource) == (asked.method, asked.resource):
            status = answered(trace, plain.name).status
            if not 200 <= status < 300:
                raise NotObserved(f"{plain.name}, without a fault, was answered {status}: see head-status")


def told(response: Response) -> str:
    """An answer in words."""
    where = f" to {response.value('location')}" if response.values("location") else ""
    return f"{response.status}{where} {response.body[:100]!r}"


def expect_answers(trace: Trace, wanted: Iterable[Asked]) -> None:
    """Raise Violation where a request that was sent is not answered as the contract has it.

    NotObserved where all that is missing is the header section of a stream, whose items are due in a minute.
    """
    silent = [asked.name for asked in recorded(trace, wanted) if asked.starts_stream and _is_silent(trace, asked)]
    for asked in recorded(trace, wanted):
        _expect_plain_accepted(trace, asked)
        if asked.name in silent:
            continue
        response = answered(trace, asked.name)
        expect(response.status == asked.status, f"{asked.status} to {asked.name}", told(response))
    if silent:
        raise NotObserved(f"{silent[0]}: neither refused nor a header section in time: see head-before-first-item")


def _is_silent(trace: Trace, asked: Asked) -> bool:
    """Whether no status is there: nothing came on an open connection, or what came before it is no HTTP."""
    conversation = trace.conversation(asked.name)
    response = conversation.response
    return conversation.closing is Closing.OPEN if response is None else not response.status


def refused(trace: Trace, wanted: Iterable[Asked]) -> Iterator[tuple[Asked, Response]]:
    """Those of the bad requests that were refused; that the others were not is for their own requirement to tell."""
    none = True
    for asked in recorded(trace, wanted):
        if asked.starts_stream:
            continue
        response = answered(trace, asked.name)
        if response.status >= 400 <= asked.status:
            none = False
            yield asked, response
    if none:
        raise NotObserved("no bad request was refused: see input-range")


def members(response: Response) -> Mapping[str, JSON]:
    """The members of a problem; none of what is no JSON object."""
    try:
        value = json.loads(response.body)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {}


@requirement("input-range", MUST, STATUS, stimuli.refused_requests)
def input_range(trace: Trace) -> None:
    """A number outside of its range is refused with 422, never clamped or wrapped, and one at an end of it is taken."""
    expect_answers(trace, requests([Fault.RANGE]))


@input_range.mutant()
class ClampsNumbers(ControlServer):
    def check_range(self, name: str, value: int, where: str) -> int:
        with contextlib.suppress(Problem):
            return super().check_range(name, value, where)
        return 1 if value < 1 else 10


@input_range.mutant()
class KeepsTheLower32Bits(ControlServer):
    def check_range(self, name: str, value: int, where: str) -> int:
        return super().check_range(name, value % 2**32, where)


@input_range.mutant()
class TakesTenThousandItemsAtMost(ControlServer):
    def check_range(self, name: str, value: int, where: str) -> int:
        if name == "count" and value > 10_000:
            raise Problem(422, "count must be an integer from 0 to 100000", where)
        return super().check_range(name, value, where)


@requirement("input-type", MUST, STATUS, stimuli.refused_requests)
def input_type(trace: Trace) -> None:
    """A value of another type or syntax than its parameter or member has, null included, is refused with 422."""
    expect_answers(trace, requests([Fault.TYPE]))


@input_type.mutant()
class TakesStringsForNumbers(ControlServer):
    def check_integer(self, name: str, value: object, where: str) -> int:
        is_number = isinstance(value, str) and value.isdigit()
        return super().check_integer(name, int(str(value)) if is_number else value, where)


@input_type.mutant()
class TakesGarbageForDefaults(ControlServer):
    def query_number(self, query: Mapping[str, str], name: str, default: int) -> int:
        return super().query_number(query, name, default) if query.get(name, "0").lstrip("-").isdecimal() else default


@input_type.mutant()
class TakesNullForAbsence(ControlServer):
    def json_object(self, value: object, where: str) -> dict[str, object]:
        found = super().json_object(value, where)
        return {name: member for name, member in found.items() if member is not None or where != "body"}


@requirement("input-unknown-field", MUST, STATUS, stimuli.refused_requests)
def input_unknown_field(trace: Trace) -> None:
    """A member or query parameter that its resource does not know, or that is given twice, is refused with 422."""
    expect_answers(trace, requests([Fault.UNKNOWN]))


@input_unknown_field.mutant()
class IgnoresWhatItDoesNotKnow(ControlServer):
    def check_known(self, names: Iterable[str], known: frozenset[str], at: str, what: str) -> None:
        pass


@input_unknown_field.mutant()
class TakesTheLastOfSeveral(ControlServer):
    def read_query(self, query: str, known: frozenset[str]) -> dict[str, str]:
        last = {pair.partition("=")[0]: pair for pair in query.split("&")}
        return super().read_query("&".join(last.values()), known)


@requirement("input-members", MUST, STATUS, stimuli.refused_bodies)
def input_members(trace: Trace) -> None:
    """A script without its items, an item without content and one with two contents are refused with 422."""
    expect_answers(trace, requests([Fault.MEMBERS]))


@input_members.mutant()
class TakesTheFirstOfTwoContents(ControlServer):
    def read_text(self, item: Mapping[str, object], at: str) -> Item:
        second = {"base64", "size"} if "text" in item else set()
        return super().read_text({name: value for name, value in item.items() if name not in second}, at)


@input_members.mutant()
class TakesMissingItemsForNone(ControlServer):
    def read_json(self, request: Request) -> dict[str, object]:
        absent: dict[str, object] = {} if request.path.endswith("/release") else {"items": []}
        return {**absent, **super().read_json(request)}


@requirement("input-problem", MUST, rfc(9457, "3"), stimuli.refused_requests)
def input_problem(trace: Trace) -> None:
    """A refusal is a problem object: `application/problem+json` with type, title, detail and the answer's status."""
    for asked, response in refused(trace, REQUESTS):
        message = Message()
        message["Content-Type"] = response.value("content-type") or "none"
        is_problem = message.get_content_type() == "application/problem+json"
        expect(is_problem, f"application/problem+json for {asked.name}", response.value("content-type"))
        problem = members(response)
        texts = [problem.get(name) for name in ("type", "title", "detail")]
        whole = all(isinstance(text, str) and text for text in texts) and problem.get("status") == response.status
        expect(whole, f"type, title, detail and the status {response.status} for {asked.name}", told(response))


@input_problem.mutant()
class LeavesTheRouterItsOwnErrors(ControlServer):
    def problem_fields(self, request: Request, problem: Problem) -> Fields:
        fields = super().problem_fields(request, problem)
        return replaced(fields, "content-type", "application/json") if problem.status in {404, 405} else fields


@input_problem.mutant(also_breaks={"failure-before-start": "its 500 is a problem object, too"})
class LeavesTheStatusToTheStatusLine(ControlServer):
    def problem_members(self, problem: Problem) -> dict[str, object]:
        return {name: value for name, value in super().problem_members(problem).items() if name != "status"}


@requirement("input-names-parameter", MUST, contract("Problems"), stimuli.refused_requests)
def input_names_parameter(trace: Trace) -> None:
    """A problem names the parameter that is wrong and, of a number, the end of the range that it is beyond."""
    for asked, response in refused(trace, REQUESTS):
        if not asked.parameters:
            continue
        problem, wanted = members(response), " or ".join(asked.parameters)
        named = [str(problem.get("parameter")), *asked.parameters]
        if asked.fault is Fault.MEDIA_TYPE:  # a field name, which has no case
            named = [name.lower() for name in named]
        expect(named[0] in named[1:], f"the parameter {wanted} for {asked.name}", told(response))
        if asked.bound:  # not 0, for which "must not be negative" is as clear
            tells = str(asked.bound) in _numbers_in(str(problem.get("detail")))
            expect(tells, f"a detail with the limit {asked.bound} for {asked.name}", problem.get("detail"))


def _numbers_in(text: str) -> list[str]:
    """The numbers in it, also as they are when a mark between thousands is none."""
    return re.findall(r"\d+", text) + re.findall(r"\d+", re.sub(r"(?<=\d)[,._' \u00a0\u2009\u202f](?=\d{3})", "", text))


@input_names_parameter.mutant()
class NamesNoParameter(ControlServer):
    def problem_members(self, problem: Problem) -> dict[str, object]:
        return {name: value for name, value in super().problem_members(problem).items() if name != "parameter"}


@input_names_parameter.mutant()
class NamesMembersWithoutTheirPath(ControlServer):
    def problem_members(self, problem: Problem) -> dict[str, object]:
        path = (problem.parameter or "").rpartition(".")
        return {**super().problem_members(problem), **({"parameter": path[2]} if path[0] else {})}


@input_names_parameter.mutant()
class KeepsTheRangeToItself(ControlServer):
    def check_range(self, name: str, value: int, where: str) -> int:
        try:
            return super().check_range(name, value, where)
        except Problem as problem:
            raise Problem(problem.status, f"{where} is out of range", where) from None


@requirement("input-no-stream-opened", MUST, contract("Resources"), stimuli.refused_streams)
def input_no_stream_opened(trace: Trace) -> None:
    """A request that is refused opens no stream, and the token that it named stays unknown."""
    for asked, response in refused(trace, stimuli.WITH_TOKENS):
        known = trace.answers_named(f"state {asked.name}")[-1]
        expect(
            known.status == 404,
            f"404 for the token of {asked.name}, refused with {response.status}",
            known.status,
        )


@input_no_stream_opened.mutant()
class OpensBeforeItChecks(ControlServer):
    def refuse(self, connection: Connection, request: Request, problem: Problem) -> None:
        named = re.search(r'token(?:=|": ")([\w-]+)', request.query + request.body.decode("latin-1"))
        if named and problem.status == 422:
            record = self.ledger.open_record(named[1], 0.0)
            self.ledger.close(record, Reason.FAILED, 0.0)
            self.ledger.clean(record)
        super().refuse(connection, request, problem)
