"""What a person asks of a proxy, answered by the findings on requirements behind it. Values in, words out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamspec.report.results import Verdict
from streamspec.report.wording import figure_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamspec.report.results import Finding, TargetResults


@dataclass(frozen=True, slots=True)
class Aspect:
    """A question, and the requirements that answer it."""

    question: str
    requirements: tuple[str, ...]
    figure: str = ""
    """The figure among what they measured that tells how much."""
    unit: str = ""
    tells_actual: bool = False
    """Whether what came instead is told where it does not hold."""


ASPECTS = (
    Aspect("Text arrives live", ("chunks-causal", "chunks-causal-tiny", "chunks-pacing"), "lateness_median_ms", "ms"),
    Aspect("… to a client that accepts gzip, as browsers do", ("chunks-causal-encoded",)),
    Aspect(
        "Events and keep-alive comments arrive live",
        ("framing-causal", "keepalive-while-silent", "keepalive-before-first-event"),
    ),
    Aspect("The header section comes before the first item", ("head-before-first-item",)),
    Aspect(
        "A disconnect reaches the producer",
        (
            "disconnect-fin-idle",
            "disconnect-rst-idle",
            "disconnect-fin-active",
            "disconnect-rst-active",
            "disconnect-before-first-item",
            "disconnect-stalled",
            "disconnect-during-keepalive",
            "disconnect-half-close",
        ),
        "cleanup_ms",
        "ms",
    ),
    Aspect("A failure is visible", ("failure-truncates", "failure-error-event", "shutdown-truncation-visible")),
    Aspect("A reader that stalls stops the producer", ("flow-bounded",), "ahead_mib", "MiB ahead", tells_actual=True),
)


def answer(aspect: Aspect, results: TargetResults) -> str:
    """`yes`, with a figure where there is one; `NO`, or how many of its requirements hold.

    `-` where none was looked at; `?` where one could not be observed, which says nothing of the proxy.
    """
    found = [made for made in results.verdicts if made.id in aspect.requirements]
    judged = [made for made in found if made.verdict is not Verdict.NOT_APPLICABLE]
    if not judged:
        return "-"
    if any(made.verdict is Verdict.INCONCLUSIVE for made in judged):
        return "?"
    held = [made for made in judged if made.verdict is Verdict.PASS]
    excepted = [made for made in judged if _is_exception(made, results)]
    if len(held) + len(excepted) < len(judged):
        if aspect.tells_actual:
            return f"NO: {judged[0].actual or judged[0].message}"
        return f"{len(held)} of {len(judged)}" if held else "NO"
    if excepted:
        return "yes, but see the deviation"
    measured = [made.measured[aspect.figure] for made in held if aspect.figure in made.measured]
    return f"yes, {figure_value(max(measured))} {aspect.unit}" if measured else "yes"


def _is_exception(finding: Finding, results: TargetResults) -> bool:
    """Whether it deviates in one respect only, which its deviation names."""
    listed = (row for row in results.deviations if row.requirement == finding.id)
    return finding.verdict is Verdict.DEVIATION and any(row.found and row.found in finding.message for row in listed)


def broken(through: TargetResults, direct: TargetResults) -> Sequence[Finding]:
    """What holds directly and does not hold behind the proxy, and is not known of it either."""
    return [made for made, before in _pairs(through, direct) if _fails(made) and _holds(before)]


def cannot_keep(through: TargetResults, direct: TargetResults) -> Sequence[Finding]:
    """What holds directly and is known not to hold behind this proxy, whatever its settings."""
    return [made for made, before in _pairs(through, direct) if made.verdict is Verdict.DEVIATION and _holds(before)]


def mended(through: TargetResults, direct: TargetResults) -> Sequence[Finding]:
    """What does not hold directly and holds behind the proxy."""
    wrong = {Verdict.FAIL, Verdict.WARN, Verdict.DEVIATION}
    return [
        made for made, before in _pairs(through, direct) if made.verdict is Verdict.PASS and before.verdict in wrong
    ]


def in_pairs(targets: Sequence[TargetResults]) -> Sequence[tuple[TargetResults, Sequence[TargetResults]]]:
    """Each target that was observed directly, with what was observed of it through something."""
    pairs = [(one, [other for other in targets if other.direct == one.name]) for one in targets if one.direct is None]
    return [(one, others) for one, others in pairs if others]


def _pairs(through: TargetResults, direct: TargetResults) -> Sequence[tuple[Finding, Finding]]:
    before: Mapping[str, Finding] = {made.id: made for made in direct.verdicts}
    return [(made, before[made.id]) for made in through.verdicts if made.id in before]


def _holds(before: Finding) -> bool:
    """Whether what is found behind a proxy is the proxy's doing: that it speaks HTTP/2 is, too."""
    of_proxy = before.verdict is Verdict.NOT_APPLICABLE and before.id.startswith("http2-")
    return before.verdict is Verdict.PASS or of_proxy


def _fails(finding: Finding) -> bool:
    return finding.verdict in {Verdict.FAIL, Verdict.WARN}
