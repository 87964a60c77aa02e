"""Values and gradients are PyTorch 2.13.0's, over all parameters, forms and reductions, ties included.

The numbers are those of tests/golden/losses.json, so that no PyTorch is needed; tests/live compares with one that is
installed. Where lossreg differs on purpose is in tests/test_differences.py, each with its reason.
"""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import lossreg

GOLDEN = json.loads(Path(__file__).with_name("golden").joinpath("losses.json").read_text("utf-8"))
# Relative above 1, below it absolute; far below the 1e-7 and 2e-5 that are asked for. PyTorch's cosines are off by the
# 1e-12 that it adds to squared norms.
CLOSE = {"float64": 1e-14, "float32": 2e-6}
CLOSE_COSINE = {"float64": 1e-11, "float32": 2e-6}


def deviation(ours, theirs):
    """The largest difference, relative where the number is above 1."""
    ours, theirs = (np.asarray(x, np.float64) for x in (ours, theirs))
    assert ours.shape == theirs.shape
    return float(np.max(np.abs(ours - theirs) / np.maximum(1, np.abs(theirs)), initial=0.0))


def named(case):
    shapes = "x".join(map(str, np.shape(case["inputs"][0])))
    return "-".join([case["loss"], shapes, *(f"{k}={json.dumps(v)}" for k, v in case["parameters"].items())])


def test_every_loss_that_pytorch_has_is_among_the_cases():
    counted = Counter(case["loss"] for case in GOLDEN["cases"])
    assert GOLDEN["torch"].startswith("2.13.0")
    assert set(counted) == {
        *("bce_with_logits", "cosine_embedding", "cross_entropy", "huber", "kl_div", "l1", "mse", "smooth_l1"),
    }
    assert counted["cross_entropy"] == 4 * 2 * 3 * (3 + 2)


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("case", GOLDEN["cases"], ids=named)
def test_value_and_gradients_are_pytorchs(case, kind):
    tolerance = (CLOSE_COSINE if case["loss"] == "cosine_embedding" else CLOSE)[kind]
    inputs = [np.array(x, kind) for x in case["inputs"]]
    compared = 0
    for key, (value, *grads) in case["expected"].items():
        reduction, theirs = key.split()
        if theirs != kind:
            continue
        criterion = lossreg.create(case["loss"], **case["parameters"], reduction=reduction)
        ours, our_grads = criterion.value_and_grad(*labels_as_integers(case, inputs))
        assert deviation(ours, value) <= tolerance
        our_grads = our_grads if isinstance(our_grads, tuple) else (our_grads,)
        for grad, expected in zip(our_grads, grads, strict=reduction != "none"):
            assert grad.dtype == kind
            assert deviation(grad, expected) <= tolerance
        compared += 1
    assert compared == (4 if case["loss"] == "kl_div" else 3)


def labels_as_integers(case, inputs):
    first, target = inputs[0], inputs[-1]
    by_class = case["loss"] == "cross_entropy" and target.shape != first.shape
    return [*inputs[:-1], target.astype(np.int64) if by_class else target]
