"""Plots: the ratio of each case and engine, and time against size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import summary
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

FILES = ("ratios.svg", "sizes.svg")

# Colours that the colour-blind can tell apart (Okabe and Ito), and a marker for each.
LOOKS = {
    "torch": ("#D55E00", "o"),
    "torch.compile": ("#E69F00", "s"),
    "jax.jit": ("#0072B2", "D"),
    "scikit-learn": ("#009E73", "^"),
    "lossreg": ("#000000", "o"),
    "limit": ("#999999", ""),
}
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#777777",
    "legend.frameon": False,
    "svg.hashsalt": "speed",  # the same results make the same file
}


def draw(results: dict[str, Any], directory: Path) -> None:
    """Draw both into the directory."""
    with mpl.rc_context(STYLE):
        for name, figure in zip(FILES, (ratios(results), sizes(results)), strict=True):
            figure.savefig(directory / name, metadata={"Date": None}, bbox_inches="tight", facecolor="white")


def ratios(results: dict[str, Any]) -> Figure:
    """A line for each case, a mark for each peer; the whisker is from the first quartile to the third."""
    rows = results["sections"]["cases"]
    figure = Figure(figsize=(9, 1.2 + 0.22 * len(rows)))
    axes = figure.add_subplot()
    height, labels = 0.0, []
    for group, members in summary.groups(rows)[:-1]:
        axes.annotate(
            group, (-0.012, height), xycoords=("axes fraction", "data"), ha="right", va="center", weight="bold"
        )
        axes.axhline(height, color="#CCCCCC", linewidth=0.8)
        for at, row in enumerate(members, 1):
            labels.append((height + at, row["case"]))
            for peer in [name for name in summary.PEERS if name in row["ratios"]]:
                low, middle, high = row["ratios"][peer]
                colour, marker = LOOKS[peer]
                axes.plot([low, high], [height + at] * 2, color=colour, linewidth=1)
                axes.plot(middle, height + at, marker, color=colour, markersize=4.5, markeredgewidth=0)
        height += len(members) + 1.4
    axes.set_yticks([at for at, _ in labels], [label for _, label in labels])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(height - 0.7, -0.7)
    axes.set_xscale("log")
    axes.set_xlim(left=min(axes.get_xlim()[0], 0.8))
    axes.axvspan(axes.get_xlim()[0], 1, color="#F6E3E3", zorder=0, linewidth=0)
    axes.axvline(1, color="black", linewidth=1)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="x", color="#EEEEEE")
    axes.set_axisbelow(True)
    axes.set_xlabel("time of the peer / time of lossreg   (left of 1 the peer is faster)")
    axes.set_title("Value and gradient, float32, one thread", loc="left", pad=24, weight="bold")
    for peer in summary.PEERS:
        colour, marker = LOOKS[peer]
        axes.plot([], [], marker, color=colour, label=peer, markeredgewidth=0)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(summary.PEERS), borderaxespad=0.2, handletextpad=0.1)
    return figure


def sizes(results: dict[str, Any]) -> Figure:
    """A panel for each loss: the time of each engine against the number of elements."""
    rows = results["sections"]["sizes"]
    losses = list(dict.fromkeys(row["loss"] for row in rows))
    figure = Figure(figsize=(11, 4))
    panels = figure.subplots(1, len(losses), sharey=True, squeeze=False)[0]
    for axes, loss in zip(panels, losses, strict=True):
        panel(axes, loss, [row for row in rows if row["loss"] == loss])
    panels[0].set_ylabel("time of a call")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncols=len(labels))
    figure.suptitle(" ")  # space for the legend
    figure.tight_layout()
    return figure


def panel(axes: Axes, loss: str, rows: list[summary.Row]) -> None:
    """One loss."""
    counts = [row["elements"] for row in rows]
    for engine in [name for name in LOOKS if name in rows[0]["seconds"]]:
        low, middle, high = zip(*(row["seconds"][engine] for row in rows), strict=True)
        colour, marker = LOOKS[engine]
        style = {"linestyle": "--"} if engine == "limit" else {"marker": marker, "markersize": 3.5}
        width = 2 if engine == "lossreg" else 1.2
        axes.plot(counts, middle, color=colour, linewidth=width, label=engine, zorder=2 + width, **style)
        axes.fill_between(counts, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda seconds, _: summary.duration(seconds)))
    axes.set_xticks([1 << 4, 1 << 10, 1 << 16, 1 << 20, 1 << 24], ["16", "1k", "64k", "1M", "16M"])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(color="#EEEEEE")
    title = f"{loss}, rows of 16" if "x" in rows[0]["case"] else loss
    axes.set_title(title, loc="left", weight="bold")
    axes.set_xlabel("elements")
