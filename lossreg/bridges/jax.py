"""Losses inside JAX: `loss("huber", delta=0.5)` is a function of arrays that jit, grad, vmap, scan and remat take.

    from lossreg.bridges.jax import loss

    cross_entropy = loss("cross_entropy", label_smoothing=0.1)
    jax.jit(jax.value_and_grad(cross_entropy))(logits, labels)

It runs on the CPU, by a custom call of XLA that reads and writes its buffers. Every input that is differentiated by
gets a gradient, a target too, or there is an error; never a silent 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.arguments import inputs_by_name
from lossreg.criterion.sums.weighted_sum import make, with_reduction
from lossreg.errors import InvalidParameter
from lossreg.extras import optional_imports

with optional_imports():
    import jax
    from jax import numpy as jnp

    from lossreg.bridges.jax_calls import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lossreg.criterion.criterion import Criterion
    from lossreg.criterion.sums.weighted_sum import WeightedSum
    from lossreg.definition.loss import Loss

NARROW = ("float16", "bfloat16")


def loss(
    name: str | Loss | Mapping[str, Any] | Sequence[Mapping[str, Any]], /, *, reduction: Any = "mean", **parameters: Any
) -> Callable[..., Any]:
    """Return a loss as a function of JAX arrays; the arguments are those of `lossreg.create`.

    The function takes the loss's inputs by position or by name, and `sample_weight` and `where` as a criterion does. It
    returns a number, or with reduction none the value of each element or row, in the type of the inputs; float16 and
    bfloat16 are computed in float32. The first derivative is computed with the value, in one pass; vmap goes through
    the batches one by one. Second derivatives are refused by JAX. In place of a criterion's `denominator`, divide: with
    reduction sum, `function(logits, labels) / denominator` stays in compiled code, as the division is XLA's. Losses of
    batches that depend on one another, such as info_nce, are called through Python, as their kernels allocate arrays.

    A number outside its domain is a jax.errors.JaxRuntimeError with the criterion's message, or a ValueError with it if
    JAX runs the call at once and not in the background. Raises what `lossreg.create` raises, and InvalidParameter for a
    derivative that does not exist.
    """
    criterion = make(name, reduction, parameters)

    def function(*arrays: Any, sample_weight: Any = None, where: Any = None, **inputs: Any) -> Any:
        """The loss of JAX arrays."""
        if inputs:
            arrays = inputs_by_name(criterion.loss, arrays, inputs)
        given = [jnp.asarray(x) for x in arrays]
        real = jnp.result_type(*[x.dtype for x in given if jnp.issubdtype(x.dtype, jnp.floating)] or [jnp.float32])
        wide = jnp.float32 if real.name in NARROW else real
        given = [x.astype(wide) if jnp.issubdtype(x.dtype, jnp.floating) else x for x in given]
        options = [None if x is None else jnp.asarray(x) for x in (sample_weight, where)]
        return differentiable(criterion)(tuple(given), *options).astype(real)

    function.__name__ = function.__qualname__ = criterion.loss.name
    function.__doc__ = criterion.loss.doc
    return function


def differentiable(criterion: Criterion | WeightedSum) -> Callable[..., Any]:
    """Return the loss of a criterion with its derivative."""

    @jax.custom_vjp
    def value(arrays: Any, weight: Any, where: Any) -> Any:
        return evaluate(criterion, arrays, weight, where, (False,) * len(arrays), result(arrays, weight, where))[0]

    def forward(arrays: Any, weight: Any, where: Any) -> Any:
        needed = tuple([x.perturbed for x in arrays])
        if weight is not None and weight.perturbed:
            raise InvalidParameter(f"{criterion.loss.name}: there is no gradient of sample_weight")
        arrays, weight, where = jax.tree.map(lambda x: x.value, (arrays, weight, where))
        like = result(arrays, weight, where, needed)
        if criterion.reduction == "none":
            found = evaluate(criterion, arrays, weight, where, (False,) * len(arrays), like)[0]
            return found, (arrays, weight, where, [() if needs else None for needs in needed])
        found, *grads = evaluate(criterion, arrays, weight, where, needed, like)
        return found, in_places(needed, grads)

    def backward(kept: Any, upstream: Any) -> Any:
        if criterion.reduction != "none":
            return [None if x is None else x * upstream for x in kept], None, None
        arrays, weight, where, marks = kept
        needed = tuple([mark is not None for mark in marks])
        if weight is not None:
            upstream = upstream * weight.reshape(weight.shape + (1,) * (upstream.ndim - weight.ndim))
        _, *grads = evaluate(summed, arrays, upstream, where, needed, jax.ShapeDtypeStruct((), upstream.dtype))
        return in_places(needed, grads), None, None

    def result(arrays: Any, weight: Any, where: Any, needed: tuple[bool, ...] | None = None) -> Any:
        return value_like(criterion, arrays, weight, where, needed)

    summed = with_reduction(criterion, "sum")
    value.defvjp(forward, lambda kept, upstream: tuple(map(as_tuple, backward(kept, upstream))), symbolic_zeros=True)
    return value


def as_tuple(x: Any) -> Any:
    """A list as a tuple, which is what the primal function takes."""
    return tuple(x) if isinstance(x, list) else x


def in_places(needed: tuple[bool, ...], grads: list[Any]) -> list[Any]:
    """The gradients of the inputs that need one, at the places of these, and None at the others."""
    left = iter(grads)
    return [next(left) if needs else None for needs in needed]


def value_like(
    criterion: Criterion | WeightedSum,
    arrays: tuple[Any, ...],
    weight: Any,
    where: Any,
    needed: tuple[bool, ...] | None,
) -> Any:
    """The shape and type of a loss's value; every mistake in types and shapes is an error here, while JAX traces."""
    given = (*arrays, weight, where)
    *empty, sample_weight, mask = [
        None if x is None else np.broadcast_to(np.zeros((), x.dtype), x.shape) for x in given
    ]
    names = criterion.plan(*empty).input_names
    wrt = tuple([name for name, needs in zip(names, needed or (), strict=False) if needs])
    plan = criterion.plan(*empty, sample_weight=sample_weight, where=mask, wrt=wrt or None)
    return jax.ShapeDtypeStruct(plan.shape if plan.each else (), plan.kind)
