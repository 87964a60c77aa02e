"""Random calls of every built-in loss, against float64 and against each other.

    python tests/fuzz_criteria.py                         20,000 configurations; the failures by kind at the end
    python tests/fuzz_criteria.py huber mse --count 500
    python tests/fuzz_criteria.py huber --seed 1234       one configuration: what it is, and what is wrong with it

A configuration is drawn from the name of its loss and its seed alone: a setting of the parameters, numbers (ordinary,
constant, of mixed sizes, subnormal, huge, special), float types with bfloat16, memory layouts and byte orders, weights
from 1e-300 to 1e300, masks, denominators, `wrt`, arrays to fill that overlap inputs, threads, reductions that are
plugins, and second derivatives. Of each is checked:

* value and gradients against sums in extended precision of what the loss gives in float64 for each element alone; the
  kit compares single elements with 60 digits. They may differ by some rounding errors of the result, or by what some
  rounding errors of each input change. Batches whose samples are coupled are compared with the same batch in float64.
* a reduced value against the exact sum of the values that reduction none gives, to an ulp.
* equal bits of repeated calls, with and without gradients, for any layout, with `out`, and in two threads.
* that inputs are not written to, and that what is masked or of weight 0 is not read: garbage is put there.
"""

from __future__ import annotations

import argparse
import math
import sys
import traceback
import warnings
import zlib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

import lossreg
from lossreg.criterion.reduction_plugins.bound_reduction import find_reduction
from lossreg.criterion.shapes import expanded, row_axis
from lossreg.definition.annotations import ANY_AXES
from lossreg.definition.domains import LOG_PROBABILITY, PROBABILITY, SIGN
from lossreg.definition.roles import Role
from lossreg.definition.signature import COUPLED_GROUPS
from lossreg.errors import InvalidParameter, LossregError
from lossreg.kernels.drivers.slabs import SLAB
from lossreg.testing.batches import classes_of
from lossreg.testing.cases import SETTINGS, LossCase, cases, example
from lossreg.testing.points import numbers as special_numbers
from lossreg.testing.samples import lengths, sample_axis, select

if TYPE_CHECKING:
    from collections.abc import Iterator

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
KINDS = [*map(np.dtype, ("f2", "f4", "f8", "i4")), BFLOAT16]
LAYOUTS = ("C", "Fortran", "reversed", "strided", "read-only", "misaligned", "swapped")
OUTS = ("new", "strided", "Fortran", "input", "shifted", "weights", "mask", "twice")
LARGE = (33_000, 70_000, (1 << 20) + 77)
"""Sizes of more than one block, of more than one slab, and for more than one thread."""
OWN_ULPS, STEP = 8, 4
"""How many rounding errors a result may have of its own, and by how many each of its inputs may be off."""
UNDERFLOW = 64
"""The smallest numbers by which a result may be off: what underflows is multiplied by parameters and weights later."""
COMBINATIONS = 3
"""The numbers of combinations of options for each loss, since a loop is compiled for each."""
PLUGINS = (
    {"name": "top_k", "fraction": 0.3},
    {"name": "top_k", "count": 3},
    {"name": "trimmed", "fraction": 0.3},
    {"name": "tilted", "tilt": 0.5},
)
"""Reductions that are plugins."""
ROUGH = ("triplet_margin", "triplet_margin_with_distance", "cosine_embedding")
"""Losses that are as exact as the larger of two distances, and whose slopes are as exact as those of one."""
DIFFERENCES = {("mixture_nll", "logits"), ("list_net", "score")}
"""Slopes that are differences of two probabilities, which are as exact as these."""
WIDE = np.longdouble


