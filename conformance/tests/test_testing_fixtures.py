"""`streamspec_server` and `streamspec_probe` in projects of other people: what can be served, beside which plugins."""

from __future__ import annotations

import re
import sys
import threading
from contextlib import aclosing
from pathlib import Path

import pytest
import uvicorn
from aiohttp import web
from tests import endpoints

from streamspec.testing import CannotServe, Probe, Servers, application, loop_thread, serving

pytest_plugins = ("pytester",)

ROOT = str(Path(__file__).parents[1])
PROJECT = f"""
import sys
sys.path.insert(0, {ROOT!r})
from tests.endpoints import app, gate, stopped

def test_it_streams(streamspec_server, streamspec_probe):
    stream = streamspec_probe.get(streamspec_server(app), "/gated")
    stream.assert_head_first()
    stream.assert_lock_step(["item 0", "item 1"], gate.release)
    stream.assert_leaving_stops(stopped.is_set)

def test_the_module_has_one_server(streamspec_server):
    assert streamspec_server(app) is streamspec_server(app)
"""
ASYNCHRONOUS = """

import {0}

@pytest.mark.{0}
async def test_beside_an_event_loop(streamspec_server, streamspec_probe):
    await {0}.sleep(0)
    streamspec_probe.get(streamspec_server(app), "/paced").assert_incremental()
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Someone's project, in which every warning is an error."""
    pytester.makeini("[pytest]\nfilterwarnings = error\naddopts = --strict-markers --strict-config -p no:schemathesis")
    return pytester


@pytest.mark.parametrize("plugin", ["none", "asyncio", "asyncio auto", "anyio", "xdist"])
def test_it_works_beside_other_plugins(project: pytest.Pytester, plugin: str) -> None:
    project.makepyfile(test_mine=PROJECT)
    arguments = ["-n", "2"] if plugin == "xdist" else []
    tests = 2
    if "asyncio" in plugin:
        mode = "auto" if "auto" in plugin else "strict"
        arguments += [f"--asyncio-mode={mode}", "-o", "asyncio_default_fixture_loop_scope=function"]
        project.makepyfile(test_mine=f"import pytest\n{PROJECT}{ASYNCHRONOUS.format('asyncio')}")
        tests += 1
    else:
        arguments += ["-p", "no:asyncio"]
    if plugin == "anyio":
        backend = "\n@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n"
        project.makepyfile(test_mine=f"import pytest\n{backend}{PROJECT}{ASYNCHRONOUS.format('anyio')}")
        tests += 1
    result = project.runpytest_subprocess(*arguments, timeout=120)
    result.assert_outcomes(passed=tests)


def test_the_fixtures_are_documented(project: pytest.Pytester) -> None:
    said = project.runpytest_inprocess("--fixtures", "-p", "no:asyncio").stdout.str()
    assert re.search(r"streamspec_server \[module scope\] -- .*\n    Your own application", said)
    assert re.search(r"streamspec_probe -- .*\n    A client that hands over", said)


def test_a_failure_shows_the_line_of_the_test_and_the_timeline(project: pytest.Pytester) -> None:
    line = 'streamspec_probe.get(streamspec_server(app), "/hoarded").assert_incremental()'
    body = f"def test_buffered(streamspec_server, streamspec_probe):\n    {line}\n"
    project.makepyfile(test_mine=PROJECT.partition("def ")[0] + body)
    result = project.runpytest_subprocess("-p", "no:asyncio", timeout=120)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            f">       {line.replace('[', '[[]')}",
            "E       AssertionError: GET /hoarded: not incremental",
            "E         expected  events that come at 2 or more different moments, over 0.05 s or more",
            "E         actual    5 in 0.000 s, at 1 moment",
            "E         likely    the producer: *",
            "E          0.000 s  *→ GET /hoarded",
        ]
    )
    assert "checks.py" not in result.stdout.str(), "the traceback ends in the test"


# What can be served

FACTORY = endpoints.unstarted_for(0.0)


async def made_in_the_loop() -> object:
    """A factory that is awaited."""
    return endpoints.app


@pytest.mark.parametrize("what", [endpoints.app, FACTORY, made_in_the_loop], ids=["object", "factory", "awaited"])
def test_an_object_is_served_in_a_thread_that_ends(what: object) -> None:
    endpoints.lifespan.clear()
    with serving(what) as server, Probe() as probe:
        assert endpoints.lifespan == ["startup"]
        probe.get(server, "/paced").assert_incremental()
    assert endpoints.lifespan == ["startup", "shutdown"]
    assert not [thread for thread in threading.enumerate() if thread.name == "streamspec-server"]


@pytest.mark.parametrize("name", ["tests.endpoints:app", "tests.endpoints:make_app"])
def test_an_import_string_is_served_in_a_process_that_ends(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)
    with serving(name) as server, Probe() as probe:
        probe.get(server, "/paced").assert_incremental()
        said = failure(probe, server, "/failing")
        assert "  the app" in said
        assert "ValueError: no more tokens" in said
        url = server.url
    with pytest.raises(Exception, match="refused"), Probe() as probe:
        probe.get(url)


def failure(probe: Probe, server: object, path: str) -> str:
    """What the failure of an incomplete response says."""
    with pytest.raises(AssertionError) as failed:
        probe.get(server, path).assert_complete()  # type: ignore[arg-type]  # a server, or its URL
    return str(failed.value)


