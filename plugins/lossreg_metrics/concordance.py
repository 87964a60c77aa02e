"""Harrell's concordance: of comparable pairs, the fraction of which the one with the earlier event has more risk.

A pair is comparable if the earlier time is that of an event; of equal times, if one is an event and the other is
censored. Equal risks count half. nan if no pair is comparable. Takes O(n log(n)^2) time.
Source: Harrell et al. (1982), doi:10.1001/jama.1982.03320430047030.
"""

from typing import Any

from lossreg.plugin import Metric, harrell_concordance, hookimpl, metric


@metric("survival", higher_is_better=True)
def concordance(targets: Any, predictions: Any, event: Any) -> float:
    return harrell_concordance(targets, event, predictions)


@hookimpl
def lossreg_component() -> Metric:
    return concordance
