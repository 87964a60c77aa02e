"""The compiler of kernels: what it uses of numba is in one package, and it changes nothing for others."""

import ast
import errno
import fcntl
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Timer

import numba
import numpy as np
import pytest
from project import PYPROJECT

import lossreg
from lossreg.cli import main
from lossreg.kernels.compiler import cache, options, specialize
from lossreg.kernels.compiler.fingerprint import fingerprint
from lossreg.kernels.compiler.specialize import clone
from lossreg.kernels.drivers.weight_sum import add_weights, compensation

PACKAGE = Path(lossreg.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
PUBLIC = {"numba", "numba.types", "numba.extending"}


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
        part = name.partition(".")[0]
        return module not in PUBLIC and (part in ("core", "np") or "." in name or re.match("_[^_]", part))
    return package in ("llvmlite", "dis", "opcode")


def test_only_the_compiler_imports_private_parts_of_numba_llvmlite_or_bytecode():
    found = {path.relative_to(PACKAGE).parent.as_posix() for path in SOURCES if any(map(is_private, imported(path)))}
    assert found == {"kernels/compiler"}


def test_of_the_compiler_one_module_imports_private_parts_of_numba():
    private = {path.name: [x for x in imported(path) if x.startswith("numba") and is_private(x)] for path in SOURCES}
    assert [name for name, modules in private.items() if modules] == ["numba_api.py"]


def test_only_the_compiler_reads_private_attributes():
    found = {path.relative_to(PACKAGE).parent.as_posix() for path in SOURCES if "SLF001" in path.read_text("utf-8")}
    assert {folder for folder in found if folder.startswith("kernels")} == {"kernels/compiler"}


THIRD_PARTY = """
from lossreg.kernels.numerics import exp, softplus
from lossreg.plugin import Real, Row, Slope, loss

def helper(x):
    return softplus(x) + 1.0

@loss
def third_party(prediction: Real, target: Real):
    return helper(prediction) - target, 1.0

@loss
def weighted(x: Row[Real], slope: Slope, weight: Row[Real] = 1.0) -> float:
    T = type(x[0])
    value = T(0)
    for j in range(len(x)):
        value += weight[j] * exp(x[j])
        slope[j] = weight[j] * exp(x[j])
    return value
"""

USER = """
import json
import re

import numpy as np
from numba import njit
from numba.core.errors import TypingError
from numba.core.registry import cpu_target

import third_party
from lossreg.kernels import numerics


def total(a):
    added = a[0] * 0
    for x in a:
        added += x
    return added


def extremes(a):
    return max(a[0], a[1]) - min(a[0], abs(a[1]))


def store(a):
    a[1] = a[2] / 2
    a[-1] = len(a)
    return a


KERNELS = {
    "item of a float": (lambda x: x[3], 1.5),
    "helper of a plugin": (lambda x: third_party.helper(x), 1.5),
    "helper of lossreg": (lambda x: numerics.softplus(x), 1.5),
    "length of a float": (lambda x: len(x), 1.5),
    "total": (total, np.arange(5.0)),
    "total of short integers": (total, np.arange(5, dtype=np.int16)),
    "extremes": (extremes, np.array([1.5, -2.5], np.float32)),
    "store": (store, np.arange(6.0)),
    "slice": (lambda a: a[1:].sum() + a.max(), np.arange(7.0)),
    "tuple": (lambda a: (a[0], a[1])[1] > a[0], np.arange(7)),
    "operators": (lambda x: (-x * x + x / 3 - 1 <= x) & (x != 2), 1.5),
}


def anonymous(code):
    # Names say how many functions were compiled before, and so does their length. Some have addresses.
    return re.sub(r"\\[\\d+ x i8\\]", "[N x i8]", re.sub(r"B\\d+v\\d+|0x[0-9a-f]+|pickle(data|buf).\\d+", "V", code))


def outcomes():
    found = {}
    for name, (function, argument) in KERNELS.items():
        compiled = njit(function)
        try:
            result = compiled(np.copy(argument) if isinstance(argument, np.ndarray) else argument)
        except TypingError:
            found[name] = "TypingError"
        else:
            (code,) = compiled.inspect_llvm().values()
            found[name] = np.asarray(result).tolist(), str(compiled.nopython_signatures), anonymous(code)
    return found


def templates():
    return {key: found.templates for key, found in context._globals.items() if hasattr(found, "templates")}


context = cpu_target.typing_context
before = outcomes()
known = templates()

import lossreg

vectors = np.linspace(0.1, 0.9, 20).reshape(4, 5).astype(np.float32)
labels = np.array([0, 1, 2, 3])
log_probs = np.log(np.full((3, 2, 5), 0.2))
for name, *inputs in (
    ("huber", vectors, vectors),
    ("bce_with_logits", vectors, vectors),
    ("cross_entropy", vectors, labels),
    ("cross_entropy", np.ones((4, 100)), labels),
    ("ctc", log_probs, np.array([[1], [2]]), np.array([3, 3]), np.array([1, 1])),
    ("triplet_margin_with_distance", vectors, vectors, vectors),
    (third_party.third_party, vectors, vectors),
    (third_party.weighted, vectors),
):
    lossreg.create(name).value_and_grad(*inputs)

after = outcomes()
assert after == before, [name for name in before if before[name] != after[name]]
assert {key: found for key, found in templates().items() if key in known} == known
print(json.dumps(after))
"""


@pytest.mark.slow  # 17 s of processor time
def test_what_lossreg_compiles_changes_nothing_for_other_code(tmp_path):
    tmp_path.joinpath("third_party.py").write_text(THIRD_PARTY, "utf-8")
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    shown = []
    for _ in ("a cold cache", "a warm one"):
        result = subprocess.run(
            [sys.executable, "-c", USER], env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        shown.append(json.loads(result.stdout))
    assert shown[0] == shown[1]
    refused = {name for name, outcome in shown[0].items() if outcome == "TypingError"}
    assert refused == {"item of a float", "helper of a plugin", "helper of lossreg", "length of a float"}
    assert shown[0]["total"][0] == 10


# numba's own compiler in the place of lossreg's

STOCK = """
import json
import sys

import numpy as np

import lossreg
from lossreg.kernels.compiler.options import is_stock

random = np.random.default_rng(2)
rows, others = random.normal(size=(2, 20, 5))
labels = random.integers(0, 5, 20)
log_probs = np.log(random.dirichlet(np.ones(5), size=(6, 3)))
calls = {
    "huber": [rows, others],
    "bce_with_logits": [rows, random.uniform(size=(20, 5))],
    "cross_entropy": [rows, labels],
    "cross_entropy, weights": [rows, labels],
    "multilabel_margin": [rows, np.where(np.arange(5) < 2, labels[:, None] * np.array([1, 0, 0, 0, 0]), -1)],
    "ctc": [log_probs, random.integers(1, 5, (3, 2)), np.full(3, 6), np.full(3, 2)],
    "triplet_margin_with_distance": [rows, others, random.normal(size=(20, 5))],
}
found = {}
for name, inputs in calls.items():
    parameters = {"weight": [1.0, 2.0, 0.0, 0.5, 1.0]} if name.endswith("weights") else {}
    value, grads = lossreg.create(name.partition(",")[0], **parameters).value_and_grad(*inputs)
    found[name] = [float(value), np.asarray(grads).ravel().tolist()]
print(json.dumps([is_stock(), found]))
"""


def run(code, folder, **changes):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder), **changes}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow  # 27 s of processor time
def test_numbas_own_compiler_gives_the_same_results_but_for_rounding(tmp_path):
    results = [run(STOCK, tmp_path, LOSSREG_COMPILER=choice) for choice in ("", "stock")]
    assert [result.stderr for result in results] == ["", ""]
    (stock, own), (stock_too, other) = (json.loads(result.stdout) for result in results)
    assert (stock, stock_too) == (False, True)
    for name, (value, grads) in own.items():
        assert other[name][0] == pytest.approx(value, rel=1e-14), name
        np.testing.assert_allclose(other[name][1], grads, rtol=1e-12, atol=1e-15, err_msg=name)


