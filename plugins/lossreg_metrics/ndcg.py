"""Normalised discounted cumulative gain: how far up the ranking what is relevant stands.

    DCG / DCG of the best ranking,    DCG = sum_r gain_r / log2(r + 1),    over the ranks r, from 1, of the scores

Of rows in groups it is the mean over the groups that have a relevance above 0, with gain 2^relevance - 1 and the mean
gain for rows of equal score. Of classes it is the mean over rows, each of which ranks the classes, with gain 1 for its
own; computed by `sklearn.metrics.ndcg_score`.
Source: Burges et al. (2005), doi:10.1145/1102351.1102363.
"""

from typing import Any

from lossreg.plugin import Metric, grouped_ndcg, hookimpl, indicator_matrix, metric, scikit_learn_metric


@metric("lists", "multiclass", "multilabel", higher_is_better=True)
def ndcg(targets: Any, predictions: Any, group: Any) -> float:
    if group is None:
        return scikit_learn_metric("ndcg_score", indicator_matrix(targets, predictions), predictions)
    found = grouped_ndcg(group, targets, predictions)
    return float(found.mean()) if len(found) else float("nan")


@hookimpl
def lossreg_component() -> Metric:
    return ndcg
