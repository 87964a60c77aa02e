"""Checks of criteria as values: pickling, configs, their printed form, equality, and that they never change."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.criterion import Criterion
from lossreg.registry.registries import losses
from lossreg.testing.batches import batch, criterion_of
from lossreg.testing.check import check
from lossreg.testing.results import CheckFailure

if TYPE_CHECKING:
    from lossreg.definition.loss import Loss
    from lossreg.testing.loss_under_test import LossUnderTest
    from lossreg.testing.results import CheckRun


@check
def criteria_are_immutable_values(tested: LossUnderTest, run: CheckRun) -> None:
    """A criterion pickles, can be made from its config and its repr, equals a copy of itself, and cannot be changed."""
    for case in tested.cases:
        criterion = criterion_of(case, "sum")
        arrays = batch(case, (6,))
        copies = {
            "pickled": pickle.loads(pickle.dumps(criterion)),  # noqa: S301  pickled in this line
            "made from its config": from_config(criterion),
            "made from its repr": from_repr(criterion),
        }
        for how, copy in copies.items():
            equal = copy == criterion and hash(copy) == hash(criterion)
            run.require(equal, f"{criterion!r}, {how}, is a different criterion: {copy!r}")
            equal = np.array_equal(copy(*arrays), criterion(*arrays), equal_nan=True)
            run.require(equal, f"{criterion!r}, {how}, gives another loss")
        run.require(criterion != criterion_of(case, "mean"), f"{criterion!r} is equal to the one with reduction mean")
        for name in ("loss", "reduction", "parameters", "anything"):
            run.require(is_read_only(criterion, name), f"{criterion!r}: its attribute {name} can be set")


def create(loss: Loss, *, reduction: str = "mean", **parameters: Any) -> Criterion:
    """Make a criterion of a loss that need not be installed."""
    return Criterion(loss, reduction, parameters)


def from_config(criterion: Criterion) -> Criterion:
    """Make a criterion from the config of another; the loss is found by its name if it is installed under it."""
    config = dict(criterion.config)
    name = config.pop("name")
    installed = name in losses.names() and losses.get(name) is criterion.loss
    return create(losses.get(name) if installed else criterion.loss, **config)


def from_repr(criterion: Criterion) -> Criterion:
    """Make a criterion from the repr of another."""

    class Namespace:
        """Stand-in for the module lossreg, which finds this loss whether or not it is installed."""

        @staticmethod
        def create(name: str, **given: Any) -> Criterion:
            if name != criterion.loss.name:
                raise CheckFailure(f"{criterion!r} has the name of another loss")
            return create(criterion.loss, **given)

    names = {"lossreg": Namespace, "inf": float("inf"), "nan": float("nan")}
    made: Criterion = eval(repr(criterion), names)  # noqa: S307  the repr is what is being checked
    return made


def is_read_only(criterion: Criterion, name: str) -> bool:
    """Whether an attribute cannot be set."""
    before = getattr(criterion, name, None)
    try:
        setattr(criterion, name, before)
    except AttributeError:
        return True
    return False
