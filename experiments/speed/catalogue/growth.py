"""How time and memory of the losses of pairs and of orders grow with the number of samples.

python experiments/speed/catalogue/growth.py          # all; into growth.json and growth.md
python experiments/speed/catalogue/growth.py supcon   # these losses again

A process of its own for each loss and size: the least time of value and gradient in float32 on one thread, and by how
much the calls raise the peak of the process's memory, once its inputs are made and the loss is compiled. Embeddings
have 64 numbers, images two rows, lists are one list of all samples, an ensemble one row of all members.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from math import log
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import lossreg

RESULTS, PAGE = (Path(__file__).with_name(name) for name in ("growth.json", "growth.md"))
SIZES = (1024, 4096, 16_384)
WIDTH = 64
CLASSES = 16
RANDOM = np.random.default_rng(0)


def vectors(count: int) -> Any:
    """Embeddings."""
    return RANDOM.standard_normal((count, WIDTH)).astype(np.float32)


def scores(count: int) -> Any:
    """A number for each sample."""
    return RANDOM.standard_normal(count).astype(np.float32)


def halves(count: int) -> Any:
    """0 or 1 for each sample."""
    return RANDOM.integers(0, 2, count)


def classes(count: int) -> Any:
    """A class for each sample."""
    return RANDOM.integers(0, CLASSES, count)


def one_list(count: int) -> Any:
    """The same list for each sample."""
    return np.zeros(count, np.int64)


def pixels(count: int) -> Any:
    """Probabilities of two classes in an image of two rows."""
    share = RANDOM.uniform(size=(1, 1, 2, count // 2)).astype(np.float32)
    return np.concatenate([share, 1 - share], 1)


def rows(make: Any) -> Any:
    """An image of two rows."""
    return lambda count: make(count).reshape(1, 2, count // 2)


Losses = dict[str, tuple[tuple[Any, ...], dict[str, Any]]]
LOSSES: Losses = {
    "info_nce": ((vectors, vectors, lambda _: np.float32(0.07)), {}),
    "siglip": ((vectors, vectors, lambda _: np.float32(0.1), lambda _: np.float32(-10)), {}),
    "n_pairs": ((vectors, vectors), {}),
    "nt_xent": ((vectors, vectors), {}),
    "supcon": ((vectors, classes), {}),
    "multi_similarity": ((vectors, classes), {}),
    "circle": ((vectors, classes), {}),
    "mmd": ((vectors, vectors), {"bandwidth": 8.0}),
    "energy_distance": ((vectors, vectors), {}),
    "pairwise_auc": ((scores, halves), {}),
    "pairwise_auc (hinge)": ((scores, halves), {"surrogate": "hinge"}),
    "ranknet": ((scores, classes, one_list), {}),
    "lambda_rank": ((scores, classes, one_list), {}),
    "list_mle": ((scores, classes, one_list), {}),
    "list_net": ((scores, classes, one_list), {}),
    "cox": ((scores, lambda count: RANDOM.integers(1, 1000, count) * 1.0, halves), {}),
    "lovasz_hinge": ((rows(scores), rows(halves)), {}),
    "lovasz_softmax": ((pixels, rows(halves)), {}),
    "crps_ensemble": ((lambda count: scores(count)[np.newaxis], lambda _: np.zeros(1, np.float32)), {}),
    "barlow_twins": ((vectors, vectors), {}),
    "vicreg": ((vectors, vectors), {}),
}
"""By case: the makers of the inputs, and parameters."""


def peak() -> float:
    """The peak of the process's memory so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(case: str, count: int) -> dict[str, float]:
    """Measure one case in this process."""
    lossreg.set_num_threads(1)
    makers, parameters = LOSSES[case]
    criterion = lossreg.create(case.partition(" ")[0], **parameters)
    arrays = [make(count) for make in makers]
    criterion.value_and_grad(*(make(32) for make in makers))
    before, times = peak(), []
    while (sum(times) < 1 and len(times) < 50) or (len(times) < 3 and sum(times) < 8):
        start = perf_counter()
        criterion.value_and_grad(*arrays)
        times.append(perf_counter() - start)
    return {"ms": min(times) * 1e3, "MB": peak() - before}


def table(found: dict[str, Any]) -> str:
    """The page: a row for each case, with the exponent of N between the last two sizes."""
    lines = [
        "# How do time and memory grow with the batch?",
        "",
        f"Value and gradient in float32 on one thread, of {', '.join(f'{n:,}' for n in SIZES)} samples. Memory is by",
        "how much the calls raise the peak of the process, their results included. The exponent is that of N",
        "between the last two sizes. Written by `growth.py`, which says what the inputs are.",
        "",
        "| loss | "
        + " | ".join(f"{n:,}: ms" for n in SIZES)
        + " | time | "
        + " | ".join(f"{n:,}: MB" for n in SIZES)
        + " |",
        "|---" * (2 + 2 * len(SIZES)) + "|",
    ]
    for case in LOSSES:
        if case in found:
            sizes = [found[case].get(str(n)) for n in SIZES]
            measured = [(n, size["ms"]) for n, size in zip(SIZES, sizes, strict=True) if size]
            (fewer, less), (more, longer) = measured[-2:] if len(measured) > 1 else [*measured, *measured]
            exponent = f"N^{log(longer / less) / log(more / fewer):.1f}" if more > fewer else "-"
            times = " | ".join(f"{size['ms']:.3g}" if size else "-" for size in sizes)
            memory = " | ".join(f"{size['MB']:.1f}" if size else "-" for size in sizes)
            lines.append(f"| `{case}` | {times} | {exponent} | {memory} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure the cases that are named, or all, each size in a process of its own."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
        return
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    for case in [case for case in LOSSES if not sys.argv[1:] or case.partition(" ")[0] in sys.argv[1:]]:
        for count in SIZES:
            command = [sys.executable, __file__, "--one", case, str(count)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  this script
            found.setdefault(case, {})[str(count)] = json.loads(done.stdout)
            print(case, count, found[case][str(count)], flush=True)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        prose = PAGE.read_text("utf-8").partition("\n## ")[2] if PAGE.exists() else ""
        PAGE.write_text(table(found) + (f"\n## {prose}" if prose else ""), "utf-8")


if __name__ == "__main__":
    main()
