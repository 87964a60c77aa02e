"""Time the losses that PyTorch lacks, by element, beside the plain formula in torch eager, torch.compile and jax.jit.

python experiments/speed/catalogue.py NAME...    # by default all; into catalogue_results.json and catalogue.md

Each formula is written once, for numpy-like functions of either library. Value and gradient of the mean are computed in
float32, and the value has to be lossreg's. The engines take turns, and the ratio is that of their medians to lossreg's
in the same process, on one thread.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import geometric_mean, median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

import lossreg

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS, PAGE = (Path(__file__).with_name(name) for name in ("catalogue_results.json", "catalogue.md"))
PEERS = ("torch", "torch.compile", "jax.jit")
SIZES = {"64 x 10": (64, 10), "1M": (1 << 20,)}
ROUNDS = 15
SECONDS = 0.004
"""How long a round of an engine takes at least."""
N = np.random.default_rng(0)


def normal(shape: tuple[int, ...]) -> Any:
    """Any numbers."""
    return N.standard_normal(shape)


def positive(shape: tuple[int, ...]) -> Any:
    """Numbers above 0."""
    return N.uniform(0.2, 3, shape)


def sides(shape: tuple[int, ...]) -> Any:
    """-1 or 1."""
    return N.choice([-1.0, 1.0], shape)


def binary(shape: tuple[int, ...]) -> Any:
    """0 or 1."""
    return N.integers(0, 2, shape) * 1.0


def softplus(xp: Any, x: Any) -> Any:
    """log(1 + e^x), without overflow."""
    return xp.log1p(xp.exp(-abs(x))) + xp.where(x > 0, x, 0 * x)


def sigmoid(xp: Any, x: Any) -> Any:
    """1 / (1 + e^-x)."""
    return 1 / (1 + xp.exp(-x))


FORMULAS: dict[str, tuple[Callable[..., Any], tuple[Callable[..., Any], ...]]] = {
    "log_cosh": (lambda xp, x, y: abs(x - y) + xp.log1p(xp.exp(-2 * abs(x - y))) - np.log(2), (normal, normal)),
    "quantile": (lambda _, x, y: 0.5 * abs(y - x), (normal, normal)),
    "expectile": (lambda xp, x, y: xp.where(y > x, 0.5, 0.5) * (x - y) ** 2, (normal, normal)),
    "gamma": (lambda xp, x, y: x + y * xp.exp(-x), (normal, positive)),
    "pseudo_huber": (lambda xp, x, y: xp.sqrt(1 + (x - y) ** 2) - 1, (normal, normal)),
    "charbonnier": (lambda xp, x, y: xp.sqrt((x - y) ** 2 + 1e-6), (normal, normal)),
    "cauchy": (lambda xp, x, y: xp.log1p((x - y) ** 2 / 2), (normal, normal)),
    "welsch": (lambda xp, x, y: 1 - xp.exp(-((x - y) ** 2) / 2), (normal, normal)),
    "geman_mcclure": (lambda _, x, y: 2 * (x - y) ** 2 / ((x - y) ** 2 + 4), (normal, normal)),
    "msle": (lambda xp, x, y: (xp.log1p(x) - xp.log1p(y)) ** 2, (positive, positive)),
    "epsilon_insensitive": (
        lambda xp, x, y: xp.where(abs(x - y) > 0.1, abs(x - y) - 0.1, 0 * x),
        (normal, normal),
    ),
    "laplace_nll": (lambda xp, x, y, b: abs(x - y) / b + xp.log(b), (normal, normal, positive)),
    "hinge": (lambda xp, x, y: xp.where(1 - x * y > 0, 1 - x * y, 0 * x), (normal, sides)),
    "squared_hinge": (lambda xp, x, y: xp.where(1 - x * y > 0, 1 - x * y, 0 * x) ** 2, (normal, sides)),
    "exponential": (lambda xp, x, y: xp.exp(-x * (2 * y - 1)), (normal, binary)),
    "focal": (
        lambda xp, x, y: (0.75 - 0.5 * y) * (1 - sigmoid(xp, x * (2 * y - 1))) ** 2 * softplus(xp, -x * (2 * y - 1)),
        (normal, binary),
    ),
    "poly1_bce": (
        lambda xp, x, y: softplus(xp, -x * (2 * y - 1)) + 1 - sigmoid(xp, x * (2 * y - 1)),
        (normal, binary),
    ),
    "dpo": (
        lambda xp, a, b, c, d: softplus(xp, -0.1 * ((a - b) - (c - d))),
        (lambda s: -positive(s),) * 4,
    ),
    "simpo": (lambda xp, a, b: softplus(xp, -(2 * (a - b) - 1)), (lambda s: -positive(s),) * 2),
}
"""By loss: the plain formula with the default parameters, and makers of its inputs."""


def engines(name: str, arrays: list[Any]) -> dict[str, Callable[[], Any]]:
    """A call of each engine for value and gradient."""
    import jax
    import torch

    formula, criterion = FORMULAS[name][0], lossreg.create(name)
    wrt = criterion.plan(*arrays).bound.graded
    tensors = [torch.from_numpy(x.copy()) for x in arrays]
    names = [entry.name for entry in lossreg.get(name).inputs]
    graded = [at for at, each in enumerate(names) if each in wrt]
    for at in graded:
        tensors[at].requires_grad_()

    def plain(*given: Any) -> Any:
        return formula(torch, *given).mean()

    compiled = torch.compile(plain)

    def by_torch(function: Any) -> Any:
        for at in graded:
            tensors[at].grad = None
        function(*tensors).backward()

    of_jax = jax.jit(jax.value_and_grad(lambda *given: formula(jax.numpy, *given).mean(), tuple(graded)))
    devices = [jax.numpy.asarray(x) for x in arrays]
    return {
        "lossreg": lambda: criterion.value_and_grad(*arrays),
        "torch": lambda: by_torch(plain),
        "torch.compile": lambda: by_torch(compiled),
        "jax.jit": lambda: jax.block_until_ready(of_jax(*devices)),
    }


def measure(name: str, size: str) -> dict[str, Any]:
    """The median seconds of each engine, and the ratios to lossreg's."""
    arrays = [make(SIZES[size]).astype(np.float32) for make in FORMULAS[name][1]]
    value = FORMULAS[name][0](np, *(array.astype(np.float64) for array in arrays)).mean()
    np.testing.assert_allclose(lossreg.create(name)(*arrays), value, rtol=1e-5, err_msg=name)
    calls = engines(name, arrays)
    repeats, times = {}, {engine: [] for engine in calls}
    for engine, call in calls.items():
        for _ in range(3):
            call()
        start = perf_counter()
        call()
        repeats[engine] = max(1, int(SECONDS / max(perf_counter() - start, 1e-7)))
    for _ in range(ROUNDS):
        for engine, call in calls.items():
            start = perf_counter()
            for _ in range(repeats[engine]):
                call()
            times[engine].append((perf_counter() - start) / repeats[engine])
    seconds = {engine: median(each) for engine, each in times.items()}
    ratios = {engine: [round(x / seconds["lossreg"], 3)] * 3 for engine, x in seconds.items() if engine != "lossreg"}
    return {"case": f"{name} {size}", "loss": name, "seconds": seconds, "ratios": ratios}


