"""The page of `lossreg report`: one file that needs no network, put together from the files beside this module.

    page.html              the frame
    page.css               its looks, light and dark, wide and narrow
    chart.js, page.js      charts; and what is on the page
    content.py             the runs as the page's data, with shapes.py (losses) and outcomes.py (predictions)

What runs say goes into the page as data, never as markup, and the page's policy lets nothing run or load but what is
named here by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import TYPE_CHECKING

from lossreg.experiment.report.page_data import content

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.experiment.storage.runs import Run

SCRIPTS = ("chart.js", "page.js")


def page(runs: Sequence[Run]) -> str:
    """Make the page about some runs."""
    style, scripts = source("page.css"), [source(name) for name in SCRIPTS]
    data = json.dumps(content(runs), allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    policy = {
        "default-src": "'none'",
        "style-src": digest(style),
        "script-src": " ".join(map(digest, scripts)),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    parts = {
        "policy": "; ".join(f"{what} {allowed}" for what, allowed in policy.items()),
        "style": f"<style>{style}</style>",
        "content": f'<script type="application/json" id="content">{data}</script>',
        "scripts": "\n".join(f"<script>{script}</script>" for script in scripts),
    }
    before, *rest = source("page.html").split("{{")
    filled = (part.partition("}}") for part in rest)
    return before + "".join(parts[name.strip()] + after for name, _, after in filled)


def source(name: str) -> str:
    """A file beside this module."""
    return files(__package__).joinpath("assets", name).read_text("utf-8")


def digest(text: str) -> str:
    """The hash by which a page's policy names what it allows."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
