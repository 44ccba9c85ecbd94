"""The whole contract as a test module: `pytest --pyargs streamspec.test_conformance --streamspec-target=TARGET`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamspec.pytest_session import RequirementTest


def test_conformance(streamspec_requirement: RequirementTest) -> None:
    """One test per requirement, named by its id."""
    streamspec_requirement.check()
