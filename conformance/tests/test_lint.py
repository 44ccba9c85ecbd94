"""`streamspec lint` as a command: requests, servers of all kinds, TLS, proxies, what it prints and how it ends."""

from __future__ import annotations

import base64
import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from tests.raw_endpoints import CERTIFICATE, Endpoint, Stream, buffered
from typer.testing import CliRunner

from streamspec.cli import app
from streamspec.implementation import control_implementation, read_implementation
from streamspec.lint import run
from streamspec.lint.address import Address, BadAddress
from streamspec.lint.look import Limits
from streamspec.lint.request import BadRequest, Request, body_of
from streamspec.lint.timeline import lines, told
from streamspec.lint.verdicts import Seen
from streamspec.proxies.launching import Front
from streamspec.proxies.nginx import BUFFERED, GZIP, HTTP10, HTTP11, NGINX, PATIENT
from streamspec.proxies.proxy import Variant
from streamspec.report.results import ExitCode, Verdict
from streamspec.target import running

if TYPE_CHECKING:
    from typer.testing import Result

    from streamspec.lint.verdicts import Linted, LintResults

ROOT = Path(__file__).resolve().parents[2]
LIMITS = Limits(max_events=40, max_time_s=10.0, max_silence_s=5.0)
EVENTS = Stream().items
QUICK = Stream(step_s=0.02)


def lint(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["lint", *arguments], env={"NO_COLOR": "1", "COLUMNS": "100"})


def verdicts(result: Result) -> dict[str, str]:
    (target,) = json.loads(result.stdout)["targets"]
    return {made["id"]: made["verdict"] for made in target["verdicts"]}


# The request


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("http://example.org", "http://example.org", "/"),
        ("https://example.org/a b".replace(" ", "%20"), "https://example.org", "/a%20b"),
        ("http://example.org:8080/ä?q=ü#part", "http://example.org:8080", "/%C3%A4?q=%C3%BC"),
        ("http://[::1]:80/x", "http://[::1]", "/x"),
        ("https://u:p%40@example.org:443/", "https://example.org", "/"),
        ("http://example.org?x=1", "http://example.org", "/?x=1"),
    ],
)
def test_a_url_becomes_where_to_connect_and_what_to_ask(url: str, origin: str, target: str) -> None:
    address = Address.of(url)
    assert (address.origin, address.target) == (origin, target)


@pytest.mark.parametrize(
    "url", ["example.org", "ftp://example.org", "http://", "http://h:x/", "http://h:0/", "http://h/a b", "http://[::1/"]
)
def test_a_url_that_is_none_is_a_mistake(url: str) -> None:
    with pytest.raises(BadAddress, match=re.escape(url.partition(" ")[0])):
        Address.of(url)


def test_an_origin_without_a_path_has_that_of_the_url() -> None:
    address = Address.of("https://example.org/v1/stream?x=1")
    assert address.at("http://127.0.0.1:8000").url == "http://127.0.0.1:8000/v1/stream?x=1"
    assert address.at("http://127.0.0.1:8000/other").url == "http://127.0.0.1:8000/other"


def test_the_request_is_what_curls_options_say() -> None:
    request = Request.of(
        "http://name:secret@example.org/",
        lines=["Accept:", "X-Empty;", "X-Given:  a: b ", "user-agent: mine", "X-Unicode: ü"],
        body=b"a=1",
        is_form=True,
        cookie="a=1; b=2",
    )
    assert request.method == "POST"
    assert dict(request.fields) == {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": "a=1; b=2",
        "Authorization": "Basic " + base64.b64encode(b"name:secret").decode(),
        "X-Empty": "",
        "X-Given": "a: b",
        "user-agent": "mine",
        "X-Unicode": "ü".encode().decode("latin-1"),
    }


@pytest.mark.parametrize("line", ["no colon", "na me: x", ": x", "X: a\nY: b", "X: \0"])
def test_a_line_that_is_no_field_is_a_mistake(line: str) -> None:
    with pytest.raises(BadRequest, match="-H"):
        Request.of("http://example.org", lines=[line])


