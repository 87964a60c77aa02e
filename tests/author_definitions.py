"""Further mistakes of authors, in whatever they write beside formulas: each scenario runs in a process of its own.

python tests/author_definitions.py     # prints, as JSON by name, the exit code and what came out
"""

# ruff: noqa: ARG001  many kernels here do not use what they are given, which is the mistake

import json
import math
import sys
from functools import partial
from typing import Annotated, Literal

import numpy as np
from author_mistakes import in_a_child

import lossreg
from lossreg.criterion.criterion import Criterion
from lossreg.plugin import (
    Array,
    Axes,
    ClassIndex,
    ClassRow,
    Domain,
    Learned,
    Multiplicity,
    Positive,
    PositiveInteger,
    Real,
    Row,
    SampleWeight,
    Scale,
    Slope,
    Slopes,
    Target,
    Width,
    each,
    loss,
)
from lossreg.testing import check_loss

X, Y = np.array([1.0, -2.0, 0.5]), np.array([0.0, 0.5, 0.5])
ROWS = np.arange(6.0).reshape(2, 3)
TABLE = {0: 1.0, 1: 2.0}
COUNT = 0
TOTALS = np.zeros(2)
Samples = Annotated[Array, Axes("N D")]


def computed(made, *arrays, **parameters):
    """The value and gradient of a loss."""
    value, grad = Criterion(made, "mean", parameters).value_and_grad(*arrays)
    return f"value {value}, gradient {np.asarray(grad).tolist()}"


def functions_that_call_each_other():
    def even(x, n):
        return x if n <= 0 else odd(x, n - 1)

    def odd(x, n):
        return even(-x, n - 1)

    def alternating(x: Real, y: Real):
        return even(x - y, 3), 1.0

    return computed(loss(alternating), X, Y)


def an_index_outside_a_closed_over_array():
    scale = np.array([1.0, 2.0])

    def scaled(x: Real, y: Real):
        return scale[2] * (x - y), scale[2]

    return computed(loss(scaled), X, Y)


def a_table_in_a_dict():
    def looked_up(x: Row[Real], slope: Slope):
        for j in range(len(x)):
            slope[j] = TABLE[j % 2]
        return x[0]

    return computed(loss(looked_up), ROWS)


def a_global_counter():
    def counted(x: Real, y: Real):
        global COUNT  # noqa: PLW0603  which is the point
        COUNT += 1
        return x - y, 1.0

    return computed(loss(counted), X, Y)


def a_generator():
    def generating(x: Real, y: Real):
        yield x - y
        yield 1.0

    return computed(loss(generating), X, Y)


def a_coroutine():
    async def waiting(x: Real, y: Real):
        return x - y, 1.0

    return computed(loss(waiting), X, Y)


def a_generator_expression():
    def summed(x: Row[Real], slope: Slope):
        for j in range(len(x)):
            slope[j] = 2 * x[j]
        return sum(x[j] * x[j] for j in range(len(x)))

    return computed(loss(summed), ROWS)


def an_exception_that_is_handled():
    def careful(x: Real, y: Real):
        try:
            return 1 / (x - y), 1.0
        except ZeroDivisionError:
            return 0.0, 0.0

    return computed(loss(careful), X, Y)


def an_import_in_a_kernel():
    def importing(x: Real, y: Real):
        import math as m

        return m.exp(x - y), m.exp(x - y)

    return computed(loss(importing), X, Y)


def a_formatted_string():
    def formatting(x: Real, y: Real):
        return float(f"{x:.3f}") - y, 1.0

    return computed(loss(formatting), X, Y)


def a_default_of_another_type():
    def scaled(x: Real, y: Real, scale: Positive = "1"):
        return scale * (x - y), scale

    return computed(loss(scaled), X, Y)


def a_default_outside_its_domain():
    def scaled(x: Real, y: Real, scale: Positive = -1.0):
        return scale * (x - y), scale

    return computed(loss(scaled), X, Y)


def a_default_that_is_no_integer():
    def powered(x: Real, y: Real, n: PositiveInteger = 1.5):
        return (x - y) ** n, n * (x - y) ** (n - 1)

    return computed(loss(powered), X, Y)


def a_default_that_is_no_choice():
    def chosen(x: Real, y: Real, kind: Literal["a", "b"] = "c"):
        return x - y, 1.0

    return computed(loss(chosen), X, Y)


def a_parameter_named_like_an_argument_of_calls():
    def averaged(x: Real, y: Real, reduction: Scale = 1.0):
        return x - y, 1.0

    return computed(loss(averaged), X, Y)


