"""The pytest plugin: `pytest --lossreg` also runs the conformance kit on the losses of the distribution that is tested.

They are the entry points in the pyproject.toml of pytest's root directory.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("lossreg")
    group.addoption("--lossreg", action="store_true", help="run the conformance kit on this distribution's losses")
    group.addoption("--lossreg-level", choices=("quick", "full"), default="full", help="how much is tested of a loss")


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add a test for each check of each loss."""
    if not config.getoption("--lossreg"):
        return
    file = config.rootpath / "pyproject.toml"
    project = tomllib.loads(file.read_text("utf-8")).get("project", {}) if file.exists() else {}
    names = project.get("entry-points", {}).get("lossreg.losses", {})
    if not names:
        raise pytest.UsageError(f"--lossreg: {file} has no entry points of the group lossreg.losses")
    from lossreg.testing import checks_of  # imports numba

    level = config.getoption("--lossreg-level")
    for name in names:
        for check, run in checks_of(name, level):
            items.append(CheckItem.from_parent(session, name=f"{name}-{check}", run=run))


class CheckItem(pytest.Item):
    """One check of one loss, as a test."""

    def __init__(self, *, run: Callable[[], Any], **options: Any) -> None:
        super().__init__(**options)
        self.run = run

    def runtest(self) -> None:
        """Run the check; raises NonconformingLoss if it fails."""
        self.run()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ARG002
        """Return the message alone: the traceback is lossreg's own."""
        return str(excinfo.value)

    def reportinfo(self) -> tuple[Any, None, str]:
        """Return where the test is from, and its name."""
        return self.config.rootpath / "pyproject.toml", None, f"lossreg: {self.name}"
