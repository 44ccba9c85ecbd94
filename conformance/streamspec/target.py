"""Targets: running implementations, launched or reached at a URL, by themselves or behind something else.

It starts and stops processes and says what went wrong with them; it sends one request, `GET /`, and judges nothing.
"""

from __future__ import annotations

import json
import secrets
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from streamspec.contract import Capability
from streamspec.implementation import Implementation, TargetError, capabilities_named
from streamspec.process import Process, ProcessError
from streamspec.target_names import host_and_port
from streamspec_client.http1_probe import Http1Connection
from streamspec_client.http2_probe import PROTOCOL, Http2Connection, NoHttp2
from streamspec_client.probe import Clock, Unreachable
from streamspec_client.tls import Untrusted, trusting
from streamspec_client.trace import Ending

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from streamspec.contract import JSON
    from streamspec.implementation import Deviation
    from streamspec.run_delay import ProcessTimes
    from streamspec_client.probe import Connection


OVER_HTTP2 = " over HTTP/2"
"""What the name of a target ends in that is asked over HTTP/2."""

DESCRIBE_WITHIN_S = 10.0
"""For `GET /`: a framework's first response may compile routes and schemas (0.1 s seen)."""


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
    if http2 and (problem := spec.without_http2()):
        raise TargetError(problem)
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
        origin, url=found.url, host=found.host, port=found.port, prefix=found.prefix, origin=origin, http2=http2,
        # What clients speak is a matter of what stands in front.
        capabilities=origin.capabilities - {Capability.HTTP2} | ({Capability.HTTP2} if http2 else set()),
    )  # fmt: skip


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
    host, port = host_and_port(url)
    prefix = urlsplit(url).path.rstrip("/")
    asked = Target(name, url, host, port, prefix, frozenset(), {}, http2=http2)
    try:
        connection = asked.connect("describe", Clock.start(), within_s=DESCRIBE_WITHIN_S)
    except Untrusted as error:
        raise TargetError(f"{url}: {error}; SSL_CERT_FILE names a file of authorities to trust") from error
    except NoHttp2 as error:
        raise NotTheContract(f"{url}: {error}; leave --http2 out, or have the server offer h2") from error
    except Unreachable as error:
        raise TargetError(f"{url}: {error}; start the server, or name an impl.toml so that it is launched") from error
    with connection:
        connection.request("GET", f"{prefix}/", [("Connection", "close")])
        connection.wait_complete(1, DESCRIBE_WITHIN_S)
        response = connection.response
    wanted = "an implementation of the contract answers GET / with JSON that holds `contract` (see CONTRACT.md); "
    hint = "`streamspec lint URL` looks at any other endpoint"
    if http2 and (response is None or response.ending is Ending.MALFORMED):
        prior = "begun with prior knowledge (RFC 9113, section 3.3)"
        begun = "agreed on by ALPN" if url.startswith("https:") else prior
        instead = "the connection or the stream ended" if connection.closed else f"none within {DESCRIBE_WITHIN_S:g} s"
        told = response.error if response is not None else instead
        raise NotTheContract(
            f"{url}: GET / got no answer in HTTP/2, which was {begun}: {told}; "
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
    capabilities = capabilities_named(names, f"{url}: declares the capability")
    return replace(asked, capabilities=capabilities, describe=value)


def _speaking(http2: bool) -> type[Http1Connection | Http2Connection]:
    return Http2Connection if http2 else Http1Connection


def _trust_at(url: str, *, http2: bool) -> ssl.SSLContext | None:
    """What to trust there: the authorities of the system, or of SSL_CERT_FILE; None where TLS is not spoken."""
    return _authorities(http2) if url.startswith("https:") else None


@cache
def _authorities(http2: bool) -> ssl.SSLContext:
    return trusting(protocol=PROTOCOL) if http2 else trusting()