def an_input_named_like_an_argument_of_calls():
    def masked(x: Real, where: Real):
        return x - where, 1.0

    return computed(loss(masked), X, Y)


def an_input_with_the_name_of_a_parameter_of_the_other_form():
    @loss
    def first(x: Row[Real], slope: Slope, scale: Scale = 1.0):
        for j in range(len(x)):
            slope[j] = scale
        return x[0]

    @first.form
    def second(x: Row[Real], scale: Row[Real], slope: Slope):
        for j in range(len(x)):
            slope[j] = scale[j]
        return x[0]

    return computed(first, ROWS)


def two_forms_with_the_same_inputs():
    @loss
    def first(x: Row[Real], slope: Slope):
        for j in range(len(x)):
            slope[j] = 1.0
        return x[0]

    @first.form
    def second(z: Row[Real], slope: Slope):
        for j in range(len(z)):
            slope[j] = 2.0
        return z[0]

    return computed(first, ROWS)


def axes_without_samples():
    def alone(x: Annotated[Array, Axes("C D")], sample_weight: SampleWeight, slopes: Slopes):
        for slope in slopes.values():
            slope[...] = 1
        return x.sum(1)

    return computed(loss(alone), ROWS)


def a_number_of_classes_that_two_inputs_need_differently():
    def clashing(x: Annotated[Row[Real], Width(3)], y: Annotated[Row[Real], Width(2)], slope: Slope, y_slope: Slope):
        for j in range(len(x)):
            slope[j] = 1.0
        for j in range(len(y)):
            y_slope[j] = 1.0
        return x[2] + y[1]

    return computed(loss(clashing), ROWS, ROWS[:, :2])


def a_loss_called_in_a_kernel():
    huber = lossreg.get("huber")

    def twice(x: Real, y: Real):
        value, slope, _ = huber(x, y, 1.0)
        return 2 * value, 2 * slope

    return computed(loss(twice), X, Y)


def a_very_long_loop():
    def slow(x: Real, y: Real):
        total = x
        for j in range(10**12):
            total += j * y
        return total, 1.0

    return computed(loss(slow), X, Y)


def a_loop_that_does_not_end_for_nan():
    def searched(x: Real, y: Real):
        low, high = -1e9, 1e9
        while not high - low < 1e-3 * abs(x - y) + 1e-3:
            middle = (low + high) / 2
            low, high = (middle, high) if middle < x else (low, middle)
        return low, 1.0

    return computed(loss(searched), np.array([1.0, np.nan]), np.zeros(2))


def a_very_large_array():
    def allocating(x: Row[Real], slope: Slope):
        buffer = np.zeros(10**14)
        for j in range(len(x)):
            slope[j] = 1.0
        return x[0] + buffer[0]

    return computed(loss(allocating), ROWS)


def a_parameter_that_is_changed():
    def reweighted(x: ClassRow[Real], label: ClassIndex, slope: Slope, weight: ClassRow[Scale] = 1.0):
        weight[0] = 2.0
        for j in range(len(x)):
            slope[j] = weight[j]
        return x[label]

    return computed(loss(reweighted), ROWS, np.array([0, 2]), weight=[1.0, 1.0, 1.0])


def a_row_parameter_read_outside():
    def reweighted(x: ClassRow[Real], label: ClassIndex, slope: Slope, weight: ClassRow[Scale] = 1.0):
        for j in range(len(x)):
            slope[j] = weight[j + 1]
        return x[label]

    return computed(loss(reweighted), ROWS, np.array([0, 2]), weight=[1.0, 1.0, 1.0])


def a_hessian_that_is_too_long():
    @loss
    def squares(x: Row[Real], slope: Slope):
        for j in range(len(x)):
            slope[j] = 2 * x[j]
        return x[0] * x[0]

    @squares.hessian
    def second(x: Row[Real], hessian: Slope):
        for j in range(len(x) + 1):
            hessian[j] = 2.0

    return repr(Criterion(squares).value_grad_hess(ROWS))


def a_hessian_that_is_not_filled():
    @loss
    def squares(x: Row[Real], slope: Slope):
        for j in range(len(x)):
            slope[j] = 2 * x[j]
        return x[0] * x[0]

    @squares.hessian
    def second(x: Row[Real], hessian: Slope):
        hessian[0] = 2.0

    return repr(Criterion(squares).value_grad_hess(ROWS))


def a_hessian_that_is_a_pair():
    @loss
    def square(x: Real, y: Real):
        return (x - y) ** 2, 2 * (x - y)

    @square.hessian
    def second(x: Real, y: Real):
        return 2.0, 0.0

    return repr(Criterion(square).value_grad_hess(X, Y))


