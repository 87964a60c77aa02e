"""Losses inside scikit-learn's HistGradientBoosting, by its private interface. Experimental.

    LossHistGradientBoostingRegressor(loss="huber", loss_parameters={"delta": 0.9})
    LossHistGradientBoostingClassifier(loss="cross_entropy")

These are scikit-learn's estimators with a registered loss: it gives the constant to begin with, the derivatives, and
the score that stops early (scoring="loss"). With `hessian="builtin"` the trees are those of squared_error, log_loss and
poisson. Leaves have the values of Newton steps: unlike scikit-learn's own absolute_error and quantile, a tree is not
given the median of each leaf afterwards.

scikit-learn may change its private interface in any version, so that importing this module with a version that it was
not tested with is an error. Tested with scikit-learn 1.6 to 1.9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.bridges.boosting.score_objective import Builtin, ScoreObjective, class_probabilities
from lossreg.errors import InvalidInput, InvalidParameter, MissingExtra
from lossreg.extras import optional_imports

TESTED = ("1.6", "1.7", "1.8", "1.9")
"""The versions of scikit-learn whose private interface this module uses."""

with optional_imports():
    import sklearn

    if ".".join(sklearn.__version__.split(".")[:2]) not in TESTED:
        raise MissingExtra(
            f"the losses of HistGradientBoosting use private parts of scikit-learn {TESTED[0]} to {TESTED[-1]}; "
            f"{sklearn.__version__} is installed: lossreg.bridges.xgboost and lossreg.bridges.lightgbm work with any",
            name="sklearn",
        )
    from sklearn._loss.link import IdentityLink, LogLink
    from sklearn._loss.loss import BaseLoss
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lossreg.definition.loss import Loss

    Array = np.ndarray[Any, Any]

BUILTIN = {
    "squared_error": Builtin(gradient=0.5),
    "half_binomial_loss": Builtin(),
    "half_multinomial_loss": Builtin(),
    "poisson": Builtin(),
}
"""scikit-learn's losses; log_loss is the second and the third."""


class RegisteredLoss(BaseLoss):  # type: ignore[misc]
    """A registered loss as HistGradientBoosting calls it.

    classes: the number of classes, or 1 for a regression. A loss by row of two classes has the scores 0 and f for the
        one score f that scikit-learn trains.
    """

    def __init__(self, objective: ScoreObjective, classes: int) -> None:
        super().__init__(closs=None, link=LogLink() if objective.takes_logarithm else IdentityLink())
        self.objective = objective
        self.is_multiclass, self.n_classes = classes > 2, classes if classes > 1 else None  # noqa: PLR2004

    def scores(self, raw_prediction: Array) -> Array:
        """The scores as the loss takes them."""
        if self.is_multiclass:
            return raw_prediction
        scores = raw_prediction.reshape(-1)
        return np.stack([np.zeros_like(scores), scores], axis=1) if self.objective.classes else scores

    def fit_intercept_only(self, y_true: Array, sample_weight: Array | None = None) -> Any:
        """The constant of least loss."""
        start = self.objective.start(y_true, sample_weight)
        return np.asarray(start[1] - start[0] if self.objective.classes and not self.is_multiclass else start)

    def gradient_hessian(
        self,
        y_true: Array,
        raw_prediction: Array,
        sample_weight: Array | None,
        gradient_out: Array,
        hessian_out: Array,
        n_threads: int = 1,  # noqa: ARG002  lossreg has threads of its own
    ) -> tuple[Array, Array]:
        """Fill the gradient and the second derivative of each row's loss, times its weight."""
        objective, scores = self.objective, self.scores(raw_prediction)
        labels = objective.labels(y_true)
        if objective.classes and not self.is_multiclass:
            grad, hess = objective.derivatives(scores, labels, sample_weight)
            gradient_out[...], hessian_out[...] = grad[:, 1], hess[:, 1]
        else:
            objective.fill_derivatives(scores, labels, sample_weight, gradient_out, hessian_out)
        return gradient_out, hessian_out

    def __call__(
        self,
        y_true: Array,
        raw_prediction: Array,
        sample_weight: Array | None = None,
        n_threads: int = 1,  # noqa: ARG002  lossreg has threads of its own
    ) -> float:
        """The weighted mean of the loss."""
        return self.objective.mean(np.ascontiguousarray(self.scores(raw_prediction)), y_true, sample_weight)


