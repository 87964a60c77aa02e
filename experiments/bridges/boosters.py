"""Gradient boosting with our objectives and with the built-in ones: equal trees, and the time of training.

    python experiments/bridges/boosters.py xgboost reg:squarederror 1000000
    python experiments/bridges/boosters.py lightgbm binary 100000 --threads 2

Trees of depth 6 (31 leaves), 10 features, 100 rounds; a round of each in turns, so that both meet the same
disturbances. The line says how many of the trees have the same splits, the largest difference of the scores, the median
milliseconds of a round with our objective and with the built-in one, and the ratio: of all rounds, and of the median
pair of rounds.
"""

import argparse
import time

import numpy as np

import lossreg

LOSSES = {
    "reg:squarederror": ("mse", {}, {}),
    "binary:logistic": ("bce_with_logits", {}, {}),
    "count:poisson": ("poisson_nll", {}, {"max_delta_step": 0.7}),
    "reg:tweedie": ("tweedie", {"power": 1.5}, {"tweedie_variance_power": 1.5}),
    "reg:pseudohubererror": ("pseudo_huber", {"delta": 3.0}, {"huber_slope": 3.0}),
    "reg:pseudohubererror of slope 1": ("pseudo_huber", {"delta": 1.0}, {"huber_slope": 1.0, "eta": 0.1}),
    "multi:softprob": ("cross_entropy", {}, {"num_class": 3}),
    "regression": ("mse", {}, {}),
    "binary": ("bce_with_logits", {}, {}),
    "poisson": ("poisson_nll", {}, {}),
    "tweedie": ("tweedie", {"power": 1.5}, {"tweedie_variance_power": 1.5}),
    "huber": ("huber", {"delta": 0.9}, {"alpha": 0.9}),
    "multiclass": ("cross_entropy", {}, {"num_class": 3}),
}
"""By the objective's name: our loss, its parameters, and those of the booster."""


def data(loss, rows):
    """Features and targets."""
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, 10)).astype(np.float32)
    signal = 1.5 * x[:, 0] + np.sin(2 * x[:, 1]) + x[:, 2] * x[:, 3] + random.normal(size=rows).astype(np.float32)
    targets = {
        "bce_with_logits": lambda: (signal > 0).astype(np.float32),
        "poisson_nll": lambda: random.poisson(np.exp(0.3 * signal)).astype(np.float32),
        "tweedie": lambda: random.poisson(np.exp(0.3 * signal)).astype(np.float32) * random.random(rows).astype("f4"),
        "cross_entropy": lambda: np.digitize(signal, [-1, 1]),
    }
    return x, targets.get(loss, lambda: signal)()


def with_xgboost(builtin, threads, x, y, weight):
    """A booster with our objective and one with the built-in one: what trains a round of each, and what they became."""
    import xgboost

    from lossreg.bridges.xgboost import objective

    loss, parameters, given = LOSSES[builtin]
    made, matrix = objective(loss, hessian="builtin", **parameters), xgboost.DMatrix(x, y, weight=weight)
    common = {"max_depth": 6, "nthread": threads, "tree_method": "hist"} | given
    own = {key: value for key, value in common.items() if key not in {"tweedie_variance_power", "huber_slope"}}
    # A score that both can represent: 0 where there is a link, whose inverse is rounded otherwise.
    start = {"cross_entropy": 0.5, "mse": 0.5, "pseudo_huber": 0.5}.get(loss, 0.0)
    inverse = {"bce_with_logits": 0.5, "poisson_nll": 1.0, "tweedie": 1.0}
    theirs = common | {"objective": builtin.partition(" ")[0], "base_score": inverse.get(loss, start)}
    boosters = [xgboost.Booster(each, [matrix]) for each in (own | {"base_score": start}, theirs)]
    rounds = [
        lambda number: boosters[0].update(matrix, number, fobj=made),
        lambda number: boosters[1].update(matrix, number),
    ]

    def outcome(model):
        trees = model.trees_to_dataframe()
        return trees.Tree, trees.Feature, trees.Split, model.predict(matrix, output_margin=True)

    return rounds, lambda: map(outcome, boosters)


def with_lightgbm(builtin, threads, x, y, weight):
    """A booster with our objective and one with the built-in one: what trains a round of each, and what they became."""
    import lightgbm

    from lossreg.bridges.lightgbm import objective

    loss, parameters, given = LOSSES[builtin]
    common = {"num_leaves": 31, "verbose": -1, "num_threads": threads, "boost_from_average": False} | given
    made = objective(loss, hessian="builtin", **parameters)
    boosters = [
        lightgbm.Booster(common | {"objective": each}, lightgbm.Dataset(x, y, weight=weight))
        for each in ("custom", builtin)
    ]
    rounds = [lambda _: boosters[0].update(fobj=made), lambda _: boosters[1].update()]

    def outcome(model):
        trees = model.trees_to_dataframe()
        return trees.tree_index, trees.split_feature, trees.threshold, model.predict(x[:100_000], raw_score=True)

    return rounds, lambda: map(outcome, boosters)


def equal_trees(one, other):
    """How many trees have the same splits, and how many there are."""
    found = [0, 0]
    for tree in np.unique(one[0]):
        here, there = one[0] == tree, other[0] == tree
        same = one[1][here].tolist() == other[1][there].tolist()
        found[0] += same and np.array_equal(one[2][here].fillna(0), other[2][there].fillna(0))
        found[1] += 1
    return found


def main():
    """Train and print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=["xgboost", "lightgbm"])
    parser.add_argument("builtin", choices=LOSSES)
    parser.add_argument("rows", type=int)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--weighted", action="store_true")
    given = parser.parse_args()
    x, y = data(LOSSES[given.builtin][0], given.rows)
    weight = (np.random.default_rng(1).random(given.rows) + 0.5).astype(np.float32) if given.weighted else None
    make = with_xgboost if given.library == "xgboost" else with_lightgbm
    lossreg.set_num_threads(given.threads)
    few = slice(1000)
    for train in make(given.builtin, 1, x[few], y[few], weight if weight is None else weight[few])[0]:
        train(0)  # compiles the loss
    rounds, outcomes = make(given.builtin, given.threads, x, y, weight)
    times = [], []
    for number in range(given.rounds):
        for at in (0, 1) if number % 2 else (1, 0):
            start = time.perf_counter()
            rounds[at](number)
            times[at].append(time.perf_counter() - start)
    ours, theirs = outcomes()
    equal, all_trees = equal_trees(ours, theirs)
    difference = np.abs(ours[3] - theirs[3]).max()
    # The first round makes the bins of the features.
    own, built_in = (np.array(each[1:]) for each in times)
    name = f"{given.builtin}{', weighted' if given.weighted else ''}"
    print(
        f"| {given.library} | {name} | {given.rows:,} | {given.threads} | {equal} of {all_trees} | {difference:.1e} "
        f"| {1e3 * np.median(own):.1f} | {1e3 * np.median(built_in):.1f} | {own.sum() / built_in.sum():.2f} "
        f"| {np.median(own / built_in):.2f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
