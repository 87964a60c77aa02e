"""How results show themselves in notebooks: tables and curves as HTML without scripts."""

from __future__ import annotations

from html import escape
from math import isfinite
from typing import TYPE_CHECKING, Any

from lossreg.experiment.storage.records import SPLITS, measured_on, metrics_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLOURS = ("#2a7fb8", "#d9662b", "#3a9a72", "#a3478f", "#8d7a1f", "#7a6fd0")
WIDTH, HEIGHT, MARGIN = 280, 150, 8
LABELS = 46
"""The width of the labels of the vertical axis."""


def curves_by_metric(records: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, list[float]]]:
    """The values of each metric by epoch, by the name without its split, and by the split."""
    found: dict[str, dict[str, list[float]]] = {}
    for key in dict.fromkeys(key for record in records for key in metrics_of(record)):
        split = measured_on(key)
        values = [float(record.get(key, float("nan"))) for record in records]
        found.setdefault(key.removeprefix(f"{split}_"), {})[split or key] = values
    return found


def chart(title: str, lines: Mapping[str, Sequence[float]]) -> str:
    """A chart of lines by epoch, as SVG, with a legend; values that are not finite are left out."""
    finite = [value for values in lines.values() for value in values if isfinite(value)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    longest = max(map(len, lines.values()))

    def place(number: int, value: float) -> str:
        x = LABELS + (WIDTH - LABELS - MARGIN) * (number / max(longest - 1, 1))
        y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * ((value - low) / ((high - low) or 1))
        return f"{x:.1f},{y:.1f}"

    drawn, legend = [], []
    for index, (name, values) in enumerate(lines.items()):
        colour = COLOURS[index % len(COLOURS)]
        points = " ".join(place(number, value) for number, value in enumerate(values) if isfinite(value))
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        legend.append(f'<span style="color:{colour}">&#9632;</span> {escape(name)}')
    text = 'fill="currentColor" font-size="10" text-anchor="end"'
    return (
        f'<div style="display:inline-block;margin:0 1.5em 0.5em 0"><b>{escape(title)}</b> {" ".join(legend)}<br>'
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{escape(title)} by epoch">'
        f'<text x="{LABELS - 6}" y="{MARGIN + 4}" {text}>{high:.4g}</text>'
        f'<text x="{LABELS - 6}" y="{HEIGHT - MARGIN + 2}" {text}>{low:.4g}</text>{"".join(drawn)}</svg></div>'
    )


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table, in which numbers have four digits."""
    heads = "".join(f"<th>{escape(name)}</th>" for name in header)
    lines = ("".join(f"<td>{escape(cell(value))}</td>" for value in row) for row in rows)
    return (
        f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(f'<tr>{line}</tr>' for line in lines)}</tbody></table>"
    )


def cell(value: Any) -> str:
    """The text of a cell."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def run_html(path: Any, final: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> str:
    """A run: the metrics of its final weights, a column for each split, and the curves of its metrics."""
    curves = curves_by_metric(records)
    splits = [split for split in SPLITS if any(split in lines for lines in curves.values())]
    rows = [
        [metric, *(metrics_of(final).get(f"{split}_{metric}" if split in SPLITS else metric) for split in splits)]
        for metric in curves
    ]
    charts = "".join(chart(metric, lines) for metric, lines in curves.items())
    return f"<p><code>{escape(str(path))}</code></p>{table(['', *splits], rows)}<div>{charts}</div>"
