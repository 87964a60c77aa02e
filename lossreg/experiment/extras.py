"""Optional packages: the error for one that is not installed names the command that installs it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lossreg.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = {
    "distributed": ("distributed", "dask"),
    "mlflow": ("mlflow-skinny", "mlflow"),
    "optuna": ("optuna", "optuna"),
    "pyarrow": ("pyarrow", "parquet"),
    "rich": ("rich", "experiments"),
    "safetensors": ("safetensors", "experiments"),
    "sklearn": ("scikit-learn", "experiments"),
    "tensorboardX": ("tensorboardX", "tensorboard"),
}
"""The package behind each module, and the extra that has it."""


@contextmanager
def extra() -> Iterator[None]:
    """Turn the failed import of an optional package, however deep inside the block, into MissingExtra."""
    try:
        yield
    except ModuleNotFoundError as error:
        found = PACKAGES.get((error.name or "").partition(".")[0])
        if found is None:
            raise
        package, group = found
        raise MissingExtra(f"{package} is not installed; pip install 'lossreg[{group}]'", name=error.name) from None
