"""Make losses/*.json, a file for each loss: values and gradients of PyTorch's losses, for tests that have no PyTorch.

    python tests/golden/make_losses.py

The inputs are multiples of 1/64, which float32 and float64 both hold exactly, so that one input serves both and ties
(e = 0, |e| = delta, a cosine equal to its margin) are ties in both. Where lossreg differs on purpose is left out;
tests/test_differences.py has it.
"""

import json
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

DISTANCES = {
    "euclidean": torch.nn.PairwiseDistance(),
    "squared_euclidean": lambda x1, x2: (x1 - x2).square().sum(dim=-1),
    "manhattan": torch.nn.PairwiseDistance(1),
    "chebyshev": torch.nn.PairwiseDistance(np.inf),
    "cosine": lambda x1, x2: 1 - functional.cosine_similarity(x1, x2, dim=-1),
}
"""What PyTorch is given for lossreg's names."""


def adaptive_log_softmax(features, target, *layers, cutoffs, reduction="mean", **options):
    """AdaptiveLogSoftmaxWithLoss with the layers given, in the order in which it holds them."""
    classes = cutoffs[-1] + len(layers[-1])
    module = torch.nn.AdaptiveLogSoftmaxWithLoss(features.shape[-1], classes, cutoffs, **options)
    state = dict(zip(module.state_dict(), layers, strict=True))
    logarithm, mean = torch.func.functional_call(module, state, (features, target))
    return {"none": -logarithm, "sum": -logarithm.sum(), "mean": mean}[reduction]


def linear_cross_entropy(features, linear_weight, target, linear_bias=None, **keywords):
    """PyTorch takes the bias as a keyword."""
    return functional.linear_cross_entropy(features, linear_weight, target, linear_bias=linear_bias, **keywords)


def triplet_margin_with_distance_loss(*rows, distance_function=None, **keywords):
    """PyTorch takes the distance as a function; None is its default."""
    distance = distance_function and DISTANCES[distance_function]
    return functional.triplet_margin_with_distance_loss(*rows, distance_function=distance, **keywords)


FUNCTIONS = {
    "adaptive_log_softmax": adaptive_log_softmax,
    "bce": functional.binary_cross_entropy,
    "bce_with_logits": functional.binary_cross_entropy_with_logits,
    "cosine_embedding": functional.cosine_embedding_loss,
    "cross_entropy": functional.cross_entropy,
    "ctc": functional.ctc_loss,
    "gaussian_nll": functional.gaussian_nll_loss,
    "hinge_embedding": functional.hinge_embedding_loss,
    "huber": functional.huber_loss,
    "kl_div": functional.kl_div,
    "l1": functional.l1_loss,
    "linear_cross_entropy": linear_cross_entropy,
    "margin_ranking": functional.margin_ranking_loss,
    "mse": functional.mse_loss,
    "multi_margin": functional.multi_margin_loss,
    "multilabel_margin": functional.multilabel_margin_loss,
    "multilabel_soft_margin": functional.multilabel_soft_margin_loss,
    "nll": functional.nll_loss,
    "poisson_nll": functional.poisson_nll_loss,
    "smooth_l1": functional.smooth_l1_loss,
    "soft_margin": functional.soft_margin_loss,
    "triplet_margin": functional.triplet_margin_loss,
    "triplet_margin_with_distance": triplet_margin_with_distance_loss,
}
GRADED = dict.fromkeys(FUNCTIONS, (0, 1)) | {
    "adaptive_log_softmax": range(9),
    "linear_cross_entropy": (0, 1, 3),
    **dict.fromkeys(("ctc", "hinge_embedding", "multi_margin", "multilabel_margin"), (0,)),
    **dict.fromkeys(("multilabel_soft_margin", "nll", "soft_margin"), (0,)),
    **dict.fromkeys(("gaussian_nll", "triplet_margin", "triplet_margin_with_distance"), (0, 1, 2)),
}
"""The inputs that lossreg has a gradient of: numbers, and targets too, but for linear_cross_entropy's."""
SHAPES = [(), (1,), (7,), (3, 4), (2, 3, 2)]


def snap(x):
    """The nearest multiples of 1/64."""
    return np.round(np.asarray(x) * 64) / 64


def chosen(**parameters):
    """The parameters that are not left at their defaults."""
    return {name: value for name, value in parameters.items() if value is not None}


def errors_and_target(random, shape, width):
    """A prediction and a target whose difference is often 0, `width` or just beside it."""
    target = snap(random.normal(size=shape))
    special = np.array([0, width, -width, width / 2, width + 1 / 64, width - 1 / 64, -3 * width, 1 / 64])
    error = np.where(random.random(shape) < 0.6, random.choice(special, shape), snap(random.normal(size=shape)))
    return [target + error, target]


