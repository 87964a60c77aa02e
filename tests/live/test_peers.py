"""The losses that PyTorch lacks against the libraries that people have them from: values and slopes.

Versions: Keras 3.15.1 on PyTorch, optax 0.2.8, scikit-learn 1.9.1, entmax 1.3, statsmodels 0.15.0. Of Keras and entmax
only values up to float32, which they compute in.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import entmax
import jax
import keras
import numpy as np
import optax
import pytest
import statsmodels.api as statsmodels
import torch
from sklearn._loss import loss as sklearn_losses
from sklearn.linear_model._sgd_fast import EpsilonInsensitive, ModifiedHuber, SquaredEpsilonInsensitive

import lossreg

jax.config.update("jax_enable_x64", True)
RANDOM = np.random.default_rng(11)
N = 64
NUMBERS, TARGETS = RANDOM.normal(size=(2, N)) * 3
POSITIVE, COUNTS = np.exp(RANDOM.normal(size=N)), RANDOM.poisson(2, N).astype(float)
ZERO_ONE = RANDOM.integers(0, 2, N).astype(float)
SIDES = 2 * ZERO_ONE - 1
ROWS, LABELS = RANDOM.normal(size=(N, 5)) * 2, RANDOM.integers(0, 5, N)
ONE_HOT = np.eye(5)[LABELS]
PROBABILITIES = np.exp(ROWS) / np.exp(ROWS).sum(1, keepdims=True)


def by_element(function):
    """Keras' value for each element, which it has the mean over the last axis of."""
    return lambda x, y: np.asarray(function(y[:, None], x[:, None]))


def by_jax(function):
    """The values and slopes by optax."""

    def both(x, y):
        return function(x, y), jax.grad(lambda x: function(x, y).sum())(x)

    return both


def by_sklearn(loss, constant=lambda y: 0 * y, factor=1.0):
    """scikit-learn's values and slopes; `factor` and `constant` are what theirs has more."""

    def both(x, y):
        values, slopes = loss.loss(y, x), loss.gradient(y, x)
        return factor * values + constant(y), factor * slopes

    return both


def by_sgd(loss):
    """The values and slopes of what SGD has by single numbers."""

    def both(x, y):
        points = list(zip(y, x, strict=True))
        return np.array([loss.py_loss(b, a) for a, b in points]), np.array([loss.py_dloss(b, a) for a, b in points])

    return both


def statsmodels_norm(norm):
    """The values and slopes of a robust norm."""
    return lambda x, y: (norm.rho(x - y), norm.psi(x - y))


def negative_binomial(x, y):
    """-log of statsmodels' likelihood, less what does not depend on the mean."""
    family, mean = statsmodels.families.NegativeBinomial(alpha=0.5), np.exp(x)
    at_1 = family.loglike_obs(y, np.ones_like(y))
    ours_at_1 = lossreg.create("negative_binomial_nll", dispersion=0.5, reduction="none")(np.zeros_like(y), y)
    return at_1 - family.loglike_obs(y, mean) + ours_at_1


def by_entmax(function):
    """The values and slopes of a loss of entmax."""

    def both(x, y):
        logits = torch.tensor(x, requires_grad=True)
        values = function(logits, torch.tensor(y))
        return values.detach().numpy(), torch.autograd.grad(values.sum(), logits)[0].numpy()

    return both


