"""Optional packages: the error for one that is not installed names the command that installs it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lossreg.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = {"rich": "rich", "safetensors": "safetensors", "sklearn": "scikit-learn"}


@contextmanager
def extra() -> Iterator[None]:
    """Turn the failed import of an optional package, however deep inside the block, into MissingExtra."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = PACKAGES.get((error.name or "").partition(".")[0])
        if package is None:
            raise
        raise MissingExtra(f"{package} is not installed; pip install 'lossreg[experiments]'", name=error.name) from None
