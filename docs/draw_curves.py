"""Draw the README's picture, some losses in light and dark colors.

python docs/draw_curves.py    # write docs/assets/curves-light.svg and docs/assets/curves-dark.svg; needs matplotlib
"""  # noqa: INP001  a script

from __future__ import annotations

from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from lossreg.plotting.curves import loss_curves
from lossreg.plotting.figure import COLORS
from lossreg.plotting.variations import Variation
from lossreg.registry.registries import losses

HERE = Path(__file__).parent
INK = {"light": "#1f2328", "dark": "#d1d7e0"}
PANELS = (
    ("An outlier in regression: slope", "slope", ("mse", "huber", "cauchy", "tukey"), "error", (-8.0, 8.0), 2.5),
    (
        "A positive among two classes: value",
        "value",
        ("bce_with_logits", "focal", "squared_hinge"),
        "logit",
        (-4, 4),
        5,
    ),
    (
        "A count, 2, and its rate: value",
        "value",
        ("poisson_nll", "negative_binomial_nll", "gamma"),
        "log rate",
        (-2, 3),
        6,
    ),
)
"""For each panel: the title, what it shows of which losses, the name of x, its range, and the end of the other axis."""


def main() -> None:
    """Write both files."""
    for scheme, ink in INK.items():
        keys = ("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color")
        with rc_context({**dict.fromkeys(keys, ink), "svg.hashsalt": scheme, "font.size": 10}):
            figure = Figure(figsize=(11, 3.1), layout="constrained")
            for axes, (title, kind, names, label, limits, top) in zip(figure.subplots(1, 3), PANELS, strict=True):
                for name, color in zip(names, COLORS, strict=False):
                    (curve,) = loss_curves(losses.get(name), [Variation()], limits=limits).curves
                    axes.plot(curve.x, getattr(curve, kind), color=color, label=name, linewidth=1.8)
                axes.set(title=title, xlabel=label, ylim=(-top if kind == "slope" else -0.3, top))
                axes.spines[["top", "right"]].set_visible(False)
                axes.legend(frameon=False, fontsize=8.5)
            path = HERE / "assets" / f"curves-{scheme}.svg"
            figure.savefig(path, transparent=True, metadata={"Date": None})


if __name__ == "__main__":
    main()