VERSION = """
import numba

numba.__version__ = {version!r}
from lossreg.kernels.compiler.options import is_stock

print(is_stock())
"""


@pytest.mark.parametrize(
    ("given", "version", "stock", "said"),
    [
        ("", "0.62.0", False, ""),
        ("", "0.68.1rc1", False, ""),
        ("", "0.61.2", True, "tested with numba 0.62 to 0.68, and numba 0.61.2 is installed"),
        ("", "0.69.0", True, "tested with numba 0.62 to 0.68, and numba 0.69.0 is installed"),
        ("lossreg", "1.0.0", False, ""),
        ("stock", "0.68.1", True, ""),
        ("fast", "0.68.1", None, "LOSSREG_COMPILER: expected 'lossreg' or 'stock', got 'fast'"),
    ],
)
def test_the_environment_chooses_the_compiler_and_an_unknown_numba_has_its_own(given, version, stock, said, tmp_path):
    result = run(VERSION.format(version=version), tmp_path, LOSSREG_COMPILER=given)
    assert result.stdout.strip() == ("" if stock is None else str(stock))
    assert said in result.stderr
    assert bool(said) == bool(result.stderr)


def test_the_versions_of_numba_are_those_of_the_projects_metadata():
    (required,) = (each for each in PYPROJECT["project"]["dependencies"] if each.startswith("numba"))
    assert required == "numba>={}.{},<{}.{}".format(*options.NUMBA_FROM, *options.NUMBA_BELOW)


