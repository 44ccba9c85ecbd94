"""Requirements of clients, exchanges with them and mutants, and the registry that holds them.

As for servers (`streamspec.requirement`): a requirement is a pure function of a Play, which returns, or raises
Violation, Late or NotObserved.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from streamspec.clients.adapter_lines import Order
from streamspec.clients.contract import AREAS, Claim
from streamspec.requirement import ContractError, mutant_name, selected, sentence_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from streamspec.clients.control import ControlClient
    from streamspec.clients.play import Play
    from streamspec.clients.playing import Playing
    from streamspec.contract import Anchor, Level
    from streamspec.requirement import Figures

Judge: TypeAlias = "Callable[[Play], Figures | None]"
Script: TypeAlias = "Callable[[Playing], Awaitable[None]]"

READ = Order("")
"""What most exchanges order: GET, to the end."""


@dataclass(frozen=True, slots=True)
class ClientExchange:
    """Scripts that the server plays at a client that was ordered to read. Several requirements may judge it."""

    name: str
    scripts: tuple[Script, ...]
    """Side by side, each with a reading of its own."""
    order: Order
    """What the client is told to read; the URL is filled in."""
    alone: bool
    """Nothing else is played meanwhile."""


def exchange(*, order: Order = READ) -> Callable[[Script], ClientExchange]:
    """Make a script a named exchange."""

    def register(script: Script) -> ClientExchange:
        name = getattr(script, "__name__", "").replace("_", "-")
        return ClientExchange(name, (script,), order, alone=False)

    return register


@dataclass(frozen=True, slots=True)
class ClientMutant:
    """A control client that is broken on purpose in one way."""

    name: str
    client: type[ControlClient]
    breaks: str
    also_breaks: Mapping[str, str]

    @property
    def kills(self) -> frozenset[str]:
        """Exactly the requirements that fail on it."""
        return frozenset({self.breaks, *self.also_breaks})

    @property
    def path(self) -> str:
        """What names it: `decoding-bom/keeps-the-bom`."""
        return f"{self.breaks}/{self.name}"


@dataclass(frozen=True, slots=True)
class ClientRequirement:
    """One thing that must hold of a client."""

    command: ClassVar[str] = "clients"

    id: str
    level: Level
    sentence: str
    anchor: Anchor
    exchange: ClientExchange
    needs: frozenset[Claim]
    judge: Judge
    mutants: list[ClientMutant] = field(default_factory=list)

    @property
    def area(self) -> str:
        """The id up to the first hyphen."""
        return self.id.partition("-")[0]

    def mutant(
        self, also_breaks: Mapping[str, str] | None = None
    ) -> Callable[[type[ControlClient]], type[ControlClient]]:
        """Register a control client that breaks this requirement, and besides it only `also_breaks` (id: reason)."""

        def register(client: type[ControlClient]) -> type[ControlClient]:
            name = mutant_name(self.id, client, self.mutants)
            self.mutants.append(ClientMutant(name, client, self.id, dict(also_breaks or {})))
            return client

        return register


CLIENT_REGISTRY: dict[str, ClientRequirement] = {}


def requirement(
    id: str,  # noqa: A002 - the contract's word
    level: Level,
    anchor: Anchor,
    exchange: ClientExchange,
    *needs: Claim,
) -> Callable[[Judge], ClientRequirement]:
    """Register a judging function; its docstring's first paragraph is the requirement's sentence."""

    def register(judge: Judge) -> ClientRequirement:
        made = ClientRequirement(id, level, sentence_of(judge), anchor, exchange, frozenset(needs), judge)
        if id in CLIENT_REGISTRY:
            raise ContractError(f"two requirements are named {id}")
        if made.area not in AREAS:
            raise ContractError(f"{id} belongs to no area: {', '.join(AREAS)}")
        if getattr(judge, "__name__", "") != id.replace("-", "_"):
            raise ContractError(f"{id} is judged by another name")
        CLIENT_REGISTRY[id] = made
        return made

    return register


def all_client_requirements() -> Sequence[ClientRequirement]:
    """Every requirement of clients, in reading order: by area, then as defined."""
    from streamspec.clients import requirements  # noqa: PLC0415 - its modules import this one

    for module in pkgutil.iter_modules(requirements.__path__):
        importlib.import_module(f"{requirements.__name__}.{module.name}")
    areas = list(AREAS)
    return sorted(CLIENT_REGISTRY.values(), key=lambda made: areas.index(made.area))


def select(only: Iterable[str] = (), skip: Iterable[str] = ()) -> Sequence[ClientRequirement]:
    """Those whose id starts with one of `only` and none of `skip`, as for servers. Raises UnknownSelection."""
    return selected(all_client_requirements(), only, skip, lister="streamspec clients --list")
