"""Proxies: their configurations and names, how is judged behind one, and the real ones where they are installed."""

from __future__ import annotations

import contextlib
import io
import os
import re
import socket
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from tests.fake_targets import fake_server
from tests.sample_results import GOOD, KNOWN, MUST, SHOULD

from streamspec import session
from streamspec.implementation import Deviation, TargetError, control_implementation
from streamspec.process import ProcessError
from streamspec.proxies import PROXIES, UnknownProxy, find, find_all, table
from streamspec.proxies import proxy as proxy_module
from streamspec.proxies.aspects import ASPECTS, Aspect, answer, broken, cannot_keep, in_pairs, mended
from streamspec.proxies.hop_by_hop import HOP_BY_HOP
from streamspec.proxies.launching import Front, free_port
from streamspec.proxies.proxy import Place, Variant, origin_of
from streamspec.report.proxied import print_proxied, proxied_markdown
from streamspec.report.results import ExitCode, Finding, Results, TargetResults, Verdict, exit_code
from streamspec.report.wording import evidence
from streamspec.requirement import select
from streamspec.runner import Check
from streamspec.target import behind, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FRONTS = find_all(["all"])
PAGE = Path(__file__).parents[1] / "PROXIES.md"

each_front = pytest.mark.parametrize("front", FRONTS, ids=lambda front: front.name)
each_proxy = pytest.mark.parametrize("proxy", PROXIES, ids=lambda proxy: proxy.name)


class Silent:
    """A listener to whom nothing is news."""

    def begin(self, name: str) -> None: ...

    def step(self, text: str) -> None: ...

    def end(self, target: TargetResults) -> None: ...


# Names and configurations


def test_a_name_stands_for_a_proxy_and_its_variant() -> None:
    assert find("nginx").name == "nginx"
    assert find("nginx:buffered").name == "nginx:buffered"
    assert [front.name for front in find_all(["caddy", "nginx", "caddy"])] == ["caddy", "nginx"]
    assert find_all(["caddy", "all"])[0].name == "caddy"
    assert len(find_all(["all", "nginx"])) == len(FRONTS) == sum(len(proxy.variants) for proxy in PROXIES)


@pytest.mark.parametrize(("name", "says"), [("apache", "nginx, caddy, haproxy"), ("nginx:fast", "nginx:buffered")])
def test_an_unknown_name_is_told_those_that_there_are(name: str, says: str) -> None:
    with pytest.raises(UnknownProxy, match=says):
        find(name)


@each_proxy
def test_the_first_variant_is_the_one_to_use(proxy: proxy_module.Proxy) -> None:
    first = proxy.variants[0]
    assert (first.name, first.use, first.breaks) == ("", True, ())
    assert len({variant.name for variant in proxy.variants}) == len(proxy.variants)


@each_front
def test_a_configuration_has_the_variants_settings_and_no_place_but_its_own(front: Front) -> None:
    place = Place(Path("/tmp/of-its-own"), 12345, "127.0.0.1:8000")  # noqa: S108 - nothing is written there
    config = front.proxy.config(place, front.variant.settings)
    lines = [line.strip() for line in config.splitlines()]
    for setting in front.variant.settings:
        assert setting.replace("{origin}", place.origin).strip() in lines
    assert "12345" in " ".join([config, *front.proxy.arguments(place)])
    assert place.origin in config
    assert config.count("{") == config.count("}")
    paths = re.findall(r"(?<![\w:/.])/[\w./-]+", config)
    assert all(path.startswith(str(place.folder)) for path in paths), paths
    told = [*front.proxy.arguments(place), *front.proxy.env(place.folder).values()]
    assert all(path.startswith(str(place.folder)) for path in told if path.startswith("/"))


def test_an_ipv6_origin_stands_in_brackets() -> None:
    assert origin_of("::1", 80) == "[::1]:80"


def test_what_is_said_of_requirements_names_those_that_there_are() -> None:
    named = [*HOP_BY_HOP]
    named += [made for aspect in ASPECTS for made in aspect.requirements]
    named += [made for front in FRONTS for made in front.variant.breaks]
    named += [row.requirement for front in FRONTS for row in front.variant.deviations]
    assert set(named) <= set(KNOWN)
    for front in FRONTS:
        assert not set(front.variant.breaks) & {row.requirement for row in front.variant.deviations}
        assert not set(front.variant.breaks) & set(HOP_BY_HOP)
        assert not (front.variant.use and front.variant.breaks)


