"""Cliffs: what a type, a layout, an option or a value costs, beside the plain case and beside PyTorch.

    python experiments/speed/cliffs.py [LOSS ...]        # all cases of these losses, or of all
    python experiments/speed/cliffs.py --groups "small batch" --output cliffs-table.md

Each variant of a case is timed in turns with the plain one: float32, C-contiguous, int64 labels, ordinary numbers.
Where a variant has to be converted, the time that numpy takes to convert its arrays to the plain ones is the `copy`. A
ratio above LIMIT beyond it is a cliff.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from itertools import cycle
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import ml_dtypes
import numpy as np
import timing
from cases import CASES
from engines import Contender, Problem, adaptive, listed

import lossreg

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cases import Array, Case

HERE = Path(__file__).parent
LIMIT = 1.5
ELEMENTS = 1 << 19
"""Numbers of the larger case of each loss: its first axis is cut to that."""
MASKED, SHAPES = 0.2, 100
IN_TURN = "shapes in turn"
SECONDS = 0.05


class Variant(NamedTuple):
    """Arrays in place of the plain ones, further arguments, and what converts the arrays to the plain ones."""

    arrays: list[Array]
    options: dict[str, Any] = {}  # noqa: RUF012  never changed
    convert: Callable[[], Any] | None = None


def floats(arrays: Sequence[Array], change: Callable[[Array], Array], *, first: bool = False) -> list[Array]:
    """The arrays, the real ones changed; only the first of them with `first`."""
    changed = [x if x.dtype.kind != "f" else change(x) for x in arrays]
    return [*changed[:1], *arrays[1:]] if first else changed


def typed(kind: Any, arrays: list[Array]) -> Variant:
    """Real numbers in another type; the copy converts the inputs, and a gradient for each of those that have one."""
    made = floats(arrays, lambda x: x.astype(kind))
    return Variant(made, {}, lambda: [x.astype(np.float32) for x in made] + [arrays[0].astype(kind)])


def laid_out(change: Callable[[Array], Array], arrays: list[Array]) -> Variant | None:
    """Arrays in another layout of memory."""
    made = floats(arrays, change)
    if all(x.flags.c_contiguous for x in made):
        return None
    return Variant(made, {}, lambda: [np.ascontiguousarray(x) for x in made])


def strided(x: Array) -> Array:
    """Every second number of an array."""
    wide = np.zeros((*x.shape, 2), x.dtype)
    wide[..., 0] = x
    return wide[..., 0]


def reversed_array(x: Array) -> Array:
    """An array that is read from its end."""
    return np.flip(np.flip(x).copy())


def int32_labels(arrays: list[Array]) -> Variant | None:
    """Labels of another type than the loop's."""
    if all(x.dtype.kind == "f" for x in arrays):
        return None
    made = [x.astype(np.int32) if x.dtype.kind == "i" else x for x in arrays]
    return Variant(made, {}, lambda: [x.astype(np.int64) for x in made if x.dtype.kind == "i"])


def integers(arrays: list[Array]) -> Variant:
    """Whole numbers in place of the second real input, which no gradient is asked for, or of the first."""
    at = max(i for i, x in enumerate(arrays) if x.dtype.kind == "f")
    made = [x if i != at else np.sign(x).astype(np.int64) for i, x in enumerate(arrays)]
    return Variant(made, {}, lambda: made[at].astype(np.float32))


