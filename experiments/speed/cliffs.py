"""Cliffs: what a type, a layout, an option or a value costs, beside the plain case and beside PyTorch.

    python experiments/speed/cliffs.py [LOSS ...]        # all cases of these losses, or of all
    python experiments/speed/cliffs.py --groups "small batch" --variant float16
    python experiments/speed/cliffs.py --once            # compile what is measured
    python experiments/speed/cliffs.py --write           # only write the page again

Each variant of a case is timed in turns with the plain one: float32, C-contiguous, int64 labels, ordinary numbers.
Where a variant has to be converted, the time that numpy takes to convert its arrays to the plain ones is the `copy`. A
ratio above LIMIT beyond it is a cliff, and so is a time above PyTorch's. What is measured replaces the same rows of
cliffs.json, of which cliffs.md is made with the causes in cliff_causes.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from itertools import cycle
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import ml_dtypes
import numpy as np
import timing
from cases import CASES, FRAMES
from cliff_causes import CAUSES, INTRODUCTION
from engines import Contender, Problem, adaptive, listed

import lossreg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cases import Array, Case
    from cliff_causes import Cause

HERE = Path(__file__).parent
DATA, PAGE = HERE / "cliffs.json", HERE / "cliffs.md"
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


def float64_weights(shape: tuple[int, ...], arrays: list[Array]) -> Variant:
    """Sample weights in another type than the loop's."""
    weights = np.random.default_rng(2).random(shape) + 0.1
    return Variant(arrays, {"sample_weight": weights}, lambda: weights.astype(np.float32))


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
        "float64 weights": partial(float64_weights, shape),
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


def measured(case: Case, chosen: str = "") -> Iterator[dict[str, Any]]:
    """Yield a row for each variant of a case: its ratio to the plain one, that of the copy, and that of PyTorch to it.

    `chosen` is part of the names of the variants to measure.
    """
    lossreg.set_num_threads(1)
    plain = small(case)
    criterion = lossreg.create(case.entry.loss, **case.entry.parameters)
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
            yield {"case": case.name, "variant": name, **ratios(contenders)}
    if chosen in IN_TURN:
        yield {"case": case.name, "variant": IN_TURN, **ratios(shapes_in_turn(case, plain))}


def ratios(contenders: dict[str, Contender]) -> dict[str, float]:
    """The seconds of the plain case, and the times of the others in units of it; of the variant it is the `ratio`."""
    found = timing.summarised(timing.rounds(contenders, SECONDS))
    return {"seconds": found["seconds"]["lossreg"][1]} | {
        "ratio" if name == "variant" else name: value[1] for name, value in found["ratios"].items()
    }


