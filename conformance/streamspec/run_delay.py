"""What Linux tells of a process's threads: how long each ran, and how long it was ready to run and had no processor.

It reads /proc and judges nothing. Where there is none, or its kernel does not count this, nothing is known of anyone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias

PROC = Path("/proc")


class ThreadTimes(NamedTuple):
    """The first two numbers of /proc/PID/task/TID/schedstat, both in ns since the thread began."""

    ran_ns: int
    waited_ns: int
    """Ready to run, but something else had the processor."""


ProcessTimes: TypeAlias = Mapping[int, ThreadTimes]
"""Those of a process and its children, by thread id."""


def process_times(pid: int, proc: Path = PROC) -> ProcessTimes:
    """The times of the threads of that process and of those it launched; empty where nothing is told.

    A process that has ended but was not waited for still tells those of its main thread.
    """
    found: dict[int, ThreadTimes] = {}
    waiting = [pid]
    while waiting:
        try:
            threads = list((proc / str(waiting.pop()) / "task").iterdir())
        except OSError:
            continue
        for thread in threads:
            try:
                ran_ns, waited_ns, _ = map(int, (thread / "schedstat").read_text().split())
                found[int(thread.name)] = ThreadTimes(ran_ns, waited_ns)
                waiting += map(int, (thread / "children").read_text().split())
            except (OSError, ValueError):  # it has ended meanwhile, or the kernel was built without one of the two
                continue
    return found


def starved(before: ProcessTimes, after: ProcessTimes) -> tuple[float, float]:
    """How long others kept a process from running between the two, at least, in s; and how long it ran beside that.

    Both are those of the thread that was kept waiting longest. What the other threads ran meanwhile is taken off its
    wait: for that the process has only itself to thank. So one with more busy threads than processors has no excuse in
    them: each of n threads on c processors waits for (n - c) / n of the time, and the others run for c × (n - 1) / n
    of it, which is never less.
    """
    spent = []
    for thread, now in after.items():
        then = before.get(thread, ThreadTimes(0, 0))
        spent.append(ThreadTimes(now.ran_ns - then.ran_ns, now.waited_ns - then.waited_ns))
    whole_ns = sum(thread.ran_ns for thread in spent)
    by_others = [(thread.waited_ns - (whole_ns - thread.ran_ns), thread.ran_ns) for thread in spent]
    starved_ns, ran_ns = max(by_others, default=(0, 0))
    return max(0, starved_ns) / 1e9, ran_ns / 1e9
