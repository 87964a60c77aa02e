"""The house itself: layers, doors, sizes and words, read from the source."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import readme

import lossreg

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "experiments" / "differences"))

import compare  # noqa: E402  a script of a study, which is no package

CORE = sorted((ROOT / "lossreg").rglob("*.py"))
PLUGINS = sorted(path for path in (ROOT / "plugins").rglob("*.py") if path.name != "__init__.py")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
POINTS = PROJECT["project"]["entry-points"]
PACKAGES = {
    "lossreg.losses": "loss",
    "lossreg.models": "model",
    "lossreg.optimizers": "optimizer",
    "lossreg.data": "data",
    "lossreg.schedules": "schedule",
    "lossreg.trackers": "tracker",
}

# What each room may import, low to high. `errors` and `domains` are for all.
GROUND = {"errors", "domains"}
DEFINING = GROUND | {"parameters", "component", "form", "definition"}
EVALUATING = DEFINING | {"kernels", "shapes", "call", "batch", "settled", "criterion"}
BELOW = {
    "errors": set(),
    "domains": set(),
    "installed": set(),
    "parameters": GROUND,
    "component": GROUND | {"parameters"},
    "form": GROUND | {"parameters"},
    "definition": GROUND | {"parameters", "component", "form"},
    "hookspecs": DEFINING,
    "registry": DEFINING | {"hookspecs", "installed"},
    "kernels": GROUND | {"parameters"},
    "shapes": GROUND | {"form"},
    "call": GROUND | {"parameters", "kernels", "shapes"},
    "batch": GROUND | {"form", "kernels", "call"},
    "settled": {"kernels", "call"},
    "criterion": DEFINING | {"kernels", "call", "batch", "settled"},
    "testing": EVALUATING | {"registry", "hookspecs"},
    "describe": DEFINING | {"registry"},
    "warm": EVALUATING | {"registry", "hookspecs"},
    "experiment": EVALUATING | {"registry", "hookspecs", "describe"},
    "commands": EVALUATING | {"registry", "hookspecs", "describe", "warm", "experiment"},
    "cli": {"errors", "commands"},
}

# What a plugin may import of lossreg: the face, and the functions that kernels call.
FOR_PLUGINS = ("lossreg", "lossreg.kernels.numerics.distances", "lossreg.kernels.numerics.stable")

# The face is above all rooms and imports them when asked; nobody inside imports it, but for its version.
FACE = ("__init__", "__main__")

LARGE = {
    "lossreg/__init__.py": (300, "each public name three times: for type checkers, for the lazy import and for dir"),
    "lossreg/call.py": (300, "the checks of one call, which share what they find"),
}
LONG = {
    "adaptive_log_softmax": (140, "layers of several sizes, and two methods"),
    "cross_entropy": (70, "two forms, for labels and for probabilities"),
    "ctc": (150, "paths forward and backward"),
    "linear_cross_entropy": (130, "two forms, and blocks of rows"),
    "poisson_nll": (51, "rates and their logarithms, without a factorial and with two sorts of it"),
}


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def imports(path):
    """The modules that a file imports, in functions too, but not under TYPE_CHECKING."""
    found, waiting = [], [ast.parse(path.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports relatively"
            # `from lossreg import x` imports the room x, if there is one.
            inner = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "lossreg" else []
            found += inner or [node.module]
        waiting += ast.iter_child_nodes(node)
    return found


def room_of(path):
    return path.relative_to(ROOT / "lossreg").parts[0].removesuffix(".py")


def code_lines(path):
    """Lines that are neither blank nor part of the module's docstring."""
    text = path.read_text("utf-8")
    first = ast.parse(text).body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return sum(bool(line.strip()) for line in text.splitlines()[first.end_lineno if documented else 0 :])


# Layers


def test_every_room_has_its_place_in_the_layers():
    rooms = {room_of(path) for path in CORE} - set(FACE)
    assert rooms == set(BELOW)
    for room, below in BELOW.items():
        assert all(room not in BELOW[other] for other in below), f"{room} is above and below another"


@pytest.mark.parametrize("path", [path for path in CORE if room_of(path) not in FACE], ids=name_of)
def test_a_room_imports_only_rooms_below_it(path):
    room = room_of(path)
    for module in imports(path):
        package, _, rest = module.partition(".")
        if module == "lossreg" and room == "testing":
            continue  # the kit tests the face as authors use it
        if package == "lossreg" and module != "lossreg.__version__":
            imported = rest.partition(".")[0]
            assert imported in BELOW[room] | {room}, f"{name_of(path)} imports {module}"


def test_only_the_numba_room_imports_numba():
    found = {room_of(path) for path in CORE for module in imports(path) if module.partition(".")[0] == "numba"}
    assert found == {"kernels"}


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_the_core_names_no_plugin(path):
    names = {name for group in ("losses", "models", "optimizers") for name in POINTS[f"lossreg.{group}"]}
    tree = ast.parse(path.read_text("utf-8"))
    documentation = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            assert node.value not in names, f"{name_of(path)}:{node.lineno} names {node.value}"
            assert not re.search(
                r"lossreg_(losses|models|optimizers|data)\b(?!_)", re.sub(r"^lossreg_\w+$", "", node.value)
            )
    assert not [module for module in imports(path) if module.startswith("lossreg_")]


# Plugins


@pytest.mark.parametrize("path", PLUGINS, ids=name_of)
def test_a_plugin_imports_the_face_the_stable_functions_and_the_standard_library(path):
    # At the top; inside a function, where it runs on requirements, a data set may load what it needs.
    tree = ast.parse(path.read_text("utf-8"))
    for node in tree.body:
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module] if isinstance(node, ast.ImportFrom) else []
        for module in modules:
            allowed = module in FOR_PLUGINS or module.partition(".")[0] in sys.stdlib_module_names
            assert allowed, f"{name_of(path)} imports {module}"
    assert not [module for module in imports(path) if module.startswith("lossreg_")]


