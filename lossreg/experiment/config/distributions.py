"""The distributions of a sweep, and the reading of one, or of a list of values, from a config."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite
from typing import Any

from lossreg.errors import nearest
from lossreg.formatting import shortened

DISTRIBUTIONS = ("uniform", "log_uniform", "integer", "log_integer", "choice")
LOGARITHMIC, INTEGERS = ("log_uniform", "log_integer"), ("integer", "log_integer")


def read_list(value: Any) -> tuple[str, list[Any], str]:
    """Read a list of values; returns no distribution, the values, and the problem if there is one."""
    if isinstance(value, list | tuple) and value:
        return "", list(value), ""
    return "", [], f"expected a list of the values to try, such as [1, 2], got {value!r}"


def read_distribution(value: Any, last_name: str | int) -> tuple[str, list[Any], str]:
    """Read a distribution; returns its name, its values, and the problem if there is one."""
    names = [*value] if isinstance(value, Mapping) else []
    if len(names) != 1 or names[0] not in DISTRIBUTIONS:
        hint = next(filter(None, (nearest(str(name), DISTRIBUTIONS) for name in (*names, last_name))), "")
        problem = f"expected one of {', '.join(DISTRIBUTIONS)}, such as {{uniform: [0, 1]}}, got {value!r}"
        return "", [], problem + (hint and f"; {hint}")
    name, given = names[0], value[names[0]]
    if name == "choice":
        return name, *read_list(given)[1:]
    numbers = isinstance(given, list | tuple) and len(given) == 2 and all(map(is_number, given))  # noqa: PLR2004  ends
    minimum = 0.0 if name in LOGARITHMIC else -inf
    whole = name not in INTEGERS or (numbers and all(isinstance(number, int) for number in given))
    if numbers and whole and minimum < given[0] < given[1]:
        return name, list(given), ""
    kind, above = "integers" if name in INTEGERS else "finite numbers", " above 0" * (name in LOGARITHMIC)
    problem = f"{name}: expected the lowest and the highest value, two {kind}{above} such as [1, 10]"
    return "", [], f"{problem}, got {shortened(repr(given))}"


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
