"""PyTorch and lossreg side by side, on inputs where they differ on purpose. README.md here says how to run it.

A case is a loss, its inputs and parameters, given to both as they are, and parameters that only lossreg has. What is
shown is the loss and, unless it is beside the point, the gradient; of an error its first words.
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
README = Path(__file__).parents[2] / "README.md"
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
class Case:
    """One comparison: its words in the table, the loss, what both are given, which gradient is shown, what we add."""

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
    Case("`soft_margin` of -1000 for 1", "soft_margin", (numbers(-1000), numbers(1))),
    Case(
        "`bce_with_logits` of inf and -inf for 1, of inf and -inf for 0",
        "bce_with_logits",
        (numbers(INF, -INF, INF, -INF), numbers(1, 1, 0, 0)),
        {"reduction": "none"},
    ),
    Case("`cross_entropy` of (inf, 0) for class 0", "cross_entropy", (numbers([INF, 0]), numbers(0, kind="int64"))),
    Case(
        "`cross_entropy`, ignored row with a logit of nan",
        "cross_entropy",
        (numbers([0, 0], [NAN, 0]), numbers(0, -100, kind="int64")),
    ),
    Case(
        "`cross_entropy`, ignored row with a logit of inf",
        "cross_entropy",
        (numbers([0, 0], [INF, 0]), numbers(0, -100, kind="int64")),
    ),
    Case(
        "`bce_with_logits` of -inf for 1, weight 0",
        "bce_with_logits",
        (numbers(-INF), numbers(1)),
        {"weight": numbers(0)},
    ),
    Case(
        "`nll` of -inf, class weight 0",
        "nll",
        (numbers([-INF, 0]), numbers(0, kind="int64")),
        {"weight": numbers(0, 1), "reduction": "sum"},
    ),
    Case("`cross_entropy`, the true class wins by 40", "cross_entropy", (numbers([0, 40]), numbers(1, kind="int64"))),
    Case(
        "`cross_entropy` in float32, the true class wins by 20",
        "cross_entropy",
        (numbers([0, 20], kind="float32"), numbers(1, kind="int64")),
    ),
    Case(
        "`cross_entropy`, probability 0 against a logit of -inf", "cross_entropy", (numbers([0, -INF]), numbers([1, 0]))
    ),
    Case("`kl_div` of log-probability -inf for 0", "kl_div", (numbers(-INF), numbers(0)), {"reduction": "sum"}),
    Case("`kl_div` of -1 for 0, gradient of the target", "kl_div", (numbers(-1), numbers(0)), {"reduction": "sum"}, 1),
    Case("`bce` of 0 for 1, gradient of the target", "bce", (numbers(0), numbers(1)), {}, 1),
    Case("`poisson_nll` full, gradient of a target of 0", "poisson_nll", (numbers(1), numbers(0)), {"full": True}, 1),
    Case(
        "`poisson_nll` full of a target of 2, the exact ln(2!) with `stirling=False`",
        "poisson_nll",
        (numbers(0), numbers(2)),
        {"full": True, "log_input": False, "eps": 1.0},
        None,
        {"stirling": False},
    ),
    Case(
        "`cosine_embedding` of (1e-8, 0) with itself",
        "cosine_embedding",
        (numbers([1e-8, 0]), numbers([1e-8, 0]), numbers(1)),
    ),
    Case(
        "`cosine_embedding` of (1e200, 0) with itself",
        "cosine_embedding",
        (numbers([1e200, 0]), numbers([1e200, 0]), numbers(1)),
    ),
    Case(
        "`cosine_embedding` of (0, 0) with (1, 0)",
        "cosine_embedding",
        (numbers([0, 0]), numbers([1, 0]), numbers(1)),
    ),
    Case(
        "`triplet_margin`, distances of 1e200",
        "triplet_margin",
        (numbers([0, 0]), numbers([1e200, 0]), numbers([0, 1e200])),
    ),
    Case("`cross_entropy`, everything ignored", "cross_entropy", (numbers([1, 2]), numbers(-100, kind="int64"))),
    Case("`mse` of an empty batch", "mse", (numbers(), numbers())),
    Case("`cross_entropy`, labels of int32", "cross_entropy", (numbers([1, 2]), numbers(1, kind="int32"))),
    Case("`bce_with_logits`, targets of bool", "bce_with_logits", (numbers(0, 2), numbers(0, 1, kind="bool"))),
    Case("`bce`, targets of int64", "bce", (numbers(0.25, 0.5), numbers(0, 1, kind="int64"))),
    Case(
        "`huber`, predictions of float32, targets of float64",
        "huber",
        (numbers(0.5, 3, kind="float32"), numbers(0, 0)),
    ),
    Case(
        "`cross_entropy` in float16, 70,000 equal classes",
        "cross_entropy",
        (np.zeros((1, 70_000), np.float16), numbers(0, kind="int64")),
        {},
        None,
    ),
    Case(
        "`l1` in float32, mean of 3e38 and 3e38",
        "l1",
        (numbers(3e38, 3e38, kind="float32"), numbers(0, 0, kind="float32")),
    ),
    Case(
        "`mse`, prediction (3, 1), target (3)", "mse", (np.ones((3, 1)), numbers(1, 2, 3)), {"reduction": "sum"}, None
    ),
    Case("`bce_with_logits`, target 2", "bce_with_logits", (numbers(1), numbers(2)), {}, None),
    Case("`soft_margin`, target 0", "soft_margin", (numbers(1), numbers(0)), {}, None),
    Case("`hinge_embedding`, target 0", "hinge_embedding", (numbers(0.25), numbers(0)), {}, None),
    Case(
        "`cosine_embedding`, target 0",
        "cosine_embedding",
        (numbers([1, 0]), numbers([0, 1]), numbers(0)),
        {},
        None,
    ),
    Case(
        "`cross_entropy`, label 3 of 3 classes",
        "cross_entropy",
        (numbers([0, 0, 0]), numbers(3, kind="int64")),
        {},
        None,
    ),
    Case(
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
    Case(
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
    Case(
        "`ctc`, a label of log-probability -inf in one of two frames",
        "ctc",
        (
            numbers([[0.0, -INF]], [[-0.5, -0.5]]),
            numbers([1], kind="int64"),
            numbers(2, kind="int64"),
            numbers(1, kind="int64"),
        ),
    ),
    Case(
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
    Case("`MSELoss(reduction='avg')`", "MSELoss", (), {"reduction": "avg"}, None),
)


def pytorch(case: Case) -> str:
    """What PyTorch makes of a case."""
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


def ours(case: Case) -> str:
    """What lossreg makes of a case."""
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
    """An error: its type and first words."""
    told = " ".join(str(error).split()).replace("|", "\\|")
    return f"{type(error).__name__}: {told[:WORDS].rstrip()}{'...' if len(told) > WORDS else ''}"


def shown(value: Any, *slopes: Any) -> str:
    """Numbers as the table has them."""
    return "; gradient ".join(brief(np.asarray(x).tolist()) for x in (value, *slopes))


def brief(x: Any) -> str:
    """A number, or nested lists of them, in five digits; a list of one as the one."""
    if not isinstance(x, list):
        return f"{x + 0.0:.5g}"
    return brief(x[0]) if len(x) == 1 else f"({', '.join(map(brief, x))})"


def table(results: dict[str, Any]) -> str:
    """The README's table."""
    rows = [f"| case | PyTorch {results['torch']} | lossreg |", "|---|---|---|"]
    rows += [f"| {row['case']} | {row['pytorch']} | {row['lossreg']} |" for row in results["cases"]]
    return "\n".join(rows) + "\n"


def recorded() -> dict[str, Any]:
    """The results as committed."""
    results: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))
    return results


def in_readme() -> tuple[str, str, str]:
    """The README before the table, the table, and what comes after."""
    before, _, rest = README.read_text("utf-8").partition(START)
    found, _, after = rest.partition(END)
    return before, found, after


def main() -> None:
    """Run lossreg's side, and with --write both, and show the table."""
    if "--write" in sys.argv:
        import torch

        cases = [{"case": case.words, "pytorch": pytorch(case), "lossreg": ours(case)} for case in CASES]
        results = {"torch": str(torch.__version__).partition("+")[0], "cases": cases}
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
        before, _, after = in_readme()
        README.write_text(before + START + table(results) + END + after, "utf-8")
    else:
        results = recorded()
        for row, case in zip(results["cases"], CASES, strict=True):
            row["lossreg"] = ours(case)
    sys.stdout.write(table(results))


if __name__ == "__main__":
    main()
