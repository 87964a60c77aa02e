"""Leaf renewal in LightGBM: a callback gives the leaves of each tree other values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lossreg.bridges.boosting.leaf_renewal import LeafRenewal

    Array = np.ndarray[Any, Any]


class RenewedLightGBMLeaves:
    """A callback of LightGBM that renews the leaves of each tree, and the evaluation of that round."""

    order = 0
    """Before the callbacks that stop early, record and print."""

    def __init__(self, renewal: LeafRenewal) -> None:
        self.renewal = renewal

    def __call__(self, env: Any) -> None:
        """Renew the last tree, if LightGBM has found one."""
        booster, tree = env.model, len(self.renewal.values)

        def leaf_of(data: Any) -> Array:
            found = booster.predict(data, pred_leaf=True, start_iteration=tree, num_iteration=1)
            return np.asarray(found, np.int64).ravel()

        if booster.num_trees() > tree:
            for leaf, value in enumerate(self.renewal.renew(leaf_of, env.params["learning_rate"])):
                booster.set_leaf_output(tree, leaf, value)
        found = env.evaluation_result_list
        if found:
            # LightGBM adds a metric of its own, of the scores that it keeps.
            own = [each for each in found if each[1] == self.renewal.objective.metric_name]
            found[:] = [with_value(each, loss) for each, loss in zip(own, self.renewal.losses(), strict=True)]


def with_value(result: Any, value: float) -> Any:
    """An evaluation result with another value; named tuples are new in LightGBM 4.7."""
    fields = *result[:2], value, *result[3:]
    return fields if type(result) is tuple else type(result)(*fields)
