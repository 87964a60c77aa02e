"""Losses whose samples are coupled, whose inputs are learned, and whose axes are any, fixed or named."""

from typing import Annotated, Literal

import numpy as np
import pytest

from lossreg.criterion.criterion import Criterion
from lossreg.definition.roles import Role
from lossreg.errors import InvalidDefinition, InvalidInput, InvalidParameter
from lossreg.plugin import (
    Array,
    Axes,
    Broadcast,
    ClassIndex,
    ClassRow,
    Event,
    FinitePositive,
    Group,
    Learned,
    Multiplicity,
    NonNegative,
    Positive,
    Real,
    Row,
    SampleWeight,
    Slope,
    Slopes,
    Time,
    Unit,
    View,
    Width,
    loss,
)

RANDOM = np.random.default_rng(5)
Pixels = Annotated[Array, Axes("N C ...", Unit)]
Scores = Annotated[Array, Axes("N", Real)]


@loss(couples="over")
def overlap(  # noqa: PLR0913, PLR0917  its inputs and parameters
    prediction: Pixels,
    target: Pixels,
    weight: Annotated[Multiplicity, Axes("N ...")],
    slopes: Slopes,
    smooth: NonNegative = 1.0,
    over: Literal["images", "batch"] = "images",
) -> Annotated[Array, Axes("N C")]:
    axes, w = ((2,) if over == "images" else (0, 2)), weight[:, np.newaxis]
    both, sums = ((w * x).sum(axes, keepdims=True) for x in (prediction * target, prediction + target))
    share = (2 * both + smooth) / (sums + smooth)
    if "prediction" in slopes:
        slopes["prediction"][...] = w * (share - 2 * target) / (sums + smooth)
    return 1 - share[:, :, 0] if over == "images" else 1 - share[0, :, 0]


@loss(couples="anchors")
def contrast(
    query: Annotated[Array, Axes("N D")],
    key: Annotated[Array, Axes("N D", View[Real])],
    temperature: Annotated[Array, Axes("", Positive), Learned(0.5)],
    sample_weight: SampleWeight,
    slopes: Slopes,
) -> Array:
    logits = query @ key.T / temperature
    shares = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    values = -np.log(np.diag(shares)) * sample_weight
    grad = (shares - np.eye(len(shares))) * sample_weight[:, np.newaxis]
    filled = {"query": grad @ key / temperature, "key": grad.T @ query / temperature}
    filled["temperature"] = -(grad * logits).sum() / temperature
    for name, slope in slopes.items():
        slope[...] = filled[name]
    return values


@loss(couples="groups")
def listwise(
    score: Scores,
    target: Annotated[Array, Axes("N")],
    group: Annotated[Array, Axes("N", Group)],
    sample_weight: SampleWeight,
    slopes: Slopes,
) -> Array:
    values = np.zeros(len(sample_weight), score.dtype)
    for at in range(len(values)):
        own = group == at
        shares = np.exp(score[own] - np.logaddexp.reduce(score[own]))
        values[at] = -(target[own] * np.log(shares)).sum() * sample_weight[at]
        if "score" in slopes:
            slopes["score"][own] = (shares * target[own].sum() - target[own]) * sample_weight[at]
    return values


@loss(couples="anchors")
def partial_likelihood(
    risk: Scores, time: Annotated[Array, Axes("N", Time)], event: Annotated[Array, Axes("N", Event)], slopes: Slopes
) -> tuple[Array, Array]:
    later = time[np.newaxis] >= time[:, np.newaxis]
    hazard = np.exp(risk)
    totals = later @ hazard
    if "risk" in slopes:
        slopes["risk"][...] = hazard * (later.T @ (event / totals)) - event
    return event * (np.log(totals) - risk), event


def images():
    return RANDOM.uniform(0.1, 0.9, (5, 2, 3, 4)), RANDOM.integers(0, 2, (5, 2, 3, 4)).astype(float)