# What is found behind a proxy beside what is found directly


def finding(name: str, verdict: Verdict, **more: object) -> Finding:
    level = SHOULD if verdict is Verdict.WARN else MUST
    return replace(Finding(name, level, verdict, ""), **more)  # type: ignore[arg-type]  # a field of Finding each


def seen(*verdicts: Finding, deviations: Sequence[Deviation] = ()) -> TargetResults:
    return replace(GOOD, name="good via it", verdicts=list(verdicts), deviations=list(deviations), direct=GOOD.name)


def test_what_a_proxy_breaks_holds_directly() -> None:
    direct = replace(
        GOOD, verdicts=[finding("a", Verdict.PASS), finding("b", Verdict.FAIL), finding("c", Verdict.DEVIATION)]
    )
    through = seen(finding("a", Verdict.FAIL), finding("b", Verdict.FAIL), finding("c", Verdict.PASS))
    assert [made.id for made in broken(through, direct)] == ["a"]
    assert [made.id for made in mended(through, direct)] == ["c"]
    assert [made.id for made in cannot_keep(seen(finding("a", Verdict.DEVIATION)), direct)] == ["a"]
    assert not broken(seen(finding("a", Verdict.NOT_APPLICABLE)), direct)
    assert not broken(seen(finding("a", Verdict.INCONCLUSIVE)), direct)
    without = replace(GOOD, verdicts=[finding("http2-causal", Verdict.NOT_APPLICABLE)])
    assert [made.id for made in broken(seen(finding("http2-causal", Verdict.FAIL)), without)] == ["http2-causal"]
    assert in_pairs([direct, through, replace(GOOD, name="other")]) == [(direct, [through])]


ONE_RESPECT = Deviation("b", "known", "https://example.org", found="HTTP/1.0")


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ([], "-"),
        ([finding("a", Verdict.NOT_APPLICABLE)], "-"),
        ([finding("a", Verdict.PASS), finding("b", Verdict.NOT_APPLICABLE)], "yes"),
        ([finding("a", Verdict.PASS, measured={"cleanup_ms": 0.5}), finding("b", Verdict.PASS)], "yes, 0.5 ms"),
        ([finding("a", Verdict.PASS), finding("b", Verdict.FAIL)], "1 of 2"),
        ([finding("a", Verdict.WARN), finding("b", Verdict.FAIL)], "NO"),
        ([finding("a", Verdict.PASS), finding("b", Verdict.INCONCLUSIVE)], "?"),
        ([finding("b", Verdict.DEVIATION, message="not to HTTP/1.0")], "yes, but see the deviation"),
        ([finding("b", Verdict.DEVIATION, message="not at all")], "NO"),
    ],
)
def test_a_question_is_answered_by_its_requirements(verdicts: list[Finding], said: str) -> None:
    aspect = Aspect("?", ("a", "b"), "cleanup_ms", "ms")
    assert answer(aspect, seen(*verdicts, deviations=[ONE_RESPECT])) == said


def test_a_proxy_that_is_not_installed_is_not_applicable_and_never_green(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_module, "SYSTEM_FOLDERS", "")
    monkeypatch.setenv("PATH", "")
    with fake_server() as server:
        [_, chosen] = session.choose([server.url], via=[find("caddy:gzip")])
        [found] = session.run([chosen], select(["head"]), 1.0, Silent()).targets
    assert {made.verdict for made in found.verdicts} == {Verdict.NOT_APPLICABLE}
    assert found.error == found.verdicts[0].message == "caddy is not installed here: apt-get install caddy"
    assert (found.via, found.direct) == ("caddy:gzip", server.url.removeprefix("http://"))
    assert exit_code([found], strict=True) is ExitCode.INCONCLUSIVE


# A path that is deployed already


