"""`lossreg compile`: calls in other processes find what it compiled, and it names what it cannot compile."""

import os
import re
import subprocess
import sys

import pytest

FIRST_CALLS = """
import sys
import numpy as np
import lossreg
from lossreg.kernels.compiler.compile_events import compilations

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


@pytest.mark.slow  # 25 s of processor time: a loss is compiled with an empty cache
def test_a_first_call_finds_what_was_compiled_ahead(process):
    command = ("-m", "lossreg", "compile", "HuberLoss", "cross_entropy", "--jobs", "2")
    lines = process(*command).splitlines()
    assert [re.sub(r"\d+", "N", line) for line in sorted(lines[:2])] == [
        "cross_entropy: compiled N loops",
        "huber: compiled N loops",
    ]
    assert lines[2:] == ["2 losses: 2 compiled, 0 already compiled"]
    assert process("-c", FIRST_CALLS, "huber", "cross_entropy").split() == ["0"]
    lines = process(*command).splitlines()
    assert sorted(lines[:2]) == ["cross_entropy: already compiled", "huber: already compiled"]
    assert lines[2:] == ["2 losses: 0 compiled, 2 already compiled"]


@pytest.mark.slow  # 5 s of processor time
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


@pytest.mark.slow  # 6 s of processor time
def test_a_loss_that_does_not_compile_is_named_at_the_end_and_the_others_are_compiled(process, install):
    install("stubborn", PLUGIN)
    output = process("-m", "lossreg", "compile", "stubborn", "mse", code=1)
    assert "stubborn: failed\n" in output
    assert "mse: compiled" in output
    assert "2 losses: 1 compiled, 0 already compiled, 1 failed\n" in output
    assert "InvalidDefinition: stubborn: the kernel does not compile" in output


def test_a_loss_whose_process_ends_has_failed_too(process, install):
    install("deadly", "import os\nos._exit(7)\n")
    output = process("-m", "lossreg", "compile", "deadly", code=1)
    assert "deadly: failed\n1 loss: 0 compiled, 0 already compiled, 1 failed\n" in output
    assert "terminated abruptly" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hubert"], "no loss named 'hubert' is installed; did you mean 'huber'"),
        (["--jobs", "0"], "--jobs: expected an integer of at least 1, got 0"),
    ],
)
def test_mistakes_are_found_before_anything_is_compiled(process, arguments, message, tmp_path):
    assert message in process("-m", "lossreg", "compile", *arguments, code=2)
    assert not tmp_path.joinpath("cache").exists()
