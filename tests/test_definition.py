"""`@loss`: what a kernel's signature says, and every signature that says nothing clear."""

# ruff: noqa: ARG001  most kernels here are only read

import pickle
from typing import Literal

import pytest

import lossreg
from lossreg.definition.domains import CLASS_INDEX, REAL, UNIT
from lossreg.definition.evaluate_point import evaluate
from lossreg.definition.loss import Loss
from lossreg.definition.roles import Role
from lossreg.errors import InvalidDefinition
from lossreg.plugin import ClassIndex, ClassRow, Positive, Probability, Real, Row, Slope, Target, Unit, Weight


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
    slope[label] = weight[label] * 2.0
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


def default_outside(x: Real, y: Real, k: Positive = -1.0):
    return x, 1.0


def default_of_another_type(x: Real, y: Real, k: Positive = 1.0, odd: bool = "no"):
    return x, 1.0


def default_that_is_no_choice(x: Real, y: Real, mode: Literal["plain", "odd"] = "plane"):
    return x, 1.0


UNREADABLE = {
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
def test_a_signature_nobody_can_read_is_refused(kernel):
    with pytest.raises(InvalidDefinition, match=f"^{UNREADABLE[kernel]}"):
        lossreg.plugin.loss(kernel)


@pytest.mark.parametrize("given", [None, 3, "huber", print, Loss])
def test_only_a_function_can_be_a_loss(given):
    with pytest.raises(InvalidDefinition, match=r"^expected a function, got"):
        lossreg.plugin.loss(given)


@pytest.mark.parametrize("outcome", [1.0, (1.0,), (1.0, 2.0, 3.0, 4.0), None, [1.0, 2.0]])
def test_an_elementwise_kernel_gives_a_value_and_slopes(outcome):
    def kernel(x: Real, y: Real):
        return outcome

    with pytest.raises(InvalidDefinition, match="kernel: expected a value and 1 to 2 slopes, got"):
        lossreg.plugin.loss(kernel).forms[0].default_wrt  # noqa: B018


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
