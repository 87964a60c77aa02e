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
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

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

    @property
    def rows(self) -> int:
        """How many rows one example compares."""
        return {Task.RANKING: 2, Task.PAIRS: 2, Task.TRIPLETS: 3}.get(self, 1)


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


def task_of(predictions: tuple[Input, ...], target: Input | None) -> Task | None:
    """The task of a loss with these inputs, or None if there is none."""
    first, by_row = predictions[0], predictions[0].axis is not None
    same = sum((entry.domain, entry.axis) == (first.domain, first.axis) for entry in predictions)
    if same == len(predictions):
        task = SEVERAL_ROWS.get((first.domain, by_row, same, target.domain if target else None))
        if task:
            return task
    if target is None or same > 1 or by_row != (target.axis is not None or target.role is Role.LABEL):
        return None
    decisive = first if target.domain is REAL else target
    return ONE_ROW.get((decisive.domain, target.axis is not None))
