"""The structure of the source: imports, folders, sizes and names. import-linter (`make lint`) proves the layers."""

import ast
import math
import re
import sys
from collections import Counter

import pytest
from project import CORE, ENTRY_POINTS, PLUGIN_PACKAGES, PLUGINS, PYPROJECT, ROOT, imported, parse, relative

from lossreg.extras import PACKAGES

FOR_PLUGINS = ("lossreg.plugin", "lossreg.kernels.numerics")
"""The parts of lossreg that a plugin may import, with their modules; one that calls other losses has `lossreg` too."""

PUBLIC_NUMBA = ("numba", "numba.extending")
"""The modules of numba that are not private."""

MODULE_LINES = 260
FOLDER_FILES = 13
LOSS_LINES = 50
LONG_LOSSES = {
    "adaptive_log_softmax": (140, "layers of several sizes, and two methods"),
    "arcface": (70, "the margin of angles, in a function of a row"),
    "barlow_twins": (70, "a product of matrices whose diagonal cancels, and the standardization"),
    "asymmetric": (60, "the second derivative, with a clip and without"),
    "cox": (70, "sums over those at risk, forward and back"),
    "general_robust": (65, "the formula at three special values of alpha, and the second derivatives"),
    "evidential": (70, "four slopes, the second derivative, and the quotient of gamma functions"),
    "lambda_rank": (105, "a kernel of a group's pairs, gains and discounts"),
    "list_mle": (90, "a kernel of a group: sums forward and back, of any exponents"),
    "pairwise_auc": (105, "functions of the pairs, with two kinds of surrogates"),
    "ranknet": (80, "a kernel of a group's pairs"),
    "circle": (80, "a function of a row of pairs"),
    "info_nce": (65, "a function of a row of pairs, for one direction or for both"),
    "multilabel_soft_margin": (
        60,
        "second derivatives, and their product with a vector, with two inputs and with three",
    ),
    "multi_similarity": (80, "a function of a row of pairs"),
    "proxy_anchor": (80, "a function of a row of pairs"),
    "proxy_nca": (65, "a kernel of a row of cosines"),
    "siglip": (65, "a function of a row of pairs"),
    "supcon": (70, "a function of a row of pairs"),
    "cross_entropy": (235, "two forms, for labels and for probabilities, each with second derivatives"),
    "ctc": (150, "paths forward and backward"),
    "linear_cross_entropy": (205, "four forms, of one output and of several, and blocks of rows"),
    "mixture_nll": (75, "shares that keep their digits beside components of any distance"),
    "multi_margin": (65, "second derivatives, and their product with a vector"),
    "nll": (55, "second derivatives, and their product with a vector"),
    "rnnt": (155, "paths forward and backward, and checks of the labels"),
    "vicreg": (65, "three terms, and a function of a row of slopes"),
    "poisson_nll": (70, "rates and their logarithms, without a factorial and with two kinds of it"),
}
"""The losses that may have more lines of code, how many, and why."""


