"""What is going on while a run goes on: a line that changes on a terminal, one line per target in a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from streamspec.report.wording import totals

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.console import Console

    from streamspec.report.results import TargetResults


class Progress:
    """Progress of a run over some targets, on the console that is not the report's: standard error."""

    def __init__(self, console: Console, targets: int) -> None:
        self._console = console
        self._targets = targets
        self._begun = 0
        self._prefix = ""
        self._status = console.status("") if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._status:
            self._status.stop()

    def begin(self, name: str) -> None:
        """A target is being started or looked for."""
        self._begun += 1
        place = f" ({self._begun} of {self._targets})" if self._targets > 1 else ""
        self._prefix = f"{name}{place}: "
        self.step("starting")

    def step(self, text: str) -> None:
        """Something was done on the target."""
        if self._status:
            self._status.update(Text(self._prefix + text))

    def end(self, target: TargetResults) -> None:
        """The target is done; a log of several targets gets a line, so that it shows life."""
        if not self._status and self._targets > 1:
            self._console.print(Text(f"{self._prefix}{totals(target)}, in {target.duration_s:.1f} s"), soft_wrap=True)
