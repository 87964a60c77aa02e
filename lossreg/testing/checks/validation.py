"""Checks of what is rejected: numbers outside their domain, arrays that do not fit, and invalid parameters."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, get_args, get_origin

import numpy as np

from lossreg.criterion.criterion import Criterion
from lossreg.criterion.shapes import is_shared
from lossreg.definition.annotations import ANY_AXES
from lossreg.definition.roles import Role
from lossreg.definition.signature import CLASSES
from lossreg.errors import InvalidInput, InvalidParameter, LossregError
from lossreg.testing.batches import batch, classes_of, criterion_of, value_and_grad
from lossreg.testing.check import check
from lossreg.testing.results import CheckFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lossreg.definition.parameters import Parameter
    from lossreg.testing.cases import Array, LossCase
    from lossreg.testing.loss_under_test import LossUnderTest
    from lossreg.testing.results import CheckRun

INFINITY = float("inf")
CANDIDATES = (-INFINITY, -2.0, -1.0, -0.5, -1e-300, 0.0, 1e-300, 0.5, 1.0, 1 + 2**-52, 2.0, INFINITY, float("nan"))
"""Numbers inside and outside of domains, and on both sides of their edges."""
POSITION = 1
"""The position in a batch at which a number is tested."""


def require_error(
    run: CheckRun, call: Callable[[], Any], kind: type[Exception], words: tuple[str, ...], subject: str
) -> None:
    """Require that a call raises `kind` with a message that has all the words; `subject` says what was called."""
    try:
        call()
    except LossregError as error:
        run.require(isinstance(error, kind), f"{subject} raises {type(error).__name__}, expected {kind.__name__}")
        for word in words:
            run.require(word in str(error), f"{subject}: the message does not say {word!r}: {error}")
    except Exception as error:
        raise CheckFailure(f"{subject} raises {type(error).__name__}, expected {kind.__name__}: {error}") from error
    else:
        run.require(condition=False, message=f"{subject} is accepted, expected {kind.__name__}")


@check
def inputs_outside_domain_are_rejected(tested: LossUnderTest, run: CheckRun) -> None:
    """Numbers outside an input's domain are rejected with its name and their position; those at the edge are not."""
    for case in tested.default_cases:
        arrays = batch(case, (6,))
        for index, entry in enumerate(case.form.inputs):
            for x, inside in candidates(case, index):
                given, position = with_number(arrays, index, x)
                if inside:
                    value_and_grad(case)(*given)
                    run.points += 1
                else:
                    words = (entry.name, str(position or ""), str(x) if np.isfinite(x) else "")
                    call = partial(value_and_grad(case), *given)
                    require_error(run, call, InvalidInput, words, f"{case}: {entry.name} of {x}")


def with_number(arrays: list[Array], index: int, x: Any) -> tuple[list[Array], list[int]]:
    """Return copies of the arrays with a number in one of them, and its position.

    The position along the first axis is POSITION, or the last one if there are not so many.
    """
    given = [y.copy() for y in arrays]
    if not given[index].ndim:
        given[index][...] = x
        return given, []
    at = min(POSITION, len(given[index]) - 1)
    given[index][at] = x
    return given, [at] + [0] * (given[index].ndim - 1)


def candidates(case: LossCase, index: int) -> Iterator[tuple[Any, bool]]:
    """Yield numbers for an input, each with whether its domain has it; none if the kernel itself has to check."""
    domain, role, classes = case.form.inputs[index].domain, case.form.inputs[index].role, classes_of(case)
    if role is Role.LABEL:
        # Where no array has an axis of classes there may be any number of them, or the kernel knows how many.
        unlimited = case.form.by_batch and not any(CLASSES in entry.axes for entry in case.form.inputs)
        beyond = () if unlimited else (classes, 2**40)
        return ((label, 0 <= label < classes) for label in (-1, 0, classes - 1, *beyond))
    if role is Role.LABELS:
        return ((label, -1 <= label < classes) for label in (-2, -1, 0, classes - 1, classes, 2**40))
    if domain.integer:
        return ((x, x >= 0) for x in (-1, 1) if domain.bounded)
    return ((x, bool(domain.contains(x)) or not domain.bounded) for x in CANDIDATES)