def table(cases: list[dict[str, Any]]) -> str:
    """The table of all cases, with the geometric means and the cases in which a peer is faster."""
    head = "| case | lossreg, µs | " + " | ".join(f"{peer} / lossreg" for peer in PEERS) + " |"
    lines = [
        "# How fast are the losses that PyTorch lacks?\n",
        "Value and gradient of the mean in float32 on one thread, beside the plain formula:",
        "above 1, lossreg is faster. Written by `catalogue.py`.\n",
        head,
        "|---" * (2 + len(PEERS)) + "|",
    ]
    for case in cases:
        ratios = [f"{case['ratios'][peer][1]:.2f}" for peer in PEERS]
        own = f"{case['seconds']['lossreg'] * 1e6:.4g}"
        lines.append(f"| {' | '.join([case['case'], own, *ratios])} |")
    for kind in (*SIZES, ""):
        chosen = [case["ratios"] for case in cases if case["case"].endswith(kind)]
        means = [geometric_mean([ratios[peer][1] for ratios in chosen]) for peer in PEERS]
        lines.append(f"| geometric mean{f' of {kind}' if kind else ''} | | {' | '.join(f'{x:.2f}' for x in means)} |")
    behind = [case["case"] for case in cases if min(case["ratios"][peer][1] for peer in PEERS) < 1]
    return "\n".join([*lines, "", f"A peer is faster in: {', '.join(behind) or 'no case'}.", ""])


def main() -> None:
    """Measure the losses that are named, and merge them into the results."""
    import torch

    torch.set_num_threads(1)
    lossreg.set_num_threads(1)
    for name in sys.argv[1:] or FORMULAS:
        for size in SIZES:
            recorded = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {"sections": {"cases": []}}
            case = measure(name, size)
            cases = [each for each in recorded["sections"]["cases"] if each["case"] != case["case"]]
            recorded["sections"]["cases"] = sorted([*cases, case], key=lambda each: each["case"])
            RESULTS.write_text(json.dumps(recorded, indent=1) + "\n", "utf-8")
            PAGE.write_text(table(recorded["sections"]["cases"]), "utf-8")
            sys.stdout.write(f"{case['case']} {case['ratios']}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
