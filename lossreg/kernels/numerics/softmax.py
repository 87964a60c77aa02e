"""The softmax of a row as losses of classes need it: the surprise at one class, with its slopes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.kernels.numerics.stable import difference, exp_below, largest, log_sum
from lossreg.kernels.numerics.sums import total

if TYPE_CHECKING:
    from collections.abc import Sequence


def surprise(logits: Sequence[Any], label: int, out: Any) -> tuple[Any, Any, Any]:
    """-log(p), p and 1 - p, for p = softmax(logits)[label]; `out`, which may be the logits, gets the slopes of -log(p).

    Any loss of p is a function f of -log(p) as well, whose slopes are these times f'. All three keep their digits where
    p is near 1 or 0.
    """
    T = type(logits[0])
    top = largest(logits)
    behind = difference(top, logits[label])
    exp_below(logits, top, out)
    own, out[label] = out[label], T(0)
    others = total(out)
    everything = own + others
    for j in range(len(out)):
        out[j] = out[j] / everything
    out[label] = -others / everything
    return behind + log_sum(own, others), own / everything, others / everything
