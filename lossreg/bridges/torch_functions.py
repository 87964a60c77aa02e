"""Losses as functions of PyTorch's autograd: eager, under the transforms of torch.func, and differentiated twice."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, is_grad_enabled
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from lossreg.bridges.torch_context import array_of, keep, kept, one_by_one, tensor_of
from lossreg.errors import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from lossreg.criterion.criterion import Criterion
    from lossreg.definition.loss import Loss as LossDefinition

    Array = np.ndarray[Any, Any]

FIXED = 4
"""The arguments of each function before its tensors: criterion, denominator, sample weight and mask."""


NOTHING: dict[str, Any] = {}
"""The arguments of a call that has none besides its tensors."""


def keywords(denominator: float | None, weight: Tensor | None, where: Tensor | None) -> dict[str, Any]:
    """The arguments of a criterion's call besides its inputs."""
    if denominator is None and weight is None and where is None:
        return NOTHING
    return {
        "denominator": denominator,
        "sample_weight": None if weight is None else array_of(weight),
        "where": None if where is None else array_of(where),
    }


def weighted(options: dict[str, Any], upstream: Tensor) -> dict[str, Any]:
    """The arguments of a call whose values are also multiplied by the upstream gradients, one for each value."""
    factor, weight = array_of(upstream), options.get("sample_weight")
    if weight is not None:
        factor = factor * weight.reshape(weight.shape + (1,) * (factor.ndim - weight.ndim))
    return options | {"sample_weight": factor}


def value_and_gradients(
    criterion: Criterion, arrays: tuple[Array, ...], needed: tuple[bool, ...], options: dict[str, Any]
) -> tuple[Any, list[Tensor | None]]:
    """The value, and the gradients of the inputs that need one, None for the others."""
    wrt = None
    if needed != usual(criterion.loss, len(arrays)):
        wrt = tuple([name for name, needs in zip(criterion.plan(*arrays).input_names, needed, strict=True) if needs])
    value, grads = criterion.value_and_grad(*arrays, wrt=wrt, **options)
    if grads.__class__ is tuple:
        return value, in_places(needed, [tensor_of(x) for x in grads])
    grad = tensor_of(grads)
    return value, [grad if needs else None for needs in needed]


@lru_cache(256)
def usual(loss: LossDefinition, count: int) -> tuple[bool, ...] | None:
    """Which inputs get a gradient where callers name none, if that is so in every form of the loss."""
    forms = [form for form in loss.forms if len(form.inputs) == count and not form.by_batch]
    patterns = {tuple([entry.name in form.default_wrt for entry in form.inputs]) for form in forms}
    return patterns.pop() if len(patterns) == 1 else None


class OrdinaryCall:
    """A loss of tensors, computed by its criterion.

    fixed: what it is called with besides tensors: the criterion, the denominator, sample weights and a mask.
    """

    def __init__(
        self, criterion: Criterion, denominator: float | None, weight: Tensor | None, where: Tensor | None
    ) -> None:
        self.fixed = criterion, denominator, weight, where

    def run(self, tensors: tuple[Tensor, ...], needed: tuple[bool, ...]) -> tuple[Tensor, list[Tensor | None] | None]:
        """The value, and the gradients of the inputs that need one unless the reduction is none."""
        criterion, *others = self.fixed
        arrays, options = tuple([array_of(x) for x in tensors]), keywords(*others)
        if criterion.reduction == "none" or True not in needed:
            return tensor_of(criterion(*arrays, **options)), None
        value, grads = value_and_gradients(criterion, arrays, needed, options)
        return tensor_of(value), grads


class EagerLoss(Function):  # type: ignore[misc]
    """A loss outside of transforms: its gradients are computed with its value, in one pass."""

    @staticmethod
    def forward(ctx: Any, call: Any, *tensors: Tensor) -> Tensor:
        """Compute the value, and keep the gradients of the inputs that need one."""
        value: Tensor
        value, ctx.grads = call.run(tensors, ctx.needs_input_grad[1:])
        ctx.call = call
        ctx.save_for_backward(*tensors)
        return value

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        """The gradients times the one that comes from above."""
        grads = ctx.grads
        if grads is None or is_grad_enabled():
            needed = ctx.needs_input_grad[1:]
            found = LossGradient.apply(*ctx.call.fixed, needed, upstream, *ctx.saved_tensors)
            return None, *in_places(needed, found)
        ctx.grads = None  # it was the only reference to them: autograd may take them without a copy
        if upstream.item() != 1:
            grads = [None if x is None else x.mul_(upstream) for x in grads]
        return None, *grads


evaluate_eagerly = super(Function, EagerLoss).apply
"""`EagerLoss.apply` without its checks for the transforms of torch.func, which take a tenth of a small batch's time."""


def in_places(needed: Sequence[bool], grads: Sequence[Tensor]) -> list[Tensor | None]:
    """The gradients of the inputs that need one, at the places of these, and None at the others."""
    left = iter(grads)
    return [next(left) if needs else None for needs in needed]


