"""Leaf renewal in XGBoost: a callback finds the values of leaves, and the trained model gets them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost

if TYPE_CHECKING:
    from lossreg.bridges.boosting.leaf_renewal import LeafRenewal

    Array = np.ndarray[Any, Any]

NO_CHILD = -1
"""The left child of a leaf."""


class RenewedXGBoostLeaves(xgboost.callback.TrainingCallback):  # type: ignore[misc]
    """A callback of XGBoost that finds the leaves' values of each tree, and the evaluation of that round."""

    def __init__(self, renewal: LeafRenewal) -> None:
        super().__init__()
        self.renewal = renewal

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Renew the last tree; XGBoost predicts the leaves of the first tree of a model, so that it is cut out."""
        tree = model[epoch : epoch + 1]
        trained = json.loads(model.save_config())["learner"]["gradient_booster"]["tree_train_param"]
        self.renewal.renew(
            lambda data: tree.predict(data, pred_leaf=True).astype(np.int64).ravel(), float(trained["learning_rate"])
        )
        logs = [log for log in evals_log.values() if log]
        for log, loss in zip(logs, self.renewal.losses(), strict=False):
            log[self.renewal.objective.metric_name][-1] = loss
        return False


def set_leaf_values(booster: xgboost.Booster, values: list[Array]) -> None:
    """Give the leaves of each tree other values, by the numbers of their nodes."""
    model = json.loads(booster.save_raw("json"))
    for tree, found in zip(model["learner"]["gradient_booster"]["model"]["trees"], values, strict=False):
        for node, left in enumerate(tree["left_children"]):
            if left == NO_CHILD:
                # What a node splits at is a leaf's value.
                tree["split_conditions"][node] = tree["base_weights"][node] = float(found[node])
    booster.load_model(bytearray(json.dumps(model), "utf-8"))
