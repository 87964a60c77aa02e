"""Where a loss is tried: the settings of its parameters, and points ordinary and extreme, for each float type.

Points are exact in the float type that they are for. Those of an element pair special numbers (0, the smallest, the
largest, where exp overflows, around every parameter's value, where kinks are) with each other; those of a row are
patterns that have broken losses: all equal, one far ahead, huge and equal, tiny norms. Beside them there are random
ones from a fixed seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import numpy as np

from lossreg.definition.annotations import named_functions, row_axis_of
from lossreg.definition.domains import LOG_PROBABILITY, PADDED_CLASS_INDEX, PROBABILITY, Domain
from lossreg.definition.parameters import is_switch
from lossreg.definition.roles import Role
from lossreg.definition.signature import variants
from lossreg.errors import InvalidDefinition

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lossreg.definition.loss import Loss
    from lossreg.definition.parameters import Parameter
    from lossreg.definition.signature import Form, Input

    Array = np.ndarray[Any, Any]
    Real = type[np.float32 | np.float64]
    Point = tuple[Any, ...]

WIDTHS = (1, 2, 3, 6)
"""How long the rows are."""
SEED = 20240517
SETTINGS = (0.0, 0.25, 1.0, 3.0, -0.5, float("inf"))
"""What a parameter with a domain is set to, as far as the domain has it; exact in every float type."""
ROW = (0.5, 2.0, 1.25, 0.0, 3.0, 0.75)
"""A parameter that may be a row is set to this, as far as the rows go."""
ELEMENT_POINTS, ROW_POINTS, FEWER = 900, 80, 4
"""How many points an element gets, and rows of each width, at the defaults; how much fewer other settings get."""
LARGEST = 0.25
"""The largest number tried, of the type's largest: far enough below it that a difference of two is a float."""


@dataclass(frozen=True, eq=False)
class Case:
    """One form of a loss under one setting of its parameters."""

    loss: Loss
    form: Form
    parameters: dict[str, Any]
    base: dict[str, Any]

    @property
    def default(self) -> bool:
        """Whether nothing is set to anything else."""
        return self.parameters == self.base

    @property
    def number(self) -> int:
        """Which of the loss's forms it is."""
        return [form.kernel for form in self.loss.forms].index(self.form.kernel)

    @property
    def extra(self) -> bool:
        """Whether the form is not the loss's first."""
        return self.number > 0

    def __str__(self) -> str:
        changed = ((p.name, self.parameters[p.name]) for p in self.form.parameters)
        told = [f"{name}={value!r}" for name, value in changed if value != self.base[name]]
        return ", ".join([f"{self.loss.name}.{self.form.kernel.__name__}" if self.extra else self.loss.name, *told])

    def settings(self, width: int) -> dict[str, Any]:
        """The parameters for rows of a width."""
        return {k: list(v[:width]) if isinstance(v, tuple) else v for k, v in self.parameters.items()}


def members(parameter: Parameter) -> list[Any]:
    """What a parameter is set to in turn, beside its default."""
    annotation, domain = parameter.annotation, parameter.domain
    if annotation is bool:
        return [False, True]
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if named_functions(annotation):
        return list(named_functions(annotation))
    if domain is None:
        return []
    if domain.integer:
        return [1] if get_origin(get_args(annotation)[0]) is None else []
    numbers = [x for x in SETTINGS if bool(domain.contains(x)) and (x >= 0 or parameter.role is not Role.WEIGHT)]
    return [*numbers, ROW] if row_axis_of(annotation) is not None else numbers


def cases(loss: Loss) -> list[Case]:
    """Each form at the defaults, with every other choice of branches, and with each number in turn set to another."""
    base = {p.name: members(p)[0] if p.required else p.default for p in loss.parameters if not loss.examples}
    found, fixed = [], set[str]()
    for number, written in enumerate(loss.forms):
        form = written
        if written.by_batch:
            arrays, given = example(loss, number, 1)
            form = next(v for v in variants(written, len(arrays)) if [x.ndim for x in arrays] == ranks(v))
            base, fixed = {p.name: p.default for p in loss.parameters} | given, set(given)
        found.append(Case(loss, form, base, base))
        free = [p for p in form.parameters if p.name not in fixed]
        branches = [[(p.name, value) for value in members(p)] for p in free if is_switch(p)]
        numbers = [(p.name, x) for p in free if not is_switch(p) for x in members(p)]
        others = [{**base, **dict(setting)} for setting in (*product(*branches), *([number] for number in numbers))]
        found += [Case(loss, form, setting, base) for setting in others if setting != base]
    return found


