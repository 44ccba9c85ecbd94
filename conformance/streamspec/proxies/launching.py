"""A proxy in front of a running target, on a free port, in a folder that goes with it. It judges nothing."""

from __future__ import annotations

import re
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from streamspec.implementation import TargetError
from streamspec.process import BROKEN_OFF_WITHIN_S, Process, ProcessError
from streamspec.proxies.proxy import Place, Proxy, Variant, ends_as_complete_to_http10, origin_of
from streamspec.target import Target, behind

if TYPE_CHECKING:
    from collections.abc import Iterator

READY_WITHIN_S = 60.0
"""Until a proxy listens: 0.02 s for nginx and HAProxy, 0.1 s for Caddy, 5 s for Next, 11 s on a busy machine."""

ATTEMPTS = 3
"""Starts, each on another port, in case somebody else took one."""

LOOKS_EVERY_S = 0.01


@dataclass(frozen=True)
class Front:
    """One variant of one proxy, to be put in front of targets."""

    proxy: Proxy
    variant: Variant

    @property
    def name(self) -> str:
        """What names it on a command line: `nginx`, `nginx:buffered`."""
        return f"{self.proxy.name}:{self.variant.name}" if self.variant.name else self.proxy.name

    @property
    def http2(self) -> bool:
        """Whether clients speak HTTP/2 to it."""
        return self.variant.http2

    def missing(self) -> str | None:
        """Why it cannot be started here, and what to do; None where it can."""
        if self.proxy.executable():
            return None
        return f"{self.proxy.name} is not installed here: {self.proxy.install}"

    @cached_property
    def version(self) -> str:
        """What the program says of its version: `nginx 1.22.1`."""
        path = self.proxy.executable()
        assert path is not None  # noqa: S101 - who asks has looked whether it is missing
        try:
            said = subprocess.run([path, *self.proxy.version_arguments], capture_output=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return f"{self.proxy.name} (version unknown)"
        number = re.search(rb"\d+\.\d+(\.\d+)?", said.stdout + said.stderr)
        return f"{self.proxy.name} {number.group().decode() if number else '(version unknown)'}"

    @contextmanager
    def before(self, origin: Target) -> Iterator[Target]:
        """The target as it is seen through the proxy.

        Raises ProcessError where that does not start, TargetError where it cannot speak to the target.
        """
        if origin.url.startswith("https:"):
            raise TargetError(
                f"{origin.url}: {self.proxy.name} speaks to servers without TLS here: give an http:// URL"
            )
        for attempt in range(1, ATTEMPTS + 1):
            with _own_folder(self.proxy.name) as folder:
                place = Place(folder, free_port(), origin_of(origin.host, origin.port), self.http2)
                with self._process(place) as process:
                    if not _listens(process, place.port):
                        if attempt < ATTEMPTS and "in use" in process.log_since(0):
                            continue
                        raise ProcessError(f"{self.name}: it did not start{process.last_words()}")
                    url = f"http://127.0.0.1:{place.port}{origin.prefix}"
                    seen = behind(url, origin, http2=self.http2)
                    deviations = (*self.variant.deviations, *origin.deviations)
                    yield replace(seen, deviations=deviations, expected=self.variant.breaks, front=self.before)
                    return

    def _process(self, place: Place) -> _Proxy:
        path = self.proxy.executable()
        if path is None:
            raise TargetError(self.missing() or "")
        try:
            for name in self.proxy.folders:
                (place.folder / name).mkdir()
            config = self.proxy.config(place, self.variant.settings)
            (place.folder / self.proxy.config_file).write_text(config, "utf-8")
        except OSError as error:
            raise ProcessError(f"{self.name}: its configuration cannot be written: {error.strerror}") from error
        return _Proxy(
            [path, *self.proxy.arguments(place)],
            cwd=place.folder,
            env=self.proxy.env(place.folder),
            name=self.name,
        )


@dataclass(frozen=True, slots=True)
class Deployed:
    """Whatever stands in front of a server that is seen at another URL too; the suite starts nothing of it."""

    url: str
    http2: bool = False
    name: str = ""
    version: str | None = None

    def missing(self) -> str | None:
        """Nothing is needed for it here."""
        return None

    @contextmanager
    def before(self, origin: Target) -> Iterator[Target]:
        """The target as it is seen at that URL. Raises TargetError where another server answers there."""
        seen = behind(self.url, origin, http2=self.http2)
        known = ends_as_complete_to_http10("what stands in front")
        yield replace(seen, deviations=(known, *origin.deviations))


@contextmanager
def _own_folder(name: str) -> Iterator[Path]:
    try:
        made = tempfile.TemporaryDirectory(prefix=f"streamspec-{name}-", ignore_cleanup_errors=True)
    except OSError as error:
        raise ProcessError(f"{name}: no folder can be made for its configuration: {error.strerror or error}") from error
    with made as folder:
        yield Path(folder)


class _Proxy(Process):
    """Nobody looks at how it ends."""

    def stop(self, within_s: float = BROKEN_OFF_WITHIN_S) -> None:
        """End it, soon."""
        super().stop(min(within_s, BROKEN_OFF_WITHIN_S))


def free_port() -> int:
    """A port of the loopback that the kernel gives to nobody else for a minute.

    A connection that was accepted on it and closed is in TIME-WAIT: the kernel picks such a port for nobody, and who
    names it (with SO_REUSEADDR, as servers do) may bind it.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        address: tuple[str, int] = listener.getsockname()
        with socket.create_connection(address), listener.accept()[0]:
            return address[1]


def _listens(process: Process, port: int) -> bool:
    """Whether it comes to accept connections; it may also end, or take too long."""
    deadline_s = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline_s and process.exit_code is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(LOOKS_EVERY_S)
    return False
