"""Metrics of an order: concordance of predicted risks with times of events, and NDCG of scores within groups."""

from __future__ import annotations

from typing import Any

import numpy as np


def harrell_concordance(times: Any, events: Any, risks: Any) -> float:
    """Harrell's concordance: the fraction of comparable pairs of which the one with the earlier event has more risk.

    A pair is comparable if the earlier time is that of an event; of equal times, if one is an event and the other is
    censored. Equal risks count half. nan if no pair is comparable. Takes O(n log(n)^2) time.
    """
    count = len(times)
    position = 2 * np.unique(times, return_inverse=True)[1] + (events == 0)
    rank = np.unique(risks, return_inverse=True)[1]
    agreeing = pairs = 0.0
    # The highest bit in which two positions differ says which is the earlier: all pairs of a bit are counted at once.
    for bit in range(int(position.max(initial=0)).bit_length()):
        later, block = position >> bit & 1 == 1, (position >> bit + 1) * count
        others = np.sort((block + rank)[later])
        asking = ~later & (events != 0)
        first, low, last = (np.searchsorted(others, (block + shift)[asking]) for shift in (0, rank, count))
        high = np.searchsorted(others, (block + rank)[asking], "right")
        agreeing += (low - first).sum() + (high - low).sum() / 2
        pairs += (last - first).sum()
    return float(agreeing / pairs) if pairs else float("nan")


def grouped_ndcg(groups: Any, relevances: Any, scores: Any) -> Any:
    """The normalised discounted cumulative gain of each group that has a relevance above 0.

    The gain is 2^relevance - 1, and the row of rank r, from 1, is discounted by log2(r + 1). Rows of equal score get
    their mean gain.
    """
    group = np.unique(groups, return_inverse=True)[1]
    gains = np.exp2(relevances.astype(np.float64)) - 1
    ideal = discounted(group, gains, gains)
    some = ideal > 0
    return discounted(group, scores, gains)[some] / ideal[some]


def discounted(group: Any, scores: Any, gains: Any) -> Any:
    """The discounted sum of the gains of each group, whose rows are ranked by their scores."""
    order = np.lexsort((-scores, group))
    group, scores, gains = group[order], scores[order], gains[order]
    rank = np.arange(len(group)) - np.searchsorted(group, group)
    begins = np.append(True, (np.diff(group) != 0) | (np.diff(scores) != 0))[: len(group)]
    tied = np.cumsum(begins) - 1
    mean_gains = (np.bincount(tied, gains) / np.bincount(tied))[tied]
    return np.bincount(group, mean_gains / np.log2(rank + 2))
