"""The four in a browser: a page on one port, the servers on others that allow it to read them, all ended together."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import webbrowser
from typing import TYPE_CHECKING, TextIO

from streamspec.demo_page import PageServer
from streamspec.implementation import TargetError, read_implementation
from streamspec.mistake import Mistake
from streamspec.process import Process, ProcessError
from streamspec.target_names import implementations

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from streamspec.implementation import Implementation

LOOK_EVERY_S = 0.5
"""How soon a server that ended by itself is told."""


class DemoError(Mistake):
    """The demo cannot be shown as things are; the message says what is missing and what to do."""


def show(page: Path, *, port: int, servers: Sequence[str] = (), open_browser: bool, out: TextIO) -> None:
    """Serve the page and the implementations until KeyboardInterrupt. Raises Mistake where that is not possible."""
    if not (page / "index.html").is_file():
        raise DemoError(
            f"{page}: no page is there: `python3 conformance demo` builds it; by hand, `npm ci` and `npm run build` in "
            "client/web do, in its folder out"
        )
    chosen = _chosen(servers)
    with PageServer(page, port) as page_server, _launched(chosen, page_server.origin) as processes:
        page_server.serve(_urls(chosen, processes))
        print(f"{page_server.origin}   (Ctrl-C stops the page and the servers)", file=out, flush=True)
        if open_browser:
            webbrowser.open(page_server.origin)
        _watch(processes)


def _chosen(names: Sequence[str]) -> list[Implementation]:
    found = implementations()
    if not found:
        raise DemoError("no implementations are here: start this in the checkout, or as `python3 conformance demo`")
    if unknown := [name for name in names if name not in found]:
        raise DemoError(f"no implementation {unknown[0]!r}: there are {', '.join(found)}")
    return [read_implementation(path) for name, path in found.items() if not names or name in names]


@contextlib.contextmanager
def _launched(chosen: Sequence[Implementation], origin: str) -> Iterator[list[Process]]:
    """Processes of these implementations; they are told to end all at once."""
    env = {
        "STREAMSPEC_CORS_ORIGINS": origin,
        # Nobody waits for the end of a demo: streams are cut at once.
        "STREAMSPEC_DRAIN_MS": os.environ.get("STREAMSPEC_DRAIN_MS", "0"),
    }
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(Process(one.command, cwd=one.cwd, env={**one.env, **env}, name=one.name))
            for one in chosen
        ]
        try:
            yield processes
        finally:
            for process in processes:
                process.terminate()


def _urls(chosen: Sequence[Implementation], processes: Sequence[Process]) -> list[dict[str, str]]:
    try:
        return [
            {"name": one.name, "url": process.wait_url(one.ready, one.ready_within_s)}
            for one, process in zip(chosen, processes, strict=True)
        ]
    except ProcessError as error:
        raise TargetError(str(error)) from error


def _watch(processes: Sequence[Process]) -> None:
    """Tell of each server that ends by itself; the page shows what that does to its streams."""
    running = list(processes)
    while True:
        time.sleep(LOOK_EVERY_S)  # a signal ends it early
        for process in [process for process in running if process.exit_code is not None]:
            running.remove(process)
            print(f"streamspec: {process.name} ended {process.ending()}{process.last_words()}", file=sys.stderr)
