"""Whatever is asked of an implementation: no 500, no traceback, no stream left open, and the next request is served.

Cases come from strategies of our own (`odd_requests.py`) and from Schemathesis, which reads conformance/openapi.yaml.
STREAMSPEC_FUZZ_EXAMPLES is how many of each kind; without it they are few, and the same in every run.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlencode, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from tests.openapi_document import Document

from impls.tests.odd_requests import CLEANUP_MS, OddRequest, header_sections, queries, scripts
from streamspec.implementation import read_implementation
from streamspec.requirements.disconnect_effects import NOISE
from streamspec.target import Target, running
from streamspec.target_names import implementations
from streamspec_client.http1_probe import Http1Connection
from streamspec_client.probe import Clock, Leaving
from streamspec_client.trace import Response

SERVERS = {name: read_implementation(path) for name, path in implementations(Path(__file__).parents[2]).items()}
DOCUMENT = Document.read()
EXAMPLES = os.environ.get("STREAMSPEC_FUZZ_EXAMPLES")
WITHIN_S = 10.0

Case: TypeAlias = "schemathesis.Case[Any]"  # of an operation whose four parameters Schemathesis leaves open, too
_Drawn = TypeVar("_Drawn")


@pytest.fixture(scope="module", params=SERVERS)
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    with running(SERVERS[request.param], {"STREAMSPEC_DRAIN_MS": "0"}) as found:
        yield found


def fuzz(cases: st.SearchStrategy[_Drawn], examples: int, judge: Callable[[_Drawn, Leaving], None]) -> None:
    """Judge that many cases, each left in one of the ways there are."""

    @settings(
        max_examples=int(EXAMPLES) if EXAMPLES else examples,
        derandomize=EXAMPLES is None,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(cases, st.sampled_from(Leaving))
    def judged(case: _Drawn, leaving: Leaving) -> None:
        judge(case, leaving)

    judged()


def ask(target: Target, request: OddRequest, leaving: Leaving) -> Response | None:
    """What is there of the answer when its header section, or of a refusal the whole, has come; then the client leaves.

    None where the server closes without an answer, and where it is right to wait for more.
    """
    with Http1Connection("odd", target.host, target.port, Clock.start()) as connection:
        connection.request(request.method, request.target, request.fields, request.body)
        within_s = 0.2 if request.may_stay_unanswered else WITHIN_S
        answered = connection.wait_for(lambda made: made.status == 200 or made.ended_at_s < WITHIN_S, within_s)
        assert answered or connection.closed or request.may_stay_unanswered, "neither an answer nor a close"
        response = connection.response
        connection.leave(leaving)
        return response


def script_of(request: OddRequest) -> object:
    try:
        return json.loads(request.body or b"")
    except (ValueError, RecursionError):
        return None


def expect_no_failure(request: OddRequest, response: Response) -> None:
    script = script_of(request)
    if response.status == 500 and isinstance(script, dict) and script.get("fail_before_start") is True:
        return
    # 501 and 505 are of HTTP: a transfer coding, a method or a version that the server does not know.
    assert response.status < 500 or response.status in {501, 505}, f"{response.status} {response.body!r}"


def expect_nothing_left(target: Target, log_from: int) -> None:
    """Every stream is closed and cleaned up, the log tells of no exception, and the server serves."""
    deadline_s = time.monotonic() + WITHIN_S
    with Http1Connection("ledger", target.host, target.port, Clock.start()) as ledger:
        for number in range(1, 1_000_000):
            ledger.request("GET", "/streams")
            assert ledger.wait_complete(number, WITHIN_S)
            assert ledger.response is not None
            totals = json.loads(ledger.response.body)
            if totals["open"] == 0 and totals["cleaned"] == totals["opened"]:
                break
            assert time.monotonic() < deadline_s, f"streams are left open: {totals}"
            ledger.wait_closed(CLEANUP_MS / 1_000)
    noise = NOISE.search(target.log_since(log_from))
    assert noise is None, target.log_since(log_from)[noise.start() :][:3_000]


@pytest.mark.parametrize("cases", [queries, scripts, header_sections], ids=["queries", "scripts", "header sections"])
def test_odd_requests_are_answered(target: Target, cases: st.SearchStrategy[OddRequest]) -> None:
    seen = set()

    def judge(request: OddRequest, leaving: Leaving) -> None:
        response = ask(target, request, leaving)
        if response is not None:
            expect_no_failure(request, response)
            seen.add(response.status)

    log_from = target.log_size()
    fuzz(cases, 150, judge)
    expect_nothing_left(target, log_from)
    assert seen >= {200, 400}, "the cases are not odd enough, or too odd"


# Schemathesis

SCHEMA = schemathesis.openapi.from_dict(DOCUMENT.root)
OPERATIONS = {made.ok().label: made.ok() for made in SCHEMA.get_all_operations() if isinstance(made, Ok)}
CASES = [
    (label, mode)
    for label, operation in OPERATIONS.items()
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    # Without a parameter nothing can be wrong.
    if mode is GenerationMode.POSITIVE or operation.body or list(operation.iter_parameters())
]


def test_every_operation_is_generated() -> None:
    described = {f"{method.upper()} {path}" for method, path, _ in DOCUMENT.operations()}
    assert OPERATIONS.keys() == described


def sent(case: Case) -> OddRequest:
    """The case as bytes. Schemathesis itself would read a stream to its end, which may never come."""
    if isinstance(case.body, dict) and isinstance(case.body.get("cleanup_ms"), int | float):
        case.body["cleanup_ms"] = CLEANUP_MS
    drawn = case.as_transport_kwargs(base_url="http://target")
    query = urlencode(drawn.get("params") or {}, doseq=True)
    path = urlsplit(drawn["url"]).path
    fields = tuple((name, value) for name, value in drawn["headers"].items() if name != "Http1Connection")
    body = json.dumps(drawn["json"]).encode() if "json" in drawn else drawn.get("data")
    return OddRequest(drawn["method"], f"{path}?{query}" if query else path, fields, body)


@pytest.mark.parametrize(("label", "mode"), CASES, ids=lambda part: str(getattr(part, "value", part)))
def test_answers_to_generated_requests_are_as_described(target: Target, label: str, mode: GenerationMode) -> None:
    def judge(case: Case, leaving: Leaving) -> None:
        request = sent(case)
        response = ask(target, request, leaving)
        assert response is not None
        expect_no_failure(request, response)
        if response.status != 200:  # of a stream only the beginning is there
            assert DOCUMENT.findings(request.method, request.target, response) == []

    log_from = target.log_size()
    fuzz(OPERATIONS[label].as_strategy(generation_mode=mode), 10, judge)
    expect_nothing_left(target, log_from)
