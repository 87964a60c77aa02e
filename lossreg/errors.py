"""Every error that lossreg raises on purpose.

    LossregError
    ├── UnknownName         (LookupError)     no plugin of that name is installed
    ├── AmbiguousName       (LookupError)     several distributions offer a plugin of that name
    ├── BrokenPlugin        (RuntimeError)    a plugin cannot be loaded, or does not match its entry point
    ├── InvalidDefinition   (TypeError)       a plugin's function has a signature that cannot be read
    ├── InvalidParameter    (ValueError)      a parameter is unknown, missing or outside its domain
    ├── InvalidInput        (ValueError)      the shape or values of an array do not fit the loss
    ├── InvalidType         (TypeError)       the type of an array or parameter is wrong
    ├── InvalidConfig       (ValueError)      a run's config is wrong; the message lists every problem
    ├── MissingExtra        (ImportError)     an optional package is not installed
    ├── NotResumable        (RuntimeError)    a run is finished, running, damaged, or its plugins have changed
    ├── Diverged            (ArithmeticError) a run's loss or weights became nan or infinite
    └── NonconformingLoss   (AssertionError)  a loss fails the conformance kit

A message says what is wrong, what was given and what is allowed; if a name is wrong, it suggests the nearest one. The
command line adds the page of the documentation that describes what is allowed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import ClassVar


class LossregError(Exception):
    """The base class of every error that lossreg raises on purpose; `page` is where the documentation says more."""

    page: ClassVar[str] = ""


class UnknownName(LossregError, LookupError):
    """No plugin of that name is installed."""


class AmbiguousName(LossregError, LookupError):
    """Several distributions offer a plugin of that name."""


class BrokenPlugin(LossregError, RuntimeError):
    """A plugin cannot be loaded, or does not match its entry point."""

    page = "docs/writing_losses.md"


class InvalidDefinition(LossregError, TypeError):
    """A plugin's function has a signature that cannot be read."""

    page = "docs/writing_losses.md"


class InvalidParameter(LossregError, ValueError):
    """A parameter is unknown, missing or outside its domain."""


class InvalidInput(LossregError, ValueError):
    """The shape or values of an array do not fit the loss."""


class InvalidType(LossregError, TypeError):
    """The type of an array or parameter is wrong."""


class InvalidConfig(LossregError, ValueError):
    """A run's config is wrong; the message lists every problem found in it."""

    page = "docs/config.md"


class MissingExtra(LossregError, ImportError):
    """An optional package is not installed; the message names the command that installs it."""


class NotResumable(LossregError, RuntimeError):
    """A run cannot be resumed: it is finished or running, its config or plugins have changed, or it is damaged."""

    page = "docs/runs.md#interrupted-runs"


class Diverged(LossregError, ArithmeticError):
    """A run's loss or weights became nan or infinite; the message names the step and the batch."""

    page = "docs/choosing.md#by-what-goes-wrong"


class NonconformingLoss(LossregError, AssertionError):
    """A loss fails the conformance kit; the message lists the failed checks."""

    page = "docs/writing_losses.md"


def nearest_name(given: str, allowed: Iterable[str]) -> str:
    """Return the allowed name closest to `given`, or an empty string if none is close."""
    from difflib import get_close_matches  # 4 ms that only a mistake should cost

    folded = {name.casefold(): name for name in allowed}
    close = get_close_matches(given.casefold(), folded, n=1)
    return folded[close[0]] if close else ""


def nearest(given: str, allowed: Iterable[str]) -> str:
    """Return ``did you mean 'x'?`` for the allowed name closest to `given`, or an empty string if none is close."""
    name = nearest_name(given, allowed)
    return f"did you mean {name!r}?" if name else ""


def alternatives(given: str, allowed: Iterable[str], what: str, command: str = "") -> str:
    """Return the nearest allowed name and all of them, as in ``did you mean 'bce'? The losses are bce, mse``.

    If a command lists them too, it stands for what does not fit into a message: for many names beside the nearest one.
    """
    allowed = list(allowed)
    hint = nearest(given, allowed)
    if hint and command and len(allowed) > MANY:
        return f"{hint} `{command}` lists all {len(allowed)} {what}"
    names = first_listed(allowed, command) if command else listed(allowed)
    return f"{hint} The {what} are {names}" if hint else f"the {what} are {names}"


MANY = 24
"""How many names of what is installed a message lists."""


def first_listed(names: Iterable[str], command: str) -> str:
    """Return the names in order, or of many the first, with the command that lists them all."""
    names = sorted(names)
    more = f", ... and {len(names) - MANY} more, which `{command}` lists" if len(names) > MANY else ""
    return listed(names[:MANY]) + more


def listed(names: Iterable[str]) -> str:
    """Return the names in order, separated by commas, or ``(none)``."""
    return ", ".join(sorted(names)) or "(none)"
