"""Second derivatives of every loss that has them: their largest errors, and their cost over value and gradient.

    python experiments/bridges/second_derivatives.py [LOSS ...]

It updates the rows of these losses, or of all, in second_derivatives.md. Three losses are third-party ones, written
below without a second derivative, which is derived from their slopes.

Errors: at points of the conformance kit, compiled, against the formula in 60 digits, which the kit compares with
differences of the slope. The unit is one unit in the last place of the exact result or, if that is more, the change
that such a unit of the inputs makes: next to a sign change or a kink no float has more digits.

Cost: the processor time of value_grad_hess divided by that of value_and_grad, of 1M float32 numbers on one thread:
medians of alternating runs in one process. Rows have 10 numbers, and 1,000.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

import lossreg
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
RUNS = 11
TABLE = Path(__file__).with_suffix(".md")
HEAD = """# Second derivatives

Written by `second_derivatives.py`, whose first lines say what the columns are. The processor also did other work while
this was measured: read the ratios to 20%. A third array costs memory traffic of its own: of a loss that only waits for
memory, such as `mse`, value and gradient move 4 numbers for each element (the processor reads the memory of an output
before it writes it) and second derivatives 2 more, a ratio of 1.5. Derived: the author declares none, and it is written
by differentiating the slope. Rows of the other losses follow as they are measured.

| loss | kernel | row | float32, ulps | extreme numbers | float64, ulps | extreme numbers | time |
|---|---|---|---|---|---|---|---|
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


def arrays_of(form, width):
    """Arrays for a form, of 1M numbers in the first."""
    random = np.random.default_rng(0)
    shape = (NUMBERS // width, width) if form.by_row else (NUMBERS,)
    found = []
    for entry in form.inputs:
        each = shape if entry.axis is not None else shape[:1]
        if entry.domain.integer:
            found.append(random.integers(0, width, each))
        else:
            found.append(ordinary_numbers(entry.domain, each, random).astype(np.float32))
    return found


def cost(given, form, width):
    """The time of value_grad_hess divided by that of value_and_grad."""
    criterion, arrays = lossreg.create(given), arrays_of(form, width)
    which = "exact"
    try:
        criterion.value_grad_hess(*arrays)
    except lossreg.InvalidInput:  # it is 0 everywhere
        which = 1.0
    functions = (
        lambda: criterion.value_and_grad(*arrays),
        lambda: criterion.value_grad_hess(*arrays, hessian=which),
    )
    times = [[], []]
    for run in range(RUNS + 2):
        for function, found in zip(functions, times, strict=True):
            start = time.process_time()
            function()
            if run > 1:
                found.append(time.process_time() - start)
    own, second = map(statistics.median, times)
    return second / own


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


def rows_of(given):
    """The rows of the table for one loss."""
    found = []
    for case in LossUnderTest(given).default_cases:
        if not case.form.fusible or EXACT not in case.form.hessians:
            continue
        try:
            both = [text for real in (np.float32, np.float64) for text in errors(case_with_hessian(case), real)]
        except lossreg.InvalidParameter as error:
            print(f"{given.name}: {error}")
            continue
        derived = "" if case.form.hessian else " (derived)"
        for width in (10, 1000) if case.form.by_row else ("",):
            ratio = f"{cost(given, case.form, width or 1):.2f}"
            found.append([given.name, case.form.kernel.__name__ + derived, str(width), *both, ratio])
            print(*found[-1], flush=True)
    return found


def main():
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("losses", nargs="*")
    names = parser.parse_args().losses or [*lossreg.names(), *THIRD_PARTY]
    lossreg.set_num_threads(1)
    lines = TABLE.read_text("utf-8").splitlines()[HEAD.count("\n") :] if TABLE.exists() else []
    kept = [line for line in lines if line.split(" | ")[0].strip("| ") not in names]
    for name in names:
        kept += [f"| {' | '.join(row)} |" for row in rows_of(THIRD_PARTY.get(name) or losses.get(name))]
    TABLE.write_text(HEAD + "".join(f"{line}\n" for line in sorted(kept)), "utf-8")


if __name__ == "__main__":
    main()
