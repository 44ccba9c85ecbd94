"""What the event stream decoders cost: CPU time, ours and its peers side by side in one run.

Runs are paired: in each round every decoder has the same stream right after the other, so that a busy machine slows all
of them alike; ratios are taken within a round, then the median over the rounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

import msgspec
from rich.table import Table

from streamspec.bench_peers import Stream, installed_decoders

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from streamspec.bench_peers import Decoder

EVENTS = {
    "63 B tokens": b'data: {"choices":[{"delta":{"content":" stream"},"index":0}]}\n\n',
    "1 KiB events": b"data: " + b"x" * 1024 + b"\n\n",
    "64 KiB events of 1024 lines": (b"data: " + b"y" * 63 + b"\n") * 1024 + b"\n",
}
PIECES = {"1 KiB": 1024, "16 KiB": 16 * 1024, "64 KiB": 64 * 1024, "1 event": None}

# Long enough for the coarsest decoder's clock (a microsecond), short enough for a table in about a minute.
STREAM_BYTES = 1024 * 1024
ROUNDS = 9


@dataclass(frozen=True, slots=True)
class Cell:
    """One decoder on one stream: MB of input per second of CPU time, and how many times as long as ours it took."""

    mb_per_s: float
    mb_per_s_quartiles: tuple[float, float]
    times_ours: float
    times_ours_quartiles: tuple[float, float]
    events_found: int
    events_sent: int


@dataclass(frozen=True, slots=True)
class DecoderTable:
    """Rows by decoder, cells by column; peers that are not installed are named in `missing`."""

    columns: tuple[str, ...]
    rows: dict[str, tuple[Cell, ...]]
    missing: tuple[str, ...]
    rounds: int

    def to_json(self) -> str:
        """The table as JSON, the same names as here."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()


def decoder_table(
    rounds: int = ROUNDS,
    node_modules: Path = Path("node_modules"),
    progress: Callable[[str], None] = lambda _: None,
) -> DecoderTable:
    """Measure our decoder and each installed peer on every stream, in every size of piece: about a minute.

    `node_modules` is where undici and eventsource-parser are looked for; `progress` hears the name of each column.
    """
    streams = {
        f"{event_name}, {piece_name}": Stream(event, max(1, STREAM_BYTES // len(event)), piece_bytes or len(event))
        for event_name, event in EVENTS.items()
        for piece_name, piece_bytes in PIECES.items()
    }
    with installed_decoders(node_modules) as (decoders, missing):
        columns: list[list[Cell]] = []
        for name, stream in streams.items():
            progress(name)
            columns.append(measured(decoders, stream, rounds))
        rows = {decoder.name: tuple(column[row] for column in columns) for row, decoder in enumerate(decoders)}
        return DecoderTable(tuple(streams), rows, tuple(missing), rounds)


def print_decoder_table(table: DecoderTable, console: Console) -> None:
    """Print each decoder's median MB/s and, in brackets, how many times our CPU time it takes."""
    for event_name in EVENTS:
        shown = Table(title=f"{event_name}: MB/s of CPU time (times our time, its quartiles)")
        shown.add_column("decoder", no_wrap=True)
        for piece_name in PIECES:
            shown.add_column(f"pieces of {piece_name}", justify="right")
        chosen = [index for index, column in enumerate(table.columns) if column.startswith(f"{event_name}, ")]
        for name, cells in table.rows.items():
            shown.add_row(name, *(_shown(cells[index]) for index in chosen))
        console.print(shown)
    console.print(f"Median of {table.rounds} rounds, decoders interleaved in each. * finds another number of events.")
    if table.missing:
        console.print(f"Not installed here, so left out: {', '.join(table.missing)}.")


def measured(decoders: Sequence[Decoder], stream: Stream, rounds: int) -> list[Cell]:
    """Return a cell for each decoder, measured once a round; a first pass counts events and warms code and caches.

    The first decoder is the one that the others' times are given in.
    """
    found = [decoder.count(stream) for decoder in decoders]
    seconds = [[decoder.cpu_s(stream) for decoder in decoders] for _ in range(rounds)]
    return [
        _cell([of_round[row] for of_round in seconds], [of_round[0] for of_round in seconds], found[row], stream)
        for row in range(len(decoders))
    ]


def _cell(seconds: Sequence[float], ours: Sequence[float], found: int, stream: Stream) -> Cell:
    rates = [stream.total_bytes / 1e6 / taken for taken in seconds]
    times = [taken / base for taken, base in zip(seconds, ours, strict=True)]
    return Cell(median(rates), _quartiles(rates), median(times), _quartiles(times), found, stream.events)


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    lower, _, upper = quantiles(values, n=4, method="inclusive")
    return lower, upper


def _shown(cell: Cell) -> str:
    lower, upper = cell.times_ours_quartiles
    mark = "" if cell.events_found == cell.events_sent else " *"
    return f"{cell.mb_per_s:.0f} ({cell.times_ours:.2f}, {lower:.2f} to {upper:.2f}){mark}"
