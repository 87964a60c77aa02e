"""Segmentation: which loss finds small shapes in noisy images best.

python experiments/studies/segmentation/study.py    # a minute or two; writes results, figure and tables
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
import common

from lossreg.bridges.torch import Loss

HERE = Path(__file__).parent
SHAPES = ("large shapes", "small shapes", "tiny shapes")
RADII = {"large shapes": (5.0, 8.0), "small shapes": (2.0, 4.0), "tiny shapes": (1.0, 2.0)}
REFINED = "bce_with_logits, then lovasz_hinge"
LOSSES: dict[str, tuple[str, dict[str, Any]]] = {
    "bce_with_logits": ("bce_with_logits", {}),
    "weighted": ("bce_with_logits", {}),
    "focal": ("focal", {}),
    "dice": ("dice", {"over": "batch"}),
    "tversky": ("tversky", {"over": "batch"}),
    "lovasz_hinge": ("lovasz_hinge", {"over": "batch"}),
    REFINED: ("lovasz_hinge", {"over": "batch"}),
}
SIDE, IMAGES, NOISE = 24, 64, 0.8
STEPS, BATCH, CHANNELS, RATE, SEEDS = 60, 16, 8, 0.02, 4
METRICS = ("intersection over union", "balanced accuracy")


def images(shapes: str, random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return noisy images with one disk or square each, and the pixels that are in it."""
    radius = random.uniform(*RADII[shapes], (IMAGES, 1, 1))
    y, x = np.mgrid[:SIDE, :SIDE]
    left, top = (random.uniform(radius, SIDE - 1 - radius) for _ in "xy")
    across, down = abs(x - left), abs(y - top)
    is_round = random.random((IMAGES, 1, 1)) < 0.5
    inside = np.where(is_round, np.hypot(across, down), np.maximum(across, down)) <= radius
    noisy = inside + NOISE * random.standard_normal(inside.shape)
    return torch.tensor(noisy, dtype=torch.float32)[:, None], torch.tensor(inside, dtype=torch.float32)


def one(shapes: str, method: str, seed: int) -> dict[str, float]:
    """Return how well a small convolutional network finds the shapes in new images."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    random = np.random.default_rng(seed)
    (x, y), (held_out, truth) = (images(shapes, random) for _ in range(2))
    layers: list[torch.nn.Module] = []
    for before, after in ((1, CHANNELS), (CHANNELS, CHANNELS), (CHANNELS, 1)):
        layers += [torch.nn.Conv2d(before, after, 5, padding=2), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    name, parameters = LOSSES[method]
    if method == "weighted":
        parameters = {"pos_weight": float((1 - y).sum() / y.sum())}
    loss, first = Loss(name, **parameters), Loss("bce_with_logits")
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    for step in range(STEPS):
        rows = torch.as_tensor(random.permutation(IMAGES)[:BATCH])
        scores = network(x[rows])[:, 0]
        optimizer.zero_grad()
        if name in {"dice", "tversky"}:  # these take probabilities, with an axis of classes
            loss(scores.sigmoid()[:, None], y[rows][:, None]).backward()
        else:
            current = first if method == REFINED and step < STEPS // 2 else loss
            current(scores, y[rows]).backward()
        optimizer.step()
    with torch.no_grad():
        found = (network(held_out)[:, 0] > 0).numpy()
    is_in = truth.numpy() > 0
    both = (found & is_in).sum()
    recalls = both / is_in.sum(), (~found & ~is_in).sum() / (~is_in).sum()
    return dict(zip(METRICS, (both / (found | is_in).sum(), np.mean(recalls)), strict=True))


if __name__ == "__main__":
    common.write(HERE, common.measure(one, SHAPES, tuple(LOSSES), SEEDS), METRICS, "images")
