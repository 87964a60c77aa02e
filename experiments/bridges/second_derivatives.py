"""Second derivatives of every loss that has them: their largest error, and their cost over value and gradient.

    python experiments/bridges/second_derivatives.py [--errors] [LOSS ...]

The cost is the processor time of value_grad_hess divided by that of value_and_grad, of 1M float32 numbers on one
thread: medians of alternating runs in one process. Rows have 10 numbers, and 1,000. The error is the largest one
relative to the second derivative in 60 digits, in units in the last place, at the points of the conformance kit where
it is a normal number.
"""

import argparse
import statistics
import time

import numpy as np

import lossreg
from lossreg.registry.registries import losses
from lossreg.testing.batches import ordinary_numbers
from lossreg.testing.cases import cases
from lossreg.testing.checks.accuracy import exact_parameters
from lossreg.testing.evaluation import evaluate_compiled
from lossreg.testing.high_precision import exact_number, reference
from lossreg.testing.points import points

NUMBERS = 1_000_000
RUNS = 15


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


def cost(loss, at, width):
    """The time of value_grad_hess divided by that of value_and_grad, and the latter in milliseconds."""
    criterion, arrays = lossreg.create(loss), arrays_of(loss.forms[at], width)
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
    return second / own, own * 1e3


def error(loss, at, real):
    """The largest error in units in the last place, and the point where it is."""
    worst, info = (0.0, ""), np.finfo(real)
    settings = [case.parameters for case in cases(loss) if case.form is loss.forms[at]]
    kept = {tuple(given[name] for name in loss.forms[at].switches): given for given in settings}
    for given in kept.values():
        derived = loss.with_hessian(given)
        own = [case for case in cases(derived) if len(case.form.inputs) == len(loss.forms[at].inputs)]
        for case in (case for case in own if case.form.inputs == loss.forms[at].inputs):
            for width, tried in points(case, real, fewer=4):
                parameters, count = exact_parameters(case, width, real), max(width, 1)
                found = evaluate_compiled(case, tried, real)[:, -count:]
                for point, row in zip(tried, found, strict=True):
                    expected = reference(case.form, tuple(map(exact_number, point)), parameters)[-count:]
                    for ours, exact in zip(row, expected, strict=True):
                        if info.tiny * 1e6 < abs(exact) < info.max:
                            worst = max(worst, (float(abs(exact_number(ours) - exact) / abs(exact)), str(point)))
    return worst[0] / info.eps, worst[1]


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--errors", action="store_true", help="measure errors in place of times")
    parser.add_argument("losses", nargs="*")
    given = parser.parse_args()
    lossreg.set_num_threads(1)
    for name in given.losses or lossreg.names():
        loss = losses.get(name)
        for at, form in enumerate(loss.forms):
            if form.hessian is None:
                continue
            if given.errors:
                for real in (np.float32, np.float64):
                    worst, point = error(loss, at, real)
                    print(f"{name:24} {form.kernel.__name__:24} {real.__name__:8} {worst:9.2g}  {point}", flush=True)
                continue
            for width in (10, 1000) if form.by_row else (1,):
                ratio, own = cost(loss, at, width)
                print(f"{name:24} {form.kernel.__name__:24} {width:5} {own:8.2f} {ratio:6.2f}", flush=True)


if __name__ == "__main__":
    main()
