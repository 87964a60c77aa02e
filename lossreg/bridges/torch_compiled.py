"""Losses as operators of PyTorch that torch.compile and torch.export put into their graphs as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from lossreg.bridges.torch_context import array_of, tensor_of
from lossreg.bridges.torch_functions import LossGradient, in_places, keywords, value_and_gradients
from lossreg.definition.signature import SAMPLES
from lossreg.errors import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.criterion.criterion import Criterion
    from lossreg.criterion.sums.weighted_sum import WeightedSum

CRITERIA: dict[str, Any] = {}
"""The criteria by the keys that graphs have in their place: operators take tensors, numbers and strings."""


def register(criterion: Criterion | WeightedSum) -> str:
    """The key of a criterion; equal criteria have the same."""
    key, number = repr(criterion), 1
    while CRITERIA.setdefault(key, criterion) != criterion:
        number += 1
        key = f"{criterion!r} {number}"
    return key


def call(
    key: str,
    tensors: tuple[torch.Tensor, ...],
    sample_weight: torch.Tensor | None,
    where: torch.Tensor | None,
    denominator: float | None,
) -> torch.Tensor:
    """The value of a loss in a graph."""
    graded = torch.is_grad_enabled()
    needed = [graded and x.requires_grad for x in tensors]
    value: torch.Tensor = evaluate(key, list(tensors), sample_weight, where, denominator, needed)[0]
    return value


@torch.library.custom_op("lossreg::evaluate", mutates_args=())
def evaluate(
    key: str,
    tensors: list[torch.Tensor],
    sample_weight: torch.Tensor | None,
    where: torch.Tensor | None,
    denominator: float | None,
    needed: list[bool],
) -> list[torch.Tensor]:
    """The value and, unless the reduction is none, the gradients of the inputs that need one."""
    criterion, arrays = CRITERIA[key], tuple([array_of(x) for x in tensors])
    options = keywords(denominator, sample_weight, where)
    if criterion.reduction == "none" or not any(needed):
        return [tensor_of(criterion(*arrays, **options))]
    value, grads = value_and_gradients(criterion, arrays, tuple(needed), options)
    return [tensor_of(value), *[x for x in grads if x is not None]]


@evaluate.register_fake
def fake_evaluate(
    key: str,
    tensors: list[torch.Tensor],
    sample_weight: torch.Tensor | None,  # noqa: ARG001  the operator's signature
    where: torch.Tensor | None,  # noqa: ARG001  as above
    denominator: float | None,  # noqa: ARG001  as above
    needed: list[bool],
) -> list[torch.Tensor]:
    """Tensors like those of the operator, for tracing."""
    criterion = CRITERIA[key]
    value = tensors[0].new_empty(value_shape(criterion, tensors[0]), dtype=value_type(criterion, tensors))
    grads = [] if criterion.reduction == "none" else gradients_like(tensors, needed)
    return [value, *grads]


@torch.library.custom_op("lossreg::gradient", mutates_args=())
def gradient(
    key: str,
    tensors: list[torch.Tensor],
    sample_weight: torch.Tensor | None,
    where: torch.Tensor | None,
    needed: list[bool],
    upstream: torch.Tensor,
) -> list[torch.Tensor]:
    """The gradients of the inputs that need one, with reduction none, from the upstream gradient of each value."""
    needs = tuple(needed)
    return list(LossGradient.forward(CRITERIA[key], None, sample_weight, where, needs, upstream, *tensors))


@gradient.register_fake
def fake_gradient(
    key: str,  # noqa: ARG001  the operator's signature
    tensors: list[torch.Tensor],
    sample_weight: torch.Tensor | None,  # noqa: ARG001  as above
    where: torch.Tensor | None,  # noqa: ARG001  as above
    needed: list[bool],
    upstream: torch.Tensor,  # noqa: ARG001  as above
) -> list[torch.Tensor]:
    """Tensors like those of the operator, for tracing."""
    return gradients_like(tensors, needed)


def gradients_like(tensors: list[torch.Tensor], needed: list[bool]) -> list[torch.Tensor]:
    """Empty tensors like the gradients."""
    return [
        torch.empty_like(x, memory_format=torch.contiguous_format)
        for x, needs in zip(tensors, needed, strict=True)
        if needs
    ]


def value_shape(criterion: Criterion, first: torch.Tensor) -> Sequence[Any]:
    """The shape of a loss's value; it follows from its first input, without looking at the size of any axis."""
    if criterion.reduction != "none":
        return ()
    entry, shape = criterion.loss.inputs[0], list(first.shape)
    if criterion.loss.forms[0].by_batch:
        if criterion.loss.forms[0].plain:
            return [shape[entry.axes.index(SAMPLES)]] if len(shape) == len(entry.axes) else ()
        raise InvalidParameter(f"{criterion.loss.name}: torch.compile takes it with a reduction that is not none")
    if entry.axis is not None:
        del shape[0 if len(shape) == 1 else entry.axis]
    return shape


def value_type(criterion: Criterion, tensors: list[torch.Tensor]) -> torch.dtype:
    """The type of a loss's value: the widest of the inputs that get a gradient by default."""
    graded = criterion.loss.forms[0].default_wrt
    inputs = [entry.name for entry in criterion.loss.inputs]
    inputs += inputs[-1:] * (len(tensors) - len(inputs))  # the last input may be several
    kinds = [x.dtype for x, name in zip(tensors, inputs, strict=False) if name in graded and x.dtype.is_floating_point]
    found = kinds[0] if kinds else torch.float64
    for kind in kinds[1:]:
        found = torch.promote_types(found, kind)
    return found


class Once(Function):  # type: ignore[misc]
    """Gradients times the one that comes from above, which cannot be differentiated again."""

    @staticmethod
    def forward(ctx: Any, upstream: torch.Tensor, *grads: torch.Tensor) -> tuple[torch.Tensor, ...]:  # noqa: ARG004
        """Multiply."""
        return tuple([x * upstream for x in grads])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[Any, ...]:  # noqa: ARG004  torch's signature
        """Raise an error rather than return a second derivative that is wrong."""
        raise InvalidParameter("a compiled loss cannot be differentiated twice; do so without torch.compile")


def keep(ctx: Any, inputs: tuple[Any, ...], output: list[torch.Tensor]) -> None:
    """Keep what the backward pass needs."""
    key, tensors, weight, where, _, needed = inputs
    ctx.key, ctx.needed, ctx.each = key, needed, CRITERIA[key].reduction == "none"
    ctx.many = len(tensors)
    ctx.save_for_backward(*((*tensors, weight, where) if ctx.each else output[1:]))


def backward(ctx: Any, grads: list[torch.Tensor]) -> tuple[Any, ...]:
    """The gradients times the one that comes from above."""
    if ctx.each:
        *tensors, weight, where = ctx.saved_tensors
        found = gradient(ctx.key, list(tensors), weight, where, ctx.needed, grads[0])
    else:
        found = Once.apply(grads[0], *ctx.saved_tensors)
    return None, in_places(ctx.needed, found), None, None, None, None


evaluate.register_autograd(backward, setup_context=keep)
