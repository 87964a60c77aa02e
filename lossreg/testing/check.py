"""The list of checks, and how one of them is run on a loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lossreg.errors import InvalidParameter, MissingExtra, listed, nearest
from lossreg.testing.results import CheckResult, CheckRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lossreg.testing.loss_under_test import LossUnderTest

    Function = Callable[[LossUnderTest, CheckRun], None]


@dataclass(frozen=True)
class Check:
    """One property that every loss must have; `skip_reason` says why it does not apply to some loss."""

    name: str
    function: Function
    skip_reason: Callable[[LossUnderTest], str]

    @property
    def summary(self) -> str:
        """The property in one sentence."""
        return (self.function.__doc__ or "").partition("\n")[0]


CHECKS: dict[str, Check] = {}


def check(function: Function) -> Function:
    """Add a check that applies to every loss, under the function's name."""
    return check_unless(lambda _: "")(function)


def check_unless(skip_reason: Callable[[LossUnderTest], str]) -> Callable[[Function], Function]:
    """Add a check that does not apply to the losses for which `skip_reason` returns a reason."""

    def add(function: Function) -> Function:
        CHECKS[function.__name__] = Check(function.__name__, function, skip_reason)
        return function

    return add


def run_check(check: Check, tested: LossUnderTest, reason: str = "") -> CheckResult:
    """Run a check on a loss; with a `reason` it is expected to fail, and fails if it passes."""
    run, message = CheckRun(), ""
    try:
        check.function(tested, run)
        run.conclude()
    except MissingExtra:
        raise
    except Exception as error:  # noqa: BLE001  whatever a kernel raises is a fault of the loss
        message = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
    found: dict[str, Any] = {"points": run.points, "worst": run.worst, "hint": run.hint, "figures": run.figures}
    if reason and message:
        return CheckResult(check.name, "expected failure", message=message, reason=reason, **found)
    if reason:
        return CheckResult(check.name, "failed", message=f"passes, but was expected to fail: {reason}", **found)
    return CheckResult(check.name, "failed" if message else "passed", message=message, **found)


def require_known(names: Iterable[str]) -> None:
    """Raise InvalidParameter for a name that no check has, with the nearest one."""
    for name in names:
        if name not in CHECKS:
            hint = nearest(name, CHECKS)
            raise InvalidParameter(
                f"there is no check {name!r}" + (hint and f"; {hint}") + f"; the checks are {listed(CHECKS)}"
            )
