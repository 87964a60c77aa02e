"""Overhead of losses inside PyTorch: forward and backward, beside PyTorch's own loss and an empty autograd.Function.

    python experiments/bridges/overhead_torch.py eager
    python experiments/bridges/overhead_torch.py compiled

Each row is the tenth percentile of alternating runs in one process on one thread, in three passes over all cases, as
other work disturbs the slower runs. Eager: microseconds of our module, and its time
divided by that of PyTorch's loss; the overhead, which is its time less that of the bare criterion, divided by the time
of an empty autograd.Function of as many inputs and gradients (of small batches, as it is lost in the noise of large
ones); its time divided by that of the bare criterion plus the empty function. Compiled: the time, and its ratio to
PyTorch's, with both inside torch.compile(fullgraph=True).
"""

import argparse
import statistics
import time
import timeit
import warnings

import torch
from torch.nn import functional

import lossreg
from lossreg.bridges.torch import Loss


def pinball(x, y):
    """The mean pinball loss at the level 0.9, which PyTorch lacks."""
    error = y - x
    return torch.maximum(0.9 * error, -0.1 * error).mean()


def real(*shape):
    """Any numbers."""
    return torch.randn(shape)


def pair(*shape):
    """Two tensors of any numbers."""
    return lambda: (real(*shape), real(*shape))


def unit(*shape):
    """A tensor of any numbers, and one of numbers from 0 to 1."""
    return lambda: (real(*shape), torch.rand(shape))


def labelled(rows, classes):
    """Logits and labels."""
    return lambda: (real(rows, classes), torch.randint(0, classes, (rows,)))


CASES = {
    "mse 32 x 1": ("mse", functional.mse_loss, pair(32, 1), [0]),
    "mse 64 x 10": ("mse", functional.mse_loss, pair(64, 10), [0]),
    "l1 64 x 10": ("l1", functional.l1_loss, pair(64, 10), [0]),
    "huber 64 x 10": ("huber", functional.huber_loss, pair(64, 10), [0]),
    "bce_with_logits 64 x 10": ("bce_with_logits", functional.binary_cross_entropy_with_logits, unit(64, 10), [0]),
    "cross_entropy 64 x 10": ("cross_entropy", functional.cross_entropy, labelled(64, 10), [0]),
    "kl_div 64 x 10": (
        "kl_div",
        functional.kl_div,
        lambda: (real(64, 10).log_softmax(1), torch.rand(64, 10).softmax(1)),
        [0],
    ),
    "quantile 64 x 10": ("quantile", pinball, pair(64, 10), [0]),
    "margin_ranking 64 x 10": (
        "margin_ranking",
        functional.margin_ranking_loss,
        lambda: (real(64, 10), real(64, 10), real(64, 10).sign()),
        [0, 1],
    ),
    "gaussian_nll 64 x 10": (
        "gaussian_nll",
        functional.gaussian_nll_loss,
        lambda: (real(64, 10), real(64, 10), torch.rand(64, 10) + 0.1),
        [0, 2],
    ),
    "mse 1M": ("mse", functional.mse_loss, pair(1_000_000), [0]),
    "huber 1M": ("huber", functional.huber_loss, pair(1_000_000), [0]),
    "bce_with_logits 1M": ("bce_with_logits", functional.binary_cross_entropy_with_logits, unit(1_000_000), [0]),
    "cross_entropy 4096 x 1000": ("cross_entropy", functional.cross_entropy, labelled(4096, 1000), [0]),
}
"""By title: our loss, PyTorch's function, the tensors, and the places of those that get a gradient."""
PARAMETERS = {"quantile": {"level": 0.9}}
RUNS = 7
"""Fewest runs of each function in a pass."""
PASSES = 3
SMALL = 1000
"""Up to so many numbers the overhead is shown."""


class Empty(torch.autograd.Function):
    """A function that does nothing."""

    @staticmethod
    def forward(ctx, *tensors):
        ctx.save_for_backward(*tensors)
        return tensors[0].new_empty(())

    @staticmethod
    def backward(ctx, upstream):
        del upstream
        saved = ctx.saved_tensors
        return tuple([x if needed else None for x, needed in zip(saved, ctx.needs_input_grad, strict=True)])


def step(loss, tensors, graded):
    """Return a function that computes a loss and its gradients."""

    def run():
        for at in graded:
            tensors[at].grad = None
        loss(*tensors).backward()

    return run


class Measurement:
    """Functions that are measured in turns."""

    def __init__(self, functions):
        self.functions, self.times = functions, [[] for _ in functions]
        self.repeats = []
        for function in functions:
            function()
            once = min(timeit.repeat(function, number=1, repeat=5))
            self.repeats.append(max(1, int(0.005 / once)))

    def run(self, budget):
        """Measure the functions for some seconds."""
        end, runs = time.perf_counter() + budget, 0
        while time.perf_counter() < end or runs < RUNS:
            for function, repeat, times in zip(self.functions, self.repeats, self.times, strict=True):
                start = time.process_time()
                for _ in range(repeat):
                    function()
                times.append((time.process_time() - start) / repeat)
            runs += 1

    def seconds(self):
        """The processor time of one call of each function: of the faster runs, as other work disturbs the others."""
        return [statistics.quantiles(times, n=10)[0] for times in self.times]


def functions_of(part, ours, peer, tensors, graded):
    """What is measured for a row."""
    if part == "compiled":
        return [step(torch.compile(each, fullgraph=True), tensors, graded) for each in (ours, peer)]
    criterion, arrays = ours.criterion, [x.detach().numpy() for x in tensors]
    names = criterion.plan(*arrays).input_names
    wrt = None if graded == [0] else tuple(names[at] for at in graded)
    calls = [step(each, tensors, graded) for each in (ours, peer, Empty.apply)]
    return [*calls, lambda: criterion.value_and_grad(*arrays, wrt=wrt)]


def cells_of(part, seconds, *, small):
    """The cells of a row."""
    own, torchs, *others = seconds
    cells = [f"{own * 1e6:.1f}", f"{own / torchs:.2f}"]
    if part == "eager":
        empty, kernel = others
        cells += [f"{(own - kernel) / empty:.2f}" if small else "", f"{own / (kernel + empty):.2f}"]
    return cells


HEADS = {
    "eager": "| case | microseconds | to torch | overhead to empty function | to kernel and empty function |",
    "compiled": "| case | compiled, microseconds | to torch compiled |",
}


def main():
    """Measure every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=HEADS)
    parser.add_argument("--seconds", type=float, default=0.7, help="for each case and pass")
    given = parser.parse_args()
    warnings.filterwarnings("ignore", "reduction: 'mean' divides")  # PyTorch's, of its kl_div
    torch.set_num_threads(1)
    lossreg.set_num_threads(1)
    print(HEADS[given.part], "|".join([""] + ["---"] * (HEADS[given.part].count("|") - 1) + [""]), sep="\n")
    measurements = {}
    for title, (name, peer, make, graded) in CASES.items():
        tensors = make()
        for at in graded:
            tensors[at].requires_grad_()
        ours = Loss(name, **PARAMETERS.get(name, {}))
        measurements[title] = Measurement(functions_of(given.part, ours, peer, tensors, graded)), tensors[0].numel()
    for _ in range(PASSES):
        for measurement, _ in measurements.values():
            measurement.run(given.seconds)
    for title, (measurement, size) in measurements.items():
        cells = cells_of(given.part, measurement.seconds(), small=size <= SMALL)
        print(f"| {' | '.join([title, *cells])} |", flush=True)


if __name__ == "__main__":
    main()
