"""`@loss`: what a kernel's signature says, and every signature that says nothing clear."""

# ruff: noqa: ARG001  most kernels here are only read

import pickle
from typing import Annotated, Any, Literal

import numpy as np
import pytest

import lossreg
from lossreg.definition.domains import CLASS_INDEX, REAL, UNIT
from lossreg.definition.loss import Loss
from lossreg.definition.plain_python.evaluate_point import evaluate
from lossreg.definition.roles import Role
from lossreg.errors import InvalidDefinition
from lossreg.plugin import (
    Array,
    Axes,
    ClassIndex,
    ClassRow,
    Positive,
    PositiveTime,
    Probability,
    Real,
    Row,
    SampleWeight,
    Slope,
    Slopes,
    Target,
    Unit,
    Weight,
)


def pair(x: Real, y: Unit, scale: Positive = 2.0, *, mode: Literal["plain", "odd"] = "plain"):
    """A pair.

    More.
    """
    return (x - y) * scale, scale, -scale


def row(
    logits: ClassRow[Real],
    label: ClassIndex,
    slope: Slope,
    weight: ClassRow[Weight] = 1.0,
    *,
    squared: bool = False,
):
    for j in range(len(logits)):
        slope[j] = weight[label] * 2.0 if j == label else 0.0
    return logits[label] * weight[label]


def test_a_signature_is_the_metadata():
    loss = lossreg.plugin.loss(pair)
    assert (loss.name, loss.function, loss.summary, loss.file) == ("pair", pair, "A pair.", __file__)
    assert loss.doc == pair.__doc__.strip()
    assert [(entry.name, entry.domain, entry.axis) for entry in loss.inputs] == [("x", REAL, None), ("y", UNIT, None)]
    assert [(p.name, p.default) for p in loss.parameters] == [("scale", 2.0), ("mode", "plain")]
    (form,) = loss.forms
    assert form.default_wrt == ("x", "y")
    assert form.switches == ("mode",)
    assert not form.by_row
    assert repr(loss) == "<loss pair>"


def test_a_row_kernel_has_an_axis_and_slopes():
    (form,) = lossreg.plugin.loss(row).forms
    assert [(entry.name, entry.axis) for entry in form.inputs] == [("logits", 1), ("label", None)]
    assert form.inputs[1].domain is CLASS_INDEX
    assert form.by_row
    assert form.default_wrt == ("logits",)
    assert form.switches == ("squared",)


def test_rows_along_the_last_axis_each_with_a_slope():
    def two(x1: Row[Real], x2: Row[Real], slope1: Slope, slope2: Slope):
        return 0.0

    (form,) = lossreg.plugin.loss(two).forms
    assert [entry.axis for entry in form.inputs] == [-1, -1]
    assert form.default_wrt == ("x1", "x2")


def test_an_elementwise_kernel_tells_by_its_slopes_what_has_a_gradient():
    def one(x: Real, y: Real):
        return x - y, 1.0

    assert lossreg.plugin.loss(one).forms[0].default_wrt == ("x",)


def test_an_input_is_a_target_by_its_name_or_by_its_annotation():
    def survival(risk: Real, target: Real, time: Target[Positive], event: Unit):
        return risk, 1.0, 1.0, 1.0

    def labelled(scores: ClassRow[Real], truth: ClassIndex, slope: Slope):
        return 0.0

    (form,) = lossreg.plugin.loss(survival).forms
    assert [entry.role for entry in form.inputs] == [None, Role.TARGET, Role.TARGET, None]
    assert form.default_wrt == ("risk",)
    assert lossreg.plugin.loss(labelled).forms[0].inputs[1].role is Role.LABEL


def test_a_loss_of_targets_alone_is_refused():
    def late(prediction: PositiveTime, target: Real):
        return prediction, 1.0

    with pytest.raises(
        InvalidDefinition, match="late: expected the slope of a prediction; got those of targets: prediction"
    ):
        lossreg.plugin.loss(late)


def test_what_matters_of_a_role_is_in_the_description():
    (weight,) = (p for p in lossreg.get("mse").parameters if p.name == "weight")
    assert (weight.role, weight.allowed) == (Role.WEIGHT, "a finite number")
    assert weight.description == "a finite number; a mean divides by the sum of the weights"


def no_input():
    return 0.0, 1.0


def no_domain(x: float, y: Real):
    return x, 1.0


def no_annotation(x, y: Real):
    return x, 1.0