@check
def arrays_that_do_not_fit_are_rejected(tested: LossUnderTest, run: CheckRun) -> None:
    """Arrays of other shapes, too few arrays, and arrays that are not of numbers are rejected; none is broadcast."""
    name = tested.loss.name
    for case in tested.default_cases:
        arrays = batch(case, (6,))
        for index, x in enumerate(arrays):
            entry = case.form.inputs[index]
            if (
                len(arrays) > 1 and x.ndim and not entry.variadic and ANY_AXES not in entry.axes
            ):  # with one array, its shape is right by definition
                for wrong in (x[:-1], x[:, None], x[:1]):
                    shared = entry.broadcast and is_shared(wrong.shape, x.shape, target=entry.is_target)
                    if wrong.shape == x.shape or shared:
                        continue
                    call = partial(criterion_of(case), *arrays[:index], wrong, *arrays[index + 1 :])
                    subject = f"{case}: {entry.name} of shape {wrong.shape} beside {arrays[index - 1].shape}"
                    require_error(run, call, LossregError, (name,), subject)
            call = partial(criterion_of(case), *arrays[:index], x.astype(str), *arrays[index + 1 :])
            require_error(run, call, TypeError, (name,), f"{case}: text as input")
        too_few = arrays[:1] if case.form.by_batch else arrays[:-1]
        if all(len(form.inputs) != len(too_few) for form in case.loss.forms):  # it may be another form
            call = partial(criterion_of(case), *too_few)
            require_error(run, call, TypeError, (name,), f"{case}: one input less than needed")
        short = np.ones(5)
        arguments: dict[str, Any] = {"sample_weight": short, "where": short > 0}
        if case.form.weight_axes is None:
            del arguments["sample_weight"]
        for argument, value in arguments.items():
            call = partial(criterion_of(case), *arrays, **{argument: value})
            require_error(run, call, InvalidInput, (argument,), f"{case}: {argument} of 5 samples for 6")


@check
def invalid_parameters_are_rejected(tested: LossUnderTest, run: CheckRun) -> None:
    """Unknown parameters, and values that are nan, of another type or outside the domain, are rejected."""
    loss = tested.loss
    base = tested.default_cases[0].parameters
    require_error(run, lambda: Criterion(loss, "maen", base), InvalidParameter, ("'mean'",), "the reduction 'maen'")
    for name in [*base, "nonsense"]:
        misspelt, near = (name + "x", (name,)) if name in base else (name, ())
        call = partial(Criterion, loss, "mean", {**base, misspelt: 1.0})
        require_error(run, call, InvalidParameter, (misspelt, *near), f"the parameter {misspelt}")
    values: tuple[Any, ...] = (*CANDIDATES, 1, True, "text", [1.0, "text"], {})
    for parameter in loss.parameters:
        for x in values:
            subject = f"{parameter.name}={x!r}"
            call = partial(Criterion, loss, "mean", {**base, parameter.name: x})
            if is_valid(parameter, x):
                run.require(call(), subject)
            else:
                require_error(run, call, InvalidParameter, (parameter.name,), subject)


def is_valid(parameter: Parameter, x: Any) -> bool:
    """Whether a parameter may be set to a value: by its domain, or by its own check if it has no domain."""
    if parameter.domain is None or get_origin(get_args(parameter.annotation)[0]) is not None:
        return accepts(parameter, x)
    numbers = int if parameter.domain.integer else (int, float)
    return isinstance(x, numbers) and not isinstance(x, bool) and bool(parameter.domain.contains(x))


def accepts(parameter: Parameter, x: Any) -> bool:
    """Whether a parameter's own check accepts a value."""
    try:
        parameter.accept(x)
    except InvalidParameter:
        return False
    return True
