"""Time engines in turns, round after round, and summarize the times."""

from __future__ import annotations

import gc
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from engines import Contender

SHORTEST = 3e-4
"""Seconds that a reading takes at least: fast calls are repeated."""

ROUNDS = (7, 101)
"""The fewest rounds and the most."""


def reading(contender: Contender, repeats: int, clock: Callable[[], float] = perf_counter) -> float:
    """The time of one call, from so many."""
    contender.before()
    call: Callable[[], Any] = contender.call
    started = clock()
    for _ in range(repeats):
        call()
    return (clock() - started) / repeats


def rounds(
    contenders: dict[str, Contender], seconds: float, clock: Callable[[], float] = perf_counter
) -> dict[str, list[float]]:
    """The times of each engine by a clock, one for each round. After a warm-up, rounds go on for `seconds`.

    Each round begins with another engine, so that no engine always follows the same one.
    """
    names = list(contenders)
    repeats = {}
    for name, contender in contenders.items():
        reading(contender, 3)
        repeats[name] = max(1, round(SHORTEST / reading(contender, 3)))
        repeats[name] = max(1, round(SHORTEST / reading(contender, repeats[name])))
    times: dict[str, list[float]] = {name: [] for name in names}
    collecting = gc.isenabled()
    gc.disable()
    try:
        started = perf_counter()
        for turn in range(ROUNDS[1]):
            if turn >= ROUNDS[0] and perf_counter() - started > seconds:
                break
            for at in range(len(names)):
                name = names[(turn + at) % len(names)]
                times[name].append(reading(contenders[name], repeats[name], clock))
    finally:
        if collecting:
            gc.enable()
    return times


def spread(values: Any) -> list[float]:
    """The median between the quartiles, to four digits: [a quarter are below, half, three quarters]."""
    return [float(f"{x:.4g}") for x in np.quantile(values, (0.25, 0.5, 0.75))]


def summarised(times: dict[str, list[float]]) -> dict[str, Any]:
    """The spread of each engine's times, and of their ratios to lossreg's in the same round."""
    own = np.array(times["lossreg"])
    return {
        "rounds": len(own),
        "seconds": {name: spread(values) for name, values in times.items()},
        "ratios": {name: spread(np.array(values) / own) for name, values in times.items() if name != "lossreg"},
    }
