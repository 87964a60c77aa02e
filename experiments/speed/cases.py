"""The cases that are timed: the inputs of each loss and the usual sizes. A new loss needs an entry here.

Only numpy is needed to import this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Array = np.ndarray[Any, Any]
    Maker = Callable[[np.random.Generator, tuple[int, ...]], Array]


class Size(NamedTuple):
    """A shape of the first input, and what it stands for."""

    group: str
    shape: tuple[int, ...]

    @property
    def words(self) -> str:
        """The shape as the tables have it: 8 x 21 x 128 x 128, or 1M."""
        if len(self.shape) > 1:
            return " x ".join(f"{length:,}" for length in self.shape)
        (count,) = self.shape
        unit = next((unit for unit in (1 << 20, 1 << 10) if count >= unit), 1)
        return f"{count // unit}{ {1 << 20: 'M', 1 << 10: 'k', 1: ''}[unit] }"


COLUMN = Size("small batch", (32, 1))
BATCH = Size("small batch", (64, 10))
MILLION = Size("1M elements", (1 << 20,))
CLASSES = Size("classification", (4096, 1000))
VOCABULARY = Size("vocabulary", (256, 32_000))
SHORT = Size("short rows", (65_536, 10))
IMAGE = Size("image", (8, 21, 128, 128))
EMBEDDINGS = Size("embeddings", (8192, 128))

FRAMES = Size("sequences", (200, 16, 64))
LAYER = Size("layer", (256, 256))

ELEMENTS = (COLUMN, MILLION)
MARGINS = (BATCH, CLASSES, SHORT)
LABELS = (BATCH, CLASSES, VOCABULARY, SHORT, IMAGE)
VECTORS = (BATCH, EMBEDDINGS)

LISTED = 5
"""How many true classes a row has where it has several."""
OUTPUTS = 8_000
"""How many classes a layer has."""
CUTOFFS = (500, 2_000)
"""Where the clusters of an adaptive softmax begin."""
SPOKEN = 20
"""How many labels a sequence has."""


# Makers of inputs. `shape` is that of the first input; classes and embeddings are along axis 1.


def real(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Any numbers."""
    return random.standard_normal(shape)


