"""Results of several runs as one: the targets of every file, each under a name that no other has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from streamspec.report.results import Results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec.report.results import TargetResults


def merged(files: Sequence[tuple[Path, Results]]) -> tuple[Results, list[str]]:
    """One run of all the targets, in the order of the files, and a note on each name that stood in several of them.

    It began when the first of them did. A target whose name another has as well says which file it is from.
    """
    labels = _labels([path for path, _ in files])
    found = [(target, label) for (_, results), label in zip(files, labels, strict=True) for target in results.targets]
    names = [target.name for target, _ in found]
    clashing = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    taken: list[str] = []
    targets: list[TargetResults] = []
    for target, label in found:
        name = f"{target.name} ({label})" if target.name in clashing else target.name
        same = sum(other.partition("#")[0] == name for other in taken)
        taken.append(f"{name}#{same + 1}" if same else name)
        targets.append(replace(target, name=taken[-1]))
    notes = []
    if clashing:
        notes.append(f"several files have a target named {', '.join(clashing)}: each says which file it is from")
    versions = dict.fromkeys(results.suite_version for _, results in files)
    if len(versions) > 1:
        notes.append(f"the runs were made by several versions of streamspec: {', '.join(versions)}")
    first = min(results.started_at for _, results in files)
    return Results(first, ", ".join(versions), targets, complete=True), notes


def _labels(paths: Sequence[Path]) -> list[str]:
    """What tells the files apart: the parts of their paths that are not the same in all of them."""
    parts = [path.absolute().parts for path in paths]
    same_start = _common(parts)
    same_end = _common([tuple(reversed(part[same_start:])) for part in parts])
    distinct = [part[same_start : len(part) - same_end] for part in parts]
    return [str(Path(*part)) if part else path.name for part, path in zip(distinct, paths, strict=True)]


def _common(sequences: Sequence[tuple[str, ...]]) -> int:
    """How many members at the beginning are the same in all."""
    return next(
        (place for place, members in enumerate(zip(*sequences, strict=False)) if len(set(members)) > 1),
        min(map(len, sequences)),
    )
