"""How to launch one server: an impl.toml, read and checked, with what is known of its failures. Starts nothing."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import msgspec

from streamspec.contract import Capability
from streamspec.mistake import Mistake
from streamspec.process import READY_WITHIN_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class TargetError(Mistake):
    """A target that cannot be used as it was named: mend the command, the file or the server."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """A known, explained failure of one implementation."""

    requirement: str
    reason: str
    link: str
    servers: tuple[str, ...] = ()
    """The servers under which it fails; none are named where it fails under every one."""
    http2: bool | None = None
    """Over which HTTP it fails, where that is not every one: HTTP/2, or (False) HTTP/1.x."""
    found: str = ""
    """A part of the violation's message, where only that violation is known and explained."""


@dataclass(frozen=True, slots=True)
class Implementation:
    """How to launch one server: an impl.toml, read and checked."""

    name: str
    command: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    ready: re.Pattern[str] | None
    """Matches the line of standard output that tells the base URL, its first group; None: the first line is it."""
    ready_within_s: float
    """How long that line may take."""
    capabilities: frozenset[Capability]
    deviations: tuple[Deviation, ...]
    source: Path
    servers: tuple[str, ...] = ()
    """What can stand under it, the default first; none where it is a server itself."""
    server: str | None = None
    """The one that was chosen, if one was."""
    http2: tuple[str, ...] = ()
    """The servers under which it has the capability `http2` as well."""
    needs: str = ""
    """What has to be installed for it, in words."""

    def with_arguments(self, *arguments: str) -> Implementation:
        """The same with arguments added to its command."""
        return replace(self, command=(*self.command, *arguments))

    def with_server(self, server: str) -> Implementation:
        """The same under that server. Raises TargetError that names those it can stand on."""
        if server not in self.servers:
            known = f"it runs under {', '.join(self.servers)}" if self.servers else "it names no `servers`"
            raise TargetError(f"{self.source}: no server {server!r}: {known}")
        chosen = self.with_arguments("--server", server)
        return replace(chosen, server=server, name=f"{self.name} · {server}")

    def deviations_in_force(self, *, http2: bool) -> tuple[Deviation, ...]:
        """Those of the server that it runs under, asked over HTTP/2 or not."""
        return tuple(
            row
            for row in self.deviations
            if (not row.servers or self._runs_under in row.servers) and row.http2 in {None, http2}
        )

    def capabilities_in_force(self) -> frozenset[Capability]:
        """What it can do under that server."""
        return self.capabilities | ({Capability.HTTP2} if self._runs_under in self.http2 else frozenset())

    def without_http2(self) -> str | None:
        """Why there is no HTTP/2 under that server, where it has it under others, and what to do; else None."""
        if not self.http2 or self._runs_under in self.http2:
            return None
        return (
            f"{self.name}: has HTTP/2 under {' and '.join(self.http2)}, as its impl.toml says, and not under "
            f"{self._runs_under}; leave --http2 out, or give `check` one of them by --server"
        )

    @property
    def _runs_under(self) -> str | None:
        return self.server or next(iter(self.servers), None)


class _ImplementationFile(msgspec.Struct, forbid_unknown_fields=True):
    """The keys of an impl.toml."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    command: Annotated[list[str], msgspec.Meta(min_length=1)]
    cwd: str = "."
    env: dict[str, str] = {}
    ready: str | None = None
    ready_within_s: Annotated[float, msgspec.Meta(gt=0)] = READY_WITHIN_S
    needs: str = ""
    capabilities: list[str] = []
    servers: list[str] = []
    http2: list[str] = []
    deviations: list[Deviation] = []


def read_implementation(path: Path) -> Implementation:
    """Read an impl.toml. Raises TargetError that names the file, the key and what it should be."""
    try:
        read = msgspec.toml.decode(path.read_bytes(), type=_ImplementationFile)
        ready = re.compile(read.ready) if read.ready is not None else None
    except OSError as error:
        raise TargetError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.ValidationError as error:
        raise TargetError(f"{path}: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TargetError(f"{path}: is not TOML: {error}") from error
    except re.error as error:
        raise TargetError(f"{path}: `ready` is not a regular expression: {error}") from error
    if ready is not None and not ready.groups:
        raise TargetError(f"{path}: `ready` must have a group that is the base URL")
    if not (path.parent / read.cwd).is_dir():
        raise TargetError(f"{path}: `cwd` is no folder: {read.cwd!r} (relative to this file)")
    if strangers := [server for server in read.http2 if server not in read.servers]:
        raise TargetError(f"{path}: `http2` names the server {strangers[0]!r}, `servers` does not")
    for number, deviation in enumerate(read.deviations):
        if problem := _problem(deviation, read.deviations[:number], read.servers):
            raise TargetError(f"{path}: the deviation {deviation.requirement!r} {problem}")
    command = [sys.executable if read.command[0] == "python" else read.command[0], *read.command[1:]]
    return Implementation(
        name=read.name,
        command=tuple(command),
        cwd=(path.parent / read.cwd).resolve(),
        env=read.env,
        ready=ready,
        ready_within_s=read.ready_within_s,
        capabilities=capabilities_named(read.capabilities, f"{path}: `capabilities` names"),
        deviations=tuple(read.deviations),
        source=path,
        servers=tuple(read.servers),
        http2=tuple(read.http2),
        needs=read.needs,
    )


def capabilities_named(words: Iterable[str], who_names: str) -> frozenset[Capability]:
    """The capabilities of those words. Raises TargetError for one that is none, after saying `who_names` it."""
    if strangers := [word for word in words if word not in set(Capability)]:
        raise TargetError(f"{who_names} {strangers[0]!r}, which is none: {', '.join(Capability)}")
    return frozenset(map(Capability, words))


def _problem(deviation: Deviation, before: Sequence[Deviation], servers: Sequence[str]) -> str:
    """What is wrong with a deviation, beside those listed before it; empty where nothing is."""
    if strangers := [server for server in deviation.servers if server not in servers]:
        return f"names the server {strangers[0]!r}, `servers` does not"
    if not deviation.reason.strip():
        return "has no `reason`: say what it does to a user"
    link = urlsplit(deviation.link)
    if link.scheme not in {"http", "https"} or not link.netloc:
        return f"has the `link` {deviation.link!r}: give the http(s) URL where a maintainer says so"
    for other in before:
        same = set(other.servers) & set(deviation.servers) or not (other.servers and deviation.servers)
        apart = {other.http2, deviation.http2} == {True, False}
        if other.requirement == deviation.requirement and same and not apart:
            return "is listed twice: put both reasons into one"
    return ""


def control_implementation(mutant: str | None = None) -> Implementation:
    """The control server, or one of its mutants by path (`requirement-id/mutant-name`), as an implementation."""
    arguments = ("--mutant", mutant) if mutant else ()
    return Implementation(
        name=mutant or "control",
        command=(sys.executable, "-m", "streamspec.control", "--port", "0", *arguments),
        cwd=Path.cwd(),
        env={},
        ready=None,
        ready_within_s=READY_WITHIN_S,
        capabilities=frozenset(Capability),
        deviations=(),
        source=Path(__file__).parent / "control",
    )