class RegisteredClassLoss(RegisteredLoss):
    """A registered loss of classes; scikit-learn takes a loss with this method for one of a classifier."""

    def predict_proba(self, raw_prediction: Array) -> Array:
        """The sigmoid or softmax of the scores."""
        return class_probabilities(raw_prediction if self.is_multiclass else raw_prediction.reshape(-1))


class HistGradientBoostingEstimator:
    """What the regressor and the classifier share: the loss among their parameters."""

    _parameter_constraints: dict[str, Any]
    scikit_learn: Any
    """The estimator that is trained with another loss."""
    n_trees_per_iteration_: int

    def __init__(
        self,
        loss: str | Loss,
        *,
        loss_parameters: Mapping[str, Any] | None,
        hessian: str | float | None,
        **options: Any,
    ) -> None:
        self.loss_parameters, self.hessian = loss_parameters, hessian
        super().__init__(loss, **options)  # type: ignore[call-arg]
        self.loss = loss

    @classmethod
    def _get_param_names(cls) -> list[str]:
        """The names of the parameters, most of which the signature leaves to scikit-learn's."""
        return sorted([*cls.scikit_learn._get_param_names(), "loss_parameters", "hessian"])  # noqa: SLF001

    def _finalize_sample_weight(self, sample_weight: Any, y: Array) -> Any:
        """Make the loss: this is the last step before scikit-learn would, and it knows the classes by then."""
        weight = super()._finalize_sample_weight(sample_weight, y)  # type: ignore[misc]
        objective = ScoreObjective(self.loss, self.hessian, self.loss_parameters or {}, BUILTIN)
        classes, name = len(getattr(self, "classes_", [None])), objective.loss.name
        if classes == 1 and objective.classes:
            raise InvalidInput(f"{name}: expected a loss of one prediction for a regression; it takes classes")
        if classes > 2 and not objective.classes:  # noqa: PLR2004
            raise InvalidInput(f"{name}: expected two classes, as it takes one score; the data have {classes}")
        self._loss = (RegisteredLoss if classes == 1 else RegisteredClassLoss)(objective, classes)
        return weight

    def _get_loss(self, sample_weight: Any) -> RegisteredLoss:  # noqa: ARG002  scikit-learn gives it
        """The loss; scikit-learn asks for it where it is given by name."""
        return self._loss


class LossHistGradientBoostingRegressor(HistGradientBoostingEstimator, HistGradientBoostingRegressor):  # type: ignore[misc]
    """scikit-learn's HistGradientBoostingRegressor with a registered loss of one prediction. Experimental.

    loss, loss_parameters: the name of the loss, or what `@loss` made, and its parameters.
    hessian: what stands for the second derivative; see `ScoreObjective`.

    Predictions are in the units of the target: the exponential of the score for a loss that takes logarithms, such as
    poisson_nll. The other parameters are scikit-learn's.
    """

    scikit_learn = HistGradientBoostingRegressor
    _parameter_constraints = HistGradientBoostingRegressor._parameter_constraints | {"loss": "no_validation"}  # noqa: SLF001

    def __init__(
        self,
        loss: str | Loss = "squared_error",
        *,
        loss_parameters: Mapping[str, Any] | None = None,
        hessian: str | float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(loss, loss_parameters=loss_parameters, hessian=hessian, **options)

    def _finalize_sample_weight(self, sample_weight: Any, y: Array) -> Any:
        """Make the loss, which has its parameters from loss_parameters."""
        if self.quantile is not None:
            raise InvalidParameter("quantile is for scikit-learn's own loss; give loss_parameters={'level': ...}")
        return super()._finalize_sample_weight(sample_weight, y)


class LossHistGradientBoostingClassifier(HistGradientBoostingEstimator, HistGradientBoostingClassifier):  # type: ignore[misc]
    """scikit-learn's HistGradientBoostingClassifier with a registered loss. Experimental.

    The loss is by element for two classes, or by row for several. Probabilities are the sigmoid or softmax of the
    scores. The parameters are those of `LossHistGradientBoostingRegressor`.
    """

    scikit_learn = HistGradientBoostingClassifier
    _parameter_constraints = HistGradientBoostingClassifier._parameter_constraints | {"loss": "no_validation"}  # noqa: SLF001

    def __init__(
        self,
        loss: str | Loss = "half_multinomial_loss",
        *,
        loss_parameters: Mapping[str, Any] | None = None,
        hessian: str | float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(loss, loss_parameters=loss_parameters, hessian=hessian, **options)
