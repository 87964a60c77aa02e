"""Time new processes: the first value and gradient with an empty and a full cache, and a run of one step.

Complete processes are timed from the outside. The time beyond that of a process that imports numba and calls a trivial
function from its cache is lossreg's own, and is reported separately.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from timing import spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HERE = Path(__file__).parent

TRIVIAL = """
import numpy
from numba import njit

@njit(cache=True)
def trivial(x):
    return x + 1.0

trivial(1.0)
"""

FIRST = """
import sys
sys.path.append(sys.argv[1])
import lossreg
from cases import CASES

case = next(case for case in CASES if case.entry.loss == sys.argv[2])
lossreg.create(case.entry.loss, **case.entry.parameters).value_and_grad(*case.arrays("float32"))
"""

TORCH = """
import torch
x, y = torch.randn(32, 1, requires_grad=True), torch.randn(32, 1)
torch.nn.functional.mse_loss(x, y).backward()
"""

JAX = """
import jax
x, y = jax.numpy.ones((32, 1)), jax.numpy.zeros((32, 1))
jax.block_until_ready(jax.jit(jax.value_and_grad(lambda x, y: ((x - y) ** 2).mean()))(x, y))
"""

RUN = """
data: {data}
model: linear
optimizer: {{name: sgd, lr: 0.01}}
loss: cross_entropy
train: {{steps: 1, batch_size: 32}}
"""


def taken(arguments: Sequence[str | Path], cache: Path) -> float:
    """The time of a whole process of this Python, which finds lossreg's modules as bytecode, as in any installation."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache), "LOSSREG_RUNS": str(cache / "runs")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    started = perf_counter()
    subprocess.run([sys.executable, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    return perf_counter() - started


def measured(name: str, losses: Sequence[str], repeats: int) -> dict[str, Any]:
    """The row of one of NAMES: the spread of each process's time, and of what it takes beyond a trivial one.

    With a full cache everything has run once before; with an empty one, each process has its own, and runs once.
    """
    with TemporaryDirectory() as directory:
        folder = Path(directory)
        trivial = folder / "trivial.py"
        trivial.write_text(TRIVIAL, "utf-8")
        taken([trivial], folder)
        commands = MAKERS[name](folder, losses)
        pairs: dict[str, list[tuple[float, float]]] = {what: [] for what in commands}
        for turn in range(1 if name == EMPTY else repeats + 1):
            for what, arguments in commands.items():
                pair = taken([trivial], folder), taken(arguments, folder / what if name == EMPTY else folder)
                pairs[what] += [pair] if turn or name == EMPTY else []
    seconds = {what: spread([whole for _, whole in found]) for what, found in pairs.items()}
    beyond = {what: spread([whole - numba for numba, whole in found]) for what, found in pairs.items()}
    numba = spread([numba for found in pairs.values() for numba, _ in found])
    return {"case": name, "seconds": {"numba": numba, **seconds}, "beyond": beyond}


def first_calls(_: Path, losses: Sequence[str]) -> dict[str, list[Any]]:
    """The command for the first value and gradient of each loss."""
    return {loss: ["-c", FIRST, HERE, loss] for loss in losses}


def others(_: Path, __: Sequence[str]) -> dict[str, list[Any]]:
    """The commands for the same in other libraries."""
    return {"torch": ["-c", TORCH], "jax": ["-c", JAX]}


def runs(folder: Path, _: Sequence[str]) -> dict[str, list[Any]]:
    """The command for a run of one step on a file of arrays, and on data that scikit-learn loads."""
    random, table = np.random.default_rng(0), folder / "table.npz"
    np.savez(table, x=random.standard_normal((1000, 20)), y=random.integers(0, 3, 1000))
    commands: dict[str, list[Any]] = {}
    for name, data in (("npz", f"{{name: npz, path: {table}}}"), ("digits", "digits")):
        config = folder / f"{name}.yaml"
        config.write_text(RUN.format(data=data), "utf-8")
        commands[name] = ["-m", "lossreg", "run", config]
    return commands


EMPTY = "first call, empty cache"
MAKERS: dict[str, Callable[[Path, Sequence[str]], dict[str, list[Any]]]] = {
    "first call, full cache": first_calls,
    EMPTY: first_calls,
    "first call, other libraries": others,
    "lossreg run of one step": runs,
}
NAMES = tuple(MAKERS)
