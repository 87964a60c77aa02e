"""Losses whose users have them from libraries of images, lists, statistics and trees: values and slopes.

Versions: MONAI 1.6.1, kornia 0.9.0, rax 0.4.0, scipy 1.17.1, PyTorch 2.13, pytorch-metric-learning 2.9.0, properscoring
0.1, XGBoost 3.2, CatBoost 1.2, scikit-learn 1.9.1. Some compute in float32, whatever they are given.
"""

import catboost.utils
import jax
import kornia.losses as kornia
import numpy as np
import properscoring
import pytest
import rax
import scipy.spatial.distance
import scipy.special
import scipy.stats
import torch
import xgboost
from monai.data.box_utils import box_iou
from monai.losses import BarlowTwinsLoss, BoxGIoULoss, DiceLoss, GeneralizedDiceLoss, TverskyLoss
from pytorch_metric_learning import losses, reducers
from pytorch_metric_learning.distances import DotProductSimilarity, LpDistance
from sklearn.metrics.pairwise import rbf_kernel
from torch.distributions import Categorical, MixtureSameFamily, Normal
from torch.nn import functional

import lossreg

jax.config.update("jax_enable_x64", True)
RANDOM = np.random.default_rng(17)
N, D = 12, 5
X, Y = RANDOM.normal(size=(2, N))
SCALE = np.exp(RANDOM.normal(size=N))
VIEWS = RANDOM.normal(size=(2, N, D))
LOGITS, TEACHER = RANDOM.normal(size=(2, N, D))
CLASS = RANDOM.integers(0, D, N)
PIXELS = RANDOM.uniform(0.05, 0.95, (3, 2, 4, 5))
TRUE = RANDOM.integers(0, 2, (3, 2, 4, 5)) * 1.0
CORNERS = RANDOM.uniform(0, 1, (2, N, 2))
BOXES, TRUE_BOXES = (np.concatenate([low, low + RANDOM.uniform(0.2, 1, (N, 2))], 1) for low in CORNERS)
SEGMENTS, PLACES = RANDOM.normal(size=(3, 3, 4, 5)), RANDOM.integers(0, 3, (3, 4, 5))
SHARES = np.exp(SEGMENTS) / np.exp(SEGMENTS).sum(1, keepdims=True)


def by_torch(function, *inputs):
    """The value of a function of tensors, and its gradients by all of them."""
    tensors = [torch.tensor(x, requires_grad=True) for x in inputs]
    value = function(*tensors)
    return value.item(), [grad.numpy() for grad in torch.autograd.grad(value, tensors)]


def distilled(student):
    """The recipe of PyTorch's tutorial, at temperature 2, half of each part."""
    log_p, log_q = (functional.log_softmax(x / 2, 1) for x in (student, torch.tensor(TEACHER)))
    soft = functional.kl_div(log_p, log_q, reduction="batchmean", log_target=True)
    return 0.5 * 4 * soft + 0.5 * functional.cross_entropy(student, torch.tensor(CLASS))


def mixture(logits, means, log_scales):
    """-log of a mixture of normal distributions, without the constant."""
    family = MixtureSameFamily(Categorical(logits=logits), Normal(means, log_scales.exp()))
    return -family.log_prob(torch.tensor(Y)).mean() - 0.5 * np.log(2 * np.pi)


def paired(loss):
    """A loss of pytorch-metric-learning of two views, as one of the pairs of each row with its own."""
    own = torch.arange(N)
    return lambda x, y: loss(torch.cat([x, y]), own.repeat(2), (own, own + N, own, (own + 1) % N))


def across(x, y):
    """The cross-entropy of finding each row among those of the other view."""
    own = torch.arange(N)
    return losses.NTXentLoss(temperature=0.5, reducer=reducers.MeanReducer())(x, own, ref_emb=y, ref_labels=own.clone())


