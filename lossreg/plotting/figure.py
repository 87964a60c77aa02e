"""Draw the curves of a loss with matplotlib."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from lossreg.extras import optional_imports

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.plotting.curves import LossCurves

KINDS = {"value": "value", "slope": "slope", "second": "second derivative"}
"""What each panel shows: a field of `Curve`, and its title."""
COLORS = ("#3b82f6", "#d97706", "#059669", "#c026d3", "#64748b")
"""Colors that can be distinguished, with a contrast of 3 or more against white and against dark gray."""
OUTLYING = 0.05
"""The share of the numbers at each end that may be cut off, if all others would be flat otherwise."""


def figure(curves: LossCurves) -> Any:
    """Return a figure with a panel for each of value, slope and second derivative; raises MissingExtra."""
    with optional_imports():
        from matplotlib.figure import Figure

    made = Figure(figsize=(10.5, 3.2), layout="constrained")
    for axes, kind in zip(made.subplots(1, len(KINDS)), KINDS, strict=True):
        draw(axes, curves, kind)
        axes.set_title(KINDS[kind])
    labels = [curve.label for curve in curves.curves]
    if any(labels):
        made.axes[0].legend(labels, frameon=False)
    title = curves.loss.name + (f" at {curves.fixed}" if curves.fixed else "")
    made.suptitle(title, fontsize="medium")
    return made


def draw(axes: Any, curves: LossCurves, kind: str) -> None:
    """Draw one kind of curve into axes of matplotlib."""
    for curve, color in zip(curves.curves, COLORS, strict=False):
        axes.plot(curve.x, getattr(curve, kind), color=color, linewidth=1.8)
    axes.set_xlabel(curves.varied)
    axes.spines[["top", "right"]].set_visible(False)
    axes.axhline(0, color="#888888", linewidth=0.6, zorder=0)
    axes.set_ylim(*limits(y for curve in curves.curves for y in getattr(curve, kind)))


def limits(numbers: Iterable[float]) -> tuple[float, float]:
    """Return the ends of the axis for numbers: all of them, unless a few are so large that they hide the others."""
    ordered = sorted(x for x in numbers if isfinite(x)) or [0.0]
    cut = int(OUTLYING * len(ordered))
    low, high = ordered[cut], ordered[-1 - cut]
    spread = high - low or abs(high) or 1.0
    low, high = max(ordered[0], low - spread), min(ordered[-1], high + spread)
    margin = 0.06 * (high - low or abs(high) or 1.0)
    return min(low, 0.0) - margin, max(high, 0.0) + margin
