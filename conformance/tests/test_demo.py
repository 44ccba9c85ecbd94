"""`streamspec demo` without a browser: what it starts is there, and goes when it goes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DEADLINE_S = 30.0


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<title>the page</title>")
    return tmp_path


def demo_command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "streamspec", "demo", *arguments]


@contextmanager
def running_demo(page: Path, *names: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The demo with the origin that it prints; it is ended whatever happens."""
    with subprocess.Popen(
        demo_command(*names, "--port", "0", "--page", str(page)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        try:
            assert demo.stdout is not None
            yield demo, demo.stdout.readline().split()[0]
        finally:
            demo.terminate()


def implementations(origin: str) -> list[dict[str, str]]:
    with urlopen(f"{origin}/implementations.json", timeout=DEADLINE_S) as answer:  # noqa: S310 - it is http
        told: list[dict[str, str]] = json.load(answer)
    return told


def test_the_page_and_the_four_are_there_and_let_the_page_read_them(page: Path) -> None:
    with running_demo(page) as (_, origin):
        assert origin.startswith("http://localhost:")
        with urlopen(origin, timeout=DEADLINE_S) as answer:  # noqa: S310 - it is http
            assert b"the page" in answer.read()
        found = implementations(origin)
        assert [one["name"] for one in found] == ["aiohttp", "fastapi", "quart", "starlette"]
        for one in found:
            request = Request(one["url"], headers={"Origin": origin})  # noqa: S310 - it is http
            with urlopen(request, timeout=DEADLINE_S) as answer:  # noqa: S310
                assert answer.headers["Access-Control-Allow-Origin"] == origin
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"{origin}/../pyproject.toml", timeout=DEADLINE_S)  # noqa: S310 - it is http


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_it_ends_all_that_it_started(page: Path, ending: signal.Signals) -> None:
    with running_demo(page, "aiohttp", "starlette") as (demo, origin):
        urls = [one["url"] for one in implementations(origin)]
        # A stream that is open holds nothing up.
        with urlopen(f"{urls[0]}/stream?first_delay_ms=60000", timeout=DEADLINE_S):  # noqa: S310 - it is http
            demo.send_signal(ending)
            _, said = demo.communicate(timeout=DEADLINE_S)
        assert (demo.returncode, said) == (0, "streamspec: stopped\n")
        for url in [origin, *urls]:
            with pytest.raises(URLError, match="refused"):
                urlopen(url, timeout=DEADLINE_S)  # noqa: S310 - it is http


def test_a_server_that_ends_by_itself_is_told(page: Path) -> None:
    with running_demo(page, "quart") as (demo, origin):
        [quart] = implementations(origin)
        with urlopen(f"{quart['url']}/stream?count=0&token=last", timeout=DEADLINE_S):  # noqa: S310 - it is http
            pass
        with urlopen(f"{quart['url']}/streams/last", timeout=DEADLINE_S) as answer:  # noqa: S310 - it is http
            os.kill(json.load(answer)["worker"], signal.SIGKILL)
        assert demo.stderr is not None
        assert demo.stderr.readline() == "streamspec: quart ended by SIGKILL\n"


def ended(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        demo_command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_port_that_is_taken_is_told(page: Path, family: socket.AddressFamily, host: str) -> None:
    try:
        taken = socket.create_server((host, 0), family=family)
    except OSError as error:
        pytest.skip(f"no {host} here: {error}")
    with taken:
        port = taken.getsockname()[1]
        said = ended("--port", str(port), "--page", str(page))
    assert (said.returncode, said.stdout) == (2, "")
    assert f"localhost port {port}" in said.stderr
    assert "--port" in said.stderr


def test_without_a_page_or_with_an_unknown_name_it_says_what_to_do(page: Path, tmp_path: Path) -> None:
    no_page = ended("--page", str(tmp_path / "nowhere"))
    assert (no_page.returncode, "python3 conformance demo" in no_page.stderr) == (2, True)
    unknown = ended("flask", "--page", str(page))
    assert (unknown.returncode, "no implementation 'flask': there are aiohttp" in unknown.stderr) == (2, True)
