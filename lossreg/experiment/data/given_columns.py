"""Columns of a table that are no inputs of the network: those given to the loss, and those by which rows are split.

A config names them under `data`: `group`, `event`, `weight`, and the list `second_view` for the loss, `split_column`,
`split_group` and `split_time` for the split. They are taken out of the inputs, which works for every data set, whatever
it was read from.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import InvalidInput, listed, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from lossreg.experiment.data.table import Table

GROUP, EVENT, WEIGHT, SECOND_VIEW = "group", "event", "weight", "second_view"
GIVEN = (GROUP, EVENT, WEIGHT)
"""The settings of `data` that each name one column for the loss."""
EVENT_WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
SPLIT_COLUMN, SPLIT_GROUP, SPLIT_TIME = SPLIT_BY = ("split_column", "split_group", "split_time")
"""The settings of `data` that each name one column by which rows are split."""


def take_columns(table: Table, settings: Mapping[str, Any], names: Iterable[str]) -> Table:
    """Return the table without the columns that settings name, and the columns `names`, which are in `given` instead.

    Raises InvalidInput for a column that does not exist, or that has numbers which cannot be what it is named for.
    """
    chosen = {key: settings[key] for key in (*GIVEN, *SPLIT_BY) if settings.get(key) is not None}
    chosen |= {name: name for name in names if name in table.features}
    view = list(settings[SECOND_VIEW] or ())
    if not chosen and not view:
        return table
    if isinstance(table.inputs, np.memmap):
        raise InvalidInput(f"{next(iter([*chosen, SECOND_VIEW]))}: the columns of a memory-mapped file have no names")
    given, taken = {}, set[int]()
    for key, name in chosen.items():
        at = positions(table, key, name)
        given[key] = column_values(table, key, name, at)
        if key in SPLIT_BY and name in table.codes:
            given[key] = np.array(table.codes[name])[given[key].astype(np.intp)]
        taken |= set(at)
    of_view = [at for name in view for at in positions(table, SECOND_VIEW, name)]
    kept = [at for at in range(table.inputs.shape[1]) if at not in taken | set(of_view)]
    if not kept or (view and len(of_view) != len(kept)):
        problem = f"{SECOND_VIEW}: expected as many columns as the first view has, {len(kept)}; got {len(of_view)}"
        raise InvalidInput(problem if view else "expected columns of inputs besides those that are given to the loss")
    return replace(
        table,
        inputs=table.inputs[:, kept],
        features=tuple(table.features[at] for at in kept),
        categories={name: words for name, words in table.categories.items() if name not in chosen.values()},
        kinds={name: kind for name, kind in table.kinds.items() if name not in {*chosen.values(), *view}},
        given={key: values for key, values in given.items() if key not in SPLIT_BY},
        split_by={key: given[key] for key in SPLIT_BY if key in given},
        second_view=table.inputs[:, of_view] if view else None,
        fingerprint="",
    )


def weigh_classes(table: Table, weights: str | Mapping[str, float] | None, rows: NDArray[np.intp]) -> Table:
    """Multiply the weights of rows by those of their classes, named or balanced over some rows.

    Balanced classes have equal sums of weights, and weights of 1 on average. Raises InvalidInput for a class that the
    data do not have.
    """
    if weights is None:
        return table
    if not table.classes:
        raise InvalidInput("class_weight: the targets are real numbers; name a column of weights with weight")
    by_class = np.ones(len(table.classes), np.float32)
    if isinstance(weights, str):
        counts = np.bincount(table.targets[rows], minlength=len(table.classes))
        by_class[:] = len(rows) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    else:
        for name, weight in weights.items():
            if name not in table.classes:
                hint = nearest(name, table.classes) or f"the classes are {listed(table.classes)}"
                raise InvalidInput(f"class_weight: there is no class {name!r}; {hint}")
            by_class[table.classes.index(name)] = weight
    of_rows = by_class[table.targets]
    return replace(table, given={**table.given, WEIGHT: of_rows * table.given.get(WEIGHT, np.float32(1))})


def positions(table: Table, key: str, name: str) -> list[int]:
    """Return the positions of a column among the inputs: several, if it is one-hot encoded."""
    names = [f"{name}={word}" for word in table.categories.get(name, ())] or [name]
    if names[0] not in table.features:
        hint = nearest(name, [*table.features, *table.categories]) or f"the columns are {listed(table.features)}"
        raise InvalidInput(f"{key}: there is no column {name!r} among the inputs; {hint}")
    return [table.features.index(each) for each in names]


def event_of(name: str, word: str) -> float:
    """The event that a word stands for; raises InvalidInput for a word that may mean either."""
    if word.casefold() in EVENT_WORDS:
        return EVENT_WORDS[word.casefold()]
    raise InvalidInput(
        f"{EVENT}: column {name!r}: expected 1, true or yes for an observed event and 0, false or no for a censored "
        f"one; got {word!r}"
    )


def column_values(table: Table, key: str, name: str, at: list[int]) -> NDArray[Any]:
    """Return a column as the loss takes it: groups as integers, events as 0 and 1, weights of 0 or more."""
    words = table.categories.get(name)
    values = table.inputs[:, at[0]] if words is None else table.inputs[:, at].argmax(axis=1)
    if words is not None and key == EVENT:
        values = np.array([event_of(name, word) for word in words])[values]
    if words is not None and key == WEIGHT:
        raise InvalidInput(f"{key}: column {name!r}: expected numbers of 0 or more; got the words {listed(words)}")
    invalid = ~np.isfinite(values)
    expected = "a number in every row"
    if key == GROUP:
        invalid, expected = invalid | (values != np.round(values)), "integers, or words"
    elif key == EVENT:
        invalid, expected = (values != 0) & (values != 1), "1 for an observed event and 0 for a censored one"
    elif key == WEIGHT:
        invalid, expected = invalid | (values < 0), "numbers of 0 or more"
    if invalid.any():
        row = int(invalid.argmax())
        where = f"in {invalid.sum()} of {len(values)} rows; the first is {values[row]}, in row {row + 1}"
        raise InvalidInput(f"{key}: column {name!r}: expected {expected}; others are {where}")
    if key in SPLIT_BY:
        return np.asarray(values)
    found: NDArray[Any] = values.astype(np.int64 if key in {GROUP, EVENT} else np.float32)
    return found