@contextlib.contextmanager
def pipe_to(port: int) -> Iterator[str]:
    """A path that passes on every byte, and every end of a connection, to that port: its URL."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                kept.extend((client, server))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    kept: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for each in kept:
            each.close()


def test_a_deployed_path_is_judged_beside_its_origin() -> None:
    with running(control_implementation()) as origin, pipe_to(origin.port) as url:
        chosen = session.choose_deployed(url, origin.url)
        wanted = select(["head", "chunks-causal", "disconnect-fin-idle", "disconnect-rst-idle"])
        direct, through = session.run(chosen, wanted, 1.0, Silent()).targets
    assert (direct.direct, through.direct) == (None, direct.name)
    assert direct.count(Verdict.PASS) == len(wanted)
    not_applicable = {made.id for made in through.verdicts if made.verdict is Verdict.NOT_APPLICABLE}
    assert not_applicable == {"head-accel-buffering", "head-no-connection-fields"}
    assert through.count(Verdict.PASS) == len(wanted) - 2, through.verdicts


def test_another_server_behind_the_path_is_an_error() -> None:
    another = {"contract": "1", "capabilities": []}
    with (
        fake_server() as one,
        fake_server(another) as other,
        running(one.url) as origin,
        pytest.raises(TargetError, match="is another server behind it"),
    ):
        behind(other.url, origin)


def test_another_instance_of_the_server_behind_the_path_is_an_error() -> None:
    control = control_implementation()
    with running(control) as origin, running(control) as other, pytest.raises(TargetError, match="is not known at"):
        behind(other.url, origin)


def test_a_server_that_wants_tls_is_not_put_behind_a_proxy() -> None:
    with fake_server() as server, running(server.url) as origin:
        wants_tls = replace(origin, url=origin.url.replace("http:", "https:"))
        said = "nginx speaks to servers without TLS here"
        with pytest.raises(TargetError, match=said), find("nginx").before(wants_tls):
            pass


@pytest.mark.parametrize(
    ("url", "origin", "says"),
    [
        ("http://h:1", "http://h:1/", "is the origin itself"),
        ("starlette", "http://h:1", "compares two base URLs"),
        ("http://h:1", "starlette", "compares two base URLs"),
    ],
)
def test_direct_wants_two_urls(url: str, origin: str, says: str) -> None:
    with pytest.raises(TargetError, match=says):
        session.choose_deployed(url, origin)


# The real ones


def installed(name: str) -> Front:
    """That proxy and variant. Where it is not here the test is skipped, or fails where it was said to be."""
    front = find(name)
    if missing := front.missing():
        assert not os.environ.get("STREAMSPEC_REQUIRE_PROXIES"), missing
        pytest.skip(missing)
    return front


def verdicts(front: Front, *wanted: str) -> dict[str, Verdict]:
    """What is found of the control server behind it."""
    with running(control_implementation()) as origin, front.before(origin) as target, Check(target) as check:
        found = check.run(select(wanted), "control").verdicts
    return {made.id: made.verdict for made in found}


LIVE = ("head-before-first-item", "chunks-causal", "chunks-causal-encoded", "framing-causal", "failure-error-event")
DISCONNECTS = ("disconnect-fin-idle", "disconnect-rst-active", "disconnect-half-close", "disconnect-quiet-log")


@pytest.mark.parametrize("name", ["nginx", "caddy", "haproxy"])
def test_our_settings_keep_what_matters(name: str) -> None:
    found = verdicts(installed(name), *LIVE, *DISCONNECTS)
    assert set(found.values()) == {Verdict.PASS}, found


@pytest.mark.parametrize(
    ("name", "breaks"),
    [
        ("nginx:ignore-abort", "disconnect-fin-idle"),
        ("caddy:flush", "disconnect-fin-idle"),
        ("haproxy:no-abortonclose", "disconnect-fin-idle"),
        ("haproxy:delay", "chunks-pacing"),
        ("caddy:gzip", "chunks-causal-encoded"),
    ],
)
def test_settings_to_avoid_break_what_is_said_of_them(name: str, breaks: str) -> None:
    front = installed(name)
    assert breaks in front.variant.breaks
    assert verdicts(front, breaks) == {breaks: Verdict.FAIL}


def test_a_buffering_proxy_is_found_out() -> None:
    found = verdicts(installed("nginx:buffered"), "head-before-first-item", "chunks-content")
    assert found == {"head-before-first-item": Verdict.FAIL, "chunks-content": Verdict.PASS}


@pytest.mark.parametrize("name", ["nginx", "caddy", "haproxy"])
def test_nothing_is_left_of_a_proxy(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    front = installed(name)
    with fake_server() as server, running(server.url) as origin:
        with front.before(origin) as target:
            port = target.port
            [folder] = tmp_path.iterdir()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port), 1)
    assert not folder.exists()


@pytest.mark.parametrize("name", ["nginx", "caddy", "haproxy"])
def test_a_configuration_that_the_proxy_refuses_is_one_sentence(name: str) -> None:
    front = installed(name)
    wrong = Front(front.proxy, Variant("wrong", "It is none.", False, ("no_such_setting 1;",)))
    with fake_server() as server, running(server.url) as origin:
        said = f"{name}:wrong: it did not start; its last words: "
        with pytest.raises(ProcessError, match=said) as caught, wrong.before(origin):
            pass
    assert "\n" not in str(caught.value)


def test_a_free_port_is_left_alone_and_can_be_bound() -> None:
    ports = {free_port() for _ in range(20)}
    assert len(ports) == 20
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


# The page


@each_front
def test_the_page_has_a_row_and_the_settings_of_each_variant(front: Front) -> None:
    page = PAGE.read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith(f"| `{front.name}` |")]
    assert len(rows) == 1, f"make the page anew: `streamspec compare starlette --via all`, {table.BEGIN}"
    assert "\n".join(table.settings(front)) in page
    cells = [cell.strip() for cell in rows[0].strip("|").split("|")]
    assert cells[1] == ("use" if front.variant.use else "avoid")
    assert set(re.findall("`([^`]+)`", cells[-1])) >= set(front.variant.breaks)
    assert not (front.variant.use and cells[-1] != "nothing")


def test_the_page_has_what_is_not_kept_and_what_does_not_apply() -> None:
    assert "\n".join(table.limits()) in PAGE.read_text("utf-8")


def test_tables_of_half_a_run_are_refused() -> None:
    half = seen(finding("chunks-causal", Verdict.PASS))
    results = Results("2026-11-22T10:00:00+00:00", "0", [GOOD, replace(half, via="nginx")], complete=True)
    with pytest.raises(table.NoSuchRun, match="was not observed"):
        table.tables(results)


# What is printed


def printed(*targets: TargetResults) -> str:
    console = Console(width=200, file=io.StringIO(), highlight=False)
    print_proxied(console, targets)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_report_names_what_a_proxy_breaks_and_how_to_see_it_again() -> None:
    direct = replace(GOOD, spec="good", verdicts=[finding("chunks-causal", Verdict.PASS)])
    broke = finding("chunks-causal", Verdict.FAIL, expected="soon", actual="late", curl="curl -N http://127.0.0.1/")
    through = replace(seen(broke), via="nginx:buffered", via_version="nginx 1.22.1")
    told = printed(direct, through)
    assert "nginx:buffered (nginx 1.22.1) breaks 1 requirement that holds directly:" in told
    assert re.search(r"breaks +chunks-causal\n", told)
    assert re.search(r"Text arrives live +yes +NO", told)
    assert dict(evidence(broke, through, KNOWN)) == {
        "source": f"{KNOWN['chunks-causal'].anchor.title}: {KNOWN['chunks-causal'].anchor.url}",
        "expected": "soon",
        "actual": "late",
        "again": "streamspec compare good --via nginx:buffered --select chunks-causal",
    }
    [heading] = [line for line in proxied_markdown([direct, through]) if line.startswith("###")]
    assert heading == "### good, directly and behind a proxy"


def test_a_report_on_a_deployed_path_says_how_to_see_it_again() -> None:
    through = replace(
        seen(broke := finding("chunks-causal", Verdict.FAIL)), spec="http://h:1", direct="o:2", origin="http://o:2"
    )
    again = dict(evidence(broke, through, KNOWN))["again"]
    assert again == "streamspec check http://h:1 --direct http://o:2 --select chunks-causal"


def test_a_proxy_that_breaks_nothing_is_said_to() -> None:
    direct = replace(GOOD, verdicts=[finding("chunks-causal", Verdict.PASS)])
    through = replace(seen(finding("chunks-causal", Verdict.PASS)), via="nginx")
    told = printed(direct, through)
    assert "nginx breaks nothing\n" in told
    assert "A failure is visible" not in told
    known = replace(through, verdicts=[finding("chunks-causal", Verdict.DEVIATION)])
    assert "nginx breaks nothing that is not known of it\n" in printed(direct, known)
    assert printed(direct) == ""
    absent = replace(through, error="nginx is not installed here: apt-get install nginx", verdicts=[])
    assert "nginx: nginx is not installed here: apt-get install nginx" in printed(direct, absent)
