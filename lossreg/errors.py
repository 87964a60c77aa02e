"""Every error that lossreg raises on purpose.

    LossregError
    ├── UnknownName         (LookupError)     no plugin of that name is installed
    ├── AmbiguousName       (LookupError)     several distributions offer the name
    ├── BrokenPlugin        (RuntimeError)    a plugin cannot be loaded or is not what it says
    ├── InvalidDefinition   (TypeError)       a plugin's function has a signature nobody can read
    ├── InvalidParameter    (ValueError)      a parameter is unknown, missing or outside its domain
    ├── InvalidInput        (ValueError)      an array's shape or values do not fit the loss
    ├── InvalidType         (TypeError)       an array's or a parameter's type does not fit
    ├── InvalidConfig       (ValueError)      a run's configuration, with every problem found in it
    ├── MissingExtra        (ImportError)     an optional package is not installed
    ├── NotResumable        (RuntimeError)    a run is finished, running, or not as it was
    ├── Diverged            (ArithmeticError) a run's loss or weights turned nan or infinite
    └── NonconformingLoss   (AssertionError)  a loss fails the conformance kit

A message says what is wrong, what was given, what is allowed and, where a name is concerned, the nearest one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class LossregError(Exception):
    """Anything that lossreg raises on purpose."""


class UnknownName(LossregError, LookupError):
    """No plugin of that name is installed."""


class AmbiguousName(LossregError, LookupError):
    """Several distributions offer the name."""


class BrokenPlugin(LossregError, RuntimeError):
    """A plugin cannot be loaded, or is not what its entry point says."""


class InvalidDefinition(LossregError, TypeError):
    """A plugin's function has a signature that cannot be read."""


class InvalidParameter(LossregError, ValueError):
    """A parameter is unknown, missing or outside its domain."""


class InvalidInput(LossregError, ValueError):
    """An array's shape or values do not fit the loss."""


class InvalidType(LossregError, TypeError):
    """An array's or a parameter's type does not fit."""


class InvalidConfig(LossregError, ValueError):
    """A run's configuration is wrong; the message lists every problem found."""


class MissingExtra(LossregError, ImportError):
    """An optional package is not installed; the message names the command that installs it."""


class NotResumable(LossregError, RuntimeError):
    """A run that is not resumed: it is finished or running, its plugins or config have changed, or it is damaged."""


class Diverged(LossregError, ArithmeticError):
    """A run's loss or weights turned nan or infinite; the message names the step and the batch."""


class NonconformingLoss(LossregError, AssertionError):
    """A loss fails the conformance kit; the message lists the failed checks."""


def nearest(given: str, allowed: Iterable[str]) -> str:
    """``did you mean 'x'?`` for the allowed name closest to `given`, or an empty string where none is close."""
    from difflib import get_close_matches  # 4 ms that only a mistake should cost

    folded = {name.casefold(): name for name in allowed}
    close = get_close_matches(given.casefold(), folded, n=1)
    return f"did you mean {folded[close[0]]!r}?" if close else ""


def listed(names: Iterable[str]) -> str:
    """The names in order, or the word for there being none."""
    return ", ".join(sorted(names)) or "(none)"


def printable(text: str) -> str:
    """Text that a terminal shows as it is: what would move the cursor, clear the screen or hide text is escaped."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
