"""The kernels: loops found again on disk, edits noticed, vector instructions, threads, slabs and memory."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tracemalloc
from itertools import product
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from catalogue import CATALOGUE
from hypothesis import given, settings, strategies as st
from numba.core.runtime import _nrt_python as runtime, rtsys

import lossreg
from lossreg.errors import InvalidDefinition, InvalidParameter
from lossreg.kernels.compiler.fingerprint import fingerprint
from lossreg.kernels.drivers import compiled_loops
from lossreg.kernels.drivers.block_loop import BlockLoop
from lossreg.kernels.drivers.optimizer_update import compile_update
from lossreg.kernels.drivers.slabs import LARGEST_SAMPLE, SLAB, slabs, slabs_of_samples
from lossreg.kernels.numerics.stable import empty_like, exp

RANDOM = np.random.default_rng(3)

# The cache, and edits. Every run is a process of its own, with a cache of its own.

HELPER = """
FACTOR = 3.0

def grow(x):
    return x * 1.0
"""

PLUGIN = """
from lossreg.plugin import Real, loss
from helper import grow
import helper

OFFSET = 5.0

def twice(x):
    return 2.0 * x

@loss
def made(prediction: Real, target: Real, *, odd: bool = False):
    error = prediction - target
    value = grow(twice(error)) * helper.FACTOR + OFFSET
    return value + 100.0 if odd else value, 1.0
"""

WATCH = """
from lossreg.kernels.drivers import compiled_loops

loops, clone = [], compiled_loops.clone
compiled_loops.clone = lambda *arguments: loops.append(clone(*arguments)) or loops[-1]  # all that is made from now on
"""

RUN = f"""
import sys
import numpy as np
import lossreg
from plugin import made
{WATCH}
criterion = lossreg.create(made, reduction="sum", **eval(sys.argv[1]))
print(float(criterion.value_and_grad(np.array([1.0, 2.0]), np.zeros(2))[0]))
stats = [loop.stats for loop in loops]
print(sum(sum(s.cache_hits.values()) for s in stats), sum(sum(s.cache_misses.values()) for s in stats))
"""


@pytest.fixture
def run(tmp_path):
    """Run the plugin in a new process, after edits; gives the sum, the cache's hits and its misses."""
    tmp_path.joinpath("helper.py").write_text(HELPER, "utf-8")
    tmp_path.joinpath("plugin.py").write_text(PLUGIN, "utf-8")

    def edit_and_run(edits=(), parameters="{}"):
        for file, old, new in edits:
            path = tmp_path / file
            text = path.read_text("utf-8")
            assert old in text
            path.write_text(text.replace(old, new), "utf-8")
        environment = {
            "PYTHONPATH": str(tmp_path),
            "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        result = subprocess.run(
            [sys.executable, "-c", RUN, parameters],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **environment},
        )
        assert result.returncode == 0, result.stderr
        total, hits, misses = result.stdout.split()
        return float(total), int(hits), int(misses)

    return edit_and_run


@pytest.mark.slow  # 17 s of processor time
def test_a_driver_is_found_on_disk_by_the_next_process_until_something_is_edited(run):
    assert run() == (28.0, 0, 1)  # the sum over 1 and 2 of 6 e + 5
    assert run() == (28.0, 1, 0)
    kernel_and_its_constant = [
        ("plugin.py", "prediction - target", "prediction + target + 1.0"),
        ("plugin.py", "OFFSET = 5.0", "OFFSET = 6.0"),
    ]
    assert run(kernel_and_its_constant) == (42.0, 0, 1)
    elsewhere = [("helper.py", "x * 1.0", "x * 2.0")]
    assert run(elsewhere) == (72.0, 0, 1)
    constant_elsewhere = [("helper.py", "FACTOR = 3.0", "FACTOR = 1.0")]
    assert run(constant_elsewhere) == (32.0, 0, 1)
    assert run(parameters="{'odd': True}") == (232.0, 0, 1)
    assert run() == (32.0, 1, 0)


