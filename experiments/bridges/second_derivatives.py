"""Second derivatives of every loss that has them: their largest errors, and their cost over value and gradient.

    python experiments/bridges/second_derivatives.py errors [LOSS ...]
    python experiments/bridges/second_derivatives.py times [LOSS ...]

Each updates its columns for these losses, or for all, in second_derivatives.json, and writes second_derivatives.md from
that. Three losses are third-party ones, written below without a second derivative, which is derived from their slopes.

Errors: at points of the conformance kit, compiled, against the formula in 60 digits, which the kit compares with
differences of the slope. The unit is one unit in the last place of the exact result or, if that is more, the change
that such a unit of the inputs makes: next to a sign change or a kink no float has more digits.

Times: the processor time of value_grad_hess divided by that of value_and_grad by the first input alone, in float32 on
one thread: medians of alternating runs in one process. Losses by element get 1M numbers, losses by row 65,536 x 10 and
4,096 x 1,000. Both calls allocate their outputs, or both write to arrays of numpy that are given as `out`.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numba
import numpy as np

import lossreg
from lossreg.criterion.plans.loop_plan import aligned_empty
from lossreg.definition.signature import EXACT
from lossreg.kernels.numerics import exp, sigmoid, softplus
from lossreg.plugin import NonNegative, Real, Unit, loss
from lossreg.registry.registries import losses
from lossreg.testing.batches import ordinary_numbers
from lossreg.testing.cases import case_with_hessian
from lossreg.testing.checks.accuracy import compare_with_reference, exact_parameters
from lossreg.testing.evaluation import evaluate_compiled
from lossreg.testing.high_precision import exact_number, reliable_reference
from lossreg.testing.loss_under_test import LossUnderTest
from lossreg.testing.points import points
from lossreg.testing.results import CheckRun

NUMBERS = 1_000_000
ROWS = {10: 65_536, 1000: 4_096}
"""The numbers of rows by their length."""
RUNS = 31
STORE = Path(__file__).with_suffix(".json")
HEAD = """# Second derivatives

Written by `second_derivatives.py`, whose first lines say what the columns are. A third array costs memory traffic of
its own, which nothing hides where a loss only waits for memory, such as `mse`; the first rows are loops that read two
arrays and write one or two of them, and compute next to nothing. The processor reads the memory of an output before it
writes it: that makes 4 numbers for value and gradient of two inputs, and 6 with the second derivative, a ratio of 1.5;
of one input 3 and 5, 1.67; of none 2 and 4. Above 1.5 are `nll`, which writes zeros but for one number of each row, and
`general_robust` with an alpha other than -inf, 1 and 2, which computes a second power (1.9). Derived: the author
declares no second derivative, and it is written by differentiating the slope.

| loss | kernel | shape | float32, ulps | extreme numbers | float64, ulps | extreme numbers | time | time with `out` |
|---|---|---|---|---|---|---|---|---|
"""


@loss
def third_party_poisson(prediction: Real, target: NonNegative) -> tuple[float, float]:
    """A Poisson likelihood of logarithms of rates."""
    rate = exp(prediction)
    return rate - target * prediction, rate - target


@loss
def third_party_quantile(prediction: Real, target: Real, level: Unit = 0.5) -> tuple[float, float]:
    """A smooth quantile loss."""
    error = target - prediction
    return level * error + softplus(-error), sigmoid(-error) - level


@loss
def third_party_redescending(prediction: Real, target: Real) -> tuple[float, float]:
    """A bounded loss, whose second derivative changes its sign."""
    error = prediction - target
    below = error * error + type(prediction)(1)
    return error * error / below, (error + error) / below / below


THIRD_PARTY = {each.name: each for each in (third_party_poisson, third_party_quantile, third_party_redescending)}


def arrays_of(form, shape):
    """Arrays for a form; the first has this shape."""
    random = np.random.default_rng(0)
    found = []
    for entry in form.inputs:
        each = shape if entry.axis is not None or not form.by_row else shape[:1]
        if entry.domain.integer:
            found.append(random.integers(0, shape[-1], each))
        else:
            found.append(ordinary_numbers(entry.domain, each, random).astype(np.float32))
    return found


def ratios(*functions):
    """The times of each second function divided by those of the function before it."""
    times = [[] for _ in functions]
    for run in range(RUNS + 2):
        for function, found in zip(functions, times, strict=True):
            start = time.process_time()
            function()
            if run > 1:
                found.append(time.process_time() - start)
    medians = [*map(statistics.median, times)]
    return [f"{second / own:.2f}" for own, second in zip(medians[::2], medians[1::2], strict=True)]


def cost(given, form, shape):
    """The time of value_grad_hess divided by that of value_and_grad, without `out` and with it."""
    criterion, arrays, wrt = lossreg.create(given), arrays_of(form, shape), (form.inputs[0].name,)
    which, grad, hess = "exact", np.empty_like(arrays[0]), np.empty_like(arrays[0])
    try:
        criterion.value_grad_hess(*arrays)
    except lossreg.InvalidInput:  # it is 0 everywhere
        which = 1.0
    return ratios(
        lambda: criterion.value_and_grad(*arrays, wrt=wrt),
        lambda: criterion.value_grad_hess(*arrays, hessian=which),
        lambda: criterion.value_and_grad(*arrays, wrt=wrt, out=grad),
        lambda: criterion.value_grad_hess(*arrays, hessian=which, out=(grad, hess)),
    )


@numba.njit
def move(x, y, out):
    """Read two arrays, and write one."""
    for i in range(x.size):
        out[i] = x[i] - y[i]


@numba.njit
def move_more(x, y, out, other):
    """Read two arrays, and write two."""
    for i in range(x.size):
        out[i] = x[i] - y[i]
        other[i] = x[i] + y[i]


def cost_of_memory(size):
    """The time of loops that write two arrays, divided by that of loops that write one: aligned arrays, and numpy's."""
    x, y = np.ones((2, size), np.float32)
    found = []
    for new in (aligned_empty, np.empty):
        out, other = new((size,), np.float32), new((size,), np.float32)
        found += ratios(lambda o=out: move(x, y, o), lambda o=out, p=other: move_more(x, y, o, p))
    return found


