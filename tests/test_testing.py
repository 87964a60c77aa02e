"""The checks of the conformance kit can fail: each catches a mutant, and a correct loss passes all of them."""

import re
import sys
from importlib import import_module
from math import cosh, inf, log, nan, prod
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest

from lossreg import Criterion, InvalidParameter, get, get_num_threads, register
from lossreg.criterion import checking, reductions
from lossreg.criterion.plans import loop_plan
from lossreg.criterion.plans.loop_plan import LoopPlan
from lossreg.criterion.weights import Weights
from lossreg.definition.parameters import Parameter
from lossreg.errors import MissingExtra, NonconformingLoss
from lossreg.kernels.drivers import compiled_loops
from lossreg.kernels.numerics import sigmoid, sign, softplus, stable
from lossreg.plugin import (
    Array,
    Axes,
    ClassIndex,
    ClassRow,
    LogProbability,
    Positive,
    Real,
    Row,
    SampleWeight,
    Sign,
    Slope,
    Slopes,
    each,
    loss,
)
from lossreg.registry.registries import losses
from lossreg.testing import CHECKS, check_loss, high_precision as precise, parametrize_with_checks
from lossreg.testing.cases import cases
from lossreg.testing.check import run_check
from lossreg.testing.checks import coupled_samples, limits
from lossreg.testing.loss_under_test import LossUnderTest
from lossreg.testing.points import numbers, points, rows


@loss
def logistic(logit: Real, side: Sign, temperature: Positive = 1.0) -> tuple[float, float]:
    """Logistic loss: the surprise at a side.

        value = softplus(-side logit / temperature)

    Shapes: logit and side of one shape. Ranges: any logit; side 1 or -1; temperature above 0.
    Source: Cox (1958).

    >>> logistic.at(0.0, 1.0)
    (0.6931471805599453, -0.5)
    """
    T = type(logit)
    scaled = side * (logit / temperature if temperature < T(1e30) else T(0))
    return softplus(-scaled), -side * sigmoid(-scaled) / temperature


@loss
def log_of_one_minus_sigmoid(x: Real) -> tuple[float, float]:
    T = type(x)
    return -log(T(1) - sigmoid(x)), sigmoid(x)


@loss
def log_of_cosh(prediction: Real, target: Real) -> tuple[float, float]:
    error = prediction - target
    return log(cosh(error)), stable.sign(error) * (1 - stable.exp(-2 * abs(error))) / (1 + stable.exp(-2 * abs(error)))


@loss
def naive_cross_entropy(logits: ClassRow[Real], label: ClassIndex, slope: Slope) -> float:
    T = type(slope[0])
    total = T(0)
    for j in range(len(logits)):
        slope[j] = stable.exp(logits[j])
        total += slope[j]
    for j in range(len(logits)):
        slope[j] = slope[j] / total
    value = -stable.log(slope[label])
    slope[label] -= T(1)
    return value


@loss
def naive_cosine(x1: Row[Real], x2: Row[Real], slope: Slope) -> float:
    T = type(slope[0])
    product, square1, square2 = T(1e-8), T(1e-8), T(1e-8)
    for j in range(len(x1)):
        product += x1[j] * x2[j]
        square1 += x1[j] * x1[j]
        square2 += x2[j] * x2[j]
    norms = stable.sqrt(square1 * square2)
    for j in range(len(x1)):
        slope[j] = product / norms * x1[j] / square1 - x2[j] / norms
    return T(1) - product / norms


@loss
def flat_at_ties(prediction: Real, target: Real) -> tuple[float, float]:
    error = prediction - target
    return error * error, error + error


@flat_at_ties.hessian
def second_derivative(prediction: Real, target: Real) -> float:
    return type(prediction)(0) if prediction == target else type(prediction)(2)


@loss
def naive_logistic(prediction: Real) -> tuple[float, float]:
    return stable.softplus(prediction), stable.sigmoid(prediction)


@naive_logistic.hessian
def naive_second_derivative(prediction: Real) -> float:
    return stable.sigmoid(prediction) * (type(prediction)(1) - stable.sigmoid(prediction))


@loss
def takes_hexadecimal(prediction: Real, target: Real) -> tuple[float, float]:
    return (prediction - target) * len(prediction.hex()), 1.0


