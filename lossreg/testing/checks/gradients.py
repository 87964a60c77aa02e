"""Checks of which gradients are returned: those in `wrt`, and those of inputs that several elements share."""

from __future__ import annotations

from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from lossreg.criterion.shapes import sum_over_shared
from lossreg.errors import InvalidParameter
from lossreg.testing.batches import batch, criterion_of, value_and_grad
from lossreg.testing.check import check, check_unless
from lossreg.testing.checks.validation import require_error
from lossreg.testing.comparison import as_tuple, near, same

if TYPE_CHECKING:
    from lossreg.testing.loss_under_test import LossUnderTest
    from lossreg.testing.results import CheckRun

MOST_INPUTS = 3
"""The largest number of inputs of which every order is tested."""


@check
def wrt_selects_gradients(tested: LossUnderTest, run: CheckRun) -> None:
    """Gradients selected by `wrt`, in any number and order, equal those of all inputs; unknown names are rejected."""
    for case in tested.default_cases:
        arrays, names = batch(case, (6,)), case.form.slopes
        values, grads = value_and_grad(case, case.unreduced)(*arrays)
        expected = dict(zip(names, as_tuple(grads), strict=True))
        call = criterion_of(case, case.unreduced).value_and_grad
        orders = [some for size in range(1, min(len(names), MOST_INPUTS) + 1) for some in permutations(names, size)]
        if tested.level == "quick":  # each set of gradients is a loop of its own, which takes half a second to compile
            orders = [names[:1], names[::-1]]
        for wrt in (None, *orders):
            value, found = call(*arrays, wrt=wrt)
            wanted = tuple(expected[name] for name in (case.form.default_wrt if wrt is None else wrt))
            run.require(same((values, wanted), (value, found)), f"{case}: wrt {wrt} gives other bits than wrt {names}")
        name = tested.loss.name
        twice = names[:1] * 2
        require_error(run, partial(call, *arrays, wrt=twice), InvalidParameter, (name,), f"{case}: wrt {twice}")
        without = [(entry.name, (entry.name,)) for entry in case.form.inputs if entry.name not in names]
        for wrong, words in (*without, (names[0] + "x", (f"mean {names[0]!r}",))):
            rejected = partial(call, *arrays, wrt=(wrong,))
            require_error(run, rejected, InvalidParameter, (name, *words), f"{case}: wrt {wrong!r}")


def without_shared_inputs(tested: LossUnderTest) -> str:
    """Return why the check of shared inputs does not apply, or nothing if it does."""
    shared = any(entry.broadcast for case in tested.cases for entry in case.form.inputs)
    return "" if shared else "no input is shared"


@check_unless(without_shared_inputs)
def shared_inputs_are_broadcast(tested: LossUnderTest, run: CheckRun) -> None:
    """An input that several elements share counts as if each had its own; its gradient is the sum of theirs."""
    for case in tested.default_cases:
        arrays = batch(case, (4, 6))
        for index in (index for index, entry in enumerate(case.form.inputs) if entry.broadcast):
            for shape in ((), (4, 1), (1, 6), *([] if case.form.inputs[index].is_target else [(4,)])):
                small = arrays[index].ravel()[: int(np.prod(shape))].reshape(shape)
                wide = np.broadcast_to(small.reshape(*shape, *[1] * (2 - len(shape))), (4, 6))
                value, grads = value_and_grad(case)(*arrays[:index], small, *arrays[index + 1 :])
                expected, each = value_and_grad(case)(*arrays[:index], wide, *arrays[index + 1 :])
                shared = case.form.inputs[index].name
                named = zip(case.form.slopes, as_tuple(each), strict=True)
                added = [sum_over_shared(g, shape, g.dtype) if name == shared else g for name, g in named]
                subject = f"{case}: {case.form.inputs[index].name} of shape {shape}"
                run.require(near(value, expected), f"{subject} gives {value}, broadcast {expected}")
                run.require(near(list(as_tuple(grads)), added), f"{subject} has a gradient that is not a sum")
