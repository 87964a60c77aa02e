"""Pictures of losses: the curves have the numbers of the loss, in figures, in characters and in notebooks."""

import math

import pytest

import lossreg
from lossreg.definition.plain_python.shown_points import blocks, sparkline
from lossreg.plotting.characters import picture
from lossreg.plotting.curves import differences, loss_curves
from lossreg.plotting.variations import Variation, variations


def test_the_curves_are_value_slope_and_second_derivative():
    (curve,) = loss_curves(lossreg.get("mse"), [Variation()], limits=(-1.0, 3.0), fixed={"target": 1.0}).curves
    assert (curve.x[0], curve.x[-1]) == (-1.0, 3.0)
    for x, value, slope, second in zip(curve.x, curve.value, curve.slope, curve.second, strict=True):
        assert (value, slope, second) == pytest.approx(((x - 1) ** 2, 2 * (x - 1), 2))


def test_three_values_of_the_main_parameter_are_shown():
    assert [one.label for one in variations(lossreg.get("huber"))] == ["delta = 0.5", "delta = 1", "delta = 2"]
    assert [one.inputs for one in variations(lossreg.get("bce"))] == [{"target": x} for x in (0.0, 0.5, 1.0)]


@pytest.mark.parametrize(("name", "varied"), [("cross_entropy", "logits[0]"), ("triplet_margin", "anchor[0]")])
def test_the_first_number_of_a_row_is_varied(name, varied):
    curves = loss_curves(lossreg.get(name))
    assert curves.varied == varied
    assert f"{varied.removesuffix('[0]')} = (x, " in curves.fixed


def test_a_second_derivative_that_is_not_declared_is_the_derivative_of_the_slope_and_missing_at_a_kink():
    assert differences(lambda x: (0.0, x**3, math.nan), 2.0) == pytest.approx(12.0, rel=1e-6)
    assert math.isnan(differences(lambda x: (0.0, abs(x), math.nan), 0.0))


def test_a_picture_in_characters_has_each_curve_at_its_place():
    curves = loss_curves(lossreg.get("hinge"), [Variation("margin = 1")])
    lines = picture(curves).splitlines()
    assert lines[0] == "value"
    assert lines[2].strip().startswith("|*")  # the largest value, at the left
    assert "*" * 20 in next(line for line in lines if line.strip().startswith("0 |"))
    assert lines[-1] == "* margin = 1"


def test_a_criterion_draws_itself():
    criterion = lossreg.create("huber", delta=[1.0, 2.0])
    figure = criterion.plot()
    assert [axes.get_title() for axes in figure.axes] == ["value", "slope", "second derivative"]
    shown = criterion._repr_html_()
    assert "delta=[1.0, 2.0]" in shown
    assert shown.rstrip().endswith("</svg>")
    assert "<td>delta</td>" in lossreg.get("huber")._repr_html_()


def test_without_matplotlib_a_criterion_is_shown_by_its_formula(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(lossreg.LossregError, match=r"pip install 'lossreg\[plot\]'"):
        lossreg.create("mse").plot()
    assert "<svg" not in lossreg.create("mse")._repr_html_()


def test_a_sparkline_is_of_a_loss_by_element_and_has_its_least_block_at_the_least_value():
    drawn = {name: sparkline(lossreg.get(name).forms[0], lossreg.get(name).at) for name in lossreg.names()}
    assert drawn["huber"] == "█▅▃▁▃▅█"
    assert drawn["hinge"][-1] == "▁"
    assert not drawn["cross_entropy"]
    assert not drawn["ctc"]
    assert {len(word) for word in drawn.values()} == {0, 7}
    assert blocks([1.0, math.nan, 1.0]) == "▁ ▁"