@loss
def half_slope(prediction: Real, target: Real) -> tuple[float, float]:
    error = prediction - target
    return error * error, error


@loss
def steep_kink(prediction: Real, target: Real) -> tuple[float, float]:
    T = type(prediction)
    error = prediction - target
    return abs(error), sign(error) if error != 0 else T(2)


@loss
def wide_half(prediction: Real, target: Real) -> tuple[float, float]:
    error = prediction - target
    return 0.5 * error * error, error


@loss
def endless(logit: Real, target: Real) -> tuple[float, float]:
    T = type(logit)
    return max(logit, T(0)) - logit + softplus(-abs(logit)) + T(0) * target, -sigmoid(-logit)


@loss
def endless_slope(prediction: Real, target: Real) -> tuple[float, float]:
    T = type(prediction)
    error = prediction - target
    return error * error, T(inf) if error > 0 else T(-inf)


@loss
def ignores_nan(prediction: Real, target: Real) -> tuple[float, float]:
    T = type(prediction)
    error = prediction - target
    above = error if error > 0 else T(0)
    return above * above, above + above


@loss
def undocumented(prediction: Real, target: Real) -> tuple[float, float]:
    """A distance: with no source."""
    error = prediction - target
    return error * error, error + error


@loss
def flat(points: Annotated[Array, Axes("N D")], sample_weight: SampleWeight, slopes: Slopes) -> Array:
    slopes.get("points", points.copy())[...] = points * sample_weight[:, np.newaxis]
    return (points**2).sum(1) * sample_weight


@flat.example
def few_points(random, samples):
    return [random.normal(size=(samples, 3))], {}


@loss
def coarse(points: Annotated[Array, Axes("N D")], sample_weight: SampleWeight, slopes: Slopes) -> Array:
    slopes.get("points", points.copy())[...] = 2 * points * sample_weight[:, np.newaxis]
    return (
        (points.astype(np.float16) ** 2).sum(1) * sample_weight
        if points.dtype == np.float32
        else (points**2).sum(1) * sample_weight
    )


coarse.example(few_points)


def changed(change):
    """A mutation of what value_and_grad is given or gives."""
    original = Criterion.value_and_grad

    def mutate(monkeypatch):
        def mutated(self, *arrays, **given):
            return change(original, self, arrays, given)

        monkeypatch.setattr(Criterion, "value_and_grad", mutated)

    return mutate


def doubled_gradient(original, self, arrays, given):
    value, grads = original(self, *arrays, **given)
    return value, grads if self.reduction == "none" else tuple(map(np.add, grads, grads)) if isinstance(
        grads, tuple
    ) else 2 * grads


def weights_as_mask(original, self, arrays, given):
    if given.get("sample_weight") is not None:
        given = given | {"sample_weight": (given["sample_weight"] != 0).astype(float)}
    return original(self, *arrays, **given)


def own_denominator(original, self, arrays, given):
    return original(self, *arrays, **given | {"denominator": None})


def by_threads(original, self, arrays, given):
    value, grads = original(self, *arrays, **given)
    return value * (1 + get_num_threads() * np.float32(1e-6)), grads


def spoilt_inputs(original, self, arrays, given):
    result = original(self, *arrays, **given)
    for x in arrays:
        if x.flags.writeable:
            np.add(x, 1, out=x, casting="unsafe")
    return result


def nan_of_nothing(original, self, arrays, given):
    value, grads = original(self, *arrays, **given)
    return value * nan if not np.size(arrays[0]) and self.reduction == "mean" else value, grads


def without_out(original, self, arrays, given):
    return original(self, *arrays, **{name: x for name, x in given.items() if name != "out"})


def swapped_gradients(original, self, arrays, given):
    value, grads = original(self, *arrays, **given)
    return value, grads[::-1] if given.get("wrt") == ("target", "prediction") else grads


def all_wanted(monkeypatch):
    original = checking.graded_inputs
    monkeypatch.setattr(checking, "graded_inputs", lambda bound, wrt: tuple(sorted(original(bound, wrt))))


def anything_named(monkeypatch):
    original = checking.graded_inputs

    def lenient(bound, wrt):
        known = isinstance(wrt, tuple) and [x if x in bound.slopes else "target" for x in wrt]
        return original(bound, known or wrt)

    monkeypatch.setattr(checking, "graded_inputs", lenient)