CASES = {
    "dice in MONAI": (
        {},
        (PIXELS,),
        (TRUE,),
        lambda p: DiceLoss(smooth_nr=1, smooth_dr=1)(p, torch.tensor(TRUE)),
    ),
    "jaccard in MONAI": (
        {},
        (PIXELS,),
        (TRUE,),
        lambda p: DiceLoss(jaccard=True, smooth_nr=2, smooth_dr=2)(p, torch.tensor(TRUE)),
    ),
    "tversky in MONAI": (
        {},
        (PIXELS,),
        (TRUE,),
        lambda p: TverskyLoss(alpha=0.3, beta=0.7, smooth_nr=1, smooth_dr=1)(p, torch.tensor(TRUE)),
    ),
    "generalized_dice in MONAI": (
        {},
        (PIXELS,),
        (TRUE,),
        lambda p: GeneralizedDiceLoss(smooth_nr=0, smooth_dr=0)(p, torch.tensor(TRUE)),
    ),
    "giou in MONAI": ({}, (BOXES,), (TRUE_BOXES,), lambda b: BoxGIoULoss()(b, torch.tensor(TRUE_BOXES))),
    "iou in MONAI": ({}, (BOXES,), (TRUE_BOXES,), lambda b: 1 - box_iou(b, torch.tensor(TRUE_BOXES)).diag().mean()),
    "lovasz_hinge in kornia": (
        {},
        (SEGMENTS[:, 0],),
        (TRUE[:, 0],),
        lambda s: kornia.lovasz_hinge_loss(s[:, None], torch.tensor(TRUE[:, 0])),
    ),
    "cauchy in kornia": ({}, (X,), (Y,), lambda x: kornia.cauchy_loss(x, torch.tensor(Y)).mean()),
    "welsch in kornia": ({}, (X,), (Y,), lambda x: kornia.welsch_loss(x, torch.tensor(Y)).mean()),
    "geman_mcclure in kornia": ({}, (X,), (Y,), lambda x: kornia.geman_mcclure_loss(x, torch.tensor(Y)).mean()),
    "charbonnier in kornia": (
        {"eps": 1.0},
        (X,),
        (Y,),
        lambda x: kornia.charbonnier_loss(x, torch.tensor(Y)).mean() + 1,
    ),
    "general_robust in kornia": (
        {"alpha": -2.0},
        (X,),
        (Y,),
        lambda x: kornia.geman_mcclure_loss(x, torch.tensor(Y)).mean(),
    ),
    "contrastive in pytorch-metric-learning": (
        {"reduction": "sum"},
        (VIEWS[0] / 2, VIEWS[1] / 2),
        (np.ones(N),),
        lambda x, y: (
            paired(
                losses.ContrastiveLoss(
                    neg_margin=0,
                    distance=LpDistance(normalize_embeddings=False, power=2),
                    reducer=reducers.SumReducer(),
                )
            )(x, y)
            / 2
        ),
    ),
    "n_pairs in pytorch-metric-learning": (
        {},
        tuple(VIEWS),
        (),
        paired(losses.NPairsLoss(distance=DotProductSimilarity(normalize_embeddings=False))),
    ),
    "info_nce in pytorch-metric-learning": ({}, tuple(VIEWS), (np.array(0.5),), across),
    "distillation in PyTorch": ({}, (LOGITS,), (TEACHER, CLASS), distilled),
    "mixture_nll in PyTorch": ({}, (LOGITS, TEACHER, VIEWS[0] / 4), (Y,), mixture),
}
"""By loss and library: parameters, the inputs that have slopes, those that follow them, and a function of the first."""


@pytest.mark.parametrize("case", CASES)
def test_values_and_slopes_are_those_of_the_library(case):
    name, _, library = case.partition(" in ")
    parameters, inputs, others, theirs = CASES[case]
    names = [entry.name for entry in lossreg.get(name).inputs]
    value, grads = lossreg.create(name, **parameters).value_and_grad(*inputs, *others, wrt=names[: len(inputs)])
    expected, slopes = by_torch(theirs, *inputs)
    close = 1e-6 if library == "MONAI" else 1e-9  # MONAI has weights and boxes in float32
    assert value == pytest.approx(expected, rel=close)
    for grad, slope in zip(grads if isinstance(grads, tuple) else (grads,), slopes, strict=True):
        np.testing.assert_allclose(grad, slope, rtol=100 * close, atol=close)


