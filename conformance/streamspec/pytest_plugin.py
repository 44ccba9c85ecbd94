"""pytest plugin: one test per requirement of a target, and fixtures for tests of people's own endpoints.

It loads in every pytest run of whoever has streamspec installed: nothing of the suite is imported before it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamspec.pytest_marks import ATTRIBUTE, MARKER, REPORTER, WHAT_A_TARGET_IS, is_requirement, selected_ids

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from streamspec.implementation import Implementation
    from streamspec.pytest_session import RequirementTest, SessionCheck
    from streamspec.target import Target
    from streamspec.testing import Probe, Servers


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options and the ini setting."""
    group = parser.getgroup("streamspec", "streamspec: conformance of an HTTP streaming server")
    group.addoption("--streamspec-target", metavar="TARGET", help=f"what to test: {WHAT_A_TARGET_IS}")
    group.addoption(
        "--streamspec-select", metavar="PREFIX", action="append", default=[],
        help="only requirements whose id starts so; repeat it, or separate by commas",
    )  # fmt: skip
    group.addoption(
        "--streamspec-http2", action="store_true", help="ask over HTTP/2, as `streamspec check --http2` does"
    )
    group.addoption("--streamspec-strict", action="store_true", help="a SHOULD that does not hold fails too")
    group.addoption(
        "--streamspec-report", metavar="DIR", help="folder for the report that `streamspec check` writes, too"
    )
    parser.addini("streamspec_target", "what to test, unless --streamspec-target says; a path is relative to this file")


def pytest_configure(config: pytest.Config) -> None:
    """What can be said of the options before anything is collected."""
    config.addinivalue_line("markers", f"{MARKER}(id): a requirement of the streaming contract (set by its fixture)")
    if any(config.getoption(f"streamspec_{name}") for name in ("target", "select", "report")):
        from streamspec.pytest_report import Reporter  # noqa: PLC0415 - lazy
        from streamspec.pytest_session import named_requirements, named_target  # noqa: PLC0415 - lazy

        if config.getoption("streamspec_target"):
            named_target(config)
        named_requirements(config)
        if config.getoption("streamspec_report") and not _is_worker(config) and not config.getoption("collectonly"):
            config.pluginmanager.register(Reporter(config), REPORTER)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test per requirement that is selected, named by its id."""
    if "streamspec_requirement" in metafunc.fixturenames:
        from streamspec.pytest_session import named_requirements  # noqa: PLC0415 - lazy

        mark = getattr(pytest.mark, MARKER)
        params = [pytest.param(made, marks=mark(made.id), id=made.id) for made in named_requirements(metafunc.config)]
        metafunc.parametrize("streamspec_requirement", params, indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Refuse to run requirements without a target, before the first of them."""
    items = [item for item in session.items if is_requirement(item)]
    if not items or session.config.getoption("collectonly"):
        return
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output[ATTRIBUTE] = selected_ids(session)
    elif not _target_is_overridden(items):
        from streamspec.pytest_session import named_target  # noqa: PLC0415 - lazy

        named_target(session.config)


@pytest.fixture(scope="session")
def streamspec_target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """The running target that --streamspec-target or the ini setting names; launched and stopped for an impl.toml.

    A suite that starts its server itself overrides this fixture (session scope) with one that gives the base URL.
    """
    from streamspec.pytest_session import launched, named_target  # noqa: PLC0415 - lazy

    named: Implementation | str | pytest.UsageError
    try:
        named = named_target(request.config)
    except pytest.UsageError as error:  # in a worker of pytest-xdist, whose collection cannot be refused
        named = error
    with launched(named, request.session) as target:
        yield target


@pytest.fixture(scope="session")
def _streamspec_check(request: pytest.FixtureRequest, streamspec_target: Target | str) -> Iterator[SessionCheck]:
    from streamspec.pytest_session import SessionCheck, launched  # noqa: PLC0415 - lazy

    with launched(streamspec_target, request.session) as target, SessionCheck(request.session, target) as check:
        yield check


@pytest.fixture
def streamspec_requirement(request: pytest.FixtureRequest, _streamspec_check: SessionCheck) -> RequirementTest:
    """One requirement on the target, to be called as `streamspec_requirement.check()`: the test runs once for each."""
    from streamspec.pytest_session import RequirementTest  # noqa: PLC0415 - lazy

    return RequirementTest(request.param, _streamspec_check, request.node)


@pytest.fixture(scope="module")
def streamspec_server() -> Iterator[Servers]:
    """Your own application on a real socket: called with the application, it returns the server, with its `url`.

    It takes an ASGI or aiohttp application, a function that makes one, an import string, or a command (a list). What it
    has started once serves all tests of the module, and is stopped behind the last of them.
    """
    from streamspec.testing import Servers  # noqa: PLC0415 - lazy

    with Servers() as servers:
        yield servers


@pytest.fixture
def streamspec_probe() -> Iterator[Probe]:
    """A client that hands over each response while it streams: `stream = streamspec_probe.get(server, "/path")`."""
    from streamspec.testing import Probe  # noqa: PLC0415 - lazy

    with Probe() as probe:
        yield probe


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let the report of a requirement's test carry its finding."""
    report = yield
    if call.when == "call" and is_requirement(item):
        from streamspec.pytest_session import OUTCOME  # noqa: PLC0415 - lazy

        setattr(report, ATTRIBUTE, item.stash.get(OUTCOME, None))
    return report


def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport,
) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """A SHOULD that does not hold passes, and shows.

    It is no Python warning: these are errors in many a suite, which then would fail over a SHOULD.
    """
    if report.passed and getattr(report, "when", "") == "call" and _warned(report):
        return "warned", "w", ("WARN", {"yellow": True})
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The SHOULDs that do not hold, each with what was found."""
    warned = terminalreporter.stats.get("warned", [])
    warned = [report for report in warned if _warned(report)]
    if warned:
        terminalreporter.section("streamspec: SHOULDs that do not hold")
    for report in warned:
        finding = getattr(report, ATTRIBUTE)["finding"]
        terminalreporter.write_line(f"{finding['id']}: {finding['message']}")


def _warned(report: object) -> bool:
    carried = getattr(report, ATTRIBUTE, None)
    return carried is not None and bool(carried["finding"]["verdict"] == "WARN")


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _target_is_overridden(items: list[pytest.Item]) -> bool:
    """Whether a conftest or a test module has a `streamspec_target` of its own, so that no option need name one."""
    config = items[0].config
    modules = [plugin for plugin in config.pluginmanager.get_plugins() if getattr(plugin, "__name__", "") != __name__]
    modules += [module for module in (getattr(item, "module", None) for item in items) if module]
    return any("streamspec_target" in vars(module) for module in modules if hasattr(module, "__dict__"))
