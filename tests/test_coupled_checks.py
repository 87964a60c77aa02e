"""The checks of the conformance kit for coupled samples: losses that declare the wrong thing fail them."""

from typing import Annotated

import numpy as np
import pytest

from lossreg.plugin import Array, Axes, Group, Multiplicity, Real, SampleWeight, Slopes, loss
from lossreg.testing.check import CHECKS, run_check
from lossreg.testing.loss_under_test import LossUnderTest

Numbers = Annotated[Array, Axes("N", Real)]


def outcome(check, tested):
    return run_check(CHECKS[check], LossUnderTest(tested))


def with_example(made):
    @made.example
    def example(random, samples):
        arrays = [random.normal(size=samples), random.integers(0, 3, samples)]
        return arrays[: len(made.inputs)], {}

    return made


def variance(power):
    """The weighted variance of a batch, with weights taken to a power."""

    @loss(couples="batch")
    def value(x: Numbers, weight: Multiplicity, slopes: Slopes) -> Array:
        w = weight**power
        apart = x - (w * x).sum() / w.sum()
        if "x" in slopes:
            slopes["x"][...] = 2 * w * apart / w.sum()
        return np.asarray((w * apart**2).sum() / w.sum())

    return with_example(value)


def neighbours(*, ordered, squared):
    """Differences to the next sample, or to the mean; with a weight or its square."""

    @loss(couples="anchors")
    def value(x: Numbers, sample_weight: SampleWeight, slopes: Slopes) -> Array:
        w = sample_weight**2 if squared else sample_weight
        other = np.roll(x, 1) if ordered else np.full_like(x, x.mean())
        grad = 2 * w * (x - other)
        if "x" in slopes:
            slopes["x"][...] = grad - (np.roll(grad, -1) if ordered else grad.mean())
        return w * (x - other) ** 2

    return with_example(value)


def by_group(*, mixing):
    """Squares of the sums of groups, of which one may have a part of all others."""

    @loss(couples="groups")
    def value(x: Numbers, group: Annotated[Array, Axes("N", Group)], weight: SampleWeight, slopes: Slopes) -> Array:
        sums = np.bincount(group, x, len(weight)) + mixing * x.sum()
        if "x" in slopes:
            slopes["x"][...] = 2 * (sums * weight)[group] + 2 * mixing * (sums * weight).sum()
        return (sums**2 * weight).astype(x.dtype)

    return with_example(value)


SOUND = {"batch": variance(1), "anchors": neighbours(ordered=False, squared=False), "groups": by_group(mixing=0)}


@pytest.mark.parametrize("kind", SOUND)
def test_sound_losses_pass(kind):
    names = [name for name, check in CHECKS.items() if check.function.__module__.endswith("coupled_samples")]
    names += ["masked_samples_do_not_count", "gradient_matches_differences", "repeated_calls_agree"]
    tested = LossUnderTest(SOUND[kind])
    for name in names:
        if CHECKS[name].skip_reason(tested):
            continue
        result = outcome(name, SOUND[kind])
        assert result.status == "passed", f"{name}: {result.message}"


@pytest.mark.parametrize(
    ("check", "broken", "problem"),
    [
        ("weights_count_as_declared", variance(2), "with samples repeated"),
        ("weights_count_as_declared", neighbours(ordered=False, squared=True), "does not multiply its value"),
        ("order_of_samples_does_not_matter", neighbours(ordered=True, squared=False), "in another order"),
        ("groups_do_not_mix", by_group(mixing=0.1), "the value of a group is"),
    ],
)
def test_what_is_declared_wrong_is_found(check, broken, problem):
    result = outcome(check, broken)
    assert result.status == "failed"
    assert problem in result.message
