"""Write the CSV files in configs/data: scikit-learn's diabetes with more columns, and synthetic boxes.

python experiments/families/make_data.py
"""  # noqa: INP001  a script

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.datasets import load_diabetes

if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDER = Path(__file__).parents[2] / "configs" / "data"
GROUP, JUDGES = 10, 5
"""The rows of a group, and how far the relevances of two groups may be apart."""
WRONG = 0.1
"""The share of targets with an error of typing."""
PIXELS, PICTURES, NOISE = 16, 600, 0.3
"""The pixels of an edge of a picture, how many pictures there are, and the deviation of the noise of a pixel."""


def write(name: str, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write one file."""
    with (FOLDER / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def diabetes() -> None:
    """Write scikit-learn's diabetes, with columns that are derived from its target, the progression.

    mistyped: the progression, of which a tenth has a digit too many.
    days, event: the progression as a time, which is censored at a random time if that is earlier; the higher the body
    mass index, the earlier it tends to be.
    group, relevance: groups of ten random rows, and the fifth of the progression, of 0 to 4, higher by a number from 0
    to 5 that is the same for a group, as where one judge is milder than another.
    level, severe: the fifth as a word, and whether the progression is among the highest tenth.
    """
    table = load_diabetes(scaled=False)
    progression, count = table.target, len(table.target)
    random = np.random.default_rng(0)
    mistyped = np.where(random.random(count) < WRONG, 10 * progression, progression)
    heavier = np.argsort(np.argsort(table.data[:, 2], kind="stable")) / count
    ended = np.round(random.uniform(25, 346, count) * (1.5 - heavier))
    rank = np.argsort(np.argsort(progression, kind="stable"))
    fifth, group = 5 * rank // count, random.permutation(count) // GROUP
    relevance = fifth + random.integers(0, JUDGES + 1, count // GROUP + 1)[group]
    columns = {
        **dict(zip(table.feature_names, (column.tolist() for column in table.data.T), strict=True)),
        "progression": progression.astype(int),
        "mistyped": mistyped.astype(int),
        "days": np.minimum(progression, ended).astype(int),
        "event": (progression <= ended).astype(int),
        "group": group,
        "relevance": relevance,
        "level": [f"level {x}" for x in fifth],
        "severe": np.where(rank >= 0.9 * count, "yes", "no"),
    }
    write("diabetes.csv", columns, zip(*columns.values(), strict=True))


def boxes() -> None:
    """Write pictures of one rectangle on noise: the means of rows and columns of pixels, and the rectangle's edges.

    The edges are x1, y1, x2 and y2, as shares of the edge of the picture.
    """
    random = np.random.default_rng(0)
    size = np.exp(random.uniform(np.log(2), np.log(PIXELS), (PICTURES, 2))).round()
    low = (random.uniform(size=(PICTURES, 2)) * (PIXELS - size)).round()
    at = np.arange(PIXELS)
    inside = (at >= low[..., np.newaxis]) & (at < (low + size)[..., np.newaxis])
    pictures = inside[:, 1, :, np.newaxis] & inside[:, 0, np.newaxis, :]
    noisy = pictures + NOISE * random.standard_normal(pictures.shape)
    sums = np.concatenate([noisy.mean(1), noisy.mean(2)], 1).round(2)
    edges = np.concatenate([low, low + size], 1) / PIXELS
    names = [f"{kind}{at}" for kind in ("column", "row") for at in range(PIXELS)]
    write("boxes.csv", (*names, "x1", "y1", "x2", "y2"), np.concatenate([sums, edges], 1).tolist())


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    diabetes()
    boxes()