class TransformedLoss(Function):  # type: ignore[misc]
    """A loss under the transforms of torch.func: its value."""

    @staticmethod
    def forward(
        criterion: Criterion,
        denominator: float | None,
        weight: Tensor | None,
        where: Tensor | None,
        *tensors: Tensor,
    ) -> Tensor:
        """Compute the value."""
        return tensor_of(criterion(*map(array_of, tensors), **keywords(denominator, weight, where)))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:  # noqa: ARG004  torch's signature
        """Keep the arguments."""
        keep(ctx, inputs)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        """The gradients times the one that comes from above."""
        needed = ctx.needs_input_grad[FIXED:]
        grads = LossGradient.apply(*kept(ctx)[:FIXED], needed, upstream, *kept(ctx)[FIXED:])
        return *(None,) * FIXED, *in_places(needed, grads)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *given: Any) -> tuple[Any, Any]:
        """Compute the loss of one batch after the other."""
        return one_by_one(TransformedLoss, info.batch_size, in_dims, given)


class LossGradient(Function):  # type: ignore[misc]
    """The gradients of a loss, of the inputs that need one, times the one that comes from above."""

    @staticmethod
    def forward(
        criterion: Criterion,
        denominator: float | None,
        weight: Tensor | None,
        where: Tensor | None,
        needed: tuple[bool, ...],
        upstream: Tensor,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        """Compute the gradients; with reduction none, of the sum of the values, each weighted by its own."""
        options, arrays = keywords(denominator, weight, where), tuple([array_of(x) for x in tensors])
        if criterion.reduction == "none":
            _, grads = value_and_gradients(criterion, arrays, needed, weighted(options, upstream))
            return tuple([x for x in grads if x is not None])
        _, grads = value_and_gradients(criterion, arrays, needed, options)
        return tuple([x.mul_(upstream) for x in grads if x is not None])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:  # noqa: ARG004  torch's signature
        """Keep the arguments."""
        ctx.needed = inputs[FIXED]
        keep(ctx, (*inputs[:FIXED], *inputs[FIXED + 1 :]))

    @staticmethod
    def backward(ctx: Any, *vectors: Tensor) -> tuple[Any, ...]:
        """The product of the Hessian matrix and a vector, and what the upstream gradient gets.

        Raises InvalidParameter for a loss without second derivatives, and where those by several inputs are needed.
        """
        criterion, denominator, weight, where, upstream, *tensors = kept(ctx)
        fixed = criterion, denominator, weight, where
        if not ctx.needed[0] or any(ctx.needed[1:]):
            message = f"{criterion.loss.name} can be differentiated twice by its first input"
            raise InvalidParameter(f"{message}; several inputs, or another one, require a gradient: detach them")
        (vector,), by_upstream, by_input = vectors, None, None
        if ctx.needs_input_grad[FIXED + 1]:
            (grad,) = LossGradient.apply(*fixed, ctx.needed, torch.ones_like(upstream), *tensors)
            product = grad * vector
            extra = product.ndim - upstream.ndim if criterion.reduction == "none" else product.ndim
            axis = criterion.loss.inputs[0].axis if criterion.reduction == "none" else tuple(range(product.ndim))
            by_upstream = product.sum(0 if product.ndim == 1 else axis) if extra else product
        if ctx.needs_input_grad[FIXED + 2]:
            by_input = HessianProduct.apply(*fixed, upstream, vector, *tensors)
        return *(None,) * (FIXED + 1), by_upstream, by_input, *(None,) * (len(tensors) - 1)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *given: Any) -> tuple[Any, Any]:
        """Compute the gradients of one batch after the other."""
        return one_by_one(LossGradient, info.batch_size, in_dims, given)


class HessianProduct(Function):  # type: ignore[misc]
    """The product of the Hessian matrix of a loss by its first input and a vector, times an upstream gradient."""

    @staticmethod
    def forward(
        criterion: Criterion,
        denominator: float | None,
        weight: Tensor | None,
        where: Tensor | None,
        upstream: Tensor,
        vector: Tensor,
        *tensors: Tensor,
    ) -> Tensor:
        """Compute the product."""
        options, each = keywords(denominator, weight, where), criterion.reduction == "none"
        options = weighted(options, upstream) if each else options
        product = tensor_of(criterion.hvp(*map(array_of, tensors), vector=array_of(vector), **options))
        return product if each else product.mul_(upstream)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep nothing."""

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:  # noqa: ARG004  torch's signature
        """Raise an error: there are no third derivatives."""
        raise InvalidParameter("a loss can be differentiated twice; a third derivative is needed")

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *given: Any) -> tuple[Any, Any]:
        """Compute the products of one batch after the other."""
        return one_by_one(HessianProduct, info.batch_size, in_dims, given)
