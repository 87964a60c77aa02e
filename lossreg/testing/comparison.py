"""Comparison of results: equal bits, or equal up to the order of a sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lossreg.testing.cases import Array


def near(x: Any, y: Any, slack: float = 1e-12) -> bool:
    """Whether two results of float64 are equal up to the order in which their terms were added."""
    pairs = zip(as_list(x), as_list(y), strict=True)
    return all(np.allclose(a, b, rtol=slack, atol=slack * 1e-3, equal_nan=True) for a, b in pairs)


def same(x: Any, y: Any) -> bool:
    """Whether two results have the same types and bits; the sign of 0 and the payload of nan do not count."""
    pairs = zip(as_list(x), as_list(y), strict=True)
    return all(a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def as_list(result: Any) -> list[Array]:
    """Return a result, which is a value, gradients or both, as a flat list of arrays."""
    parts = result if isinstance(result, tuple | list) else (result,)
    return [array for part in parts for array in (as_list(part) if isinstance(part, tuple) else [np.asarray(part)])]


def as_tuple(grads: Any) -> tuple[Array, ...]:
    """Return the gradients as a tuple, also if there is only one."""
    return grads if isinstance(grads, tuple) else (grads,)
