"""The pictures of a loss: SVG that takes its colors from the page, so that it is legible in light and dark."""

from __future__ import annotations

import io
import re
from math import inf, log
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from lossreg.definition.domains import LOG_PROBABILITY, PROBABILITY
from lossreg.definition.plain_python.evaluate_point import evaluate_coupled
from lossreg.definition.plain_python.shown_points import usual
from lossreg.definition.roles import Role
from lossreg.plotting.curves import LossCurves, loss_curves
from lossreg.plotting.figure import COLORS, KINDS, draw
from lossreg.plotting.variations import Variation, varied

if TYPE_CHECKING:
    from lossreg.definition.loss import Loss

TEXT = "#010203"
"""A color that stands for that of the text of the page."""
STYLE = {
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.edgecolor": TEXT,
    "axes.labelcolor": TEXT,
    "text.color": TEXT,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
}
PRIOR = [0.7, 0.2, 0.1]
SHOWN: dict[str, dict[str, Any]] = {
    "asymmetric": {"fixed": {"target": 0.0}},
    "charbonnier": {"settings": varied("eps", [0.001, 0.3, 1.0])},
    "dpo": {"settings": varied("beta", [0.1, 0.5, 1.0]), "limits": (-10.0, 10.0)},
    "epsilon_insensitive": {"settings": varied("epsilon", [0.1, 0.5, 1.0])},
    "general_robust": {"settings": varied("alpha", [2.0, 1.0, 0.0, -2.0, -inf])},
    "kl_div": {"fixed": {"target": 0.3}},
    "logit_adjusted": {
        "settings": [Variation(f"tau = {tau:g}", {"tau": tau, "prior": PRIOR}) for tau in (0.0, 1.0, 2.0)],
    },
    "mape": {"fixed": {"target": 2.0}},
    "mixture_nll": {"fixed": {"means": [1.0, -1.0], "target": 1.0}},
    "smape": {"fixed": {"target": 2.0}},
    "student_t_nll": {"settings": varied("df", [1.0, 4.0, 30.0]), "limits": (-8.0, 8.0)},
    "tukey": {"limits": (-10.0, 10.0)},
    "tweedie": {"settings": varied("power", [1.1, 1.5, 1.9])},
    "wing": {"limits": (-20.0, 20.0)},
}
"""What the curves of a loss show, where another choice than the usual one shows more."""
PIXELS = 16
"""The side of the image in which losses of segmentations are shown."""
IMAGES = " The images are of a batch of one, with a predicted disk to the right of the true one."
SIDE = 44
"""The number of points along the side of a triangle of probabilities, and of a map of the plane."""


def pictures(loss: Loss) -> str:
    """Return the HTML of a loss's pictures: its curves, and a map for losses of classes or of embeddings."""
    curves = loss_curves(loss, **SHOWN.get(loss.name, {}))
    labels = [(curve.label, color) for curve, color in zip(curves.curves, COLORS, strict=False) if curve.label]
    legend = "".join(f'<span><i style="background: {color}"></i>{label}</span>' for label, color in labels)
    panels = [(title, panel(curves, kind)) for kind, title in KINDS.items()]
    panels += [made for made in (triangle(loss), plane(loss), *image(loss)) if made]
    figures = "".join(f'<div class="panel" role="img" aria-label="{t}"><p>{t}</p>{svg}</div>' for t, svg in panels)
    return (
        f'<figure class="loss-plot"><div class="legend">{legend}</div><div class="panels">{figures}</div>'
        f"<figcaption>{caption(curves)}</figcaption></figure>"
    )


def caption(curves: LossCurves) -> str:
    """Return what the curves show."""
    if curves.loss.forms[0].by_batch:
        return (
            f"The example of <code>{curves.loss.name}</code>, a batch of six samples, while its first input moves "
            "along the negative gradient." + IMAGES * (Path(curves.loss.file).parent.name == "images")
        )
    fixed = f" The other numbers are fixed: {curves.fixed}." if curves.fixed else ""
    return f"Value, slope and second derivative while <code>{curves.varied}</code> varies.{fixed}"


def panel(curves: LossCurves, kind: str) -> str:
    """Return one panel of curves as SVG."""
    with rc_context(STYLE):
        figure = Figure(figsize=(3.5, 2.6), layout="constrained")
        draw(figure.subplots(), curves, kind)
        return svg(figure, f"{curves.loss.name}-{kind}")


def triangle(loss: Loss) -> tuple[str, str] | None:
    """Return the value over the probabilities of three classes as SVG, for a loss of a row and a label by class."""
    form = loss.forms[0]
    labeled = any(entry.role is Role.LABEL for entry in form.inputs)
    first = form.inputs[0]
    if form.by_batch or not labeled or first.axis is None or len(form.inputs) != 2 or first.width:  # noqa: PLR2004
        return None
    settings = loss.bind({"prior": PRIOR} if loss.name == "logit_adjusted" else {})
    points, values = [], []
    for i in range(SIDE + 1):
        for j in range(SIDE + 1 - i):
            shares = [(k + 0.15) / (SIDE + 0.45) for k in (i, j, SIDE - i - j)]
            row = shares if first.domain is PROBABILITY else [log(p) for p in shares]
            points.append((shares[1] + 0.5 * shares[0], shares[0]))
            values.append(loss.at(row, 0, **settings)[0])
    with rc_context(STYLE):
        figure = Figure(figsize=(3.5, 2.6), layout="constrained")
        axes = figure.subplots()
        x, y = np.array(points).T
        drawn = axes.tripcolor(x, y, values, shading="gouraud", cmap="viridis", rasterized=True)
        axes.set_axis_off()
        axes.set_aspect(0.87)
        for where, text, va in (((0.5, 1.02), "true class", "bottom"), ((0.0, -0.03), "class 2", "top")):
            axes.text(*where, text, ha="center", va=va)
        axes.text(1.0, -0.03, "class 3", ha="center", va="top")
        figure.colorbar(drawn, ax=axes, shrink=0.8)
        kind = "probabilities" if first.domain in {PROBABILITY, LOG_PROBABILITY} else "softmax"
        title = "value over the probabilities of three classes"
        return title if kind == "probabilities" else f"{title} (softmax)", svg(figure, f"{loss.name}-triangle")