PRINTS_ITS_URL = """
from http.server import HTTPServer, SimpleHTTPRequestHandler
server = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
print(f"Serving on http://127.0.0.1:{server.server_port}/ …")
server.serve_forever()
"""


@pytest.mark.parametrize(
    "command",
    [
        ["python", "-c", PRINTS_ITS_URL],
        ["python", "-m", "http.server", "--bind", "127.0.0.1", "{port}"],
        (sys.executable, "-m", "uvicorn", "--port", "{port}", "tests.endpoints:app"),
    ],
    ids=["prints its URL", "takes a port", "uvicorn"],
)
def test_a_command_is_served(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", ROOT)
    with serving(command) as server, Probe() as probe:
        assert probe.get(server, "/").status in {200, 404}


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (3, "3 cannot be served: give an ASGI application"),
        ("just words", "'just words' cannot be served"),
        ([], "cannot be served"),
        (lambda environ, start: None, "function cannot be served"),  # noqa: ARG005 - WSGI
        ("nosuch_module:app", "'nosuch_module:app' did not start: there is no module 'nosuch_module'"),
        ("json:nosuch", "did not start: the module 'json' has no 'nosuch'"),
        ("json:tool.nosuch", "did not start: the module 'json' has no 'tool.nosuch'"),
        (["/nosuch"], "'/nosuch' cannot be run: No such file or directory"),
        (["false"], r"ended with exit status 1 before it announced its URL; .* write {port} in its place"),
        (["python", "-c", "raise SystemExit('no luck')", "{port}"], "before it listened on port .*: no luck"),
    ],
    ids=str,
)
def test_what_cannot_be_served_is_told(what: object, said: str) -> None:
    with pytest.raises(CannotServe, match=said), serving(what):
        pass


async def without_database(_scope: endpoints.Message, receive: endpoints.Receive, send: endpoints.Send) -> None:
    """An application whose start-up fails."""
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "Traceback …\nOSError: no database"})


def test_an_application_that_does_not_start_says_why() -> None:
    with (
        pytest.raises(CannotServe, match=r"the application did not start: OSError: no database"),
        serving(without_database),
    ):
        pass


def test_an_application_that_takes_too_long_to_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_thread, "START_WITHIN_S", 0.1)
    slow = endpoints.unstarted_for(1.0)
    with pytest.raises(CannotServe, match=r"not ready within 0\.1 s; it is in make \(.*time\.sleep"), serving(slow):
        pass


def test_an_application_that_cannot_be_stopped_is_told_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_thread, "STOP_WITHIN_S", 0.2)
    endpoints.blocking.clear()
    try:
        servers = Servers()
        with Probe() as probe:
            probe.get(servers(endpoints.app), "/blocks")
            assert endpoints.blocked.wait(10)
        with pytest.raises(CannotServe, match=r"did not stop within 0\.2 s: it is in wait .*runs in a process"):
            servers.__exit__()
    finally:
        endpoints.blocking.set()
    for thread in threading.enumerate():
        if thread.name == "streamspec-server":
            thread.join(10)


def test_what_is_served_once_serves_again() -> None:
    with Servers() as servers:
        first = servers(endpoints.app)
        assert servers(endpoints.app) is first
        assert servers(FACTORY) is not first
    with Servers() as servers:
        assert servers(endpoints.app).url != first.url


@pytest.mark.parametrize("what", [endpoints.app, endpoints.without_lifespan], ids=["lifespan", "no lifespan"])
def test_hypercorn_serves_where_uvicorn_is_missing(what: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "find_spec", lambda name: name == "hypercorn" or None)
    with serving(what) as server, Probe() as probe:
        stream = probe.get(server, "/paced")
        stream.assert_incremental()
        assert stream.header("server") == "hypercorn-h11"
        assert "ValueError: no more tokens" in failure(probe, server, "/failing")
    with pytest.raises(CannotServe, match=r"did not start: .*no database"), serving(without_database):
        pass


def test_an_application_without_any_server_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "find_spec", lambda _name: None)
    with pytest.raises(CannotServe, match="pip install uvicorn, or hypercorn"), serving(endpoints.app):
        pass


def test_the_settings_of_a_server_are_its_own_object() -> None:
    config = uvicorn.Config(endpoints.app, http="h11", headers=[("X-Mine", "1")], log_config=None)
    runner = web.AppRunner(aiohttp_app(), handler_cancellation=True)
    with Servers() as servers, Probe() as probe:
        assert probe.get(servers(config), "/paced").header("x-mine") == "1"
        endpoints.stopped.clear()
        probe.get(servers(runner), "/gated").assert_leaving_stops(endpoints.stopped.is_set)


def test_aiohttp_tells_nobody_that_a_client_has_left_unless_it_is_asked_to() -> None:
    endpoints.stopped.clear()
    with serving(aiohttp_app) as server, Probe() as probe:
        stream = probe.get(server, "/gated")
        with pytest.raises(AssertionError, match="handler_cancellation=True"):
            stream.assert_leaving_stops(endpoints.stopped.is_set, within_s=0.2)


def aiohttp_app() -> web.Application:
    """The gated endpoint on aiohttp."""

    async def gated(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        async with aclosing(endpoints.gated()) as items:
            async for item in items:
                await response.write(item)
        return response

    made = web.Application()
    made.router.add_get("/gated", gated)
    return made
