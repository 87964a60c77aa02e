"""The conformance kit: checks that every loss must pass, for the authors of losses.

    from lossreg.testing import check_loss, parametrize_with_checks

    print(check_loss("log_cosh"))

    @parametrize_with_checks("log_cosh")
    def test_log_cosh(check):
        check()

The reference is the loss's own kernel, run in plain Python on numbers with 60 digits. `CHECKS` has every check by its
name, with a summary. Needs ``pip install 'lossreg[testing]'``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from lossreg.errors import NonconformingLoss
from lossreg.testing.check import CHECKS, require_known, run_check
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
from lossreg.testing.loss_under_test import loss_under_test
from lossreg.testing.results import CheckResult, ConformanceReport, WorstPoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lossreg.definition.loss import Loss

__all__ = ["CHECKS", "CheckResult", "ConformanceReport", "WorstPoint", "check_loss", "parametrize_with_checks"]


def check_loss(
    loss: str | Loss,
    *,
    expected_failures: Mapping[str, str] | None = None,
    on_failure: Literal["raise", "return"] = "raise",
) -> ConformanceReport:
    """Run every check on a loss (by name, or as made by `@loss`) and return a report, which prints as a table.

    `expected_failures` has the reason for each check that is known to fail; if such a check passes, that is a failure.
    Raises NonconformingLoss with every failed check, unless `on_failure` is "return"; and InvalidParameter for an
    expected failure of a check that does not exist.
    """
    expected = dict(expected_failures or {})
    require_known(expected)
    tested = loss_under_test(loss)
    skipped = {name: reason for name, check in CHECKS.items() if (reason := check.skip_reason(tested))}
    results = [run_check(c, tested, expected.get(name, "")) for name, c in CHECKS.items() if name not in skipped]
    report = ConformanceReport(tested.loss.name, tuple(results), skipped)
    if report.failed and on_failure == "raise":
        failures = "\n".join(f"  {result}" for result in report.failed)
        raise NonconformingLoss(f"{report.loss} fails {len(report.failed)} of {len(results)} checks:\n{failures}")
    return report


def parametrize_with_checks(
    losses: str | Loss | Iterable[str | Loss],
    *,
    expected_failures: Mapping[str, str] | None = None,
) -> Any:
    """Parametrize a pytest test with the argument `check`, one for each check of each loss; calling it runs the check.

    A check in `expected_failures` is marked as one that must fail (xfail, strict).
    """
    import pytest

    expected = dict(expected_failures or {})
    require_known(expected)
    given = [losses] if isinstance(losses, str) or not hasattr(losses, "__iter__") else list(losses)
    cases = []
    for loss in given:
        tested = loss_under_test(loss)
        for name, check in CHECKS.items():
            reason = expected.get(name, "")
            marks = [pytest.mark.xfail(reason=reason, strict=True, raises=NonconformingLoss)] if reason else []
            if not check.skip_reason(tested):
                cases.append(pytest.param(checker(loss, name), id=f"{tested.loss.name}-{name}", marks=marks))
    return pytest.mark.parametrize("check", cases)


def checker(loss: str | Loss, name: str) -> Callable[[], CheckResult]:
    """Return a function that runs one check and raises NonconformingLoss if it fails."""

    def run() -> CheckResult:
        result = run_check(CHECKS[name], loss_under_test(loss))
        if result.status == "failed":
            raise NonconformingLoss(f"{loss_under_test(loss).loss.name} fails {result}")
        return result

    return run