def shapes_in_turn(case: Case, plain: list[Array]) -> dict[str, Contender]:
    """Calls with SHAPES numbers of samples in turn, beside calls with the middle one of them."""
    criterion = lossreg.create(case.entry.loss, **case.entry.parameters)
    samples = plain[0].shape[case.size is FRAMES]
    first = max(1, samples - SHAPES // 2)
    longest = of_size(case, plain, samples, first + SHAPES - 1)
    batches = [of_size(case, longest, first + SHAPES - 1, count) for count in range(first, first + SHAPES)]
    for arrays in batches:
        criterion.value_and_grad(*arrays)
    turns = cycle(batches)
    return {
        "lossreg": Contender(partial(criterion.value_and_grad, *batches[SHAPES // 2])),
        "variant": Contender(lambda: listed(criterion.value_and_grad(*next(turns)))),
    }


def of_size(case: Case, arrays: list[Array], samples: int, count: int) -> list[Array]:
    """The arrays with another number of samples, as views if it is smaller; the weights of a layer have none."""

    def resized(x: Array, axis: int) -> Array:
        if x.shape[axis] != samples:
            return x
        return x[:count] if axis == 0 and count <= samples else x.take(np.arange(count) % samples, axis)

    return [resized(x, int(case.size is FRAMES and at == 0)) for at, x in enumerate(arrays)]


def is_cliff(row: dict[str, Any]) -> bool:
    """Whether a variant takes too long beside the plain case and the copy, or longer than PyTorch."""
    return bool(row["ratio"] > LIMIT + row.get("copy", 0.0) or row.get("torch", row["ratio"]) < row["ratio"])


def cause_of(row: dict[str, Any]) -> Cause | None:
    """The first cause that explains a cliff, or None."""
    return next((cause for cause in CAUSES if cause.explains(row["case"], row["variant"])), None)


def page(rows: Sequence[dict[str, Any]]) -> str:
    """The page: why there are cliffs, by cause, and the table, in which each has the number of its cause."""
    cliffs = [(row, cause_of(row)) for row in rows if is_cliff(row)]
    causes = [cause for cause in CAUSES if any(found is cause for _, found in cliffs)]
    lines = [INTRODUCTION.format(rows=len(rows), cliffs=len(cliffs), limit=LIMIT)]
    for number, cause in enumerate(causes, 1):
        those = [row for row, found in cliffs if found is cause]
        ratio = max(row["ratio"] - row.get("copy", 0.0) for row in those)
        slower = [row["torch"] / row["ratio"] for row in those if row.get("torch", row["ratio"]) < row["ratio"]]
        extent = f"{len(those)} cells, at most {ratio:.1f} times the plain case beyond the copy"
        extent += f", {min(slower):.2f} of PyTorch's speed" if slower else ""
        lines.append(f"{number}. {cause.sentence} ({extent})")
    lines.append(
        "\n| case | variant | to plain | of it the copy | PyTorch to lossreg | why |\n|---|---|---|---|---|---|"
    )
    for row in rows:
        cliff, cause, peer = is_cliff(row), cause_of(row), row.get("torch")
        why = "" if not cliff else "**unexplained**" if cause is None else str(causes.index(cause) + 1)
        shown, bold = "" if peer is None else f"{peer / row['ratio']:.2f}", "**" if cliff else ""
        measures = f"{bold}{row['ratio']:.2f}{bold} | {row.get('copy', 0.0):.2f} | {shown}"
        lines.append(f"| {row['case']} | {row['variant']} | {measures} | {why} |")
    return "\n".join(lines) + "\n"


def recorded() -> list[dict[str, Any]]:
    """The rows that have been measured, in the order of the cases."""
    rows: list[dict[str, Any]] = json.loads(DATA.read_text("utf-8"))
    return rows


def record(measured_rows: Sequence[dict[str, Any]]) -> None:
    """Put rows in the place of those of the same case and variant, and write the page."""
    order = [case.name for case in CASES]
    rows = {(row["case"], row["variant"]): row for row in (*recorded(), *measured_rows)}
    kept = sorted(rows.values(), key=lambda row: order.index(row["case"]))
    DATA.write_text("[\n" + ",\n".join(map(json.dumps, kept)) + "\n]\n", "utf-8")
    PAGE.write_text(page(kept), "utf-8")


def call_once(case: Case, chosen: str) -> None:
    """Call each variant of a case once, so that its loops are compiled."""
    plain = small(case)
    criterion = lossreg.create(case.entry.loss, **case.entry.parameters)
    for name, variant in variants(case, plain).items():
        if variant is not None and chosen in name:
            criterion.value_and_grad(*variant.arrays, **variant.options)


def main() -> int:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("losses", nargs="*", help="names of losses; all, if none is given")
    parser.add_argument("--groups", default="", help="the sizes, such as 'small batch'; all, if none is given")
    parser.add_argument("--variant", default="", help="part of the names of variants; all, if none is given")
    parser.add_argument("--once", action="store_true", help="only call each variant once, so that it is compiled")
    parser.add_argument("--write", action="store_true", help="only write the page again, from what was measured")
    given = parser.parse_args()
    for case in () if given.write else CASES:
        if (given.losses and case.entry.loss not in given.losses) or given.groups not in case.size.group:
            continue
        if given.once:
            call_once(case, given.variant)
            continue
        rows = list(measured(case, given.variant))
        for row in rows:
            print(case.name, row, flush=True)
        record(rows)
    if given.write:
        record(())
    return 0


if __name__ == "__main__":
    sys.exit(main())
