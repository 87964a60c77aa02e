"""Overhead of losses inside JAX: value and gradient under jit, beside optax's own loss.

    python experiments/bridges/overhead_jax.py > experiments/bridges/overhead_jax.md

Each row is the median of alternating runs in one process: microseconds of our loss, and its time divided by that of
optax's. XLA may use several threads; ours runs on the thread that XLA gives it.
"""

import statistics
import time

import jax
import numpy as np
import optax
from jax import numpy as jnp

from lossreg.bridges.jax import loss

BUDGET, FEWEST = 1.5, 7
"""Seconds for each case, and the fewest runs of each function."""


def softmax_cross_entropy(logits, labels):
    """The mean of optax's cross-entropy."""
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


each_cross_entropy = optax.softmax_cross_entropy_with_integer_labels


CASES = {
    "mse 32 x 1": ("mse", lambda x, y: optax.squared_error(x, y).mean(), (32, 1)),
    "cross_entropy 64 x 10": ("cross_entropy", softmax_cross_entropy, (64, 10)),
    "bce_with_logits 64 x 10": (
        "bce_with_logits",
        lambda x, y: optax.sigmoid_binary_cross_entropy(x, y).mean(),
        (64, 10),
    ),
    "mse 1M": ("mse", lambda x, y: optax.squared_error(x, y).mean(), (1_000_000,)),
    "huber 1M": ("huber", lambda x, y: optax.huber_loss(x, y).mean(), (1_000_000,)),
    "bce_with_logits 1M": (
        "bce_with_logits",
        lambda x, y: optax.sigmoid_binary_cross_entropy(x, y).mean(),
        (1_000_000,),
    ),
    "cross_entropy 4096 x 1000": ("cross_entropy", softmax_cross_entropy, (4096, 1000)),
    "cross_entropy 64 x 10, weighted": ("cross_entropy", each_cross_entropy, (64, 10)),
    "cross_entropy 4096 x 1000, weighted": ("cross_entropy", each_cross_entropy, (4096, 1000)),
}
HEAD = """# Losses inside JAX

Written by `overhead_jax.py`: value and gradient under jit, float32, jax {}, optax {}. The processor also did other
work: read the ratios to 20%.

| case | microseconds | to optax | processor time to optax |
|---|---|---|---|"""


def weighted(own, peer, weight):
    """Our loss and optax's with a weight for each row."""
    return (
        lambda x, y: own(x, y, sample_weight=weight),
        lambda x, y: jnp.sum(weight * peer(x, y)) / jnp.sum(weight),
    )


def timed(function, arrays, repeat):
    """The wall and processor time of one call, of so many in a row."""
    start, busy = time.perf_counter(), time.process_time()
    for _ in range(repeat):
        outcome = function(*arrays)
    jax.block_until_ready(outcome)
    return (time.perf_counter() - start) / repeat, (time.process_time() - busy) / repeat


def main():
    """Measure every case and print the table."""
    random = np.random.default_rng(0)
    print(HEAD.format(jax.__version__, optax.__version__))
    for title, (name, peer, shape) in CASES.items():
        x = jnp.asarray(random.normal(size=shape).astype(np.float32))
        y = random.integers(0, shape[1], shape[0]) if name == "cross_entropy" else random.random(shape)
        y = jnp.asarray(y, jnp.int32 if name == "cross_entropy" else jnp.float32)
        pair = (loss(name), peer)
        if title.endswith("weighted"):
            pair = weighted(*pair, jnp.asarray(random.random(shape[0]), jnp.float32))
        functions = [jax.jit(jax.value_and_grad(each)) for each in pair]
        times = [[], []]
        for function in functions:
            jax.block_until_ready(function(x, y))
        repeat = max(1, int(0.005 / timed(functions[1], (x, y), 1)[0]))
        end = time.perf_counter() + BUDGET
        while time.perf_counter() < end or len(times[0]) < FEWEST:
            for function, found in zip(functions, times, strict=True):
                found.append(timed(function, (x, y), repeat))
        ours, theirs = ([statistics.median(each) for each in zip(*found, strict=True)] for found in times)
        print(f"| {title} | {ours[0] * 1e6:.1f} | {ours[0] / theirs[0]:.2f} | {ours[1] / theirs[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
