"""Exactness of each built-in loss: its errors against 60 digits, for its page and for docs/proofs.md.

python experiments/exactness/measure.py            # the losses that results.json does not have; some minutes for all
python experiments/exactness/measure.py huber l1   # these losses again

Of losses by element and by row the conformance kit measures each value and slope at ordinary and extreme points. A loss
of batches is compared with its oracle in tests/, in batches of ordinary numbers; the unit is then one in the last place
of the largest number of a result, since each is a sum over the batch, and the grade follows from the largest error.
"""  # noqa: INP001  a script

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import lossreg
from lossreg.registry.registries import losses
from lossreg.testing import GRADES, checks_of
from lossreg.testing.results import CLOSE, EXACT

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import batch_catalogue
import oracles

RESULTS = Path(__file__).parent / "results.json"
BATCHES = 4
"""How many batches a loss of batches is measured on."""
CHECKS = {"exact_in_float32": "float32", "exact_in_float64": "float64"}


def measured(name: str) -> dict[str, Any]:
    """Return the grade of a loss, and its largest errors at ordinary numbers in units in the last place."""
    if lossreg.get(name).forms[0].by_batch:
        return measured_in_batches(name)
    grades, ulps = [], {}
    for check, run in checks_of(name):
        if check in CHECKS:
            result = run()
            grades.append(result.grade)
            if result.worst:  # without one, every result at ordinary numbers is exact
                ulps[CHECKS[check]] = round(result.worst.error, 2)
    return {"grade": max(grades, default=""), "ulps": ulps}


def layer(random: Any) -> list[Any]:
    """Features, and the weights and labels of a layer of five classes."""
    return [random.normal(size=(6, 4)), random.normal(size=(5, 4)), random.integers(0, 5, 6)]


def clusters(random: Any) -> list[Any]:
    """Features and labels, and the weights of a head of two classes and of a cluster of four."""
    shapes = [(3, 4), (1, 4), (4, 1)]
    return [random.normal(size=(6, 4)), random.integers(0, 6, 6), *(random.normal(size=shape) for shape in shapes)]


def frames(random: Any) -> list[Any]:
    """Log-probabilities of three classes in four frames, for three sequences of up to two labels."""
    logits = random.normal(size=(4, 3, 3))
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return [log_probs, np.array([[1, 2], [2, 0], [1, 1]]), np.array([4, 3, 4]), np.array([2, 1, 2])]


OTHERS = {
    "adaptive_log_softmax": (clusters, {"cutoffs": (2,)}),
    "ctc": (frames, {}),
    "linear_cross_entropy": (layer, {}),
}
"""Losses of batches whose oracles are in tests/oracles.py: makers of a batch, and parameters."""


def exact_results(name: str, arrays: list[Any], positions: list[int], parameters: dict[str, Any]) -> list[Any]:
    """Return the sum of the values of a batch and its slopes, by its oracle."""
    if name in OTHERS:
        values, _, slopes = oracles.evaluate(name, arrays, parameters)
        return [values.sum(), *(slopes[position] for position in positions if position in slopes)]
    values, found = batch_catalogue.evaluate(name, arrays, positions, parameters)
    return [values.sum(), *found]


def measured_in_batches(name: str) -> dict[str, Any]:
    """Return the grade of a loss of batches, and its largest errors."""
    draw, *settings = (
        OTHERS[name]
        if name in OTHERS
        else (batch_catalogue.BATCHES[name].draw, *batch_catalogue.BATCHES[name].parameters)
    )
    inputs = [entry.name for entry in lossreg.get(name).forms[0].inputs]
    ulps = {}
    for real in ("float32", "float64"):
        errors = [0.0]
        for seed, parameters in ((seed, parameters) for seed in range(BATCHES) for parameters in settings):
            arrays = [np.asarray(x) for x in draw(np.random.default_rng(seed))]
            arrays = [x.astype(real) if x.dtype.kind == "f" else x for x in arrays]
            criterion = lossreg.create(name, reduction="sum", **parameters)
            graded = criterion.plan(*arrays).bound.graded
            positions = [inputs.index(x) for x in graded if x in inputs]
            exact = exact_results(name, arrays, positions, parameters)
            values, grads = criterion.value_and_grad(*arrays)
            grads = grads if isinstance(grads, tuple) else (grads,)
            for found, expected in zip((values, *grads), exact, strict=False):
                errors.append(error(np.asarray(found), np.asarray(expected, object), real))
        ulps[real] = round(max(errors), 2)
    worst = max(ulps.values())
    return {"grade": "A" if worst <= EXACT else "C" if worst <= CLOSE else "D", "ulps": ulps}


def error(found: Any, expected: Any, real: str) -> float:
    """Return the largest error of a result, in units in the last place of its largest number."""
    largest = float(max(abs(x) for x in np.ravel(expected)))
    unit = float(np.spacing(np.dtype(real).type(largest)))
    return max(float(abs(y - float(x))) / unit for x, y in zip(np.ravel(found), np.ravel(expected), strict=True))


def main() -> None:
    """Measure the losses that are given, or that are missing, and write the results after each."""
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))["losses"] if RESULTS.is_file() else {}
    built_in = [offer.name for offer in losses.offers() if offer.distribution == "lossreg"]
    for name in sys.argv[1:] or [name for name in built_in if name not in found]:
        try:
            found[name] = measured(name)
        except lossreg.LossregError as error:
            sys.stderr.write(f"{error}\n")
            continue
        kept = {each: found[each] for each in sorted(found) if each in built_in}
        RESULTS.write_text(json.dumps({"grades": GRADES, "losses": kept}, indent=1) + "\n", "utf-8")
        sys.stderr.write(f"{name} {found[name]}\n")


if __name__ == "__main__":
    main()
