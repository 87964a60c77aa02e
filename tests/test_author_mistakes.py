"""No mistake of an author costs the user's process or data: each is refused, with the loss, the line and the index."""

import json
import re
import subprocess
import sys

import author_mistakes
import numpy as np
import pytest

import lossreg
from lossreg.criterion.criterion import Criterion
from lossreg.definition.plain_python import trial_run
from lossreg.errors import InvalidDefinition
from lossreg.experiment.data.table import Table
from lossreg.experiment.training.compatibility import suitable_losses
from lossreg.plugin import NonNegative, PositiveInteger, Real, Row, Scale, Slope
from lossreg.registry.registries import losses

LINE = r"\(author_mistakes\.py, line \d+: {}\)"

REFUSED = {
    "reads_outside": r"x\[3\] is outside the row; its length is 3 " + LINE.format(r"return x\[3\]"),
    "writes_outside": r"slope\[3\] is outside the row; its length is 3 " + LINE.format(r"slope\[len\(x\)\] = 2\.0"),
    "reads_before_the_row": r"x\[-4\] is outside the row; its length is 3 " + LINE.format(r"return x\[-4\]"),
    "writes_behind_the_label": r"slope\[3\] is outside the row; .*, at x=\[.*\], label=2",
    "reads_at_twice_the_label": r"x\[4\] is outside the row; .*, at x=\[.*\], label=2",
    "fills_one_slope": r"it does not fill slope\[1\], slope\[2\] \(author_mistakes\.py, line \d+\), at x=",
    "fills_no_slope": r"it does not fill slope\[0\], slope\[1\], slope\[2\]",
    "fills_a_list_of_its_own": r"it does not fill slope\[0\], slope\[1\], slope\[2\]",
    "fills_slopes_in_one_branch": r"it does not fill slope\[0\], slope\[1\], slope\[2\]",
    "adds_to_unfilled_slopes": r"it reads slope\[0\] before filling it " + LINE.format(r"slope\[j\] \+= 1\.0"),
    "is_for_two_numbers": r"it does not fill slope\[2\]",
    "writes_to_its_input": "it writes to x, which is an input: the caller's array would change .*2 \\* x",
    "returns_nothing": r"expected it to return the value, and nothing else; it returns nothing \(line \d+\)",
    "returns_nothing_in_one_branch": r"it ends without a return statement in some cases .*if x\[0\] > 1",
    "returns_a_pair": r"it returns \(0\.5, 1\.0\); expected the value, a number",
    "returns_its_row": r"it returns an array of shape \(3,\); expected the value, a number",
    "returns_text": "it returns 'x'; expected the value, a number",
    "stores_text": "it stores '1' in slope, which is not a number .*slope\\[j\\] = ",
    "has_an_index_that_is_no_integer": r"it uses 1\.5 as an index of x; expected an integer .*return x\[len\(x\) / 2\]",
    "appends_slopes": r"it uses slope\.append; a row is an array, which has no append",
    "never_ends": "it does not end: 1,000,000 lines have run .*author_mistakes",
    "calls_itself": "it raises RecursionError: .*author_mistakes",
    "uses_an_unknown_name": r"it raises NameError: name 'unknown' is not defined .*return x\[0\] \+ unknown",
    "raises": "a kernel cannot raise an error; declare a domain, .*, or return nan .*raise ValueError",
    "prints": "a kernel cannot print, as it runs for every element .*print",
    "returns_fewer_than_declared": r"expected it to return 3 numbers, a value and its slopes .*\(x - y, 1\.0\)",
    "returns_more_than_declared": r"expected it to return 2 numbers, a value and its slopes .*\(x - y, 1\.0, -1\.0\)",
    "returns_more_in_one_branch": r"expected it to return 2 numbers, a value and its slopes .*\(x, 1\.0, 2\.0\)",
    "returns_complex_numbers": r"it returns \(.*j, 1\.0\); expected 2 numbers: a value and its slopes",
    "changes_a_global": r"it raises AttributeError: 'tuple' object has no attribute 'append' .*STATE\.append\(x\)",
    "batch_of_one_number": r"it returns .*; expected the values, of shape \(2,\)",
    "batch_of_another_shape": r"it returns an array of shape \(2, 3\); expected the values, of shape \(2,\)",
    "batch_of_nothing": r"it returns None; expected the values, of shape \(2,\)",
    "batch_without_slopes": r"it does not fill slopes\['x'\] at \[0, 0\]",
    "batch_with_another_array": r"it assigns an array to slopes\['x'\]; fill the one there, as slopes\['x'\]\[\.\.\.\]",
    "batch_with_slopes_in_any_case": r"it uses slopes\['x'\], but that gradient is not requested; ask `'x' in slopes`",
    "batch_that_writes_to_its_input": r"it writes to an input, or to an array from outside: .* change .*x \*= 2",
    "batch_with_an_index_outside": r"it raises IndexError: index 7 is out of bounds .*return x\[:, 7\]",
    "batch_whose_loop_writes_outside": r"it raises IndexError: index 2 is out of bounds .*values\[i \+ 1\] = 0\.0",
}
"""The mistakes and what is said about them."""