def test_bodies_come_from_the_command_and_from_files(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"a\r\nb\n\xff")
    named = f"@{tmp_path / 'body'}"
    assert body_of(["x=1", named], None) == b"x=1&ab\xff"
    assert body_of(None, [named]) == b"a\r\nb\n\xff"
    assert body_of(None, None) is None
    with pytest.raises(BadRequest, match="nothing-here"):
        body_of(["@nothing-here"], None)


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
def test_a_redirect_keeps_or_changes_the_method_and_credentials_stay_at_home(status: int, method: str) -> None:
    request = Request.of(
        "https://example.org/", lines=["Authorization: Bearer x", "X-Kept: y"], body=b"{}", cookie="a=b", is_form=True
    )
    near = request.redirected(status, request.address.followed_to("/there"))
    far = request.redirected(status, request.address.followed_to("//elsewhere.org/there"))
    assert near.method == far.method == method
    assert (near.body is None, near.value("content-type") is None) == (method == "GET", method == "GET")
    assert near.value("authorization") == "Bearer x"
    assert (far.value("authorization"), far.value("cookie"), far.value("x-kept")) == (None, None, "y")


def test_method_fields_body_cookies_and_credentials_arrive() -> None:
    with Endpoint(QUICK) as endpoint:
        lint(
            endpoint.url, "-X", "PATCH", "-H", "X-Mine: 1", "-d", "a=1", "--data-binary", "b=\n", "-b", "c=d",
            "-u", "n:p", "--once",
        )  # fmt: skip
        (asked,) = endpoint.asked
    assert (asked.method, asked.target, asked.body) == ("PATCH", "/", b"a=1&b=\n")
    assert asked.fields["x-mine"] == "1"
    assert asked.fields["cookie"] == "c=d"
    assert asked.fields["authorization"] == "Basic bjpw"
    assert asked.fields["host"] == f"127.0.0.1:{endpoint.port}"


@pytest.mark.parametrize(("option", "times"), [((), 1), (("--repeat",), 3), (("--once",), 1)])
def test_a_post_is_sent_once_and_the_output_says_how_to_see_more(option: tuple[str, ...], times: int) -> None:
    with Endpoint(QUICK) as endpoint:
        result = lint(endpoint.url, "-d", "a=1", *option)
        assert len(endpoint.asked) == times
    assert result.exit_code == ExitCode.CONFORMANT
    told = "sent once, so 3 checks that ask in other ways were not made; --repeat makes them"
    assert (told in result.stdout) == (times == 1)


def test_the_help_says_what_is_repeated() -> None:
    told = " ".join(lint("--help").stdout.replace("│", " ").split())
    assert "--repeat" in told
    assert "POST, which may cost or change something, is sent once" in told


# How it ends


def test_a_sound_stream_exits_0_and_says_what_stays_unknown() -> None:
    with Endpoint(QUICK) as endpoint:
        result = lint(endpoint.url)
    assert result.exit_code == ExitCode.CONFORMANT
    assert "nothing wrong on the wire, 26 pass, 4 n/a" in result.stdout
    assert "the producer stops when its client leaves" in " ".join(result.stdout.split())
    assert "disconnect " in result.stdout
    assert "\x1b" not in result.stdout + result.stderr


def test_a_violation_exits_1_with_its_evidence() -> None:
    with Endpoint(buffered(EVENTS, 0.6, Server="nginx")) as endpoint:
        result = lint(endpoint.url, "--once")
    assert result.exit_code == ExitCode.VIOLATION
    assert "FAIL lint-incremental" in result.stdout
    assert "nginx: `proxy_buffering off`" in result.stdout
    assert "something is wrong on the wire" in result.stdout


def test_where_there_is_no_stream_that_is_all_that_is_told() -> None:
    with Endpoint(lambda answer: answer.whole("text/plain", b"", "404 Not Found")) as endpoint:
        result = lint(endpoint.url)
    assert result.exit_code == ExitCode.VIOLATION
    assert "every other check" in result.stdout
    assert "unknown" not in result.stdout
    assert f"{endpoint.url}: there is no stream, the answer is 404, 1 FAIL" in result.stdout


