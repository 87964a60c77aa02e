"""`lossreg doctor`: show what is installed and what is wrong with it, and check results of compiled losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from lossreg.definition.loss import Loss

REQUIRED = ("numpy", "numba", "llvmlite", "pluggy", "PyYAML")
FEATURES = ("sse4.2", "avx", "avx2", "fma", "avx512f", "neon", "sve")
"""The features of processors that decide how fast and by which instructions losses are computed."""
SECONDS = 2.0
"""How long the self-check goes on to further losses, after the first few."""
FEWEST = 3
TOLERANCE = 1e-12
"""The largest relative difference between compiled and plain results: rounding differs, and nothing else should."""
OK, WRONG = "ok", "WRONG"


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Show versions, plugins and what is wrong with them, the cache of compiled code, threads and processor, and "
        "compare compiled losses with plain Python for two seconds. The exit code is 1 if something is wrong."
    )
    command = commands.add_parser("doctor", help="check the installation", description=description)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print every section, and exit with 1 if there are problems."""
    del options
    import sys

    from lossreg.commands.output import say
    from lossreg.formatting import columns

    problems: list[str] = []
    for title, rows in (
        ("versions", versions()),
        ("machine", machine()),
        ("cache", cache(problems)),
        ("plugins", plugins(problems)),
        ("self-check", self_check(problems)),
    ):
        say(title)
        for line in columns(list(rows)):
            say(f"  {line}")
        say()
    for problem in problems:
        say(f"problem: {problem}")
    if not problems:
        say("no problems found")
    else:
        sys.stdout.flush()
        sys.exit(1)


def versions() -> Iterator[list[str]]:
    """Yield the versions of lossreg, Python, and the packages that lossreg uses."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from lossreg._version import __version__
    from lossreg.extras import PACKAGES

    yield ["lossreg", __version__]
    yield ["Python", platform.python_version()]
    missing: dict[str, list[str]] = {}
    for package in (*REQUIRED, *sorted({package for package, _ in PACKAGES.values()})):
        try:
            yield [package, version(package)]
        except PackageNotFoundError:
            extra = next((extra for name, extra in PACKAGES.values() if name == package), "")
            missing.setdefault(extra, []).append(package)
    for extra, packages in missing.items():
        yield ["not installed", f"{', '.join(packages)}: pip install 'lossreg[{extra}]'"]


def machine() -> Iterator[list[str]]:
    """Yield the system, the processor and its features, and the threads."""
    import os
    import platform

    from lossreg.kernels.compiler.numba_api import get_host_cpu_features
    from lossreg.kernels.drivers.threads import get_num_threads

    features = get_host_cpu_features()
    yield ["system", f"{platform.system()} {platform.release()}, {platform.machine()}"]
    yield ["processor features", ", ".join(name for name in FEATURES if features.get(name)) or "none of those known"]
    yield ["threads", f"{get_num_threads()} of {os.cpu_count()} processors"]
    names = [name for name in os.environ if name.startswith(("LOSSREG_", "NUMBA_", "OMP_NUM", "OPENBLAS_"))]
    for name in sorted(names):
        yield [name, os.environ[name]]


def cache(problems: list[str]) -> Iterator[list[str]]:
    """Yield what is cached and where, and try to write there."""
    import os

    from lossreg.kernels.compiler.cache import cached_files, directories

    files = cached_files()
    size = sum(file.size for file in files)
    stale = sum(file.stale for file in files)
    yield ["files", f"{len(files)}, {size / 1e6:.1f} MB; {stale} of other versions (`lossreg cache --clear --stale`)"]
    # numba takes the first of its directories that it can write to; those of one kind have one parent.
    writable = [str(folder) for folder in directories() if os.access(existing(folder), os.W_OK)]
    if not writable:
        problems.append("no directory for compiled code can be written to; set NUMBA_CACHE_DIR to one that can")
    yield ["directory", os.path.commonpath(writable[:1]) if writable else "none"]


def existing(folder: Any) -> Any:
    """Return a directory, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def plugins(problems: list[str]) -> Iterator[list[str]]:
    """Yield how many plugins of each kind each distribution has, and collect what is wrong with them."""
    from collections import Counter

    from lossreg.registry.isolation import inspect
    from lossreg.registry.registries import REGISTRIES, problems as problems_of

    inspections = list(inspect(REGISTRIES))
    numbers = Counter((str(one.offer), one.registry.kind) for one in inspections)
    for distribution in sorted({distribution for distribution, _ in numbers}):
        found = [(r, numbers[distribution, r.kind]) for r in REGISTRIES]
        yield [distribution, ", ".join(f"{r.plural}: {number}" for r, number in found if number)]
    problems += [*problems_of(REGISTRIES), *(one.error for one in inspections if one.error)]


def self_check(problems: list[str]) -> Iterator[list[str]]:
    """Yield which losses by element give the results of plain Python where they are compiled."""
    import time

    from lossreg.definition.loss import Loss
    from lossreg.registry.registries import losses

    end = time.monotonic() + SECONDS
    checked, wrong = 0, []
    for offer in losses.offers():
        if offer.distribution != "lossreg" or (checked >= FEWEST and time.monotonic() > end):
            continue
        loss = losses.load(offer)
        if isinstance(loss, Loss) and not (loss.forms[0].by_row or loss.forms[0].by_batch):
            checked += 1
            if not agrees(loss):
                wrong.append(loss.name)
    problems += [f"{name}: compiled and plain results differ; try LOSSREG_COMPILER=stock" for name in wrong]
    yield ["losses", f"{checked} compared: {WRONG + ' ' + ', '.join(wrong) if wrong else OK}"]


def agrees(loss: Loss) -> bool:
    """Whether value and slope of a compiled loss are those of plain Python, along the usual curve of the loss."""
    import numpy as np

    from lossreg.criterion.criterion import Criterion
    from lossreg.definition.plain_python.shown_points import range_of, spaced, usual

    form = loss.forms[0]
    others = [usual(entry, form) for entry in form.inputs[1:]]
    points = [x for x in spaced(*range_of(form), 33) if bool(form.inputs[0].domain.contains(x))]
    plain = np.array([loss.at(x, *others)[:2] for x in points])
    arrays = [np.array(points), *(np.full(len(points), other) for other in others)]
    value, grad = Criterion(loss, "none").value_and_grad(*arrays)
    compiled = np.column_stack([value, grad[0] if isinstance(grad, tuple) else grad])
    return bool(np.allclose(compiled, plain, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True))
