"""Targets: a URL, an impl.toml to launch, or the name of an implementation under `impls/`.

It starts and stops processes and says what went wrong with them; it sends one request, `GET /`, and judges nothing.
"""

from __future__ import annotations

import json
import re
import secrets
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import msgspec

from streamspec.contract import Capability
from streamspec.mistake import Mistake
from streamspec.process import READY_WITHIN_S, Process, ProcessError
from streamspec_client.http1_probe import Http1Connection
from streamspec_client.http2_probe import PROTOCOL, Http2Connection
from streamspec_client.probe import Clock, Unreachable
from streamspec_client.tls import Untrusted, trusting
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from streamspec.contract import JSON
    from streamspec.run_delay import ProcessTimes
    from streamspec_client.probe import Connection


OVER_HTTP2 = " over HTTP/2"
"""What the name of a target ends in that is asked over HTTP/2."""

DESCRIBE_WITHIN_S = 10.0
"""For `GET /`: a framework's first response may compile routes and schemas (0.1 s seen)."""


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

    @property
    def _runs_under(self) -> str | None:
        return self.server or next(iter(self.servers), None)


@dataclass(frozen=True, slots=True)
class Target:
    """A running implementation."""

    name: str
    url: str
    host: str
    port: int
    prefix: str
    """The path of the base URL, without a slash at its end."""
    capabilities: frozenset[Capability]
    describe: Mapping[str, JSON]
    """What `GET /` answered."""
    implementation: Implementation | None = None
    process: Process | None = None
    deviations: tuple[Deviation, ...] = field(default=())
    expected: tuple[str, ...] = ()
    """Requirements that are expected to fail, though nothing excuses it: one attempt is enough."""
    origin: Target | None = None
    """Where something stands in front of the server: the server itself, at which its ledger is asked."""
    front: Callable[[Target], AbstractContextManager[Target]] | None = None
    """Puts the same in front of another server, where it can be launched."""
    http2: bool = False
    """Whether it is asked over HTTP/2, whatever else it speaks."""

    @property
    def is_behind_proxy(self) -> bool:
        """Whether something stands in front of the server."""
        return self.origin is not None

    def connect(
        self, name: str, clock: Clock, *, within_s: float, receive_buffer: int | None = None, http2: bool | None = None
    ) -> Connection:
        """A connection to it, over the HTTP that it is asked in unless `http2` says. Raises probe.Unreachable."""
        over_http2 = self.http2 if http2 is None else http2
        return _speaking(over_http2)(
            name, self.host, self.port, clock, connect_within_s=within_s, receive_buffer=receive_buffer,
            tls=_trust_at(self.url, http2=over_http2),
        )  # fmt: skip

    def log_size(self) -> int:
        """How much the process has written to standard error."""
        return self.process.log_size() if self.process else 0

    def log_since(self, size: int) -> str:
        """What the process has written to standard error since then; empty for a bare URL."""
        return self.process.log_since(size) if self.process else ""

    def process_times(self) -> ProcessTimes:
        """How long each of its threads ran, and waited for a processor; nothing for a bare URL."""
        return self.process.times() if self.process else {}


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
        capabilities=_capabilities(read.capabilities, f"{path}: `capabilities` names"),
        deviations=tuple(read.deviations),
        source=path,
        servers=tuple(read.servers),
        http2=tuple(read.http2),
        needs=read.needs,
    )


def _capabilities(words: Iterable[str], who_names: str) -> frozenset[Capability]:
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


def resolve(spec: str, root: Path | None = None) -> Implementation | str:
    """An Implementation to launch, or a base URL. Raises TargetError that says what a target can be."""
    if "://" in spec:
        _host_and_port(spec)
        return spec
    path = Path(spec)
    if path.suffix == ".toml" or path.is_file():
        return read_implementation(path)
    if path.is_dir() and (path / "impl.toml").is_file():
        return read_implementation(path / "impl.toml")
    named = {**foreign(root), **variants(root), **implementations(root)}
    if spec in named:
        return read_implementation(named[spec])
    names = [*implementations(root), *variants(root), *foreign(root)]
    choices = f"one of {', '.join(names)}, " if names else ""
    raise TargetError(f"no target {spec!r}: give {choices}a base URL (http://…), or the path of an impl.toml")


def implementations(root: Path | None = None) -> dict[str, Path]:
    """The impl.toml files of `impls/*/` under `root`, by folder name; the working folder and its parents by default."""
    return {path.parent.name: path for path in _implementation_files("*", root)}


def variants(root: Path | None = None) -> dict[str, Path]:
    """The impl.toml files of `impls/variants/*/`, found likewise, by folder name with hyphens."""
    return {path.parent.name.replace("_", "-"): path for path in _implementation_files("variants/*", root)}


def foreign(root: Path | None = None) -> dict[str, Path]:
    """The impl.toml files of `impls/foreign/*/`, found likewise, by folder name with hyphens."""
    return {path.parent.name.replace("_", "-"): path for path in _implementation_files("foreign/*", root)}


CHECKOUT = Path(__file__).parents[2]
"""Where this package runs from a checkout: its root. Its implementations are there wherever it is started."""


def _implementation_files(folders: str, root: Path | None) -> list[Path]:
    for start in [root] if root else [Path.cwd(), *Path.cwd().parents, CHECKOUT]:
        if found := sorted((start / "impls").glob(f"{folders}/impl.toml")):
            return found
    return []


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


