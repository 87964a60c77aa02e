"""Other libraries beside lossreg, on inputs where they differ on purpose; README.md says how to run it.

A case is a loss with inputs and parameters, and the same in the other library. Both values are shown, or both slopes.
"""  # noqa: INP001  a script

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from compare import shown

import lossreg

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).with_name("libraries.json")
DOCUMENT = Path(__file__).parents[2] / "docs" / "libraries.md"
START, END = "<!-- differences -->\n", "<!-- /differences -->"


@dataclass(frozen=True)
class LibraryCase:
    """One case: its text in the table, the reason, the library, its code, and the loss with inputs and parameters."""

    words: str
    reason: str
    library: str
    theirs: Callable[[Any], Any]
    loss: str
    inputs: tuple[Any, ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    slope: bool = False


def as_tensor(x: list[Any]) -> Any:
    """Numbers as a tensor of PyTorch."""
    import torch

    return torch.from_numpy(np.array(x))


def slope_of_arcface(losses: Any, embedding: list[float]) -> Any:
    """The slope of pytorch-metric-learning's ArcFace by an embedding of class 0, for the unit vectors as centres."""
    import torch

    loss = losses.ArcFaceLoss(2, 2, margin=28.6479, scale=64).double()
    loss.W = torch.nn.Parameter(torch.eye(2, dtype=torch.float64))
    x = torch.tensor([embedding], dtype=torch.float64, requires_grad=True)
    loss(x, torch.tensor([0])).backward()
    return x.grad


def slope_of_ntxent(optax: Any, rows: list[list[float]]) -> Any:
    """The slope of optax's NT-Xent, of two views one after the other, by the first one's rows."""
    import jax

    labels = np.tile(np.arange(len(rows) // 2), 2)
    return jax.grad(lambda x: optax.losses.ntxent(x, labels, temperature=0.5))(np.array(rows))[: len(rows) // 2]


ZERO_FIRST = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
SHARES = [[[[0.7, 0.4]], [[0.3, 0.6]]]]
TRIANGLE = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]

LIBRARY_CASES = (
    LibraryCase(
        "`crammer_singer` of scores -3, -2, -2.5, the second true",
        "its CategoricalHinge has the true class among the others, with score 0",
        "keras",
        lambda keras: keras.losses.categorical_hinge(np.eye(3)[[1]], np.array([[-3.0, -2.0, -2.5]])),
        "crammer_singer",
        ([[-3.0, -2.0, -2.5]], [1]),
    ),
    LibraryCase(
        "`log_cosh` of an error of 1e-5",
        "its float32 cancels a value of 5e-11",
        "keras",
        lambda keras: keras.losses.log_cosh(np.array([[0.0]]), np.array([[1e-5]])),
        "log_cosh",
        ([1e-5], [0.0]),
    ),
    LibraryCase(
        "`log_cosh` of an error of 1e-9",
        "the logarithm of 2 is taken from one that is hardly larger",
        "optax",
        lambda optax: optax.losses.log_cosh(np.array([1e-9]), np.array([0.0])),
        "log_cosh",
        ([1e-9], [0.0]),
    ),
    LibraryCase(
        "`focal` of a logit of 100 for 0, without balance",
        "its probabilities are bounded at 1e-7",
        "keras",
        lambda keras: keras.losses.binary_focal_crossentropy(np.array([[0.0]]), np.array([[100.0]]), from_logits=True),
        "focal",
        ([100.0], [0.0]),
        {"balance": False},
    ),
    LibraryCase(
        "`focal` of a logit of 1 for 0.5, without balance",
        "a target between mixes the probabilities there, and the losses of both labels here",
        "optax",
        lambda optax: optax.losses.sigmoid_focal_loss(np.array([1.0]), np.array([0.5])),
        "focal",
        ([1.0], [0.5]),
        {"balance": False},
    ),
    LibraryCase(
        "`msle` of a prediction of -0.5 for 1",
        "predictions are raised to 1e-7, where the slope is 0",
        "keras",
        lambda keras: keras.losses.mean_squared_logarithmic_error(np.array([[1.0]]), np.array([[-0.5]])),
        "msle",
        ([-0.5], [1.0]),
    ),
    LibraryCase(
        "`mape` of 3 for 4",
        "its unit is a hundredth",
        "keras",
        lambda keras: keras.losses.mean_absolute_percentage_error(np.array([[4.0]]), np.array([[3.0]])),
        "mape",
        ([3.0], [4.0]),
    ),
    LibraryCase(
        "`quantile` at 0.9, slope at the target",
        "0 is the slope of `l1` at the target too, so that a perfect prediction stays",
        "sklearn",
        lambda losses: losses.PinballLoss(quantile=0.9).gradient(np.array([1.0]), np.array([1.0])),
        "quantile",
        ([1.0], [1.0]),
        {"level": 0.9},
        slope=True,
    ),
    LibraryCase(
        "`gamma` of -800 for 1e-300",
        "the exponential overflows before the product does",
        "sklearn",
        lambda losses: losses.HalfGammaLoss().loss(np.array([1e-300]), np.array([-800.0])),
        "gamma",
        ([-800.0], [1e-300]),
    ),
    LibraryCase(
        "`gamma` of 1e-20 for 1, slope",
        "1 is taken from a number near 1",
        "sklearn",
        lambda losses: losses.HalfGammaLoss().gradient(np.array([1.0]), np.array([1e-20])),
        "gamma",
        ([1e-20], [1.0]),
        slope=True,
    ),
    LibraryCase(
        "`dice` of an image in which nothing is predicted or true",
        "what is right has no loss; there 0 is divided by a small number",
        "keras",
        lambda keras: keras.losses.dice(np.zeros((1, 4)), np.zeros((1, 4))),
        "dice",
        ([[[0.0, 0.0, 0.0, 0.0]]], [[[0.0, 0.0, 0.0, 0.0]]]),
    ),
    LibraryCase(
        "`dice` of 0.5 and 0.25 for 1 and 0",
        "`smooth` is 1 by default; with 0 they agree",
        "keras",
        lambda keras: keras.losses.dice(np.array([[1.0, 0.0]]), np.array([[0.5, 0.25]])),
        "dice",
        ([[[0.5, 0.25]]], [[[1.0, 0.0]]]),
    ),
    LibraryCase(
        "`tversky` of 0.5 and 0.25 for 1 and 0, without smoothing",
        "alpha and beta are 0.3 and 0.7 by default, as in the paper; there both are 0.5",
        "keras",
        lambda keras: keras.losses.tversky(np.array([[1.0, 0.0]]), np.array([[0.5, 0.25]])),
        "tversky",
        ([[[0.5, 0.25]]], [[[1.0, 0.0]]]),
        {"smooth": 0.0},
    ),
    LibraryCase(
        "`arcface`, slope of an embedding that is the centre of its class",
        "the derivative of the arc cosine at 1 is infinite, and that of the loss is not",
        "pytorch_metric_learning",
        lambda losses: slope_of_arcface(losses, [1.0, 0.0]),
        "arcface",
        ([[1.0, 0.0]], [0], [[1.0, 0.0], [0.0, 1.0]]),
        slope=True,
    ),
    LibraryCase(
        "`arcface`, slope of an embedding opposite to the centre of its class",
        "the same at -1",
        "pytorch_metric_learning",
        lambda losses: slope_of_arcface(losses, [-1.0, 0.0]),
        "arcface",
        ([[-1.0, 0.0]], [0], [[1.0, 0.0], [0.0, 1.0]]),
        slope=True,
    ),
    LibraryCase(
        "`circle` of three rows, one of which is alone in its class",
        "a mean is over all rows; there it is over those whose value is not 0",
        "pytorch_metric_learning",
        lambda losses: losses.CircleLoss()(as_tensor(TRIANGLE), as_tensor([0, 0, 1])),
        "circle",
        (TRIANGLE, [0, 0, 1]),
    ),
    LibraryCase(
        "`corn` of three rows of two questions",
        "a mean is over rows; there it is over the questions that rows are asked",
        "coral_pytorch",
        lambda losses: losses.corn_loss(as_tensor([[2.0, -1.0], [0.5, 0.3], [-1.0, 2.0]]), as_tensor([2, 0, 1]), 3),
        "corn",
        ([[2.0, -1.0], [0.5, 0.3], [-1.0, 2.0]], [2, 0, 1]),
    ),
    LibraryCase(
        "`nt_xent`, slope of an embedding of zeros",
        "a vector without a direction has no slope; there its length is replaced by a small number",
        "optax",
        lambda optax: slope_of_ntxent(optax, ZERO_FIRST),
        "nt_xent",
        (ZERO_FIRST[:2], ZERO_FIRST[2:]),
        slope=True,
    ),
    LibraryCase(
        "`cross_entropy` of logits -inf, 0, 1 for the distribution 0, 1, 0",
        "0 is multiplied by -inf there",
        "optax",
        lambda optax: optax.losses.softmax_cross_entropy(np.array([-np.inf, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])),
        "cross_entropy",
        ([[-np.inf, 0.0, 1.0]], [[0.0, 1.0, 0.0]]),
    ),
    LibraryCase(
        "`kl_div` of log-probabilities -inf, 0 for 0, 1",
        "the same; what has no probability in either adds nothing",
        "optax",
        lambda optax: optax.losses.kl_divergence(np.array([-np.inf, 0.0]), np.array([0.0, 1.0])),
        "kl_div",
        ([[-np.inf, 0.0]], [[0.0, 1.0]]),
    ),
    LibraryCase(
        "`poly1` of logits -inf, 0, 0, the second true",
        "the same",
        "optax",
        lambda optax: optax.losses.poly_loss_cross_entropy(np.array([-np.inf, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])),
        "poly1",
        ([[-np.inf, 0.0, 0.0]], [1]),
    ),
    LibraryCase(
        "`barlow_twins` of three rows and the same rows",
        "a variance is divided by N - 1 there, and a covariance by N, so that a correlation is at most 1 - 1 / N",
        "monai",
        lambda losses: losses.BarlowTwinsLoss()(as_tensor(TRIANGLE), as_tensor(TRIANGLE)),
        "barlow_twins",
        (TRIANGLE, TRIANGLE),
        {"redundancy": 0.005},
    ),
    LibraryCase(
        "`generalized_dice` of 0.5 where nothing is true",
        "what is predicted wrongly has a loss; there the weights of classes without true pixels are 0",
        "monai",
        lambda losses: losses.GeneralizedDiceLoss()(as_tensor([[[0.5, 0.0]]]), as_tensor([[[0.0, 0.0]]])),
        "generalized_dice",
        ([[[0.5, 0.0]]], [[[0.0, 0.0]]]),
    ),
    LibraryCase(
        "`giou` of a box of size 1e-5 and itself",
        "equal boxes have no loss; there 1e-6 is added to areas",
        "monai",
        lambda losses: losses.BoxGIoULoss()(as_tensor([[0.0, 0.0, 1e-5, 1e-5]]), as_tensor([[0.0, 0.0, 1e-5, 1e-5]])),
        "giou",
        ([[0.0, 0.0, 1e-5, 1e-5]], [[0.0, 0.0, 1e-5, 1e-5]]),
    ),
    LibraryCase(
        "`lovasz_softmax` of an image without the second class",
        "a class without pixels does not count by default, as in the paper; there it does",
        "kornia",
        lambda losses: losses.lovasz_softmax_loss(as_tensor(SHARES).log(), as_tensor([[[0, 0]]])),
        "lovasz_softmax",
        (SHARES, [[[0, 0]]]),
    ),
    LibraryCase(
        "`cauchy` of an error of 1e200",
        "the square overflows before its logarithm is taken",
        "kornia",
        lambda losses: losses.cauchy_loss(as_tensor([1e200]), as_tensor([0.0])),
        "cauchy",
        ([1e200], [0.0]),
    ),
    LibraryCase(
        "`pseudo_huber` of an error of 1e200",
        "the same before its root",
        "kornia",
        lambda losses: losses.charbonnier_loss(as_tensor([1e200]), as_tensor([0.0])),
        "pseudo_huber",
        ([1e200], [0.0]),
    ),
    LibraryCase(
        "`geman_mcclure` of an error of 1e200",
        "inf is divided by inf there",
        "kornia",
        lambda losses: losses.geman_mcclure_loss(as_tensor([1e200]), as_tensor([0.0])),
        "geman_mcclure",
        ([1e200], [0.0]),
    ),
    LibraryCase(
        "`smape` of 3 for 4",
        "its unit is a hundredth",
        "catboost",
        lambda utils: utils.eval_metric([4.0], [3.0], "SMAPE"),
        "smape",
        ([3.0], [4.0]),
    ),
)


MODULES = {
    "catboost": "catboost.utils",
    "coral_pytorch": "coral_pytorch.losses",
    "keras": "keras",
    "kornia": "kornia.losses",
    "monai": "monai.losses",
    "optax": "optax",
    "pytorch_metric_learning": "pytorch_metric_learning.losses",
    "sklearn": "sklearn._loss.loss",
}
"""The module of each library that has its losses."""


def library(name: str) -> Any:
    """Import a library, as its cases take it."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    os.environ.setdefault("JAX_ENABLE_X64", "1")
    return import_module(MODULES[name])


def ours(case: LibraryCase) -> str:
    """Return what lossreg prints for a case."""
    value, grad = lossreg.create(case.loss, **case.parameters).value_and_grad(*map(np.array, case.inputs))
    first = grad[0] if isinstance(grad, tuple) else grad
    return shown(first if case.slope else value)


def table(results: dict[str, Any]) -> str:
    """Return the table of the document."""
    rows = ["| case | there | lossreg | reason |", "|---|---|---|---|"]
    rows += [f"| {r['case']} | {r['library']}: {r['theirs']} | {r['ours']} | {r['reason']} |" for r in results["cases"]]
    return "\n".join(rows) + "\n"


def recorded() -> dict[str, Any]:
    """Return the results as committed."""
    results: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))
    return results


def measured() -> dict[str, Any]:
    """Return the results of both sides."""
    modules = {name: library(name) for name in sorted({case.library for case in LIBRARY_CASES})}
    found = []
    for case in LIBRARY_CASES:
        theirs = shown(np.asarray(case.theirs(modules[case.library]), np.float64))
        row = {"case": case.words, "library": case.library, "theirs": theirs, "ours": ours(case), "reason": case.reason}
        found.append(row)
    return {"cases": found}


def main() -> None:
    """Show the table; with --write run both sides, and write the results and the document."""
    if "--write" in sys.argv:
        RESULTS.write_text(json.dumps(measured(), indent=1, ensure_ascii=False) + "\n", "utf-8")
        before, _, rest = DOCUMENT.read_text("utf-8").partition(START)
        DOCUMENT.write_text(before + START + table(recorded()) + END + rest.partition(END)[2], "utf-8")
    sys.stdout.write(table(recorded()))


if __name__ == "__main__":
    main()
