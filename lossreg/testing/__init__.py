"""The conformance kit: checks that every loss must pass, for the authors of losses.

    from lossreg.testing import check_loss, parametrize_with_checks

    print(check_loss("log_cosh"))

    @parametrize_with_checks("log_cosh")
    def test_log_cosh(check):
        check()

`check_loss(..., level="quick")` compiles nothing, and takes a second or two. The reference is the loss's own kernel,
run in plain Python on numbers with 60 digits. `CHECKS` has every check by its name, with a summary. Needs
``pip install 'lossreg[testing]'``.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from lossreg.errors import NonconformingLoss
from lossreg.testing.check import CHECKS, Check, expectations, foundation, in_order, run_check
from lossreg.testing.checks import (  # noqa: F401  importing them adds their checks
    accuracy,
    batch_kernels,
    coupled_samples,
    criteria,
    derivatives,
    documentation,
    gradients,
    layouts,
    limits,
    reductions,
    repeated_calls,
    sample_selection,
    validation,
)
from lossreg.testing.loss_under_test import LEVELS, Level, LossUnderTest, loss_under_test
from lossreg.testing.results import GRADES, CheckResult, ConformanceReport, WorstPoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lossreg.definition.loss import Loss

__all__ = [
    "CHECKS",
    "GRADES",
    "LEVELS",
    "CheckResult",
    "ConformanceReport",
    "WorstPoint",
    "check_loss",
    "parametrize_with_checks",
]


def check_loss(
    loss: str | Loss,
    *,
    level: Level = "full",
    expected_failures: Mapping[str | tuple[str, str], str] | None = None,
    on_failure: Literal["raise", "return"] = "raise",
) -> ConformanceReport:
    """Run the checks on a loss (by name, or as made by `@loss`) and return a report, which prints as a table.

    level: "full", or "quick" for the checks that need no compiled loop, at fewer points and with the default parameters
    only; it ends at the first broken check.
    expected_failures: the reason for each check that is known to fail; if such a check passes, that is a failure. The
    key is the name of the check, or a pair of it and a setting, such as ("limits_at_infinity", "delta=0.25").

    A check is not run where it would show once more what another one has found. The checks of exactness are graded:
    they fail where half of the digits are lost for ordinary numbers, or above the bound that the loss declares, as in
    `@loss(ulps=8)`.

    Raises NonconformingLoss with every failed check, unless `on_failure` is "return"; InvalidDefinition for a kernel
    with a mistake; and InvalidParameter for an expected failure of a check that does not exist.
    """
    begun, expected = perf_counter(), expectations(expected_failures or {})
    tested = loss_under_test(loss, level)
    checks = in_order(level)
    skipped = {check.name: reason for check in checks if (reason := check.skip_reason(tested))}
    results: dict[str, CheckResult] = {}
    for check in (check for check in checks if check.name not in skipped):
        below = results.get(foundation(check.name))
        if below and below.status in {"failed", "not run"}:
            results[check.name] = CheckResult(check.name, "not run", 0, reason=f"{below.check} comes first")
        else:
            results[check.name] = run_check(check, tested, expected.get(check.name))
        if level == "quick" and results[check.name].status == "failed":
            break
    report = ConformanceReport(tested.loss.name, tuple(results.values()), skipped, perf_counter() - begun)
    if report.failed and on_failure == "raise":
        failures = "\n".join(f"  {result}" for result in report.failed)
        raise NonconformingLoss(f"{report.loss} fails {len(report.failed)} of {len(results)} checks:\n{failures}")
    return report


def parametrize_with_checks(
    losses: str | Loss | Iterable[str | Loss],
    *,
    level: Level = "full",
    expected_failures: Mapping[str | tuple[str, str], str] | None = None,
) -> Any:
    """Parametrize a pytest test with the argument `check`, one for each check of each loss; calling it runs the check.

    A check in `expected_failures` has to fail, with the settings given or all; see `check_loss`.
    """
    import pytest

    expected = expectations(expected_failures or {})
    given = [losses] if isinstance(losses, str) or not hasattr(losses, "__iter__") else list(losses)
    cases = []
    for loss in given:
        tested = loss_under_test(loss, level)
        for check in in_order(level):
            reasons = expected.get(check.name, {})
            always = reasons.get(None)
            marks = [pytest.mark.xfail(reason=always, strict=True, raises=NonconformingLoss)] if always else []
            if not check.skip_reason(tested):
                run = checker(tested, check, {} if always else reasons)
                cases.append(pytest.param(run, id=f"{tested.loss.name}-{check.name}", marks=marks))
    return pytest.mark.parametrize("check", cases)


def checks_of(loss: str | Loss, level: Level = "full") -> list[tuple[str, Callable[[], CheckResult]]]:
    """Return the checks that apply to a loss: the name of each, and a function that runs it."""
    tested = loss_under_test(loss, level)
    return [(check.name, checker(tested, check, {})) for check in in_order(level) if not check.skip_reason(tested)]


def checker(tested: LossUnderTest, check: Check, expected: Mapping[str | None, str]) -> Callable[[], CheckResult]:
    """Return a function that runs one check and raises NonconformingLoss if it fails."""

    def run() -> CheckResult:
        result = run_check(check, tested, expected)
        if result.status == "failed":
            raise NonconformingLoss(f"{tested.loss.name} fails {result}")
        return result

    return run
