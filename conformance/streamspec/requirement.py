"""Requirements, exchanges and mutants, and the registry that holds them.

A requirement is a pure function of a Trace. It returns (with figures, or None), or raises Violation or NotObserved.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias, TypeVar

from streamspec.contract import AREAS, Anchor, Capability, Level
from streamspec.mistake import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamspec.contract import JSON
    from streamspec.control import ControlServer
    from streamspec.exchanges.recorder import Recorder
    from streamspec_client.trace import Trace

Figures: TypeAlias = Mapping[str, float]
"""What a requirement measured, each with its unit in its name: `{"cleanup_ms": 0.8}`."""

Judge: TypeAlias = "Callable[[Trace], Figures | None]"
AtUrl: TypeAlias = "Callable[[Mapping[str, JSON]], str | None]"
Record: TypeAlias = "Callable[[Recorder], None]"


class Violation(Exception):
    """The server does not hold the requirement: mend the server."""

    def __init__(self, *, expected: str, actual: str, at_s: float | None = None, offset: int | None = None) -> None:
        self.expected, self.actual, self.at_s, self.offset = expected, actual, at_s, offset
        where = "".join(
            [f" at byte {offset}" if offset is not None else "", f" after {at_s:.3f} s" if at_s is not None else ""]
        )
        super().__init__(f"expected {expected}; got {actual}{where}")


class Late(Violation):
    """A violation that noise can imitate.

    It counts when attempt after attempt shows it, the control server does not, and no lack of a processor explains it.
    """

    def __init__(
        self,
        *,
        expected: str,
        actual: str,
        at_s: float | None = None,
        by_s: float = 0.0,
    ) -> None:
        super().__init__(expected=expected, actual=actual, at_s=at_s)
        self.by_s = by_s
        """How far beyond its budget; 0 where it did not come while it was waited for, so that nobody knows."""


class NotObserved(Exception):
    """The exchange did not show what the requirement is about: mend the set-up, or an earlier requirement first."""


class ContractError(Exception):
    """The suite contradicts itself: our bug."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A named stimulus: what the probe does with a target. Several requirements may judge one recording of it."""

    name: str
    record: Record
    needs: frozenset[Capability]
    alone: bool
    """Measures time, or reads or fills server-wide counts: nothing else runs meanwhile."""
    timed: bool
    """Measures time, and is hardly any work itself: only others like it run meanwhile."""
    launch: Mapping[str, str] | None
    """Not None: a managed target gets a process of its own, launched with this environment besides (`{}` for none)."""
    process: bool
    """It needs to see the server's process (its log), or one of its own, so a bare URL will not do."""
    at_url: AtUrl | None
    """What is in the way at a bare URL, by what `GET /` answers there, in one sentence; None where nothing is."""
    sentence: str


def exchange(
    *needs: Capability,
    alone: bool = False,
    timed: bool = False,
    launch: Mapping[str, str] | None = None,
    process: bool = False,
    at_url: AtUrl | None = None,
) -> Callable[[Record], Exchange]:
    """Make a recording function a named exchange; with `at_url` one that launches does without that at a bare URL."""

    def register(record: Record) -> Exchange:
        return Exchange(
            name=record.__name__.replace("_", "-"),
            record=record,
            needs=frozenset(needs),
            alone=alone,
            timed=timed,
            launch=launch,
            process=process or (launch is not None and at_url is None),
            at_url=at_url,
            sentence=sentence_of(record),
        )

    return register


@dataclass(frozen=True, slots=True)
class Mutant:
    """A control server that is broken on purpose in one way."""

    name: str
    server: type[ControlServer]
    breaks: str
    also_breaks: Mapping[str, str]
    """Ids of other requirements that the same defect must break, each with the reason."""

    @property
    def kills(self) -> frozenset[str]:
        """Exactly the requirements that fail on it."""
        return frozenset({self.breaks, *self.also_breaks})

    @property
    def path(self) -> str:
        """What names it on a command line: `head-no-store/sends-no-cache-control`."""
        return f"{self.breaks}/{self.name}"


def mutant_name(id: str, kind: type[object], before: Sequence[Named]) -> str:  # noqa: A002 - the contract's word
    """The name of a mutant by its class: `KeepsTheBom` is `keeps-the-bom`. Raises ContractError for a second one."""
    name = re.sub(r"(?<!^)(?=[A-Z][a-z]|(?<=[a-z])[A-Z0-9])", "-", kind.__name__).lower()
    if any(mutant.name == name for mutant in before):
        raise ContractError(f"{id} has two mutants named {name}")
    return name