def with_value(share: float, value: float, arrays: list[Array]) -> Variant:
    """A share of the first input's numbers replaced; one number, for a share of 0."""
    first = arrays[0].copy()
    at = np.random.default_rng(1).random(first.shape) < share
    at.flat[first.size // 2] = True
    first[at] = value
    return Variant([first, *arrays[1:]])


def scaled_by(size: float, arrays: list[Array]) -> Variant:
    """The first real input times a number."""
    return Variant(floats(arrays, lambda x: x * np.float32(size), first=True))


def optional(name: str, make: Callable[[tuple[int, ...]], Any], shape: tuple[int, ...], arrays: list[Array]) -> Variant:
    """An argument of the call."""
    return Variant(arrays, {name: make(shape)})


def variants(case: Case, arrays: list[Array]) -> dict[str, Variant | None]:
    """All variants of a case, by name."""
    criterion = lossreg.create(case.entry.loss, **case.entry.parameters | {"reduction": "mean"})
    form = lossreg.get(case.entry.loss).forms[0]
    rng = np.random.default_rng(2)
    samples = len(arrays[0 if case.entry.product else 1])  # the first axis of the scores of ctc is that of time
    shape = (samples,) if form.by_batch else criterion.plan(*arrays).shape
    domain = form.inputs[0].domain
    made: dict[str, Callable[[list[Array]], Variant | None]] = {
        "float16": partial(typed, np.float16),
        "bfloat16": partial(typed, ml_dtypes.bfloat16),
        "float64": partial(typed, np.float64),
        "Fortran order": partial(laid_out, np.asfortranarray),
        "strided": partial(laid_out, strided),
        "reversed": partial(laid_out, reversed_array),
        "int32 labels": int32_labels,
        "float32 weights": partial(optional, "sample_weight", lambda s: rng.random(s, np.float32) + 0.1, shape),
        "float64 weights": partial(optional, "sample_weight", lambda s: rng.random(s) + 0.1, shape),
        "mask": partial(optional, "where", lambda s: rng.random(s) >= MASKED, shape),
        "denominator": partial(optional, "denominator", lambda s: float(max(1, prod(s))), shape),
        "wrt": partial(optional, "wrt", lambda _: form.default_wrt, shape),
    }
    if not domain.bounded:
        made["one nan"] = partial(with_value, 0, np.nan)
        made["half -inf"] = partial(with_value, 0.5, -np.inf)
        made["subnormal"] = partial(scaled_by, 1e-39)
        made["huge"] = partial(scaled_by, 1e30)
    if form.by_batch:
        made = {name: made[name] for name in ("float16", "bfloat16", "float64", "float64 weights")}
    return {name: make(arrays) for name, make in made.items()}


def small(case: Case) -> list[Array]:
    """The inputs of a case, cut to as many elements as ELEMENTS."""
    arrays = case.arrays("float32")
    rows = max(1, ELEMENTS // max(1, prod(case.size.shape[1:])))
    if case.elements <= ELEMENTS or len(case.entry.inputs) > 3 or case.entry.product:
        return arrays
    return [np.ascontiguousarray(x[:rows]) for x in arrays]


def torch_of(case: Case, variant: Variant) -> Contender | None:
    """PyTorch on the same arrays; None for what it does not take."""
    import torch
    from torch.nn import functional

    if variant.options or any(step < 0 for x in variant.arrays for step in x.strides):
        return None
    torch.set_num_threads(1)
    tensors = []
    for x in variant.arrays:
        short = x.dtype == ml_dtypes.bfloat16
        given = torch.from_numpy(x.view(np.int16)).view(torch.bfloat16) if short else torch.from_numpy(x)
        tensors.append(given.long() if x.dtype == np.int32 else given)
    problem = Problem(case)
    leaves = [tensors[at].requires_grad_() for at in problem.graded if tensors[at].dtype.is_floating_point]
    function = getattr(functional, case.entry.torch, adaptive)

    def call() -> Any:
        for leaf in leaves:
            leaf.grad = None
        function(*tensors, **case.entry.parameters).backward()

    try:
        call()
    except (RuntimeError, NotImplementedError):
        return None
    return Contender(call)


def measured(case: Case, chosen: str = "") -> list[dict[str, Any]]:
    """A row for each variant of a case: its ratio to the plain one, that of the copy, and that of PyTorch to it.

    `chosen` is part of the names of the variants to measure.
    """
    lossreg.set_num_threads(1)
    plain = small(case)
    criterion = lossreg.create(case.entry.loss, **case.entry.parameters)
    rows = []
    for name, variant in variants(case, plain).items():
        if variant is None or chosen not in name:
            continue
        call = partial(criterion.value_and_grad, *variant.arrays, **variant.options)
        contenders = {"lossreg": Contender(partial(criterion.value_and_grad, *plain)), "variant": Contender(call)}
        if variant.convert is not None:
            contenders["copy"] = Contender(variant.convert)
        with np.errstate(all="ignore"):
            peer = torch_of(case, variant)
            if peer is not None:
                contenders["torch"] = peer
            found = timing.summarised(timing.rounds(contenders, SECONDS))
        ratios = {key: value[1] for key, value in found["ratios"].items()}
        ratio = ratios.pop("variant")
        rows.append(
            {"case": case.name, "variant": name, "seconds": found["seconds"]["lossreg"][1], "ratio": ratio, **ratios}
        )
    if chosen in IN_TURN:
        rows.append(shapes_in_turn(case, plain))
    return rows


def shapes_in_turn(case: Case, plain: list[Array]) -> dict[str, Any]:
    """The row of calls with SHAPES shapes in turn, of a batch that is small enough for their overhead to be seen."""
    criterion = lossreg.create(case.entry.loss, **case.entry.parameters)
    rows = len(plain[0])
    axes = [0 if len(x) == rows else None for x in plain]
    if case.entry.product or rows < SHAPES or len(plain) > 3:
        axes = [None for _ in plain]
    cut = [[x if at is None else x[: rows - n] for x, at in zip(plain, axes, strict=True)] for n in range(SHAPES)]
    for arrays in cut:
        criterion.value_and_grad(*arrays)
    turns = cycle(cut)
    contenders = {
        "lossreg": Contender(partial(criterion.value_and_grad, *plain)),
        "variant": Contender(lambda: listed(criterion.value_and_grad(*next(turns)))),
    }
    found = timing.summarised(timing.rounds(contenders, SECONDS))
    ratio = found["ratios"]["variant"][1]
    return {"case": case.name, "variant": IN_TURN, "seconds": found["seconds"]["lossreg"][1], "ratio": ratio}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as Markdown: the ratio of each variant to the plain case; what is a cliff is bold."""
    lines = ["| case | variant | to plain | of it the copy | PyTorch to lossreg |", "|---|---|---|---|---|"]
    for row in rows:
        ratio, copy = row["ratio"], row.get("copy", 0.0)
        peer = row.get("torch")
        bold = "**" if ratio > LIMIT + copy or (peer is not None and peer < ratio) else ""
        shown = f"{peer / ratio:.2f}" if peer is not None else ""
        lines.append(f"| {row['case']} | {row['variant']} | {bold}{ratio:.2f}{bold} | {copy:.2f} | {shown} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("losses", nargs="*", help="names of losses; all, if none is given")
    parser.add_argument("--groups", default="", help="the sizes, such as 'small batch'; all, if none is given")
    parser.add_argument("--variant", default="", help="part of the names of variants; all, if none is given")
    parser.add_argument("--output", type=Path, default=HERE.parent / "runs" / "speed" / "cliffs.md")
    given = parser.parse_args()
    rows = []
    for case in CASES:
        if (given.losses and case.entry.loss not in given.losses) or given.groups not in case.size.group:
            continue
        for row in measured(case, given.variant):
            rows.append(row)
            print(table([row]).splitlines()[2], flush=True)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(table(rows), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
