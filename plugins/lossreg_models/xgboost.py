"""Gradient boosting by XGBoost: trees fitted to the derivatives of the registered loss.

    outputs(x) = start + sum over rounds r of tree_r(x),    where start is the constant of least loss

Each epoch is a round of boosting, so that `train.epochs` is the number of rounds; a config with this model has no
optimizer. Losses of one score for each row, or each class, can be trained. A resumed run has the same trees as one that
was not stopped, unless `options` draw random numbers, such as subsample; a note of the run says so. The model is kept
in XGBoost's binary JSON.

`hessian` stands for the second derivative of the loss: a number, or the name of one that the loss offers. A loss
without curvature, such as hinge, needs a number. `options` are further parameters of XGBoost, such as
{gamma: 1, max_bin: 64}. `threads` is how many threads it uses.
Source: Chen, Guestrin (2016), doi:10.1145/2939672.2939785.
"""

from typing import Any

from lossreg.plugin import (
    BoostedNetwork,
    InvalidInput,
    InvalidParameter,
    Model,
    NonNegative,
    Positive,
    PositiveInteger,
    ScoreObjective,
    Tree,
    hookimpl,
    model,
    with_options,
)


@model
def xgboost(
    inputs: int,
    outputs: int,
    random: Any,
    criterion: Any,
    *,
    learning_rate: Positive = 0.3,
    max_depth: PositiveInteger = 6,
    min_child_weight: NonNegative = 1.0,
    reg_lambda: NonNegative = 1.0,
    hessian: Positive | str | None = None,
    options: dict[str, int | float | bool | str] | None = None,
    threads: PositiveInteger = 1,
) -> BoostedNetwork:
    own = {
        "learning_rate": learning_rate,
        "max_depth": max_depth,
        "min_child_weight": min_child_weight,
        "reg_lambda": reg_lambda,
        "nthread": threads,
        "seed": int(random.integers(2**31)),
        "base_score": 0.0,
        "disable_default_eval_metric": True,
        "validate_parameters": True,
    }
    if outputs > 1:
        own["num_class"] = outputs
    parameters = with_options(
        own, options, ("objective", "booster", "eta", "lambda", "n_jobs", "random_state", "num_target")
    )
    objective = ScoreObjective(criterion.loss, hessian, criterion.parameters, {})
    if options:
        check_options(XGBoostTrees(parameters), inputs, outputs)
    return BoostedNetwork(objective, XGBoostTrees(parameters), outputs)


def check_options(trees: "XGBoostTrees", inputs: int, outputs: int) -> None:
    """Grow trees of two rows; raises InvalidParameter for options that XGBoost refuses or does not use."""
    import warnings

    from numpy import float32, ones, zeros
    from xgboost.core import XGBoostError

    rows, derivatives = zeros((2, inputs), float32), ones((2, outputs), float32)
    try:
        with warnings.catch_warnings(record=True) as messages:
            warnings.simplefilter("always")
            trees.grow(rows, derivatives, derivatives)
            trees.sums(rows, slice(0, 1))
    except XGBoostError as error:
        raise InvalidParameter(f"options: XGBoost refuses them: {first_line(error)}") from error
    unused = [str(each.message).partition("{")[2].partition("}")[0].strip() for each in messages]
    if any(unused):
        raise InvalidParameter(f"options: XGBoost has no parameter {', '.join(filter(None, unused))}")


class XGBoostTrees:
    """The trees of a booster of XGBoost."""

    strict = True

    def __init__(self, parameters: dict[str, Any]) -> None:
        self.parameters = parameters
        self.booster: Any = None
        self._training: Any = None  # the inputs that trees are fitted to, and their DMatrix

    @property
    def rounds(self) -> int:
        """The number of rounds."""
        return self.booster.num_boosted_rounds() if self.booster else 0

    @property
    def random_options(self) -> list[str]:
        """The options that draw random numbers."""
        return [name for name in self.parameters if "sampl" in name]

    def grow(self, inputs: Any, grad: Any, hess: Any) -> None:
        """Add a round of trees."""
        from xgboost import Booster, DMatrix

        if self._training is None or self._training[0] is not inputs:
            self._training = inputs, DMatrix(inputs)
        if self.booster is None:
            self.booster = Booster(self.parameters, [self._training[1]])
        grad, hess = (x if x.shape[1] > 1 else x[:, 0] for x in (grad, hess))
        self.booster.boost(self._training[1], iteration=self.rounds, grad=grad, hess=hess)

    def sums(self, inputs: Any, rounds: slice) -> Any:
        """The sum of the trees of some rounds."""
        return self.booster.inplace_predict(inputs, predict_type="margin", iteration_range=(rounds.start, rounds.stop))

    def trees(self) -> list[Tree]:
        """All trees, from the model in JSON."""
        from json import loads

        from numpy import array, float32, int64, where

        if not self.booster:
            return []
        model = loads(self.booster.save_raw("json"))["learner"]["gradient_booster"]["model"]
        found = []
        for output, tree in zip(model["tree_info"], model["trees"], strict=True):
            if tree["categories"] or tree["tree_param"]["size_leaf_vector"] not in {"0", "1"}:
                raise InvalidInput("trees with splits by category, or of several outputs, cannot be exported")
            left, right, features = (
                array(tree[key], int64) for key in ("left_children", "right_children", "split_indices")
            )
            values = array(tree["split_conditions"], float32)  # those of leaves are their values
            found.append(Tree(output, where(left < 0, -1, features), values, left, right))
        return found

    def dump(self) -> bytes:
        """The model in binary JSON."""
        return bytes(self.booster.save_raw("ubj")) if self.booster else b""

    def load(self, content: bytes) -> None:
        """Replace the trees by those of a dump."""
        from xgboost import Booster
        from xgboost.core import XGBoostError

        try:
            # base_score is in the content, for each class; given again, it would be written differently.
            parameters = {name: value for name, value in self.parameters.items() if name != "base_score"}
            self.booster = Booster(parameters, model_file=bytearray(content)) if content else None
        except XGBoostError as error:
            raise InvalidInput(f"XGBoost cannot read its trees: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """The message of an error of XGBoost, without the time and place before it, and the stack behind it."""
    line = str(error).strip().partition("\n")[0]
    return line.rpartition("] ")[2]


@hookimpl
def lossreg_component() -> Model:
    return xgboost
