"""The shutdown requirements on hand-written traces: what is open at the signal, and what became of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests import traces

from streamspec.exchanges import shutdown as exchanges
from streamspec.requirement import Late, NotObserved, Violation
from streamspec.requirements import shutdown
from streamspec_client.trace import Closing, Ending, Mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamspec.contract import JSON
    from streamspec.requirement import Requirement
    from streamspec_client.trace import Response, Trace

TERMINATED_S = 0.5
GONE_WITHIN_S = exchanges.GONE_WITHIN_MS / 1000
HELLO = b"hello\n"
EVENT = b"data: hello\n\n"
CLEANED: dict[str, JSON] = {"state": "closed", "cleaned": True, "cleanups": 1}

IDLE = (shutdown.shutdown_idle, shutdown.shutdown_drains, shutdown.shutdown_exit_code, shutdown.shutdown_sse_retry)
ACTIVE = (shutdown.shutdown_active, shutdown.shutdown_truncation_visible, shutdown.shutdown_cleanup)


def text(ending: Ending = Ending.TRUNCATED) -> Response:
    return traces.response(HELLO, ending=ending)


def events(body: bytes = EVENT + b"retry: 1000\n\n", ending: Ending = Ending.TRUNCATED) -> Response:
    return traces.response(body, fields=traces.EVENT_FIELDS, ending=ending)


def state(value: JSON, status: int = 200) -> Response:
    return traces.response(json.dumps(value).encode(), status=status)


def terminated(
    instead: Mapping[str, Response | None] | None = None,
    *,
    exited_s: float | None = TERMINATED_S + 0.4,
    code: int = 0,
    log: str = "",
) -> Trace:
    """Streams that were cut and cleaned up, one that ended, and the end of the process."""
    given: dict[str, Response | None] = {
        "text": text(),
        "events": events(),
        exchanges.STALLED: text(Ending.RESET),
        exchanges.FINISHING: traces.response(HELLO + HELLO),
        **{f"state-{name}": state(CLEANED) for name in ("text", "events", exchanges.STALLED)},
    }
    given |= instead or {}
    marks = [Mark(TERMINATED_S, "terminated")]
    marks += [] if exited_s is None else [Mark(exited_s, "exited", code)]
    conversations = [
        traces.conversation(*([made] if made else []), name=name, closing=Closing.FIN) for name, made in given.items()
    ]
    return traces.trace(*conversations, marks=marks, log=log)


@pytest.mark.parametrize("made", [*IDLE, *ACTIVE], ids=lambda made: made.id)
def test_a_sound_shutdown_passes(made: Requirement) -> None:
    figures = made.judge(terminated())
    if made.id in {"shutdown-idle", "shutdown-active"}:
        assert figures == pytest.approx({"gone_after_ms": 400.0})


@pytest.mark.parametrize("made", [*IDLE, *ACTIVE], ids=lambda made: made.id)
def test_without_the_streams_there_was_nothing_to_end(made: Requirement) -> None:
    with pytest.raises(NotObserved, match="head-before-first-item"):
        made.judge(replace(terminated(), marks=()))


@pytest.mark.parametrize("made", [shutdown.shutdown_idle, shutdown.shutdown_active], ids=lambda made: made.id)
def test_a_process_that_goes_too_late_or_never_is_late(made: Requirement) -> None:
    assert made.judge(terminated(exited_s=TERMINATED_S + GONE_WITHIN_S - 0.01))
    with pytest.raises(Late, match="got after 2310 ms"):
        made.judge(terminated(exited_s=TERMINATED_S + GONE_WITHIN_S + 0.01))
    with pytest.raises(Late, match="though every stream has ended"):
        made.judge(terminated(exited_s=None))
    with pytest.raises(Late, match="open still: events"):
        made.judge(terminated({"events": events(ending=Ending.OPEN)}, exited_s=None))


def test_a_stream_that_was_about_to_end_is_whole() -> None:
    with pytest.raises(Violation, match="truncated"):
        shutdown.shutdown_drains.judge(terminated({exchanges.FINISHING: text()}))
    with pytest.raises(Violation, match="both items"):
        shutdown.shutdown_drains.judge(terminated({exchanges.FINISHING: text(Ending.COMPLETE)}))
    with pytest.raises(Late):
        shutdown.shutdown_drains.judge(terminated({exchanges.FINISHING: text(Ending.OPEN)}))


@pytest.mark.parametrize("code", [0, -15, 143])
def test_status_0_and_the_signal_itself_are_exits_in_order(code: int) -> None:
    assert shutdown.shutdown_exit_code.judge(terminated(code=code)) is None


@pytest.mark.parametrize(
    ("code", "said"), [(1, "status 1"), (-9, "by signal 9"), (137, "status 137"), (15, "status 15")]
)
def test_another_exit_is_a_violation(code: int, said: str) -> None:
    with pytest.raises(Violation, match=said):
        shutdown.shutdown_exit_code.judge(terminated(code=code))


def test_no_exit_is_late() -> None:
    with pytest.raises(Late, match="shutdown-idle"):
        shutdown.shutdown_exit_code.judge(terminated(exited_s=None))


@pytest.mark.parametrize("name", ["text", exchanges.STALLED])
def test_a_cut_text_is_incomplete(name: str) -> None:
    for ending in (Ending.TRUNCATED, Ending.RESET):
        assert shutdown.shutdown_truncation_visible.judge(terminated({name: text(ending)})) is None
    for ending in (Ending.COMPLETE, Ending.MALFORMED):
        with pytest.raises(Violation, match=f"{name}: an incomplete message"):
            shutdown.shutdown_truncation_visible.judge(terminated({name: text(ending)}))
    with pytest.raises(Late):
        shutdown.shutdown_truncation_visible.judge(terminated({name: text(Ending.OPEN)}))


@pytest.mark.parametrize("body", [b"retry:2000\n" + EVENT, EVENT + b"retry: 2000\r\n", EVENT + b"retry: 2000\r"])
def test_retry_counts_wherever_it_stands(body: bytes) -> None:
    assert shutdown.shutdown_sse_retry.judge(terminated({"events": events(body)})) == {"retry_ms": 2000}


@pytest.mark.parametrize(
    "body", [EVENT, EVENT + b"retry: soon\n\n", EVENT + b"retry: 2000", EVENT + b"data: retry: 1\n\n"]
)
def test_without_a_valid_retry_it_is_late(body: bytes) -> None:
    with pytest.raises(Late, match="a retry field"):
        shutdown.shutdown_sse_retry.judge(terminated({"events": events(body)}))


TOTALS = [
    "stopped: opened 3, open 0, cleaned 3",
    'INFO: bye {"cleaned": 4, "open": 0, "opened": 4}\n',
    "opened=3 open=0 cleaned=3\nlast words",
]


@pytest.mark.parametrize("log", TOTALS)
def test_totals_in_the_log_stand_in_for_polls(log: str) -> None:
    unanswered = dict.fromkeys(["state-text", "state-events"])
    assert shutdown.shutdown_cleanup.judge(terminated(unanswered, log=log)) is None


@pytest.mark.parametrize(
    "log", ["opened 3, open 1, cleaned 2", "opened 3, open 0, cleaned 2", "opened 2, open 0, cleaned 2"]
)
def test_totals_of_fewer_clean_ups_are_late(log: str) -> None:
    with pytest.raises(Late, match="as many cleaned as opened"):
        shutdown.shutdown_cleanup.judge(terminated({"state-text": None}, log=log))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "text: no answer to the poll"),
        (replace(state(CLEANED), ending=Ending.TRUNCATED), "text: no answer to the poll"),
        (state({**CLEANED, "cleaned": False, "cleanups": 0}), "text: cleaned False, cleanups 0"),
        (state({**CLEANED, "cleanups": 2}), "text: cleaned True, cleanups 2"),
        (state(None, status=503), "text: the poll was answered 503 b'null'"),
    ],
)
@pytest.mark.parametrize("log", ["", "opened 3 streams", "reopened 1"])
def test_a_stream_that_nobody_says_to_be_cleaned_up_is_late(answer: Response | None, said: str, log: str) -> None:
    with pytest.raises(Late, match=said):
        shutdown.shutdown_cleanup.judge(terminated({"state-text": answer}, log=log))
