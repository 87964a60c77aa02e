"""Gradient boosting by LightGBM: trees fitted to the derivatives of the registered loss.

    outputs(x) = start + sum over rounds r of tree_r(x),    where start is the constant of least loss

Each epoch is a round of boosting, so that `train.epochs` is the number of rounds; a config with this model has no
optimizer. Losses of one score for each row, or each class, can be trained. A resumed run has the same trees as one that
was not stopped, unless `options` draw random numbers, such as bagging_fraction; a note of the run says so. The model is
kept in LightGBM's text format.

`hessian` stands for the second derivative of the loss: a number, or the name of one that the loss offers. A loss
without curvature, such as hinge, needs a number. `options` are further parameters of LightGBM, such as {max_bin: 64},
by its own names rather than aliases. `threads` is how many threads it uses.
Source: Ke et al. (2017), "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NeurIPS.
"""

from typing import Any

from lossreg.plugin import (
    BoostedNetwork,
    InvalidInput,
    InvalidParameter,
    Model,
    NonNegative,
    NonNegativeInteger,
    Positive,
    PositiveInteger,
    ScoreObjective,
    Tree,
    hookimpl,
    model,
    with_options,
)

CATEGORICAL, MISSING, MISSING_ZERO = 1, 12, 4
"""In LightGBM's decision_type: the bit of a split by category, the mask of how missing numbers are found, and the value
under that mask where zeros count as missing."""
ZERO = 1.0000000180025095e-35
"""The largest number that LightGBM counts as 0."""


@model
def lightgbm(
    inputs: int,
    outputs: int,
    random: Any,
    criterion: Any,
    *,
    learning_rate: Positive = 0.1,
    num_leaves: PositiveInteger = 31,
    min_data_in_leaf: NonNegativeInteger = 20,
    lambda_l2: NonNegative = 0.0,
    hessian: Positive | str | None = None,
    options: dict[str, int | float | bool | str] | None = None,
    threads: PositiveInteger = 1,
) -> BoostedNetwork:
    own = {
        "learning_rate": learning_rate,
        "num_leaves": num_leaves,
        "min_data_in_leaf": min_data_in_leaf,
        "lambda_l2": lambda_l2,
        "num_threads": threads,
        "num_class": outputs,
        "seed": int(random.integers(2**31)),
        "deterministic": True,
        "force_row_wise": True,
        "feature_pre_filter": False,  # which would leave no feature of a small table
        "verbosity": -1,
    }
    parameters = with_options(
        own, options, ("objective", "boosting", "boosting_type", "force_col_wise", "linear_tree", "num_iterations")
    )
    objective = ScoreObjective(criterion.loss, hessian, criterion.parameters, {})
    if options:
        check_options(LightGBMTrees(parameters), inputs, outputs, [*options])
    return BoostedNetwork(objective, LightGBMTrees(parameters), outputs)


def check_options(trees: "LightGBMTrees", inputs: int, outputs: int, names: list[str]) -> None:
    """Grow trees of a few rows; raises InvalidParameter for options that LightGBM refuses or does not have."""
    import re

    from lightgbm.basic import LightGBMError
    from numpy import arange, float32, ones

    rows = arange(100 * inputs, dtype=float32).reshape(100, inputs)
    derivatives = ones((100, outputs), float32)
    try:
        trees.grow(rows, derivatives, derivatives)
    except LightGBMError as error:
        raise InvalidParameter(f"options: LightGBM refuses them: {error}") from error
    known = re.findall(r"^\[(\w+): ", trees.dump().decode(), re.MULTILINE)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InvalidParameter(f"options: LightGBM has no parameter {', '.join(unknown)}")


