"""Checks of which gradients there are: those asked for, and those of inputs that several elements share."""

from __future__ import annotations

from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from lossreg.criterion.checking import smaller
from lossreg.errors import InvalidParameter
from lossreg.testing.checks.arrays import near, same
from lossreg.testing.checks.check import check, check_unless
from lossreg.testing.checks.usage import refuses
from lossreg.testing.subject import as_tuple, batch, criterion, fused

if TYPE_CHECKING:
    from lossreg.testing.results import Trial
    from lossreg.testing.subject import Subject


MOST = 3
"""How many inputs are asked for in every order."""


@check
def wrt_chooses_gradients(subject: Subject, trial: Trial) -> None:
    """Gradients asked for in any number and order have the bits of all of them; one that there is not is refused."""
    for case in subject.defaults:
        arrays, named = batch(case, (6,)), case.form.slopes
        whole, grads = fused(case, "none")(*arrays)
        expected = dict(zip(named, as_tuple(grads), strict=True))
        call = criterion(case, "none").value_and_grad
        asked = [some for size in range(1, min(len(named), MOST) + 1) for some in permutations(named, size)]
        for wrt in (None, *asked):
            value, found = call(*arrays, wrt=wrt)
            wanted = tuple(expected[name] for name in (case.form.graded if wrt is None else wrt))
            trial.require(same((whole, wanted), (value, found)), f"{case}: wrt {wrt} gives other bits than wrt {named}")
        without = [entry.name for entry in case.form.inputs if entry.name not in named]
        twice = partial(call, *arrays, wrt=named[:1] * 2)
        refuses(trial, twice, InvalidParameter, (subject.loss.name,), f"{case}: wrt {named[:1] * 2}")
        for name, words in (*((name, (name,)) for name in without), (named[0] + "x", (f"mean {named[0]!r}",))):
            refused = partial(call, *arrays, wrt=(name,))
            refuses(trial, refused, InvalidParameter, (subject.loss.name, *words), f"{case}: wrt {name!r}")


@check_unless(lambda s: "" if any(x.shared for c in s.cases for x in c.form.inputs) else "no input is shared")
def shared_inputs_are_spread(subject: Subject, trial: Trial) -> None:
    """An input that several elements share counts as if each had its own; its gradient is the sum of theirs."""
    for case in subject.defaults:
        arrays = batch(case, (4, 6))
        for at in (at for at, entry in enumerate(case.form.inputs) if entry.shared):
            for shape in smaller(arrays[at].shape):
                small = arrays[at].ravel()[: int(np.prod(shape))].reshape(shape)
                wide = np.broadcast_to(small.reshape(*shape, *[1] * (2 - len(shape))), (4, 6))
                value, grads = fused(case)(*arrays[:at], small, *arrays[at + 1 :])
                expected, each = fused(case)(*arrays[:at], wide, *arrays[at + 1 :])
                axes = tuple(range(2)) if not shape else (-1,)
                added = [g.sum(axes).reshape(shape) if i == at else g for i, g in enumerate(as_tuple(each))]
                told = f"{case}: {case.form.inputs[at].name} of shape {shape}"
                trial.require(near(value, expected), f"{told} gives {value}, spread {expected}")
                trial.require(near(list(as_tuple(grads)), added), f"{told} has a gradient that is not a sum")
