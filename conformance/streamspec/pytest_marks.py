"""What says of a test, and of its report, that it is a requirement's: the words that the plugin's parts share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

MARKER = "streamspec"
ATTRIBUTE = "streamspec"
"""The attribute of a test report that carries a finding to where reports are gathered, between processes too."""

REPORTER = "streamspec-reporter"
"""The name of the plugin that writes the report, in the process that sees every test's."""
RECORDINGS = "streamspec_recordings"
"""Where a worker of pytest-xdist leaves what it has recorded, for that process."""

WHAT_A_TARGET_IS = "a base URL (http://…), the path of an impl.toml, or the name of an implementation under impls/"


def is_requirement(item: pytest.Item) -> bool:
    """Whether it is the test of a requirement."""
    return item.get_closest_marker(MARKER) is not None


def selected_ids(session: pytest.Session) -> list[str]:
    """The ids of the requirements whose tests will run."""
    marks = [item.get_closest_marker(MARKER) for item in session.items]
    return list(dict.fromkeys(mark.args[0] for mark in marks if mark))


def worker() -> str:
    """The name of this process among those of pytest-xdist; empty where it is the only one."""
    return os.environ.get("PYTEST_XDIST_WORKER", "")
