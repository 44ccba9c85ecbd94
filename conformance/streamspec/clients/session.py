"""A run: chosen adapters, some side by side → their results. It prints nothing and reads no option."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from streamspec import __version__
from streamspec.clients.adapter_file import AdapterFileError, known_adapters, resolve
from streamspec.clients.adapter_lines import AdapterError, Hello
from streamspec.clients.adapter_process import AdapterProcess
from streamspec.clients.contract import Claim
from streamspec.clients.runner import ClientCheck
from streamspec.clients.server import PlayingServer
from streamspec.report.results import Results, TargetResults

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamspec.clients.adapter_file import Adapter
    from streamspec.clients.requirement import ClientRequirement
    from streamspec.report.results import Finding
    from streamspec.session import Listener


AT_ONCE = 6
"""Clients that are played at side by side: most of the time is waiting for what does not come."""


@dataclass(frozen=True, slots=True)
class NotInstalled:
    """A client that is not there to be played at."""

    adapter: Adapter
    reason: str


def choose(specs: Iterable[str]) -> list[Adapter]:
    """The adapters of those names or files; none: all that are known. Raises AdapterFileError."""
    chosen = [resolve(spec) for spec in list(specs) or list(known_adapters())]
    for adapter in chosen:
        if sum(other.name == adapter.name for other in chosen) > 1:
            raise AdapterFileError(f"two of the adapters are named {adapter.name!r}: give each once")
    return chosen


async def run(
    adapters: Sequence[Adapter], requirements: Sequence[ClientRequirement], slow_factor: float, listener: Listener
) -> tuple[Results, list[NotInstalled]]:
    """The results on those that are installed, and the others."""
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    free, turn = asyncio.Semaphore(AT_ONCE), asyncio.Lock()
    at_work: list[str] = []

    async def one(adapter: Adapter) -> TargetResults | NotInstalled:
        async with free:
            at_work.append(adapter.name)
            listener.step(f"playing at {', '.join(at_work)}")
            found = await _one(adapter, requirements, slow_factor, turn)
            at_work.remove(adapter.name)
        listener.begin(adapter.name)
        if isinstance(found, TargetResults):
            listener.end(found)
        listener.step(f"done; playing at {', '.join(at_work)}")
        return found

    longest_first = sorted(adapters, key=lambda adapter: Claim.RECONNECTS not in adapter.claims)
    done = dict(zip(longest_first, await asyncio.gather(*map(one, longest_first)), strict=True))
    found = [done[adapter] for adapter in adapters]
    targets = [each for each in found if isinstance(each, TargetResults)]
    absent = [each for each in found if isinstance(each, NotInstalled)]
    return Results(started_at, __version__, targets, complete=True), absent


async def _one(
    adapter: Adapter, requirements: Sequence[ClientRequirement], slow_factor: float, turn: asyncio.Lock
) -> TargetResults | NotInstalled:
    began_s = time.monotonic()
    verdicts: list[Finding] = []
    hello, failure = Hello(), ""
    try:
        async with PlayingServer() as server, AdapterProcess(adapter, server.began_s) as process:
            hello = await process.hello()
            if hello.missing:
                return NotInstalled(adapter, hello.missing)
            verdicts = await ClientCheck(process, adapter.claims, server, slow_factor, turn).run(requirements)
            failure = process.failure
    except FileNotFoundError as error:
        return NotInstalled(adapter, str(error))
    except AdapterError as error:
        failure = str(error)
    return TargetResults(
        name=adapter.name,
        spec=adapter.spec,
        url="",
        describe={
            "framework": {"name": hello.client, "version": hello.version},
            "server": {"name": hello.runtime.partition(" ")[0], "version": hello.runtime.partition(" ")[2]},
        },
        duration_s=round(time.monotonic() - began_s, 3),
        verdicts=[] if failure else verdicts,
        error=f"the adapter {adapter.name}: {failure}" if failure else None,
    )
