"""What functions of PyTorch's autograd share: tensors as arrays, the arguments they keep, and batches under vmap."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch
from numpy import asarray, dtype
from torch import Tensor, from_numpy

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    Array = np.ndarray[Any, Any]

BFLOAT16: dtype[Any] | None = None
"""numpy's type for bfloat16, if ml_dtypes is installed."""
with suppress(ImportError):
    from ml_dtypes import bfloat16

    BFLOAT16 = dtype(bfloat16)


def array_of(tensor: Tensor) -> Array:
    """The numbers of a tensor on the CPU, without a copy."""
    if tensor.dtype is torch.bfloat16:
        # The same bits as integers, since PyTorch does not know numpy's type for bfloat16.
        array: Array = tensor.detach().view(torch.int16).numpy().view(BFLOAT16)
    else:
        array = tensor.detach().numpy() if tensor.requires_grad else tensor.numpy()
    return array


def tensor_of(result: Any) -> Tensor:
    """A tensor of a number, or of an array without a copy."""
    array = asarray(result)
    return from_numpy(array) if array.dtype.kind != "V" else from_numpy(array.view("i2")).view(torch.bfloat16)


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
