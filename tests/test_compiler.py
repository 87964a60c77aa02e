"""The compiler of kernels: what it uses of numba is in one package, and it changes nothing for others."""

import ast
from pathlib import Path

import numba
import pytest

import lossreg

PACKAGE = Path(lossreg.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
PUBLIC = {"numba", "numba.types", "numba.extending"}
ORDER = ("numerics", "compiler", "simd", "elementary", "loops", "drivers")
"""The packages of lossreg.kernels; each may import those before it."""


def imported(path):
    """The modules that a file imports, also inside functions and for type checkers."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from modules if node.module in ("numba", "lossreg.kernels") else [node.module]


def is_private(module):
    package, _, name = module.partition(".")
    if package == "numba":  # what its top level offers is public, and two of its sub-packages
        return module not in PUBLIC and ("." in name or hasattr(getattr(numba, name), "__path__") or name[0] == "_")
    return package in ("llvmlite", "dis", "opcode")


def test_only_the_compiler_imports_private_parts_of_numba_llvmlite_or_bytecode():
    found = {path.relative_to(PACKAGE).parent.as_posix() for path in SOURCES if any(map(is_private, imported(path)))}
    assert found == {"kernels/compiler"}


def test_of_the_compiler_one_module_imports_private_parts_of_numba():
    private = {path.name: [x for x in imported(path) if x.startswith("numba") and is_private(x)] for path in SOURCES}
    assert [name for name, modules in private.items() if modules] == ["numba_api.py"]


@pytest.mark.parametrize("package", ORDER)
def test_a_package_of_kernels_imports_only_those_below_it(package):
    below = ORDER[: ORDER.index(package) + 1]
    for path in PACKAGE.joinpath("kernels", package).rglob("*.py"):
        for module in imported(path):
            if module.startswith("lossreg.kernels."):
                assert module.split(".")[2] in below, f"{path.name} imports {module}"