def test_what_must_be_mended_is_told_before_what_should_be() -> None:
    with Endpoint(buffered(EVENTS, 0.0, **{"Cache-Control": "max-age=1"})) as endpoint:
        told = lint(endpoint.url, "--once").stdout
    assert told.index("FAIL lint-incremental") < told.index("warn head-no-transform")


def test_strict_counts_what_should_be() -> None:
    with Endpoint(Stream(without=("X-Accel-Buffering",))) as endpoint:
        assert lint(endpoint.url, "--once").exit_code == ExitCode.CONFORMANT
        assert lint(endpoint.url, "--once", "--strict").exit_code == ExitCode.VIOLATION


def test_what_cannot_be_told_exits_3() -> None:
    with Endpoint(Stream(step_s=0.0)) as endpoint:
        result = lint(endpoint.url, "--once", "--json")
    assert result.exit_code == ExitCode.INCONCLUSIVE
    assert verdicts(result)["lint-incremental"] == Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ftp://example.org"], "starts with http://"),
        (["http://example.org", "-H", "x"], "write `Name: value`"),
        (["http://example.org", "-d", "@nothing-here"], "cannot be read as the body"),
        (["http://example.org", "-b", "jar.txt"], "a cookie file is not read"),
        (["http://example.org", "-u", "name"], "write `name:password`"),
        (["http://example.org", "-X", "A B"], "a method is one word"),
        (["http://example.org", "--cacert", "nothing-here"], "nothing-here: cannot be read"),
        (["http://example.org", "--direct", "origin"], "starts with http://"),
    ],
)
def test_a_command_that_cannot_be_followed_exits_2_with_a_sentence(arguments: list[str], told: str) -> None:
    result = lint(*arguments)
    assert result.exit_code == ExitCode.USAGE
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (f"http://127.0.0.1:{unused_port()}/", "Connection refused; is it running, and is the port right?"),
        ("http://no-such-host.invalid/", "the name does not resolve"),
        (f"http://{'a' * 70}.example/", "that is no host name"),
    ],
    ids=["nobody listens", "wrong host name", "no host name"],
)
def test_what_cannot_be_reached_exits_3_with_a_sentence(url: str, told: str) -> None:
    result = lint(url)
    assert result.exit_code == ExitCode.INCONCLUSIVE
    assert result.stderr.startswith("streamspec: INCONCLUSIVE: http://")
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_json_is_the_whole_of_standard_output() -> None:
    with Endpoint(QUICK) as endpoint:
        found = json.loads(lint(endpoint.url, "--json").stdout)
    assert (found["format"], found["complete"]) == ("streamspec-lint/1", True)
    (target,) = found["targets"]
    assert [look["name"] for look in target["looks"]] == ["as asked", "browser", "HTTP/1.0", "back"]
    assert target["looks"][0]["pieces"] == 6
    assert "disconnect-fin-idle" in found["unknown"]


# TLS


def test_tls_is_spoken_with_whom_one_trusts() -> None:
    with Endpoint(QUICK, tls=True) as endpoint:
        refused = lint(endpoint.url)
        insecure = lint(endpoint.url, "-k")
        trusted = lint(endpoint.url, "--cacert", CERTIFICATE)
        misnamed = lint(endpoint.url.replace("localhost", "127.0.0.1"), "--cacert", CERTIFICATE)
        plain = lint(endpoint.url.replace("https", "http"))
    assert refused.exit_code == misnamed.exit_code == plain.exit_code == ExitCode.INCONCLUSIVE
    assert "--cacert FILE trusts who signed it, -k whatever comes" in refused.stderr
    assert "ask by the name that it is for" in misnamed.stderr
    assert insecure.exit_code == trusted.exit_code == ExitCode.CONFORMANT
    assert "is TLS spoken there (https://)?" in " ".join(plain.stdout.split())


def test_https_where_no_tls_is_spoken_is_one_sentence() -> None:
    with running(control_implementation()) as target:
        result = lint(target.url.replace("http", "https"), "--max-time", "0.5")
    assert result.exit_code == ExitCode.INCONCLUSIVE
    assert "does it speak plain HTTP (http://)?" in result.stderr
    assert result.stderr.count("\n") == 1


# Servers


def found_at(url: str, direct: str | None = None) -> LintResults:
    return run.lint(Request.of(url), LIMITS, Console(file=io.StringIO()), direct=direct, follow=False, once=None)


