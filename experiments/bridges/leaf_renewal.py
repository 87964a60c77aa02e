"""Losses without curvature in boosters: our estimators beside built-in objectives that renew their leaves.

    python experiments/bridges/leaf_renewal.py [--seeds 5] [--data tails] [--losses l1 quantile] [--hessian constant]

Each line is the mean test loss over the splits, of 100 rounds at the learning rate 0.1 with trees of depth 4 (15
leaves), and its ratio to the built-in objective's. diabetes: 442 patients, 10 features, standardised targets; tails:
3,000 rows, 8 features, noise of Student's t with 2 degrees of freedom; friedman: 2,000 rows of Friedman's first
function.
"""

import argparse

import lightgbm
import numpy as np
import xgboost
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.model_selection import train_test_split

import lossreg
from lossreg.bridges.lightgbm import LossLGBMRegressor
from lossreg.bridges.xgboost import LossXGBRegressor

LOSSES = {
    "l1": ({}, {"objective": "reg:absoluteerror"}, {"objective": "regression_l1"}),
    "quantile": (
        {"level": 0.9},
        {"objective": "reg:quantileerror", "quantile_alpha": 0.9},
        {"objective": "quantile", "alpha": 0.9},
    ),
    "huber": (
        {"delta": 0.9},
        {"objective": "reg:pseudohubererror", "huber_slope": 0.9},
        {"objective": "huber", "alpha": 0.9},
    ),
}
"""By our loss: its parameters, and what XGBoost and LightGBM have; XGBoost's is a smooth version of huber."""


def data():
    """The features and targets of each set of data."""
    x, y = load_diabetes(return_X_y=True)
    random = np.random.default_rng(0)
    wide = random.normal(size=(3000, 8))
    tails = 1.5 * wide[:, 0] + np.sin(2 * wide[:, 1]) + wide[:, 2] * wide[:, 3] + random.standard_t(2, 3000)
    return {
        "diabetes": (x, (y - y.mean()) / y.std()),
        "tails": (wide, tails),
        "friedman": make_friedman1(2000, noise=1.0, random_state=0),
    }


def main():
    """Print a line for each data set, loss and booster."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data", nargs="+", choices=list(data()), default=list(data()))
    parser.add_argument("--losses", nargs="+", choices=LOSSES, default=list(LOSSES))
    parser.add_argument("--hessian", type=lambda given: float(given) if given[0].isdigit() else given)
    options = parser.parse_args()
    seeds = options.seeds
    forest = {"n_estimators": 100, "learning_rate": 0.1, "n_jobs": 1}
    for name in options.data:
        x, y = data()[name]
        for loss in options.losses:
            parameters, *builtin = LOSSES[loss]
            makers = (
                ("XGBoost", LossXGBRegressor, xgboost.XGBRegressor, {"max_depth": 4}, builtin[0]),
                ("LightGBM", LossLGBMRegressor, lightgbm.LGBMRegressor, {"num_leaves": 15, "verbose": -1}, builtin[1]),
            )
            for library, ours, theirs, trees, own in makers:
                criterion, found = lossreg.create(loss, **parameters), []
                for seed in range(seeds):
                    rows, test, target, true = train_test_split(x, y, test_size=0.3, random_state=seed)
                    models = [ours(loss=loss, loss_parameters=parameters, hessian=options.hessian, **forest, **trees)]
                    models += [theirs(**forest, **trees, **own)]
                    found.append(
                        [float(criterion(m.fit(rows, target).predict(test).astype(float), true)) for m in models]
                    )
                one, other = np.mean(found, axis=0)
                won = sum(a <= b for a, b in found)
                print(
                    f"| {name} | {loss} | {library} | {one:.4f} | {other:.4f} | {one / other:.3f} | {won} of {seeds} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
