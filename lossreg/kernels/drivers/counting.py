"""What a mean divides by."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from lossreg.kernels.drivers.compiled_loops import counter
from lossreg.kernels.drivers.evaluate import SLAB, slabs


def count(shape: tuple[int, ...], labels: Any, ignored: int, weight: Any, sample_weight: Any, where: Any) -> float:
    """What a mean over `shape` divides by: all it has, less what is masked, ignored or of weight 0."""
    if sample_weight is None and where is None and labels is None and weight is None:
        return float(prod(shape))
    kinds = ((sample_weight, np.float64), (where, np.bool_), (labels, np.int64))
    by_class = weight is not None and labels is not None
    total = 0.0
    for slab in slabs(shape, SLAB):
        chunks: list[Any] = [
            None if a is None else np.ascontiguousarray(a[slab], kind).reshape(-1) for a, kind in kinds
        ]
        if sample_weight is None and weight is None:  # numpy counts as well: the loop takes 0.12 s to compile
            _, inside, own = chunks
            kept = True if own is None else own != ignored
            total += np.count_nonzero(kept if inside is None else inside & kept)
            continue
        shares = weight if by_class or weight is None else np.ascontiguousarray(weight[slab]).reshape(-1)
        size = next(chunk.size for chunk in (*chunks, shares) if chunk is not None)
        total += counter()(*chunks, ignored, shares, size)
    return total