def a_hessian_with_other_parameters():
    @loss
    def square(x: Real, y: Real, scale: Scale = 1.0):
        return scale * (x - y) ** 2, 2 * scale * (x - y)

    @square.hessian
    def second(x: Real, y: Real):
        return 2.0

    return repr(Criterion(square).value_grad_hess(X, Y))


def initial_value(init):
    """The initial value of centres that are learned from `init`."""

    @loss(couples="batch")
    def centred(
        x: Samples, centre: Annotated[Array, Axes("D", Real), Learned(init)], weight: Multiplicity, slopes: Slopes
    ) -> Annotated[Array, Axes("N")]:
        for name, sign in (("x", 1), ("centre", -1)):
            if name in slopes:
                slopes[name][...] = sign
        return np.float64(0)

    return repr(centred.initial_values(D=3))


def an_initial_value_of_another_shape():
    return initial_value(lambda _, __: np.zeros(4))


def an_initial_value_that_is_text():
    return initial_value("zeros")


def an_initial_value_that_is_nan():
    return initial_value(float("nan"))


def an_initial_value_that_raises():
    return initial_value(np.zeros)


def a_method_in_place_of_a_function():
    class Holder:
        def kernel(self, x: Real, y: Real):
            return x - y, 1.0

    return computed(loss(Holder().kernel), X, Y)


def a_class_in_place_of_a_function():
    class Kernel:
        def __call__(self, x: Real, y: Real):
            return x - y, 1.0

    return computed(loss(Kernel()), X, Y)


def a_built_in_function():
    return computed(loss(math.hypot), X, Y)


def a_function_without_a_name():
    return computed(loss(lambda x, y: (x - y, 1.0)), X, Y)


def any_number_of_arguments():
    def summed(*x: Real):
        return x[0] - x[1], 1.0

    return computed(loss(summed), X, Y)


def any_keywords():
    def scaled(x: Real, y: Real, **others: Scale):
        return x - y, 1.0

    return computed(loss(scaled), X, Y)


def an_argument_without_annotation():
    def plain(x, y: Real):
        return x - y, 1.0

    return computed(loss(plain), X, Y)


def an_argument_that_is_a_float():
    def plain(x: float, y: float):
        return x - y, 1.0

    return computed(loss(plain), X, Y)


def an_annotation_with_an_unknown_name():
    def plain(x: "Reel", y: Real):  # noqa: F821  which is the point
        return x - y, 1.0

    return computed(loss(plain), X, Y)


def no_inputs():
    def constant(scale: Scale = 1.0):
        return scale, 1.0

    return computed(loss(constant))


def more_slopes_than_rows():
    def eager(x: Row[Real], slope: Slope, other_slope: Slope):
        for j in range(len(x)):
            slope[j] = other_slope[j] = 1.0
        return x[0]

    return computed(loss(eager), ROWS)


def a_misspelt_coupling():
    @loss(couples="smaples")
    def coupled(x: Samples, slopes: Slopes):
        return np.zeros(len(x))

    return computed(coupled, ROWS)


def a_bound_that_is_text():
    @loss(ulps="4")
    def bounded(x: Real, y: Real):
        return x - y, 1.0

    return computed(bounded, X, Y)


def a_domain_whose_test_is_not_a_comparison():
    def named(x):
        return x.name == "inside"

    Odd = Annotated[float, Domain("Odd", "odd", named, 1.0, "regression")]

    def difference(x: Odd, y: Odd):
        return x - y, 1.0

    return computed(loss(difference), X, Y)


def a_domain_without_its_own_example():
    Large = Annotated[float, Domain("Large", "above 10", lambda x: x > 10, 1.0, "regression")]

    def difference(x: Large, y: Large):
        return x - y, 1.0

    return computed(loss(difference), X + 20, Y + 20)


def a_value_that_is_a_list():
    def listed(x: Real, y: Real):
        return [x - y, 1.0]

    return computed(loss(listed), X, Y)


def a_slope_that_is_none():
    def flat(x: Real, y: Real):
        return x - y, None

    return computed(loss(flat), X, Y)


def a_slice_of_another_length():
    def sliced(x: Row[Real], slope: Slope):
        slope[:] = x[1:]
        return x[0]

    return computed(loss(sliced), ROWS)


def a_slope_of_a_gradient_that_is_not_asked_for():
    def both(x: Row[Real], target: Target[Row[Real]], slope: Slope, target_slope: Slope | None):
        for j in range(len(x)):
            slope[j], target_slope[j] = 1.0, -1.0
        return x[0] - target[0]

    return computed(loss(both), ROWS, ROWS)