def no_annotation_of_a_parameter(x: Real, scale=1.0):
    return x, 1.0


def anything_goes(x: Real, *more: Real):
    return x, 1.0


def any_keyword(x: Real, **more: Real):
    return x, 1.0


def slope_first(slope: Slope, logits: ClassRow[Real]):
    return 0.0


def slope_between(logits: ClassRow[Real], slope: Slope, label: ClassIndex):
    return 0.0


def slope_without_row(x: Real, slope: Slope):
    return 0.0


def row_without_slope(logits: ClassRow[Real], label: ClassIndex):
    return 0.0


def too_many_slopes(x: Row[Real], slope1: Slope, slope2: Slope):
    return 0.0


def switch_before_a_number(x: Real, y: Real, odd: bool = False, scale: Positive = 1.0):
    return x, 1.0


def choice_before_a_number(x: Real, y: Real, mode: Literal["a", "b"] = "a", scale: Positive = 1.0):
    return x, 1.0


def unknown_annotation(x: "Imaginary", y: Real):  # noqa: F821  which is the point
    return x, 1.0


def default_none(x: Real, y: Real, k: Positive = None):
    return x - y, 1.0


def default_outside(x: Real, y: Real, k: Positive = -1.0):
    return x, 1.0


def default_of_another_type(x: Real, y: Real, k: Positive = 1.0, odd: bool = "no"):
    return x, 1.0


def default_that_is_no_choice(x: Real, y: Real, mode: Literal["plain", "odd"] = "plane"):
    return x, 1.0


UNREADABLE = {
    default_none: "default_none: the default of k: expected a number above 0, got None",
    default_outside: "default_outside: the default of k: expected a number above 0, got -1.0",
    default_of_another_type: "default_of_another_type: the default of odd: expected true or false, got 'no'",
    default_that_is_no_choice: "default_that_is_no_choice: the default of mode: .*got 'plane'; did you mean 'plain'",
    no_input: "no_input: expected inputs, then slope rows; got",
    no_domain: "no_domain: input x needs a domain, such as Real",
    no_annotation: "no_annotation: x has no annotation to say what it may be",
    no_annotation_of_a_parameter: "no_annotation_of_a_parameter: scale has no annotation",
    anything_goes: r"anything_goes: \*more cannot be listed or checked; name each one",
    any_keyword: r"any_keyword: \*more cannot be listed",
    slope_first: "slope_first: expected inputs, then slope rows; got slope, logits",
    slope_between: "slope_between: expected inputs, then slope rows; got logits, slope, label",
    slope_without_row: "slope_without_row: expected a slope row for each row with a gradient",
    row_without_slope: "row_without_slope: expected a slope row for each row with a gradient",
    too_many_slopes: "too_many_slopes: expected a slope row for each row with a gradient",
    switch_before_a_number: "switch_before_a_number: parameters that are bool or Literal come after the others",
    choice_before_a_number: "choice_before_a_number: parameters that are bool or Literal come after the others",
    unknown_annotation: "unknown_annotation: an annotation cannot be read: name 'Imaginary' is not defined",
}


@pytest.mark.parametrize("kernel", UNREADABLE, ids=lambda kernel: kernel.__name__)
def test_a_signature_that_cannot_be_read_is_refused(kernel):
    with pytest.raises(InvalidDefinition, match=f"^{UNREADABLE[kernel]}"):
        lossreg.plugin.loss(kernel)


@pytest.mark.parametrize("given", [None, 3, "huber", print, Loss])
def test_only_a_function_can_be_a_loss(given):
    with pytest.raises(InvalidDefinition, match=r"^expected a function, got"):
        lossreg.plugin.loss(given)


def one_number(x: Real, y: Real):
    return x - y


def one_number_in_a_tuple(x: Real, y: Real):
    return (x - y,)


def four_numbers(x: Real, y: Real):
    return 1.0, 2.0, 3.0, 4.0


def four_numbers_as_declared(x: Real, y: Real, z: Real) -> tuple[float, float, float, float, float]:
    return many(x, y, z)  # noqa: F821  it is never called


def no_number(x: Real, y: Real):
    x - y


def no_number_as_declared(x: Real, y: Real) -> None:
    return None


def nothing_in_one_case(x: Real, y: Real):
    if x > y:
        return x - y, 1.0
    return None


def different_numbers(x: Real, y: Real):
    return (x - y, 1.0, -1.0) if x > y else (y - x, -1.0)