def inside(module, packages):
    """Whether a module is one of the packages or in one of them."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


# Imports


def test_every_package_with_packages_inside_has_its_layers():
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    layered = {name for contract in contracts if contract["type"] == "layers" for name in contract["containers"]}
    packages = {path.parent for path in CORE if path.name == "__init__.py"}
    parents = {relative(package.parent).replace("/", ".") for package in packages if package.parent in packages}
    # One package inside needs no order.
    single = {"lossreg.bridges", "lossreg.criterion", "lossreg.definition", "lossreg.experiment.training"}
    assert parents - single - {"lossreg.testing"} == layered
    assert all(contract["exhaustive"] for contract in contracts if contract["type"] == "layers")
    assert PYPROJECT["tool"]["importlinter"]["root_packages"] == ["lossreg", *PLUGIN_PACKAGES]


def test_numba_is_imported_by_kernels_only_and_its_private_parts_by_the_compiler_only():
    imports = [(relative(path), name) for path in CORE for name in imported(parse(path))]
    of_numba = [(module, name) for module, name in imports if inside(name, ["llvmlite", "numba"])]
    assert [found for found in of_numba if not found[0].startswith("lossreg/kernels/")] == []
    private = [(module, name) for module, name in of_numba if name not in PUBLIC_NUMBA]
    assert private
    assert [found for found in private if not found[0].startswith("lossreg/kernels/compiler/")] == []


FOLDERS = sorted({path.parent for path in CORE})


@pytest.mark.parametrize("folder", FOLDERS, ids=relative)
def test_the_core_names_no_plugin(folder):
    for path in [path for path in CORE if path.parent == folder]:
        assert named_plugins(path) == [], relative(path)


def named_plugins(path):
    """The lines of a module that name a plugin or import from a package of plugins."""
    names = {name for group in ("losses", "models", "optimizers") for name in ENTRY_POINTS[f"lossreg.{group}"]}
    # gamma is a function first, jaccard a metric, and torch a package
    names -= {*dir(math), *ENTRY_POINTS["lossreg.metrics"], *PACKAGES}
    if path.parent.name == "bridges":  # which names the objectives of its library
        names -= {*ENTRY_POINTS.get(f"lossreg.aliases.{path.stem}", ())}
    tree = parse(path)
    docstrings = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)}
    packages = re.compile(rf"\b({'|'.join(PLUGIN_PACKAGES)})\.")
    return [
        f"line {node.lineno}: {node.value}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
        if node.value in names or packages.search(node.value)
    ] + [module for module in imported(tree) if inside(module, PLUGIN_PACKAGES)]


def test_a_plugin_imports_what_is_meant_for_plugins():
    for path in PLUGINS:
        for module in imported(parse(path)):
            assert not inside(module, PLUGIN_PACKAGES), f"{relative(path)} imports another plugin, {module}"
            allowed = module == "lossreg" or inside(module, FOR_PLUGINS) or not inside(module, ["lossreg"])
            assert allowed, f"{relative(path)} imports {module}"


def test_a_plugin_imports_other_packages_where_they_are_needed():
    # Then the import of a plugin is fast and needs no optional package.
    for path in PLUGINS:
        for node in parse(path).body:
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) else []
            for module in modules:
                root = module.partition(".")[0]
                allowed = root == "lossreg" or root in sys.stdlib_module_names
                assert allowed, f"{relative(path)} imports {module} at its top"


# Folders, sizes and names


def test_no_folder_has_many_files():
    counted = Counter(relative(path.parent) for path in CORE if path.name != "__init__.py")
    assert {folder: number for folder, number in counted.items() if number > FOLDER_FILES} == {}


def test_a_module_is_small():
    sizes = {relative(path): len(path.read_text("utf-8").splitlines()) for path in CORE}
    assert {module: lines for module, lines in sizes.items() if lines > MODULE_LINES} == {}


def test_a_module_says_what_it_is():
    for path in [*CORE, *PLUGINS]:
        summary = (ast.get_docstring(parse(path)) or "").partition("\n")[0]
        assert summary.endswith((".", "?")), f"{relative(path)} begins with {summary!r}, which is no sentence"


def test_no_two_classes_have_one_name():
    classes = [
        node.name for path in [*CORE, *PLUGINS] for node in ast.walk(parse(path)) if isinstance(node, ast.ClassDef)
    ]
    assert {name: number for name, number in Counter(classes).items() if number > 1} == {}


def code_lines(path):
    """The number of lines that are neither blank nor part of the module's docstring."""
    first = parse(path).body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    lines = path.read_text("utf-8").splitlines()[first.end_lineno if documented else 0 :]
    return sum(bool(line.strip()) for line in lines)


@pytest.mark.parametrize("path", sorted((ROOT / "plugins" / "lossreg_losses").rglob("[!_]*.py")), ids=lambda p: p.stem)
def test_a_loss_is_a_small_file_with_a_full_docstring(path):
    limit, _ = LONG_LOSSES.get(path.stem, (LOSS_LINES, ""))
    assert code_lines(path) <= limit
    documentation = ast.get_docstring(parse(path))
    for part in ("Shapes: ", "Ranges: ", "Source: ", ">>> ", "value = ", "lope"):
        assert part in documentation, f"{path.stem} has no {part}"
    assert f">>> {path.stem}.at(" in documentation


def test_no_cache_without_a_limit_keeps_kernels():
    # A notebook defines a loss again and again: what is compiled of it goes once there is enough that is newer.
    cached = [
        node
        for path in CORE
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef) and "cache" in map(ast.unparse, node.decorator_list)
    ]
    assert cached
    for node in cached:
        assert not {"form", "function"} & {argument.arg for argument in node.args.args}, node.name
