"""Cox's partial likelihood with Efron's treatment of tied times: the surprise at who had their events first.

value_i = -f_i + mean over l = 0 ... d-1 of log(sum of e^f over those at risk - l/d sum of e^f over the d tied events)

for a sample with an event, and 0 for a censored one; those at risk have an event or are censored at that time
or later. A mean is that over the events. Shapes: log_hazard, time and event (N). Ranges: any numbers; event 0
or 1. Source: Efron (1977), doi:10.1080/01621459.1977.10480613.

>>> cox.at([0.0, 0.0], [1.0, 2.0], [1, 1])
([0.6931471805599453, 0.0], [-0.5, 0.5])
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import exp, log
from lossreg.plugin import Array, Axes, Event, Loss, Slopes, Time, each, hookimpl, loss, sorted_segments

Number = Annotated[Array, Axes("N")]


@loss(couples="anchors")
def cox(
    log_hazard: Number,
    time: Annotated[Array, Axes("N", Time)],
    event: Annotated[Array, Axes("N", Event)],
    slopes: Slopes,
) -> tuple[Array, Array]:
    import numpy as np

    order, bounds = sorted_segments(time, descending=True)
    top, values = float(log_hazard.max()), np.empty(len(order))
    slope = slopes.get("log_hazard", np.empty(0, log_hazard.dtype))
    each(sweep, 1, log_hazard, order, bounds, event, top, values, np.zeros((len(bounds), 2)), slope)
    return values.astype(log_hazard.dtype), event


def sweep(_: int, f: Any, order: Any, bounds: Any, event: Any, top: float, values: Any, sums: Any, slope: Any) -> None:
    """From the latest time to the earliest: the values, and for slopes what each time adds; then back."""
    risk = 0.0
    for s in range(len(bounds) - 1):
        tied, deaths = 0.0, 0
        for i in order[bounds[s] : bounds[s + 1]]:
            hazard = exp(float(f[i]) - top)
            risk, tied, deaths = risk + hazard, tied + hazard * event[i], deaths + event[i]
        mean, by_risk, by_tied = 0.0, 0.0, 0.0
        for d in range(deaths):
            left = risk - tied * d / deaths
            mean, by_risk, by_tied = mean + log(left) / deaths, by_risk + 1 / left, by_tied + d / deaths / left
        sums[s, 0], sums[s, 1] = by_risk, by_tied
        for i in order[bounds[s] : bounds[s + 1]]:
            values[i] = (mean + top - f[i]) * event[i]
    since = 0.0
    for back in range(len(bounds) - 1 if len(slope) > 0 else 0):
        s = len(bounds) - 2 - back
        since += sums[s, 0]
        for i in order[bounds[s] : bounds[s + 1]]:
            slope[i] = exp(float(f[i]) - top) * (since - sums[s, 1] * event[i]) - event[i]


@cox.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Times with ties."""
    return [random.normal(size=samples), random.integers(1, 4, samples) * 1.0, random.integers(0, 2, samples)], {}


@hookimpl
def lossreg_component() -> Loss:
    return cox