def a_list(x: Real, y: Real):
    return [x - y, 1.0]


def a_call(x: Real, y: Real):
    return many(x, y)  # noqa: F821  it is never called


def a_row_kernel_without_value(x: Row[Real], slope: Slope):
    slope[0] = 1.0


def a_row_kernel_that_returns_slopes(x: Row[Real], slope: Slope):
    return x[0], [1.0]


def a_batch_kernel_without_values(x: Annotated[Array, Axes("N")], weight: SampleWeight, slopes: Slopes):
    slopes["x"][...] = weight


RETURNED = {
    one_number: r"expected it to return a value and 1 to 2 slopes; it returns one number \(line \d+\)",
    one_number_in_a_tuple: "expected it to return a value and 1 to 2 slopes; it returns one number",
    four_numbers: "expected it to return a value and 1 to 2 slopes; it returns 4 numbers",
    four_numbers_as_declared: r"a value and 1 to 3 slopes; it returns 5 numbers \(its return annotation\)",
    no_number: "expected it to return a value and 1 to 2 slopes; it returns nothing",
    no_number_as_declared: r"a value and 1 to 2 slopes; it returns nothing \(its return annotation\)",
    nothing_in_one_case: r"it returns 2 numbers \(line \d+\), and it returns nothing \(line \d+\)",
    different_numbers: r"it returns 3 numbers \(line \d+\), and it returns 2 numbers \(line \d+\)",
    a_list: "how many it returns is not clear from its source: declare it with an annotation, such as -> tuple",
    a_call: "how many it returns is not clear from its source: declare it with an annotation, such as -> tuple",
    a_row_kernel_without_value: "expected it to return the value, and nothing else; it returns nothing",
    a_row_kernel_that_returns_slopes: "expected it to return the value, and nothing else; it returns 2 numbers",
    a_batch_kernel_without_values: "expected it to return the values, .*; it returns nothing",
}


@pytest.mark.parametrize("kernel", RETURNED, ids=lambda kernel: kernel.__name__)
def test_a_kernel_that_returns_other_numbers_than_a_form_has_is_refused(kernel):
    with pytest.raises(InvalidDefinition, match=RETURNED[kernel]):
        lossreg.plugin.loss(kernel)


def test_what_a_kernel_returns_is_declared_and_not_found_by_calling_it():
    def declared(x: Real, y: Real) -> tuple[float, float, float]:
        raise NotImplementedError

    def written(x: Real, y: Real):
        def inner():
            return None

        if x > y:
            return x, 1.0
        raise NotImplementedError

    assert lossreg.plugin.loss(declared).forms[0].slopes == ("x", "y")
    assert lossreg.plugin.loss(written).forms[0].slopes == ("x",)


def test_a_kernel_without_source_declares_what_it_returns():
    space = {"Real": Real}
    exec("def typed(x: Real, y: Real): return x - y, 1.0", space)  # noqa: S102
    with pytest.raises(InvalidDefinition, match=r"typed: .* not clear from its source"):
        lossreg.plugin.loss(space["typed"])
    space |= {"Numbers": tuple[float, float]}
    exec("def typed(x: Real, y: Real) -> Numbers: return x - y, 1.0", space)  # noqa: S102
    assert lossreg.plugin.loss(space["typed"]).forms[0].slopes == ("x",)


def test_a_second_derivative_by_element_is_one_number():
    loss = lossreg.plugin.loss(pair)
    with pytest.raises(InvalidDefinition, match="pair: expected second to return one number; it returns 2 numbers"):

        @loss.hessian
        def second(x: Real, y: Unit, scale: Positive = 2.0, *, mode: Literal["plain", "odd"] = "plain"):
            return 0.0, 0.0


def test_an_optimizer_returns_its_weight_and_all_its_states():
    def forgetful(weight: Real, grad: Real, step: Real, velocity: Real, *, lr: Positive = 0.1):
        return weight - lr * grad

    def stateless(weight: Real, grad: Real):
        return weight - grad

    message = "forgetful: expected it to return the new weight, the new velocity; it returns one number"
    with pytest.raises(InvalidDefinition, match=message):
        lossreg.plugin.optimizer(forgetful)
    with pytest.raises(InvalidDefinition, match="stateless: expected weight, grad, step and any states"):
        lossreg.plugin.optimizer(stateless)


