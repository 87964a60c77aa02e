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
