"""The results of a run: the model behind results.json, and its JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Literal

import msgspec

from streamspec.contract import Level  # noqa: TC001 - msgspec resolves the fields' types
from streamspec.implementation import Deviation  # noqa: TC001 - likewise
from streamspec.mistake import Mistake
from streamspec.report.kept import KeptExchange  # noqa: TC001 - msgspec resolves the fields' types

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FORMAT: Literal["streamspec-results/1"] = "streamspec-results/1"


class Verdict(StrEnum):
    """What a run found of one requirement on one target."""

    PASS = "PASS"  # noqa: S105 - no password
    FAIL = "FAIL"
    WARN = "WARN"
    """A SHOULD that does not hold."""
    INCONCLUSIVE = "INCONCLUSIVE"
    """It could not be observed, or it was late where the control server was late too, or the machine starved it."""
    NOT_APPLICABLE = "NOT_APPLICABLE"
    """The target does not declare the capability, or the requirement needs a launched process."""
    DEVIATION = "DEVIATION"
    """It does not hold, and impl.toml says why."""


class ExitCode(IntEnum):
    """Exit statuses of the command."""

    CONFORMANT = 0
    VIOLATION = 1
    USAGE = 2
    INCONCLUSIVE = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One requirement on one target."""

    id: str
    level: Level
    verdict: Verdict
    message: str
    """One sentence; empty for a PASS without more to say."""
    duration_s: float = 0.0
    """How long its exchange took, the last time it was recorded."""
    exchange: str = ""
    attempts: int = 0
    """How often the exchange was recorded for this requirement."""
    measured: dict[str, float] = field(default_factory=dict)
    """Figures, each with its unit in its name."""
    expected: str | None = None
    actual: str | None = None
    at_s: float | None = None
    """When it showed, in seconds since the exchange began."""
    offset: int | None = None
    """Where it showed, in bytes of the body."""
    reason: str | None = None
    """Why the implementation deviates, from its impl.toml."""
    link: str | None = None
    curl: str | None = None
    """A command that shows the same by hand, where one can."""


@dataclass(frozen=True, slots=True)
class TargetResults:
    """All findings on one target."""

    name: str
    spec: str
    """What named it on the command line."""
    url: str
    """Its base URL; empty where it did not start."""
    describe: dict[str, object]
    """What `GET /` answered."""
    duration_s: float
    verdicts: list[Finding]
    managed: bool = True
    """Whether it was launched for the run (from an impl.toml) or was running already (a URL)."""
    server: str | None = None
    """The server that was chosen for it with --server or --matrix, if one was."""
    via: str | None = None
    """What stands in front of the server: a proxy and its variant (`nginx:buffered`); empty where that is not known."""
    via_version: str | None = None
    """Its version, where the suite launched it."""
    expected: list[str] = field(default_factory=list)
    """Requirements that were expected to fail, though nothing excuses it."""
    http2: bool = False
    """Whether it was asked over HTTP/2."""
    direct: str | None = None
    """Where something stands in front: the name of the same server's results without it."""
    origin: str | None = None
    """Its URL, where --direct named it."""
    error: str | None = None
    """Why it could not be observed, or not to the end, in one sentence. Where it did not start, `verdicts` is empty."""
    capabilities: list[str] = field(default_factory=list)
    """What it declares."""
    deviations: list[Deviation] = field(default_factory=list)
    """Its known failures, as its impl.toml lists them for the server it runs under."""
    source: str = ""
    """What lists them."""
    code: dict[str, str] = field(default_factory=dict)
    """The text of its server by file name, where the suite launched it and it stands beside its impl.toml."""
    recordings: dict[str, KeptExchange] = field(default_factory=dict)
    """What the verdicts rest on, by exchange; none where the run kept none."""

    def count(self, verdict: Verdict) -> int:
        """How many requirements got that verdict."""
        return sum(finding.verdict is verdict for finding in self.verdicts)


@dataclass(frozen=True, slots=True)
class Results:
    """A whole run: every target was tried to its end. One that broke off has no `complete: true`; readers refuse it."""

    started_at: str
    suite_version: str
    targets: list[TargetResults]
    complete: bool = False
    format: Literal["streamspec-results/1"] = FORMAT


class UnreadableResults(Mistake):
    """A file that is not the results of a whole run."""


def encode(results: Results) -> bytes:
    """The JSON text of results.json: set out for people, except that what was recorded is a line for each exchange."""
    before, targets, after = _set_out(replace(results, targets=[])).partition(b'"targets": []')
    texts = b",\n".join(map(_encode_target, results.targets))
    return before + targets.replace(b"[]", b"[\n" + texts + b"\n]") + after + b"\n"


def _encode_target(target: TargetResults) -> bytes:
    lines = [msgspec.json.encode(name) + b": " + msgspec.json.encode(kept) for name, kept in target.recordings.items()]
    head = _set_out(replace(target, recordings={})).removesuffix(b"{}\n}")
    return head + b"{\n" + b",\n".join(lines) + b"\n}\n}"


def _set_out(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1)


def decode(data: bytes, source: str) -> Results:
    """Read results.json. Raises UnreadableResults for another format, an unfinished run, or broken JSON."""
    try:
        results = msgspec.json.decode(data, type=Results)
    except msgspec.ValidationError as error:
        raise UnreadableResults(f"{source}: no results of streamspec ({FORMAT}): {error}") from error
    except msgspec.DecodeError as error:
        raise UnreadableResults(f"{source}: no JSON, or cut short: {error}") from error
    if not results.complete:
        raise UnreadableResults(f"{source}: the run that wrote it broke off; run it again")
    return results


def read(path: Path) -> Results:
    """The results that a file holds. Raises UnreadableResults."""
    try:
        return decode(path.read_bytes(), str(path))
    except OSError as error:
        raise UnreadableResults(f"{path}: cannot be read: {error.strerror}; name a results.json") from error


def json_schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of results.json, as `results.schema.json` publishes it."""
    schema = msgspec.json.schema(Results, schema_hook=lambda _: {"description": "Any JSON value."})
    results = schema["$defs"]["Results"]
    results["properties"]["complete"] = {"const": True}
    results["required"] = sorted({*results["required"], "complete", "format"})
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": FORMAT, **schema}
    as_json = msgspec.json.encode(whole)  # a default that is a tuple is an array there
    return msgspec.json.decode(as_json, type=dict[str, object])


def exit_code(targets: Iterable[TargetResults], *, strict: bool) -> ExitCode:
    """1 if a MUST (with `strict` a SHOULD too) is violated, else 3 if anything is inconclusive, else 0."""
    found = [finding.verdict for target in targets for finding in target.verdicts]
    broke_off = any(target.error for target in targets)
    if Verdict.FAIL in found or (strict and Verdict.WARN in found):
        return ExitCode.VIOLATION
    return ExitCode.INCONCLUSIVE if broke_off or Verdict.INCONCLUSIVE in found else ExitCode.CONFORMANT
