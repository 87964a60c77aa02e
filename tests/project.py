"""The files of the project, as the tests of its structure read them."""

import ast
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "lossreg").rglob("*.py"))
PLUGINS = sorted(path for path in (ROOT / "plugins").rglob("*.py") if path.name != "__init__.py")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
ENTRY_POINTS = PYPROJECT["project"]["entry-points"]
PLUGIN_PACKAGES = sorted(path.parent.name for path in (ROOT / "plugins").glob("*/__init__.py"))

CACHES = (".hypothesis", ".import_linter_cache", ".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__")
GENERATED = {*CACHES, ".venv", ".venv-bench", ".venv-matrix", "site"}
"""Directories that tools make; git ignores them."""


def relative(path):
    """The path of a file as seen from the project's folder, for messages and the names of tests."""
    return path.relative_to(ROOT).as_posix()


def parse(path):
    """The syntax tree of a file."""
    return ast.parse(path.read_text("utf-8"))


def imported(tree):
    """The modules that a syntax tree imports anywhere: in functions and under TYPE_CHECKING too."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import in line {node.lineno}"
            found.append(node.module)
    return found


def text_files():
    """The files that belong to the project: those that git tracks, or would; all of a source distribution."""
    if not (ROOT / ".git").exists():
        return [path for path in ROOT.rglob("*") if path.is_file() and not GENERATED & {*path.parts}]
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file()]