class Named(Protocol):
    """A mutant, of servers or of clients."""

    @property
    def name(self) -> str: ...  # noqa: D102 - as in Mutant


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that must hold: an id, a sentence, its source, how it is shown, and servers that fail it."""

    command: ClassVar[str] = "check"

    id: str
    level: Level
    sentence: str
    anchor: Anchor
    exchange: Exchange
    judge: Judge
    mutants: list[Mutant] = field(default_factory=list)

    @property
    def area(self) -> str:
        """The id up to the first hyphen."""
        return self.id.partition("-")[0]

    def mutant(
        self, also_breaks: Mapping[str, str] | None = None
    ) -> Callable[[type[ControlServer]], type[ControlServer]]:
        """Register a control server that breaks this requirement, and besides it only `also_breaks` (id: reason)."""

        def register(server: type[ControlServer]) -> type[ControlServer]:
            name = mutant_name(self.id, server, self.mutants)
            self.mutants.append(Mutant(name, server, self.id, dict(also_breaks or {})))
            return server

        return register


REGISTRY: dict[str, Requirement] = {}


def requirement(id: str, level: Level, anchor: Anchor, exchange: Exchange) -> Callable[[Judge], Requirement]:  # noqa: A002 - the contract's word
    """Register a judging function; its docstring's first paragraph is the requirement's sentence."""

    def register(judge: Judge) -> Requirement:
        made = Requirement(id, level, sentence_of(judge), anchor, exchange, judge)
        if id in REGISTRY:
            raise ContractError(f"two requirements are named {id}")
        if made.area not in AREAS:
            raise ContractError(f"{id} belongs to no area: {', '.join(AREAS)}")
        if judge.__name__ != id.replace("-", "_"):
            raise ContractError(f"{id} is judged by {judge.__name__}, which should have its name")
        REGISTRY[id] = made
        return made

    return register


def all_requirements() -> Sequence[Requirement]:
    """Every requirement, in reading order: by area, then as defined."""
    from streamspec import requirements  # noqa: PLC0415 - its modules import this one

    for module in pkgutil.iter_modules(requirements.__path__):
        importlib.import_module(f"{requirements.__name__}.{module.name}")
    areas = list(AREAS)
    # By module too: somebody may have imported one of them first.
    return sorted(REGISTRY.values(), key=lambda made: (areas.index(made.area), made.judge.__module__))


class UnknownSelection(Mistake):
    """A selection that matches no requirement: mend the command."""


def select(only: Iterable[str] = (), skip: Iterable[str] = ()) -> Sequence[Requirement]:
    """The requirements whose id starts with one of `only` (all if empty) and with none of `skip`.

    A prefix ends at a hyphen: `head` and `head-no` select, `hea` does not; each may be several, separated by commas.
    Raises UnknownSelection for a prefix that matches nothing, and where nothing is left.
    """
    return selected(all_requirements(), only, skip, lister="streamspec list")


class _Named(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def area(self) -> str: ...


NamedT = TypeVar("NamedT", bound=_Named)


def selected(known: Sequence[NamedT], only: Iterable[str], skip: Iterable[str], *, lister: str) -> Sequence[NamedT]:
    """Those of `known` that `select` describes; `lister` is the command that shows them all."""
    only, skip = _split(only), _split(skip)
    for prefix in (*only, *skip):
        if not any(_matches(made.id, prefix) for made in known):
            raise UnknownSelection(
                f"no requirement is named {prefix!r} or starts with it; the areas are "
                f"{', '.join(dict.fromkeys(made.area for made in known))}; `{lister}` shows every id"
            )
    chosen = [
        made
        for made in known
        if (not only or any(_matches(made.id, prefix) for prefix in only))
        and not any(_matches(made.id, prefix) for prefix in skip)
    ]
    if not chosen:
        raise UnknownSelection("what is to be skipped leaves no requirement of those that are selected")
    return chosen


def find_mutant(path: str) -> Mutant:
    """The mutant of that path (`requirement-id/mutant-name`). Raises UnknownSelection where there is none."""
    mutants = [mutant for made in all_requirements() for mutant in made.mutants]
    for mutant in mutants:
        if mutant.path == path:
            return mutant
    raise UnknownSelection(f"no mutant {path!r}; `streamspec list --json` names them")


def _split(prefixes: Iterable[str]) -> list[str]:
    parts = [part.strip() for prefix in prefixes for part in prefix.split(",")]
    if "" in parts:
        raise UnknownSelection("an empty prefix selects nothing: name an area, such as `head`, or an id")
    return parts


def _matches(id: str, prefix: str) -> bool:  # noqa: A002 - the contract's word
    return id == prefix or id.startswith(prefix if prefix.endswith("-") else prefix + "-")


def sentence_of(function: Callable[..., object]) -> str:
    """The first paragraph of its docstring, in one line."""
    if not function.__doc__:
        raise ContractError(f"{function.__name__} has no docstring to be its sentence")
    return " ".join(function.__doc__.strip().split("\n\n")[0].split())
