"""Split the rows of a table at random into training, validation and test rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lossreg.errors import InvalidInput
from lossreg.experiment.data.given_columns import GROUP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lossreg.experiment.data.table import Table


def split(table: Table, fractions: Mapping[str, float], random: np.random.Generator) -> list[NDArray[np.intp]]:
    """Draw the training rows, and for each named fraction of all rows a set of other rows.

    The split is stratified: each class is divided in the same proportions, as nearly as whole rows allow, and keeps at
    least one training row. Raises InvalidInput for a fraction that gives no rows, or that leaves none for training.
    """
    rows = len(table.inputs)
    if sum(fractions.values()) >= 1:
        name, fraction = list(fractions.items())[-1]
        raise InvalidInput(f"{name}: {fraction}, together with the other sets, leaves no rows to train on")
    if GROUP in table.given:
        return split_groups(table.given[GROUP], fractions, random)
    groups = [np.arange(rows)]
    if table.classes:
        groups = [np.flatnonzero(table.targets == label) for label in range(len(table.classes))]
    remaining = [random.permutation(group) for group in groups]
    sets = []
    for name, fraction in fractions.items():
        exact = np.array([fraction * len(group) for group in groups])
        counts = np.floor(exact).astype(int)
        largest_remainders = np.argsort(counts - exact, kind="stable")[: round(fraction * rows) - counts.sum()]
        counts[largest_remainders] += 1
        counts = np.minimum(counts, [max(len(group) - 1, 0) for group in remaining])
        sets.append(np.concatenate([group[:count] for group, count in zip(remaining, counts, strict=True)]))
        remaining = [group[count:] for group, count in zip(remaining, counts, strict=True)]
        if fraction and not len(sets[-1]):
            raise InvalidInput(
                f"{name}: {fraction} of {rows} rows gives no {name} rows; give a larger fraction, or 0 to have none"
            )
    return [np.sort(each) for each in (np.concatenate(remaining), *sets)]


def split_groups(
    groups: NDArray[np.int64], fractions: Mapping[str, float], random: np.random.Generator
) -> list[NDArray[np.intp]]:
    """Draw the training rows and each named fraction, so that all rows of a group are in one set."""
    ids, members = np.unique(groups, return_inverse=True)
    order, sets, start = random.permutation(len(ids)), [], 0
    for name, fraction in fractions.items():
        count = round(fraction * len(ids))
        if fraction and not count:
            raise InvalidInput(f"{name}: {fraction} of {len(ids)} groups gives no group; give a larger fraction, or 0")
        sets.append(order[start : start + count])
        start += count
    if start >= len(ids):
        raise InvalidInput(f"{name}: {fraction}, together with the other sets, leaves no groups to train on")
    return [np.flatnonzero(np.isin(members, chosen)) for chosen in (order[start:], *sets)]
