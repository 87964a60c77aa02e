"""The tasks: what the targets of a loss are, found from the domains of the loss's inputs and never from its name.

Several predictions of one domain mean that the loss compares as many rows, each of which goes through the network:

rows  predictions      target                      task           targets of the data
1     numbers          Real, NonNegative, ...      REGRESSION     real numbers
1     numbers          Unit                        BINARY         two classes, or numbers from 0 to 1
1     numbers          Sign                        SIGNED_BINARY  two classes
1     a row            ClassIndex                  CLASSIFICATION classes
1     a row            row of Unit, PaddedClassIndex    MULTILABEL     classes, or columns of 0 and 1
1     probabilities    Real, Probability           DISTRIBUTION   classes, or columns that sum to 1
2     numbers          Sign                        RANKING        a real number, or two classes
2     rows, distance   Sign                        PAIRS          classes
3     rows             none                        TRIPLETS       classes
2     rows, one a view none                        VIEWS          classes, or a second view of each row
1     numbers          any, beside groups          LISTS          real numbers: relevances of rows in groups
1     numbers          a time                      SURVIVAL       real numbers, and whether each is an event
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from lossreg.definition.annotations import ANY_AXES
from lossreg.definition.domains import (
    CLASS_INDEX,
    DISSIMILARITY,
    LOG_PROBABILITY,
    NON_NEGATIVE,
    PADDED_CLASS_INDEX,
    POSITIVE,
    PROBABILITY,
    REAL,
    SIGN,
    UNIT,
)
from lossreg.definition.roles import Role
from lossreg.definition.signature import SAMPLES

if TYPE_CHECKING:
    from lossreg.definition.signature import Input


class Task(Enum):
    """A kind of target; the value names it in messages."""

    REGRESSION = "real targets"
    BINARY = "two classes, encoded as 0 and 1"
    SIGNED_BINARY = "two classes, encoded as -1 and 1"
    CLASSIFICATION = "class labels"
    MULTILABEL = "several labels for each row"
    DISTRIBUTION = "probabilities of classes"
    RANKING = "pairs of rows of which one ranks higher"
    PAIRS = "pairs of rows of the same class or of different classes"
    TRIPLETS = "triplets of rows of which two have the same class"
    VIEWS = "two views of each row, or two rows of the same class"
    LISTS = "relevances of rows in groups"
    SURVIVAL = "times until an event"

    @property
    def rows(self) -> int:
        """How many rows one example compares."""
        return {Task.RANKING: 2, Task.PAIRS: 2, Task.VIEWS: 2, Task.TRIPLETS: 3}.get(self, 1)


ONE_ROW = {
    (REAL, False): Task.REGRESSION,
    (REAL, True): Task.REGRESSION,
    (NON_NEGATIVE, False): Task.REGRESSION,
    (POSITIVE, False): Task.REGRESSION,
    (UNIT, False): Task.BINARY,
    (SIGN, False): Task.SIGNED_BINARY,
    (CLASS_INDEX, False): Task.CLASSIFICATION,
    (UNIT, True): Task.MULTILABEL,
    (PADDED_CLASS_INDEX, True): Task.MULTILABEL,
    (PROBABILITY, False): Task.DISTRIBUTION,
    (PROBABILITY, True): Task.DISTRIBUTION,
    (LOG_PROBABILITY, False): Task.DISTRIBUTION,
    (LOG_PROBABILITY, True): Task.DISTRIBUTION,
}
"""The task by the domain of the target (that of the prediction, if the target is Real), and whether it is a row."""

SEVERAL_ROWS = {
    (REAL, False, 2, SIGN): Task.RANKING,
    (REAL, True, 2, SIGN): Task.PAIRS,
    (DISSIMILARITY, False, 1, SIGN): Task.PAIRS,
    (REAL, True, 3, None): Task.TRIPLETS,
}
"""The task by the domain of the predictions, whether they are rows, how many there are, and the target's domain."""


def is_row(entry: Input) -> bool:
    """Whether an input has a row of numbers for each sample."""
    return entry.axis is not None or any(axis not in {SAMPLES, ANY_AXES} for axis in entry.axes)


def task_of(predictions: tuple[Input, ...], target: Input | None, others: tuple[Input, ...] = ()) -> Task | None:
    """The task of a loss with these inputs, or None if there is none; `others` come from the data as well."""
    roles = {entry.role for entry in (*predictions, *others, *([target] if target else []))}
    for role, special, count in (
        (Role.GROUP, Task.LISTS, 1),
        (Role.TIME, Task.SURVIVAL, 1),
        (Role.VIEW, Task.VIEWS, 2),
    ):
        if role in roles:
            return special if len(predictions) == count and (target is None) is (special is Task.VIEWS) else None
    first, by_row = predictions[0], is_row(predictions[0])
    same = sum((entry.domain, is_row(entry)) == (first.domain, by_row) for entry in predictions)
    if same == len(predictions):
        task = SEVERAL_ROWS.get((first.domain, by_row, same, target.domain if target else None))
        if task:
            return task
    if target is None or same > 1 or (not by_row and (is_row(target) or target.role is Role.LABEL)):
        return None
    decisive = first if target.domain is REAL else target
    if by_row and not is_row(target) and target.role is not Role.LABEL:  # such as the members of an ensemble
        return Task.REGRESSION if task_of_one_row(decisive, row=False) is Task.REGRESSION else None
    return task_of_one_row(decisive, row=is_row(target))


def task_of_one_row(decisive: Input, *, row: bool) -> Task | None:
    """The task by the input that decides it; domains of one's own are of real numbers."""
    if decisive.domain.integer or any(decisive.domain is domain for domain, _ in ONE_ROW):
        return ONE_ROW.get((decisive.domain, row))
    return None if decisive.domain is SIGN else Task.REGRESSION
