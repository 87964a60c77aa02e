"""The list of checks, and how one of them is run on a loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lossreg.errors import InvalidParameter, MissingExtra, listed, nearest
from lossreg.testing.results import Result, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lossreg.testing.subject import Subject

    Function = Callable[[Subject, Trial], None]


@dataclass(frozen=True)
class Check:
    """One thing that every loss has to show, and where it does not concern a loss, why."""

    name: str
    function: Function
    left_out: Callable[[Subject], str]

    @property
    def summary(self) -> str:
        """What it shows."""
        return (self.function.__doc__ or "").partition("\n")[0]


CHECKS: dict[str, Check] = {}


def check(function: Function) -> Function:
    """Add a check that concerns every loss, under its own name."""
    return check_unless(lambda _: "")(function)


def check_unless(left_out: Callable[[Subject], str]) -> Callable[[Function], Function]:
    """Add a check that some losses do not need, for the reason that `left_out` gives."""

    def add(function: Function) -> Function:
        CHECKS[function.__name__] = Check(function.__name__, function, left_out)
        return function

    return add


def run_check(check: Check, subject: Subject, reason: str = "") -> Result:
    """Run a check on a loss; with a `reason` it is expected to fail, and fails if it does not."""
    trial, message = Trial(), ""
    try:
        check.function(subject, trial)
        trial.conclude()
    except MissingExtra:
        raise
    except Exception as error:  # noqa: BLE001  whatever a kernel raises is a finding
        message = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
    found: dict[str, Any] = {"points": trial.points, "worst": trial.worst, "hint": trial.hint, "figures": trial.figures}
    if reason and message:
        return Result(check.name, "expected failure", message=message, reason=reason, **found)
    if reason:
        return Result(check.name, "failed", message=f"passes, but was expected to fail: {reason}", **found)
    return Result(check.name, "failed" if message else "passed", message=message, **found)


def known(names: Iterable[str]) -> None:
    """Raise InvalidParameter for a name that no check has, with the nearest one."""
    for name in names:
        if name not in CHECKS:
            hint = nearest(name, CHECKS)
            raise InvalidParameter(
                f"there is no check {name!r}" + (hint and f"; {hint}") + f"; there are {listed(CHECKS)}"
            )