def agrees_with_differences(criterion, arrays, **options):
    """Whether each gradient is that of the reported value, by central differences."""
    names = criterion.loss.forms[0].default_wrt
    value, grads = criterion.value_and_grad(*arrays, **options)
    assert np.sum(value) == pytest.approx(np.sum(criterion(*arrays, **options)), rel=1e-14)
    for name, grad in zip(names, grads if isinstance(grads, tuple) else (grads,), strict=True):
        at = [entry.name for entry in criterion.loss.inputs].index(name)
        step = RANDOM.normal(size=np.shape(arrays[at]))
        ends = []
        for size in (1e-6, -1e-6):
            moved = list(arrays)
            moved[at] = moved[at] + size * step
            ends.append(np.sum(criterion(*moved, **options)))
        assert np.nansum(grad * step) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("over", ["images", "batch"])
def test_values_by_image_and_class_or_by_class_of_the_batch(over, reduction):
    criterion, (prediction, target) = Criterion(overlap, reduction, {"over": over}), images()
    shapes = {"images": (5, 2), "batch": (2,)}
    assert np.shape(criterion(prediction, target)) == (shapes[over] if reduction == "none" else ())
    agrees_with_differences(criterion, (prediction, target), where=RANDOM.random((5, 3, 4)) > 0.4)


def test_a_masked_pixel_is_never_read():
    criterion, (prediction, target) = Criterion(overlap, "mean", {"over": "batch"}), images()
    where = RANDOM.random((5, 3, 4)) > 0.4
    where[1] = False
    hidden = np.broadcast_to(~where[:, np.newaxis], prediction.shape)
    value, grad = criterion.value_and_grad(np.where(hidden, np.nan, prediction), target, where=where)
    clean = [np.where(hidden, 0, x).transpose(1, 0, 2, 3).reshape(2, -1) for x in (prediction, target)]
    assert value == pytest.approx(np.mean(1 - (2 * (clean[0] * clean[1]).sum(1) + 1) / (sum(clean).sum(1) + 1)))
    assert not grad[hidden].any()


def test_axes_that_dots_stand_for_may_be_none():
    prediction, target = (x[..., 0, 0] for x in images())
    assert Criterion(overlap)(prediction, target) == Criterion(overlap)(
        prediction[..., None, None], target[..., None, None]
    )
    with pytest.raises(InvalidInput, match=r"target of shape \(5, 2, 3, 4\); got \(5, 2, 3\)"):
        Criterion(overlap)(images()[0], images()[1][..., 0])


def test_coupled_samples_take_no_denominator_and_no_reduction_without_a_meaning():
    criterion, (prediction, target) = Criterion(overlap, "mean", {"over": "batch"}), images()
    with pytest.raises(InvalidParameter, match="takes no denominator"):
        criterion(prediction, target, denominator=3.0)
    with pytest.raises(InvalidParameter, match="has no denominator"):
        criterion.denominator(prediction, target)
    with pytest.raises(InvalidParameter, match="samples are coupled; got batchmean"):
        Criterion(overlap, "batchmean", {"over": "batch"})
    assert Criterion(overlap).denominator(prediction, target) == 10
    halves = [Criterion(overlap)(prediction[s], target[s], denominator=10) for s in (slice(2), slice(2, 5))]
    assert sum(halves) == pytest.approx(Criterion(overlap)(prediction, target))


