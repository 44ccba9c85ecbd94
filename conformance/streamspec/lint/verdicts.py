"""A visit → findings, one for each check; and the document that `--json` prints."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import msgspec

from streamspec import __version__
from streamspec.contract import Level
from streamspec.lint.checks import all_checks
from streamspec.lint.checks.check import NotApplicable
from streamspec.lint.checks.contract import unknown
from streamspec.report.results import Finding, Verdict
from streamspec.requirement import Late, NotObserved, Violation

if TYPE_CHECKING:
    from streamspec.lint.checks.check import Check
    from streamspec.lint.look import Look
    from streamspec.lint.visit import Visit

FORMAT: Literal["streamspec-lint/1"] = "streamspec-lint/1"


@dataclass(frozen=True, slots=True)
class Seen:
    """One look in figures."""

    name: str
    status: int | None
    fields: list[tuple[str, str]]
    pieces: int
    noun: str
    moments: int
    head_ms: float | None
    """From the request to the header section."""
    arrivals_ms: list[float]
    """From the request to each piece, comments among them."""
    ended: str
    """How the response ended (`open`: it was left)."""
    why_left: str
    duration_ms: float
    comments: int = 0
    """How many comments came besides the pieces."""


@dataclass(frozen=True, slots=True)
class Linted:
    """What was found at one URL."""

    url: str
    redirects: list[tuple[str, int, str]]
    """URL, status and Location of each."""
    looks: list[Seen]
    not_looked: dict[str, str]
    verdicts: list[Finding]
    error: str | None = None
    """Why nothing could be observed, in one sentence."""
    not_made: list[str] = field(default_factory=list)
    """The checks that were not made because the request was sent once."""

    def count(self, verdict: Verdict) -> int:
        """How many checks got that verdict."""
        return sum(finding.verdict is verdict for finding in self.verdicts)


@dataclass(frozen=True, slots=True)
class LintResults:
    """A whole run: the path, with `--direct` its origin, and what the path changed."""

    targets: list[Linted]
    changes: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Requirements of the contract of which the wire alone shows nothing that counts."""
    suite_version: str = __version__
    complete: bool = True
    format: Literal["streamspec-lint/1"] = FORMAT


def judged(visit: Visit) -> Linted:
    """All findings on a visit."""
    verdicts = [_finding(made, visit) for made in all_checks()]
    once = visit.why_once
    return Linted(
        url=visit.request.address.url,
        redirects=[(hop.url, hop.status, hop.location) for hop in visit.hops],
        looks=[seen(look) for look in visit.looks.values()],
        not_looked=dict(visit.unlooked),
        verdicts=verdicts,
        not_made=[found.id for found in verdicts if once and found.message == once],
    )


def unreachable(url: str, error: str) -> Linted:
    """That nothing could be observed."""
    return Linted(url, [], [], {}, [], error)


def unknown_ids() -> list[str]:
    """The requirements that are never judged here."""
    return [made.id for made in unknown()]


def encode(results: LintResults) -> bytes:
    """The JSON text."""
    return msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n"


def seen(look: Look) -> Seen:
    """A look in figures."""
    response, content = look.response, look.content
    return Seen(
        name=look.name,
        status=response.status if response else None,
        fields=list(response.fields) if response else [],
        pieces=content.pieces if content else 0,
        noun=content.noun if content else "",
        moments=content.moments if content else 0,
        head_ms=_ms(response.head_at_s - look.asked_at_s) if response else None,
        arrivals_ms=[_ms(at_s - look.asked_at_s) for at_s in content.signs_s] if content else [],
        ended=str(response.ending) if response else str(look.conversation.closing),
        why_left=look.why_left,
        duration_ms=_ms(look.watched_s),
        comments=len(content.comments_s) if content else 0,
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _finding(made: Check, visit: Visit) -> Finding:
    finding = Finding(made.id, made.level, Verdict.PASS, "", attempts=1)
    try:
        figures = made.judge(visit)
    except Violation as violation:
        if isinstance(violation, Late):  # noise imitates it, and no control server was there to tell
            return replace(finding, verdict=Verdict.INCONCLUSIVE, message=str(violation))
        return replace(
            finding,
            verdict=Verdict.FAIL if made.level is Level.MUST else Verdict.WARN,
            message=str(violation),
            expected=violation.expected,
            actual=violation.actual,
            at_s=violation.at_s,
            offset=violation.offset,
        )
    except NotObserved as error:
        return replace(finding, verdict=Verdict.INCONCLUSIVE, message=str(error))
    except NotApplicable as error:
        return replace(finding, verdict=Verdict.NOT_APPLICABLE, message=str(error))
    except Exception as error:  # noqa: BLE001 - a crash of ours is never a verdict on a server
        told = f"streamspec itself failed while judging ({type(error).__name__}: {error}); please report this bug of it"
        return replace(finding, verdict=Verdict.INCONCLUSIVE, message=told)
    return replace(finding, measured={name: round(value, 3) for name, value in (figures or {}).items()})
