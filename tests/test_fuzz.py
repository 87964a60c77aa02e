"""Some hundred damaged runs through every command that reads or deletes runs; fuzz_runs.py makes any number of them."""

import fuzz_runs
import pytest

CASES, GROUP = 300, 20


@pytest.fixture(scope="module")
def templates(tmp_path_factory):
    return fuzz_runs.templates(tmp_path_factory.mktemp("templates"))


@pytest.mark.slow  # 4 s of processor time each
@pytest.mark.parametrize("first", range(0, CASES, GROUP))
def test_no_damage_to_a_run_breaks_a_command_or_reaches_outside(templates, first):
    for seed in range(first, first + GROUP):
        found, _ = fuzz_runs.failures(seed, templates)
        assert found == []
