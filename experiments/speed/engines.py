"""The engines that are compared: each makes one call without arguments that returns the loss and its gradients.

An engine gets the inputs in the form that its users have them: torch tensors over the same memory, jax arrays on the
device, a compiled function that has run before. Only the call is timed. An engine without the loss returns None.

The libraries are imported when they are used, in a process in which the number of threads is set.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import lossreg
from lossreg.definition.signature import variants

if TYPE_CHECKING:
    from collections.abc import Callable

    from cases import Array, Case


@dataclass(frozen=True)
class Problem:
    """A case in one type of numbers, with the gradient or without, for a number of threads."""

    case: Case
    dtype: str = "float32"
    gradient: bool = True
    threads: int = 1

    @cached_property
    def arrays(self) -> list[Array]:
        """The inputs."""
        return self.case.arrays(self.dtype)

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters that all engines are given."""
        return self.case.entry.parameters

    @property
    def graded(self) -> list[int]:
        """The positions of the inputs that a gradient is taken by: lossreg's default, all but the target."""
        form = lossreg.get(self.case.entry.loss).forms[0]
        if form.by_batch:
            ranks = [x.ndim for x in self.arrays]
            form = next(v for v in variants(form, len(ranks)) if [len(x.axes) for x in v.inputs] == ranks)
        return [at for at, entry in enumerate(form.inputs) if entry.name in form.default_wrt]


class Contender(NamedTuple):
    """The call to time, and how to read what it gives: the loss and a list of gradients, as numpy has them."""

    call: Callable[[], Any]
    read: Callable[[Any], tuple[Any, list[Any]]] | None = None
    before: Callable[[], Any] = int
    """What is done before each reading of the clock."""


def listed(grads: Any) -> list[Any]:
    """One gradient or several, as a list."""
    return list(grads) if isinstance(grads, tuple | list) else [grads]


def ours(problem: Problem) -> Contender:
    """Return lossreg's call as its users write it, with a new gradient for each call."""
    criterion, arrays = lossreg.create(problem.case.entry.loss, **problem.parameters), problem.arrays

    def before() -> None:
        lossreg.set_num_threads(problem.threads)

    if problem.gradient:
        return Contender(lambda: criterion.value_and_grad(*arrays), lambda found: (found[0], listed(found[1])), before)
    return Contender(lambda: criterion(*arrays), lambda found: (found, []), before)


def ours_out(problem: Problem) -> Contender:
    """Return lossreg's call with `out`."""
    criterion, arrays = lossreg.create(problem.case.entry.loss, **problem.parameters), problem.arrays
    out = tuple(np.empty_like(arrays[at]) for at in problem.graded)
    return ours(problem)._replace(call=lambda: criterion.value_and_grad(*arrays, out=out))


def ours_float32(problem: Problem) -> Contender:
    """Lossreg on the same numbers in float32; what it gives is compared where it is a case of its own."""
    return ours(replace(problem, dtype="float32"))._replace(read=None)


def ours_one_thread(problem: Problem) -> Contender:
    """Lossreg on one thread."""
    return ours(replace(problem, threads=1))


def torch_eager(problem: Problem) -> Contender:
    """PyTorch: the function of torch.nn.functional, and backward from no gradients."""
    from torch.nn import functional

    return torch_call(problem, getattr(functional, problem.case.entry.torch, adaptive))


def torch_compiled(problem: Problem) -> Contender:
    """The same, compiled for these shapes."""
    import torch
    from torch.nn import functional

    torch.compiler.reset()  # the number of recompilations of a function is limited
    function = getattr(functional, problem.case.entry.torch, adaptive)
    return torch_call(problem, torch.compile(function, dynamic=False))


def adaptive(features: Any, target: Any, head: Any, *tails: Any, cutoffs: tuple[int, ...]) -> Any:
    """PyTorch's module, with the layers given."""
    import torch

    classes = cutoffs[-1] + len(tails[-1])
    with torch.device("meta"):
        module = torch.nn.AdaptiveLogSoftmaxWithLoss(features.shape[1], classes, cutoffs)
    names = ["head.weight", *(f"tail.{at // 2}.{at % 2}.weight" for at in range(len(tails)))]
    layers = dict(zip(names, (head, *tails), strict=True))
    return torch.func.functional_call(module, layers, (features, target)).loss


def torch_call(problem: Problem, function: Callable[..., Any]) -> Contender:
    """A call of one of PyTorch's functions."""
    import torch

    torch.set_num_threads(problem.threads)
    tensors, parameters = [torch.from_numpy(x) for x in problem.arrays], problem.parameters
    if not problem.gradient:
        return Contender(lambda: function(*tensors, **parameters), lambda found: (found.numpy(), []))
    leaves = [tensors[at].requires_grad_() for at in problem.graded]

    def call() -> Any:
        for leaf in leaves:
            leaf.grad = None
        loss = function(*tensors, **parameters)
        loss.backward()
        return loss

    return Contender(call, lambda found: (found.detach().numpy(), [leaf.grad.numpy() for leaf in leaves]))


def jax_jit(problem: Problem) -> Contender:
    """The formula under jax.jit; optax's where it has the loss."""
    import formulas
    import jax

    # Handing each call to another thread takes a small batch twice as long, and every call is waited for.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    jax.config.update("jax_enable_x64", problem.dtype == "float64")
    formula, graded, parameters = getattr(formulas, problem.case.entry.loss), problem.graded, problem.parameters

    def loss(*arrays: Any) -> Any:
        return formula(*arrays, **parameters)

    function = jax.jit(jax.value_and_grad(loss, graded) if problem.gradient else loss)
    arrays = jax.block_until_ready([jax.numpy.asarray(x) for x in problem.arrays])
    read = (lambda found: (found[0], listed(found[1]))) if problem.gradient else (lambda found: (found, []))
    return Contender(lambda: jax.block_until_ready(function(*arrays)), read)


