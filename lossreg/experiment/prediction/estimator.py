"""Models of finished runs as estimators of scikit-learn, for its pipelines, scorers and inspection.

An estimator has the path of the run as its only parameter, and rebuilds the model from the run's directory. So a pickle
of it holds a path and no weights, and reading one runs no code of a run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import InvalidInput
from lossreg.experiment.prediction.trained_model import TrainedModel, load
from lossreg.extras import optional_imports

with optional_imports():
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

if TYPE_CHECKING:
    from numpy.typing import NDArray


class RunEstimator(BaseEstimator):  # type: ignore[misc]
    """What classifier and regressor share: the model of a run, which `fit` leaves as it is."""

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def model(self) -> TrainedModel:
        """The model, loaded when it is first needed."""
        if "_model" not in vars(self):
            self._model = load(Path(self.path))
        return self._model

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_model"}

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, rows: Any, targets: Any = None) -> RunEstimator:  # noqa: ARG002  as all estimators have it
        """Do nothing: the model is trained."""
        return self

    def predict(self, rows: Any) -> NDArray[Any]:
        """Predict each row; see `TrainedModel.predict`."""
        return self.model.predict(rows)

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """The names of the columns that a table has to have."""
        return np.array([*(self.model.encoding.kinds or self.model.features)], object)

    @property
    def n_features_in_(self) -> int:
        """How many columns a table has to have."""
        return len(self.feature_names_in_)


class RunRegressor(RegressorMixin, RunEstimator):  # type: ignore[misc]
    """The model of a run that predicts real numbers."""


class RunClassifier(ClassifierMixin, RunEstimator):  # type: ignore[misc]
    """The model of a run that predicts classes."""

    @property
    def classes_(self) -> NDArray[Any]:
        """The labels of the classes, in the order of the probabilities."""
        return self.model.labels

    def predict_proba(self, rows: Any) -> NDArray[Any]:
        """The probability of each class; see `TrainedModel.predict_proba`."""
        return self.model.predict_proba(rows)


def load_estimator(path: str | Path) -> RunEstimator:
    """The model of a finished run as an estimator; see `lossreg.load_estimator`."""
    model = load(path)
    if model.kind not in {"binary", "multiclass", "regression"}:
        raise InvalidInput(f"{path}: expected a model that predicts a class or numbers, as estimators do")
    estimator = (RunRegressor if model.kind == "regression" else RunClassifier)(str(Path(path).resolve()))
    estimator._model = model  # noqa: SLF001  it is loaded already
    return estimator