def wrong(target: Linted) -> dict[str, str]:
    fine = {Verdict.PASS, Verdict.NOT_APPLICABLE}
    return {made.id: made.message for made in target.verdicts if made.verdict not in fine}


def test_ipv6_is_spoken() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with Endpoint(QUICK, host="::1") as endpoint:
        result = lint(endpoint.url, "--once")
        assert endpoint.asked[0].fields["host"] == f"[::1]:{endpoint.port}"
    assert result.exit_code == ExitCode.CONFORMANT


@pytest.mark.parametrize("name", ["control", "starlette", "fastapi", "aiohttp", "quart"])
def test_nothing_is_wrong_with_ours(name: str) -> None:
    found = control_implementation() if name == "control" else read_implementation(ROOT / "impls" / name / "impl.toml")
    with running(found) as target, ThreadPoolExecutor() as pool:
        urls = [f"{target.url}{path}?count=4&interval_ms=60" for path in ("/sse", "/stream")]
        for results in pool.map(found_at, urls):
            (linted,) = results.targets
            assert wrong(linted) == {}, linted.url


def test_an_mutant_is_caught_by_the_ids_of_the_contract() -> None:
    with running(control_implementation("framing-known-fields/sends-sequence-numbers")) as target:
        (linted,) = found_at(f"{target.url}/sse?count=4&interval_ms=60").targets
    assert set(wrong(linted)) == {"framing-known-fields"}


def nginx(*settings: str) -> Front:
    """A front of nginx with those settings; the test is skipped where it is not here."""
    front = Front(NGINX, Variant("", "Whatever holds a stream back.", False, (*settings, *PATIENT)))
    if missing := front.missing():
        pytest.skip(missing)
    return front


def test_nginx_that_buffers_is_named_and_what_it_changes_is_told() -> None:
    front = nginx(*HTTP10, *BUFFERED, *GZIP)
    with running(control_implementation()) as target, front.before(target) as seen:
        results = found_at(f"{seen.url}/sse?count=8&interval_ms=100", direct=target.url)
    path, origin = results.targets
    assert wrong(origin) == {}
    assert {"lint-incremental", "lint-incremental-encoded", "lint-head-early"} <= set(wrong(path))
    assert "nginx: `proxy_buffering off`" in wrong(path)["lint-incremental"]
    assert "Content-Encoding: gzip" in wrong(path)["lint-incremental-encoded"]
    told = "\n".join(results.changes)
    assert re.search(r"^as asked: buffered: 9 events at 1 moment, at the origin 9 at [89]$", told, re.MULTILINE)
    assert re.search(r"^as asked: the header section comes \d\.\d+ s later$", told, re.MULTILINE)
    assert "browser: Content-Encoding gzip, at the origin none" in told
    assert results.changes[-1].startswith("unknown: whether a client that leaves the path is noticed")
    assert run.exit_code(results, strict=False) is ExitCode.VIOLATION


def test_nginx_whose_compression_alone_holds_back_does_so_to_browsers_alone() -> None:
    front = nginx(*HTTP11, *BUFFERED, *GZIP)
    with running(control_implementation()) as target, front.before(target) as seen:
        (path,) = found_at(f"{seen.url}/sse?count=8&interval_ms=100").targets
    assert set(wrong(path)) == {"lint-incremental-encoded"}
    assert "Content-Encoding: gzip" in wrong(path)["lint-incremental-encoded"]


# Path and origin


def test_a_path_that_changes_nothing_is_told_so() -> None:
    with Endpoint(QUICK) as path, Endpoint(QUICK) as origin:
        result = lint(path.url, "--direct", origin.url)
    assert result.exit_code == ExitCode.CONFORMANT
    assert "nothing that either end shows" in result.stdout
    assert re.search(r"pass +pass +lint-incremental\n", result.stdout)


