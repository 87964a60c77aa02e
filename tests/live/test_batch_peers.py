"""The losses of batches against the libraries that people have them from: values and slopes.

Versions: pytorch-metric-learning 2.9.0, coral-pytorch 1.4.0, properscoring 0.1, scipy 1.17.1, optax 0.2.8, statsmodels
0.15.0.
"""

import coral_pytorch.losses as coral_losses
import jax
import numpy as np
import optax
import properscoring
import pytest
import scipy.stats
import torch
from pytorch_metric_learning import losses, reducers
from statsmodels.duration.hazard_regression import PHReg

import lossreg

jax.config.update("jax_enable_x64", True)
RANDOM = np.random.default_rng(5)
N, D, CLASSES = 24, 6, 4
X, Y = RANDOM.normal(size=(2, N, D))
LABELS = np.arange(N) % CLASSES
CENTRES = RANDOM.normal(size=(CLASSES, D))
LISTS = np.repeat(np.arange(4), 6)
PAIRS = np.arange(N)


def by_torch(function, *arrays):
    """The value of a function of tensors, and its gradients by all of them."""
    tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
    value = function(*tensors)
    return value.item(), [grad.numpy() for grad in torch.autograd.grad(value, tensors)]


def of_labels(loss):
    """A loss of pytorch-metric-learning of vectors and labels, as a mean over all anchors."""
    return lambda x: loss(x, torch.tensor(LABELS))


def of_views(loss):
    """The same of two views, which are the only ones with their label."""
    return lambda x, y: loss(torch.cat([x, y]), torch.tensor(np.tile(PAIRS, 2)))


def with_weights(loss, name):
    """The same of vectors and of the centres of classes, which it has as a parameter of another layout."""

    def function(x, centres):
        given = centres.T if name == "W" else centres
        del loss._parameters[name]  # noqa: SLF001  a parameter cannot be the result of an operation
        setattr(loss, name, given)
        value = loss(x, torch.tensor(LABELS))
        delattr(loss, name)
        setattr(loss, name, torch.nn.Parameter(given.detach()))
        return value

    return function


MEAN = {"reducer": reducers.MeanReducer()}
METRIC_LEARNING = {
    "supcon": ({}, (X,), (LABELS,), of_labels(losses.SupConLoss(temperature=0.1, **MEAN))),
    "multi_similarity": ({}, (X,), (LABELS,), of_labels(losses.MultiSimilarityLoss(**MEAN))),
    "circle": ({}, (X,), (LABELS,), of_labels(losses.CircleLoss(**MEAN))),
    "nt_xent": ({"temperature": 0.07}, (X, Y), (), of_views(losses.NTXentLoss(temperature=0.07, **MEAN))),
    "arcface": (
        {"margin": np.radians(28.6)},
        (X, CENTRES),
        (LABELS,),
        with_weights(losses.ArcFaceLoss(CLASSES, D, margin=28.6, scale=64), "W"),
    ),
    "cosface": ({}, (X, CENTRES), (LABELS,), with_weights(losses.CosFaceLoss(CLASSES, D), "W")),
    "proxy_nca": ({"own": True}, (X, CENTRES), (LABELS,), with_weights(losses.ProxyNCALoss(CLASSES, D), "proxies")),
    "proxy_anchor": ({}, (X, CENTRES), (LABELS,), with_weights(losses.ProxyAnchorLoss(CLASSES, D), "proxies")),
    "vicreg": ({}, (X, Y), (), lambda x, y: losses.VICRegLoss()(x, ref_emb=y)),
}


@pytest.mark.parametrize("name", METRIC_LEARNING)
def test_losses_of_embeddings_are_those_of_pytorch_metric_learning(name):
    parameters, inputs, labels, theirs = METRIC_LEARNING[name]
    arguments = [inputs[0], *labels, *inputs[1:]]
    value, grads = lossreg.create(name, **parameters).value_and_grad(*arguments)
    grads = grads if isinstance(grads, tuple) else (grads,)
    expected, slopes = by_torch(theirs, *inputs)
    assert value == pytest.approx(expected, rel=1e-9)
    for grad, slope in zip(grads, slopes, strict=True):
        np.testing.assert_allclose(grad, slope, rtol=1e-7, atol=1e-9)


def test_coral_is_that_of_coral_pytorch():
    logits = RANDOM.normal(size=(N, CLASSES - 1))
    levels = torch.tensor(LABELS[:, np.newaxis] > np.arange(CLASSES - 1), dtype=torch.float64)
    expected, (slope,) = by_torch(lambda x: coral_losses.coral_loss(x, levels), logits)
    value, grad = lossreg.create("coral").value_and_grad(logits, LABELS)
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(grad, slope, rtol=1e-10)


def test_corn_is_that_of_coral_pytorch_which_divides_by_the_number_of_questions():
    logits = RANDOM.normal(size=(N, CLASSES - 1))
    expected, (slope,) = by_torch(lambda x: coral_losses.corn_loss(x, torch.tensor(LABELS), CLASSES), logits)
    questions = (LABELS[:, np.newaxis] >= np.arange(CLASSES - 1)).sum()
    value, grad = lossreg.create("corn").value_and_grad(logits, LABELS, denominator=questions)
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(grad, slope, rtol=1e-10)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_cox_is_the_partial_likelihood_of_statsmodels(ties):
    time, event = RANDOM.integers(1, 9, N) * 1.0, RANDOM.integers(0, 2, N)
    weights = RANDOM.normal(size=D)
    theirs = PHReg(time, X, status=event, ties=ties)
    f = X @ weights
    value, grad = lossreg.create("cox", ties=ties, reduction="sum").value_and_grad(f, time, event)
    assert value == pytest.approx(-theirs.loglike(weights), rel=1e-9)
    np.testing.assert_allclose(X.T @ grad, -theirs.score(weights), rtol=1e-8, atol=1e-9)


def test_list_net_of_relevances_is_the_softmax_loss_of_optax():
    score, relevance = RANDOM.normal(size=(2, N))
    value = lossreg.create("list_net", reduction="none")(score, relevance, LISTS)
    shares = jax.nn.softmax(relevance.reshape(4, 6), axis=1)
    expected = optax.losses.ranking_softmax_loss(score.reshape(4, 6), shares, reduce_fn=None)
    np.testing.assert_allclose(value, expected, rtol=1e-10)


def test_nt_xent_is_that_of_optax():
    labels = np.tile(PAIRS, 2)
    expected = optax.losses.ntxent(np.concatenate([X, Y]), labels, temperature=0.5)
    assert lossreg.create("nt_xent")(X, Y) == pytest.approx(float(expected), rel=1e-6)


def test_the_ensemble_score_is_that_of_properscoring():
    members, target = RANDOM.normal(size=(N, 7)), RANDOM.normal(size=N)
    value = lossreg.create("crps_ensemble", reduction="none")(members, target)
    np.testing.assert_allclose(value, properscoring.crps_ensemble(target, members), rtol=1e-11)


def test_the_energy_distance_is_the_square_of_that_of_scipy():
    x, y = RANDOM.normal(size=(2, N, 1))
    expected = scipy.stats.energy_distance(x[:, 0], y[:, 0]) ** 2
    assert lossreg.create("energy_distance")(x, y) == pytest.approx(expected, rel=1e-9)
