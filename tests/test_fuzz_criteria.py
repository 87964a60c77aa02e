"""A few hundred random calls of all losses; fuzz_criteria.py makes any number of them."""

import fuzz_criteria
import pytest

import lossreg

CASES = 5


@pytest.mark.slow  # 3 to 14 s of processor time each with an empty cache
@pytest.mark.parametrize("name", lossreg.names())
def test_random_calls_are_exact(name):
    assert fuzz_criteria.findings([name], range(CASES)) == {}
