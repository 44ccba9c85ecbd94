"""A page of another origin reads every answer where its origin is listed, whatever went wrong, and else none."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from streamspec.implementation import Implementation, read_implementation
from streamspec.target import Target, running
from streamspec.target_names import implementations
from streamspec_client.http1_probe import Http1Connection
from streamspec_client.probe import Clock
from streamspec_client.trace import Response

SERVERS = {name: read_implementation(path) for name, path in implementations(Path(__file__).parents[2]).items()}
LISTED = "http://localhost:3000"
WITHIN_S = 10.0

each_server = pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)


@contextmanager
def asked(target: Target, path: str, origin: str = LISTED) -> Iterator[Response]:
    """The header section of the answer, and its content where that is short; the client leaves at the end."""
    with Http1Connection("page", target.host, target.port, Clock.start()) as connection:
        connection.request("GET", path, [("Origin", origin)])
        assert connection.wait_for(lambda made: made.status == 200 or bool(made.body), WITHIN_S)
        assert connection.response is not None
        yield connection.response


def allowed(target: Target, path: str, origin: str = LISTED) -> str | None:
    with asked(target, path, origin) as response:
        return response.value("Access-Control-Allow-Origin")


def failing(server: Implementation) -> Implementation:
    """The same with a ledger whose totals raise what nobody foresaw."""
    package = server.command[-3]
    assert package == f"impls.{server.name}"
    program = (
        f"import runpy, {package}.server as server; server.streams.totals = lambda: 1 / 0; "
        f"runpy.run_module('{package}', run_name='__main__')"
    )
    return replace(server, command=(server.command[0], "-c", program, "--port", "0"))


@each_server
def test_a_failure_that_nobody_foresaw_is_a_problem_that_a_page_can_read(server: Implementation) -> None:
    with running(failing(server)) as target, asked(target, "/streams") as response:
        assert response.status == 500
        assert response.value("Content-Type") == "application/problem+json"
        assert response.value("Access-Control-Allow-Origin") == LISTED
        assert "ZeroDivisionError" not in json.loads(response.body)["detail"]


@each_server
def test_the_list_is_that_of_the_environment_and_counts_without_a_slot(server: Implementation) -> None:
    first, second = "https://first.example", "https://second.example"
    environment = {
        "STREAMSPEC_CORS_ORIGINS": f"{first}, {second}",
        "STREAMSPEC_MAX_STREAMS": "1",
        "STREAMSPEC_DRAIN_MS": "0",
    }
    with running(server, environment) as target:
        assert [allowed(target, "/", origin) for origin in (first, second, LISTED)] == [first, second, None]
        with asked(target, "/stream"), asked(target, "/stream", second) as response:
            assert response.status == 503
            assert response.value("Access-Control-Allow-Origin") == second
            assert "retry-after" in response.tokens("Access-Control-Expose-Headers")