def test_what_a_path_changes_is_told_for_each_look() -> None:
    changed = buffered(EVENTS, 0.6, Server="proxy", **{"Cache-Control": "no-cache"})
    with Endpoint(changed) as path, Endpoint(QUICK) as origin:
        results = found_at(path.url, direct=origin.url)
    told = "\n".join(results.changes)
    assert "as asked: the body is content-length, at the origin chunked" in told
    assert re.search(r"as asked: the first of its events comes 0\.\d+ s later", told)
    assert "cache-control: no-cache, at the origin no-store, no-transform" in told


def test_what_the_origin_shows_live_was_held_back_on_the_path() -> None:
    held = b"".join(b"data: %d\n\n" % n for n in range(6))
    with Endpoint(Stream(items=(held,), wait_first_s=0.4)) as path, Endpoint(Stream(items=EVENTS)) as origin:
        results = run.lint(
            Request.of(path.url), LIMITS, Console(file=io.StringIO()), direct=origin.url, follow=False, once=True
        )
    assert "what comes from the origin: 6 events at 6 moments" in wrong(results.targets[0])["lint-incremental"]
    assert "lint-incremental" not in wrong(results.targets[1])


def test_an_origin_that_does_not_answer_leaves_the_path_judged() -> None:
    with Endpoint(QUICK) as path:
        result = lint(path.url, "--direct", f"http://127.0.0.1:{unused_port()}")
    assert result.exit_code == ExitCode.INCONCLUSIVE
    assert "Connection refused" in result.stderr
    assert "nothing wrong on the wire" in result.stdout


# What is seen


def test_a_check_of_its_own_is_explained() -> None:
    result = CliRunner().invoke(app, ["explain", "lint-incremental"])
    assert result.exit_code == ExitCode.CONFORMANT
    assert "not in one burst at the end of it" in " ".join(result.stdout.split())
    assert CliRunner().invoke(app, ["explain", "lint-nothing"]).exit_code == ExitCode.USAGE


def test_a_timeline_shows_when_the_head_and_each_piece_came() -> None:
    look = Seen("as asked", 200, [], 4, "events", 3, 100.0, [100.0, 500.0, 501.0, 990.0], "complete", "", 1000.0)
    (line,) = lines([look], is_unicode=False)
    assert line.plain == (
        "  as asked [    |---------------#------------------|] 4 events at 3 moments in 1.0 s, complete"
    )


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (Seen("", None, [], 0, "", 0, None, [], "open", "", 500.0), "no HTTP answer in 0.5 s"),
        (
            Seen("", None, [], 0, "", 0, None, [], "fin", "", 500.0),
            "no HTTP answer in 0.5 s, then the server closed the connection",
        ),
        (
            Seen("", 200, [], 0, "events", 0, 1.0, [2.0], "open", "left", 500.0, 1),
            "0 events and 1 comment in 0.5 s, left",
        ),
    ],
)
def test_a_look_without_pieces_is_told_in_words_of_its_own(look: Seen, words: str) -> None:
    assert told(look) == words


def on_a_terminal(*arguments: str) -> tuple[subprocess.Popen[bytes], int]:
    """The command with standard error on a terminal, and the other end of that."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "streamspec", "lint", *arguments],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120", "PYTHONIOENCODING": "utf-8"},
    )
    os.close(theirs)
    return process, ours


def read_to_end(descriptor: int) -> str:
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # Linux tells the end of a terminal so
            part = b""
        if not part:
            os.close(descriptor)
            return b"".join(parts).decode("utf-8", "replace")
        parts.append(part)


def test_the_timeline_grows_on_a_terminal_while_the_stream_runs() -> None:
    with Endpoint(Stream()) as endpoint:
        process, terminal = on_a_terminal(endpoint.url, "--once")
        drawn = read_to_end(terminal)
        process.communicate(timeout=30)
    counts = re.findall(r"(\d) events? at", drawn)
    assert "6" in counts
    assert len(set(counts)) > 2, "it was drawn while events came"


def test_ctrl_c_is_one_sentence() -> None:
    with Endpoint(Stream(is_endless=True)) as endpoint:
        process, terminal = on_a_terminal(endpoint.url, "--max-events", "100000")
        while b"events at" not in os.read(terminal, 65536):
            pass
        process.send_signal(signal.SIGINT)
        drawn = read_to_end(terminal)
        process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGINT
    assert "streamspec: interrupted" in drawn
    assert "Traceback" not in drawn