class LightGBMTrees:
    """The trees of a booster of LightGBM."""

    strict = False

    def __init__(self, parameters: dict[str, Any]) -> None:
        self.parameters = parameters
        self.booster: Any = None
        self._training: Any = None  # the inputs that trees are fitted to, while the booster can be continued

    @property
    def rounds(self) -> int:
        """The number of rounds."""
        return self.booster.current_iteration() if self.booster else 0

    @property
    def random_options(self) -> list[str]:
        """The options that draw random numbers."""
        return [
            name
            for name in self.parameters
            if any(part in name for part in ("sample", "bagging", "fraction", "extra_trees", "rounding"))
        ]

    def grow(self, inputs: Any, grad: Any, hess: Any) -> None:
        """Add a round of trees; raises InvalidInput if there is no split to add."""
        from lightgbm import Dataset, train
        from numpy import zeros

        def objective(*_: Any) -> tuple[Any, Any]:
            return (grad, hess) if grad.shape[1] > 1 else (grad[:, 0], hess[:, 0])

        before = self.rounds
        if self._training is inputs:
            self.booster.update(fobj=objective)
        else:
            rows = Dataset(inputs, zeros(len(inputs)), params=self.parameters, free_raw_data=False)
            parameters = {**self.parameters, "objective": objective}
            self.booster = train(parameters, rows, 1, init_model=self.booster, keep_training_booster=True)
            self._training = inputs
        if self.rounds == before:  # a run that waited for another round would never end
            raise InvalidInput(
                f"lightgbm: no split lowers the loss after round {before}, where each leaf has at least "
                f"{self.parameters['min_data_in_leaf']} rows (min_data_in_leaf); lower that, or set train.epochs to "
                f"{before}"
            )

    def sums(self, inputs: Any, rounds: slice) -> Any:
        """The sum of the trees of some rounds."""
        return self.booster.predict(
            inputs,
            raw_score=True,
            start_iteration=rounds.start,
            num_iteration=rounds.stop - rounds.start,
            num_threads=self.parameters["num_threads"],
        )

    def trees(self) -> list[Tree]:
        """All trees, from the model as text."""
        from re import findall

        from numpy import array, concatenate, float64, full, inf, int64, nextafter, where, zeros

        def numbers(section: str, name: str, kind: Any) -> Any:
            return array(
                [each for text in findall(rf"\n{name}=(.*)", section) for each in text.split()], float64
            ).astype(kind)

        found = []
        text = self.dump().decode().partition("\nend of trees")[0]
        for number, section in enumerate(text.split("\nTree=")[1:]):
            leaves, decisions = numbers(section, "leaf_value", float64), numbers(section, "decision_type", int64)
            if (decisions & CATEGORICAL).any() or ((decisions & MISSING) == MISSING_ZERO).any():
                raise InvalidInput("trees with splits by category, or by whether a number is 0, cannot be exported")
            # Splits come before leaves, of which leaf n is the child -1 - n.
            splits = len(decisions)
            children = (numbers(section, f"{side}_child", int64) for side in ("left", "right"))
            left, right = (
                concatenate([where(at < 0, splits - 1 - at, at), zeros(len(leaves), int64)]) for at in children
            )
            features = concatenate([numbers(section, "split_feature", int64), full(len(leaves), -1)])
            # Numbers as near to 0 as ZERO count as 0, so that -ZERO itself is not below a threshold of -ZERO.
            thresholds = numbers(section, "threshold", float64)
            thresholds = where(thresholds == -ZERO, nextafter(-ZERO, -inf), thresholds)
            values = concatenate([thresholds, leaves])
            found.append(Tree(number % self.parameters["num_class"], features, values, left, right))
        return found

    def dump(self) -> bytes:
        """The model as text."""
        return self.booster.model_to_string(num_iteration=-1).encode() if self.booster else b""

    def load(self, content: bytes) -> None:
        """Replace the trees by those of a dump."""
        from lightgbm import Booster
        from lightgbm.basic import LightGBMError

        self._training = None
        try:
            self.booster = Booster(model_str=content.decode()) if content else None
        except (LightGBMError, UnicodeDecodeError, ValueError) as error:
            raise InvalidInput(f"LightGBM cannot read its trees: {error}") from error


@hookimpl
def lossreg_component() -> Model:
    return lightgbm
