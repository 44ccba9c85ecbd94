"""A run as a badge: the JSON that shields.io reads from an address ("endpoint badge")."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streamspec.report.results import Verdict
from streamspec.report.wording import conclusion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamspec.report.results import TargetResults

COLOURS = {"conforms": "brightgreen", "inconclusive": "lightgrey", "does not conform": "red"}


def badge(targets: Sequence[TargetResults], *, strict: bool) -> bytes:
    """The JSON: of one target how many requirements hold, of several how many of them conform."""
    words = [conclusion(target, strict=strict) for target in targets]
    worst = next(word for word in reversed(COLOURS) if word in words or word == "conforms")
    if len(targets) == 1:
        looked_at = len(targets[0].verdicts) - targets[0].count(Verdict.NOT_APPLICABLE)
        message = f"{targets[0].count(Verdict.PASS)} of {looked_at} hold" if looked_at else words[0]
    else:
        message = f"{words.count('conforms')} of {len(targets)} conform"
    shield = {"schemaVersion": 1, "label": "streamspec", "message": message, "color": COLOURS[worst]}
    return msgspec.json.format(msgspec.json.encode(shield), indent=1) + b"\n"