@contextmanager
def running(
    spec: Implementation | str, env: Mapping[str, str] | None = None, *, http2: bool = False
) -> Iterator[Target]:
    """A running target, to be asked over HTTP/2 or not: launched and stopped for an Implementation, as it is for a URL.

    Raises TargetError where it does not start, is not reachable, or is no implementation of the contract.
    """
    if isinstance(spec, str):
        yield _describe(spec, urlsplit(spec).netloc, http2=http2)
        return
    with ExitStack() as stack:
        try:
            process = stack.enter_context(
                Process(spec.command, cwd=spec.cwd, env={**spec.env, **(env or {})}, name=spec.name)
            )
            url = process.wait_url(spec.ready, spec.ready_within_s)
        except ProcessError as error:
            raise ProcessError(f"{error}; it needs {spec.needs}" if spec.needs else str(error)) from error
        found = _describe(url, spec.name, http2=http2)
        target = replace(
            found,
            implementation=spec,
            process=process,
            deviations=spec.deviations_in_force(http2=http2),
            capabilities=spec.capabilities_in_force(),
        )
        yield target


def behind(url: str, origin: Target, *, http2: bool = False) -> Target:
    """The server as it is seen, over HTTP/2 or not, through what stands in front of it at that URL.

    Raises TargetError where nothing of the contract answers there, or another server than the origin.
    """
    found = _describe(url, origin.name, http2=http2)
    if found.describe != origin.describe:
        raise TargetError(f"{url}: GET / does not answer as at the origin, {origin.url}: is another server behind it?")
    if Capability.STATUS in origin.capabilities:
        _ask_for_stream(found, origin)
    return replace(
        origin, url=found.url, host=found.host, port=found.port, prefix=found.prefix, origin=origin, http2=http2
    )


def _ask_for_stream(seen: Target, origin: Target) -> None:
    """Raise TargetError where the origin does not know a stream that was asked for at the other URL."""
    token = f"behind-{secrets.token_hex(6)}"
    for at, path in ((seen, f"/stream?count=0&token={token}"), (origin, f"/streams/{token}")):
        try:
            connection = at.connect("behind", Clock.start(), within_s=DESCRIBE_WITHIN_S)
        except Unreachable as error:
            raise TargetError(f"{at.url}: {error}; it was there a moment ago") from error
        with connection:
            connection.request("GET", at.prefix + path, [("Connection", "close")])
            connection.wait_complete(1, DESCRIBE_WITHIN_S)
            response = connection.response
    if response is None or response.status != 200:
        raise TargetError(
            f"{seen.url}: a stream that was asked for there is not known at the origin, {origin.url}: name the one "
            "server that is behind it, and let it be one process, for the origin's ledger tells what became of streams"
        )


class NotTheContract(TargetError):
    """Something answers there, but not as an implementation of the contract does."""


def _describe(url: str, name: str, *, http2: bool) -> Target:
    host, port = _host_and_port(url)
    prefix = urlsplit(url).path.rstrip("/")
    asked = Target(name, url, host, port, prefix, frozenset(), {}, http2=http2)
    try:
        connection = asked.connect("describe", Clock.start(), within_s=DESCRIBE_WITHIN_S)
    except Untrusted as error:
        raise TargetError(f"{url}: {error}; SSL_CERT_FILE names a file of authorities to trust") from error
    except Unreachable as error:
        raise TargetError(f"{url}: {error}; start the server, or name an impl.toml so that it is launched") from error
    with connection:
        connection.request("GET", f"{prefix}/", [("Connection", "close")])
        connection.wait_complete(1, DESCRIBE_WITHIN_S)
        response = connection.response
    wanted = "an implementation of the contract answers GET / with JSON that holds `contract` (see CONTRACT.md); "
    hint = "`streamspec lint URL` looks at any other endpoint"
    if http2 and (response is None or response.ending is Ending.MALFORMED):
        raise NotTheContract(
            f"{url}: GET / got no answer in HTTP/2, which was begun with prior knowledge (RFC 9113, section 3.3); "
            "leave --http2 out, or have the server take HTTP/2 there"
        )
    if response is None:
        raise NotTheContract(f"{url}: GET / got no HTTP answer within {DESCRIBE_WITHIN_S:g} s; {wanted}{hint}")
    try:
        value = json.loads(response.body)
        if response.status != 200 or not isinstance(value, dict) or not isinstance(value.get("contract"), str):
            raise ValueError
        names = [str(word) for word in value.get("capabilities", [])]
    except (ValueError, TypeError):
        raise NotTheContract(
            f"{url}: GET / answered {response.status} {response.body[:60]!r}; {wanted}{hint}"
        ) from None
    capabilities = _capabilities(names, f"{url}: declares the capability")
    return replace(asked, capabilities=capabilities, describe=value)


def _host_and_port(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise TargetError(f"{url}: {error}") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise TargetError(f"{url}: give a base URL that starts with http:// or https:// and names a host")
    return host, port


def _speaking(http2: bool) -> type[Http1Connection | Http2Connection]:
    return Http2Connection if http2 else Http1Connection


def _trust_at(url: str, *, http2: bool) -> ssl.SSLContext | None:
    """What to trust there: the authorities of the system, or of SSL_CERT_FILE; None where TLS is not spoken."""
    return _authorities(http2) if url.startswith("https:") else None


@cache
def _authorities(http2: bool) -> ssl.SSLContext:
    return trusting(protocol=PROTOCOL) if http2 else trusting()