COMPUTED = {
    "divides_by_zero": r"value inf, gradient \[0\.5, 0\.5\]",
    "takes_the_logarithm_of_minus_one": r"value nan, gradient \[0\.5, 0\.5\]",
}
"""What is no mistake: the result has a limit, or is nan."""


@pytest.fixture(scope="module")
def outcomes():
    done = subprocess.run(
        [sys.executable, author_mistakes.__file__], capture_output=True, text=True, check=True, timeout=600
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", REFUSED)
def test_a_mistake_is_refused_where_it_is_and_the_process_goes_on(name, outcomes):
    code, text = outcomes[name]
    assert code == 0, text
    owner = "fill_two" if name == "batch_whose_loop_writes_outside" else name
    assert re.match(f"InvalidDefinition: {owner}: {REFUSED[name]}", text), text


@pytest.mark.parametrize("name", COMPUTED)
def test_what_compiled_code_computes_is_no_mistake(name, outcomes):
    code, text = outcomes[name]
    assert code == 0, text
    assert re.fullmatch(COMPUTED[name], text), text


def test_every_mistake_is_expected(outcomes):
    assert {*REFUSED, *COMPUTED} == {*outcomes}
    assert len(REFUSED) >= 25


def settings_of(form):
    """The parameters of a form at their defaults, as its kernel gets them."""
    return form.resolve({parameter.name: parameter.default for parameter in form.parameters})


def test_a_kernel_for_rows_of_one_length_is_tried_for_every_length():
    (form,) = lossreg.plugin.loss(author_mistakes.is_for_two_numbers).forms
    trial_run.try_kernel(form, {}, 2)
    for width in (1, 3, 1000):
        with pytest.raises(InvalidDefinition, match=r"is_for_two_numbers: .*slope\["):
            trial_run.try_kernel(form, {}, width)


def test_a_kernel_that_reads_beyond_the_examples_is_tried_with_rows_as_long_as_the_calls():
    def tenth(x: Row[Real], slope: Slope):
        for j in range(len(x)):
            slope[j] = 1.0 if j == 9 else 0.0
        return x[9]

    (form,) = lossreg.plugin.loss(tenth).forms
    trial_run.try_kernel(form, {}, 10)
    with pytest.raises(InvalidDefinition, match=r"x\[9\] is outside the row; its length is 9"):
        trial_run.try_kernel(form, {}, 9)


def test_an_integer_parameter_that_is_used_as_an_index_is_tried_with_its_value():
    def nth(x: Row[Real], slope: Slope, n: PositiveInteger = 1):
        for j in range(len(x)):
            slope[j] = 1.0 if j == n else 0.0
        return x[n]

    (form,) = lossreg.plugin.loss(nth).forms
    trial_run.try_kernel(form, {"n": 2}, 3)
    with pytest.raises(InvalidDefinition, match=r"x\[3\] is outside the row; its length is 3"):
        trial_run.try_kernel(form, {"n": 3}, 3)


def test_a_kernel_is_tried_once(monkeypatch):
    runs, try_point = [], trial_run.try_point
    monkeypatch.setattr(trial_run, "try_point", lambda *given: (runs.append(given[2]), try_point(*given)))

    def first(x: Row[Real], slope: Slope):
        for j in range(len(x)):
            slope[j] = 1.0
        return x[0]

    (form,) = lossreg.plugin.loss(first).forms
    trial_run.try_kernel(form, {}, 3)
    assert {1, 2, 3} <= {*runs}
    runs.clear()
    for width in (1, 2, 3, 50):
        trial_run.try_kernel(form, {}, width)
    assert runs == []


@pytest.mark.parametrize("name", lossreg.names())
def test_the_built_in_kernels_pass_with_rows_of_every_length(name):
    for form in lossreg.get(name).forms:
        if not form.by_batch and not any(parameter.required for parameter in form.parameters):
            fixed = [int(entry.width) for entry in form.inputs if entry.width.isdigit()]
            for width in fixed or (1, 2, 3, 10):
                trial_run.try_kernel(form, settings_of(form), width)


@pytest.mark.parametrize("weight", [[1.0, 2.0], [[1.0], [2.0], [3.0]], np.empty((0, 2))])
def test_a_kernel_by_element_is_tried_with_one_number_of_an_array(weight):
    def weighted(x: Real, y: Real, weight: Scale = 1.0):
        return weight * (x - y), weight

    (form,) = lossreg.plugin.loss(weighted).forms
    trial_run.try_kernel(form, {"weight": np.array(weight)}, 1)


def test_a_users_own_function_is_tried_as_the_kernel_is():
    def broken(x1, x2, slope1, slope2):  # noqa: ARG001  a distance takes two rows
        for j in range(len(x1)):
            slope1[j], slope2[j] = 1.0, -1.0
        return x1[len(x1)]

    criterion = lossreg.create("triplet_margin_with_distance", distance_function=broken)
    with pytest.raises(InvalidDefinition, match=r"anchor\[2\] is outside the row; .*return x1\[len\(x1\)\]"):
        criterion(*np.zeros((3, 4, 2)))


def test_a_point_is_computed_as_compiled_code_does():
    def steep(x: Real, y: Real):
        return x**-0.5, 1 / (x - y)

    loss = lossreg.plugin.loss(steep)
    assert loss.at(0.0, 0.0) == (np.inf, np.inf)
    value, grad = Criterion(loss, "sum").value_and_grad(np.zeros(1), np.zeros(1))
    assert (value, grad[0]) == (np.inf, np.inf)
    assert [type(x) for x in lossreg.get("huber").at(3.0, 0.0)] == [float, float, float]


def test_a_point_can_be_debugged_with_print(capsys):
    assert lossreg.plugin.loss(author_mistakes.prints).at(2.0, 0.5) == (1.5, 1.0)
    assert capsys.readouterr().out.startswith("x is 2.0")


def test_the_conformance_kit_refuses_a_mistake_before_it_runs_a_check(capsys):
    pytest.importorskip("mpmath")
    from lossreg.testing import check_loss

    for kernel in (author_mistakes.writes_outside, author_mistakes.prints):
        with pytest.raises(InvalidDefinition, match=f"^{kernel.__name__}: "):
            check_loss(lossreg.plugin.loss(kernel))
    assert capsys.readouterr().out == ""


def test_a_broken_loss_is_not_in_the_errors_about_another(monkeypatch):
    def failing(prediction: Real, target: NonNegative):  # noqa: ARG001  its inputs decide which data it suits
        return undefined, 1.0  # noqa: F821  which is the point

    monkeypatch.setattr(losses, "_registered", {})
    lossreg.register(lossreg.plugin.loss(failing))
    names = suitable_losses(Table(np.zeros((4, 2), np.float32), np.ones((4, 1), np.float32)))
    assert "huber" in names
    assert "failing" not in names
