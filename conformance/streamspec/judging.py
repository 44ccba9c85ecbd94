"""What judges share: getting at a response, comparing, clocks. Values in, values or a Violation out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from streamspec.requirement import Late, NotObserved, Violation
from streamspec_client.trace import NEVER_S, Ending

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamspec.contract import JSON
    from streamspec_client.trace import Answer, Response, Trace


def expect(holds: bool, expected: str, actual: object, *, at_s: float | None = None, offset: int | None = None) -> None:
    """Raise Violation unless it holds."""
    if not holds:
        raise Violation(expected=expected, actual=str(actual), at_s=at_s, offset=offset)


def expect_in_time(
    holds: bool, expected: str, actual: object, *, at_s: float | None = None, by_ms: float = 0.0
) -> None:
    """Raise Late unless it holds: for what a busy machine can imitate. `by_ms` is how far it is beyond its budget."""
    if not holds:
        raise Late(expected=expected, actual=str(actual), at_s=at_s, by_s=by_ms / 1000)


def answered(trace: Trace, name: str = "stream") -> Response:
    """The first response of that conversation. Violation if it is not HTTP, Late if none came."""
    response = trace.conversation(name).response
    if response is None:
        ending = trace.conversation(name).closing
        raise Late(expected="an HTTP response", actual=f"none; the connection's end: {ending}")
    expect(response.ending is not Ending.MALFORMED or response.status > 0, "an HTTP response", response.error)
    return response


def streamed(trace: Trace, name: str = "stream") -> Response:
    """The first response of that conversation, if it is a stream. NotObserved for an error status."""
    response = answered(trace, name)
    if not 200 <= response.status < 300 or response.status == 204:
        raise NotObserved(f"the stream was answered {response.status}: see head-status")
    return response


def completed(trace: Trace, name: str = "stream") -> Response:
    """The stream of that conversation, which must have ended complete by its framing."""
    response = streamed(trace, name)
    if response.ending is Ending.OPEN:
        raise Late(expected="a complete message", actual=f"no end after {len(response.body)} bytes of content")
    expect(
        response.ending is Ending.COMPLETE,
        "a complete message",
        f"{response.ending} after {len(response.body)} bytes of content {response.error}".strip(),
        at_s=response.ended_at_s,
    )
    return response


def expect_body(body: bytes, expected: bytes) -> None:
    """Raise Violation with the offset and the bytes around the first difference."""
    if body == expected:
        return
    offset = _first_difference(body, expected)
    raise Violation(
        expected=f"{len(expected)} bytes, {_around(expected, offset)}",
        actual=f"{len(body)} bytes, {_around(body, offset)}",
        offset=offset,
    )


def _first_difference(one: bytes, other: bytes) -> int:
    """Where they differ first; where the shorter ends if that is the beginning of the longer."""
    equal, most = 0, min(len(one), len(other))
    while equal < most:  # by halves: byte by byte, 17 MiB take Python a second
        middle = (equal + most + 1) // 2
        if one[equal:middle] == other[equal:middle]:
            equal = middle
        else:
            most = middle - 1
    return equal


def _around(data: bytes, offset: int) -> str:
    return f"there {data[offset : offset + 24]!r}" if offset < len(data) else "which end there"


def expect_lock_step(trace: Trace, response: Response, sizes: Iterable[int]) -> None:
    """Raise Late unless item n was there before gate n+1 was released; `sizes` are the items' bytes on the wire.

    The exchange stops releasing at the first item that does not come, so nothing later can stand in for it.
    """
    released = trace.marks_named("released")
    size = 0
    for number, item in enumerate(sizes, 1):
        size += item
        if number > len(released):
            raise NotObserved(f"gate {number} was never opened")
        limit_s = released[number].at_s if number < len(released) else NEVER_S
        arrival_s = response.arrival_s(size)
        expect_in_time(
            arrival_s < limit_s,
            f"item {number} (up to byte {size} of the body) after its release and before the next",
            f"{len(response.body)} bytes in all" if arrival_s >= NEVER_S else f"{arrival_s - limit_s:.3f} s after it",
            at_s=released[number - 1].at_s,
        )


_DIFFERS_BY_REQUEST = {"date", "stream-token", "transfer-encoding"}
"""What may differ between two answers to the same: a server may leave Transfer-Encoding out of a HEAD response
(RFC 9112, section 6.1)."""


def comparable_fields(response: Response) -> dict[str, str | None]:
    """The response's fields by lower-case name, without those that differ from one request to the next."""
    names = {name.lower() for name, _ in response.fields} - _DIFFERS_BY_REQUEST
    return {name: response.value(name) for name in sorted(names)}


def json_object(answer: Answer) -> dict[str, JSON]:
    """The JSON object of a control answer. Violation for anything else."""
    try:
        value = json.loads(answer.body)
    except ValueError:
        value = None
    expect(
        isinstance(value, dict),
        f"{answer.method} {answer.path}: a JSON object",
        f"{answer.status} {answer.body[:80]!r}",
    )
    assert isinstance(value, dict)  # noqa: S101 - for the type checker; expect has raised otherwise
    return value


def state(trace: Trace, name: str = "state") -> dict[str, JSON]:
    """The last recorded stream state of that name. NotObserved where it was not answered 200."""
    answers = trace.answers_named(name)
    if not answers or answers[-1].status != 200:
        raise NotObserved(f"the stream's state was answered {answers[-1].status if answers else 'never'}")
    return json_object(answers[-1])


def number(value: JSON, what: str) -> float:
    """A number of a state or total. Violation for anything else."""
    expect(isinstance(value, int | float) and not isinstance(value, bool), f"{what}: a number", repr(value))
    assert isinstance(value, int | float)  # noqa: S101 - for the type checker; expect has raised otherwise
    return value


def numbers(value: JSON, what: str) -> list[float]:
    """A list of numbers of a state. Violation for anything else."""
    expect(isinstance(value, list), f"{what}: a list of numbers", repr(value)[:80])
    assert isinstance(value, list)  # noqa: S101 - for the type checker; expect has raised otherwise
    return [number(entry, what) for entry in value]


def server_clock_offset_s(trace: Trace) -> float:
    """What to add to a server's clock (s) to get the trace's, by the control answer with the shortest round trip.

    Half of that round trip bounds the error. Never from the items themselves: that would hide a constant lateness.
    """
    offsets = []
    for answer in trace.answers:
        if answer.status == 200 and answer.name in {"state", "totals"}:
            now_s = number(json_object(answer).get("now_ms"), "now_ms") / 1000
            offsets.append((answer.at_s - answer.asked_at_s, (answer.at_s + answer.asked_at_s) / 2 - now_s))
    if not offsets:
        raise NotObserved("no state or totals were answered, so the server's clock is unknown")
    return min(offsets)[1]