def elementwise(random, parameter, settings, *, weighted=True):
    """Cases of a loss of the difference, for each setting of its parameter, without weights and with."""
    for setting, shape in product(settings, SHAPES):
        width = setting if setting and np.isfinite(setting) else 1.0
        parameters = {} if setting is None else {parameter: setting}
        yield parameters, errors_and_target(random, shape, width)
        if weighted:
            weight = (random.integers(0, 128, shape) / 64 + 1 / 64).tolist()
            yield parameters | {"weight": weight}, errors_and_target(random, shape, width)


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


def bce(random):
    """Probabilities, 0 and 1 among them, and weights in every shape that broadcasts."""
    for shape in ((), (7,), (3, 4)):
        for weight in (None, *sorted({(), *(shape[at:] for at in range(len(shape))), (1,) * len(shape)})):
            inside = random.integers(1, 64, shape) / 64
            certain = random.integers(0, 2, shape).astype(float)
            prediction = np.where(random.random(shape) < 0.3, certain, inside)
            target = random.choice([0, 1, 0.25, 0.5, 0.984375], shape)
            parameters = {} if weight is None else {"weight": snap(random.uniform(0, 3, weight)).tolist()}
            yield parameters, [prediction, target]


def gaussian_nll(random):
    """Variances of every shape, below eps too."""
    for shape, full, eps in product(SHAPES[1:], (False, True), (None, 0.25)):
        for smaller in (shape, shape[:-1], (*shape[:-1], 1)):
            if not smaller or smaller == shape[1:]:
                continue  # PyTorch takes no array without dimensions
            prediction, target = (snap(random.normal(size=shape)) for _ in range(2))
            variance = (
                random.choice([0, 0.25, 1 / 64, 0.5, 1, 2, 7], smaller)
                if eps
                else random.integers(8, 200, smaller) / 64
            )
            parameters = {name: value for name, value in {"full": full, "eps": eps}.items() if value}
            yield parameters, [prediction, target, variance]


def hinge_embedding(random):
    """Distances at the margin, and on its two sides."""
    for margin, shape in product((None, 0.5, -1.0), SHAPES):
        width = 1.0 if margin is None else margin
        prediction = snap(random.normal(size=shape)) + width
        prediction = np.where(random.random(shape) < 0.4, width, prediction)
        yield {} if margin is None else {"margin": margin}, [prediction, sides(random, shape)]


def margin_ranking(random):
    """Leads of exactly the margin, and on its two sides."""
    for margin, shape in product((None, 0.5, -1.0), SHAPES):
        width = margin or 0.0
        second, target = snap(random.normal(size=shape)), sides(random, shape)
        lead = np.where(random.random(shape) < 0.4, width, snap(random.normal(size=shape)))
        yield {} if margin is None else {"margin": margin}, [second + target * lead, second, target]


def sides(random, shape):
    """Targets of 1 and -1."""
    return random.choice([-1.0, 1.0], shape)


def multi_margin(random):
    """Margins met exactly, weights, and a single row."""
    for shape, p, margin, weighted in product([(5,), (1,), (4, 3)], (None, 1, 2), (None, 0.25, -0.5), (False, True)):
        x = random.choice([-1, -0.75, -0.5, 0, 0.25, 0.5, 1, 1.25, 2], shape)
        label = random.integers(0, shape[-1], shape[:-1])
        parameters = chosen(p=p, margin=margin)
        if weighted:
            parameters["weight"] = (random.integers(0, 128, shape[-1]) / 64).tolist()
        yield parameters, [x, label]


def multilabel_margin(random):
    """No class, all of them, some twice, and whatever behind the first -1."""
    for shape in [(4,), (1,), (6, 4), (6, 3), (3, 5)] * 2:
        x = random.choice([-1, -0.75, 0, 0.25, 0.5, 1, 1.25, 2], shape)
        label = random.integers(-1, shape[-1], shape)
        if len(shape) > 1:
            label[0], label[1] = -1, range(shape[-1])
        yield {}, [x, label]


def multilabel_soft_margin(random):
    """Class weights, and rows of one to three dimensions."""
    for shape, weighted in product([(4,), (1,), (3, 4), (2, 3, 2)], (False, True)):
        logits = np.where(
            random.random(shape) < 0.2, random.choice([0, 50, -50], shape), snap(random.normal(0, 3, shape))
        )
        target = random.choice([0, 1, 0.25, 0.984375], shape)
        yield {"weight": snap(random.uniform(0, 3, shape[-1])).tolist()} if weighted else {}, [logits, target]


