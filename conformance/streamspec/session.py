"""A run: chosen targets, one after the other → their results. It prints nothing and reads no option."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from streamspec import __version__
from streamspec.process import ProcessError
from streamspec.report.results import Results, TargetResults
from streamspec.requirement import all_requirements
from streamspec.runner import Check, check_deviations
from streamspec.target import Implementation, TargetError, implementations, resolve, running

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamspec.requirement import Requirement


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


def choose(specs: Iterable[str], *, server: str | None = None, matrix: bool = False) -> list[Chosen]:
    """What the names stand for; none: the implementations under `impls/`. Starts nothing.

    Implementations run under their default server, under the one that is named, or (`matrix`) under each they have.
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
            same = sum(other.name.partition("#")[0] == name for other in chosen)
            chosen.append(Chosen(spec, f"{name}#{same + 1}" if same else name, found))
    return chosen


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
    try:
        with running(chosen.found) as target, Check(replace(target, name=chosen.name), slow_factor) as check:
            return replace(check.run(requirements, chosen.spec, listener.step), code=_code(chosen.found))
    except (TargetError, ProcessError) as error:
        managed = isinstance(chosen.found, Implementation)
        url = chosen.found if isinstance(chosen.found, str) else ""
        server = chosen.found.server if isinstance(chosen.found, Implementation) else None
        return TargetResults(
            chosen.name, chosen.spec, url, {}, 0.0, [], managed=managed, server=server, error=str(error)
        )


def _code(found: Implementation | str) -> dict[str, str]:
    """The text of the server beside its impl.toml, in whatever language, by file name."""
    if isinstance(found, str):
        return {}
    files = sorted(path for path in found.source.parent.glob("server.*") if path.is_file())
    return {path.name: path.read_text("utf-8", "replace") for path in files}
