"""The losses of another distribution beside PyTorch's autograd of the plain formula, in float64."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from lossreg.criterion.criterion import Criterion

sys.path.insert(0, str(Path(__file__).parents[1] / "third_party"))

from more_losses import arcface, coral, cox, crps_ensemble, evidential, giou, info_nce, list_net, soft_dice

RANDOM = np.random.default_rng(1)
ROWS = 60


def dice_of(axes):
    def formula(p, t):
        return (1 - (2 * (p * t).sum(axes) + 1) / ((p + t).sum(axes) + 1)).mean()

    return formula


def contrastive(query, key, temperature):
    cosines = functional.normalize(query) @ functional.normalize(key).T
    return functional.cross_entropy(cosines / temperature, torch.arange(len(query)))


def efron(f, time, event):
    total = 0
    for moment in time[event == 1].unique():
        tied = (time == moment) & (event == 1)
        deaths, at_risk, own = int(tied.sum()), f[time >= moment].exp().sum(), f[tied].exp().sum()
        total = total + sum((at_risk - d / deaths * own).log() for d in range(deaths)) - f[tied].sum()
    return total / event.sum()


def listwise(score, target, group):
    each = [-(target[group == g].softmax(0) * score[group == g].log_softmax(0)).sum() for g in group.unique()]
    return sum(each) / len(each)


def levels(logits, label):
    above = (label[:, None] > torch.arange(logits.shape[1])).to(logits.dtype)
    return functional.binary_cross_entropy_with_logits(logits, above, reduction="none").sum(1).mean()


def angular(x, label, centres, margin=0.5, scale=64.0):
    cosines, rows = functional.normalize(x) @ functional.normalize(centres).T, torch.arange(len(x))
    own = cosines[rows, label]
    angle = own.acos()
    turned = torch.where(angle + margin <= math.pi, (angle + margin).cos(), own - margin * math.sin(margin))
    logits = cosines.clone()
    logits[rows, label] = turned
    return functional.cross_entropy(scale * logits, label)


def normal_inverse_gamma(mean, nu, alpha, beta, target):
    omega, e = 2 * beta * (1 + nu), target - mean
    value = 0.5 * (math.pi / nu).log() - alpha * omega.log() + (alpha + 0.5) * (e * e * nu + omega).log()
    value = value + torch.lgamma(alpha) - torch.lgamma(alpha + 0.5)
    return (value + 0.01 * e.abs() * (2 * nu + alpha)).mean()


def ranked_probability(x, y):
    spread = (x[:, :, None] - x[:, None]).abs().mean((1, 2))
    return ((x - y[:, None]).abs().mean(1) - spread / 2).mean()


def area(box):
    return (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])


def generalised_iou(a, b):
    sides = (torch.min(a[:, 2:], b[:, 2:]) - torch.max(a[:, :2], b[:, :2])).clamp(min=0)
    shared = sides[:, 0] * sides[:, 1]
    union = area(a) + area(b) - shared
    hull = (torch.max(a[:, 2:], b[:, 2:]) - torch.min(a[:, :2], b[:, :2])).prod(1)
    return (1 - shared / union + (hull - union) / hull).mean()


def boxes():
    corner = 3 * RANDOM.random((ROWS, 2))
    return np.concatenate([corner, corner + 0.2 + 3 * RANDOM.random((ROWS, 2))], 1)


def normal(*shape):
    return RANDOM.normal(size=shape)


IMAGES = (RANDOM.random((4, 3, 5, 6)), RANDOM.integers(0, 2, (4, 3, 5, 6)) * 1.0)
POSITIVE = tuple(RANDOM.random(ROWS) + shift for shift in (0.1, 1.05, 0.1))
CASES = {
    "soft_dice, images": (soft_dice.soft_dice, IMAGES, {}, dice_of((2, 3))),
    "soft_dice, batch": (soft_dice.soft_dice, IMAGES, {"over": "batch"}, dice_of((0, 2, 3))),
    "info_nce": (info_nce.info_nce, (normal(ROWS, 8), normal(ROWS, 8), 0.2), {}, contrastive),
    "cox": (
        cox.cox,
        (normal(ROWS), RANDOM.integers(1, 15, ROWS) * 1.0, RANDOM.integers(0, 2, ROWS)),
        {},
        efron,
    ),
    "list_net": (
        list_net.list_net,
        (normal(ROWS), RANDOM.integers(0, 4, ROWS) * 1.0, RANDOM.integers(0, 7, ROWS)),
        {},
        listwise,
    ),
    "coral": (coral.coral, (normal(ROWS, 4), RANDOM.integers(0, 5, ROWS)), {}, levels),
    "arcface": (arcface.arcface, (normal(ROWS, 3), RANDOM.integers(0, 6, ROWS), normal(6, 3)), {}, angular),
    "evidential": (evidential.evidential, (normal(ROWS), *POSITIVE, normal(ROWS)), {}, normal_inverse_gamma),
    "crps_ensemble": (crps_ensemble.crps_ensemble, (normal(ROWS, 9), normal(ROWS)), {}, ranked_probability),
    "giou": (giou.giou, (boxes(), boxes()), {}, generalised_iou),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_agree_with_autograd(name):
    loss, arrays, parameters, formula = CASES[name]
    value, grads = Criterion(loss, "mean", parameters).value_and_grad(*arrays)
    names = loss.forms[0].default_wrt
    tensors = [torch.tensor(np.asarray(x)) for x in arrays]
    graded = [t.requires_grad_() for t, x in zip(tensors, loss.inputs, strict=True) if x.name in names]
    expected = formula(*tensors)
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-10)
    for found, tensor in zip(grads if isinstance(grads, tuple) else (grads,), graded, strict=True):
        largest = tensor.grad.abs().max().item()
        np.testing.assert_allclose(found, tensor.grad.numpy(), rtol=0, atol=1e-10 * largest)