def scikit_learn(problem: Problem) -> Contender | None:
    """The losses of scikit-learn's linear models and boosting: a value and a slope of each sample, then their mean."""
    from sklearn._loss import loss as losses

    name, shape = problem.case.entry.scikit_learn, problem.case.size.shape
    by_class = name == "HalfMultinomialLoss"
    if not name or len(shape) > 2:
        return None
    options = {"n_classes": shape[1]} if by_class else {"delta": 1.0} if name == "HuberLoss" else {}
    loss, threads = getattr(losses, name)(**options), problem.threads
    prediction, target = problem.arrays
    prediction, target = prediction if by_class else prediction.ravel(), target.ravel().astype(prediction.dtype)
    factor = prediction.dtype.type(2 if name == "HalfSquaredError" else 1)
    scale = factor / prediction.dtype.type(len(prediction))

    if not problem.gradient:
        return Contender(
            lambda: factor * loss.loss(target, prediction, n_threads=threads).mean(), lambda found: (found, [])
        )

    def call() -> Any:
        values, slopes = loss.loss_gradient(target, prediction, n_threads=threads)
        slopes *= scale
        return factor * values.mean(), slopes

    return Contender(call, lambda found: (found[0], [found[1].reshape(shape)]))


def limit(problem: Problem) -> Contender:
    """What any engine has to do: the matrix products alone, or else read the same bytes and write the same bytes.

    With the gradient, as many arrays are written as there are gradients, each a copy of an input or the sum of two, so
    that all are read; without it, the inputs are read by inner products. Labels are not counted. On several threads it
    is torch that does so, as numpy has one.
    """
    if problem.case.entry.product:
        return Contender(products(problem))
    flat = [x.ravel() for x in problem.arrays if x.dtype.kind == "f"]
    size = problem.arrays[0].size
    inputs = [x for x in flat if x.size == size]
    if not problem.gradient:
        pairs = [*zip(inputs[::2], inputs[1::2], strict=False), *([(inputs[-1],) * 2] if len(inputs) % 2 else [])]
        return Contender(lambda: [np.dot(x, y) for x, y in pairs])
    outputs = [np.empty_like(inputs[0]) for _ in problem.graded]
    sums = len(inputs) - len(outputs)
    if problem.threads > 1:
        import torch

        torch.set_num_threads(problem.threads)
        add, copy = torch.add, lambda out, x: out.copy_(x)
        inputs, outputs = ([torch.from_numpy(x) for x in arrays] for arrays in (inputs, outputs))
    else:
        add, copy = np.add, np.copyto
    added = [(inputs[2 * at], inputs[2 * at + 1], outputs[at]) for at in range(sums)]
    copied = list(zip(outputs[sums:], inputs[2 * sums :], strict=True))

    def call() -> None:
        for x, y, out in added:
            add(x, y, out=out)
        for out, x in copied:
            copy(out, x)

    return Contender(call)


def products(problem: Problem) -> Callable[[], Any]:
    """The product of rows (n, d) with weights (c, d), and with the gradient the two that lead back."""
    rows, weights = problem.arrays[:2]
    logits = rows @ weights.T
    if not problem.gradient:
        return lambda: rows @ weights.T
    return lambda: (rows @ weights.T, logits @ weights, logits.T @ rows)


ENGINES: dict[str, Callable[[Problem], Contender | None]] = {
    "lossreg": ours,
    "lossreg out=": ours_out,
    "lossreg float32": ours_float32,
    "lossreg one thread": ours_one_thread,
    "torch": torch_eager,
    "torch.compile": torch_compiled,
    "jax.jit": jax_jit,
    "scikit-learn": scikit_learn,
    "limit": limit,
}


def contenders(problem: Problem, engines: tuple[str, ...]) -> dict[str, Contender]:
    """Those of the engines that have the loss, ready to be timed; each gives what lossreg gives, or it is an error."""
    with warnings.catch_warnings(action="ignore"):
        made = {name: ENGINES[name](problem) for name in engines if name not in problem.case.entry.left_out}
        found = {name: contender for name, contender in made.items() if contender is not None}
        value, grads = None, []
        for name, contender in found.items():
            contender.before()
            result = contender.call()
            if contender.read is None:
                continue
            its_value, its_grads = contender.read(result)
            if value is None:
                value, grads = its_value, its_grads
            agree(f"{problem.case.name}, {name}", [its_value, *its_grads], [value, *grads])
    return found


def agree(name: str, given: list[Any], expected: list[Any]) -> None:
    """Raise ValueError unless the arrays are equal up to rounding and ties."""
    for one, other in zip(given, expected, strict=True):
        if np.shape(one) != np.shape(other):
            raise ValueError(f"{name}: a shape of {np.shape(one)}, and lossreg's is {np.shape(other)}")
        apart = np.mean(np.abs(np.asarray(one, float) - other))
        if not apart <= 1e-3 * np.mean(np.abs(other)):
            raise ValueError(f"{name}: apart from lossreg by {apart:.2g}, where {np.mean(np.abs(other)):.2g} is usual")
