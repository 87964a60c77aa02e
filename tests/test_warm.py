"""`lossreg warm`: what it compiles is what calls in other processes find, and what it cannot compile it names."""

import os
import re
import subprocess
import sys

import pytest

FIRST_CALLS = """
import sys
import numpy as np
import lossreg
from lossreg.kernels.compiler.events import compilations

random = np.random.default_rng(0)
with compilations() as compiled:
    for real in (np.float32, np.float64):
        for size in (1, 32, 300_000):
            x, y = random.normal(size=(2, size, 1)).astype(real)
            rows, labels = random.normal(size=(size, 10)).astype(real), random.integers(0, 10, size)
            long, image = rows.repeat(5, axis=1), rows[None].swapaxes(1, 2).copy()
            for name, arrays in (
                ("huber", (x, y)),
                ("huber", (x[:, 0], y[:, 0])),
                ("cross_entropy", (rows, labels)),
                ("cross_entropy", (long, labels)),
                ("cross_entropy", (image, labels[None])),
            ):
                if name in sys.argv:
                    for reduction in ("mean", "sum"):
                        criterion = lossreg.create(name, reduction=reduction)
                        for _ in range(2):
                            criterion(*arrays)
                            criterion.value_and_grad(*arrays)
                            criterion.value_and_grad(*arrays, out=np.empty_like(arrays[0]))
print(len(compiled))
"""

PLUGIN = '''
"""A loss that numba cannot compile."""
from decimal import Decimal

from lossreg.plugin import Real, hookimpl, loss

@loss
def stubborn(prediction: Real, target: Real):
    return prediction * float(Decimal(1)), 1.0

@hookimpl
def lossreg_component():
    return stubborn
'''


@pytest.fixture
def process(tmp_path):
    """Run Python with a cache of its own and whatever is in `site`; gives the output."""
    path = os.pathsep.join(filter(None, (str(tmp_path / "site"), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": path}

    def run(*arguments, code=0):
        done = subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False
        )
        assert "Traceback" not in done.stderr
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return run


def test_a_first_call_finds_what_was_compiled_ahead(process):
    warm = ("-m", "lossreg", "warm", "HuberLoss", "cross_entropy", "--jobs", "2")
    lines = process(*warm).splitlines()
    assert [re.sub(r"\d+", "N", line) for line in sorted(lines[:2])] == [
        "cross_entropy: compiled N loops",
        "huber: compiled N loops",
    ]
    assert lines[2:] == ["2 losses: 2 compiled, 0 already warm"]
    assert process("-c", FIRST_CALLS, "huber", "cross_entropy").split() == ["0"]
    lines = process(*warm).splitlines()
    assert sorted(lines[:2]) == ["cross_entropy: already warm", "huber: already warm"]
    assert lines[2:] == ["2 losses: 0 compiled, 2 already warm"]


def test_without_it_a_first_call_compiles(process):
    assert int(process("-c", FIRST_CALLS, "huber")) >= 4


@pytest.fixture
def install(tmp_path):
    """Put a distribution with one loss where the process finds it."""

    def install(name, source):
        info = tmp_path / "site" / "theirs-2.5.dist-info"
        info.mkdir(parents=True)
        info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 2.5\n")
        info.joinpath("entry_points.txt").write_text(f"[lossreg.losses]\n{name} = their_loss\n")
        tmp_path.joinpath("site", "their_loss.py").write_text(source)

    return install


def test_what_cannot_be_compiled_is_named_in_the_end_and_keeps_nothing_else(process, install):
    install("stubborn", PLUGIN)
    told = process("-m", "lossreg", "warm", "stubborn", "mse", code=1)
    assert "stubborn: failed\n" in told
    assert "mse: compiled" in told
    assert "2 losses: 1 compiled, 0 already warm\n1 failed:\n" in told
    assert "InvalidDefinition: stubborn: the kernel does not compile" in told


def test_a_loss_whose_process_ends_has_failed_too(process, install):
    install("deadly", "import os\nos._exit(7)\n")
    told = process("-m", "lossreg", "warm", "deadly", code=1)
    assert "deadly: failed\n1 loss: 0 compiled, 0 already warm\n1 failed:\n" in told
    assert "terminated abruptly" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["hubert"], "no loss named 'hubert' is installed; did you mean 'huber'"),
        (["--jobs", "0"], "--jobs: expected a whole number from 1, got 0"),
    ],
)
def test_mistakes_are_found_before_anything_is_compiled(process, arguments, told, tmp_path):
    assert told in process("-m", "lossreg", "warm", *arguments, code=2)
    assert not tmp_path.joinpath("cache").exists()
