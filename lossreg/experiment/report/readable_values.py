"""Values of configs and metrics as JSON values that people read."""

from __future__ import annotations

import json
from typing import Any

from lossreg.experiment.storage.records import plain


def readable(value: Any) -> Any:
    """A value as a JSON value to show: numbers with six digits, and lists as text."""
    if isinstance(value, float):
        return plain(float(f"{value:.6g}"))
    return value if isinstance(value, bool | int | str | None) else json.dumps(value)