def test_the_weight_of_an_anchor_is_that_of_its_value_and_a_mask_deletes():
    query, key, weight = RANDOM.normal(size=(6, 3)), RANDOM.normal(size=(6, 3)), np.array([1.0, 2, 0, 1, 0.5, 3])
    each = Criterion(contrast, "none")(query, key, 0.5)
    assert Criterion(contrast)(query, key, 0.5, sample_weight=weight) == pytest.approx(
        (each * weight).sum() / weight.sum()
    )
    where = np.array([True, False, True, True, False, True])
    bad = np.where(where[:, np.newaxis], query, np.nan)
    masked = Criterion(contrast).value_and_grad(bad, key, 0.5, where=where)
    rest = Criterion(contrast).value_and_grad(query[where], key[where], 0.5)
    assert masked[0] == pytest.approx(rest[0], rel=1e-14)
    np.testing.assert_allclose(masked[1][0][where], rest[1][0], rtol=1e-12)
    assert not masked[1][0][~where].any()
    assert masked[1][2] == pytest.approx(rest[1][2], rel=1e-12)
    agrees_with_differences(Criterion(contrast), (query, key, np.array(0.5)), sample_weight=weight, where=where)
    with pytest.raises(InvalidInput, match="sample_weight, 0 or above"):
        Criterion(contrast)(query, key, 0.5, sample_weight=-weight)
    assert Criterion(contrast)(query, key, 0.5, where=np.zeros(6, bool)) == 0


def test_groups_have_a_value_each_and_do_not_mix():
    score, target, group = RANDOM.normal(size=9), RANDOM.random(9), np.array([7, -2, 7, 7, 5, 5, -2, 5, 5])
    values = Criterion(listwise, "none")(score, target, group)
    alone = [Criterion(listwise)(score[group == g], target[group == g], group[group == g]) for g in (-2, 5, 7)]
    np.testing.assert_allclose(values, alone, rtol=1e-14)
    weight = np.array([1.0, 4.0, 1, 1, 0, 0, 4, 0, 0])
    weighted = Criterion(listwise)(score, target, group, sample_weight=weight)
    assert weighted == pytest.approx((4 * alone[0] + alone[2]) / 5)
    agrees_with_differences(Criterion(listwise), (score, target, group), where=np.arange(9) != 3)
    with pytest.raises(InvalidInput, match="one sample_weight for all samples of a group"):
        Criterion(listwise)(score, target, group, sample_weight=np.arange(9.0))
    masked = Criterion(listwise, "none")(score, target, group, where=group != 5)
    assert masked[1] == 0


def test_a_kernel_says_what_its_values_count_and_may_take_no_weights():
    risk, time, event = RANDOM.normal(size=6), np.array([3.0, 1, 4, 1, 5, 9]), np.array([1, 0, 1, 1, 0, 1])
    each = Criterion(partial_likelihood, "none")(risk, time, event)
    assert Criterion(partial_likelihood)(risk, time, event) == pytest.approx(each.sum() / 4)
    agrees_with_differences(Criterion(partial_likelihood), (risk, time, event))
    assert Criterion(partial_likelihood)(risk, time, event * 0) == 0
    with pytest.raises(InvalidParameter, match="takes no sample_weight"):
        Criterion(partial_likelihood)(risk, time, event, sample_weight=time)
    with pytest.raises(InvalidInput, match=r"event 1 for an observed event, 0 for a censored one; got 2 at \[1\]"):
        Criterion(partial_likelihood)(risk, time, np.array([1, 2, 1, 1, 0, 1]))


def test_learned_inputs_have_a_gradient_and_an_initial_value():
    assert [(entry.name, entry.role) for entry in contrast.learned] == [("temperature", Role.LEARNED)]
    assert contrast.initial_values() == {"temperature": np.array(0.5)}

    @loss
    def centred(
        embedding: Annotated[Array, Axes("N D")],
        label: Annotated[Array, Axes("N", ClassIndex)],
        centres: Annotated[Array, Axes("C D"), Learned(lambda random, shape: random.normal(size=shape))],
        sample_weight: SampleWeight,
        slopes: Slopes,
    ) -> Array:
        slopes["centres"][...] = 0
        return ((embedding - centres[label]) ** 2).sum(1) * sample_weight

    first, second = (centred.initial_values(3, C=4, D=2)["centres"] for _ in range(2))
    assert first.shape == (4, 2)
    assert (first == second).all()
    with pytest.raises(InvalidParameter, match="centres needs the size of its axis C"):
        centred.initial_values(D=2)

    @loss
    def scaled(
        x: Real, target: Real, scale: Annotated[Broadcast[FinitePositive], Learned(2.0)]
    ) -> tuple[float, float, float, float]:
        e = (x - target) * scale
        return e * e, 2 * e * scale, -2 * e * scale, 2 * e * (x - target)

    assert scaled.initial_values() == {"scale": np.array(2.0)}
    x = RANDOM.normal(size=(4, 3))
    agrees_with_differences(Criterion(scaled), (x, x[::-1].copy(), np.array(2.0)))