def test_lovasz_softmax_is_that_of_kornia_which_takes_logits():
    value, grad = lossreg.create("lovasz_softmax", classes="all").value_and_grad(SHARES, PLACES)
    expected, (slope,) = by_torch(lambda x: kornia.lovasz_softmax_loss(x, torch.tensor(PLACES)), SEGMENTS)
    assert value == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(SHARES * (grad - (grad * SHARES).sum(1, keepdims=True)), slope, rtol=1e-7, atol=1e-10)


def test_the_correlations_of_monai_are_smaller_by_one_sample():
    value = lossreg.create("barlow_twins", redundancy=0.005)(*VIEWS)
    grown = [np.concatenate([view, view]) for view in VIEWS]  # so that N - 1 and N differ less
    near, nearer = (
        float(BarlowTwinsLoss(lambd=0.005)(*map(torch.tensor, (np.tile(view, (times, 1)) for view in VIEWS))))
        for times in (50, 1000)
    )
    assert lossreg.create("barlow_twins", redundancy=0.005)(*grown) == pytest.approx(value, rel=1e-12)
    assert abs(nearer - value) < abs(near - value) / 10 < 1e-2


# Lists


def grouped(name, score, target, **parameters):
    """The values of lists that are rows of a matrix, and the slopes of their sum."""
    group = np.repeat(np.arange(len(score)), score.shape[1])
    criterion = lossreg.create(name, reduction="none", **parameters)
    values, grad = criterion.value_and_grad(score.ravel(), target.ravel(), group)
    return values, grad.reshape(score.shape)


def weighted_by_ndcg(score, target):
    """Rax's pairs with its weights, which it multiplies by the length of a list."""
    return (
        rax.pairwise_logistic_loss(
            score,
            target,
            lambdaweight_fn=lambda *args, **options: rax.dcg_lambdaweight(*args, normalize=True, **options),
            reduce_fn=jax.numpy.sum,
        )
        / score.shape[0]
    )


LISTS = {
    "ranknet": lambda score, target: rax.pairwise_logistic_loss(score, target, reduce_fn=jax.numpy.mean),
    "list_net": lambda score, target: rax.softmax_loss(score, jax.nn.softmax(target)),
    "list_mle": rax.listmle_loss,
    "lambda_rank": weighted_by_ndcg,
}


@pytest.mark.parametrize("name", LISTS)
def test_losses_of_lists_are_those_of_rax(name):
    score, target = RANDOM.normal(size=(4, 6)), np.stack([RANDOM.permutation(6) * 1.0 for _ in range(4)])
    values, grad = grouped(name, score, target)
    for row, relevance, value, slopes in zip(score, target, values, grad, strict=True):
        assert value == pytest.approx(float(LISTS[name](row, relevance)), rel=1e-9)
        np.testing.assert_allclose(slopes, jax.grad(LISTS[name])(row, relevance), rtol=1e-8, atol=1e-10)


# Statistics and trees


def each(name, *inputs, **parameters):
    """The values of a loss."""
    return lossreg.create(name, reduction="none", **parameters)(*inputs)


