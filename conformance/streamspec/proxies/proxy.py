"""What a proxy and a variant of it are: settings, and the files and the command that they become. Starts nothing."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streamspec.implementation import Deviation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin:/opt/homebrew/bin:/usr/local/bin"
"""Where distributions put servers; the PATH of a person who is not root often leaves the first three out."""


HIDES_IDLE_DISCONNECTS = (
    "disconnect-fin-idle",
    "disconnect-rst-idle",
    "disconnect-before-first-item",
    "disconnect-half-close",
    "disconnect-no-more-items",
    "disconnect-cleanup-awaits",
    "disconnect-storm",
)
"""What a proxy breaks that lets the server find out by itself, at its next write."""


def ends_as_complete_to_http10(proxy: str) -> Deviation:
    """What an HTTP/1.0 client is not told by most proxies, which tell every other."""
    return Deviation(
        requirement="failure-truncates",
        found="http10-text: an incomplete message; got complete",
        reason=(
            f"To an HTTP/1.0 client {proxy} closes the connection where it could reset it, and the end of the "
            "connection is the end of the message there. To HTTP/1.1 the last chunk is missing, as it should be."
        ),
        link="https://www.rfc-editor.org/rfc/rfc9112#section-8",
    )


@dataclass(frozen=True, slots=True)
class Place:
    """What a configuration has to know of the run."""

    folder: Path
    """Its own, for whatever it writes."""
    port: int
    """Where it listens, on the loopback."""
    origin: str
    """`host:port` of the server behind it."""
    http2: bool = False
    """Whether clients speak HTTP/2 to it, with prior knowledge."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to set a proxy up."""

    name: str
    """Empty for the settings that streams need."""
    sentence: str
    """What is done, and what becomes of a stream, as a run shows."""
    use: bool
    """Whether to use it, or to avoid it."""
    settings: tuple[str, ...]
    """The lines of the configuration that make it what it is."""
    deviations: tuple[Deviation, ...] = ()
    """What the proxy breaks whatever its settings."""
    breaks: tuple[str, ...] = ()
    """The requirements that it was measured to break: one attempt is enough to see that again."""
    http2: bool = False
    """Whether clients speak HTTP/2 to it, with prior knowledge."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A program that can stand in front of a server."""

    name: str
    program: str
    install: str
    """The command that installs it."""
    config_file: str
    config: Callable[[Place, Sequence[str]], str]
    """The whole configuration for a place and a variant's settings."""
    arguments: Callable[[Place], Sequence[str]]
    """What is given to the program; it starts in the folder of the place, where the configuration is."""
    version_arguments: tuple[str, ...]
    variants: tuple[Variant, ...]
    """The settings that streams need first."""
    env: Callable[[Path], Mapping[str, str]] = field(default=lambda _folder: {})
    """Its environment, by its folder."""
    folders: tuple[str, ...] = ()
    """Empty folders that it wants beside its configuration."""
    places: Callable[[], Sequence[Path]] = field(default=lambda: ())
    """Folders in which the program may be besides those of PATH."""

    def executable(self) -> str | None:
        """Where the program is; None where it is not installed."""
        places = [*map(str, self.places()), os.environ.get("PATH"), SYSTEM_FOLDERS]
        path = os.pathsep.join(place for place in places if place)
        return shutil.which(self.program, path=path)


def origin_of(host: str, port: int) -> str:
    """`host:port`, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
