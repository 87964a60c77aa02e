"""What is packaged and exported: entry points, the wheel, the version, public names and errors."""

import ast
import importlib
import re
from pathlib import Path

import pytest
from project import ENTRY_POINTS, PLUGIN_PACKAGES, PLUGINS, PYPROJECT, ROOT, parse

import lossreg
import lossreg.plugin


@pytest.mark.parametrize("group", ENTRY_POINTS)
def test_files_are_entry_points_and_functions_sorted(group):
    package = f"lossreg_{group.removeprefix('lossreg.')}"
    points = ENTRY_POINTS[group]
    assert list(points) == sorted(points)
    paths = {path.stem: path for path in PLUGINS if package in path.parts}
    modules = {name: path.relative_to(ROOT / "plugins").with_suffix("") for name, path in paths.items()}
    assert points == {name: ".".join(module.parts) for name, module in modules.items()}
    for name, module in points.items():
        tree = parse(paths[name])
        functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        assert name in functions, f"{module} has no function {name}"
        assert "lossreg_component" in functions, f"{module} has no hook"


def test_every_plugin_package_is_in_the_wheel():
    packages = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert packages == ["lossreg", *(f"plugins/{name}" for name in PLUGIN_PACKAGES)]
    assert set(PYPROJECT["tool"]["mypy"]["packages"]) == {"lossreg", *PLUGIN_PACKAGES}


def test_there_is_one_version():
    assert PYPROJECT["project"]["version"] == lossreg.__version__


@pytest.mark.parametrize("module", [lossreg, lossreg.plugin], ids=lambda module: module.__name__)
def test_the_public_names_are_the_same_for_type_checkers_and_at_run_time(module):
    tree = parse(Path(module.__file__))
    (checking,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    typed = {
        alias.name: node.module if node.module != "lossreg" else f"lossreg.{alias.name}"
        for node in checking.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }
    assert typed == dict(module.EXPORTS)
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")}
    assert set(module.__all__) == functions | set(typed)
    assert module.__all__ == sorted(module.__all__) == dir(module)
    for name, home in typed.items():
        exported = importlib.import_module(home)
        assert getattr(module, name) is (exported if home == f"lossreg.{name}" else getattr(exported, name))
    with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'no_such_name'"):
        module.no_such_name  # noqa: B018


def test_the_tree_of_errors_is_all_errors():
    tree = parse(ROOT / "lossreg" / "errors.py")
    drawn = re.findall(r"[├└]── (\w+) +\((\w+)\)", ast.get_docstring(tree))
    classes = {node.name: node.bases[-1].id for node in tree.body if isinstance(node, ast.ClassDef)}
    assert classes.pop("LossregError") == "Exception"
    assert dict(drawn) == classes
