"""Draw the curves of a loss in plain characters, for terminals."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from lossreg.plotting.figure import limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.plotting.curves import LossCurves

MARKS = "*+o"
HEIGHT, WIDTH, MARGIN = 14, 64, 10


def picture(curves: LossCurves, width: int = WIDTH) -> str:
    """Return the value and the slope of each curve as text, one picture below the other."""
    labels = [(mark, curve.label) for mark, curve in zip(MARKS, curves.curves, strict=False)]
    legend = "   ".join(f"{mark} {label}" for mark, label in labels if label)
    about = [f"at {curves.fixed}"] * bool(curves.fixed) + [legend] * bool(legend)
    x = [number for curve in curves.curves for number in curve.x]
    ends = (
        f"{'':{MARGIN}}  {min(x):<{width // 3}.3g}{curves.varied:^{width - 2 * (width // 3)}}{max(x):>{width // 3}.3g}"
    )
    blocks = [
        [kind, *grid([(c.x, getattr(c, kind)) for c in curves.curves], width), ends.rstrip()]
        for kind in ("value", "slope")
    ]
    return "\n\n".join("\n".join(lines) for lines in (*blocks, about) if lines)


def grid(lines: Sequence[tuple[Sequence[float], Sequence[float]]], width: int) -> list[str]:
    """Return curves as lines of characters, with the numbers of the vertical axis in front."""
    bottom, top = limits(y for _, ys in lines for y in ys)
    left, right = min(min(xs) for xs, _ in lines), max(max(xs) for xs, _ in lines)
    zero = round((0 - bottom) / (top - bottom) * (HEIGHT - 1))
    cells = [["-" if row == zero else " "] * width for row in range(HEIGHT)]
    for mark, (xs, ys) in zip(MARKS, lines, strict=False):
        for x, y in zip(xs, ys, strict=True):
            if isfinite(y) and bottom <= y <= top:
                column = round((x - left) / (right - left) * (width - 1))
                cells[round((y - bottom) / (top - bottom) * (HEIGHT - 1))][column] = mark
    numbers = {0: bottom, HEIGHT - 1: top, zero: 0.0}
    return [
        f"{format(numbers[row], '.3g') if row in numbers else '':>{MARGIN}} |{''.join(cells[row])}".rstrip()
        for row in reversed(range(HEIGHT))
    ]