# The cache on disk


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where this process keeps what it compiles, from now on."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    numba.config.reload_config()
    yield tmp_path
    monkeypatch.undo()
    numba.config.reload_config()


def count(kind=np.int64, name="count"):
    """How many of four labels are not the one to ignore, counted by a new loop, and whether its code was on disk."""
    loop = clone(add_weights, f"{name}_{fingerprint(name)}", {}, compensation)
    number, _ = loop(None, None, np.array([1, 2, 3, 2], kind), None, np.array([0.0, 0.0, 1.0]), np.array([3, 4, 4, 0]))
    hits = sum(loop.stats.cache_hits.values())
    assert hits + sum(loop.stats.cache_misses.values()) == 1
    return number, bool(hits)


def files(folder, ending):
    return sorted(folder.rglob(f"*{ending}"))


DAMAGES = {
    "truncated": lambda content, _: content[:-1],
    "empty": lambda *_: b"",
    "changed": lambda content, _: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
    "another's": lambda _, other: other,
    "of something else": lambda *_: pickle.dumps(("0.0", [])),
}


@pytest.mark.parametrize(
    "damage", ["changed", *(pytest.param(damage, marks=pytest.mark.slow) for damage in DAMAGES if damage != "changed")]
)  # 1.4 s of processor time each
@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
def test_a_damaged_file_of_the_cache_counts_as_not_there(damage, ending, folder):
    assert count() == count(np.int32) == count(name="other") == (3.0, False)
    mine = [path for path in files(folder, ending) if "other" not in path.name]
    (other,) = set(files(folder, ending)) - set(mine)
    contents = [path.read_bytes() for path in mine]
    others = [other.read_bytes()] if ending == ".nbi" else contents[::-1]  # the code for other types
    for path, content, swapped in zip(mine, contents, others, strict=True):
        path.write_bytes(DAMAGES[damage](content, swapped))
    assert count() == count(np.int32) == (3.0, False)
    assert count() == count(np.int32) == count(name="other") == (3.0, True)


def test_on_a_full_disk_a_loop_runs_all_the_same_with_a_warning(folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cache.CheckedFiles, "_open_for_write", full)
    cache.warn_of_no_cache.cache_clear()
    with pytest.warns(RuntimeWarning, match="cannot be saved to .*: No space left on device; every process compiles"):
        assert count() == (3.0, False)
    monkeypatch.undo()
    assert not files(folder, ".nbi") + files(folder, ".nbc")


