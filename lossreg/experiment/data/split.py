"""Split the rows of a table into training, validation and test rows: at random, by column, group or time, or in folds.

At random, a split is stratified: each class is divided in the same proportions, as nearly as whole rows allow, and
keeps at least one training row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import InvalidInput, listed
from lossreg.experiment.data.given_columns import GROUP, SPLIT_COLUMN, SPLIT_GROUP, SPLIT_TIME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lossreg.experiment.data.table import Table

PARTS = ("train", "test", "validation")
"""The parts of a split, and the words that a column has for them."""


def split_table(table: Table, settings: Mapping[str, Any], random: np.random.Generator) -> dict[str, NDArray[np.intp]]:
    """Split a table as the settings of its data say; returns the rows of each of PARTS, in their order.

    Raises InvalidInput for a split that leaves a part without rows, and for a group with rows in several parts.
    """
    by, folds = table.split_by, settings["folds"]
    fractions = {name: 0.0 if isinstance(settings[name], str) else settings[name] for name in PARTS[1:]}
    if SPLIT_COLUMN in by:
        parts = rows_by_word(by[SPLIT_COLUMN])
    elif folds:
        parts = fold_rows(table, folds, settings["fold"], fractions["validation"], random)
    elif SPLIT_TIME in by:
        parts = latest_rows(by[SPLIT_TIME], fractions)
    else:
        parts = dict(zip(("train", *fractions), split(table, fractions, random), strict=True))
    if SPLIT_GROUP in by:
        check_groups(by[SPLIT_GROUP], parts)
    return parts


def split(table: Table, fractions: Mapping[str, float], random: np.random.Generator) -> list[NDArray[np.intp]]:
    """Draw the training rows, and for each named fraction of all rows a set of other rows.

    Raises InvalidInput for a fraction that gives no rows, or that leaves none for training.
    """
    if sum(fractions.values()) >= 1:
        name, fraction = list(fractions.items())[-1]
        raise InvalidInput(f"{name}: {fraction}, together with the other sets, leaves no rows to train on")
    groups = groups_of(table)
    if groups is not None:
        return split_groups(groups, fractions, random)
    strata = strata_of(table, np.arange(len(table.inputs)))
    return draw(strata, {name: (fraction, len(table.inputs)) for name, fraction in fractions.items()}, random)


def strata_of(table: Table, rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Some rows by their class, or together if there are no classes."""
    if not table.classes:
        return [rows]
    return [rows[table.targets[rows] == label] for label in range(len(table.classes))]


def groups_of(table: Table) -> Any:
    """The group of each row, if rows of one group stay together."""
    return table.split_by.get(SPLIT_GROUP, table.given.get(GROUP))


def draw(
    strata: list[NDArray[np.intp]], sizes: Mapping[str, tuple[float, int]], random: np.random.Generator
) -> list[NDArray[np.intp]]:
    """Draw rows of each stratum: for each name a fraction, of a number of rows; the remaining rows come first."""
    remaining = [random.permutation(stratum) for stratum in strata]
    total = sum(map(len, strata))
    sets = []
    for name, (fraction, rows) in sizes.items():
        exact = np.array([fraction * rows / total * len(stratum) for stratum in strata])
        counts = np.floor(exact).astype(int)
        largest_remainders = np.argsort(counts - exact, kind="stable")[: round(fraction * rows) - counts.sum()]
        counts[largest_remainders] += 1
        counts = np.minimum(counts, [max(len(stratum) - 1, 0) for stratum in remaining])
        sets.append(np.concatenate([stratum[:count] for stratum, count in zip(remaining, counts, strict=True)]))
        remaining = [stratum[count:] for stratum, count in zip(remaining, counts, strict=True)]
        if fraction and not len(sets[-1]):
            raise InvalidInput(
                f"{name}: {fraction} of {rows} rows gives no {name} rows; give a larger fraction, or 0 to have none"
            )
    return [np.sort(each) for each in (np.concatenate(remaining), *sets)]


