"""PROXIES.md: its tables from the results of a run, its settings from the configurations that the run had.

`streamspec compare starlette --via all`, then `python -m streamspec.proxies.table streamspec-report/results.json`.
Of several files, a later one's rows replace an earlier one's.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from streamspec.mistake import Mistake
from streamspec.proxies import PROXIES
from streamspec.proxies.aspects import ASPECTS, answer, broken, in_pairs
from streamspec.proxies.hop_by_hop import HOP_BY_HOP
from streamspec.proxies.launching import Front
from streamspec.report.results import decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streamspec.proxies.proxy import Proxy, Variant
    from streamspec.report.results import Results, TargetResults

BEGIN, END = "<!-- begin: python -m streamspec.proxies.table -->", "<!-- end -->"

DOCUMENT = Path("conformance") / "PROXIES.md"


class NoSuchRun(Mistake):
    """Results that do not hold what the document tells: run the command that it names."""


def tables(results: Results) -> str:
    """What stands between the marks. Raises NoSuchRun where a variant was not observed."""
    pairs = in_pairs(results.targets)
    if len(pairs) != 1:
        raise NoSuchRun("the document tells of one server: `streamspec compare starlette --via all`")
    [(direct, through)] = pairs
    seen = {one.via: one for one in through if one.via and not one.error}
    lines = [f"Measured in front of {direct.name} on {results.started_at[:10]}. The questions are", ""]
    lines += [f"{number}. {aspect.question}" for number, aspect in enumerate(ASPECTS, 1)]
    for proxy in PROXIES:
        lines += ["", *_section(proxy, direct, seen)]
    return "\n".join(lines) + "\n"


def _section(proxy: Proxy, direct: TargetResults, seen: Mapping[str, TargetResults]) -> Iterator[str]:
    fronts = [Front(proxy, variant) for variant in proxy.variants]
    for front in fronts:
        if front.name not in seen:
            raise NoSuchRun(f"{front.name} was not observed: install what is missing, `streamspec compare … --via all`")
    yield f"## {seen[fronts[0].name].via_version}"
    yield ""
    yield f"| `--via` | | {' | '.join(str(number) for number in range(1, len(ASPECTS) + 1))} | breaks |"
    yield "|---" * (len(ASPECTS) + 3) + "|"
    yield f"| directly | | {' | '.join(_emphasised(answer(made, direct)) for made in ASPECTS)} | |"
    yield from (_row(front, direct, seen[front.name]) for front in fronts)
    for front in fronts:
        yield from ("", *settings(front))


def _row(front: Front, direct: TargetResults, through: TargetResults) -> str:
    answers = [_emphasised(answer(made, through)) for made in ASPECTS]
    breaks = ", ".join(f"`{made.id}`" for made in broken(through, direct)) or "nothing"
    return f"| {' | '.join([f'`{front.name}`', _advice(front.variant), *answers, breaks])} |"


def _emphasised(said: str) -> str:
    return said if said.startswith(("yes", "-")) else f"**{said}**"


def _advice(variant: Variant) -> str:
    return "use" if variant.use else "avoid"


def settings(front: Front) -> Iterator[str]:
    """A variant as it is to be set up or avoided: its sentence, and its lines of the configuration."""
    yield f"`{front.name}` ({_advice(front.variant)}): {front.variant.sentence}"
    if front.variant.settings:
        yield from ("", "<!-- prose: shown lines of a configuration -->", f"```{front.proxy.name}")
        yield from (line.replace("{origin}", "127.0.0.1:8000") for line in front.variant.settings)
        yield "```"


def limits() -> Iterator[str]:
    """What no settings mend, and what speaks of one connection only."""
    yield from ("## What each cannot keep", "")
    for proxy in PROXIES:
        listed = [row for variant in proxy.variants for row in variant.deviations]
        for reason, link in dict.fromkeys((row.reason, row.link) for row in listed):
            ids = dict.fromkeys(f"`{row.requirement}`" for row in listed if row.reason == reason)
            yield f"- {proxy.name}, {', '.join(ids)}: {reason} ([link]({link}))"
    yield from ("", "## What speaks of one connection only", "")
    yield from (f"- `{made}`: {reason}." for made, reason in HOP_BY_HOP.items())


def filled(document: str, results: Results) -> str:
    """The document with what stands between the marks made anew. Raises NoSuchRun."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables(results)}\n" + "\n".join(limits()) + f"\n{END}{after}"


def main() -> None:
    """Write the document from the results.json that is named."""
    runs = [decode(Path(path).read_bytes(), path) for path in sys.argv[1:] or ["streamspec-report/results.json"]]
    targets = {target.name: target for run in runs for target in run.targets}
    results = replace(runs[-1], targets=list(targets.values()))
    DOCUMENT.write_text(filled(DOCUMENT.read_text("utf-8"), results), "utf-8")


if __name__ == "__main__":
    try:
        main()
    except (Mistake, OSError, ValueError) as error:
        sys.exit(f"streamspec.proxies.table: {error}")
