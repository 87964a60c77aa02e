"""The progress of runs and sweeps in notebooks: lines below the cell that is running."""

from __future__ import annotations

import io
import sys
from html import escape
from typing import TYPE_CHECKING, Any

from lossreg.experiment.runner.progress import Progress, ProgressLines

if TYPE_CHECKING:
    from typing import TextIO

LINES = 30
"""How many of the latest lines are shown."""


class NotebookOutput(io.StringIO):
    """A stream of lines, of which a notebook shows the latest in one place."""

    def __init__(self) -> None:
        from IPython.display import display

        super().__init__()
        self.handle: Any = display(self, display_id=True)

    def flush(self) -> None:
        """Show the lines that have been written."""
        if self.handle is not None:
            self.handle.update(self)

    def __repr__(self) -> str:
        return "\n".join(self.getvalue().splitlines()[-LINES:])

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"


def notebook_output() -> TextIO | None:
    """A stream that the notebook shows; None if this process is not the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return NotebookOutput() if type(shell).__name__ == "ZMQInteractiveShell" else None


def default_progress() -> Progress:
    """The progress of a run for which none is given: lines in a notebook, and nothing elsewhere."""
    output = notebook_output()
    return ProgressLines(output) if output else Progress()
