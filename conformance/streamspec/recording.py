"""Recordings of exchanges with one target: side by side or alone, attempt after attempt, until the target is gone.

Nothing here judges. Each attempt at an exchange is recorded once, however many requirements look at it.
"""

from __future__ import annotations

import queue
import threading
import time
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from streamspec.exchanges.recorder import Recorder, TargetLost
from streamspec.implementation import TargetError
from streamspec.process import ProcessError
from streamspec.requirement import NotObserved
from streamspec.target import running
from streamspec_client.probe import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from streamspec.implementation import Implementation
    from streamspec.requirement import Exchange
    from streamspec.target import Target
    from streamspec_client.trace import Trace

SIDE_BY_SIDE = 8
"""Exchanges recorded at once. They mostly wait; with more, two busy cores make them late."""

WARM_UP = ("/stream?count=1&interval_ms=0", "/sse?count=1&interval_ms=0")
"""The first response of a route costs 17 to 75 ms; each is asked once before anything is timed."""

DYING_S = 1.0
"""What ended so shortly before the target was found gone may show its dying: closed sockets that no exchange caused.
The next connection finds it out, so less would do; more would throw away what was seen of a sound server."""


Turn: TypeAlias = "Callable[[Exchange], AbstractContextManager[object]]"
"""Waits until an exchange may be recorded, and is held meanwhile: for several processes that share a machine."""


def any_time(_exchange: Exchange) -> AbstractContextManager[object]:
    """The turn of a process that shares with none."""
    return nullcontext()


HANGS_AFTER_S = 10.0
"""A server that leaves GET / without an answer for so long hangs; one that an endless producer starves takes 5 s."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One attempt at an exchange: its trace, or why there is none."""

    trace: Trace | None
    unobserved: str = ""
    """One sentence; empty where there is a trace."""
    finished_at_s: float = field(default_factory=time.monotonic)