def a_sample_function_with_too_few_arguments():
    def short(i, x):
        x[i, 0] = 1.0

    def batch(x: Samples, sample_weight: SampleWeight, slopes: Slopes):
        for slope in slopes.values():
            slope[...] = 1
        each(short, len(x), x.copy(), x)
        return x.sum(1) * sample_weight

    return computed(loss(batch), ROWS)


def a_sample_function_that_raises():
    def refusing(i, values):
        raise ValueError(f"sample {i}")

    def batch(x: Samples, sample_weight: SampleWeight, slopes: Slopes):
        for slope in slopes.values():
            slope[...] = 1
        each(refusing, len(x), x.sum(1))
        return x.sum(1) * sample_weight

    return computed(loss(batch), ROWS)


def a_count_of_samples_that_is_no_integer():
    def filled(i, values):
        values[i] = 1.0

    def batch(x: Samples, sample_weight: SampleWeight, slopes: Slopes):
        for slope in slopes.values():
            slope[...] = 1
        values = np.empty(len(x))
        each(filled, len(x) / 1, values)
        return values * sample_weight

    return computed(loss(batch), ROWS)


def values_that_are_objects():
    def batch(x: Samples, sample_weight: SampleWeight, slopes: Slopes):
        for slope in slopes.values():
            slope[...] = 1
        return np.array([None] * len(x))

    return computed(loss(batch), ROWS)


def values_that_are_complex():
    def batch(x: Samples, sample_weight: SampleWeight, slopes: Slopes):
        for slope in slopes.values():
            slope[...] = 1
        return x.sum(1) * 1j

    return computed(loss(batch), ROWS)


def a_helper_with_a_list_as_default():
    def counted(x, seen=[]):  # noqa: B006  which is the mistake
        seen.append(x)
        return len(seen)

    def scaled(x: Real, y: Real):
        return counted(x) * (x - y), 1.0

    return computed(loss(scaled), X, Y)


def a_global_array_that_is_changed():
    def counted(x: Real, y: Real):
        TOTALS[0] += x
        return x - y, 1.0

    try:
        return computed(loss(counted), X, Y)
    except lossreg.LossregError as error:
        return f"InvalidDefinition: {error}; the array is {TOTALS.tolist()}"


def a_closed_over_list_that_grows():
    seen = []

    def counted(x: Real, y: Real):
        seen.append(x)
        return x - y, 1.0

    return computed(loss(counted), X, Y)


def a_random_number():
    def noisy(x: Real, y: Real):
        return (x - y) * np.random.random(), 1.0  # noqa: NPY002  which is the mistake

    return computed(loss(noisy), X, Y)


def an_index_that_is_made_of_a_number():
    def picked(x: Row[Real], slope: Slope):
        for j in range(len(x)):
            slope[j] = 0.0
        at = min(2, int(abs(x[0])))
        slope[at] = 1.0
        return x[at]

    return computed(loss(picked), np.array([[1e300, 0.0, 0.0], [math.nan, 1.0, 2.0]]))


def a_sample_function_that_writes_outside_of_a_large_array():
    def filled(i, x, values):
        values[i + 1] = x[i, 0]

    def batch(x: Samples, sample_weight: SampleWeight, slopes: Slopes):
        for slope in slopes.values():
            slope[...] = 1
        values = np.empty(len(x))
        each(filled, len(x), x, values)
        return values * sample_weight

    return computed(loss(batch), np.ones((4000, 3)))


def checked(function):
    """What the quick level of the kit says of a batch kernel whose example is made by a function."""

    def batch(x: Samples, sample_weight: SampleWeight, slopes: Slopes):
        for slope in slopes.values():
            slope[...] = 1
        return x.sum(1) * sample_weight

    made = loss(batch)
    made.example(function)
    return str(check_loss(made, level="quick"))


def an_example_that_raises():
    def failing(random, samples):
        raise ValueError(f"no {samples}")

    return checked(failing)


def an_example_without_parameters():
    def bare(random, samples):
        return random.normal(size=(samples, 2))

    return checked(bare)


SCENARIOS = [
    value
    for name, value in list(globals().items())
    if getattr(value, "__module__", "") == __name__
    and callable(value)
    and name not in ("computed", "initial_value", "checked")
]


def outcome(scenario):
    """What a scenario returns, or the message of the error that lossreg raises on purpose."""
    try:
        return scenario()
    except lossreg.LossregError as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    json.dump({scenario.__name__: in_a_child(partial(outcome, scenario)) for scenario in SCENARIOS}, sys.stdout)