def make(source, **names):
    """The function that a source defines last."""
    space = dict(names)
    exec(dedent(source), space)  # noqa: S102
    return [value for value in space.values() if callable(value)][-1]


AUTHORED = """
import sys
import numpy as np
import lossreg
from authored import checked

row = np.array([[1.0, 2.0, 3.0]])
print(float(lossreg.create(checked)(row)), float(lossreg.create(checked)(-row)))
"""


@pytest.mark.slow  # 4 s of processor time
def test_what_authors_write_in_a_kernel_compiles_and_is_found_on_disk_by_the_next_process(tmp_path):
    Path(tmp_path, "authored.py").write_text(
        dedent("""
            from lossreg.plugin import Real, Row, Slope, loss
            def doubled(x):
                return 2.0 * x
            @loss
            def checked(x: Row[Real], slope: Slope) -> float:
                weights = [1.0 / (c + 1) for c in range(len(x))]
                def part(c):
                    return doubled(weights[c] * x[c])
                value, low = 0.0, min(x[0], x[1])
                for c, weight in enumerate(weights):
                    value += part(c)
                    slope[c] = 2.0 * weight
                return value if low > -1.5 else -value
        """),
        "utf-8",
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(tmp_path)}
    outputs = [
        subprocess.run(
            [sys.executable, "-c", AUTHORED], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert outputs == ["6.0 6.0\n"] * 2


MAKING = """
def twice(row):
    return row * type(row[0])(2)

def first(row, count):
    return row[:count]

def kernel(row: Row[Real], slope: Slope) -> float:
    T = type(row[0])
    value = T(0)
    {}
    for j in range(len(row)):
        slope[j] = T(2)
        value += made[j]
    return value
"""
MADE = {
    "made = row * T(2)": True,
    "made = np.full_like(row, row[0])": True,
    "made = row[row == row]": True,
    "slope[:] = row; slope[1:] = slope[:-1]; made = slope": True,
    "made = twice(row)": True,
    "made = first(row, len(row))": False,
    "made = row": False,
}
"""Whether memory is taken for it."""


LONG = "slope[:] = row; slope[1:] = slope[:-1]; made = slope"  # 5 s of processor time


@pytest.mark.parametrize(
    ("step", "takes"), [pytest.param(*made, marks=[pytest.mark.slow] * (made[0] == LONG)) for made in MADE.items()]
)
def test_a_kernel_may_make_arrays_which_are_freed(step, takes):
    names = {name: getattr(lossreg.plugin, name) for name in ("Row", "Real", "Slope")}
    kernel = make(MAKING.format(step), np=np, __name__="made", **names)
    rows = RANDOM.normal(size=(50, 3))
    expected = [kernel(row, np.empty(3)) for row in rows]
    criterion = lossreg.create(lossreg.plugin.loss(kernel), reduction="none")
    criterion.value_and_grad(rows)
    runtime.memsys_enable_stats()
    try:
        before = rtsys.get_allocation_stats()
        found, slope = criterion.value_and_grad(rows)
        after = rtsys.get_allocation_stats()
    finally:
        runtime.memsys_disable_stats()
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_array_equal(slope, np.full((50, 3), 2.0))
    assert after.alloc - before.alloc == after.free - before.free
    assert (after.alloc > before.alloc) == takes


ROWS = [
    ("cosine_embedding", {}, [np.ones(1)]),
    ("triplet_margin", {"swap": True}, []),
    ("triplet_margin_with_distance", {"distance_function": "cosine"}, []),
    ("triplet_margin_with_distance", {"distance_function": "squared_euclidean"}, []),
    ("multi_margin", {}, [np.array([1])]),
    ("multilabel_soft_margin", {}, []),
]


@pytest.mark.parametrize(
    ("name", "parameters", "more"),
    # The distances of triplets take 2 s of processor time each.
    [pytest.param(*row, marks=[pytest.mark.slow] * row[0].startswith("triplet")) for row in ROWS],
    ids=lambda given: str(given)[:40],
)
@pytest.mark.parametrize("kind", ["float32", pytest.param("float64", marks=pytest.mark.slow)])  # 5 s each
@pytest.mark.parametrize("size", [5, pytest.param(12, marks=pytest.mark.slow)])
def test_bits_do_not_depend_on_how_close_arrays_are(name, parameters, more, kind, size):
    rows = {"triplet_margin": 3, "triplet_margin_with_distance": 3, "cosine_embedding": 2, "multi_margin": 1}.get(
        name, 2
    )
    criterion = lossreg.create(name, **parameters)
    for _ in range(40):
        memory, far = np.zeros((2, 1, size), kind), np.zeros((1, size), kind)
        memory[0] = RANDOM.uniform(size=size)
        inputs = [memory[0], *RANDOM.uniform(size=(rows - 1, 1, size)).astype(kind), *more]
        graded = rows - (name == "multilabel_soft_margin")
        outs = [tuple(np.zeros((graded - 1, 1, size), kind)) for _ in range(2)]
        near, apart = ((first, *out) if out else first for first, out in zip((memory[1], far), outs, strict=True))
        assert criterion.value_and_grad(*inputs, out=near)[0] == criterion.value_and_grad(*inputs, out=apart)[0]
        np.testing.assert_array_equal(near, apart)


@pytest.mark.slow  # 4 s of processor time
@pytest.mark.parametrize("distance", ["euclidean", "squared_euclidean", "cosine"])
def test_bits_do_not_depend_on_where_a_thread_allocates_scratch(distance):
    rows = RANDOM.normal(size=(3, 100_000, 12)).astype(np.float32)
    criterion = lossreg.create("triplet_margin_with_distance", distance_function=distance, swap=True)
    before = lossreg.get_num_threads()
    try:
        found = []
        for threads in (1, 2):
            lossreg.set_num_threads(threads)
            found.append(criterion.grad(*rows))
    finally:
        lossreg.set_num_threads(before)
    np.testing.assert_array_equal(*found)


@pytest.mark.slow  # 3 s of processor time
def test_a_kernel_with_a_buffer_of_its_own_takes_short_rows_and_channels_first_rows():
    def roomy(
        x1: lossreg.plugin.Row[lossreg.plugin.Real],
        x2: lossreg.plugin.Row[lossreg.plugin.Real],
        slope1: lossreg.plugin.Slope,
        slope2: lossreg.plugin.Slope,
    ):
        spared, value = empty_like(x1), x1[0] * 0
        for j in range(len(x1)):
            spared[j] = exp(x1[j] - x2[j])
        for j in range(len(x1)):
            value += spared[j]
            slope1[j], slope2[j] = spared[j], -spared[j]
        return value

    criterion = lossreg.create(lossreg.plugin.loss(roomy), reduction="none")
    for width in (4, 40):
        rows = RANDOM.normal(size=(2, 5, 3, width))
        for laid in (rows, np.ascontiguousarray(rows.swapaxes(2, 3)).swapaxes(2, 3)):
            value, (slope, _) = criterion.value_and_grad(*laid)
            np.testing.assert_allclose(slope, np.exp(rows[0] - rows[1]), rtol=1e-14)
            np.testing.assert_allclose(value, np.exp(rows[0] - rows[1]).sum(-1), rtol=1e-14)
    across = np.moveaxis(np.ones((4, 3, 7)), 1, -1)
    assert lossreg.create("triplet_margin_with_distance")(across, across, across) == 1


def by_arithmetic(a, b, c, d, e):
    """Five slopes, of which the last is a constant."""
    return a * b + c * d * d + e, b, a, d * d, 2 * c * d, 1.0


def by_exponential(a, b, c, d, e):
    """The same slopes beside an exponential, for which several elements are computed at a time."""
    return a * b + c * d * d + e + exp(a - a), b, a, d * d, 2 * c * d, 1.0


@pytest.mark.parametrize("kernel", [by_arithmetic, by_exponential])
@pytest.mark.parametrize("kind", ["float32", pytest.param("float64", marks=pytest.mark.slow)])  # 6 s each
@pytest.mark.parametrize(
    "wrt", ["abcde", *(pytest.param(names, marks=pytest.mark.slow) for names in ("e", "bd", "dc"))]
)
def test_a_kernel_by_element_has_as_many_slopes_as_inputs(kernel, kind, wrt):
    kernel.__annotations__ = dict.fromkeys("abcde", lossreg.plugin.Real)
    inputs = RANDOM.normal(size=(5, 2, 2049)).astype(kind)
    a, b, c, d, _ = inputs
    expected = dict(zip("abcde", (b, a, d * d, 2 * c * d, np.ones_like(a)), strict=True))
    criterion = lossreg.create(lossreg.plugin.loss(kernel), reduction="none")
    value, grads = criterion.value_and_grad(*inputs, wrt=tuple(wrt))
    np.testing.assert_array_equal(value, criterion(*inputs))
    for name, grad in zip(wrt, grads if len(wrt) > 1 else [grads], strict=True):
        np.testing.assert_array_equal(grad, expected[name])


@pytest.mark.parametrize("states", range(6))
def test_an_optimizer_has_as_many_states_as_it_declares(states):
    names = [f"s{at}" for at in range(states)]
    new = ", ".join(f"{name} + {at + 1} * grad" for at, name in enumerate(names))
    arguments = ", ".join(f"{name}: Real" for name in ("weight", "grad", "step", *names))
    rule = make(
        f"def rule({arguments}, *, lr: Positive = 0.5): return (weight - lr * grad, {new})",
        Real=lossreg.plugin.Real,
        Positive=lossreg.plugin.Positive,
        __name__="rules",
    )
    rule.__annotations__["return"] = tuple[(float,) * (1 + states)]
    update = compile_update(lossreg.plugin.optimizer(rule), {"lr": 0.5})
    weights, grads = np.zeros(5, np.float32), np.arange(5, dtype=np.float32)
    stored = tuple(np.zeros(5, np.float32) for _ in names)
    for step in (1, 2, 3):
        update(weights, grads, stored, step, 1.0)
    np.testing.assert_array_equal(weights, -1.5 * grads)
    for at, state in enumerate(stored):
        np.testing.assert_array_equal(state, 3 * (at + 1) * grads)


def test_a_fingerprint_goes_by_what_decides_the_code():
    prints = [
        fingerprint(make("def f(x): return x + 1.0")),
        fingerprint(make("def f(x): return x + 2.0")),
        fingerprint(make("def f(x): return x - 1.0")),
        fingerprint(make("def f(x): return x + A", A=1.0)),
        fingerprint(make("def f(x): return x + A", A=2.0)),
        fingerprint(make("def f(x): return x + 1.0"), "float32"),
        fingerprint(make("def f(x): return (lambda y: y + 1.0)(x)")),
        fingerprint(make("def f(x): return (lambda y: y + 2.0)(x)")),
        fingerprint(make("def f(x, b=1.0): return x + b")),
        fingerprint(make("def f(x, b=2.0): return x + b")),
        fingerprint(make("def f(x, *, b=2.0): return x + b")),
        fingerprint(make("def f(x, *, b=3.0): return x + b")),
        fingerprint(make("def f(x): return x + A", A=np.float32(1))),
        fingerprint(make("def f(x): return x + A", A=np.float32(2))),
        fingerprint(make("def f(x): return x + A[0]", A=np.ones(2))),
        fingerprint(make("def f(x): return x + A[0]", A=np.zeros(2))),
    ]
    assert len(set(prints)) == len(prints)
    assert fingerprint(make("def f(x): return x + 1.0")) == prints[0]


def test_a_kernel_that_does_not_compile_is_its_authors_error_in_a_few_lines():
    def broken(prediction: lossreg.plugin.Real, target: lossreg.plugin.Real):
        return float(len(prediction.hex())) if prediction > target else 0.0, 1.0

    with pytest.raises(InvalidDefinition) as caught:
        lossreg.create(lossreg.plugin.loss(broken)).value_and_grad([1.0], [2.0])
    assert str(caught.value).startswith("broken: the kernel does not compile:")
    assert "hex" in str(caught.value)
    assert len(str(caught.value).splitlines()) < 12


@pytest.mark.slow  # 3 s of processor time
def test_where_nothing_can_be_cached_a_loss_is_compiled_all_the_same_with_one_warning(tmp_path):
    shutil.copytree(Path(lossreg.__file__).parent, tmp_path / "lossreg", ignore=shutil.ignore_patterns("__pycache__"))
    for package in tmp_path.joinpath("lossreg", "kernels").glob("*/"):
        package.joinpath("__pycache__").touch()  # not even root can write into a file
    nowhere = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"), str(tmp_path / "lossreg" / "__init__.py"))
    code = """
        import lossreg
        huber = lossreg.create("huber")
        print(huber([1.0], [2.0]), huber.value_and_grad([1.0], [2.0])[0])
    """
    result = subprocess.run(
        [sys.executable, "-c", dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,  # whose lossreg comes before the installed one
        env={**os.environ, **nowhere, "NUMBA_CACHE_DIR": "", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert result.stdout == "0.5 0.5\n", result.stderr
    assert result.stderr.count("NUMBA_CACHE_DIR to one") == 1


# Vector instructions

# numba shows the code of what it has compiled itself, and not of what it finds on disk: hence a cache of its own.
SHOW = f"""
import json
import sys
import numpy as np
import lossreg
{WATCH}
shown = {{}}
for name in sys.argv[1:]:
    form = lossreg.get(name).forms[0]
    for real in (np.float32, np.float64):
        numbers = [0.5 if entry.domain.contains(0.5) else entry.domain.example for entry in form.inputs]
        inputs = [np.full((8, 8), number, real) for number in numbers]
        if form.by_row:
            inputs[1] = np.zeros(8, int)
        loops.clear()
        lossreg.create(name).value_and_grad(*inputs)
        (code,) = [code for loop in loops for code in loop.inspect_asm().values()]
        shown[f"{{name}} {{real.__name__}}"] = code
print(json.dumps(shown))
"""
X86 = {
    "float32": r"\b(?:v?(?:add|sub|mul)|vfn?m\w+?)(p|s)s\b",
    "float64": r"\b(?:v?(?:add|sub|mul)|vfn?m\w+?)(p|s)d\b",
}
ARM = {"float32": r"\bfm\w+\s+(v(?=\d+\.4s)|s)\d+", "float64": r"\bfm\w+\s+(v(?=\d+\.2d)|d)\d+"}
"""The arithmetic instructions of a type; the group is p or v for those of vectors."""
BY_NUMBER = re.compile(r"\b(expf?|logf?|log1pf?|expm1f?)\b")


FORMS = {name: lossreg.get(name).forms[0] for name in lossreg.names()}
BY_ELEMENT = [name for name, form in FORMS.items() if not (form.by_row or form.by_batch)]


@pytest.mark.parametrize(
    "names",
    [
        # 9 s of processor time; CI has it with the lowest versions
        pytest.param(["huber", "bce_with_logits", "cross_entropy"], marks=pytest.mark.slow),
        # 20 s of processor time, and 150 s
        pytest.param([name for name in BY_ELEMENT if name not in CATALOGUE], marks=pytest.mark.slow),
        pytest.param([name for name in BY_ELEMENT if name in CATALOGUE], marks=pytest.mark.exhaustive),
    ],
    ids=["some", "pytorch", "others"],
)
def test_a_drivers_code_has_vector_instructions_and_calls_no_libm(tmp_path, names):
    result = subprocess.run(
        [sys.executable, "-c", SHOW, *names],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
    )
    assert result.returncode == 0, result.stderr
    arithmetic = ARM if platform.machine() in ("arm64", "aarch64") else X86
    shown = json.loads(result.stdout)
    assert {key.split()[0] for key in shown} == {*names}
    assert len(names) >= 3
    for key, code in shown.items():
        found = re.findall(arithmetic[key.split()[1]], code)
        vectors = sum(letter in "pv" for letter in found)
        assert vectors > len(found) / 2, f"{key}: {vectors} of {len(found)} instructions are of vectors"
        calls = [line for line in code.splitlines() if re.search(r"\b(call|bl)\b", line) and BY_NUMBER.search(line)]
        assert not calls, f"{key} calls {calls[0]}"


# Threads and slabs


@pytest.fixture
def threads():
    """Sets the number of threads, and sets it back."""
    before = lossreg.get_num_threads()
    yield lossreg.set_num_threads
    lossreg.set_num_threads(before)


@pytest.mark.parametrize("name", ["huber", "cross_entropy", "cosine_embedding"])
@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("width", [101, 11])
def test_any_number_of_threads_gives_the_same_bits(name, reduction, width, threads, monkeypatch):
    monkeypatch.setattr("lossreg.kernels.drivers.threads.WORK", 4096)
    first, second = RANDOM.normal(size=(2, 3001, width)).astype(np.float32)
    others = {"cross_entropy": [RANDOM.integers(0, width, 3001)], "cosine_embedding": [second, np.ones(3001)]}
    inputs = [first, *others.get(name, [second])]
    results = []
    for number in (1, 2, 3, 7):
        threads(number)
        criterion = lossreg.create(name, reduction=reduction)
        for _ in range(3):  # the third goes the way that the second has found
            value, grads = criterion.value_and_grad(*inputs)
            results.append((np.asarray(value).tobytes(), np.asarray(grads).tobytes()))
    assert len(set(results)) == 1


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "parameters"),
    [("mse", {"weight": 3 / 16}), ("huber", {"weight": 0.3, "delta": 0.7}), ("bce_with_logits", {"pos_weight": 0.3})],
)
def test_equal_elements_have_the_same_bits_wherever_they_stand(name, parameters, kind):
    for size in (*range(1, 40), 2049, 2054):
        first, second = np.zeros(size, kind), np.full(size, 0.85 if "bce" in name else 8.5, kind)
        for reduction in ("mean", "none"):
            criterion = lossreg.create(name, reduction=reduction, **parameters)
            value, grad = criterion.value_and_grad(first, second)
            assert len(set(np.ravel(value))) == len(set(grad)) == 1


@pytest.mark.parametrize("number", [0, -1, 1.5, "2", None])
def test_a_number_of_threads_is_a_whole_number_from_one(number):
    with pytest.raises(InvalidParameter, match=r"^number of threads: expected a whole number from 1, got"):
        lossreg.set_num_threads(number)


@pytest.mark.parametrize(("given_here", "expected"), [("3", "3"), ("", None), ("0", "error"), ("many", "error")])
def test_the_environment_says_how_many_threads(given_here, expected):
    code = "import lossreg\nprint(lossreg.get_num_threads())"
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LOSSREG_NUM_THREADS": given_here},
    )
    if expected == "error":
        assert f"LOSSREG_NUM_THREADS: expected a whole number from 1, got {given_here!r}" in result.stderr
    else:
        assert result.stdout.strip() == (expected or str(len(os.sched_getaffinity(0))))


@settings(deadline=None)
@given(st.lists(st.integers(0, 7), max_size=4).map(tuple), st.integers(1, 40))
def test_slabs_cover_a_shape_in_order_and_are_small(shape, limit):
    numbers = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    parts = [numbers[slab] for slab in slabs(shape, limit)]
    assert all(part.size <= limit for part in parts)
    covered = [number for part in parts for number in np.ravel(part).tolist()]
    assert covered == list(range(numbers.size))


@settings(deadline=None)
@given(st.lists(st.integers(1, 7), min_size=2, max_size=4).map(tuple), st.integers(1, 40))
def test_slabs_of_samples_cover_a_shape_in_order(shape, limit):
    numbers = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    parts = [numbers[slab] for slab in slabs_of_samples(shape, limit)]
    row = numbers[0, 0].size  # what is not divided
    assert all(part.size <= max(limit * LARGEST_SAMPLE, row) for part in parts)
    assert [number for part in parts for number in np.ravel(part).tolist()] == list(range(numbers.size))


def peak(function):
    """The most memory that a call takes, in bytes, after a first call that compiles and a second that finds its way."""
    for _ in range(2):
        function()
    tracemalloc.start()
    function()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.parametrize(("name", "shape"), [("huber", (1_200_000,)), ("cross_entropy", (10_000, 100))])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_contiguous_arrays_take_no_memory_beyond_the_result(name, shape, reduction):
    first = RANDOM.normal(size=shape).astype(np.float32)
    second = np.zeros(shape[0], np.int64) if name == "cross_entropy" else np.zeros_like(first)
    criterion, out = lossreg.create(name, reduction=reduction), np.empty_like(first)
    values = second.size * 4 if reduction == "none" else 0
    blocks = first.size // 2048 * 8
    assert peak(lambda: criterion.value_and_grad(first, second, out=out)) < values + blocks + 30_000


@pytest.mark.parametrize("layout", ["float16", "strided", "byte order", "class axis", "integers"])
def test_what_is_converted_takes_a_few_slabs(layout, threads):
    threads(1)
    target = np.zeros((1000, 1000), np.float32)
    prediction = {
        "float16": lambda: target.astype(np.float16),
        "strided": lambda: np.zeros((1000, 2000), np.float32)[:, ::2],
        "byte order": lambda: target.astype(">f4"),
        "integers": lambda: np.zeros((1000, 1000), np.int8),
        "class axis": lambda: np.zeros((10, 100, 1000), np.float32),
    }[layout]()
    name = "cross_entropy" if layout == "class axis" else "mse"
    second = np.zeros((10, 1000), np.int32) if layout == "class axis" else target
    criterion = lossreg.create(name)
    assert peak(lambda: criterion(prediction, second)) < 6 * SLAB * 8


@pytest.mark.parametrize(("weighted", "masked"), list(product([False, True], repeat=2)))
def test_each_combination_of_weights_and_masks_has_a_driver(weighted, masked):
    prediction = np.arange(6.0)
    options = {}
    if weighted:
        options["sample_weight"] = [1, 2, 1, 2, 1, 2]
    if masked:
        options["where"] = [True, True, True, False, False, False]
    counts = np.array(options.get("sample_weight", [1] * 6)) * np.array(options.get("where", [True] * 6))
    value = lossreg.create("l1", reduction="sum")(prediction, np.zeros(6), **options)
    assert value == (counts * prediction).sum()


def test_a_kind_of_call_is_compiled_once(monkeypatch):
    made, clone = [], compiled_loops.clone
    monkeypatch.setattr(compiled_loops, "clone", lambda *given: made.append(clone(*given)) or made[-1])

    @lossreg.plugin.loss
    def twice_the_error(prediction: lossreg.plugin.Real, target: lossreg.plugin.Real):
        T = type(prediction)
        return T(2) * (prediction - target), T(2)

    criterion = lossreg.create(twice_the_error)
    for arrays in (np.ones((2, 5)), np.zeros((2, 5, 1)), np.ones((2, 7))):
        for _ in range(3):
            criterion.value_and_grad(*arrays)
            criterion(*arrays)
    assert [len(function.overloads) for function in made] == [2]


TOGETHER = """
import sys, time
from pathlib import Path
import numpy as np
from numba.core import caching
from lossreg.kernels.drivers.weight_sum import WeightSum

name, other, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
index, data = caching.IndexDataCacheFile._save_index, caching.IndexDataCacheFile._save_data

def reach(place):
    folder.joinpath(f"{name}-{place}").touch()

def meet(place):
    for _ in range(300):
        if folder.joinpath(f"{other}-{place}").exists():
            return
        time.sleep(0.01)

def save_index(self, overloads):
    reach("index")
    meet("index")  # both have read an index without the other's entry
    if name == "float64":
        meet("data")
    index(self, overloads)

def save_data(self, file, content):
    if name == "float32":
        index_of_other = folder.joinpath("float64-saved")
        reach("data")
        for _ in range(300):
            if index_of_other.exists():
                break
            time.sleep(0.01)
    data(self, file, content)
    reach("saved")

if other:
    caching.IndexDataCacheFile._save_index, caching.IndexDataCacheFile._save_data = save_index, save_data
labels = np.array([7, 8, 9], np.int64)
weights = np.ones(3, name)
print(WeightSum(np.float64, (3,), weights, None, labels, 9, None)(weights, None, labels)[0])
"""


@pytest.mark.slow  # 7 s of processor time
def test_two_processes_that_compile_a_function_for_different_types_do_not_mix_them_up(tmp_path):
    def begin(name, other):
        return subprocess.Popen(
            [sys.executable, "-c", TOGETHER, name, other, str(tmp_path)],
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    both = [begin("float32", "float64"), begin("float64", "float32")]
    assert [process.communicate() for process in both] == [("2.0\n", "")] * 2
    later = [begin(name, "") for name in ("float32", "float64")]
    assert [process.communicate() for process in later] == [("2.0\n", "")] * 2
    assert len(list(tmp_path.joinpath("cache").rglob("*.nbc"))) == 2


# The arrays that a loop borrows


@pytest.mark.parametrize("shape", [(), (8,), (8, 1), (2, 2, 2), (2, 1, 2, 2)])
def test_one_compiled_loop_takes_arrays_of_any_number_of_axes(shape):
    criterion = lossreg.create("mse", reduction="sum")
    first = np.arange(8.0)[: int(np.prod(shape))]
    arrays = first.reshape(shape), np.zeros(shape)
    value, grad = criterion.value_and_grad(*arrays)
    assert (value, grad.shape) == (np.sum(first**2), shape)
    np.testing.assert_array_equal(grad.ravel(), 2 * first)
    criterion.value_and_grad(first, first)
    entries = {plan.loop.entry for plan in (criterion.plan(*arrays), criterion.plan(first, first))}
    assert len(entries) == 1


def test_arrays_that_a_loop_borrows_keep_their_reference_counts():
    x = np.ones((64, 3), np.float32)
    criterion = lossreg.create("mse")
    criterion.value_and_grad(x, x)
    before = sys.getrefcount(x)
    for _ in range(50):
        criterion.value_and_grad(x, x)
    assert sys.getrefcount(x) == before


@pytest.mark.parametrize("wrong", [np.float32(1), 1.0, None, [1.0]])
def test_an_object_that_is_no_array_is_a_type_error(wrong, monkeypatch):
    run, x = BlockLoop.run, np.ones(3, "f4")

    def run_with_wrong_target(self, *given):
        *leading, operands = given
        return run(self, *leading, (*operands[:-1], wrong))

    with monkeypatch.context() as patched:
        patched.setattr(BlockLoop, "run", run_with_wrong_target)
        with pytest.raises(TypeError, match="takes arrays of numpy"):
            lossreg.create("mse")(x, x)
    assert lossreg.create("mse")(x, x) == 0


@pytest.mark.parametrize("kind", ["f2", "f4"])
@pytest.mark.parametrize("label", [np.uint64(1), np.int32(1), np.array(1, np.uint64)])
def test_a_single_label_of_any_integer_type(kind, label):
    x = np.array([0, 1, 0], kind)
    value, grad = lossreg.create("cross_entropy").value_and_grad(x, label, sample_weight=np.array(2, "f2"))
    expected = lossreg.create("cross_entropy").value_and_grad(x[np.newaxis], [1])
    assert value == expected[0]
    np.testing.assert_array_equal(grad, expected[1][0])
