"""A run: chosen targets, one after the other → their results. It prints nothing and reads no option."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from streamspec import __version__
from streamspec.implementation import Implementation, TargetError
from streamspec.process import ProcessError
from streamspec.proxies.launching import Deployed
from streamspec.report.results import Finding, Results, TargetResults, Verdict
from streamspec.requirement import all_requirements
from streamspec.runner import Check, check_deviations
from streamspec.target import OVER_HTTP2, running
from streamspec.target_names import implementations, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from streamspec.requirement import Requirement
    from streamspec.target import Target


class Front(Protocol):
    """Something that stands in front of a server."""

    @property
    def name(self) -> str:
        """What names it; empty where it is not known."""

    @property
    def http2(self) -> bool:
        """Whether clients speak HTTP/2 to it."""

    @property
    def version(self) -> str | None:
        """What is known of its version."""

    def missing(self) -> str | None:
        """Why it cannot be there, and what to do; None where it can."""

    def before(self, origin: Target) -> AbstractContextManager[Target]:
        """The target as it is seen through it."""


class Listener(Protocol):
    """Who is told how the run goes."""

    def begin(self, name: str) -> None:
        """A target is being started or looked for."""

    def step(self, text: str) -> None:
        """Something was done on it."""

    def end(self, target: TargetResults) -> None:
        """It is done."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A target as it was named, and what that name stands for."""

    spec: str
    name: str
    """Unique in its run."""
    found: Implementation | str
    front: Front | None = None
    """What is to stand in front of it."""
    http2: bool = False
    """Whether to ask it over HTTP/2."""
    direct: str | None = None
    """The name under which the same is observed without that."""


def choose(
    specs: Iterable[str],
    *,
    server: str | None = None,
    matrix: bool = False,
    via: Sequence[Front] = (),
    http2: bool = False,
) -> list[Chosen]:
    """What the names stand for; none: the implementations under `impls/`. Starts nothing.

    Implementations run under their default server, under the one that is named, or (`matrix`) under each they have;
    each then behind every proxy of `via` as well. With `http2` the servers themselves are asked over HTTP/2.
    Raises TargetError for a name that stands for nothing, an impl.toml that is wrong, and a deviation without a
    requirement.
    """
    specs = list(specs) or list(implementations())
    if not specs:
        raise TargetError("no impls/*/impl.toml here or above: name the targets to compare")
    ids = [made.id for made in all_requirements()]
    chosen: list[Chosen] = []
    for spec in specs:
        resolved = resolve(spec)
        if isinstance(resolved, Implementation):
            check_deviations(resolved, ids)
        for found in _under_servers(resolved, server, matrix=matrix):
            name = found.name if isinstance(found, Implementation) else found.partition("://")[2].rstrip("/")
            same = sum(other.found == found for other in chosen if other.front is None)
            name = f"{name}#{same + 1}" if same else name
            direct = Chosen(spec, name + (OVER_HTTP2 if http2 else ""), found, http2=http2)
            chosen.append(direct)
            chosen += [
                replace(direct, name=f"{name} via {front.name}", front=front, http2=front.http2, direct=direct.name)
                for front in via
            ]
    return chosen


def choose_deployed(url: str, origin: str, *, server: str | None = None, http2: bool = False) -> list[Chosen]:
    """The origin, and the same server as it is seen, over HTTP/2 or not, at another URL.

    Raises TargetError for what is no base URL.
    """
    for each in (url, origin):
        if not isinstance(resolve(each), str):
            raise TargetError(f"--direct compares two base URLs (http://…), and {each!r} is none")
    if url.rstrip("/") == origin.rstrip("/"):
        raise TargetError(f"{url}: is the origin itself: give the URL at which clients see it, and --direct its own")
    [direct] = choose([origin], server=server)
    [through] = choose([url], http2=http2)
    return [direct, replace(through, found=origin, front=Deployed(url, http2=http2), direct=direct.name)]


def _under_servers(found: Implementation | str, server: str | None, *, matrix: bool) -> Sequence[Implementation | str]:
    if isinstance(found, str):
        if server is not None:
            raise TargetError(f"{found}: is served already, so --server cannot choose what serves it")
        return [found]
    if server is not None:
        return [found.with_server(server)]
    return [found.with_server(each) for each in found.servers] if matrix and found.servers else [found]


def run(
    chosen: Sequence[Chosen], requirements: Sequence[Requirement], slow_factor: float, listener: Listener
) -> Results:
    """The results of a whole run; a target that cannot be observed costs the others nothing."""
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    targets = []
    for one in chosen:
        listener.begin(one.name)
        targets.append(_check(one, requirements, slow_factor, listener))
        listener.end(targets[-1])
    return Results(started_at, __version__, targets, complete=True)


def _check(
    chosen: Chosen, requirements: Sequence[Requirement], slow_factor: float, listener: Listener
) -> TargetResults:
    managed = isinstance(chosen.found, Implementation)
    url = chosen.found if isinstance(chosen.found, str) else ""
    server = chosen.found.server if isinstance(chosen.found, Implementation) else None
    results = TargetResults(chosen.name, chosen.spec, url, {}, 0.0, [], managed=managed, server=server)
    if missing := chosen.front and chosen.front.missing():
        not_applicable = [Finding(made.id, made.level, Verdict.NOT_APPLICABLE, missing) for made in requirements]
        return _in_front(replace(results, verdicts=not_applicable, error=missing), chosen)
    try:
        with _running(chosen) as target, Check(replace(target, name=chosen.name), slow_factor) as check:
            results = replace(check.run(requirements, chosen.spec, listener.step), code=_code(chosen.found))
    except (TargetError, ProcessError) as error:
        results = replace(results, error=str(error))
    return _in_front(results, chosen)


@contextmanager
def _running(chosen: Chosen) -> Iterator[Target]:
    with running(chosen.found, http2=chosen.http2 and chosen.front is None) as target:
        if chosen.front is None:
            yield target
        else:
            with chosen.front.before(target) as seen:
                yield seen


def _in_front(results: TargetResults, chosen: Chosen) -> TargetResults:
    if chosen.front is None:
        return results
    version = None if chosen.front.missing() else chosen.front.version
    origin = chosen.found if isinstance(chosen.found, str) and not chosen.front.name else None
    return replace(results, via=chosen.front.name or None, via_version=version, direct=chosen.direct, origin=origin)


def _code(found: Implementation | str) -> dict[str, str]:
    """The text of the server beside its impl.toml, in whatever language, by file name."""
    if isinstance(found, str):
        return {}
    files = sorted(path for path in found.source.parent.glob("server.*") if path.is_file())
    return {path.name: path.read_text("utf-8", "replace") for path in files}
