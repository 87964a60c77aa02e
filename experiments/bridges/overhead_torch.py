"""Overhead of losses inside PyTorch: forward and backward, beside PyTorch's own loss and an empty autograd.Function.

    python experiments/bridges/overhead_torch.py > experiments/bridges/overhead_torch.md

Each row is the median of alternating runs in one process on one thread: microseconds of our module, and its time
divided by that of PyTorch's loss; the overhead, which is its time less that of the bare criterion, divided by the time
of an empty autograd.Function with two inputs (of small batches, as it is lost in the noise of large ones); its time
divided by that of the bare criterion plus the empty function; then the time, and its ratio to PyTorch's, with both
inside torch.compile(fullgraph=True).
"""

import statistics
import time
import timeit

import torch
from torch.nn import functional

import lossreg
from lossreg.bridges.torch import Loss

CASES = {
    "mse 32 x 1": ("mse", functional.mse_loss, (32, 1)),
    "cross_entropy 64 x 10": ("cross_entropy", functional.cross_entropy, (64, 10)),
    "bce_with_logits 64 x 10": ("bce_with_logits", functional.binary_cross_entropy_with_logits, (64, 10)),
    "mse 1M": ("mse", functional.mse_loss, (1_000_000,)),
    "huber 1M": ("huber", functional.huber_loss, (1_000_000,)),
    "bce_with_logits 1M": ("bce_with_logits", functional.binary_cross_entropy_with_logits, (1_000_000,)),
    "cross_entropy 4096 x 1000": ("cross_entropy", functional.cross_entropy, (4096, 1000)),
}


RUNS = 7
"""Fewest runs of each function."""
SMALL = 1000
"""Up to so many numbers the overhead is shown."""


class Empty(torch.autograd.Function):
    """A function that does nothing."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x.new_empty(())

    @staticmethod
    def backward(ctx, upstream):
        del upstream
        x, _ = ctx.saved_tensors
        return x, None


def step(loss, x, y):
    """Return a function that computes a loss and its gradient."""

    def run():
        x.grad = None
        loss(x, y).backward()

    return run


def seconds(functions, budget=1.0):
    """Measure functions in turns; return the median processor time of one call of each."""
    repeats = []
    for function in functions:
        function()
        once = min(timeit.repeat(function, number=1, repeat=5))
        repeats.append(max(1, int(0.005 / once)))
    found = [[] for _ in functions]
    end = time.perf_counter() + budget
    while time.perf_counter() < end or len(found[0]) < RUNS:
        for function, repeat, times in zip(functions, repeats, found, strict=True):
            start = time.process_time()
            for _ in range(repeat):
                function()
            times.append((time.process_time() - start) / repeat)
    return [statistics.median(times) for times in found]


HEAD = """# Losses inside PyTorch

Written by `overhead_torch.py`: processor time of forward and backward, float32, one thread, torch {}. The processor
also did other work: read the ratios to 20%.

| case | microseconds | to torch | overhead to empty function | to kernel and empty function | compiled, microseconds | to torch compiled |
|---|---|---|---|---|---|---|"""  # noqa: E501  one line of the table


def main():
    """Measure every case and print the table."""
    torch.set_num_threads(1)
    lossreg.set_num_threads(1)
    print(HEAD.format(torch.__version__))
    for title, (name, peer, shape) in CASES.items():
        x = torch.randn(shape, requires_grad=True)
        y = torch.randint(0, shape[1], shape[:1]) if name == "cross_entropy" else torch.rand(shape)
        ours, theirs = Loss(name), lambda a, b, peer=peer: peer(a, b)
        criterion, arrays = lossreg.create(name), (x.detach().numpy(), y.numpy())
        functions = (
            step(ours, x, y),
            step(theirs, x, y),
            step(Empty.apply, x, y),
            lambda criterion=criterion, arrays=arrays: criterion.value_and_grad(*arrays),
        )
        own, torchs, empty, kernel = seconds(functions)
        overhead = f"{(own - kernel) / empty:.2f}" if x.numel() <= SMALL else ""
        cells = [title, f"{own * 1e6:.1f}", f"{own / torchs:.2f}", overhead, f"{own / (kernel + empty):.2f}"]
        own, torchs = seconds([step(torch.compile(each, fullgraph=True), x, y) for each in (ours, theirs)])
        cells += [f"{own * 1e6:.1f}", f"{own / torchs:.2f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