def plane(loss: Loss) -> tuple[str, str] | None:
    """Return the value over the plane of the first input as SVG, for a loss that compares vectors."""
    form = loss.forms[0]
    rows = [entry for entry in form.inputs if entry.axis is not None]
    if form.by_batch or loss.task != "embedding" or len(rows) < 2:  # noqa: PLR2004
        return None
    others = [usual(entry, form) for entry in form.inputs[1:]]
    ticks = np.linspace(-2, 2, SIDE)
    values = np.array([[loss.at([float(x), float(y)], *others)[0] for x in ticks] for y in ticks])
    with rc_context(STYLE):
        figure = Figure(figsize=(3.5, 2.6), layout="constrained")
        axes = figure.subplots()
        drawn = axes.pcolormesh(ticks, ticks, values, shading="gouraud", cmap="viridis", rasterized=True)
        for entry, x in zip(form.inputs[1:], others, strict=True):
            if isinstance(x, list):
                axes.plot(*x, "o", color="white", markeredgecolor="black")
                axes.annotate(entry.name, x, xytext=(0, 6), textcoords="offset points", color="white", ha="center")
        axes.set_aspect("equal")
        axes.set_xlabel(f"{form.inputs[0].name}[0]")
        axes.set_ylabel(f"{form.inputs[0].name}[1]")
        figure.colorbar(drawn, ax=axes, shrink=0.9)
        return f"value by {form.inputs[0].name} in the plane", svg(figure, f"{loss.name}-plane")


def image(loss: Loss) -> list[tuple[str, str]]:
    """Return an image, its true region and the slope of each pixel as SVG, for a loss of segmentations."""
    if Path(loss.file).parent.name != "images":
        return []
    first, second = loss.forms[0].inputs[:2]
    y, x = np.mgrid[:PIXELS, :PIXELS]
    inside = np.hypot(x - 6.5, y - 8.5) < 4.6  # noqa: PLR2004  a disk
    # The prediction is a disk too, farther to the right, and with an edge that is not sharp.
    score = 4.0 - np.hypot(x - 9.5, y - 7.5)
    probability = 1 / (1 + np.exp(-score))
    predicted = probability if "C" in first.axes else score
    if second.role is Role.LABEL:  # of two classes
        arrays = [np.stack([1 - probability, probability])[np.newaxis], inside[np.newaxis].astype(np.int64)]
    else:
        lead = (1,) * (len(first.axes) - 1)
        arrays = [each.reshape(*lead, PIXELS, PIXELS) for each in (predicted, inside.astype(np.float64))]
    _, slope, *_ = evaluate_coupled(loss.forms[0], arrays, loss.bind({}))
    slope = np.asarray(slope).reshape(-1, PIXELS, PIXELS)[-1]
    most = float(abs(slope).max()) or 1.0
    shown = (
        ("the prediction", predicted, "viridis", None),
        ("the true region", inside, "viridis", None),
        ("the slope: red pixels are to grow", slope, "RdBu", (-most, most)),
    )
    return [(title, pixels(values, cmap, limits, f"{loss.name}-{title}")) for title, values, cmap, limits in shown]


def pixels(values: Any, cmap: str, limits: tuple[float, float] | None, salt: str) -> str:
    """Return an image as SVG."""
    with rc_context(STYLE):
        figure = Figure(figsize=(3.5, 2.6), layout="constrained")
        axes = figure.subplots()
        low, high = limits or (None, None)
        drawn = axes.pcolormesh(values, cmap=cmap, vmin=low, vmax=high, rasterized=True)
        axes.set_aspect("equal")
        axes.set_axis_off()
        figure.colorbar(drawn, ax=axes, shrink=0.9)
        return svg(figure, salt.replace(" ", "-"))


def svg(figure: Figure, salt: str) -> str:
    """Return a figure as SVG for a page: without a background, and with the color and font of the page for text."""
    out = io.StringIO()
    with rc_context({"svg.hashsalt": salt}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = text.replace(TEXT, "currentColor")
    text = re.sub(r"font: (?:[\d.]+ )?([\d.]+px) [^;\"]+", r"font-size: \1", text)
    text = re.sub(r"\n\s*", "\n", text)
    # An identifier has to be unique on a page, and most are not referred to.
    text = re.sub(r' id="((?:figure|axes|patch|line2d|matplotlib\.axis|xtick|ytick|text)[\w.]*)"', "", text)
    return re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', "", text, count=1).replace("\n\n", "\n")
