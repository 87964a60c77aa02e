"""What functions of PyTorch's autograd share: the arguments that they keep, and one batch after another under vmap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence


def keep(ctx: Any, given: Sequence[Any]) -> None:
    """Keep the arguments of a function, tensors as autograd wants it."""
    ctx.save_for_backward(*[x if isinstance(x, torch.Tensor) else None for x in given])
    ctx.others = [None if isinstance(x, torch.Tensor) else x for x in given]


def kept(ctx: Any) -> list[Any]:
    """The arguments that were kept."""
    return [y if x is None else x for x, y in zip(ctx.saved_tensors, ctx.others, strict=True)]


def one_by_one(function: Any, size: int, in_dims: tuple[Any, ...], given: tuple[Any, ...]) -> tuple[Any, Any]:
    """The results of a function for one batch after the other, stacked, and the axes of the batches in these."""
    found = []
    for at in range(size):
        pairs = zip(given, in_dims, strict=True)
        found.append(function.apply(*[x.select(axis, at) if isinstance(axis, int) else x for x, axis in pairs]))
    if isinstance(found[0], tuple):
        stacked = tuple([torch.stack(each) for each in zip(*found, strict=True)])
        return stacked, (0,) * len(stacked)
    return torch.stack(found), 0
