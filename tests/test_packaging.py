"""What is packaged and exported: entry points, the wheel, the version, public names and errors."""

import ast
import importlib
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import project
import pytest
from project import ENTRY_POINTS, PLUGIN_PACKAGES, PLUGINS, PYPROJECT, ROOT, parse

import lossreg
import lossreg.plugin

ALIASES = [group for group in ENTRY_POINTS if group.startswith("lossreg.aliases.")]
COMPONENTS = [
    group for group in ENTRY_POINTS if group.startswith("lossreg.") and group not in [*ALIASES, "lossreg.guides"]
]


@pytest.mark.parametrize("group", ALIASES)
def test_names_of_other_libraries_stand_for_losses_or_metrics_and_are_sorted(group):
    points = ENTRY_POINTS[group]
    assert list(points) == sorted(points)
    assert {*points.values()} <= {*ENTRY_POINTS["lossreg.losses"].values(), *ENTRY_POINTS["lossreg.metrics"].values()}


@pytest.mark.parametrize("group", COMPONENTS)
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


@pytest.mark.parametrize("package", ["lossreg", *(f"plugins/{name}" for name in PLUGIN_PACKAGES)])
def test_every_package_says_that_it_is_typed(package):
    assert (ROOT / package / "py.typed").is_file()


@pytest.mark.slow  # 3 s of processor time
def test_the_tests_are_of_this_source_where_lossreg_is_installed_from_a_wheel(tmp_path):
    for package in ("lossreg", *(f"plugins/{name}" for name in PLUGIN_PACKAGES)):
        shutil.copytree(ROOT / package, tmp_path / Path(package).name)
    files = ["tests/test_schedules.py", "plugins/lossreg_schedules"]
    done = subprocess.run(
        [sys.executable, "-P", "-c", INSTALLED, str(tmp_path), *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


INSTALLED = """
import sys, pytest
sys.path.insert(0, sys.argv[1])
class Importing:
    def pytest_collection(self):
        import lossreg_schedules.cosine
sys.exit(pytest.main(["-n", "0", "-q", "--collect-only", "-p", "no:cacheprovider", *sys.argv[2:]], [Importing()]))
"""


def test_the_files_of_the_project_are_found_without_git_as_in_a_source_distribution(tmp_path, monkeypatch):
    monkeypatch.setattr(project, "ROOT", tmp_path)
    for name in ("README.md", "lossreg/cli.py", ".venv/x.py", "lossreg/__pycache__/cli.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert {path.name for path in project.text_files()} == {"README.md", "cli.py"}


@pytest.mark.slow
def test_the_source_distribution_has_what_its_tests_need_and_they_run(tmp_path):
    name = build("build_sdist", tmp_path)
    with tarfile.open(tmp_path / name) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    held = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"README.md", "LICENSE", "Makefile", "mkdocs.yml", "configs/digits_mlp.yaml", "tests/project.py"} <= held
    left_out = (".venv", "site/", "experiments/runs/")
    assert not [path for path in held if path.startswith(left_out) or "_cache" in path or ".nbi" in path]
    files = ["tests/test_packaging.py", "tests/test_schedules.py", "tests/test_registry.py", "tests/test_aliases.py"]
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-m", "not slow", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_the_wheel_has_the_packages_and_their_data_and_nothing_else(tmp_path):
    with zipfile.ZipFile(tmp_path / build("build_wheel", tmp_path)) as wheel:
        held = set(wheel.namelist())
    packages = {name.split("/")[0] for name in held if ".dist-info" not in name}
    assert packages == {"lossreg", *PLUGIN_PACKAGES}
    data = {path.relative_to(ROOT) for path in (ROOT / "lossreg").rglob("*") if path.suffix in {".txt", ".html", ".js"}}
    assert {path.as_posix() for path in data} | {"lossreg_losses/guide.yaml", "lossreg/py.typed"} <= held
    assert not [name for name in held if name.endswith((".pyc", ".nbi", ".nbc", "summaries.json"))]


def build(what, folder):
    """Build a distribution of the project into a folder; returns the name of its file."""
    code = f"import sys; from hatchling.build import {what}; print({what}(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()[-1]
