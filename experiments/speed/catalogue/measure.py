"""Time the losses that PyTorch lacks beside the plain formula in torch eager, torch.compile and jax.jit.

python experiments/speed/catalogue/measure.py                   # all; into results.json and README.md
python experiments/speed/catalogue/measure.py supcon dice       # these losses again
python experiments/speed/catalogue/measure.py --large           # only the large case of each; --small: the small one
python experiments/speed/catalogue/measure.py --without-compile  # without torch.compile, which takes most of the time
python experiments/speed/catalogue/measure.py --compile supcon  # compile and compare values only; times nothing

Each formula is written once, for the functions of either library. Value and gradient of the mean are computed in
float32, and the value has to be lossreg's. The engines take turns, and the ratio is that of their medians to lossreg's
in the same process, on one thread. torch.compile has the formula for fixed shapes. What is compiled is kept, so that
the clock runs for less time after --compile.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import geometric_mean, median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from batches import IMAGES, LISTS, PAIRS, SAMPLES, SEQUENCES
from elements import ELEMENTS
from embeddings import EMBEDDINGS
from functions import Jax, Torch
from rows import BOXES, ROWS, SHORT_ROWS, VECTORS

import lossreg

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS, PAGE = (Path(__file__).with_name(name) for name in ("results.json", "README.md"))
CACHE = Path(tempfile.gettempdir()) / "lossreg-speed-catalogue"
PEERS = ("torch", "torch.compile", "jax.jit")
SIZES = (
    (ELEMENTS, (64, 10), (1 << 20,)),
    (ROWS, (64, 10), (4096, 1000)),
    (SHORT_ROWS, (64, 10), (65_536, 10)),
    (VECTORS, (64, 10), (8192, 128)),
    (BOXES, (64, 4), (65_536, 4)),
    (EMBEDDINGS, (64, 32), (1024, 128)),
    (IMAGES, (2, 3, 16, 16), (8, 3, 128, 128)),
    (LISTS, (64,), (65_536,)),
    (PAIRS, (64,), (2048,)),
    (SAMPLES, (64, 8), (1024, 32)),
    (SEQUENCES, (2, 8, 5, 10), (8, 32, 9, 64)),
)
"""The losses of each kind, with a small and a large shape of the first input."""
ROUNDS = 15
SECONDS = 0.004
"""How long a round of an engine takes at least."""


def catalogue() -> dict[str, tuple[Any, Any, tuple[tuple[int, ...], ...]]]:
    """The formula, the makers of the inputs and the shapes of each loss."""
    return {name: (*kind[name], shapes) for kind, *shapes in SIZES for name in kind}


def words(shape: tuple[int, ...]) -> str:
    """A shape as the table has it."""
    return "1M" if shape == (1 << 20,) else " x ".join(f"{length:,}" for length in shape)


def engines(name: str, formula: Any, arrays: list[Any], *, compiles: bool) -> dict[str, Callable[[], Any]]:
    """A call of each engine for value and gradient; the formula has lossreg's value."""
    import jax
    import torch

    torch._dynamo.reset()  # noqa: SLF001  else it takes the formula for one that is called with many shapes
    criterion = lossreg.create(name)
    value, grads = criterion.value_and_grad(*arrays)
    grads = grads if isinstance(grads, tuple) else (grads,)
    graded = [[entry.name for entry in lossreg.get(name).inputs].index(x) for x in graded_inputs(criterion, arrays)]
    by_torch, by_jax = Torch(), Jax()

    def plain(*given: Any) -> Any:
        return formula(by_torch, *given).mean()

    wide = [torch.from_numpy(x.astype(np.float64) if x.dtype.kind == "f" else x.copy()) for x in arrays]
    exact = [wide[at].requires_grad_() for at in graded]
    expected = plain(*wide)
    np.testing.assert_allclose(value, expected.item(), rtol=2e-5, err_msg=name)
    for grad, slope in zip(grads, torch.autograd.grad(expected, exact), strict=True):
        np.testing.assert_allclose(grad, slope, rtol=1e-3, atol=1e-4 * float(abs(slope).max()), err_msg=name)

    tensors = [torch.from_numpy(x.copy()) for x in arrays]
    for at in graded:
        tensors[at].requires_grad_()
    compiled = torch.compile(plain, dynamic=False)

    def backward(function: Any) -> Any:
        for at in graded:
            tensors[at].grad = None
        function(*tensors).backward()

    of_jax = jax.jit(jax.value_and_grad(lambda *given: formula(by_jax, *given).mean(), tuple(graded)))
    devices = [jax.numpy.asarray(x) for x in arrays]
    np.testing.assert_allclose(of_jax(*devices)[0], value, rtol=1e-3, err_msg=f"{name} in jax")
    if compiles:
        np.testing.assert_allclose(compiled(*tensors).item(), value, rtol=1e-3, err_msg=f"{name} in torch.compile")
    return {
        "lossreg": lambda: criterion.value_and_grad(*arrays),
        "torch": lambda: backward(plain),
        **({"torch.compile": lambda: backward(compiled)} if compiles else {}),
        "jax.jit": lambda: jax.block_until_ready(of_jax(*devices)),
    }


