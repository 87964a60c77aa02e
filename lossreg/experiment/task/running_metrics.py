"""The built-in metrics over batches of examples: accuracy, precision_at_1, r2, mae and rmse, concordance and ndcg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.experiment.task.metrics import BUILT_IN
from lossreg.experiment.task.order_metrics import concordance, ndcg

if TYPE_CHECKING:
    from collections.abc import Mapping


class RunningMetrics:
    """The running sums of one kind of target, to which batches are added."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.rows = self.size = 0
        self.correct = 0
        self.absolute_errors = 0.0
        self.squared_errors: Any = 0.0
        # Sums of the targets relative to the first row: their squares lose no digits, and those of a constant are 0.
        self.origin: Any = None
        self.shifts: Any = 0.0
        self.squared_shifts: Any = 0.0
        # Of survival the times, events and risks, which are compared with those of all other batches; of lists the
        # NDCG of each group.
        self.collected: list[Any] = []

    def add(self, targets: Any, predictions: Any, beside: Mapping[str, Any]) -> None:
        """Add a batch of examples; `beside` has the events or the groups."""
        self.rows += len(targets)
        self.size += targets.size
        if self.kind == "regression":
            errors = predictions.astype(np.float64) - targets
            self.absolute_errors += np.abs(errors).sum()
            self.squared_errors += np.square(errors).sum(axis=0)
            self.origin = targets[0].astype(np.float64) if self.origin is None else self.origin
            shifted = targets - self.origin
            self.shifts += shifted.sum(axis=0)
            self.squared_shifts += np.square(shifted).sum(axis=0)
        elif self.kind == "multiclass":
            self.correct += (predictions.argmax(axis=1) == targets).sum()
        elif self.kind == "none":
            return
        elif self.kind == "survival":
            self.collected.append((targets.ravel().copy(), beside["event"], predictions.ravel().copy()))
        elif self.kind == "lists":
            self.collected.append(ndcg(beside["group"], targets.ravel(), predictions.ravel()))
        elif self.kind == "multilabel":
            self.correct += np.take_along_axis(targets, predictions.argmax(axis=1)[:, np.newaxis], axis=1).sum()
        else:
            self.correct += ((predictions > 0) == targets).sum()

    def compute(self) -> dict[str, float]:
        """The metrics over all examples added, by name."""
        if self.kind == "none":
            return {}
        if self.kind == "survival":
            return {"concordance": concordance(*map(np.concatenate, zip(*self.collected, strict=True)))}
        if self.kind == "lists":
            found = np.concatenate(self.collected)
            return {"ndcg": float(found.mean()) if len(found) else float("nan")}
        if self.kind != "regression":
            counted = self.rows if self.kind == "multilabel" else self.size
            return {BUILT_IN[self.kind][0]: float(self.correct / counted)}
        variation = self.squared_shifts - np.square(self.shifts) / self.rows
        varies = self.squared_shifts > 0
        explained = 1 - self.squared_errors[varies] / variation[varies]
        return {
            "r2": float(explained.mean()) if varies.any() else float("nan"),
            "mae": float(self.absolute_errors / self.size),
            "rmse": float(np.sqrt(self.squared_errors.sum() / self.size)),
        }
