"""Make losses.json: values and gradients of PyTorch's losses, for tests that have no PyTorch.

    python tests/golden/make_losses.py

The inputs are multiples of 1/64, which float32 and float64 both hold exactly, so that one input serves both and ties
(e = 0, |e| = delta, a cosine equal to its margin) are ties in both. Where lossreg differs on purpose is left out;
tests/test_differences.py has it.
"""

import json
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

FUNCTIONS = {
    "bce_with_logits": functional.binary_cross_entropy_with_logits,
    "cosine_embedding": functional.cosine_embedding_loss,
    "cross_entropy": functional.cross_entropy,
    "huber": functional.huber_loss,
    "kl_div": functional.kl_div,
    "l1": functional.l1_loss,
    "mse": functional.mse_loss,
    "smooth_l1": functional.smooth_l1_loss,
}
SHAPES = [(), (1,), (7,), (3, 4), (2, 3, 2)]


def snap(x):
    """The nearest multiples of 1/64."""
    return np.round(np.asarray(x) * 64) / 64


def errors_and_target(random, shape, width):
    """A prediction and a target whose difference is often 0, `width` or just beside it."""
    target = snap(random.normal(size=shape))
    special = np.array([0, width, -width, width / 2, width + 1 / 64, width - 1 / 64, -3 * width, 1 / 64])
    error = np.where(random.random(shape) < 0.6, random.choice(special, shape), snap(random.normal(size=shape)))
    return [target + error, target]


def elementwise(random, parameter, settings):
    """Cases of a loss of the difference, for each setting of its parameter."""
    for setting, shape in product(settings, SHAPES):
        width = setting if setting and np.isfinite(setting) else 1.0
        parameters = {} if setting is None else {parameter: setting}
        yield parameters, errors_and_target(random, shape, width)


def bce_with_logits(random):
    """Weights of the elements and of the positive side, in every shape that broadcasts."""
    for shape in ((), (7,), (3, 4)):
        weights = {None, (), *(shape[at:] for at in range(len(shape))), (1,) * len(shape)}
        for weight, positive in product(sorted(weights, key=str), repeat=2):
            logit = np.where(
                random.random(shape) < 0.3,
                random.choice([0, 20, -20, 100, -100], shape),
                snap(random.normal(0, 3, shape)),
            )
            target = random.choice([0, 1, 0.25, 0.5, 0.984375], shape)
            given = {"weight": weight, "pos_weight": positive}
            parameters = {k: snap(random.uniform(0, 3, v)).tolist() for k, v in given.items() if v is not None}
            yield parameters, [logit, target]


def cross_entropy(random):
    """Class weights, an ignored class, smoothing, labels or probabilities, and one to four dimensions."""
    combinations = product(
        [(5,), (3, 4), (2, 3, 2), (2, 3, 1, 2)],
        (False, True),
        (None, -100, 1),
        (0.0, 0.125, 1.0),
        (False, True),
    )
    for shape, weighted, ignored, smoothing, by_probability in combinations:
        if by_probability and ignored == 1:
            continue  # PyTorch refuses it
        axis = 0 if len(shape) == 1 else 1
        logits = snap(random.normal(0, 2, shape))
        rest = shape[:axis] + shape[axis + 1 :]
        if by_probability:
            target = random.integers(0, 17, shape) / 64
        else:
            target = random.integers(0, shape[axis], rest)
            target = np.where(random.random(rest) < 0.25, ignored, target) if ignored is not None and rest else target
            target = np.where(target == ignored, 0, target) if (target == ignored).all() else target
        parameters = {}
        if weighted:
            parameters["weight"] = (random.integers(1, 128, shape[axis]) / 64).tolist()
        if ignored is not None:
            parameters["ignore_index"] = ignored
        if smoothing:
            parameters["label_smoothing"] = smoothing
        yield parameters, [logits, target]


def cosine_embedding(random):
    """Rows in general position, and equal, opposite and orthogonal ones."""
    for margin, rows in product((None, 0.25, -0.5, 0.75), (None, 9)):
        first, second = (snap(random.normal(size=(9, 4))) for _ in range(2))
        second[0] = first[0]
        second[1] = -first[1]
        first[2], second[2] = (1.0, 2.0, 0.0, 0.0), (0.0, 0.0, -1.5, 1.0)
        first[3], second[3] = (1.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 2.0)
        target = np.array([1, 1, -1, -1, 1, -1, -1, 1, -1])
        parameters = {} if margin is None else {"margin": margin}
        picks = (2, 3, 4) if rows is None else (slice(None),)
        for pick in picks:
            yield parameters, [first[pick], second[pick], target[pick]]


def kl_div(random):
    """Probabilities, 0 and 1 among them, or their logarithms."""
    for log_target, shape in product((False, True), SHAPES):
        log_prediction = -snap(random.exponential(2, shape))
        share = random.integers(0, 65, shape) / 64
        target = (
            -snap(random.exponential(2, shape)) if log_target else np.where(random.random(shape) < 0.25, 0.0, share)
        )
        yield {"log_target": True} if log_target else {}, [log_prediction, target]


def cases(random):
    """(loss, parameters, inputs) over all parameters and forms."""
    makers = {
        "bce_with_logits": bce_with_logits(random),
        "cosine_embedding": cosine_embedding(random),
        "cross_entropy": cross_entropy(random),
        "huber": elementwise(random, "delta", (None, 0.5, 2.0, 16.0)),
        "kl_div": kl_div(random),
        "l1": elementwise(random, "", (None,)),
        "mse": elementwise(random, "", (None,)),
        "smooth_l1": elementwise(random, "beta", (None, 0.0, 0.5, 2.0)),
    }
    return [(name, *case) for name, made in makers.items() for case in made]


def reductions(name):
    """The reductions that PyTorch has for a loss."""
    return ("none", "sum", "mean", *(("batchmean",) if name == "kl_div" else ()))


def peer(name, parameters, inputs, reduction, dtype):
    """PyTorch's value and gradients, as arrays; with reduction none the gradients of the sum."""
    tensors = [torch.tensor(x, dtype=dtype if np.asarray(x).dtype.kind == "f" else torch.int64) for x in inputs]
    graded = tensors[: 2 if name == "cosine_embedding" else 1]
    for tensor in graded:
        tensor.requires_grad_()
    given = {k: torch.tensor(v, dtype=dtype) if "weight" in k else v for k, v in parameters.items()}
    value = FUNCTIONS[name](*tensors, **given, reduction=reduction)
    return value.detach().numpy(), [grad.numpy() for grad in torch.autograd.grad(value.sum(), graded)]


def plain(x):
    """Nested lists of numbers, each as short as its type allows."""
    x = np.asarray(x)
    return np.reshape([float(str(number)) for number in x.ravel()], x.shape).tolist()


def main():
    """Write the file beside this script, a case a line."""
    lines = []
    for name, parameters, inputs in cases(np.random.default_rng(2026)):
        expected = {}
        for kind in (torch.float64, torch.float32):
            for reduction in reductions(name):
                value, grads = peer(name, parameters, inputs, reduction, kind)
                # The gradients of none are those of sum.
                kept = () if reduction == "none" else map(plain, grads)
                expected[f"{reduction} {str(kind)[6:]}"] = [plain(value), *kept]
        entry = {"loss": name, "parameters": parameters, "inputs": [plain(x) for x in inputs]}
        lines.append(json.dumps(entry | {"expected": expected}, separators=(",", ":")))
    text = f'{{"torch": "{torch.__version__}", "cases": [\n' + ",\n".join(lines) + "\n]}\n"
    Path(__file__).with_name("losses.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