def unit(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Probabilities, none of them 0 or 1."""
    return random.uniform(0.01, 0.99, shape)


def binary(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """0 or 1, as real numbers."""
    return random.integers(0, 2, shape).astype(float)


def side(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """1 or -1, as real numbers."""
    return 2 * binary(random, shape) - 1


def row_side(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A side for each row."""
    return side(random, shape[:1])


def count(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Small whole numbers, as real ones."""
    return random.poisson(3, shape).astype(float)


def log_unit(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Logarithms of probabilities."""
    return np.log(unit(random, shape))


def distribution(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Probabilities of classes."""
    weights = unit(random, shape)
    return weights / weights.sum(axis=1, keepdims=True)


def log_distribution(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Log-probabilities of classes."""
    return np.log(distribution(random, shape))


def label(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A class for each row."""
    return random.integers(0, shape[1], (shape[0], *shape[2:]))


def class_list(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """For each row LISTED different classes, then -1."""
    labels = np.full(shape, -1)
    start = random.integers(0, shape[1], (shape[0], 1))
    labels[:, :LISTED] = (start + np.arange(LISTED) * (shape[1] // LISTED)) % shape[1]
    return labels


def spoken(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Labels of sequences, whose samples are along axis 1; 0 is the blank."""
    return random.integers(1, shape[2], (shape[1], SPOKEN))


def frames(_: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """How many frames a sequence has: all."""
    return np.full(shape[1], shape[0])


def length(_: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """How many labels a sequence has: all."""
    return np.full(shape[1], SPOKEN)


def log_softmax(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Log-probabilities along the last axis."""
    logits = real(random, shape)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def output(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A class of a layer for each row."""
    return random.integers(0, OUTPUTS, shape[0])


def layer(
    random: np.random.Generator, shape: tuple[int, ...], rows: int, width: int | None = None, share: int = 1
) -> Array:
    """The weights of a layer, for as many features as there are, or their share."""
    return real(random, (rows or shape[1] // share, width or shape[1])) / 16


@dataclass(frozen=True)
class Entry:
    """A loss: what makes its inputs, the function of torch.nn.functional, the sizes, and what sets it apart."""

    loss: str
    inputs: tuple[Maker, ...]
    torch: str
    sizes: tuple[Size, ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    variant: str = ""
    scikit_learn: str = ""
    """The loss of sklearn._loss that is this one, up to a factor."""
    left_out: tuple[str, ...] = ()
    """Engines that are known to give something else, and so have not got the loss."""
    product: bool = False
    """Whether the limit is the matrix product of the first two inputs, and those of its gradients."""


@dataclass(frozen=True)
class Case:
    """An entry at one of its sizes."""

    entry: Entry
    size: Size

    @property
    def name(self) -> str:
        """What the tables call it."""
        variant = self.entry.variant and f" ({self.entry.variant})"
        return f"{self.entry.loss}{variant} {self.size.words}"

    @property
    def elements(self) -> int:
        """How many numbers the first input has."""
        return prod(self.size.shape)

    def arrays(self, dtype: str) -> list[Array]:
        """The inputs, the same for everyone: real numbers as `dtype`, labels as int64."""
        random = np.random.default_rng(0)
        made = [make(random, self.size.shape) for make in self.entry.inputs]
        return [x.astype(dtype if x.dtype.kind == "f" else "int64") for x in made]


ENTRIES = (
    Entry(
        "adaptive_log_softmax",
        (
            real,
            output,
            partial(layer, rows=CUTOFFS[0] + len(CUTOFFS)),
            partial(layer, rows=0, share=4),
            partial(layer, rows=CUTOFFS[1] - CUTOFFS[0], width=LAYER.shape[1] // 4),
            partial(layer, rows=0, share=16),
            partial(layer, rows=OUTPUTS - CUTOFFS[1], width=LAYER.shape[1] // 16),
        ),
        "adaptive_log_softmax",
        (LAYER,),
        {"cutoffs": CUTOFFS},
        left_out=("limit",),  # products of several sizes, of rows that depend on the labels
    ),
    Entry("bce", (unit, binary), "binary_cross_entropy", ELEMENTS),
    Entry(
        "bce_with_logits",
        (real, binary),
        "binary_cross_entropy_with_logits",
        ELEMENTS,
        scikit_learn="HalfBinomialLoss",
    ),
    Entry("cosine_embedding", (real, real, row_side), "cosine_embedding_loss", VECTORS),
    Entry("cross_entropy", (real, label), "cross_entropy", LABELS, scikit_learn="HalfMultinomialLoss"),
    Entry("cross_entropy", (real, distribution), "cross_entropy", (BATCH, CLASSES), variant="probabilities"),
    Entry("ctc", (log_softmax, spoken, frames, length), "ctc_loss", (FRAMES,)),
    Entry("gaussian_nll", (real, real, unit), "gaussian_nll_loss", ELEMENTS),
    Entry("hinge_embedding", (real, side), "hinge_embedding_loss", ELEMENTS),
    Entry("huber", (real, real), "huber_loss", ELEMENTS, scikit_learn="HuberLoss"),
    Entry("kl_div", (log_unit, unit), "kl_div", ELEMENTS, {"reduction": "batchmean"}),
    Entry("l1", (real, real), "l1_loss", ELEMENTS, scikit_learn="AbsoluteError"),
    Entry(
        "linear_cross_entropy",
        (real, partial(layer, rows=OUTPUTS), output),
        "linear_cross_entropy",
        (LAYER,),
        product=True,
    ),
    Entry("margin_ranking", (real, real, side), "margin_ranking_loss", ELEMENTS),
    Entry("mse", (real, real), "mse_loss", ELEMENTS, scikit_learn="HalfSquaredError"),
    Entry("multi_margin", (real, label), "multi_margin_loss", MARGINS),
    Entry(
        "multilabel_margin",
        (real, class_list),
        "multilabel_margin_loss",
        MARGINS,
        left_out=("torch.compile",),  # takes what is after the first -1 for class 0: pytorch issue 141017
    ),
    Entry("multilabel_soft_margin", (real, binary), "multilabel_soft_margin_loss", MARGINS),
    Entry("nll", (log_distribution, label), "nll_loss", LABELS),
    Entry("poisson_nll", (real, count), "poisson_nll_loss", ELEMENTS, scikit_learn="HalfPoissonLoss"),
    Entry("smooth_l1", (real, real), "smooth_l1_loss", ELEMENTS),
    Entry("soft_margin", (real, side), "soft_margin_loss", ELEMENTS),
    Entry("triplet_margin", (real, real, real), "triplet_margin_loss", VECTORS),
    Entry("triplet_margin_with_distance", (real, real, real), "triplet_margin_with_distance_loss", VECTORS),
)

CASES = tuple(Case(entry, size) for entry in ENTRIES for size in entry.sizes)

LADDER = tuple(16 << shift for shift in range(0, 22, 2))
"""From 16 to 16M elements, by factors of 4."""

LARGE = 1 << 20
"""Elements for which another thread is woken, whatever the loss."""


def ladder() -> list[Case]:
    """The cases of the plot of time against size: a streaming loss, one with an exponential, and rows of 16 classes."""
    entries = [entry for name in ("mse", "bce_with_logits") for entry in ENTRIES if entry.loss == name]
    columns = [Case(entry, Size("ladder", (count,))) for entry in entries for count in LADDER]
    (rows,) = (entry for entry in ENTRIES if entry.loss == "cross_entropy" and not entry.variant)
    return columns + [Case(rows, Size("ladder", (count // 16, 16))) for count in LADDER]


def largest() -> list[Case]:
    """For each entry the case with the most elements."""
    return [Case(entry, max(entry.sizes, key=lambda size: prod(size.shape))) for entry in ENTRIES]


def large() -> list[Case]:
    """The cases, and those of the ladder, of a size that another thread is woken for; each once."""
    return [case for case in {case.name: case for case in (*ladder(), *CASES)}.values() if case.elements >= LARGE]
