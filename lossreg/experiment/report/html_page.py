"""The HTML page of `lossreg report`: one file that needs no network, made from the files in assets/.

    page.html              the frame of the page
    page.css               its style, in light and dark colours, for wide and narrow windows
    chart.js               charts
    page.js                the sections of the page
    live.js                keeps a page that `lossreg watch --page` serves up to date
    page_data.py           the data of the page, with loss_curves.py and prediction_summary.py

Names and values of runs are in the page as data, never as markup, and its content security policy allows only the style
and the scripts whose hashes it lists.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import TYPE_CHECKING

from lossreg.experiment.report.page_data import page_data
from lossreg.experiment.storage.records import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.experiment.storage.runs import Run

SCRIPTS = ("chart.js", "page.js")


def page(runs: Sequence[Run], version: str = "") -> str:
    """Make the page about some runs; with the version of their state, one that asks its server whether it changes."""
    live = {"version": version} if version else {}
    style, scripts = asset("page.css"), [asset(name) for name in (*SCRIPTS, *["live.js"] * len(live))]
    content = page_data(runs) | live
    data = json.dumps(plain(content), allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    policy = {
        "default-src": "'none'",
        "style-src": csp_hash(style),
        "script-src": " ".join(map(csp_hash, scripts)),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        **dict.fromkeys(["connect-src"] * len(live), "'self'"),
    }
    replacements = {
        "policy": "; ".join(f"{directive} {allowed}" for directive, allowed in policy.items()),
        "style": f"<style>{style}</style>",
        "content": f'<script type="application/json" id="content">{data}</script>',
        "scripts": "\n".join(f"<script>{script}</script>" for script in scripts),
    }
    before, *rest = asset("page.html").split("{{")
    placeholders = (each.partition("}}") for each in rest)
    return before + "".join(replacements[name.strip()] + after for name, _, after in placeholders)


def asset(name: str) -> str:
    """The content of a file in assets/."""
    return files(__package__).joinpath("assets", name).read_text("utf-8")


def csp_hash(text: str) -> str:
    """The hash with which a content security policy allows a style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
