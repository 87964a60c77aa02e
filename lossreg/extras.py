"""Optional packages: if one is not installed, the error names the command that installs it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lossreg.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = {
    "catboost": ("catboost", "catboost"),
    "distributed": ("distributed", "dask"),
    "jax": ("jax", "jax"),
    "lightgbm": ("lightgbm", "lightgbm"),
    "mlflow": ("mlflow-skinny", "mlflow"),
    "optuna": ("optuna", "optuna"),
    "pyarrow": ("pyarrow", "experiments"),
    "rich": ("rich", "experiments"),
    "safetensors": ("safetensors", "experiments"),
    "scipy": ("scikit-learn", "experiments"),
    "sklearn": ("scikit-learn", "experiments"),
    "tensorboardX": ("tensorboardX", "tensorboard"),
    "threadpoolctl": ("threadpoolctl", "experiments"),
    "torch": ("torch", "torch"),
    "xgboost": ("xgboost", "xgboost"),
}
"""For each module the package that has it, and the extra of lossreg that installs the package."""


@contextmanager
def optional_imports() -> Iterator[None]:
    """Raise MissingExtra where an optional package cannot be imported, anywhere inside the block."""
    try:
        yield
    except ModuleNotFoundError as error:
        found = PACKAGES.get((error.name or "").partition(".")[0])
        if found is None:
            raise
        package, extra = found
        raise MissingExtra(f"{package} is not installed; pip install 'lossreg[{extra}]'", name=error.name) from None
