"""PyTorch and lossreg side by side, on inputs where they differ on purpose. README.md here says how to run it.

A case is a loss with inputs and parameters, which both libraries get unchanged, and parameters that only lossreg has.
The table shows the value and, if it matters, the gradient; for an error it shows the first words.
"""  # noqa: INP001  a script

from __future__ import annotations

import json
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import lossreg

RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parents[2] / "docs" / "pytorch.md"
START, END = "<!-- differences -->\n", "<!-- /differences -->"

INF, NAN = float("inf"), float("nan")
FUNCTIONS = {
    "bce": "binary_cross_entropy",
    "bce_with_logits": "binary_cross_entropy_with_logits",
    "cross_entropy": "cross_entropy",
    "kl_div": "kl_div",
}
"""PyTorch's names of those functions that are not the loss's own with `_loss`."""

WORDS = 90
"""How many characters of an error are shown."""


@dataclass(frozen=True)
class Comparison:
    """One case: its text in the table, the loss, the inputs and parameters, the input whose gradient is shown."""

    words: str
    loss: str
    inputs: tuple[Any, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    by: int | None = 0
    ours: dict[str, Any] = field(default_factory=dict)


def numbers(*given: Any, kind: str = "float64") -> Any:
    """An array of numbers."""
    return np.array(given, kind)


CASES = (
    Comparison("`soft_margin` of -1000 for 1", "soft_margin", (numbers(-1000), numbers(1))),
    Comparison(
        "`bce_with_logits` of inf and -inf for 1, of inf and -inf for 0",
        "bce_with_logits",
        (numbers(INF, -INF, INF, -INF), numbers(1, 1, 0, 0)),
        {"reduction": "none"},
    ),
    Comparison(
        "`cross_entropy` of (inf, 0) for class 0", "cross_entropy", (numbers([INF, 0]), numbers(0, kind="int64"))
    ),
    Comparison(
        "`cross_entropy` of a row of three logits -inf, with their differences taken as 0",
        "cross_entropy",
        (numbers([-INF, -INF, -INF]), numbers(0, kind="int64")),
    ),
    Comparison(
        "`cross_entropy`, ignored row with a logit of nan",
        "cross_entropy",
        (numbers([0, 0], [NAN, 0]), numbers(0, -100, kind="int64")),
    ),
    Comparison(
        "`cross_entropy`, ignored row with a logit of inf",
        "cross_entropy",
        (numbers([0, 0], [INF, 0]), numbers(0, -100, kind="int64")),
    ),
    Comparison(
        "`bce_with_logits` of -inf for 1, weight 0",
        "bce_with_logits",
        (numbers(-INF), numbers(1)),
        {"weight": numbers(0)},
    ),
    Comparison(
        "`nll` of -inf, class weight 0",
        "nll",
        (numbers([-INF, 0]), numbers(0, kind="int64")),
        {"weight": numbers(0, 1), "reduction": "sum"},
    ),
    Comparison(
        "`cross_entropy`, the true class wins by 40", "cross_entropy", (numbers([0, 40]), numbers(1, kind="int64"))
    ),
    Comparison(
        "`cross_entropy` in float32, the true class wins by 20",
        "cross_entropy",
        (numbers([0, 20], kind="float32"), numbers(1, kind="int64")),
    ),
    Comparison(
        "`cross_entropy`, probability 0 against a logit of -inf", "cross_entropy", (numbers([0, -INF]), numbers([1, 0]))
    ),
    Comparison("`kl_div` of log-probability -inf for 0", "kl_div", (numbers(-INF), numbers(0)), {"reduction": "sum"}),
    Comparison(
        "`kl_div` of -1 for 0, gradient of the target", "kl_div", (numbers(-1), numbers(0)), {"reduction": "sum"}, 1
    ),
    Comparison("`bce` of 0 for 1, gradient of the target", "bce", (numbers(0), numbers(1)), {}, 1),
    Comparison(
        "`poisson_nll` full, gradient of a target of 0", "poisson_nll", (numbers(1), numbers(0)), {"full": True}, 1
    ),
    Comparison(
        "`poisson_nll` full of a target of 2, the exact ln(2!) with `stirling=False`",
        "poisson_nll",
        (numbers(0), numbers(2)),
        {"full": True, "log_input": False, "eps": 1.0},
        None,
        {"stirling": False},
    ),
    Comparison(
        "`cosine_embedding` of (1e-8, 0) with itself",
        "cosine_embedding",
        (numbers([1e-8, 0]), numbers([1e-8, 0]), numbers(1)),
    ),
    Comparison(
        "`cosine_embedding` of (1e200, 0) with itself",
        "cosine_embedding",
        (numbers([1e200, 0]), numbers([1e200, 0]), numbers(1)),
    ),
    Comparison(
        "`cosine_embedding` of (0, 0) with (1, 0)",
        "cosine_embedding",
        (numbers([0, 0]), numbers([1, 0]), numbers(1)),
    ),
    Comparison(
        "`triplet_margin`, distances of 1e200",
        "triplet_margin",
        (numbers([0, 0]), numbers([1e200, 0]), numbers([0, 1e200])),
    ),
    Comparison("`cross_entropy`, everything ignored", "cross_entropy", (numbers([1, 2]), numbers(-100, kind="int64"))),
    Comparison("`mse` of an empty batch", "mse", (numbers(), numbers())),
    Comparison("`cross_entropy`, labels of int32", "cross_entropy", (numbers([1, 2]), numbers(1, kind="int32"))),
    Comparison("`bce_with_logits`, targets of bool", "bce_with_logits", (numbers(0, 2), numbers(0, 1, kind="bool"))),
    Comparison("`bce`, targets of int64", "bce", (numbers(0.25, 0.5), numbers(0, 1, kind="int64"))),
    Comparison(
        "`huber`, predictions of float32, targets of float64",
        "huber",
        (numbers(0.5, 3, kind="float32"), numbers(0, 0)),
    ),
    Comparison(
        "`cross_entropy` in float16, 70,000 equal classes",
        "cross_entropy",
        (np.zeros((1, 70_000), np.float16), numbers(0, kind="int64")),
        {},
        None,
    ),
    Comparison(
        "`l1` in float32, mean of 3e38 and 3e38",
        "l1",
        (numbers(3e38, 3e38, kind="float32"), numbers(0, 0, kind="float32")),
    ),
    Comparison(
        "`mse`, prediction (3, 1), target (3)", "mse", (np.ones((3, 1)), numbers(1, 2, 3)), {"reduction": "sum"}, None
    ),
    Comparison(
        "`hinge_embedding`, prediction (2, 2), target (1, 2)",
        "hinge_embedding",
        (numbers([0.5, 1], [2, 0]), numbers([1, -1])),
        by=None,
    ),
    Comparison("`bce_with_logits`, target 2", "bce_with_logits", (numbers(1), numbers(2)), {}, None),
    Comparison("`soft_margin`, target 0", "soft_margin", (numbers(1), numbers(0)), {}, None),
    Comparison("`hinge_embedding`, target 0", "hinge_embedding", (numbers(0.25), numbers(0)), {}, None),
    Comparison(
        "`cosine_embedding`, target 0",
        "cosine_embedding",
        (numbers([1, 0]), numbers([0, 1]), numbers(0)),
        {},
        None,
    ),
    Comparison(
        "`cross_entropy`, label 3 of 3 classes",
        "cross_entropy",
        (numbers([0, 0, 0]), numbers(3, kind="int64")),
        {},
        None,
    ),
    Comparison(
        "`ctc`, class 3 of 3 among the labels",
        "ctc",
        (
            np.log(np.full((2, 2, 3), 1 / 3)),
            numbers([3], [1], kind="int64"),
            numbers(2, 2, kind="int64"),
            numbers(1, 1, kind="int64"),
        ),
        {},
        None,
    ),
    Comparison(
        "`ctc`, the blank among the labels",
        "ctc",
        (
            np.log(np.full((2, 1, 3), 1 / 3)),
            numbers([0], kind="int64"),
            numbers(2, kind="int64"),
            numbers(1, kind="int64"),
        ),
        {},
        None,
    ),
    Comparison(
        "`ctc`, a label of log-probability -inf in one of two frames",
        "ctc",
        (
            numbers([[0.0, -INF]], [[-0.5, -0.5]]),
            numbers([1], kind="int64"),
            numbers(2, kind="int64"),
            numbers(1, kind="int64"),
        ),
    ),
    Comparison(
        "`ctc` in float32, paths of probability e^-200,000",
        "ctc",
        (
            numbers([[-100_000, -100_000.5, 0]], [[-100_000, -100_000.5, 0]], kind="float32"),
            numbers([1], kind="int64"),
            numbers(2, kind="int64"),
            numbers(1, kind="int64"),
        ),
        {"reduction": "sum"},
    ),
    Comparison("`MSELoss(reduction='avg')`", "MSELoss", (), {"reduction": "avg"}, None),
)


def pytorch(case: Comparison) -> str:
    """Return what PyTorch prints for a case."""
    import torch

    name = FUNCTIONS.get(case.loss, f"{case.loss}_loss")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if not case.inputs:
                getattr(torch.nn, case.loss)(**case.parameters)
                return "accepted"
            tensors = [torch.from_numpy(np.array(x)) for x in case.inputs]
            given = {k: torch.from_numpy(x) if isinstance(x, np.ndarray) else x for k, x in case.parameters.items()}
            if case.by is not None:
                tensors[case.by].requires_grad_()
            value = getattr(torch.nn.functional, name)(*tensors, **given)
            slopes = [] if case.by is None else torch.autograd.grad(value.sum(), tensors[case.by])
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            return refused(error)
    return shown(value.detach().numpy(), *(grad.numpy() for grad in slopes))


def ours(case: Comparison) -> str:
    """Return what lossreg prints for a case."""
    try:
        criterion = lossreg.create(case.loss, **case.parameters, **case.ours)
        if not case.inputs:
            return "accepted"
        if case.by is None:
            return shown(criterion(*case.inputs))
        wrt = criterion.loss.inputs[case.by].name
        return shown(*criterion.value_and_grad(*case.inputs, wrt=(wrt,)))
    except lossreg.LossregError as error:
        return refused(error)


def refused(error: Exception) -> str:
    """Return the type of an error and its first words."""
    message = " ".join(str(error).split()).replace("|", "\\|")
    return f"{type(error).__name__}: {message[:WORDS].rstrip()}{'...' if len(message) > WORDS else ''}"


def shown(value: Any, *slopes: Any) -> str:
    """Return numbers as the table shows them."""
    return "; gradient ".join(brief(np.asarray(x).tolist()) for x in (value, *slopes))


def brief(x: Any) -> str:
    """Return a number, or nested lists of numbers, with five digits; a list of one number is shown as the number."""
    if not isinstance(x, list):
        return f"{x + 0.0:.5g}"
    return brief(x[0]) if len(x) == 1 else f"({', '.join(map(brief, x))})"


def table(results: dict[str, Any]) -> str:
    """Return the table of the page."""
    rows = [f"| case | PyTorch {results['torch']} | lossreg |", "|---|---|---|"]
    rows += [f"| {row['case']} | {row['pytorch']} | {row['lossreg']} |" for row in results["cases"]]
    return "\n".join(rows) + "\n"


def recorded() -> dict[str, Any]:
    """Return the results as committed."""
    results: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))
    return results


def in_page() -> tuple[str, str, str]:
    """Return the text of the page before the table, the table, and the text after it."""
    before, _, rest = PAGE.read_text("utf-8").partition(START)
    found, _, after = rest.partition(END)
    return before, found, after


def main() -> None:
    """Run the cases with lossreg, with --write in PyTorch too, and show the table."""
    if "--write" in sys.argv:
        import torch

        cases = [{"case": case.words, "pytorch": pytorch(case), "lossreg": ours(case)} for case in CASES]
        results = {"torch": str(torch.__version__).partition("+")[0], "cases": cases}
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
        before, _, after = in_page()
        PAGE.write_text(before + START + table(results) + END + after, "utf-8")
    else:
        results = recorded()
        for row, case in zip(results["cases"], CASES, strict=True):
            row["lossreg"] = ours(case)
    sys.stdout.write(table(results))


if __name__ == "__main__":
    main()
