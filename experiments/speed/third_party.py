"""Measure the losses of tests/third_party beside the same formulas in PyTorch, eager and compiled.

    python experiments/speed/third_party.py [--output FILE] [CASE ...]

Value and gradient in float32, on one thread, in one process: the contenders take turns, as in timing.py. The memory is
the largest that Python and numpy hold during a call beyond its inputs. Before the clock starts, the values must agree.
"""

from __future__ import annotations

import argparse
import math
import sys
import tracemalloc
from functools import partial
from importlib import import_module
from pathlib import Path
from time import process_time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import timing
import torch
from engines import Contender
from threadpoolctl import threadpool_limits
from torch.nn import functional

import lossreg
from lossreg.criterion.criterion import Criterion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HERE = Path(__file__).parent
sys.path.append(str(HERE.parents[1] / "tests" / "third_party"))
RANDOM = np.random.default_rng(1)
SECONDS = 1.5
"""How long the contenders of a case take turns."""
BATCH = 4096


class Case(NamedTuple):
    """A loss with its inputs and parameters, and the same formula in PyTorch."""

    loss: str
    arrays: tuple[Any, ...]
    formula: Callable[..., Any]
    parameters: Mapping[str, Any] = MappingProxyType({})


def dice(axes: tuple[int, ...], p: Any, t: Any) -> Any:
    """Soft Dice over some axes."""
    return (1 - (2 * (p * t).sum(axes) + 1) / ((p + t).sum(axes) + 1)).mean()


def info_nce(query: Any, key: Any, temperature: Any) -> Any:
    """Cross-entropy of cosines."""
    cosines = functional.normalize(query) @ functional.normalize(key).T
    return functional.cross_entropy(cosines / temperature, torch.arange(len(query)))


def breslow(f: Any, time: Any, event: Any) -> Any:
    """Cox's partial likelihood without Efron's treatment of ties, which is less work; there are no ties here."""
    order = torch.argsort(time, descending=True, stable=True)
    hazard, counted = f[order], event[order]
    return -((hazard - torch.logcumsumexp(hazard, 0)) * counted).sum() / counted.sum()


def log_softmax_by_group(x: Any, group: Any, groups: int) -> Any:
    """The logarithm of the softmax within groups of any sizes."""
    largest = x.new_zeros(groups).scatter_reduce(0, group, x, "amax", include_self=False).detach()
    shifted = x - largest[group]
    return shifted - x.new_zeros(groups).index_add(0, group, shifted.exp()).log()[group]


def list_net(score: Any, target: Any, group: Any) -> Any:
    """ListNet of groups by their numbers; for groups of one size, as a matrix, it would take half the time."""
    groups = BATCH // 16
    return (
        -(log_softmax_by_group(target, group, groups).exp() * log_softmax_by_group(score, group, groups)).sum() / groups
    )


def coral(logits: Any, label: Any) -> Any:
    """Binary cross-entropy of all thresholds."""
    above = (label[:, None] > torch.arange(logits.shape[1])).to(logits.dtype)
    return functional.binary_cross_entropy_with_logits(logits, above, reduction="none").sum(1).mean()


def arcface(x: Any, label: Any, centres: Any, margin: float = 0.5, scale: float = 64.0) -> Any:
    """Cross-entropy of cosines, with a margin for the angle of the true class."""
    cosines, rows = functional.normalize(x) @ functional.normalize(centres).T, torch.arange(len(x))
    own = cosines[rows, label]
    angle = own.clamp(-1, 1).acos()
    turned = torch.where(angle + margin <= math.pi, (angle + margin).cos(), own - margin * math.sin(margin))
    logits = cosines.clone()
    logits[rows, label] = turned
    return functional.cross_entropy(scale * logits, label)


def evidential(mean: Any, nu: Any, alpha: Any, beta: Any, target: Any) -> Any:
    """The negative log-likelihood of a normal-inverse-gamma distribution, with its regularizer."""
    omega, e = 2 * beta * (1 + nu), target - mean
    value = 0.5 * (math.pi / nu).log() - alpha * omega.log() + (alpha + 0.5) * (e * e * nu + omega).log()
    return (value + torch.lgamma(alpha) - torch.lgamma(alpha + 0.5) + 0.01 * e.abs() * (2 * nu + alpha)).mean()


def crps_ensemble(x: Any, y: Any) -> Any:
    """The continuous ranked probability score of samples."""
    return ((x - y[:, None]).abs().mean(1) - (x[:, :, None] - x[:, None]).abs().mean((1, 2)) / 2).mean()


def giou(a: Any, b: Any) -> Any:
    """The generalised intersection over union of boxes."""

    def area(box: Any) -> Any:
        return (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])

    sides = (torch.min(a[:, 2:], b[:, 2:]) - torch.max(a[:, :2], b[:, :2])).clamp(min=0)
    shared = sides[:, 0] * sides[:, 1]
    union = area(a) + area(b) - shared
    hull = torch.max(a[:, 2:], b[:, 2:]) - torch.min(a[:, :2], b[:, :2])
    around = hull[:, 0] * hull[:, 1]
    return (1 - shared / union + (around - union) / around).mean()


