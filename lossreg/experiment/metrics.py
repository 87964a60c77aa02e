"""Metrics: how well a network does on some rows.

`loss` is the mean of the config's loss, whatever the reduction that trains, so that runs can be compared. Labels have
`accuracy`; real targets have `r2` (averaged over the columns; nan for constant targets), `mae` and `rmse`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lossreg.experiment.task import Task

if TYPE_CHECKING:
    from lossreg.criterion import Criterion
    from lossreg.experiment.data import Part
    from lossreg.experiment.model import Network

CHUNK = 1024  # rows at a time: enough to keep the processor busy, few enough to stay in its cache


def evaluate(network: Network, criterion: Criterion, task: Task, part: Part) -> dict[str, float]:
    """Measure the loss (by a criterion that takes means) and the task's metrics over all rows of a part."""
    total = divisor = hits = absolute = 0.0
    squares = np.zeros(part.targets.shape[1:])
    for start in range(0, len(part.inputs), CHUNK):
        targets = part.targets[start : start + CHUNK]
        outputs = network.forward(part.inputs[start : start + CHUNK])
        weight = criterion.denominator(outputs, targets)
        total += float(criterion(outputs, targets)) * weight
        divisor += weight
        if task is Task.REAL:
            errors = outputs.astype(np.float64) - targets
            absolute += np.abs(errors).sum()
            squares += np.square(errors).sum(axis=0)
        elif task is Task.LABELS:
            hits += (outputs.argmax(axis=1) == targets).sum()
        else:
            hits += ((outputs > 0) == (targets > 0)).sum()
    loss = total / divisor if divisor else 0.0
    if task is not Task.REAL:
        return {"loss": loss, "accuracy": float(hits / part.targets.size)}
    spread = part.targets.var(axis=0, dtype=np.float64) * len(part.targets)
    explained = 1 - np.divide(squares, spread, out=np.full_like(squares, np.nan), where=spread > 0)
    size = part.targets.size
    return {
        "loss": loss,
        "r2": float(explained.mean()),
        "mae": float(absolute / size),
        "rmse": float(np.sqrt(squares.sum() / size)),
    }
