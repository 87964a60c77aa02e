"""Which losses can be trained by a score of each row or class, as boosters and linear models have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossreg.definition.domains import SIGN
from lossreg.definition.roles import Role
from lossreg.definition.signature import COUPLED_GROUPS
from lossreg.errors import InvalidParameter, listed

if TYPE_CHECKING:
    from lossreg.definition.loss import Loss

LARGEST = 1e6
"""A score that a loss has to take, and the largest one that is looked for as a constant of least loss."""


def check_losses(terms: list[Loss]) -> bool:
    """Whether losses take a score for each class; raises InvalidParameter if their scores or labels differ."""
    kinds = {(check_loss(term), term.inputs[1].domain is SIGN, term.forms[0].couples): term.name for term in terms}
    if len(kinds) > 1:
        raise InvalidParameter(f"the terms of a sum take the same scores and labels, unlike {listed(kinds.values())}")
    return next(iter(kinds))[0]


def check_loss(loss: Loss) -> bool:
    """Whether a loss takes a score for each class; raises InvalidParameter for one that takes no scores of rows."""
    form = loss.forms[0]
    inputs = form.inputs
    if form.couples == COUPLED_GROUPS and [entry.role for entry in inputs[2:]] == [Role.GROUP]:
        return False
    if form.by_batch or len(form.default_wrt) != 1 or form.default_wrt[0] != inputs[0].name:
        names = ", ".join(entry.name for entry in inputs)
        raise InvalidParameter(f"{loss.name} takes ({names}); a booster has one score for each row or class")
    if len([entry for entry in inputs if not entry.optional]) > 2 and not any(entry.is_target for entry in inputs[:2]):  # noqa: PLR2004
        raise InvalidParameter(f"{loss.name} takes more than scores and targets")
    domain = inputs[0].domain
    if not (domain.contains(-LARGEST) and domain.contains(LARGEST)):
        message = f"{loss.name} takes predictions {domain.description}"
        raise InvalidParameter(f"{message}, but the scores of a booster may be any numbers")
    by_classes = inputs[0].axis is not None
    if by_classes and inputs[1].axis is not None:
        raise InvalidParameter(f"{loss.name} takes a row of targets; a booster has one label for each row")
    return by_classes