class Failure(Exception):  # noqa: N818  a noun phrase
    """Something is wrong, of a kind."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(f"{kind}: {message}")


@dataclass
class Problem:
    """A call: its arrays, C-contiguous and with garbage where nothing is read, and how they are laid out."""

    case: LossCase
    parameters: dict[str, Any]
    reduction: Any
    arrays: list[Any]
    clean: list[Any]
    layouts: list[str]
    options: dict[str, Any]
    wrt: tuple[str, ...]
    out: str
    second: bool = False
    criteria: dict[str, Any] = field(default_factory=dict)

    def criterion(self, reduction: str = "") -> Any:
        """The criterion with a reduction, by default that of the call; one for all calls with it."""
        given = reduction or self.reduction
        if str(given) not in self.criteria:
            made = lossreg.create(self.case.loss.name, reduction=given, **self.parameters)
            self.criteria[str(given)] = made._derive("exact") if self.second else made  # noqa: SLF001  its second slope
        return self.criteria[str(given)]

    @property
    def graded(self) -> list[int]:
        """The positions of the inputs with a gradient."""
        names = [entry.name for entry in self.case.form.inputs]
        return [names.index(name) if name in names else 0 for name in self.wrt]  # a second derivative is by the first

    def __str__(self) -> str:
        inputs = zip(self.case.form.inputs, self.arrays, self.layouts, strict=False)
        lines = [f"{self.criterion()!r}, wrt={self.wrt}, out={self.out}"]
        lines += [f"{e.name}: {x.dtype} {x.shape} {layout} {x.ravel()[:8]}" for e, x, layout in inputs]
        return "\n".join(lines + [f"{k}: {np.ravel(x)[:8]} {np.asarray(x).dtype}" for k, x in self.options.items()])


# Drawing


@cache
def cases_of(name: str) -> list[LossCase]:
    """The settings of a loss that is fuzzed."""
    return cases(lossreg.get(name))


def is_coupled(case: LossCase) -> bool:
    """Whether the reference is the loss of the same batch in float64, as no sample or pixel has one of its own."""
    return bool(case.coupling) or any(ANY_AXES in entry.axes for entry in case.form.inputs)


def draw(name: str, seed: int) -> Problem:
    """The configuration of a loss and a seed."""
    key = zlib.crc32(name.encode())
    chosen = np.random.default_rng(key)
    combinations = chosen.random((COMBINATIONS, 4))
    rng = np.random.default_rng([seed, key])
    weighted, masked, reduced, other_wrt = combinations[rng.integers(COMBINATIONS)]
    found = cases_of(name)
    case = found[rng.integers(len(found))] if rng.random() < 0.5 else found[0]
    kind = KINDS[rng.choice(len(KINDS), p=[0.15, 0.35, 0.3, 0.05, 0.15])]
    shape = draw_shape(rng, case)
    arrays, parameters = (draw_example if case.form.by_batch else draw_arrays)(rng, case, kind, shape)
    coupled = is_coupled(case)
    reduction = "none" if reduced < 0.2 else str(rng.choice(["mean", "mean", "sum", "batchmean"]))
    if coupled and reduction not in ("sum", case.unreduced):
        reduction = "mean"
    options: dict[str, Any] = {}
    if weighted < 0.5 and not (coupled and case.form.weight_axes is None):
        options["sample_weight"] = draw_weights(rng, shape[: rng.integers(1, len(shape) + 1)] if shape else ())
        if case.coupling == COUPLED_GROUPS:  # one weight for all samples of a group
            options["sample_weight"] = np.full_like(options["sample_weight"], options["sample_weight"].flat[0])
    if masked < 0.4:
        options["where"] = rng.random(shape[: rng.integers(1, len(shape) + 1)] if shape else ()) < rng.choice(
            [0, 0.6, 0.9]
        )
        options["where"] = np.asarray(options["where"])
    if reduction in ("mean", "batchmean") and rng.random() < 0.15 and not coupled:
        options["denominator"] = float(rng.choice([1.0, 3.5, 1e3]))
    form = case.form
    wrt = form.default_wrt if other_wrt < 0.6 else tuple(str(x) for x in rng.permutation(form.slopes))
    wrt = wrt[: rng.integers(1, len(wrt) + 1)] if other_wrt > 0.8 else wrt
    layouts = [str(rng.choice(LAYOUTS)) if rng.random() < 0.4 else "C" for _ in arrays]
    problem = Problem(case, parameters, reduction, arrays, arrays, layouts, options, wrt, str(rng.choice(OUTS)))
    problem.arrays = with_garbage(rng, problem, shape)
    return problem if form.by_batch else varied(np.random.default_rng([seed, key, 1]), problem)


def varied(rng: Any, problem: Problem) -> Problem:
    """The problem, sometimes reduced by a plugin, or with second derivatives."""
    if rng.random() < 0.1:
        options = {name: x for name, x in problem.options.items() if name != "denominator"}
        return replace(problem, reduction=PLUGINS[rng.integers(len(PLUGINS))], options=options, criteria={})
    if rng.random() < 0.15:
        other = replace(problem, second=True, wrt=(problem.case.form.inputs[0].name, "hessian"), criteria={})
        try:
            other.criterion("none")
        except InvalidParameter:  # there are none
            return problem
        return other
    return problem


def draw_shape(rng: Any, case: LossCase) -> tuple[int, ...]:
    """The loss's own shape."""
    size = rng.choice(["few", "one", "none", "many", "large"], p=[0.75, 0.08, 0.04, 0.1, 0.03])
    if case.form.by_batch:
        return (int(rng.integers(1, 7)),)
    if size == "one":
        return ((), (1,), (1, 1))[rng.integers(3)]
    if size == "none":
        return ((0,), (2, 0), (0, 3))[rng.integers(3)]
    if size == "few":
        return tuple(int(n) for n in rng.integers(1, 6, rng.integers(1, 4)))
    count = int(rng.choice([100, 2047, 2049]) if size == "many" else rng.choice(LARGE, p=[0.5, 0.4, 0.1]))
    count //= case.width if case.form.by_row else 1
    return (count,) if rng.random() < 0.6 else (count // 7, 7)


def draw_numbers(rng: Any, domain: Any, shape: tuple[int, ...], kind: Any) -> Any:
    """Numbers of a domain in a float type, of one regime, and some special ones."""
    normal = rng.normal(size=shape)
    if domain is SIGN:
        return np.where(normal > 0, 1.0, -1.0).astype(kind)
    real = np.float64 if kind == np.float64 else np.float32
    info = ml_dtypes.finfo(kind)
    large = float(info.max)
    regimes = {
        "ordinary": (0.5, lambda: 2 * normal),
        "integers": (0.1, lambda: np.round(2 * normal)),
        "constant": (0.08, lambda: np.full(shape, rng.normal())),
        "mixed": (0.1, lambda: np.sign(normal) * 10 ** (rng.uniform(-0.4, 0.4, shape) * math.log10(large))),
        "subnormal": (0.06, lambda: normal * 20 * float(info.smallest_subnormal)),
        "huge": (0.06, lambda: normal * (large / 100)),
        "close": (0.1, lambda: 1 + normal * float(info.eps) * 8),
    }
    regime = rng.choice(list(regimes), p=[share for share, _ in regimes.values()])
    found = regimes[regime][1]()
    if domain is PROBABILITY:
        found = np.exp(2 * normal) / np.maximum(np.exp(2 * normal).sum(-1, keepdims=True), 1e-300) if shape else normal
    special = np.array(special_numbers(domain, real))
    at = rng.random(shape) < (0.15 if rng.random() < 0.3 else 0)
    found = np.where(at, special[rng.integers(0, len(special), shape)], found)
    if rng.random() < 0.05:
        found = np.where(rng.random(shape) < 0.2, rng.choice([math.inf, -math.inf, math.nan]), found)
    if domain is LOG_PROBABILITY:  # the others are not refused, but have no meaning
        found = -abs(found)
    with np.errstate(all="ignore"):
        for candidate in (found, abs(found), rng.uniform(0.05, 0.95, shape), np.full(shape, domain.example)):
            found = np.where(inside(domain, found, kind), found, candidate)
        return np.asarray(found).astype(kind)


def inside(domain: Any, x: Any, kind: Any) -> Any:
    """Which numbers are inside a domain once they are rounded to a type, and finite if they are before."""
    with np.errstate(over="ignore"):
        rounded = np.asarray(x).astype(kind).astype(np.float64)
    return np.asarray(domain.contains(rounded), bool) & (np.isfinite(rounded) | ~np.isfinite(x)) | (
        np.isnan(x) if not domain.bounded else False
    )


def draw_arrays(  # noqa: C901
    rng: Any, case: LossCase, kind: Any, shape: tuple[int, ...]
) -> tuple[list[Any], dict[str, Any]]:
    """The inputs of a loss by element or row, and the parameters."""
    parameters, arrays, form = case.parameters_for(case.width), [], case.form
    for parameter in form.parameters:
        if parameter.accepts_array and not form.by_row and shape and rng.random() < 0.15:
            allowed = [x for x in SETTINGS if np.isfinite(x) and x >= 0 and bool(parameter.domain.contains(x))]
            parameters[parameter.name] = rng.choice(allowed, shape[rng.integers(len(shape)) :]) if allowed else 1.0
    for entry in form.inputs:
        if entry.role is Role.LABEL:
            labels = rng.integers(0, classes_of(case), shape)
            ignored = ignored_label(case)
            if ignored is not None and rng.random() < 0.3:
                labels = np.where(rng.random(shape) < 0.3, ignored, labels)
            codes = [c for c in "bhiqBQ" if not labels.size or (labels.astype(c) == labels).all()]
            arrays.append(np.asarray(labels).astype(rng.choice(codes)))
            continue
        if entry.role is Role.LABELS:
            made = rng.permuted(np.broadcast_to(np.arange(case.width), (*shape, case.width)), axis=-1)
            np.put_along_axis(made, rng.integers(1, case.width, (*shape, 1)), -1, axis=-1)
            arrays.append(np.ascontiguousarray(np.moveaxis(made, -1, row_axis(entry.axis, len(shape) + 1))))
            continue
        own = kind
        if entry.name not in form.default_wrt and rng.random() < 0.3:
            own = KINDS[rng.integers(3)]
        full = (*shape, case.width) if entry.axis is not None else shape
        if entry.broadcast and entry.axis is None and shape and rng.random() < 0.4:
            full = tuple(1 if rng.random() < 0.5 else n for n in shape)
        x = draw_numbers(rng, entry.domain, full, np.dtype(np.float64) if own.kind == "i" else own)
        if own.kind == "i":
            whole = np.asarray(np.clip(np.nan_to_num(np.round(x)), -1000, 1000)).astype(own)
            x = whole if bool(np.all(entry.domain.contains(whole.astype(float)))) else x
        elif own == np.float64 and kind != own:
            # Whether a target out of the range of float32 is inf, negative or 0 depends on the type of the computation.
            fits = (abs(x) >= float(np.finfo(np.float32).tiny)) & inside(entry.domain, x, np.float32) | np.isnan(x)
            x = np.where(fits, x, entry.domain.example)
        if entry.axis is not None:
            x = np.ascontiguousarray(np.moveaxis(x, -1, row_axis(entry.axis, x.ndim)))
        arrays.append(x)
    return arrays, parameters


def draw_example(rng: Any, case: LossCase, kind: Any, shape: tuple[int, ...]) -> tuple[list[Any], dict[str, Any]]:
    """The inputs of a loss of whole batches: its own example, with other numbers as far as the domains allow it."""
    made, given = example(case.loss, case.number, shape[0])
    kind = np.dtype(np.float32) if kind.kind == "i" else kind
    # Its labels go with the default of parameters that are labels too, such as a blank.
    labels = [p.name for p in case.form.parameters if p.domain and p.domain.integer]
    parameters = {**case.parameters_for(classes_of(case)), **{name: case.base[name] for name in labels}, **given}
    share = rng.choice([0, 0.3, 1.0])
    arrays = []
    for x, entry in zip(made, case.form.inputs, strict=False):
        if x.dtype.kind in "iu":
            arrays.append(x)
            continue
        other = (x * (1 + share * rng.normal(size=x.shape))).astype(kind)
        arrays.append(np.asarray(other if np.all(entry.domain.contains(other.astype(float))) else x.astype(kind)))
    return [*arrays, *[x.astype(kind) for x in made[len(arrays) :]]], parameters


def draw_weights(rng: Any, shape: tuple[int, ...]) -> Any:
    """Sample weights of one regime, in a type that has them."""
    power = 10.0 ** rng.uniform(-300, 300)
    found = [
        rng.uniform(0.01, 2, shape),
        rng.integers(0, 4, shape) + 0.0,
        np.where(rng.random(shape) < 0.5, 0, rng.random(shape)),
        rng.uniform(0.1, 1, shape) * power,
        10 ** rng.uniform(-300, 300, shape),
        np.full(shape, power),
    ][rng.integers(6)]
    for kind in rng.permutation(["f2", "f4", "i4", "?"])[:2]:
        with np.errstate(all="ignore"):
            if np.array_equal(found.astype(kind), found):
                return np.asarray(found).astype(kind)
    return np.asarray(found)


def ignored_label(case: LossCase) -> Any:
    return next((case.parameters[p.name] for p in case.form.parameters if p.role is Role.IGNORED_LABEL), None)


def sample_shape(problem: Problem) -> tuple[int, ...]:
    """The loss's own shape."""
    form, first = problem.case.form, problem.clean[0]
    if form.by_batch:
        at = next(i for i, e in enumerate(form.inputs) if sample_axis(problem.case, e.name) is not None)
        return (problem.clean[at].shape[sample_axis(problem.case, form.inputs[at].name) or 0],)
    if form.inputs[0].axis is None:
        return first.shape
    axis = row_axis(form.inputs[0].axis, first.ndim)
    return first.shape[:axis] + first.shape[axis + 1 :]


def weights_of(problem: Problem, shape: tuple[int, ...]) -> Any:
    """The weight of each element or row, 0 for what does not count."""
    found = np.ones(shape, WIDE)
    if "sample_weight" in problem.options:
        found *= expanded(problem.options["sample_weight"], shape)
    if "where" in problem.options:
        found[~expanded(problem.options["where"], shape)] = 0
    ignored = ignored_label(problem.case)
    for x, entry in zip(problem.clean, problem.case.form.inputs, strict=False):
        if entry.role is Role.LABEL and ignored is not None and x.shape == shape:
            found[x.astype(object) == ignored] = 0
    return found


def with_garbage(rng: Any, problem: Problem, shape: tuple[int, ...]) -> list[Any]:
    """The inputs with numbers out of their domains where nothing is read."""
    unread = weights_of(problem, shape) == 0
    if not unread.any() or problem.case.form.by_batch:
        return problem.clean
    found = []
    for x, entry in zip(problem.clean, problem.case.form.inputs, strict=True):
        copy = x.copy()
        rows = np.moveaxis(copy, row_axis(entry.axis, x.ndim), -1) if entry.axis is not None else copy
        if entry.role is not Role.LABEL and rows.shape[: len(shape)] == shape:
            rows[unread] = 7 if x.dtype.kind in "iu" else rng.choice([math.nan, math.inf, -math.inf, 7.0])
        found.append(copy)
    return found


# Expectations


def each_alone(problem: Problem, inputs: list[Any]) -> tuple[Any, list[Any]]:
    """The value of each element or row in float64, and its slopes in the shapes of the loss's own and of the rows.

    Of a whole batch, the slopes of all inputs have the samples as a first axis.
    """
    case, criterion = problem.case, problem.criterion("none")
    if not case.form.by_batch:
        shape = sample_shape(problem)
        full = [
            x if entry.axis is not None or not entry.broadcast else np.broadcast_to(x, shape).copy()
            for x, entry in zip(inputs, case.form.inputs, strict=True)
        ]
        value, grads = criterion.value_and_grad(*full, wrt=problem.wrt)
        return np.asarray(value), list(grads) if isinstance(grads, tuple) else [grads]
    values, slopes = [], [[] for _ in problem.wrt]
    divisors = lengths(case, inputs) if problem.reduction == "mean" else np.ones(sample_shape(problem))
    for at in range(sample_shape(problem)[0]):
        single = select(case, inputs, slice(at, at + 1))
        value, grads = problem.criterion("sum").value_and_grad(*single, wrt=problem.wrt)
        values.append(float(value) / divisors[at])
        for name, slope, grad in zip(problem.wrt, slopes, grads if isinstance(grads, tuple) else [grads], strict=True):
            axis = sample_axis(case, name)
            shape = inputs[[e.name for e in case.form.inputs].index(name)].shape if axis is not None else grad.shape
            complete = np.zeros(shape)
            complete[(slice(None),) * (axis or 0) + ((slice(at, at + 1),) if axis is not None else ())] = grad
            slope.append(complete / divisors[at])
    return np.array(values), [np.array(each) for each in slopes]


def divisor(problem: Problem, weights: Any) -> Any:
    """What the sum is divided by."""
    if problem.reduction not in ("mean", "batchmean"):
        return WIDE(1)
    if "denominator" in problem.options:
        return WIDE(problem.options["denominator"])
    counted = weights.copy()
    for parameter in problem.case.form.parameters:
        if parameter.role is Role.WEIGHT:
            given = np.asarray(problem.parameters[parameter.name], float)
            label = [x for x, e in zip(problem.clean, problem.case.form.inputs, strict=False) if e.role is Role.LABEL]
            if label and given.ndim:
                counted *= np.where(counted != 0, given[np.where(counted != 0, label[0], 0).astype(int)], 0)
            else:
                counted *= given
    total = counted.sum()
    if problem.reduction == "batchmean":
        total *= (weights.shape[0] if weights.ndim else 1) / WIDE(max(1, weights.size))
    return total


def combined(problem: Problem, values: Any, slopes: list[Any], shares: Any) -> list[Any]:
    """The value and gradients from those of each element, times the share of each."""
    value = np.where(shares != 0, shares * values, WIDE(0))
    found = [value if problem.reduction == "none" else value.sum()]
    for at, slope in zip(problem.graded, slopes, strict=True):
        x, inputs = problem.clean[at], problem.case.form.inputs
        axis = inputs[min(at, len(inputs) - 1)].axis
        if problem.case.form.by_batch:
            factor = shares.reshape(shares.shape + (1,) * (slope.ndim - 1))
        else:
            factor = shares if axis is None else np.expand_dims(shares, row_axis(axis, slope.ndim))
        grad = np.where(factor != 0, factor * slope, WIDE(0))
        if problem.case.form.by_batch:
            grad = grad.sum(0)
        elif grad.shape != x.shape:
            axes = tuple(i for i, (n, m) in enumerate(zip(x.shape, grad.shape, strict=True)) if n != m)
            grad = grad.sum(axis=axes, keepdims=True)
        found.append(grad)
    return found


def each_number_moved(problem: Problem, inputs: list[Any], eps: float) -> Iterator[list[Any]]:
    """The inputs of a batch with each of their numbers in turn moved by some rounding errors."""
    for at, (x, entry) in enumerate(zip(inputs, problem.case.form.inputs, strict=False)):
        for place in range(0 if x.dtype.kind in "iu" or entry.domain is SIGN else x.size):
            direction = np.zeros(x.shape)
            direction.flat[place] = 1
            yield [*inputs[:at], moved(x, direction, entry, eps), *inputs[at + 1 :]]


def moved_one_by_one(problem: Problem, inputs: list[Any], eps: float) -> Iterator[tuple[list[Any], list[Any]]]:
    """The inputs with one number of each element or row moved by some rounding errors, up and down."""
    for at, (x, entry) in enumerate(zip(inputs, problem.case.form.inputs, strict=True)):
        if x.dtype.kind in "iu" or entry.domain is SIGN:
            continue
        axis = None if entry.axis is None else row_axis(entry.axis, x.ndim)
        for place in range(1 if axis is None else x.shape[axis]):
            direction = np.ones(x.shape)
            if axis is not None:
                direction = np.moveaxis(np.zeros(x.shape), axis, -1)
                direction[..., place] = 1
                direction = np.moveaxis(direction, -1, axis)
            up, down = (moved(x, sign * direction, entry, eps) for sign in (1, -1))
            yield [*inputs[:at], up, *inputs[at + 1 :]], [*inputs[:at], down, *inputs[at + 1 :]]


def with_moved_parameters(problem: Problem, eps: float) -> Iterator[Problem]:
    """The problem with one number among its parameters moved by some rounding errors, as it is rounded to the type."""
    for parameter in problem.case.form.parameters:
        x = problem.parameters.get(parameter.name)
        if isinstance(x, float) and parameter.name not in problem.case.form.switches:
            others = [other for sign in (1, -1) if parameter.domain.contains(other := x * (1 + sign * STEP * eps))]
            if others and math.isfinite(x):
                yield replace(problem, parameters={**problem.parameters, parameter.name: others[0]}, criteria={})


def moved(x: Any, direction: Any, entry: Any, eps: float) -> Any:
    """Numbers moved by some rounding errors, as far as they stay in their domain."""
    if x.dtype.kind in "iu" or entry.domain is SIGN:
        return x
    other = x * (1 + STEP * eps * direction)
    return np.where(np.asarray(entry.domain.contains(other), bool), other, x)


def check_reference(problem: Problem, value: Any, grads: list[Any]) -> None:
    """Compare value and gradients with those of the elements alone in float64."""
    weights = weights_of(problem, sample_shape(problem))
    total = divisor(problem, weights)
    shares = weights / total if total else 0 * weights
    inputs = problem.case.form.inputs
    entries = [inputs[min(at, len(inputs) - 1)] for at in range(len(problem.clean))]
    deciding = [x.dtype for x, e in zip(problem.clean, entries, strict=True) if e.name in problem.case.form.default_wrt]
    kind = np.result_type(*[d if d.kind != "i" else np.dtype(float) for d in deciding])
    real = np.finfo(np.float64 if kind == np.float64 else np.float32)
    eps = float(real.eps)
    exact = [
        x if x.dtype.kind in "iu" and entry.domain.integer else x.astype(real.dtype).astype(np.float64)
        for x, entry in zip(problem.clean, entries, strict=True)
    ]
    if is_coupled(problem.case):
        check_batch(problem, exact, value, grads, eps)
        return
    values, slopes = each_alone(problem, exact)
    kinds = [kind, *(gradient_type(problem.clean[at]) for at in problem.graded)]
    if isinstance(problem.reduction, dict):
        reduced, shares = reduced_by_plugin(problem, weights)
        if not np.isfinite(reduced):
            return
    expected = combined(problem, values, slopes, shares)
    if isinstance(problem.reduction, dict):
        expected[0] = np.asarray(reduced, WIDE)
    for ours, other, dtype in zip([np.asarray(value), *grads], expected, kinds, strict=True):
        if ours.dtype != dtype or ours.shape != other.shape:
            raise Failure("type", f"{ours.dtype} {ours.shape}, not {dtype} {other.shape}")
    errors = own_errors(problem, exact, (values, *slopes), real)
    # A mean is computed from weights divided by the largest: what underflows beside it counts for nothing.
    least = [
        float(np.finfo(np.float64).tiny) * abs(shares).max(initial=0) * abs(x).max(initial=1) for x in (values, *slopes)
    ]
    names = ["value", *(f"gradient of {entries[at].name}" for at in problem.graded)]
    for attempt in ("rounding", "condition"):
        if attempt == "condition":
            errors = conditioned(problem, exact, eps, (values, *slopes), errors)
        allowed = combined(problem, errors[0], errors[1:], abs(shares))
        found = [
            difference(*each, real)
            for each in zip([value, *grads], expected, map(sum, zip(allowed, least, strict=True)), kinds, strict=True)
        ]
        if not any(found):
            return
    raise next(
        Failure(name.partition(" ")[0], f"{name} {text}") for name, text in zip(names, found, strict=True) if text
    )


def reduced_by_plugin(problem: Problem, weights: Any) -> tuple[float, Any]:
    """What a plugin makes of the values that the criterion itself computes for each element, and the factor of each."""
    counts = weights != 0
    values = np.asarray(problem.criterion("none")(*problem.arrays, where=counts), float)[counts]
    if not values.size or not np.isfinite(values).all():
        return math.nan if values.size else 0.0, np.zeros_like(weights)
    value, factors = find_reduction("", problem.reduction)(values, weights[counts].astype(float))
    shares = np.zeros_like(weights)  # also of a single value
    shares[counts] = factors
    return value, shares


def own_errors(problem: Problem, exact: list[Any], results: tuple[Any, ...], real: Any) -> list[Any]:
    """The rounding errors that values and slopes may have of their own."""
    eps, (values, *slopes) = float(real.eps), results
    errors = [abs(x) * OWN_ULPS * eps for x in (values, *slopes)]
    # A slope that does not fit in the type is inf, also where a mean divides it by more.
    errors = [np.where(abs(x) > float(real.max) / 8, np.inf, e) for x, e in zip((values, *slopes), errors, strict=True)]
    if problem.second and np.isinf(errors[-1]).any():  # a value is nan where its second derivative does not fit
        errors[0] = np.full_like(errors[0], np.inf)
    if problem.case.loss.name in ROUGH:
        rows = [abs(x) for x in exact if x.ndim == exact[0].ndim]
        sizes = np.max([x.max(axis=-1) for x in rows], axis=0)
        steep = sizes if "squared" in str(problem.parameters.get("distance_function")) else np.ones(sizes.shape)
        steep = steep + sum(1 / np.maximum(x.max(axis=-1), 1e-300) for x in rows)
        errors[0] = errors[0] + OWN_ULPS * eps * np.maximum(sizes, 1) * steep
        errors[1:] = [e + OWN_ULPS * eps * steep[..., np.newaxis] for e in errors[1:]]
        # A margin below the rounding errors of the distances does not decide on which side of the kink a row is.
        undecided = errors[0] >= abs(problem.parameters.get("margin", 0.0))
        errors[1:] = [np.where(undecided[..., np.newaxis], np.inf, e) for e in errors[1:]]
    for at, name in enumerate(problem.wrt, start=1):
        if (problem.case.loss.name, name) in DIFFERENCES:
            errors[at] = errors[at] + OWN_ULPS * eps
        if (
            problem.case.form.by_batch
        ):  # each number is a sum of products, which are as large as the largest of a sample
            largest = abs(slopes[at - 1]).reshape(len(values), -1).max(axis=1, initial=0)
            errors[at] = np.maximum(errors[at], OWN_ULPS * eps * largest.reshape(-1, *[1] * (errors[at].ndim - 1)))
    return errors


def check_batch(problem: Problem, exact: list[Any], value: Any, grads: list[Any], eps: float) -> None:
    """Compare the value and gradients of coupled samples with those in float64.

    Each number is a sum over the batch, so that its error is in proportion to the largest gradient.
    """
    kinds = [np.asarray(value).dtype, *(gradient_type(problem.clean[at]) for at in problem.graded)]
    found = [np.asarray(value), *grads]
    expected = reference(problem, exact)
    errors = [abs(x) * OWN_ULPS * eps for x in expected]
    errors = [np.maximum(e, OWN_ULPS * eps * abs(x).max(initial=0)) for e, x in zip(errors, expected, strict=True)]
    largest = (
        1.0
        if problem.reduction == "mean"
        else float(np.max(np.abs(problem.options.get("sample_weight", 1.0)), initial=1.0))
    )
    for at, (name, place) in enumerate(zip(problem.wrt, problem.graded, strict=True), start=1):
        if (problem.case.loss.name, name) in DIFFERENCES:
            errors[at] = errors[at] + OWN_ULPS * eps * largest
        # Sums of terms as large as the value, or 1, over the deviation of the input may cancel, also in float64.
        x, weights = np.atleast_1d(exact[place]), weights_of(problem, sample_shape(problem))
        counted = x[weights != 0] if len(x) == len(weights) else x
        deviations = [abs(x).max(initial=0), *(counted.std(axis=0).ravel() if counted.size else ())]
        size = max(1, abs(float(expected[0].max(initial=0)))) / min([d for d in deviations if d > 0], default=1)
        errors[at] = errors[at] + x.size * float(np.finfo(float).eps) * largest * size
    real = np.finfo(np.float64 if eps < 2.0**-40 else np.float32)
    names = ["value", *(f"gradient of {name}" for name in problem.wrt)]
    if any(ours.shape != other.shape for ours, other in zip(found, expected, strict=True)):
        raise Failure("type", f"{[x.shape for x in found]}, not {[x.shape for x in expected]}")

    def texts() -> list[str]:
        exact_results = [x.astype(WIDE) for x in expected]
        return [difference(*each, real) for each in zip(found, exact_results, errors, kinds, strict=True)]

    if any(texts()):
        total = [np.zeros(()) for _ in expected]
        for inputs in each_number_moved(problem, exact, eps):
            there = reference(problem, inputs)
            changes = [np.nan_to_num(abs(x - y)).max(initial=0) for x, y in zip(there, expected, strict=True)]
            total = [t + change for t, change in zip(total, changes, strict=True)]
        errors = [np.fmax(e, t) for e, t in zip(errors, total, strict=True)]
    for name, text in zip(names, texts(), strict=True):
        if text:
            raise Failure(name.partition(" ")[0], f"{name} {text}")


def reference(problem: Problem, inputs: list[Any]) -> list[Any]:
    """The value and gradients of a batch of float64 numbers."""
    value, grads = call(problem, problem.criterion(), inputs)
    return [np.asarray(value), *grads]


def gradient_type(x: Any) -> Any:
    return x.dtype if x.dtype.kind not in "iu" else np.dtype(float)


def conditioned(problem: Problem, exact: list[Any], eps: float, here: Any, errors: list[Any]) -> list[Any]:
    """The errors, or what rounding errors of the inputs and parameters change where that is more: the sum over all."""

    def changes(inputs: list[Any], problem: Problem = problem) -> list[Any]:
        there, slopes = each_alone(problem, inputs)
        return [abs(x - y) for x, y in zip((there, *slopes), here, strict=True)]

    total = [np.zeros(e.shape) for e in errors]
    if problem.case.form.by_batch:
        for inputs in each_number_moved(problem, exact, eps):
            total = [t + change for t, change in zip(total, changes(inputs), strict=True)]
    else:
        for pair in moved_one_by_one(problem, exact, eps):
            total = [t + np.fmax(up, down) for t, up, down in zip(total, *map(changes, pair), strict=True)]
    for other in with_moved_parameters(problem, eps):
        total = [t + change for t, change in zip(total, changes(exact, other), strict=True)]
    return [np.fmax(e, t) for e, t in zip(errors, total, strict=True)]


def difference(ours: Any, exact: Any, allowed: Any, kind: Any, real: Any) -> str:
    """Where numbers are further from the exact ones than allowed and than rounding; nothing if none is."""
    info = ml_dtypes.finfo(kind)
    found = np.asarray(ours).astype(WIDE)
    ulp = np.maximum(abs(exact) * float(info.eps), float(info.smallest_subnormal))
    # At a kink, what is allowed is a slope, which is rounded too.
    bound = ulp + allowed * (1 + OWN_ULPS * float(info.eps)) + UNDERFLOW * float(real.smallest_subnormal)
    off = abs(found - exact)
    limit = min(float(info.max), float(real.max)) * (1 - float(info.eps))
    beyond = ~np.isfinite(found) & ~(abs(exact) + bound < limit)
    fine = (off <= bound) | beyond | (found == exact) | ~(bound < np.inf)
    if fine.all():
        return ""
    at = tuple(np.argwhere(~fine)[0])
    ulps, most = float(off[at] / ulp[at]), float((bound / ulp)[at])
    where = f"at {[*map(int, at)]}: {found[at]!r}, exactly {exact[at]!r}"
    return f"{where}; off by {ulps:.3g} ulp, allowed {most:.3g} ({(~fine).sum()} of {fine.size})"


def check_sum(problem: Problem, value: Any) -> None:
    """Compare a reduced value with the exact sum of the values of its elements, as the loss computes them."""
    weights = weights_of(problem, sample_shape(problem))
    moderate = (weights == 0) | (abs(weights) > 2**-20) & (abs(weights) < 2**20)
    summed = isinstance(problem.reduction, str) and problem.reduction != "none"
    if not summed or problem.case.form.by_batch or not moderate.all():
        return
    wide = [x.astype(np.float32) if x.dtype.itemsize == 2 and x.dtype.kind in "fV" else x for x in problem.arrays]
    options = {k: x for k, x in problem.options.items() if k != "denominator"}
    values = np.asarray(problem.criterion("none")(*wide, **options), np.float64)
    total = divisor(problem, weights)
    if not np.isfinite(values).all() or not total:
        return
    if any(
        p.role is Role.WEIGHT and np.max(np.abs(problem.parameters[p.name]), initial=1) > 2**60
        for p in problem.case.form.parameters
    ):
        return
    if abs(values).max(initial=0) > np.finfo(float).max / max(1, values.size):
        return
    exact = WIDE(math.fsum(values.ravel())) / total
    size = WIDE(math.fsum(abs(values).ravel())) / total
    info = ml_dtypes.finfo(np.asarray(value).dtype)
    bound = max(abs(exact) * float(info.eps), float(info.smallest_subnormal)) + 2.0**-51 * size
    if abs(exact) < float(info.max) and not abs(WIDE(value) - exact) <= bound:
        raise Failure("sum", f"{value!r}, exactly {exact!r}")


# Calls


def laid_out(x: Any, layout: str) -> Any:
    """An array in a layout of memory."""
    x = np.asarray(x)
    if layout == "Fortran":
        return np.array(x, order="F")
    if layout == "reversed" and x.ndim:
        return np.flip(np.flip(x).copy())
    if layout == "strided" and x.ndim:
        wide = np.zeros((*x.shape, 3), x.dtype)
        wide[..., 1] = x
        return wide[..., 1]
    if layout == "misaligned" and x.size:
        moved_by_one = np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
        moved_by_one[...] = x
        return moved_by_one
    if layout == "swapped" and x.dtype != BFLOAT16:
        return x.astype(x.dtype.newbyteorder())
    if layout == "read-only":
        x = np.array(x)
        x.flags.writeable = False
    return x


def same(x: Any, y: Any) -> bool:
    """Whether arrays have equal types and bits; the sign of 0 and the payload of nan do not count."""
    x, y = np.asarray(x), np.asarray(y)
    if x.dtype != y.dtype or x.shape != y.shape:
        return False
    return bool(((x == y) | ((x != x) & (y != y))).all())  # noqa: PLR0124  nan differs from itself


def same_gradient(problem: Problem, x: Any, y: Any) -> bool:
    """Whether gradients of two layouts are equal; up to rounding, if another loop serves them.

    With the classes on a middle axis, a loop takes several rows at a time, and adds what is in a row in another order.
    """
    if problem.case.form.by_batch or same(x, y):
        return True
    middle = problem.case.form.by_row and problem.arrays[0].ndim > 2
    x, y = np.asarray(x), np.asarray(y)
    eps = float(ml_dtypes.finfo(x.dtype).eps)
    return middle and bool(np.allclose(x, y, rtol=OWN_ULPS * eps, atol=STEP * eps * abs(y).max(initial=0)))


def same_sum(problem: Problem, x: Any, y: Any) -> bool:
    """Whether values of two layouts are equal up to rounding, where they need not have the same bits.

    What is large and converted is divided into slabs, and these into other blocks; so is a batch with the classes on
    its second axis, which has blocks of its own for each sample. Products of matrices depend on the layout.
    """
    if problem.case.form.by_batch:
        return bool(np.allclose(np.asarray(x, float), np.asarray(y, float), rtol=1e-5, equal_nan=True))
    large = max(x.size for x in problem.arrays) > SLAB
    blocks_of_samples = problem.arrays[0].ndim > 2 and problem.case.form.by_row  # classes on a middle axis
    if problem.reduction == "none":
        return same_gradient(problem, x, y)
    return (large or blocks_of_samples) and abs(float(x) - float(y)) <= abs(float(y)) * 2.0**-51


def call(problem: Problem, criterion: Any, arrays: list[Any], **given: Any) -> tuple[Any, list[Any]]:
    with np.errstate(all="raise"):  # what a caller may have set
        value, grads = criterion.value_and_grad(*arrays, wrt=problem.wrt, **{**problem.options, **given})
    return value, list(grads) if isinstance(grads, tuple) else [grads]


def check(name: str, seed: int) -> None:
    """Check one configuration; raises Failure."""
    problem = draw(name, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            check_problem(problem)
        except Failure:
            raise
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            raise Failure(
                f"raises {type(error).__name__}", f"{str(error)[:300]} ({where.name}:{where.lineno})"
            ) from error
        finally:
            lossreg.set_num_threads(1)


def check_problem(problem: Problem) -> None:
    """All checks of a problem."""
    lossreg.set_num_threads(1)
    criterion = problem.criterion()
    arrays = [laid_out(x, layout) for x, layout in zip(problem.arrays, problem.layouts, strict=True)]
    before = [x.copy() for x in arrays]
    value, grads = call(problem, criterion, arrays)
    if not all(map(same, arrays, before)):
        raise Failure("input changed", "an input is not what it was")
    native = [
        x if layout != "swapped" or x.dtype == BFLOAT16 else x.astype(x.dtype.newbyteorder())
        for x, layout in zip(arrays, problem.layouts, strict=True)
    ]
    native = [np.ascontiguousarray(x).reshape(x.shape) for x in native]
    for attempt, given, threads in (
        ("a second call", arrays, 1),
        ("a third call", arrays, 1),
        ("two threads", arrays, 2),
        ("a plain layout", native, 1),
    ):
        lossreg.set_num_threads(threads)
        again, others = call(problem, criterion, given)
        if not (same(again, value) or (attempt == "a plain layout" and same_sum(problem, again, value))):
            raise Failure(f"bits of the value: {attempt}", f"{again!r} after {value!r}")
        equal = partial(same_gradient, problem) if attempt == "a plain layout" else same
        if not all(map(equal, others, grads)):
            raise Failure(f"bits of the gradient: {attempt}", "differ")
    lossreg.set_num_threads(1)
    for _ in range(2):
        alone = criterion(*arrays, **problem.options)
        if not same(alone, value):
            raise Failure("bits of the value: without a gradient", f"{alone!r}, with one {value!r}")
    check_out(problem, criterion, value, grads)
    with np.errstate(all="ignore"):
        check_reference(problem, value, grads)
        check_sum(problem, value)


def check_out(problem: Problem, criterion: Any, value: Any, grads: list[Any]) -> None:  # noqa: C901
    """Compare with the results in arrays that the caller gives, some of which share memory with what is read."""
    arrays, options = [x.copy() for x in problem.arrays], dict(problem.options)
    buffers: list[Any] = [np.empty_like(g) for g in grads]
    at, first, refused = problem.graded[0], grads[0], False
    fits = arrays[at].dtype == first.dtype and first.size > 0
    memory = np.zeros(first.nbytes + 64, np.uint8)
    if problem.out == "strided":
        buffers = [np.empty((*g.shape, 2), g.dtype)[..., 1] for g in grads]
    elif problem.out == "Fortran":
        buffers = [np.empty(g.shape[::-1], g.dtype).T for g in grads]
    elif problem.out == "input" and fits:
        buffers[0] = arrays[at]
    elif problem.out == "shifted" and fits:
        base = memory[: first.nbytes + first.itemsize].view(first.dtype)
        base[:-1] = arrays[at].ravel()
        arrays[at], buffers[0] = base[:-1].reshape(first.shape), base[1:].reshape(first.shape)
    elif problem.out in ("weights", "mask"):
        name = {"weights": "sample_weight", "mask": "where"}[problem.out]
        given = options.get(name)
        if given is not None and 0 < given.nbytes <= first.nbytes:
            shared = memory[: given.nbytes].view(given.dtype).reshape(given.shape)
            shared[...] = given
            options[name], buffers[0] = shared, memory[: first.nbytes].view(first.dtype).reshape(first.shape)
    elif (
        problem.out == "twice"
        and len(grads) > 1
        and first.size
        and grads[1].dtype == first.dtype
        and first.shape == grads[1].shape
    ):
        buffers[1], refused = buffers[0], True
    try:
        again, found = call(
            problem, criterion, arrays, **options, out=tuple(buffers) if len(buffers) > 1 else buffers[0]
        )
    except LossregError as error:
        if refused:
            return
        raise Failure(f"out refused: {problem.out}", str(error)) from None
    if refused:
        raise Failure(f"out accepted: {problem.out}", "expected a refusal")
    if any(one is not buffer for one, buffer in zip(found, buffers, strict=True)):
        raise Failure("out is not what is returned", problem.out)
    equal = same(again, value) or same_sum(problem, again, value)
    if not (equal and all(map(partial(same_gradient, problem), found, grads))):
        raise Failure(f"results with out: {problem.out}", f"{again!r}, without {value!r}")


def findings(names: list[str], seeds: Any, show: Any = None) -> dict[str, list[str]]:
    """The failures by kind: what is wrong, and the line that reproduces it."""
    found = defaultdict(list)
    for at, seed in enumerate(seeds):
        name = names[at % len(names)]
        try:
            check(name, seed)
        except Failure as failure:
            found[failure.kind].append(f"python tests/fuzz_criteria.py {name} --seed {seed}    # {failure}")
            if show:
                show(found[failure.kind][-1])
    return dict(found)


def main() -> int:
    """Fuzz as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("losses", nargs="*", help="names of losses; all, if none is given")
    parser.add_argument("--count", type=int, default=20_000, help="how many configurations")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="one configuration, shown")
    given = parser.parse_args()
    names = given.losses or list(lossreg.names())
    if given.seed is not None:
        for name in names:
            print(draw(name, given.seed))  # noqa: T201  a command prints
        found = findings(names, [given.seed] * len(names))
    else:
        seeds = range(given.start, given.start + given.count)
        found = findings(names, seeds, lambda text: print(text, flush=True))  # noqa: T201
    for kind, lines in sorted(found.items(), key=lambda item: -len(item[1])):
        print(f"{len(lines):6} {kind}\n       {lines[0]}")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