def errors(case, real):
    """The largest errors of a case at ordinary and at extreme numbers, as text."""
    run = CheckRun()
    for width, tried in points(case, real, fewer=8):
        parameters = exact_parameters(case, width, real)
        found = evaluate_compiled(case, tried, real)
        for point, row in zip(tried, found, strict=True):
            expected = reliable_reference(case.form, tuple(map(exact_number, point)), parameters)
            compare_with_reference(case, point, parameters, expected, row, real, run)
    return [f"{at.error:.2g}" if at else "" for at in (run.worst, run.extreme)]


def forms_of(given):
    """The cases of a loss whose forms have exact second derivatives, with the shapes of their arrays."""
    for case in LossUnderTest(given).default_cases:
        if case.form.fusible and EXACT in case.form.hessians:
            yield case, [(rows, width) for width, rows in ROWS.items()] if case.form.by_row else [(NUMBERS,)]


def measure_errors(given):
    """The errors of each form of a loss."""
    for case, shapes in forms_of(given):
        try:
            found = [text for real in (np.float32, np.float64) for text in errors(case_with_hessian(case), real)]
        except lossreg.InvalidParameter as error:
            print(f"{given.name}: {error}")
            continue
        for shape in shapes:
            yield key(given, case, shape), found


def measure_times(given):
    """The costs of each form of a loss, for each shape."""
    for case, shapes in forms_of(given):
        for shape in shapes:
            yield key(given, case, shape), cost(given, case.form, shape)


def key(given, case, shape):
    """The first three columns of a row."""
    derived = "" if case.form.hessian else " (derived)"
    return f"{given.name} | {case.form.kernel.__name__}{derived} | {' x '.join(map('{:,}'.format, shape))}"


def write(results):
    """Write the results, and the table."""
    STORE.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", "utf-8")
    lines = []
    for name, found in sorted(results.items(), key=lambda item: (not item[0].startswith("memory"), item[0])):
        lines.append(f"| {name} | {' | '.join([*found.get('errors', [''] * 4), *found.get('times', [''] * 2)])} |\n")
    STORE.with_suffix(".md").write_text(HEAD + "".join(lines), "utf-8")


def main():
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("columns", choices=("errors", "times"))
    parser.add_argument("losses", nargs="*")
    options = parser.parse_args()
    lossreg.set_num_threads(1)
    results = json.loads(STORE.read_text("utf-8")) if STORE.exists() else {}
    measure = {"errors": measure_errors, "times": measure_times}[options.columns]
    for name in options.losses or [*lossreg.names(), *THIRD_PARTY]:
        for row, found in measure(THIRD_PARTY.get(name) or losses.get(name)):
            results.setdefault(row, {})[options.columns] = found
            print(row, *found, flush=True)
            write(results)
    if options.columns == "times":
        for size in (NUMBERS, 1000 * ROWS[1000]):
            results[f"memory | two outputs to one | {size:,}"] = {"times": cost_of_memory(size)}
        write(results)


if __name__ == "__main__":
    main()