def nll(random):
    """What cross_entropy has, but for smoothing and probabilities."""
    for parameters, (logits, target) in cross_entropy(random):
        if "label_smoothing" not in parameters and target.dtype.kind == "i":
            yield parameters, [-abs(logits), target]


def poisson_nll(random):
    """Rates and logarithms of rates; counts, fractions and 0 as targets, on both sides of 1."""
    for shape, log_input, full, eps in product(SHAPES[:4], (None, True, False), (False, True), (None, 0.25)):
        parameters = chosen(log_input=log_input, full=full or None, eps=eps)
        logarithm = snap(random.normal(0, 2, shape))
        prediction = logarithm if log_input is not False else abs(logarithm) + 1 / 64
        target = random.choice([0, 0.5, 1, 1.015625, 2, 3, 17, 250], shape)
        yield parameters, [prediction, target]


def soft_margin(random):
    """Scores that PyTorch does not overflow at."""
    for shape in SHAPES:
        yield {}, [np.where(random.random(shape) < 0.2, 50, snap(random.normal(0, 3, shape))), sides(random, shape)]


def triplet_margin(random):
    """Rows in general position and coinciding ones, every norm, with and without swap."""
    for p, swap, margin, eps in product((None, 1.0, 1.5, 3.0, np.inf), (False, True), (None, 0.5), (None, 0.25)):
        for shape in ((5, 3),) if margin else ((4,), (2, 2, 3)):
            anchor, positive, negative = (snap(random.normal(size=shape)) for _ in range(3))
            if len(shape) > 1:
                positive[0] = anchor[0]
                negative[-1] = anchor[-1]
            # An eps of 1e-6 beside larger numbers has few digits in float32, which steep powers show.
            shift = eps if p in (None, np.inf) else 0.25
            yield chosen(p=p, swap=swap or None, margin=margin, eps=shift), [anchor, positive, negative]


def triplet_margin_with_distance(random):
    """Every distance by its name, with and without swap; rows that coincide, with a negative near enough to count."""
    for distance, swap, margin in product((None, *DISTANCES), (False, True), (None, 0.5)):
        for shape in ((4, 3),) if margin else ((4,), (2, 2, 3)):
            rows = [snap(random.normal(size=shape)) for _ in range(3)]
            if len(shape) > 1:
                rows[1][0], rows[2][0], rows[2][-1] = rows[0][0], rows[0][0] + 1 / 16, rows[0][-1]
            yield chosen(distance_function=distance, swap=swap or None, margin=margin), rows


def of_a_layer(random):
    """What cross_entropy has in one and two dimensions, of a layer with a bias and without."""
    for parameters, (logits, target) in cross_entropy(random):
        if logits.ndim > 2 or (target.dtype.kind == "f" and "ignore_index" in parameters):
            continue  # PyTorch refuses a class to ignore beside probabilities
        *rows, classes = logits.shape
        for bias in ([], [classes]):
            sizes = ((*rows, 3), (classes, 3), *bias)
            features, weight, *rest = (snap(random.normal(size=size)) for size in sizes)
            yield parameters, [features, weight, target, *rest]