def test_a_process_that_waits_for_another_to_compile_says_so(folder, monkeypatch):
    assert count(name="first") == (3.0, False)
    (lock,) = files(folder, ".lock")
    monkeypatch.setattr(specialize, "LOCK_ATTEMPTS", 2)
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = Timer(0.2, fcntl.flock, (held, fcntl.LOCK_UN))
        waiting.start()
        with pytest.warns(RuntimeWarning, match=f"waiting for another process, .* lock {re.escape(str(lock))}"):
            assert count(name="first") == (3.0, True)
        waiting.join()


@pytest.fixture
def crowded(folder):
    """A cache of one loop, beside which lies what an older lossreg, Python and others have left."""
    assert count() == (3.0, False)
    place = files(folder, ".nbc")[0].parent
    old = [path.with_name(re.sub("[0-9a-f]{24}", "0" * 24, path.name)) for path in place.iterdir()]
    old += [place / "scalar.rows_nll_float32_0123456789abcdef-92.py311.nbi", files(folder, ".nbc")[0]]
    old[-1] = place / f"{old[-1].name}.tmp.0123"
    others = [place / "scalar.cpython-311.pyc", place / "notes.txt", folder / "theirs" / "f-1.py311.nbi"]
    others[-1].parent.mkdir()
    for path in old + others:
        path.write_text("12345")
    return {"new": [path for path in place.iterdir() if path not in old + others], "old": old, "others": others}


def test_only_files_of_lossregs_loops_are_found_and_cleared(crowded):
    found = cache.cached_files()
    assert {file.path for file in found} == {*crowded["new"], *crowded["old"]}
    stale = [file for file in found if file.stale]
    assert {file.path for file in stale} == set(crowded["old"])
    assert {file.size for file in stale} == {5}
    cache.clear(stale)
    assert cache.cached_files() == [file for file in found if not file.stale]
    assert count() == (3.0, True)
    cache.clear(cache.cached_files())
    assert [path for group in crowded.values() for path in group if path.exists()] == crowded["others"]


def test_the_command_shows_and_clears_the_cache(crowded, capsys):
    def printed(*arguments):
        with pytest.raises(SystemExit, match="0"):
            main(["cache", *arguments])
        return capsys.readouterr().out

    place = crowded["new"][0].parent
    assert re.fullmatch(
        rf"state    loops    size\ncurrent      1  0\.\d MB\nstale        1  0\.0 MB\n{place}\n", printed()
    )
    assert printed("--stale") == f"state  loops    size\nstale      1  0.0 MB\n{place}\n"
    assert printed("--clear", "--stale") == "deleted 1 compiled loop, 0.0 MB\n"
    assert re.fullmatch(r"deleted 1 compiled loop, 0\.\d MB\n", printed("--clear"))
    assert printed("--clear") == "deleted 0 compiled loops, 0.0 MB\n"


EDITED = """
import numpy as np

import lossreg
from lossreg.kernels.compiler.compile_events import compilations

with compilations() as compiled:
    assert lossreg.create("mse")(np.ones(3), np.zeros(3)) == 1
print(len(compiled))
"""


@pytest.mark.slow  # 32 s of processor time
def test_an_edit_in_any_package_of_the_kernels_recompiles(tmp_path):
    copy = tmp_path / "lossreg"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))

    def compiled():
        result = run(EDITED, tmp_path, PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1")
        assert result.returncode == 0, result.stderr
        return int(result.stdout)

    assert (compiled(), compiled()) == (1, 0)
    packages = sorted(path for path in copy.joinpath("kernels").iterdir() if path.is_dir())
    assert len(packages) == 8
    for package in packages:
        file = max(package.glob("*.py"))
        file.write_text(file.read_text("utf-8") + "\n# edited\n", "utf-8")
        assert (compiled(), compiled()) == (1, 0), package.name