CASES = {
    "log_cosh in Keras": ("log_cosh", {}, NUMBERS, TARGETS, by_element(keras.losses.log_cosh)),
    "log_cosh in optax": ("log_cosh", {}, NUMBERS, TARGETS, by_jax(optax.losses.log_cosh)),
    "msle in Keras": ("msle", {}, POSITIVE, COUNTS, by_element(keras.losses.mean_squared_logarithmic_error)),
    "mape in Keras": (
        "mape",
        {},
        NUMBERS,
        TARGETS,
        by_element(lambda y, x: keras.losses.mean_absolute_percentage_error(y, x) / 100),
    ),
    "hinge in Keras": ("hinge", {}, NUMBERS, SIDES, by_element(keras.losses.hinge)),
    "squared_hinge in Keras": ("squared_hinge", {}, NUMBERS, SIDES, by_element(keras.losses.squared_hinge)),
    "focal in Keras": (
        "focal",
        {},
        NUMBERS,
        ZERO_ONE,
        by_element(
            lambda y, x: keras.losses.binary_focal_crossentropy(y, x, apply_class_balancing=True, from_logits=True)
        ),
    ),
    "focal in optax": (
        "focal",
        {"alpha": 0.3},
        NUMBERS,
        ZERO_ONE,
        by_jax(lambda x, y: optax.losses.sigmoid_focal_loss(x, y, alpha=0.3)),
    ),
    "focal in optax, without alpha": (
        "focal",
        {"balance": False},
        NUMBERS,
        ZERO_ONE,
        by_jax(optax.losses.sigmoid_focal_loss),
    ),
    "hinge in optax": ("hinge", {}, NUMBERS, SIDES, by_jax(optax.losses.hinge_loss)),
    "crammer_singer in optax": ("crammer_singer", {}, ROWS, LABELS, by_jax(optax.losses.multiclass_hinge_loss)),
    "sparsemax in optax": ("sparsemax", {}, ROWS, LABELS, by_jax(optax.losses.multiclass_sparsemax_loss)),
    "poly1 in optax": (
        "poly1",
        {},
        ROWS,
        LABELS,
        by_jax(lambda x, y: optax.losses.poly_loss_cross_entropy(x, jax.nn.one_hot(y, 5))),
    ),
    "sparsemax in entmax": ("sparsemax", {}, ROWS, LABELS, by_entmax(entmax.sparsemax_loss)),
    "entmax15 in entmax": ("entmax15", {}, ROWS, LABELS, by_entmax(entmax.entmax15_loss)),
    "crammer_singer in Keras": (
        "crammer_singer",
        {},
        ROWS + 20,
        LABELS,
        lambda x, _: np.asarray(keras.losses.categorical_hinge(ONE_HOT, x)),
    ),
    "generalized_cross_entropy in Keras": (
        "generalized_cross_entropy",
        {"q": 0.5},
        ROWS,
        LABELS,
        lambda *_: np.asarray(
            keras.losses.categorical_generalized_cross_entropy(torch.tensor(LABELS), torch.tensor(PROBABILITIES), 0.5)
        ),
    ),
    "focal_cross_entropy in Keras": (
        "focal_cross_entropy",
        {},
        ROWS,
        LABELS,
        lambda *_: np.asarray(keras.losses.categorical_focal_crossentropy(ONE_HOT, PROBABILITIES, alpha=1.0)),
    ),
    "quantile in scikit-learn": (
        "quantile",
        {"level": 0.9},
        NUMBERS,
        TARGETS,
        by_sklearn(sklearn_losses.PinballLoss(quantile=0.9)),
    ),
    "gamma in scikit-learn": ("gamma", {}, NUMBERS, POSITIVE, by_sklearn(sklearn_losses.HalfGammaLoss())),
    "tweedie in scikit-learn": ("tweedie", {}, NUMBERS, COUNTS, by_sklearn(sklearn_losses.HalfTweedieLoss(power=1.5))),
    "exponential in scikit-learn": (
        "exponential",
        {},
        NUMBERS,
        ZERO_ONE,
        by_sklearn(sklearn_losses.ExponentialLoss()),
    ),
    "modified_huber in scikit-learn": ("modified_huber", {}, NUMBERS, SIDES, by_sgd(ModifiedHuber())),
    "epsilon_insensitive in scikit-learn": (
        "epsilon_insensitive",
        {"epsilon": 0.5},
        NUMBERS,
        TARGETS,
        by_sgd(EpsilonInsensitive(0.5)),
    ),
    "squared epsilon_insensitive in scikit-learn": (
        "epsilon_insensitive",
        {"epsilon": 0.5, "p": 2},
        NUMBERS,
        TARGETS,
        by_sgd(SquaredEpsilonInsensitive(0.5)),
    ),
    "tukey in statsmodels": (
        "tukey",
        {},
        NUMBERS,
        TARGETS,
        statsmodels_norm(statsmodels.robust.norms.TukeyBiweight()),
    ),
    "negative_binomial_nll in statsmodels": (
        "negative_binomial_nll",
        {"dispersion": 0.5},
        NUMBERS,
        COUNTS,
        negative_binomial,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_values_and_slopes_are_those_of_the_library(case):
    name, parameters, prediction, target, theirs = CASES[case]
    values, grad = lossreg.create(name, reduction="none", **parameters).value_and_grad(prediction, target)
    found = theirs(prediction, target)
    expected, slopes = found if isinstance(found, tuple) else (found, None)
    single = "Keras" in case  # which computes in float32, whatever it is given
    close = {"rtol": 2e-5, "atol": 2e-6} if single else {"rtol": 1e-9, "atol": 1e-11}
    np.testing.assert_allclose(values, np.asarray(expected).reshape(values.shape), **close)
    if slopes is not None:
        np.testing.assert_allclose(grad, np.asarray(slopes).reshape(grad.shape), **close)


def test_keras_categorical_hinge_counts_the_true_class_as_another_one_with_score_0():
    scores, label = np.array([[-3.0, -2.0, -2.5]]), np.array([1])
    theirs = keras.losses.categorical_hinge(np.eye(3)[label], scores)
    assert float(theirs[0]) == 3.0  # max(0, ...) of the others, of which none is above -2.5
    assert float(lossreg.create("crammer_singer")(scores, label)) == 0.5
