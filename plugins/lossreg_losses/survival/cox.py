"""Cox: the partial likelihood of proportional hazards, the surprise at who had their events first.

    value = -f_i + mean over l = 0 ... d - 1 of log(R - l / d E)        ties "efron", for a sample i with an event
          = -f_i + log(R)                                               "breslow"
    slope of f_k = e^(f_k) sum over the events until k's time of the mean of 1 / (R - l / d E), less 1 if k has an event

with R the sum of e^f over those at risk at its time, who have an event or are censored then or later, and E that over
the d samples that have their event at the same time. A censored sample has value 0. A mean is over the events, so that
it is 0 where all are censored. The time grows with N log N.

Shapes: log_hazard, time and event (N). Ranges: any finite numbers; event 0 or 1.
Source: Cox (1972), doi:10.1111/j.2517-6161.1972.tb00899.x; Efron (1977), doi:10.1080/01621459.1977.10480613; Breslow
(1974), doi:10.2307/2529620; lifelines and R's survival, which have Efron's ties; XGBoost's survival:cox (3.2) has
Breslow's.

>>> cox.at([0.0, 0.0], [1.0, 2.0], [1, 1])
([0.6931471805599453, 0.0], [-0.5, 0.5])
"""

from typing import Annotated, Any, Literal

from lossreg.kernels.numerics import INFINITY, exp, log
from lossreg.plugin import (
    Array,
    Axes,
    Event,
    Finite,
    Loss,
    Slopes,
    Time,
    each,
    hookimpl,
    loss,
    sorted_segments,
)


@loss(couples="anchors")
def cox(
    log_hazard: Annotated[Array, Axes("N", Finite)],
    time: Annotated[Array, Axes("N", Time)],
    event: Annotated[Array, Axes("N", Event)],
    slopes: Slopes,
    ties: Literal["efron", "breslow"] = "efron",
) -> tuple[Array, Array]:
    import numpy as np

    order, bounds = sorted_segments(time, descending=True)
    values, sums = np.empty(len(order)), np.zeros((len(bounds), 3))
    slope = slopes.get("log_hazard", np.empty(0, log_hazard.dtype))
    each(sweep, 1, log_hazard, order, bounds, event, int(ties == "efron"), values, sums, slope)
    return values.astype(log_hazard.dtype), event


def sweep(_: int, f: Any, order: Any, bounds: Any, event: Any, efron: int, values: Any, sums: Any, slope: Any) -> None:
    """From the latest time to the earliest: the values, and for slopes what each time adds; then back.

    Sums are of e^(f - top), with the largest f of those at risk as top.
    """
    risk, top = 0.0, -INFINITY
    for s in range(len(bounds) - 1):
        members = order[bounds[s] : bounds[s + 1]]
        before = top
        for i in members:
            top = max(top, float(f[i]))
        risk *= exp(before - top)
        tied, deaths = 0.0, 0
        for i in members:
            hazard = exp(float(f[i]) - top)
            risk, tied, deaths = risk + hazard, tied + hazard * event[i], deaths + event[i]
        mean, by_risk, by_tied = 0.0, 0.0, 0.0
        for d in range(deaths):
            part = d / deaths if efron else 0.0
            left = risk - tied * part
            mean, by_risk, by_tied = mean + log(left) / deaths, by_risk + 1 / left, by_tied + part / left
        sums[s, 0], sums[s, 1], sums[s, 2] = by_risk, by_tied, top
        for i in members:
            values[i] = (mean + (top - float(f[i]))) * event[i]
    since, last = 0.0, len(bounds) - 2
    for back in range(last + 1 if len(slope) > 0 else 0):
        s = last - back
        since = since * exp(sums[s, 2] - top) + sums[s, 0]
        top = sums[s, 2]
        for i in order[bounds[s] : bounds[s + 1]]:
            slope[i] = exp(float(f[i]) - top) * (since - sums[s, 1] * event[i]) - event[i]


@cox.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Times with ties."""
    return [random.normal(size=samples), random.integers(1, 4, samples) * 1.0, random.integers(0, 2, samples)], {}


@hookimpl
def lossreg_component() -> Loss:
    return cox