def example(loss: Loss, number: int, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """A batch for a batch form, and the parameters that it needs."""
    if len(loss.examples) <= number:
        raise InvalidDefinition(f"{loss.name}: form {number + 1} needs an @{loss.name}.example, to be tried on")
    arrays, parameters = loss.examples[number](np.random.default_rng(SEED), samples)
    return arrays, parameters


def ranks(form: Form) -> list[int]:
    """How many axes the arrays of a form have."""
    return [len(entry.axes) for entry in form.inputs]


def numbers(domain: Domain, real: Real, around: Iterable[float] = ()) -> list[float]:
    """Finite members of a domain, ordinary and extreme, and next to the numbers `around`; all exact in type `real`."""
    info = np.finfo(real)
    random = np.random.default_rng(SEED)
    eps, tiny, big = float(info.eps), float(info.tiny), float(info.max) * LARGEST
    ordinary = [0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 10.75, *np.exp(random.uniform(-14, 5, 8))]
    edges = [float(info.smallest_subnormal), tiny, eps, tiny**0.5, 1 - eps / 2, 1 + eps, big**0.5 * 0.75, big]
    overflowing = [17.0, 40.0, 88.0, 89.0, 104.0, 710.0, 745.0, 1e5]
    special = [real(x) for x in around if np.isfinite(x)]
    beside = [np.nextafter(x, real(to), dtype=real) for x in special for to in (-np.inf, np.inf)]
    sizes = [float(real(x)) for x in (*ordinary, *edges, *overflowing, *special, *beside)]
    every = dict.fromkeys(x for size in sizes for x in (size, -size) if np.isfinite(x))
    if domain is LOG_PROBABILITY:
        return [x for x in every if x <= 0]
    return [x for x in every if bool(domain.contains(x))]


def labels(width: int) -> list[int]:
    """The class labels of rows of a width."""
    return list(range(width))


def lists(width: int) -> list[list[int]]:
    """Lists of classes: one, all, none, some twice; what stands behind a -1 may be anything."""
    steps = list(range(width))
    behind = [99] * width
    found = [[0, *[-1] * width], steps, [width - 1, -1, *behind], steps[::-1], [-1, *behind], [width - 1] * width]
    return [row[:width] for row in found]


def rows(domain: Domain, real: Real, width: int) -> list[list[Any]]:
    """Rows of finite members of a domain, ordinary and extreme; all exact in type `real`."""
    if domain is PADDED_CLASS_INDEX:
        return lists(width)
    info = np.finfo(real)
    random = np.random.default_rng(SEED + width)
    big, tiny = float(info.max) * LARGEST, float(info.tiny)
    normal = random.normal(size=(4, width))
    far, steps, first = np.full(width, -40.0), np.arange(width), np.eye(width)[0]
    far[-1] = 0.0
    patterns = [
        *(
            normal[0],
            normal[1],
            -normal[0],
            10 * normal[2],
            100 * normal[3],
            normal[0] * (1 + 8 * info.eps * normal[1]),
        ),
        *(0 * first, first, -first, 0 * first + 0.5, far, -far, -far[::-1], 1 + info.eps * steps, steps - 2.5),
        *(1e4 + 0 * first, big + 0 * first, big * (1 - 2 * first), big**0.5 * normal[1], big / 8 * normal[2] / 4),
        *(1e-8 * normal[2], tiny * normal[1], tiny**0.5 * normal[3]),
    ]
    if domain is PROBABILITY:
        shares = np.exp(normal)
        patterns = [*(shares / shares.sum(1, keepdims=True)), 0 * first + 1 / width, first, first[::-1], far * 0 + 1e-8]
    elif domain is LOG_PROBABILITY:
        patterns = [-abs(pattern) for pattern in patterns]
    elif domain.bounded:
        patterns = [
            *patterns,
            *(abs(pattern) for pattern in patterns),
            *random.uniform(0, 1, (6, width)),
            *(np.sign(normal)),
        ]
    exact = [pattern.astype(real).astype(np.float64) for pattern in patterns]
    return [row.tolist() for row in exact if np.isfinite(row).all() and bool(np.all(domain.contains(row)))]


def points(case: Case, real: Real) -> list[tuple[int, list[Point]]]:
    """The finite points of a case by the width of their rows, which is 0 for an element's."""
    around = [x for value in case.parameters.values() for x in (value if isinstance(value, tuple) else (value,))]
    around = [x for x in around if isinstance(x, float)]
    share = 1 if case.default else FEWER
    if not case.form.by_row:
        every = [numbers(entry.domain, real, around) for entry in case.form.inputs]
        return [(0, drawn(every, ELEMENT_POINTS // share))]
    return [(width, drawn(choices(case.form.inputs, real, width, around), ROW_POINTS // share)) for width in WIDTHS]


def choices(inputs: Iterable[Input], real: Real, width: int, around: list[float]) -> list[list[Any]]:
    """What each input of a form by row may be."""
    return [
        labels(width)
        if entry.role is Role.LABEL
        else numbers(entry.domain, real, around)
        if entry.axis is None
        else rows(entry.domain, real, width)
        for entry in inputs
    ]


def drawn(every: Sequence[list[Any]], limit: int) -> list[Point]:
    """Combinations of the inputs' choices: where only one is not its first, where all are alike, and random ones."""
    if np.prod([len(choice) for choice in every], dtype=float) <= limit:
        return list(product(*every))
    random = np.random.default_rng(SEED)
    firsts = [choice[0] for choice in every]
    single = [(*firsts[:at], x, *firsts[at + 1 :]) for at, choice in enumerate(every) for x in choice]
    alike = [tuple(choice[at % len(choice)] for choice in every) for at in range(max(map(len, every)))]
    head = [*single, *alike]
    if len(head) > 0.8 * limit:
        head = [head[at] for at in random.permutation(len(head))[: limit // 2]]
    return [*head, *(tuple(choice[random.integers(len(choice))] for choice in every) for _ in range(limit - len(head)))]