@pytest.mark.parametrize("annotation", [np.ndarray, np.ndarray | None, Any, dict[int, str], tuple[int, str], Array])
def test_a_parameter_has_an_annotation_that_its_values_can_be_checked_against(annotation):
    def kernel(x: Real, y: Real, w=None):
        return x - y, 1.0

    kernel.__annotations__["w"] = annotation
    with pytest.raises(InvalidDefinition, match=r"kernel: parameter w cannot have the annotation .*; expected a"):
        lossreg.plugin.loss(kernel)


@pytest.mark.parametrize("names", ["N,D", "N N", "... N ...", "N C-2", "N -1"])
def test_axes_have_names(names):
    with pytest.raises(InvalidDefinition, match=f"^Axes: expected .*; got {names!r}"):
        Axes(names)


def test_batch_kernels_whose_shapes_do_not_follow_from_their_inputs_are_refused():
    def without_samples(x: Annotated[Array, Axes("D")], weight: SampleWeight, slopes: Slopes):
        return weight

    def without_classes(
        x: Annotated[Array, Axes("N D")], weight: SampleWeight, slopes: Slopes, scales: Row[Real] = 1.0
    ):
        return weight

    def without_lengths(x: Annotated[Array, Axes("N T", lengths="sizes")], weight: SampleWeight, slopes: Slopes):
        return weight

    def by_element(x: Real, y: Real, w: Row[Real] = 1.0):
        return x - y, 1.0

    for kernel, message in (
        (without_samples, "without_samples: expected an input with the axis N of the samples"),
        (without_classes, "without_classes: parameter scales can be a row only if an input has the axis C"),
        (
            without_lengths,
            "without_lengths: expected the lengths of x to be an input of integers with .* N; got 'sizes'",
        ),
        (by_element, "by_element: parameter w cannot be a row, as the inputs are single numbers"),
    ):
        with pytest.raises(InvalidDefinition, match=message):
            lossreg.plugin.loss(kernel)


def test_a_form_is_added_beside_the_first():
    loss = lossreg.plugin.loss(row)

    def by_probability(
        logits: ClassRow[Real],
        target: ClassRow[Probability],
        slope: Slope,
        weight: ClassRow[Weight] = 1.0,
        *,
        squared: bool = False,
    ):
        return 0.0

    assert loss.form(by_probability) is by_probability
    assert [form.inputs[1].name for form in loss.forms] == ["label", "target"]
    assert loss.inputs[1].name == "label"


@pytest.mark.parametrize("default", [2.0, None])
def test_a_form_with_other_parameters_is_refused(default):
    loss = lossreg.plugin.loss(row)
    if default is None:

        def other(logits: ClassRow[Real], label: ClassIndex, slope: Slope):
            return 0.0
    else:

        def other(
            logits: ClassRow[Real],
            label: ClassIndex,
            slope: Slope,
            weight: ClassRow[Weight] = 2.0,
            *,
            squared: bool = False,
        ):
            return 0.0

    with pytest.raises(InvalidDefinition, match="row: the parameters of other differ"):
        loss.form(other)
    assert len(loss.forms) == 1


def test_the_task_follows_from_the_inputs():
    tasks = {name: lossreg.get(name).task for name in lossreg.names()}
    assert tasks == tasks | {
        "bce_with_logits": "binary classification",
        "cosine_embedding": "embedding",
        "cross_entropy": "classification",
        "huber": "regression",
        "kl_div": "distributions",
    }


def test_a_loss_can_be_evaluated_at_a_point():
    assert lossreg.plugin.loss(pair).at(3.0, 1.0, scale=4) == (8.0, 4.0, -4.0)
    assert lossreg.plugin.loss(row).at([1.0, 3.0], 1, weight=[0.0, 2.0]) == (6.0, [0.0, 4.0])
    assert evaluate(lossreg.plugin.loss(row).forms[0], ([1.0, 3.0], 1), {"weight": 5.0, "squared": False})[0] == 15.0
    with pytest.raises(lossreg.InvalidParameter, match="pair: scale: expected a number above 0, got -1"):
        lossreg.plugin.loss(pair).at(3.0, 1.0, scale=-1)


def test_a_loss_pickles_as_its_place():
    loss = lossreg.get("huber")
    assert pickle.loads(pickle.dumps(loss)) is loss  # noqa: S301  made the line before


def test_a_loss_without_documentation_has_its_modules():
    assert lossreg.plugin.loss(row).doc == __doc__.strip()