def test_widths_are_checked():
    @loss
    def boxes(box: Annotated[Row[Real], Width(4)], target: Annotated[Row[Real], Width(4)], slope: Slope) -> float:
        for j in range(4):
            slope[j] = box[j] - target[j]
        return slope[0] * slope[3]

    with pytest.raises(InvalidInput, match=r"rows of 4 numbers as box; got rows of 3, in shape \(2, 3\)"):
        Criterion(boxes)(np.ones((2, 3)), np.ones((2, 3)))

    @loss
    def levels(logits: Annotated[ClassRow[Real], Width("C - 1")], label: ClassIndex, slope: Slope) -> float:
        T = type(logits[0])
        value = T(0)
        for j in range(len(logits)):
            slope[j] = T(1) if label > j else T(-1)
            value += slope[j] * logits[j]
        return value

    assert Criterion(levels, "none")(np.ones((2, 3)), np.array([0, 3])).tolist() == [-3, 3]
    with pytest.raises(InvalidInput, match=r"label a class from 0 to 3; got 4 at \[1\]"):
        Criterion(levels)(np.ones((2, 3)), np.array([0, 4]))

    @loss
    def sized(
        x: Annotated[Array, Axes("N C-1")], y: Annotated[Array, Axes("C 2")], w: SampleWeight, slopes: Slopes
    ) -> Array:
        return x.sum(1) * w + 0 * y.sum() * len(slopes)

    assert Criterion(sized)(np.ones((2, 3)), np.ones((4, 2))) == 3
    with pytest.raises(InvalidInput, match=r"y of shape \(4, 2\); got \(3, 2\)"):
        Criterion(sized)(np.ones((2, 3)), np.ones((3, 2)))
    with pytest.raises(InvalidInput, match=r"y of shape \(4, 2\); got \(4, 3\)"):
        Criterion(sized)(np.ones((2, 3)), np.ones((4, 3)))


def one(x: Scores, slopes: Slopes) -> Array: ...
def weighed(x: Scores, sample_weight: SampleWeight, slopes: Slopes) -> Array: ...
def repeated(x: Scores, sample_weight: Multiplicity, slopes: Slopes) -> Array: ...
def by_element(x: Real) -> tuple[float, float]: ...
def learned_label(x: Scores, label: Annotated[Array, Axes("N", ClassIndex), Learned()], slopes: Slopes) -> Array: ...


@pytest.mark.parametrize(
    ("couples", "kernel", "problem"),
    [
        ("", one, "expected inputs, a SampleWeight and Slopes"),
        ("", repeated, "a Multiplicity is for coupled samples"),
        ("batch", weighed, "a loss of the batch has no samples to weigh"),
        ("groups", one, "expected an input with the groups"),
        ("bach", one, "expected couples to be one of .*; did you mean 'batch'"),
        ("batch", by_element, "samples can be coupled by a batch kernel only"),
        ("anchors", learned_label, "label is learned: expected real numbers without the axis N"),
    ],
)
def test_a_coupling_that_the_kernel_does_not_fit_is_refused(couples, kernel, problem):
    with pytest.raises(InvalidDefinition, match=problem):
        loss(couples=couples)(kernel)
