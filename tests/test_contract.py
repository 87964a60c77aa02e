"""Every installed loss shows everything that the conformance kit asks for."""

import lossreg
from lossreg.testing import parametrize_with_checks


@parametrize_with_checks(lossreg.names())
def test_every_loss_passes_every_check(check):
    check()
