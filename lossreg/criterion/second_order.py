"""Second derivatives of a criterion with respect to its first input: their diagonal, and Hessian-vector products.

Both are computed by criteria of losses that are derived from the criterion's own, so that weights, masks, dtypes, `out`
and threads work as they do for gradients.
"""

from __future__ import annotations

from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.arguments import inputs_by_name, shown
from lossreg.criterion.reductions import REDUCTIONS
from lossreg.definition.parameter_values import REFUSED, accept_scalar
from lossreg.definition.second_derivative import CURVATURE, PRODUCT
from lossreg.definition.signature import EXACT
from lossreg.errors import InvalidInput, InvalidParameter, nearest
from lossreg.kernels.differentiation.second_derivative import with_derived_hessians

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lossreg.definition.loss import Loss

    Array = np.ndarray[Any, Any]


SOME = 1024
"""The second derivatives that are looked at before all of them are."""


class SecondOrder:
    """The methods of a criterion that need second derivatives."""

    __slots__ = ()

    loss: Loss
    reduction: str
    parameters: Mapping[str, Any]
    _given: Mapping[str, Any]
    _derived: dict[tuple[Any, ...], Any]

    def value_grad_hess(
        self,
        *arrays: Any,
        sample_weight: Any = None,
        where: Any = None,
        denominator: float | None = None,
        hessian: str | float | None = "exact",
        out: Any = None,
        **inputs: Any,
    ) -> tuple[Any, Any, Any]:
        """The loss, its gradient and the diagonal of its second derivatives by the first input, in one pass.

        All three are on the scale of the reduction, as in `value_and_grad`: with reduction none, the value, slope and
        second derivative of each element times its sample weight, which is what gradient boosting asks for; with mean,
        these divided by the sum of the weights. Elements that do not count get 0.

        hessian: "exact" for the second derivative; another name of `criterion.loss.hessians`, such as "secant" or
            "constant", for what that loss has in its place; or a number above 0, which stands for the second derivative
            of every element before weighting. None is the one recommended for Newton steps: the first of
            `criterion.loss.hessians`, or 1 if there is none.
        out: a tuple of two arrays to write the gradient and the second derivatives to.

        The other arguments are those of `value_and_grad`. Raises InvalidParameter for a loss without second derivatives
        or an unknown name; and InvalidInput for second derivatives that are not finite, or that are nowhere above 0
        although the gradient is not 0: a Newton step has no length there, and boosting would silently learn nothing.
        """
        if hessian is None:
            hessian = recommended(self.loss)
        if isinstance(hessian, str):
            criterion = self._derive(hessian)
        else:
            number = accept_scalar(float, hessian)
            if number is REFUSED or not isfinite(number) or number <= 0:
                raise no_hessian(self.loss, hessian)
            criterion = self._derive(CURVATURE, number)
        options = {"sample_weight": sample_weight, "where": where, "denominator": denominator, "out": out}
        value, (grad, hess) = criterion.value_and_grad(*arrays, **options, **inputs)
        if hess.size:
            refuse_curvature(self.loss, hessian, value, grad, hess)
        return value, grad, hess

    def hvp(
        self,
        *arrays: Any,
        vector: Any,
        sample_weight: Any = None,
        where: Any = None,
        denominator: float | None = None,
        out: Any = None,
        **inputs: Any,
    ) -> Any:
        """The product of the matrix of second derivatives by the first input, and a vector of the first input's shape.

        The matrix is that of the loss as it is reduced; with reduction none, of the sum of the values. It is exact: by
        element the matrix is diagonal, and losses by row have a formula for the product. The other arguments are those
        of `value_and_grad`. Raises InvalidParameter for a loss without second derivatives.
        """
        if inputs:
            arrays = inputs_by_name(self.loss, arrays, inputs)
        options = {"sample_weight": sample_weight, "where": where, "denominator": denominator, "out": out}
        return self._derive(PRODUCT).grad(*arrays, vector, **options)

    def _derive(self, which: str, *numbers: float) -> Any:
        """The criterion whose kernels also give what `which` names; `numbers` is the curvature, if it is that."""
        if self.reduction not in REDUCTIONS:
            raise InvalidParameter(f"{self.loss.name} has no second derivatives with the reduction {self.reduction}")
        found = self._derived.get((which, *numbers))
        if found is None:
            source = with_derived_hessians(self.loss, self.parameters) if which in {EXACT, PRODUCT} else self.loss
            made = source.with_product if which == PRODUCT else partial(source.with_hessian, which=which)
            loss = made(self.parameters)
            if not loss.forms:
                raise no_hessian(self.loss, which)
            names = {parameter.name for parameter in loss.parameters}
            given = {name: value for name, value in self._given.items() if name in names}
            given |= zip([CURVATURE], numbers)  # noqa: B905  there may be none
            found = self._derived[which, *numbers] = type(self)(loss, self.reduction, given)  # type: ignore[call-arg]
        return found


def recommended(loss: Loss) -> str | float:
    """The second derivative that a loss recommends for Newton steps, or 1 if it has none."""
    return next(iter(loss.hessians), 1.0)


def no_hessian(loss: Loss, hessian: Any) -> InvalidParameter:
    """The error of a loss that has no such second derivative."""
    if hessian == PRODUCT or not any(form.fusible for form in loss.forms):
        return InvalidParameter(f"{loss.name} has no second derivatives")
    hint = nearest(hessian, loss.hessians) if isinstance(hessian, str) else ""
    message = f"{loss.name}: expected {choices(loss)} as hessian; got {shown(hessian)}"
    return InvalidParameter(message + (hint and f"; {hint}"))


def choices(loss: Loss, but: Any = None) -> str:
    """What callers may give as `hessian`, in words, in the order in which it is recommended."""
    return " or ".join([*(f'"{name}"' for name in loss.hessians if name != but), "a number above 0"])


def refuse_curvature(loss: Loss, hessian: Any, value: Any, grad: Array, hess: Array) -> None:
    """Raise InvalidInput for second derivatives with which no Newton step can be made."""
    # A value that is finite shows that all second derivatives are; usually one of the first is above 0.
    if not value.ndim and isfinite(value) and hess.ravel()[:SOME].max() > 0:
        return
    least, most = float(hess.min()), float(hess.max())
    if isfinite(least) and isfinite(most) and (most > 0 or not grad.any()):
        return
    remedy = f"give {choices(loss, hessian)} as hessian"
    at = np.argwhere(~np.isfinite(hess))[:1].tolist()
    if at:
        got = f"{hess[tuple(at[0])]} at {at[0]}"
        raise InvalidInput(f"{loss.name}: expected second derivatives that are finite; got {got}; {remedy}")
    message = f"{loss.name}: expected a second derivative above 0 somewhere, as the gradient is not 0 everywhere"
    raise InvalidInput(f"{message}; got none above {most:g}; {remedy}")
