"""A few hundred random calls of all losses; fuzz_criteria.py makes any number of them."""

import fuzz_criteria
import pytest

import lossreg

CASES = 5
QUICK = ("mse",)


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in lossreg.names()]
)
def test_random_calls_are_exact(name):
    assert fuzz_criteria.findings([name], range(CASES)) == {}
