"""Optional packages: if one is not installed, the error names the command that installs it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lossreg.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = {
    "catboost": ("catboost", "catboost"),
    "distributed": ("distributed", "dask"),
    "jax": ("jax", "jax"),
    "lightgbm": ("lightgbm", "lightgbm"),
    "matplotlib": ("matplotlib", "plot"),
    "mlflow": ("mlflow-skinny", "mlflow"),
    "onnx": ("onnx", "onnx"),
    "onnxruntime": ("onnxruntime", "onnx"),
    "onnxscript": ("onnxscript", "onnx"),
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


def not_installed(name: str) -> MissingExtra:
    """Return the error for a module that is not installed, with the command that installs it, if lossreg knows one."""
    package, extra = PACKAGES.get(name.partition(".")[0], (name, ""))
    command = f"; pip install 'lossreg[{extra}]'" if extra else ""
    return MissingExtra(f"{package} is not installed{command}", name=name)


def missing_imports(function: Any) -> list[str]:
    """Return the modules that a function imports and that are not installed, without importing any."""
    import ast
    from importlib.util import find_spec
    from inspect import getsource
    from textwrap import dedent

    try:
        nodes = [*ast.walk(ast.parse(dedent(getsource(function))))]
    except (OSError, TypeError, SyntaxError):  # its source is not there
        return []
    found = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    found += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return [name for name in dict.fromkeys(each.partition(".")[0] for each in found) if find_spec(name) is None]


@contextmanager
def optional_imports() -> Iterator[None]:
    """Raise MissingExtra where an optional package cannot be imported, anywhere inside the block."""
    try:
        yield
    except ModuleNotFoundError as error:
        name = error.name or ""
        if name.partition(".")[0] not in PACKAGES:
            raise
        raise not_installed(name) from None