def expected_values():
    """Ours and the library's values of losses of which a library has no slopes."""
    log_p, log_q = np.log(SHARES[..., 0, 0]), np.log(SHARES[..., 1, 1])
    return {
        "laplace_nll in scipy": (
            each("laplace_nll", X, Y, SCALE) + np.log(2),
            -scipy.stats.laplace.logpdf(Y, X, SCALE),
        ),
        "student_t_nll in scipy": (
            np.diff(each("student_t_nll", X, Y, SCALE, df=3.0)),
            np.diff(-scipy.stats.t.logpdf(Y, 3, X, SCALE)),
        ),
        "pseudo_huber in scipy": (each("pseudo_huber", X, Y, delta=1.5), scipy.special.pseudo_huber(1.5, X - Y)),
        "jensen_shannon in scipy": (
            each("jensen_shannon", log_p, log_q).sum(1),
            scipy.spatial.distance.jensenshannon(np.exp(log_p), np.exp(log_q), axis=1) ** 2,
        ),
        "crps_gaussian in properscoring": (
            each("crps_gaussian", X, Y, SCALE),
            properscoring.crps_gaussian(Y, X, SCALE),
        ),
        "mmd in scikit-learn": (
            lossreg.create("mmd", bandwidth=2.0)(*VIEWS),
            sum(
                sign * rbf_kernel(VIEWS[a], VIEWS[b], 1 / 8).mean() for a, b, sign in ((0, 0, 1), (1, 1, 1), (0, 1, -2))
            ),
        ),
        "expectile in CatBoost": (
            lossreg.create("expectile", level=0.7)(X, Y),
            catboost.utils.eval_metric(Y, X, "Expectile:alpha=0.7")[0],
        ),
        "smape in CatBoost": (lossreg.create("smape")(X, Y), catboost.utils.eval_metric(Y, X, "SMAPE")[0] / 100),
        "mape in CatBoost": (
            lossreg.create("mape", eps=1.0)(X, Y),
            catboost.utils.eval_metric(Y, X, "MAPE")[0],
        ),
        "aft in XGBoost": aft_of_xgboost(),
    }


def aft_of_xgboost():
    """Ours and XGBoost's mean of a constant prediction, for observed and censored times; its metric has scale 1."""
    time, event = np.exp(Y), np.arange(N) % 2
    data = xgboost.DMatrix(np.zeros((N, 1)))
    data.set_float_info("label_lower_bound", time)
    data.set_float_info("label_upper_bound", np.where(event, time, np.inf))
    settings = {"objective": "survival:aft", "aft_loss_distribution": "logistic"}
    settings |= {"eval_metric": "aft-nloglik", "base_score": 2.0, "max_depth": 1, "eta": 0.0}
    theirs = xgboost.train(settings, data, 1).eval(data)
    ours = lossreg.create("aft")(np.full(N, np.log(2.0)), time, event)
    return ours, float(theirs.rpartition(":")[2])


@pytest.mark.parametrize("case", list(expected_values()))
def test_values_are_those_of_the_library(case):
    ours, theirs = expected_values()[case]
    np.testing.assert_allclose(ours, theirs, rtol=1e-6 if "oost" in case else 1e-9)  # float32


# A sequence: the plain dynamic programme, and its derivative by PyTorch


def rnnt_of_torch(logits, labels, frames, lengths):
    """-log of the sum over paths, node by node, of the last class as the blank."""
    log_p, values = functional.log_softmax(logits, -1), []
    for i, (t_end, u_end) in enumerate(zip(frames, lengths, strict=True)):
        alpha = {}
        for t in range(t_end):
            for u in range(u_end + 1):
                ways = [alpha[t - 1, u] + log_p[i, t - 1, u, -1]] if t else []
                ways += [alpha[t, u - 1] + log_p[i, t, u - 1, labels[i, u - 1]]] if u else []
                alpha[t, u] = torch.logsumexp(torch.stack(ways), 0) if ways else log_p.new_zeros(())
        values.append(-(alpha[t_end - 1, u_end] + log_p[i, t_end - 1, u_end, -1]))
    return torch.stack(values)


def test_rnnt_is_the_dynamic_programme_and_its_derivative():
    # torchaudio's rnnt_loss has no build for PyTorch without CUDA.
    frames, lengths = np.array([9, 7, 1, 9]), np.array([5, 3, 2, 0])
    logits, labels = RANDOM.normal(size=(4, 9, 6, 7)) * 3, RANDOM.integers(0, 6, (4, 5))
    tensor = torch.tensor(logits, requires_grad=True)
    expected = rnnt_of_torch(tensor, labels, frames, lengths)
    (slope,) = torch.autograd.grad(expected.sum(), tensor)
    values, grad = lossreg.create("rnnt", reduction="none").value_and_grad(logits, labels, frames, lengths)
    np.testing.assert_allclose(values, expected.detach(), rtol=1e-13)
    np.testing.assert_allclose(grad, slope, rtol=1e-10, atol=1e-14)