@pytest.mark.parametrize("group", PACKAGES)
def test_files_are_entry_points_and_functions_sorted(group):
    package = f"lossreg_{group.removeprefix('lossreg.')}"
    points = POINTS[group]
    assert list(points) == sorted(points)
    assert points == {name: f"{package}.{name}" for name in points}
    assert sorted(points) == [path.stem for path in PLUGINS if path.parent.name == package]
    for name, module in points.items():
        path = ROOT / "plugins" / package / f"{name}.py"
        functions = [node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)]
        assert name in functions, f"{module} has no function {name}"
        assert f"lossreg_{PACKAGES[group]}" in functions, f"{module} has no hook"


def test_every_plugin_package_is_in_the_wheel():
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    directories = sorted(path.name for path in (ROOT / "plugins").iterdir() if (path / "__init__.py").exists())
    assert packages == ["lossreg", *(f"plugins/{name}" for name in directories)]
    assert set(PROJECT["tool"]["mypy"]["packages"]) == {"lossreg", *directories}


@pytest.mark.parametrize(
    "path", [path for path in PLUGINS if path.parent.name == "lossreg_losses"], ids=lambda p: p.stem
)
def test_a_loss_is_a_small_file_with_a_full_docstring(path):
    limit, _ = LONG.get(path.stem, (40, ""))
    assert code_lines(path) <= limit
    doc = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    for word in ("Shapes: ", "Ranges: ", "Source: ", ">>> ", "value = ", "lope"):
        assert word in doc, f"{path.stem} has no {word}"
    assert doc.partition("\n")[0].endswith(".")
    assert f">>> {path.stem}.at(" in doc


# Sizes


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_a_module_is_small(path):
    limit, _ = LARGE.get(name_of(path), (260, ""))
    assert len(path.read_text("utf-8").splitlines()) <= limit


@pytest.mark.parametrize("path", [*CORE, *PLUGINS], ids=name_of)
def test_a_module_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text("utf-8"))) or not path.read_text("utf-8").strip()


# The face


def test_the_public_names_are_there_and_the_same_in_every_list():
    for name in lossreg.__all__:
        assert getattr(lossreg, name) is not None
    tree = ast.parse(Path(lossreg.__file__).read_text("utf-8"))
    (checking,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    typed = {
        (node.module, alias.name)
        for node in checking.body
        if isinstance(node, ast.ImportFrom) and node.module.startswith("lossreg.")
        for alias in node.names
    }
    listed = {(home, name) for home, names in lossreg.HOMES.items() for name in names}
    assert typed == listed
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")}
    assert set(lossreg.__all__) == functions | {name for _, name in listed}
    assert lossreg.__all__ == sorted(lossreg.__all__) == dir(lossreg)
    for home, name in listed:
        assert getattr(lossreg, name) is getattr(importlib.import_module(home), name)
    with pytest.raises(AttributeError, match="module 'lossreg' has no attribute 'no_such_name'"):
        lossreg.no_such_name  # noqa: B018


def test_there_is_one_version():
    assert PROJECT["project"]["version"] == lossreg.__version__


def test_the_tree_of_errors_is_all_errors():
    tree = ast.parse((ROOT / "lossreg" / "errors.py").read_text("utf-8"))
    drawn = re.findall(r"[├└]── (\w+) +\((\w+)\)", ast.get_docstring(tree))
    classes = {node.name: node.bases[-1].id for node in tree.body if isinstance(node, ast.ClassDef)}
    assert classes.pop("LossregError") == "Exception"
    assert dict(drawn) == classes


# The README, and what must not be in the tree


def test_the_table_of_losses_is_what_is_installed():
    _, table, after = readme.parts()
    assert after, "README.md has no <!-- losses --> and <!-- /losses -->"
    assert table == readme.readme_table(), "python tests/readme.py --write makes it anew"


def test_the_table_of_differences_is_what_both_printed():
    _, table, after = compare.in_readme()
    assert after, "README.md has no <!-- differences --> and <!-- /differences -->"
    assert table == compare.table(compare.recorded()), "python experiments/differences/compare.py --write makes it anew"
    cases = compare.recorded()["cases"]
    assert [row["case"] for row in cases] == [case.words for case in compare.CASES]
    assert len({row["case"] for row in cases}) == len(cases) > 30
    assert all(row["pytorch"] != row["lossreg"] for row in cases)


@pytest.mark.parametrize(
    ("case", "row"),
    list(zip(compare.CASES, compare.recorded()["cases"], strict=False)),
    ids=lambda x: getattr(x, "words", ""),
)
def test_lossreg_still_prints_what_the_table_of_differences_says(case, row):
    assert compare.ours(case) == row["lossreg"]


def tracked():
    """The text files that belong to the project."""
    told = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for line in told.stdout.splitlines() if (path := ROOT / line).is_file()]


def test_no_path_of_one_machine_and_no_host_of_a_registry_is_in_the_tree():
    # Written apart, so that this file has none.
    roots = ("/wo" + "rk/", "/ho" + "me/", "/ro" + "ot/", "/Us" + "ers/", "/t" + "mp/")
    hosts = ("index" + "-url", "pythonhosted" + ".org", "pypi" + ".org/simple", "artifact" + "ory", "127.0" + ".0.1")
    for path in tracked():
        text = path.read_text("utf-8", errors="replace")
        found = [word for word in (*roots, *hosts) if word in text]
        assert not found, f"{name_of(path)} has {found}"