class Recordings:
    """The recordings of one target by exchange, in the order of attempts."""

    def __init__(self, target: Target, slow_factor: float = 1.0, turn: Turn = any_time) -> None:
        self.target = target
        self.ended: str | None = None
        """Why nothing more can be recorded, in one sentence; None while the target answers."""
        self._slow_factor = slow_factor
        self._turn = turn
        self._attempts: dict[str, list[Recording]] = {}
        self._warm = False
        self._gone_at_s: float | None = None
        self._dying: dict[int, bool] = {}
        """By the identity of a recording, which `_attempts` holds on to."""
        self._launching = threading.Lock()
        """One process at a time: a start is work for a whole core, which others need to be in time."""

    def traces(self) -> dict[str, Trace]:
        """The traces by the name of their exchange, the latest attempt of each."""
        return {
            name: latest
            for name, attempts in self._attempts.items()
            if (latest := next((made.trace for made in reversed(attempts) if made.trace), None))
        }

    def attempts(self) -> dict[str, list[Recording]]:
        """Every recording by the name of its exchange, in order."""
        return self._attempts

    def record(self, exchanges: Sequence[Exchange], progress: Callable[[str], None] | None = None) -> None:
        """Record a first attempt of each where there is none: side by side, but those that are timed after the others.

        Each that wants to be alone is recorded after them. Those with a process of their own go on meanwhile, unless
        they want to be alone, too: mostly they wait.
        """
        missing = {made.name: made for made in exchanges if made.name not in self._attempts}
        if not missing:
            return
        self._warm_up()
        done = 0

        def observe(exchange: Exchange) -> None:
            nonlocal done
            self._observe(exchange)
            done += 1
            if progress:
                progress(f"{done} of {len(missing)} exchanges recorded")

        elsewhere = [made for made in missing.values() if not made.alone and self._to_launch(made)]
        together = [made for made in missing.values() if not made.alone and made not in elsewhere]
        launched = _started([partial(observe, exchange) for exchange in elsewhere])
        for timed in (False, True):
            _wait_for(_started([partial(observe, exchange) for exchange in together if exchange.timed is timed]))
            self._look_for_end()
        for exchange in missing.values():
            if exchange.alone:
                observe(exchange)
                self._look_for_end()
        _wait_for(launched)

    def _to_launch(self, exchange: Exchange) -> Implementation | None:
        """What the exchange gets a process of its own of; None where the target itself will do, or has to."""
        return None if exchange.launch is None else self.target.implementation

    def attempt(self, exchange: Exchange, number: int) -> Recording:
        """The attempt of that number, counted from 0; recorded now, alone, where there was none yet.

        A target that hangs since then shows nothing new: its last attempt stands for all that would follow.
        """
        self._warm_up()
        attempts = self._attempts.setdefault(exchange.name, [])
        while len(attempts) <= number and not (attempts and self._hangs):
            self._observe(exchange)
            self._look_for_end()
        return attempts[min(number, len(attempts) - 1)]

    @property
    def _hangs(self) -> bool:
        return self.ended is not None and self._gone_at_s is None

    def may_show_dying(self, recording: Recording) -> bool:
        """Whether the target may have been dying, of whatever cause, while this was recorded.

        The first answer stands: a target that was found alive after a recording was not dying during it.
        """
        if id(recording) not in self._dying:
            self._look_for_end()
            self._dying[id(recording)] = (
                self._gone_at_s is not None and recording.finished_at_s > self._gone_at_s - DYING_S
            )
        return self._dying[id(recording)]

    def showed_dying(self, recording: Recording) -> bool:
        """What was answered to that; False where nobody asked."""
        return self._dying.get(id(recording), False)

    def _observe(self, exchange: Exchange) -> None:
        try:
            recording = Recording(self._recorded(exchange))
        except (NotObserved, TargetLost, TargetError, ProcessError, Unreachable) as error:
            self._look_for_end()
            recording = Recording(None, self.ended or str(error))
        except Exception as error:  # noqa: BLE001 - a crash of ours is never a verdict on a server
            recording = Recording(None, _our_crash(f"while recording {exchange.name}", error))
        self._attempts.setdefault(exchange.name, []).append(recording)

    def _recorded(self, exchange: Exchange) -> Trace:
        if self.ended is not None:
            raise NotObserved(self.ended)
        target = self.target
        with ExitStack() as stack:
            stack.enter_context(self._turn(exchange))
            if implementation := self._to_launch(exchange):
                with self._launching:
                    is_asked = (self.target.origin or self.target).http2
                    target = stack.enter_context(running(implementation, exchange.launch, http2=is_asked))
                    if self.target.front is not None:
                        target = stack.enter_context(self.target.front(target))
            recorder = stack.enter_context(Recorder(target, exchange.name, self._slow_factor))
            exchange.record(recorder)
            return recorder.trace()

    def _warm_up(self) -> None:
        if self._warm:
            return
        self._warm = True
        try:
            with Recorder(self.target, "warm-up", self._slow_factor) as recorder:
                for path in WARM_UP:
                    recorder.get(path).wait_complete(1, recorder.prompt_s)
                for path in ("/stream", "/sse"):
                    recorder.post(path, [], token=recorder.token()).wait_complete(1, recorder.prompt_s)
        except Unreachable:
            self._look_for_end()

    def _look_for_end(self) -> None:
        """Find out whether the target is gone: its process has ended, nothing listens there, or nobody is answered."""
        if self.ended is not None:
            return
        try:
            with Recorder(self.target, "still-there", self._slow_factor) as recorder:
                connection = recorder.get("/")
                if connection.wait_head(HANGS_AFTER_S):
                    return
                if not connection.closed:
                    self.ended = f"{self.target.url}: the server hangs: GET / got no answer within {HANGS_AFTER_S:g} s"
                    return
                recorder.connect()
        except Unreachable as error:
            self._gone_at_s = time.monotonic()
            process = self.target.process
            if process is not None and process.wait_exit(0.5):
                words = process.last_words()
                self.ended = f"{self.target.name}: the server ended {process.ending()} during the run{words}"
            else:
                self.ended = f"{self.target.url}: the server stopped listening during the run: {error.reason}"


def _our_crash(where: str, error: Exception) -> str:
    return f"streamspec itself failed {where} ({type(error).__name__}: {error}); this is a bug of it, please report it"


def _started(jobs: Sequence[Callable[[], None]]) -> list[threading.Thread]:
    """The jobs in a few daemon threads, so that Ctrl-C does not wait for what a silent server keeps waiting."""
    waiting: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)

    def work() -> None:
        while True:
            try:
                job = waiting.get_nowait()
            except queue.Empty:
                return
            job()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(SIDE_BY_SIDE, len(jobs)))]
    for thread in threads:
        thread.start()
    return threads


def _wait_for(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.join()
