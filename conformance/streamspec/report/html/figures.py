"""Figures of targets side by side: how soon, how late, how evenly, how quickly over. For people, not for verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median, quantiles
from typing import TYPE_CHECKING, TypeVar

from streamspec.report.kept import restore
from streamspec.report.production import production
from streamspec.report.wording import figure_unit, figure_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamspec.report.results import TargetResults
    from streamspec.report.wording import Described
    from streamspec_client.trace import Trace

T = TypeVar("T")

SHOWN_BY = {"first-bytes": "chunks-first-byte", "paced": "chunks-pacing", "crowded": "load-concurrent"}
"""The exchanges that distributions come from, each with a requirement whose evidence shows it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of every target; `share` is its part of the largest, for a bar."""

    label: str
    unit: str
    requirement: str
    cells: list[str]
    shares: list[float]


@dataclass(frozen=True, slots=True)
class Group:
    """Figures that belong together."""

    title: str
    note: str
    rows: list[Row]


def groups(targets: Sequence[TargetResults], known: Mapping[str, Described]) -> list[Group]:
    """The figures of the targets, those of which none has any left out."""
    traces = [_traces(target) for target in targets]
    late_ms = [_late_ms(row) for row in traces]
    made = [
        Group(
            "Head and first byte",
            "From the request to the header section and to the first byte of content, on a connection in use. "
            "Median, then the 99th percentile.",
            [
                _distribution("to the header section", "first-bytes", traces, _to_head_ms),
                _distribution("to the first byte", "first-bytes", traces, _to_first_byte_ms),
            ],
        ),
        Group(
            "Lateness and jitter",
            "Lateness: arrival less production. Jitter: how much it changes from one item to the next. "
            "Median, then the 99th percentile.",
            [
                _distribution("lateness, one stream", "paced", late_ms, _lateness_ms),
                _distribution("jitter, one stream", "paced", late_ms, _jitter_ms),
                _distribution("lateness, text among 200 streams", "crowded", late_ms, _lateness_ms),
                _distribution("jitter, text among 200 streams", "crowded", late_ms, _jitter_ms),
            ],
        ),
        Group(
            "From leaving to clean-up",
            "From the moment the client leaves until the producer's clean-up has returned.",
            _measured(targets, known, lambda name: name == "cleanup_ms"),
        ),
        Group(
            "Shutdown",
            "From SIGTERM until the process is gone, with streams open.",
            _measured(targets, known, lambda name: name == "gone_after_ms"),
        ),
        Group("Others", "", _measured(targets, known, lambda name: name not in {"cleanup_ms", "gone_after_ms"})),
    ]
    with_figures = [Group(group.title, group.note, [row for row in group.rows if any(row.cells)]) for group in made]
    return [group for group in with_figures if group.rows]


def _traces(target: TargetResults) -> dict[str, Trace]:
    """The exchanges that distributions come from: the last attempt of each."""
    kept = {name: target.recordings[name].attempts for name in SHOWN_BY if name in target.recordings}
    last = {name: attempts[-1].trace for name, attempts in kept.items() if attempts}
    return {name: restore(trace) for name, trace in last.items() if trace is not None}


def _distribution(
    label: str, exchange: str, observed: Sequence[Mapping[str, T]], values: Callable[[T], list[float]]
) -> Row:
    found = [values(row[exchange]) if exchange in row else [] for row in observed]
    cells = [f"{_hundredths(median(part))} · {_hundredths(_p99(part))}" if part else "" for part in found]
    return Row(label, "ms", SHOWN_BY[exchange], cells, _shares([median(part) if part else 0 for part in found]))


def _hundredths(value: float) -> str:
    """A hundredth of a millisecond is what clocks of two processes agree on."""
    return figure_value(round(value, 2))


def _p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100, method="inclusive")[98] if len(values) > 1 else values[0]


def _shares(values: Sequence[float]) -> list[float]:
    most = max(values, default=0)
    return [round(max(0.0, value) / most, 3) if most > 0 else 0.0 for value in values]


def _to_head_ms(trace: Trace) -> list[float]:
    asked = trace.marks_named("asked")
    responses = trace.conversations[0].responses if trace.conversations else ()
    return [(got.head_at_s - mark.at_s) * 1000 for mark, got in zip(asked, responses, strict=False)]


def _to_first_byte_ms(trace: Trace) -> list[float]:
    asked = trace.marks_named("asked")
    responses = trace.conversations[0].responses if trace.conversations else ()
    pairs = zip(asked, responses, strict=False)
    return [(got.chunks[0].at_s - mark.at_s) * 1000 for mark, got in pairs if got.chunks]


def _late_ms(traces: Mapping[str, Trace]) -> dict[str, list[list[float]]]:
    """Arrival less production of each item, by exchange and stream."""
    return {
        exchange: [
            [(arrived_s - produced_s) * 1000 for produced_s, arrived_s in made.items if arrived_s is not None]
            for made in production(trace, _of_text(trace)).values()
        ]
        for exchange, trace in traces.items()
    }


def _of_text(trace: Trace) -> set[str]:
    """The conversations but for event streams of a crowd: to read those as well takes ten times as long."""
    return {talk.name for talk in trace.conversations if not talk.name.startswith("events-")}


def _lateness_ms(streams: list[list[float]]) -> list[float]:
    return [late for stream in streams for late in stream]


def _jitter_ms(streams: list[list[float]]) -> list[float]:
    return [abs(late - before) for stream in streams for before, late in pairwise(stream)]


def _measured(
    targets: Sequence[TargetResults], known: Mapping[str, Described], belongs: Callable[[str], bool]
) -> list[Row]:
    """What requirements measured, a row for each figure."""
    found = [{finding.id: finding.measured for finding in target.verdicts} for target in targets]
    rows = []
    for made in known:
        names = dict.fromkeys(name for row in found for name in row.get(made, {}) if belongs(name))
        for name in names:
            values = [row.get(made, {}).get(name) for row in found]
            label = made if len(names) == 1 else f"{made}, {name.rpartition('_')[0].replace('_', ' ') or name}"
            cells = ["" if value is None else figure_value(value) for value in values]
            rows.append(Row(label, figure_unit(name), made, cells, _shares([value or 0 for value in values])))
    return rows
