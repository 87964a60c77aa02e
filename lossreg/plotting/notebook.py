"""How criteria show themselves: a figure by matplotlib, and HTML in notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lossreg.definition.loss import Loss


class NotebookDisplay:
    """Pictures of an object that has a loss and its parameters."""

    __slots__ = ()

    loss: Loss
    parameters: Any

    def plot(self) -> Any:
        """Return a figure of matplotlib with value, slope and second derivative, with these parameters.

        Parameters that are arrays have their defaults there. Raises MissingExtra if matplotlib is not installed.
        """
        from lossreg.plotting.curves import loss_curves
        from lossreg.plotting.figure import figure
        from lossreg.plotting.variations import Variation

        plain = {name: x for name, x in self.parameters.items() if not hasattr(x, "shape")}
        return figure(loss_curves(self.loss, [Variation(parameters=plain)]))

    def _repr_html_(self) -> str:
        """Return the criterion with its formula, and with its curves if matplotlib is installed."""
        from html import escape
        from io import StringIO

        from lossreg.errors import MissingExtra

        formula = next((text for text in self.loss.doc.split("\n\n") if text.startswith("    ")), "")
        text = f"<code>{escape(repr(self))}</code><p>{escape(self.loss.summary)}</p><pre>{escape(formula)}</pre>"
        try:
            drawn = self.plot()
        except MissingExtra:
            return text
        out = StringIO()
        drawn.savefig(out, format="svg")
        svg = out.getvalue()[out.getvalue().index("<svg") :]
        return text + svg.replace("<svg ", '<svg style="height: auto; max-width: 100%" ', 1)
