"""Train each family's config, the same with the family's usual loss, and a constant; print the table of README.md.

python experiments/families/compare.py --write
"""  # noqa: INP001  a script

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

import lossreg
from lossreg.plugin import grouped_ndcg

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
DOCUMENT = Path(__file__).with_name("README.md")
START, END = "<!-- families -->\n", "<!-- /families -->"
SEEDS = range(4)

Array = np.ndarray[Any, Any]
Columns = dict[str, Array]


def middle_box(columns: Columns) -> float:
    """One less the shared part of the true boxes and the box of the median edges."""
    boxes = np.column_stack([columns[name] for name in ("x1", "y1", "x2", "y2")])
    return float(lossreg.create("iou")(np.broadcast_to(np.median(boxes, 0), boxes.shape).copy(), boxes))


def equal_scores(columns: Columns) -> float:
    """The normalised gain of equal scores."""
    return float(grouped_ndcg(columns["group"], columns["relevance"], np.zeros(len(columns["group"]))).mean())


def one_class(labels: Array) -> float:
    """The macro F1 score of the most frequent class."""
    share = np.bincount(labels).max() / len(labels)
    return float(2 * share / (1 + share) / len(np.unique(labels)))


def constant_quantile(targets: Array) -> float:
    """The pinball loss of the best constant at 0.9."""
    error = targets - np.quantile(targets, 0.9)
    return float(np.maximum(0.9 * error, -0.1 * error).mean())


def all_targets(targets: Array) -> float:
    """The continuous ranked probability score of all targets as the prediction: half their mean distance."""
    return float(abs(targets[:, np.newaxis] - targets).mean() / 2)


def deviation(targets: Array) -> float:
    """The median distance to the median."""
    return float(np.median(abs(targets - np.median(targets))))


@dataclass(frozen=True)
class Family:
    """A config, its metric, the same metric of the usual loss, and the constant of a data set to compare with."""

    name: str
    config: str
    metric: str
    usual: str
    change: dict[str, Any]
    usual_metric: str
    constant: Callable[[Columns], float]
    data: str
    more: dict[str, Any] = field(default_factory=dict)
    convert: Callable[[float], float] = float
    """The metric of the family, from that of the usual loss."""


FAMILIES = (
    Family(
        "boxes: 1 - IoU",
        "boxes_giou",
        "test_loss_iou",
        "`l1`",
        {"loss": "l1"},
        "test_loss_iou",
        middle_box,
        "boxes.csv",
    ),
    Family(
        "ranking of groups: NDCG",
        "diabetes_list_mle",
        "test_ndcg",
        "`mse`",
        {"loss": [{"name": "list_mle", "factor": 0.0}, "mse"]},
        "test_ndcg",
        equal_scores,
        "diabetes.csv",
    ),
    *(
        Family(
            "survival: concordance",
            config,
            "test_concordance",
            "`mse` of the times",
            {"loss": [{"name": "cox", "factor": 0.0}, "mse"], "optimizer": {"name": "adam", "lr": 2.0}},
            "test_concordance",
            lambda _: 0.5,
            "diabetes.csv",
            convert=lambda concordance: 1 - concordance,  # the prediction is a time, and not a risk
        )
        for config in ("diabetes_cox", "diabetes_aft")
    ),
    Family(
        "ordered classes: Cohen's kappa",
        "diabetes_coral",
        "test_cohen_kappa",
        "`cross_entropy`",
        {"loss": "cross_entropy"},
        "test_cohen_kappa",
        lambda _: 0.0,
        "diabetes.csv",
    ),
    Family(
        "ranking of two classes: area under the ROC curve",
        "diabetes_auc",
        "test_roc_auc",
        "`bce_with_logits`",
        {"loss": "bce_with_logits"},
        "test_roc_auc",
        lambda _: 0.5,
        "diabetes.csv",
    ),
    Family(
        "images: macro F1",
        "digits_dice",
        "test_f1_macro",
        "`multilabel_soft_margin`",
        {"loss": "multilabel_soft_margin"},
        "test_f1_macro",
        lambda columns: one_class(columns["target"]),
        "digits",
    ),
    Family(
        "sums: macro F1",
        "digits_dice_cross_entropy",
        "test_f1_macro",
        "`dice`",
        {"loss": {"name": "dice", "over": "batch"}},
        "test_f1_macro",
        lambda columns: one_class(columns["target"]),
        "digits",
        {"metrics": ["f1_macro"]},
    ),
    Family(
        "regression: pinball loss at 0.9",
        "diabetes_quantile",
        "test_loss",
        "`mse`",
        {"loss": "mse", "report": [{"name": "quantile", "level": 0.9}]},
        "test_loss_quantile",
        lambda columns: constant_quantile(columns["target"]),
        "diabetes",
    ),
    Family(
        "distributions: continuous ranked probability score",
        "diabetes_ensemble",
        "test_loss",
        "`mse`, a single number",
        {"loss": "mse", "model": {"name": "mlp", "hidden": [16]}},
        "test_mae",
        lambda columns: all_targets(columns["target"]),
        "diabetes",
    ),
    Family(
        "reductions: median absolute error",
        "diabetes_trimmed",
        "test_median_absolute_error",
        "the mean of `mse`",
        {"reduction": "mean"},
        "test_median_absolute_error",
        lambda columns: deviation(columns["mistyped"]),
        "diabetes.csv",
        {"metrics": ["median_absolute_error"]},
    ),
)


def train(family: Family, changes: dict[str, Any], metric: str, folder: str) -> tuple[float, float]:
    """The mean of a metric over the seeds, and the seconds of one run."""
    import yaml

    content = yaml.safe_load((ROOT / "configs" / f"{family.config}.yaml").read_text("utf-8"))
    found, started = [], perf_counter()
    for seed in SEEDS:
        result = lossreg.run(
            {**content, **family.more, **changes, "seed": seed}, root=folder, progress=lossreg.Progress()
        )
        found.append(result.final[metric])
    return fmean(found), (perf_counter() - started) / len(SEEDS)


def columns_of(data: str) -> Columns:
    """The target of a data set of scikit-learn, or the columns of a file."""
    from sklearn import datasets

    if data.endswith(".csv"):
        table = np.genfromtxt(ROOT / "configs" / "data" / data, delimiter=",", names=True)
        return {name: table[name] for name in table.dtype.names or ()}
    return {"target": getattr(datasets, f"load_{data}")(return_X_y=True)[1]}


def table() -> str:
    """The table, a row for each family."""
    rows = [
        "| family and metric | config | constant | usual loss | | this loss | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for each in FAMILIES:
            ours, seconds = train(each, {}, each.metric, folder)
            usual, _ = train(each, each.change, each.usual_metric, folder)
            cells = (
                each.name,
                f"`{each.config}`",
                f"{each.constant(columns_of(each.data)):.4g}",
                each.usual,
                f"{each.convert(usual):.4g}",
                f"{ours:.4g}",
            )
            rows.append(f"| {' | '.join(cells)} | {seconds:.1f} |")
            sys.stdout.write(rows[-1] + "\n")
            sys.stdout.flush()
    return "\n".join(rows) + "\n"


def main() -> None:
    """Train, and with --write put the table into README.md."""
    found = table()
    if "--write" in sys.argv:
        before, _, rest = DOCUMENT.read_text("utf-8").partition(START)
        DOCUMENT.write_text(before + START + found + END + rest.partition(END)[2], "utf-8")


if __name__ == "__main__":
    main()