def first_of_the_shared(monkeypatch):
    original = LoopPlan.gradients

    def averaged(plan, arrays, slopes, out):
        found = original(plan, arrays, slopes, out)
        return tuple(grad / max(1, plan.size // prod(grad.shape)) for grad in found)

    monkeypatch.setattr(LoopPlan, "gradients", averaged)


def wrong_mean(monkeypatch):
    monkeypatch.setitem(reductions.REDUCTIONS, "mean", lambda count, *_: count + 1)


def everything_counts(monkeypatch):
    monkeypatch.setattr(Weights, "count", lambda weights, *_: float(weights.size))


def nothing_outside(monkeypatch):
    monkeypatch.setattr(loop_plan, "refuse_outside", lambda _: None)


def broadcast(monkeypatch):
    original = Criterion.__call__

    def stretched(self, *arrays, **given):
        if len({np.ndim(x) for x in arrays}) > 1 or 1 in map(np.size, arrays):
            arrays = np.broadcast_arrays(*arrays)
        return original(self, *arrays, **given)

    monkeypatch.setattr(Criterion, "__call__", stretched)


def anything_goes(monkeypatch):
    monkeypatch.setattr(Parameter, "accept", lambda _, value: value)


def forgetful_pickle(monkeypatch):
    monkeypatch.setattr(Criterion, "__reduce__", lambda self: (Criterion, (self.loss, "mean", self._given)))


def forgetful_plan(monkeypatch):
    original, seen = LoopPlan.run, set()

    def doubled_once_used(self, *given):
        value, grads = original(self, *given)
        value = value * 2 if self in seen else value
        seen.add(self)
        return value, grads

    monkeypatch.setattr(LoopPlan, "run", doubled_once_used)


def other_code(monkeypatch):
    original = limits.evaluate_compiled
    monkeypatch.setattr(limits, "evaluate_compiled", lambda *given: -original(*given))


MUTANTS = [
    ("kernels_compile", takes_hexadecimal, None, "the kernel does not compile"),
    ("exact_in_float32", log_of_one_minus_sigmoid, None, "all digits lost"),
    ("exact_in_float64", log_of_one_minus_sigmoid, None, "all digits lost"),
    ("exact_in_float32", log_of_cosh, None, "digits lost"),
    ("exact_in_float64", log_of_cosh, None, "digits lost"),
    ("exact_in_float64", naive_cross_entropy, None, "digits lost"),
    ("exact_in_float64", naive_cosine, None, "digits lost"),
    ("slopes_are_derivatives", half_slope, None, "but the value changes by"),
    ("slopes_at_kinks_are_subgradients", steep_kink, None, "is 2, expected between -1 and 1"),
    (
        "hessians_are_derivatives",
        flat_at_ties,
        None,
        "second derivative by prediction is 0, but the slope changes by 2",
    ),
    ("hessians_are_derivatives", naive_logistic, None, "digits lost"),
    ("dtypes_are_preserved", wide_half, None, "float64, expected float32"),
    ("reductions_are_consistent", "mse", wrong_mean, "but the values give"),
    ("gradient_matches_the_reported_value", "mse", changed(doubled_gradient), "the value reported is"),
    ("weights_equal_repetition", "mse", changed(weights_as_mask), "with samples repeated"),
    ("masked_samples_do_not_count", "mse", everything_counts, "without them"),
    ("partial_batches_add_up", "mse", changed(own_denominator), "add up to"),
    ("results_do_not_depend_on_threads", "mse", changed(by_threads), "the number of threads changes"),
    ("results_do_not_depend_on_layout", "mse", changed(spoilt_inputs), "changes its inputs"),
    ("empty_and_single_inputs_work", "mse", changed(nan_of_nothing), "no samples give"),
    ("repeated_calls_agree", "mse", forgetful_plan, "a repeated call gives"),
    ("float32_agrees_with_float64", coarse, None, "units in the last place from float64"),
    ("gradient_matches_differences", flat, None, "but the reported value changes by"),
    ("out_is_filled", "mse", changed(without_out), "another array than out"),
    ("labels_of_any_integer_dtype", "cross_entropy", everything_counts, "with rows ignored"),
    (
        "inputs_outside_domain_are_rejected",
        "bce_with_logits",
        nothing_outside,
        "is accepted, expected InvalidInput",
    ),
    ("arrays_that_do_not_fit_are_rejected", "mse", broadcast, "is accepted, expected"),
    ("invalid_parameters_are_rejected", "huber", anything_goes, "is accepted, expected InvalidParameter"),
    ("criteria_are_immutable_values", "mse", forgetful_pickle, "pickled, is a different criterion"),
    ("documentation_is_complete", undocumented, None, "the documentation has no"),
    ("compiled_agrees_with_python", "mse", other_code, "in plain Python"),
    ("nan_propagates", ignores_nan, None, "expected nan"),
    ("wrt_selects_gradients", "mse", changed(swapped_gradients), "gives other bits than wrt"),
    ("wrt_selects_gradients", "mse", all_wanted, "gives other bits than wrt"),
    ("wrt_selects_gradients", "huber", anything_named, "is accepted, expected InvalidParameter"),
    ("shared_inputs_are_broadcast", "gaussian_nll", first_of_the_shared, "a gradient that is not a sum"),
]


@pytest.mark.parametrize(("check", "given", "mutate", "message"), MUTANTS)
def test_a_mutant_is_caught_by_its_check(check, given, mutate, message, monkeypatch):
    if mutate is not None:
        mutate(monkeypatch)
    result = run_check(CHECKS[check], LossUnderTest(get(given) if isinstance(given, str) else given))
    assert result.status == "failed"
    assert message in result.message


COUPLED = {name for name, check in CHECKS.items() if check.function.__module__ == coupled_samples.__name__}
"""The checks that tests/test_coupled_checks.py has mutants of."""


def test_every_check_has_a_mutant():
    assert {check for check, *_ in MUTANTS} | {"limits_at_infinity"} | COUPLED == set(CHECKS)


@loss
def surprise_of_the_other(chosen: LogProbability) -> tuple[float, float]:
    miss = abs(stable.expm1(chosen))
    return -log(miss), stable.exp(chosen) / miss


def test_where_the_value_is_inf_no_slope_is_asked_for():
    assert surprise_of_the_other.at(0.0) == (inf, inf)
    result = run_check(CHECKS["slopes_are_derivatives"], LossUnderTest(surprise_of_the_other, "quick"))
    assert (result.status, result.message) == ("passed", "")
    assert result.points > 0


def test_a_result_that_is_not_the_limit_costs_a_grade():
    result = run_check(CHECKS["limits_at_infinity"], LossUnderTest(endless))
    assert (result.status, result.grade, result.extreme.error) == ("passed", "B", inf)
    assert "float('inf')" in result.extreme.place


@pytest.mark.slow  # 3 s of processor time
def test_a_correct_loss_passes():
    report = check_loss(logistic)
    assert not report.failed
    assert {name: reason for name, reason in report.not_applicable.items() if name not in COUPLED} == {
        "gradient_matches_differences": "other checks are exact",
        "labels_of_any_integer_dtype": "it has no class labels",
        "float32_agrees_with_float64": "other checks are exact",
        "shared_inputs_are_broadcast": "no input is shared",
    }
    assert all(result.points > 0 for result in report)
    assert {result.check for result in report} | set(report.not_applicable) == set(CHECKS)
    assert report["exact_in_float32"].worst.error <= 4
    assert "exact_in_float64" in str(report)


@pytest.mark.slow  # 5 s of processor time
def test_the_example_of_the_readme_passes_as_it_stands(tmp_path, monkeypatch):
    readme = Path(__file__).parents[1].joinpath("README.md").read_text("utf-8")
    (name, source), *_ = re.findall(r"`(\w+)\.py`:\n\n```python\n(.*?)```", readme, re.DOTALL)
    tmp_path.joinpath(f"{name}.py").write_text(source, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(losses, "_registered", {})
    register(import_module(name).lossreg_component())
    assert not check_loss(name).failed


def test_everything_that_the_documentation_lacks_is_reported_together():
    assert run_check(CHECKS["documentation_is_complete"], LossUnderTest(undocumented)).message == (
        "the documentation has no formula ('='), shapes ('Shapes:'), ranges ('Ranges:'), source ('Source:'), "
        "example ('>>> undocumented.at('), mention of prediction, mention of target"
    )


@pytest.mark.slow  # 4 s of processor time
def test_a_failure_reports_the_point_the_digits_and_a_hint():
    with pytest.raises(NonconformingLoss, match="fails") as raised:
        check_loss(log_of_one_minus_sigmoid)
    for word in ("exact_in_float32", f'.get("{__file__}").at(', "digits lost", "hint", "softplus"):
        assert word in str(raised.value)
    report = check_loss(log_of_one_minus_sigmoid, on_failure="return")
    assert report["exact_in_float32"].worst.point.keys() == {"x"}
    assert report["exact_in_float64"].reason == "exact_in_float32 comes first"
    assert report.grade == "D"


def test_an_infinite_slope_with_weights_gives_no_warning():
    assert run_check(CHECKS["weights_equal_repetition"], LossUnderTest(endless_slope)).message == ""


@pytest.mark.slow  # 5 s of processor time
def test_an_expected_failure_has_to_fail():
    reported = check_loss(half_slope, expected_failures={"slopes_are_derivatives": "on purpose"}, on_failure="return")
    assert reported["slopes_are_derivatives"].status == "expected failure"
    assert reported["slopes_are_derivatives"].reason == "on purpose"
    with pytest.raises(NonconformingLoss, match=r"out_is_filled: passes, but was expected to fail: never"):
        check_loss(logistic, expected_failures={"out_is_filled": "never"})


@loss
def wrong_above_one(prediction: Real, target: Real, power: Positive = 1.0) -> tuple[float, float]:
    error = prediction - target
    return power * error * error, (2.0 if power == 1 else 1.0) * power * error


@pytest.mark.slow  # 8 s of processor time
def test_a_failure_may_be_expected_with_one_setting():
    given = {("slopes_are_derivatives", "power=3.0"): "too small"}
    reported = check_loss(wrong_above_one, expected_failures=given, on_failure="return")
    assert reported["slopes_are_derivatives"].status == "failed"  # with power=0.25 too
    given |= {("slopes_are_derivatives", "power=0.25"): "too small"}
    reported = check_loss(wrong_above_one, expected_failures=given, on_failure="return")
    assert reported["slopes_are_derivatives"].status == "passed"
    wrong = given | {("slopes_are_derivatives", ""): "never"}
    reported = check_loss(wrong_above_one, expected_failures=wrong, on_failure="return")
    assert "was expected to fail: never" in reported["slopes_are_derivatives"].message
    with pytest.raises(InvalidParameter, match=r"no setting 'power=3'; did you mean 'power=3.0'"):
        check_loss(wrong_above_one, expected_failures={("slopes_are_derivatives", "power=3"): "a slip"})


@pytest.mark.slow  # 4 s of processor time
def test_the_quick_level_ends_at_the_first_broken_check_with_a_call_that_shows_it():
    report = check_loss(half_slope, level="quick", on_failure="return")
    (failed,) = report.failed
    assert report.results[-1] is failed
    call = re.search(r"lossreg\.get\(\".*test_testing.py\"\)(\.at\(.*?\)): slope", failed.message)[1]
    _, slope = eval(f"half_slope{call}")  # noqa: S307  which is what an author does with it
    assert f"{slope:.10g}" in failed.message
    assert len(report.results) < len(check_loss(half_slope, on_failure="return").results)


@loss
def steps(prediction: Annotated[Array, Axes("N", Real)], sample_weight: SampleWeight, slopes: Slopes) -> Array:
    values = sample_weight.copy()
    each(step_of_each, len(prediction), prediction, values, slopes.get("prediction", np.empty_like(prediction)))
    return values


def step_of_each(i, x, values, slope):
    values[i], slope[i] = np.heaviside(x[i], 0.5), 0.0  # which numba lacks


@steps.example
def steps_example(random, samples):
    return [random.normal(size=samples)], {}


def test_the_quick_level_compiles_nothing_and_finds_what_does_not_compile(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a loop was compiled")

    monkeypatch.setattr(compiled_loops, "clone", refuse)
    monkeypatch.setattr(compiled_loops, "form_loop", refuse)
    monkeypatch.setattr(compiled_loops, "sample_loop", refuse)
    for sound in (logistic, naive_cross_entropy, get("cox")):
        broken = {result.check for result in check_loss(sound, level="quick", on_failure="return").failed}
        assert broken <= {"documentation_is_complete"}
    for faulty, check, words in [
        (takes_hexadecimal, "kernels_compile", "Unknown attribute 'hex'"),
        (steps, "kernels_compile", "step_of_each: it does not compile"),
        (wide_half, "dtypes_are_preserved", "line .*: float64, expected float32"),
        (log_of_one_minus_sigmoid, "exact_in_float64", "digits lost"),
        (ignores_nan, "nan_propagates", "expected nan"),
    ]:
        result = run_check(CHECKS[check], LossUnderTest(faulty, "quick"))
        assert result.status == "failed"
        assert re.search(words, result.message), result.message


@loss(ulps=0.25)
def too_proud(prediction: Real, target: Real) -> tuple[float, float]:
    error = (prediction - target) / type(prediction)(3)
    return error * error, error * type(prediction)(2) / type(prediction)(3)


def test_a_loss_that_declares_a_bound_is_held_to_it():
    result = run_check(CHECKS["exact_in_float32"], LossUnderTest(too_proud))
    assert (result.status, result.grade, result.worst.limit) == ("failed", "A", 0.25)


def test_the_memory_of_a_loss_of_pairs_stays_bounded():
    sizes = []

    @loss(couples="anchors")
    def pairs(
        x: Annotated[Array, Axes("N D")], sample_weight: SampleWeight, slopes: Slopes
    ) -> Annotated[Array, Axes("N")]:
        sizes.append(len(x))
        apart = x[:, None] - x[None]
        if "x" in slopes:
            slopes["x"][...] = (2 * (sample_weight[:, None, None] + sample_weight[None, :, None]) * apart).sum(1)
        return (apart**2).sum((1, 2)) * sample_weight

    @pairs.example
    def example(random, samples):
        return [random.normal(size=(samples, 2))], {}

    assert run_check(CHECKS["results_do_not_depend_on_threads"], LossUnderTest(pairs)).status == "passed"
    assert max(sizes) < 1000


def test_an_expected_failure_of_an_unknown_check_is_an_error():
    with pytest.raises(InvalidParameter, match=r"no check 'out_is_filed'; did you mean 'out_is_filled'"):
        check_loss(logistic, expected_failures={"out_is_filed": "a slip"})


def test_a_check_that_tests_no_point_fails(monkeypatch):
    monkeypatch.setattr(LossUnderTest, "default_cases", [])
    assert "no point was tested" in run_check(CHECKS["out_is_filled"], LossUnderTest(logistic)).message


def test_without_mpmath_the_error_names_the_command(monkeypatch):
    precise.context.cache_clear()
    monkeypatch.setitem(sys.modules, "mpmath", None)
    with pytest.raises(MissingExtra, match=r"pip install 'lossreg\[testing\]'"):
        precise.context()


@parametrize_with_checks(logistic)
def test_the_decorator_gives_one_test_for_each_check(check):
    assert check().points > 0


@parametrize_with_checks([half_slope], expected_failures=dict.fromkeys(("slopes_are_derivatives",), "on purpose"))
def test_the_decorator_marks_expected_failures(check, request):
    if "slopes_are_derivatives" in request.node.name:
        check()


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_points_lie_on_both_sides_of_every_kink_and_over_the_whole_range(real):
    info = np.finfo(real)
    for case in cases(get("huber")):
        ((_, tried),) = points(case, real)
        errors = np.array([prediction - target for prediction, target in tried])
        delta = case.parameters["delta"]
        if np.isfinite(delta):
            for kink in (-delta, delta):
                beside = np.nextafter(real(kink), real(2 * kink)), np.nextafter(real(kink), real(0))
                assert all((errors == x).any() for x in (kink, *beside))
        assert (errors == 0).any()
        for column in np.array(tried).T:
            assert len(np.unique(column)) > 40
            assert abs(column).max() > float(info.max) / 8
            assert 0 < abs(column[column != 0]).min() < float(info.tiny)
        assert all(real(x) == x for point in tried for x in point)


def test_numbers_and_rows_stay_in_their_domain():
    for name in ("bce_with_logits", "cross_entropy", "cosine_embedding"):
        for form in get(name).forms:
            for entry in form.inputs:
                found = (
                    numbers(entry.domain, np.float32)
                    if entry.axis is None
                    else np.concatenate(rows(entry.domain, np.float32, 3))
                )
                assert len(found) > 1
                assert np.all(entry.domain.contains(np.array(found)))