def of_clusters(random):
    """One cluster and two, some with no target in them, and a single row."""
    layouts = [
        (8, (2,), 5, None, ((), (2,), (6,))),
        (4, (1, 3), 6, 2.0, ((), (5,))),
        (5, (2, 3), 5, 1.5, ((4,),)),
    ]
    for (width, cutoffs, classes, div_value, shapes), head_bias in product(layouts, (None, True)):
        head = cutoffs[0] + len(cutoffs)
        sizes = [(head, width), *([(head,)] if head_bias else [])]
        for at, (start, stop) in enumerate(pairwise([*cutoffs, classes])):
            inner = int(width // (div_value or 4.0) ** (at + 1))
            sizes += [(inner, width), (stop - start, inner)]
        for shape in shapes:
            target = random.integers(0, cutoffs[0] if shape == (2,) else classes, shape)
            features, *layers = (snap(random.normal(size=size)) for size in ((*shape, width), *sizes))
            yield chosen(cutoffs=cutoffs, div_value=div_value, head_bias=head_bias), [features, target, *layers]


def ctc(random):
    """Labels in rows, one after the other, and of a single sample: repeated, none at all, and more than fit."""
    lengths = [([6, 5, 4, 6], [0, 1, 2, 3]), ([6, 2, 0, 3], [3, 3, 1, 2]), ([6, 4, 1, 0], [0, 0, 0, 0])]
    for (frames, counts), blank, zero_infinity in product(lengths, (None, 2), (None, True)):
        parameters = chosen(blank=blank, zero_infinity=zero_infinity)
        labels = random.choice([label for label in range(4) if label != (blank or 0)], (4, max(counts)))
        labels[3] = labels[3, :1]
        own = [row[:count] for row, count in zip(labels, counts, strict=True)]
        whole = [(slice(None), labels), (slice(None), np.concatenate(own))]
        for which, target in (*whole, (1, own[1]), (3, own[3])):
            logits = random.normal(size=(6, 4, 4))
            log_probs = snap(logits - np.logaddexp.reduce(logits, axis=2, keepdims=True))
            yield parameters, [log_probs[:, which], target, np.array(frames)[which], np.array(counts)[which]]


MAKERS = (
    *(bce, bce_with_logits, cosine_embedding, cross_entropy, gaussian_nll, hinge_embedding, kl_div, margin_ranking),
    *(multi_margin, multilabel_margin, multilabel_soft_margin, nll, poisson_nll, soft_margin, triplet_margin),
)


def cases(random):
    """(loss, parameters, inputs) over all parameters and forms."""
    makers = {
        **{maker.__name__: maker(random) for maker in MAKERS},
        "huber": elementwise(random, "delta", (None, 0.5, 2.0, 16.0)),
        "l1": elementwise(random, "", (None,)),
        "mse": elementwise(random, "", (None,)),
        "smooth_l1": elementwise(random, "beta", (None, 0.0, 0.5, 2.0), weighted=False),
        "adaptive_log_softmax": of_clusters(random),
        "ctc": ctc(random),
        "linear_cross_entropy": of_a_layer(random),
        "triplet_margin_with_distance": triplet_margin_with_distance(random),
    }
    return [(name, *case) for name, made in makers.items() for case in made]


def graded(name, inputs):
    """The positions of the inputs to differentiate by: of numbers, and no label."""
    return [at for at, x in enumerate(inputs) if at in GRADED[name] and x.dtype.is_floating_point]


def reductions(name):
    """The reductions that PyTorch has for a loss."""
    return ("none", "sum", "mean", *(("batchmean",) if name == "kl_div" else ()))


def peer(name, parameters, inputs, reduction, dtype):
    """PyTorch's value and gradients, as arrays; with reduction none the gradients of the sum."""
    tensors = [torch.tensor(x, dtype=dtype if np.asarray(x).dtype.kind == "f" else torch.int64) for x in inputs]
    by = [tensors[at].requires_grad_() for at in graded(name, tensors)]
    given = {k: torch.tensor(v, dtype=dtype) if "weight" in k else v for k, v in parameters.items()}
    value = FUNCTIONS[name](*tensors, **given, reduction=reduction)
    grads = torch.autograd.grad(value.sum(), by, materialize_grads=True)
    return value.detach().numpy(), [grad.numpy() for grad in grads]


def plain(x):
    """Nested lists of numbers, each as short as its type allows; what JSON has no number for as a word."""
    if isinstance(x, list | np.ndarray) and np.ndim(x):
        return [plain(part) for part in x]
    number = float(str(x[()] if isinstance(x, np.ndarray) else x))
    if not np.isfinite(number):
        return str(number)
    return int(number) if number.is_integer() and abs(number) < 1e6 else number


def entry(name, parameters, inputs):
    """One case, with what PyTorch makes of it."""
    expected = {}
    for kind in (torch.float64, torch.float32):
        for reduction in reductions(name):
            value, grads = peer(name, parameters, inputs, reduction, kind)
            # The gradients of none are those of sum; in float32, those of mean will do.
            kept = () if reduction == "none" or (reduction, kind) == ("sum", torch.float32) else map(plain, grads)
            expected[f"{reduction} {str(kind)[6:]}"] = [plain(value), *kept]
    given = {key: plain(x) if isinstance(x, float) else x for key, x in parameters.items()}
    return {"parameters": given, "inputs": [plain(x) for x in inputs], "expected": expected}


def main():
    """Write the files, a case a line."""
    lines = {}
    for name, *case in cases(np.random.default_rng(2026)):
        lines.setdefault(name, []).append(json.dumps(entry(name, *case), allow_nan=False, separators=(",", ":")))
    directory = Path(__file__).with_name("losses")
    directory.mkdir(exist_ok=True)
    for name, made in lines.items():
        text = f'{{"torch": "{torch.__version__}", "cases": [\n' + ",\n".join(made) + "\n]}\n"
        directory.joinpath(f"{name}.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
