"""Frames of HTTP/2 as the wire log tells them: a label, what is readable in it, and where its content stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from h2.settings import SettingCodes

from streamspec_client.http2_frames import ACK, PREFACE, FieldBlocks, Frame, Kind, error_name, frames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamspec.contract import JSON

MOST_FRAMES = 24
"""Told of one segment: a read of 256 KiB may hold thousands of events."""

MOST_LINES, LONGEST_LINE = 40, 240
"""Shown of a header section: enough for those that people send."""


class Told(NamedTuple):
    """One frame; of DATA, `content` says from where to where its content stands."""

    start: int
    end: int
    label: str
    lines: tuple[str, ...] = ()
    content: tuple[int, int] | None = None


def told(data: bytes, size: int) -> list[Told]:
    """The frames of one direction, of which there are `size` bytes in all; none where it does not begin as HTTP/2.

    RFC 9113, section 3.4: a client begins with the preface, and either side with SETTINGS.
    """
    blocks = FieldBlocks()
    found = [Told(0, len(PREFACE), "preface")] if data.startswith(PREFACE) else []
    for frame in frames(data):
        if not frame.start and frame.kind != Kind.SETTINGS:
            return []
        found.append(_told(frame, data, blocks, size))
    return found


def within(found: list[Told], start: int, end: int) -> JSON:
    """Rows of label, lines, and the bounds of the content that stands from `start` to `end`; what goes on says so."""
    rows: list[JSON] = []
    left_out = 0
    for frame in found:
        if frame.end <= start or frame.start >= end:
            continue
        goes_on = frame.start < start
        row: list[JSON] = [f"… {frame.label}", []] if goes_on else [frame.label, list(frame.lines)]
        if frame.content:
            row += [max(start, frame.content[0]), max(start, min(end, frame.content[1]))]
        if len(rows) < MOST_FRAMES:
            rows.append(row)
        else:
            left_out += 1
    if left_out:
        rows.append([f"… {left_out} more frames", []])
    return rows


def _told(frame: Frame, data: bytes, blocks: FieldBlocks, size: int) -> Told:
    start, end = frame.start, min(frame.payload_start + frame.length, size)
    payload = data[frame.payload_start : frame.end]
    label = [_name(frame.kind)]
    if frame.stream:
        label[0] += f" stream {frame.stream}"
    lines, content = list[str](), None
    if frame.kind == Kind.DATA:
        content = frame.content(data)
        length = frame.length - (payload[0] + 1 if frame.is_padded and payload else 0)
        label.append(f"{length:,} byte{'s' * (length != 1)}")
        label += [f"{frame.length - length:,} of padding"] if length < frame.length else []
    elif frame.kind in {Kind.SETTINGS, Kind.PING} and frame.flags & ACK:
        label[0] += " ACK"
    elif frame.kind == Kind.SETTINGS:
        lines = [", ".join(_settings(payload))]
    elif frame.kind == Kind.WINDOW_UPDATE:
        label.append(f"{_number(payload[:4]):,} more bytes")
    elif frame.kind == Kind.RST_STREAM:
        label.append(error_name(int.from_bytes(payload[:4], "big")))
    elif frame.kind == Kind.GOAWAY:
        label += [f"last stream {_number(payload[:4])}", error_name(int.from_bytes(payload[4:8], "big"))]
        lines = [payload[8:].decode("latin-1")]
    elif (fields := blocks.take(frame, data)) is not None:
        lines = [f"{name}: {value}" for name, value in fields]
    label += ["END_STREAM"] if frame.ends_stream else []
    shown = [line[:LONGEST_LINE] for line in lines[:MOST_LINES] if line]
    return Told(start, end, ", ".join(label), tuple(shown), content)


def _name(kind: int) -> str:
    return Kind(kind).name if kind in set(Kind) else f"a frame of type {kind}"


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big") & 0x7FFFFFFF


def _settings(payload: bytes) -> Iterator[str]:
    for at in range(0, len(payload) - 5, 6):
        code, value = int.from_bytes(payload[at : at + 2], "big"), int.from_bytes(payload[at + 2 : at + 6], "big")
        yield f"{SettingCodes(code).name if code in set(SettingCodes) else code} {value:,}"