def split_groups(
    groups: NDArray[Any], fractions: Mapping[str, float], random: np.random.Generator
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


def rows_by_word(words: NDArray[Any]) -> dict[str, NDArray[np.intp]]:
    """The rows of each part, as a column names it."""
    unknown = [str(word) for word in np.unique(words) if str(word).casefold() not in PARTS]
    if unknown:
        raise InvalidInput(f"{SPLIT_COLUMN}: expected the words {listed(PARTS)} in the column; got {unknown[0]!r}")
    lower = np.char.lower(words.astype(str))
    parts = {name: np.flatnonzero(lower == name) for name in PARTS}
    if not len(parts["train"]):
        raise InvalidInput(f"{SPLIT_COLUMN}: no row has the word train")
    return parts


def latest_rows(times: NDArray[Any], fractions: Mapping[str, float]) -> dict[str, NDArray[np.intp]]:
    """Test rows are later than all others, and training rows earlier; rows of one time are in one part."""
    if times.dtype.kind not in "if":
        raise InvalidInput(f"{SPLIT_TIME}: expected numbers or dates, got words such as {str(times[0])!r}")
    order = np.sort(times)
    parts, rest = {}, np.ones(len(times), np.bool_)
    for name, fraction in fractions.items():
        taken = np.zeros_like(rest)
        if fraction:
            remaining = order[: int(rest.sum())]
            taken = rest & (times >= remaining[len(remaining) - max(round(fraction * len(times)), 1)])
        parts[name], rest = np.flatnonzero(taken), rest & ~taken
    if not rest.any():
        raise InvalidInput(f"{SPLIT_TIME}: too few different times: no rows to train on are earlier than the others")
    return {"train": np.flatnonzero(rest), **parts}


def fold_rows(
    table: Table, folds: int, fold: int, validation: float, random: np.random.Generator
) -> dict[str, NDArray[np.intp]]:
    """The rows of one of several folds (from 1) are test rows; the seed alone decides on the folds.

    Folds are stratified by class, or have each group in one of them.
    """
    numbers, groups, count = np.empty(len(table.inputs), np.intp), groups_of(table), len(table.inputs)
    if groups is not None:
        _, members, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        filled, count = np.zeros(folds, np.intp), len(sizes)
        fold_of_group = np.empty(len(sizes), np.intp)
        shuffled = random.permutation(len(sizes))
        for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:  # the largest first, into the smallest fold
            fold_of_group[group] = filled.argmin()
            filled[fold_of_group[group]] += sizes[group]
        numbers = fold_of_group[members]
    else:
        strata = [random.permutation(stratum) for stratum in strata_of(table, np.arange(count))]
        numbers[np.concatenate(strata)] = np.arange(count) % folds
    if folds > count:
        raise InvalidInput(f"folds: {folds} folds of {count} {'rows' if groups is None else 'groups'} leave some empty")
    is_test = numbers == fold - 1
    others = np.flatnonzero(~is_test)
    if groups is not None:
        train, held = split_groups(groups[others], {"validation": validation}, random)
        rest = [others[train], others[held]]
    else:
        rest = draw(strata_of(table, others), {"validation": (validation, len(table.inputs))}, random)
    return {"train": rest[0], "test": np.flatnonzero(is_test), "validation": rest[1]}


def check_groups(groups: NDArray[Any], parts: Mapping[str, NDArray[np.intp]]) -> None:
    """Raise InvalidInput for a group that has rows in several parts."""
    names = [name for name in PARTS if len(parts[name])]
    for at, name in enumerate(names):
        for other in names[at + 1 :]:
            shared = np.intersect1d(groups[parts[name]], groups[parts[other]])
            if len(shared):
                raise InvalidInput(
                    f"{SPLIT_GROUP}: {len(shared)} groups have rows in both {name} and {other}, so that results on "
                    f"{other} would not be honest; the first is {shared[0]}"
                )