def float32(x: Any) -> Any:
    """Numbers in float32."""
    return np.ascontiguousarray(x, np.float32)


def normal(*shape: int) -> Any:
    """Random numbers in float32."""
    return float32(RANDOM.normal(size=shape))


def boxes() -> Any:
    """Corners of boxes."""
    corner = 3 * RANDOM.random((BATCH, 2))
    return float32(np.concatenate([corner, corner + 0.2 + 3 * RANDOM.random((BATCH, 2))], 1))


IMAGES = (float32(RANDOM.random((8, 4, 128, 128))), float32(RANDOM.integers(0, 2, (8, 4, 128, 128))))
LARGE = 1 << 16
POSITIVE = tuple(float32(RANDOM.random(LARGE) + shift) for shift in (0.1, 1.05, 0.1))
CASES = {
    "soft_dice, images 8 x 4 x 128 x 128": Case("soft_dice", IMAGES, partial(dice, (2, 3))),
    "soft_dice, batch 8 x 4 x 128 x 128": Case("soft_dice", IMAGES, partial(dice, (0, 2, 3)), {"over": "batch"}),
    "info_nce 4096 x 128": Case("info_nce", (normal(BATCH, 128), normal(BATCH, 128), np.float32(0.1)), info_nce),
    "cox 4096": Case(
        "cox", (normal(BATCH), float32(RANDOM.exponential(size=BATCH)), RANDOM.integers(0, 2, BATCH)), breslow
    ),
    "list_net 4096": Case(
        "list_net",
        (normal(BATCH), float32(RANDOM.integers(0, 4, BATCH)), np.repeat(np.arange(BATCH // 16), 16)),
        list_net,
    ),
    "coral 4096 x 9": Case("coral", (normal(BATCH, 9), RANDOM.integers(0, 10, BATCH)), coral),
    "arcface 512 x 128, 1000 centres": Case(
        "arcface", (normal(512, 128), RANDOM.integers(0, 1000, 512), normal(1000, 128)), arcface
    ),
    "evidential 65536": Case("evidential", (normal(LARGE), *POSITIVE, normal(LARGE)), evidential),
    "crps_ensemble 4096 x 20": Case("crps_ensemble", (normal(BATCH, 20), normal(BATCH)), crps_ensemble),
    "giou 4096": Case("giou", (boxes(), boxes()), giou),
}


def measured(case: Case) -> dict[str, Any]:
    """The times of a case, their ratios, and the memory of one call of lossreg's."""
    loss = import_module(f"more_losses.{case.loss}").lossreg_component()
    criterion = Criterion(loss, "mean", case.parameters)
    tensors = [torch.tensor(np.asarray(x)) for x in case.arrays]
    graded = [t for t, entry in zip(tensors, loss.inputs, strict=True) if entry.name in loss.forms[0].default_wrt]
    for tensor in graded:
        tensor.requires_grad_()

    def differentiated(formula: Callable[..., Any]) -> Any:
        value = formula(*tensors)
        torch.autograd.grad(value, graded)
        return value.item()

    calls: dict[str, Callable[[], Any]] = {
        "lossreg": partial(criterion.value_and_grad, *case.arrays),
        "PyTorch": partial(differentiated, case.formula),
        "torch.compile": partial(differentiated, torch.compile(case.formula, dynamic=False)),
    }
    value = float(calls["lossreg"]()[0])
    for name in ("PyTorch", "torch.compile"):
        if not math.isclose(calls[name](), value, rel_tol=1e-4):
            raise SystemExit(f"{case.loss}: {name} has another value than {value}")
    found = timing.summarised(
        timing.rounds({name: Contender(call) for name, call in calls.items()}, SECONDS, process_time)
    )
    tracemalloc.start()
    calls["lossreg"]()
    found["megabytes"] = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return found


def row(name: str, found: dict[str, Any]) -> str:
    """A line of the table: microseconds of lossreg, and the others' times divided by it, with quartiles."""
    ratios = " | ".join(
        "{1:.2f} ({0:.2f} to {2:.2f})".format(*found["ratios"][x]) for x in ("PyTorch", "torch.compile")
    )
    return f"| {name} | {found['seconds']['lossreg'][1] * 1e6:.0f} | {ratios} | {found['megabytes']:.1f} |"


def main() -> int:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cases", nargs="*", help="beginnings of the names of cases; all, if none is given")
    parser.add_argument("--output", type=Path, default=HERE.parent / "runs" / "speed" / "third_party.md")
    given = parser.parse_args()
    torch.set_num_threads(1)
    lossreg.set_num_threads(1)
    threadpool_limits(1)  # of the matrix products
    lines = [
        "# Losses of another distribution beside PyTorch",
        "",
        "Processor time of value and gradient, float32, one thread, `third_party.py`. Above 1, PyTorch takes longer;",
        "in parentheses the quartiles.",
        "",
        "| case | lossreg, microseconds | PyTorch to lossreg | torch.compile to lossreg | memory, MB |",
        "|---|---|---|---|---|",
    ]
    for name, case in CASES.items():
        if not given.cases or name.startswith(tuple(given.cases)):
            lines.append(row(name, measured(case)))
            print(lines[-1], flush=True)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text("\n".join(lines) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