def graded_inputs(criterion: Any, arrays: list[Any]) -> tuple[str, ...]:
    """The inputs that a call returns gradients of."""
    slopes: tuple[str, ...] = criterion.plan(*arrays).bound.graded
    return slopes


def measure(name: str, shape: tuple[int, ...], *, only_compile: bool = False, compiles: bool = True) -> dict[str, Any]:
    """The median seconds of each engine, and the ratios to lossreg's."""
    formula, makers, _ = catalogue()[name]
    arrays = [np.asarray(make(shape)) for make in makers]
    arrays = [x.astype(np.float32) if x.dtype.kind == "f" else x for x in arrays]
    calls = engines(name, formula, arrays, compiles=compiles)
    repeats: dict[str, int] = {}
    times: dict[str, list[float]] = {engine: [] for engine in calls}
    for engine, call in calls.items():
        for _ in range(3):
            call()
        start = perf_counter()
        call()
        repeats[engine] = max(1, int(SECONDS / max(perf_counter() - start, 1e-7)))
    for _ in range(0 if only_compile else ROUNDS):
        for engine, call in calls.items():
            start = perf_counter()
            for _ in range(repeats[engine]):
                call()
            times[engine].append((perf_counter() - start) / repeats[engine])
    seconds = {engine: median(each) for engine, each in times.items() if each}
    ratios = {engine: [round(x / seconds["lossreg"], 3)] * 3 for engine, x in seconds.items() if engine != "lossreg"}
    return {"case": f"{name} {words(shape)}", "loss": name, "seconds": seconds, "ratios": ratios}


def table(cases: list[dict[str, Any]]) -> str:
    """The table of all cases, with the geometric means and the cases in which a peer is faster."""
    head = "| case | lossreg, µs | " + " | ".join(f"{peer} / lossreg" for peer in PEERS) + " |"
    lines = [
        "# How fast are the losses that PyTorch lacks?\n",
        "Value and gradient of the mean in float32 on one thread, beside the plain formula in the same process:",
        "above 1, lossreg is faster. Each loss has a small and a large case. Written by `measure.py`.\n",
        head,
        "|---" * (2 + len(PEERS)) + "|",
    ]
    for case in cases:
        ratios = [f"{case['ratios'][peer][1]:.2f}" if peer in case["ratios"] else "-" for peer in PEERS]
        own = f"{case['seconds']['lossreg'] * 1e6:.4g}"
        lines.append(f"| {' | '.join([case['case'], own, *ratios])} |")
    small = {f"{name} {words(shapes[0])}" for name, (_, _, shapes) in catalogue().items()}
    for kind, chosen in (
        (" of the small cases", [case["ratios"] for case in cases if case["case"] in small]),
        (" of the large cases", [case["ratios"] for case in cases if case["case"] not in small]),
        ("", [case["ratios"] for case in cases]),
    ):
        means = [[ratios[peer][1] for ratios in chosen if peer in ratios] for peer in PEERS]
        shown = (f"{geometric_mean(each):.2f} of {len(each)}" if each else "-" for each in means)
        lines.append(f"| geometric mean{kind} | | {' | '.join(shown)} |")
    behind = [case["case"] for case in cases if min(ratio for _, ratio, _ in case["ratios"].values()) < 1]
    return "\n".join([*lines, "", f"A peer is faster in: {', '.join(behind) or 'no case'}.", ""])


def main() -> None:
    """Measure the losses that are named, and merge them into the results."""
    # numpy reads the number of its threads when it is imported. Two on one processor wait for each other: a product of
    # matrices took many times as long.
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"OPENBLAS_NUM_THREADS": "1"})  # noqa: S606
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(CACHE / "torch"))
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(CACHE / "jax"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    if hasattr(os, "sched_setaffinity"):  # for jax, which has a thread for each processor
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    import torch

    torch.set_num_threads(1)
    lossreg.set_num_threads(1)
    names, only_compile = [name for name in sys.argv[1:] if not name.startswith("--")], "--compile" in sys.argv
    for name in names or catalogue():
        shapes = catalogue()[name][2]
        for shape in shapes[-1:] if "--large" in sys.argv else shapes[:1] if "--small" in sys.argv else shapes:
            try:
                case = measure(name, shape, only_compile=only_compile, compiles="--without-compile" not in sys.argv)
            except AssertionError as error:
                print(name, error, flush=True)
                continue
            if not only_compile:
                recorded = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {"sections": {"cases": []}}
                cases = [each for each in recorded["sections"]["cases"] if each["case"] != case["case"]]
                recorded["sections"]["cases"] = sorted([*cases, case], key=lambda each: each["case"])
                RESULTS.write_text(json.dumps(recorded, indent=1) + "\n", "utf-8")
                PAGE.write_text(table(recorded["sections"]["cases"]), "utf-8")
            print(case["case"], case["ratios"], flush=True)


if __name__ == "__main__":
    main()
