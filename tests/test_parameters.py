"""Parameters: what a signature lets users set, and the check of what they set."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, strategies as st

from lossreg.definition.annotations import ClassRow, IgnoredLabel, NonNegative, Positive, Real, Row, Sign, Unit, Weight
from lossreg.definition.parameters import Parameter, bind, read_signature
from lossreg.errors import InvalidDefinition, InvalidParameter

INF, NAN = float("inf"), float("nan")

ACCEPTED = [
    (Real, 3, 3.0),
    (Real, -2.5, -2.5),
    (Real, INF, INF),
    (Real, np.float32(0.5), 0.5),
    (Real, np.int64(4), 4.0),
    (Real, np.array(4), 4.0),
    (float, NAN, NAN),
    (Positive, 1e-300, 1e-300),
    (Positive, INF, INF),
    (NonNegative, 0, 0.0),
    (Unit, 1, 1.0),
    (Sign, -1, -1.0),
    (Weight, -3.0, -3.0),
    (IgnoredLabel, -100, -100),
    (int, np.int8(3), 3),
    (int, 3, 3),
    (bool, True, True),
    (bool, np.bool_(False), False),
    (str, "linear", "linear"),
    (Literal["a", "b"], "b", "b"),
    (Literal[1, 2], 2, 2),
    (int | None, 3, 3),
    (int | str, "x", "x"),
    (list[int], [1, 2], (1, 2)),
    (list[int], (), ()),
    (list[Positive], [1, 2.5], (1.0, 2.5)),
    (ClassRow[Weight], 2, 2.0),
    (Row[Real], 2, 2.0),
]

REFUSED = [
    (Real, "1e-3", "any number"),
    (Real, True, "any number"),
    (Real, 1j, "any number"),
    (Real, [1.0], "any number"),
    (Real, NAN, "any number"),
    (Positive, 0, "a number above 0"),
    (Positive, -1e-300, "a number above 0"),
    (Positive, NAN, "a number above 0"),
    (NonNegative, -1, "a number 0 or above"),
    (Unit, 1.0000001, "a number 0 to 1"),
    (Sign, 0, "a number 1 or -1"),
    (Weight, INF, "a finite number"),
    (IgnoredLabel, 1.0, "an integer"),
    (IgnoredLabel, True, "an integer"),
    (int, 1.0, "an integer"),
    (int, True, "an integer"),
    (int, "1", "an integer"),
    (bool, 1, "true or false"),
    (bool, "true", "true or false"),
    (str, 1, "a string"),
    (Literal["a", "b"], "c", "'a' or 'b'"),
    (Literal[1, 2], True, "1 or 2"),
    (Literal[1, 2], 1.0, "1 or 2"),
    (int | str, 2.0, "an integer or a string"),
    (list[int], [1, 2.5], "a list in which each item is an integer"),
    (list[int], 3, "a list in which each item is an integer"),
    (list[int], "12", "a list in which each item is an integer"),
    (list[Positive], [1, 0], "a list in which each item is a number above 0"),
]


@pytest.mark.parametrize(("annotation", "value", "plain"), ACCEPTED)
def test_what_is_allowed_comes_out_plain(annotation, value, plain):
    accepted = Parameter("p", annotation).accept(value)
    assert type(accepted) is type(plain)
    assert accepted == plain or (accepted != accepted and plain != plain)  # noqa: PLR0124  nan


@pytest.mark.parametrize(("annotation", "value", "allowed"), REFUSED)
def test_what_is_not_allowed_is_refused_with_what_is(annotation, value, allowed):
    with pytest.raises(InvalidParameter) as caught:
        Parameter("p", annotation).accept(value)
    assert isinstance(caught.value, ValueError)
    assert str(caught.value).startswith(f"p: expected {allowed}")
    assert f", got {value!r}" in str(caught.value)


@given(st.floats(allow_nan=False))
def test_a_number_is_accepted_just_where_its_domain_contains_it(number):
    inside = {Positive: number > 0, NonNegative: number >= 0, Unit: 0 <= number <= 1, Sign: number in (1, -1)}
    for annotation, expected in inside.items():
        parameter = Parameter("p", annotation)
        if expected:
            assert parameter.accept(number) == number
        else:
            with pytest.raises(InvalidParameter):
                parameter.accept(number)


def test_the_nearest_choice_is_suggested():
    with pytest.raises(InvalidParameter, match=r"^p: expected 'relu' or 'tanh', got 'rellu'; did you mean 'relu'\?$"):
        Parameter("p", Literal["relu", "tanh"]).accept("rellu")


def test_none_stands_for_the_default_where_there_is_one():
    assert Parameter("p", Positive, 2.0).accept(None) == 2.0
    assert Parameter("p", int | None, 2).accept(None) == 2
    assert Parameter("p", int | None).accept(None) is None
    with pytest.raises(InvalidParameter, match="p: expected a number above 0, got None"):
        Parameter("p", Positive).accept(None)


def test_a_signature_splits_into_supplied_and_parameters():
    def function(x: Real, y: Unit, size: int = 3, *, name: str, odd: bool = False):
        raise NotImplementedError

    supplied, parameters = read_signature(function)
    assert list(supplied) == ["x", "y"]
    assert [(p.name, p.annotation, p.required) for p in parameters] == [
        ("size", int, False),
        ("name", str, True),
        ("odd", bool, False),
    ]


@pytest.mark.parametrize("kind", ["*more", "**more"])
def test_arguments_that_cannot_be_listed_are_refused(kind):
    space = {}
    exec(f"def function(x: float, {kind}: float): ...", space)  # noqa: S102
    with pytest.raises(InvalidDefinition, match=r"function: \*more cannot be listed or checked"):
        read_signature(space["function"])


PARAMETERS = (Parameter("size", int), Parameter("rate", Positive, 0.5))


def test_binding_fills_in_the_defaults():
    assert bind("mine", PARAMETERS, {"size": 3}) == {"size": 3, "rate": 0.5}
    assert bind("mine", PARAMETERS, {"size": 3, "rate": 2}) == {"size": 3, "rate": 2.0}


def test_binding_names_what_is_unknown_missing_or_wrong():
    with pytest.raises(
        InvalidParameter, match=r"^mine has no parameter 'rat'; it has rate, size; did you mean 'rate'\?"
    ):
        bind("mine", PARAMETERS, {"size": 3, "rat": 1})
    with pytest.raises(InvalidParameter, match=r"^mine has no parameter 'zzz'; it has \(none\)$"):
        bind("mine", (), {"zzz": 1})
    with pytest.raises(InvalidParameter, match=r"^mine needs 'size': an integer$"):
        bind("mine", PARAMETERS, {})
    with pytest.raises(InvalidParameter, match=r"^mine: rate: expected a number above 0, got 0$"):
        bind("mine", PARAMETERS, {"size": 3, "rate": 0})


def test_a_float64_of_numpy_becomes_a_plain_float():
    assert repr(Parameter("delta", Positive).accept(np.float64(0.5))) == "0.5"
