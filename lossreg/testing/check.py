"""The list of checks, and how one of them is run on a loss."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import InvalidParameter, MissingExtra, listed, nearest
from lossreg.kernels.drivers.sample_loop import each_in_plain_python
from lossreg.testing.results import CheckResult, CheckRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lossreg.testing.loss_under_test import Level, LossUnderTest

    Expected = dict[str, dict[str | None, str]]
    Function = Callable[[LossUnderTest, CheckRun], None]


FUNDAMENTAL = (
    "kernels_compile",
    "slopes_are_derivatives",
    "gradient_matches_differences",
    "dtypes_are_preserved",
    "compiled_agrees_with_python",
    "reductions_are_consistent",
)
"""The checks that run first, in this order: what they find makes others fail too."""
RESTS_ON = {
    "exact_in_float64": "exact_in_float32",
    "slopes_at_kinks_are_subgradients": "slopes_are_derivatives",
    "hessians_are_derivatives": "slopes_are_derivatives",
    "gradient_matches_the_reported_value": "slopes_are_derivatives",
    "weights_equal_repetition": "reductions_are_consistent",
    "masked_samples_do_not_count": "reductions_are_consistent",
    "partial_batches_add_up": "reductions_are_consistent",
    "empty_and_single_inputs_work": "reductions_are_consistent",
}
"""The check that another one rests on, without which it would report the same fault again; for others the first one."""

QUICK = (
    *FUNDAMENTAL[:4],
    *("documentation_is_complete", "slopes_at_kinks_are_subgradients", "exact_in_float64", "nan_propagates"),
    "hessians_are_derivatives",
    *("order_of_samples_does_not_matter", "reductions_have_one_gradient", "groups_do_not_mix"),
    "meaningless_options_are_refused",
)
"""The checks of the level `quick`: those of what an author writes, as far as they need no machine code. The others
compile 7 to 27 loops for a loss, each of which takes 0.3 to 1 s of processor time after every edit of the kernel."""


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


def foundation(name: str) -> str:
    """Return the check that a check rests on, or nothing for the first one."""
    return RESTS_ON.get(name, "" if name == FUNDAMENTAL[0] else FUNDAMENTAL[0])


def in_order(level: Level = "full") -> list[Check]:
    """Return the checks of a level, the most fundamental ones first."""
    first = [CHECKS[name] for name in FUNDAMENTAL]
    others = [check for name, check in CHECKS.items() if name not in FUNDAMENTAL]
    return [check for check in (*first, *others) if level == "full" or check.name in QUICK]


def run_check(check: Check, tested: LossUnderTest, expected: Mapping[str | None, str] | None = None) -> CheckResult:
    """Run a check on a loss.

    expected: the reasons why it fails, by setting, such as "delta=0.25", or under None whatever the setting is. With
    these settings it must fail, and with all others it must pass. Raises InvalidParameter for an unknown setting.
    """
    reasons = dict(expected or {})
    if None in reasons:
        return run_once(check, tested, reasons[None])
    known = [case.setting for case in tested.cases]
    for setting in reasons if tested.level == "full" else ():
        if setting not in known:
            hint = nearest(str(setting), known)
            raise InvalidParameter(f"{tested.loss.name}: there is no setting {setting!r}" + (hint and f"; {hint}"))
    found = [run_once(check, tested.only({setting}), reason) for setting, reason in reasons.items()]
    found.append(run_once(check, tested.without(reasons) if reasons else tested))
    return next((result for result in found if result.status == "failed"), found[-1])


def run_once(check: Check, tested: LossUnderTest, reason: str = "") -> CheckResult:
    """Run a check on a loss; with a `reason` it is expected to fail, and fails if it passes."""
    run, message = CheckRun(tested.loss.ulps), ""
    try:
        plainly = each_in_plain_python() if tested.level == "quick" else nullcontext()
        with np.errstate(all="ignore"), warnings.catch_warnings(), plainly:
            warnings.simplefilter("ignore", RuntimeWarning)
            check.function(tested, run)
        run.conclude()
    except MissingExtra:
        raise
    except Exception as error:  # noqa: BLE001  whatever a kernel raises is a fault of the loss
        message = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
    found: dict[str, Any] = {name: getattr(run, name) for name in ("points", "worst", "extreme", "hint", "figures")}
    if reason and message:
        return CheckResult(check.name, "expected failure", message=message, reason=reason, **found)
    if reason:
        return CheckResult(check.name, "failed", message=f"passes, but was expected to fail: {reason}", **found)
    return CheckResult(check.name, "failed" if message else "passed", message=message, **found)


def expectations(given: Mapping[Any, str]) -> Expected:
    """Return the reasons of expected failures by check and setting, from keys that are a check or such a pair.

    Raises InvalidParameter for a check that does not exist, with the nearest name.
    """
    found: Expected = {}
    for key, reason in given.items():
        name, setting = key if isinstance(key, tuple) else (key, None)
        found.setdefault(name, {})[setting] = reason
    require_known(found)
    return found


def require_known(names: Iterable[str]) -> None:
    """Raise InvalidParameter for a name that no check has, with the nearest one."""
    for name in names:
        if name not in CHECKS:
            hint = nearest(name, CHECKS)
            raise InvalidParameter(
                f"there is no check {name!r}" + (hint and f"; {hint}") + f"; the checks are {listed(CHECKS)}"
            )
