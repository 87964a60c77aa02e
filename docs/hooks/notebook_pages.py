"""Pages of notebooks: their cells as Markdown, with the outputs that are committed with them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def page(path: Path) -> str:
    """Return a notebook as a page."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return "\n\n".join(text for cell in cells for text in parts(cell)) + "\n"


def parts(cell: dict[str, Any]) -> list[str]:
    """Return a cell as Markdown: its text, or its code and what it prints and shows."""
    source = "".join(cell["source"])
    if cell["cell_type"] != "code":
        return [source]
    return [f"```python\n{source}\n```", *map(shown, cell["outputs"])]


def shown(output: dict[str, Any]) -> str:
    """Return an output: HTML as it is, in a box, and text as a block."""
    data = output.get("data", {})
    if "text/html" in data:
        html = "".join(data["text/html"])
        # A blank line would end the HTML for Markdown; within preformatted text it stays visible.
        html = re.sub(r"<pre.*?</pre>", lambda block: block[0].replace("\n\n", "\n&#160;\n"), html, flags=re.DOTALL)
        html = re.sub(r"\n\s*\n", "\n", html)
        return f'<div class="notebook-output">{html}</div>'
    text = "".join(output.get("text", data.get("text/plain", "")))
    return f"```text\n{text.rstrip()}\n```"
