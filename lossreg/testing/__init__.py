"""The conformance kit: what every loss has to show, for those who write one.

    from lossreg.testing import check_loss, parametrize_with_checks

    print(check_loss("log_cosh"))

    @parametrize_with_checks("log_cosh")
    def test_log_cosh(check):
        check()

The reference is the loss's own kernel, run in plain Python on numbers of 60 digits. `CHECKS` has every check by name;
each says what it shows. Needs ``pip install 'lossreg[testing]'``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from lossreg.errors import NonconformingLoss
from lossreg.testing.checks import (  # noqa: F401  importing them adds their checks
    arrays,
    batch_kernels,
    derivatives,
    exactness,
    gradients,
    layouts,
    limits,
    usage,
)
from lossreg.testing.checks.check import CHECKS, known, run_check
from lossreg.testing.results import Report, Result, Worst
from lossreg.testing.subject import subject_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lossreg.definition.loss import Loss

__all__ = ["CHECKS", "Report", "Result", "Worst", "check_loss", "parametrize_with_checks"]


def check_loss(
    loss: str | Loss,
    *,
    expected_failures: Mapping[str, str] | None = None,
    on_failure: Literal["raise", "return"] = "raise",
) -> Report:
    """Run every check on a loss (by name, or as made by `@loss`), and report; the report prints as a table.

    `expected_failures` gives, for the checks that are known to fail, the reason; one that passes all the same is a
    failure. Raises NonconformingLoss with every failed check, unless `on_failure` is "return"; and InvalidParameter for
    an expected failure of a check that does not exist.
    """
    expected = dict(expected_failures or {})
    known(expected)
    subject = subject_of(loss)
    left_out = {name: reason for name, check in CHECKS.items() if (reason := check.left_out(subject))}
    results = [run_check(c, subject, expected.get(name, "")) for name, c in CHECKS.items() if name not in left_out]
    report = Report(subject.loss.name, tuple(results), left_out)
    if report.failed and on_failure == "raise":
        told = "\n".join(f"  {result}" for result in report.failed)
        raise NonconformingLoss(f"{report.loss} fails {len(report.failed)} of {len(results)} checks:\n{told}")
    return report


def parametrize_with_checks(
    losses: str | Loss | Iterable[str | Loss],
    *,
    expected_failures: Mapping[str, str] | None = None,
) -> Any:
    """Give a pytest test the argument `check`, one for each check of each loss; calling it runs the check.

    A check among the `expected_failures` is marked as one that has to fail (xfail, strict).
    """
    import pytest

    expected = dict(expected_failures or {})
    known(expected)
    given = [losses] if isinstance(losses, str) or not hasattr(losses, "__iter__") else list(losses)
    cases = []
    for loss in given:
        subject = subject_of(loss)
        for name, check in CHECKS.items():
            reason = expected.get(name, "")
            marks = [pytest.mark.xfail(reason=reason, strict=True, raises=NonconformingLoss)] if reason else []
            if not check.left_out(subject):
                cases.append(pytest.param(checker(loss, name), id=f"{subject.loss.name}-{name}", marks=marks))
    return pytest.mark.parametrize("check", cases)


def checker(loss: str | Loss, name: str) -> Callable[[], Result]:
    """A function that runs one check, and raises NonconformingLoss where it fails."""

    def run() -> Result:
        result = run_check(CHECKS[name], subject_of(loss))
        if result.status == "failed":
            raise NonconformingLoss(f"{subject_of(loss).loss.name} fails {result}")
        return result

    return run
