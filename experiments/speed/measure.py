"""Measure the speed of lossreg and its peers, and write results.json, the plots and the table of docs/speed.md.

python experiments/speed/measure.py            # everything: about a quarter of an hour
python experiments/speed/measure.py --quick    # a few cases, within two minutes; into experiments/runs/speed
python experiments/speed/measure.py --show     # what results.json says, without measuring

README.md in this folder says what is compared, and how.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import engines
import start
import summary
import timing
import training
from cases import CASES, LADDER, Case, ladder, large, largest

import lossreg
from lossreg.experiment.storage.environment import cpu

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PACKAGES = ("lossreg", "numba", "numpy", "torch", "jax", "optax", "scikit-learn")
EVERYONE = ("lossreg", "lossreg out=", *summary.PEERS, "limit")
QUICK = ("mse", "bce_with_logits", "cross_entropy")
QUICK_GROUPS = ("small batch", "1M elements", "classification")
SCRATCH = summary.HERE.parent / "runs" / "speed"


class Section(NamedTuple):
    """Cases that are measured under equal conditions: the engines, the float type, the gradient, the threads."""

    name: str
    cases: Sequence[Case]
    engines: tuple[str, ...]
    seconds: float
    dtype: str = "float32"
    gradient: bool = True
    threads: int = 1


def plan(*, quick: bool) -> list[Section]:
    """What is measured. Not every combination, which would take hours: each axis is varied from the first section."""
    available = lossreg.get_num_threads()
    uncompiled = ("torch", "jax.jit", "limit")
    sections = [
        Section("cases", CASES, EVERYONE, 1.0),
        Section("float64", CASES, ("lossreg", "lossreg float32", *uncompiled), 0.5, dtype="float64"),
        Section("value", largest(), ("lossreg", *summary.PEERS, "limit"), 0.5, gradient=False),
        Section("sizes", ladder(), ("lossreg", "torch", "torch.compile", "jax.jit", "limit"), 0.5),
        Section("threads", CASES, ("lossreg", "scikit-learn", *uncompiled), 0.5, threads=available),
        Section("scaling", large(), ("lossreg", "lossreg one thread", "lossreg out="), 0.5, threads=available),
    ]
    if not quick:
        return sections
    return [shortened(section) for section in sections]


def shortened(section: Section) -> Section:
    """A few of the cases, for less time; compiling is what takes long."""
    chosen = [case for case in section.cases if case.entry.loss in QUICK and not case.entry.variant]
    chosen = [case for case in chosen if case.size.group in QUICK_GROUPS or case.elements in LADDER[::3]]
    names = [name for name in section.engines if name != "torch.compile" or section.name == "cases"]
    return section._replace(cases=chosen, engines=tuple(names), seconds=0.2)


def pin(threads: int) -> None:
    """Keep this process on so many processors: that holds for every engine, whatever it makes of its own settings."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


@contextmanager
def worker(threads: int) -> Iterator[Callable[..., Any]]:
    """Something that calls a function with its arguments in a fresh process, which has so many threads."""
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # XLA warns of slow compilations
    with ProcessPoolExecutor(1, get_context("spawn"), pin, (threads,)) as pool:
        yield lambda *given: pool.submit(*given).result()


def measured(section: Section, case: Case) -> summary.Row:
    """The row of one case."""
    problem = engines.Problem(case, section.dtype, section.gradient, section.threads)
    found = engines.contenders(problem, section.engines)
    row = {"case": case.name, "loss": case.entry.loss, "group": case.size.group, "elements": case.elements}
    return row | timing.summarised(timing.rounds(found, section.seconds))


class Log:
    """The results so far. Says how far it is, and goes on where something fails."""

    def __init__(self) -> None:
        self.started = perf_counter()
        self.sections: dict[str, list[summary.Row]] = {}
        self.failed: list[str] = []

    @property
    def seconds(self) -> int:
        """The time since the beginning."""
        return int(perf_counter() - self.started)

    def fill(self, section: str, work: Mapping[str, Callable[[], summary.Row]], line: Callable[[Any], str]) -> None:
        """Do the work of a section, a row for each name."""
        rows = self.sections[section] = []
        for at, (name, measure_it) in enumerate(work.items(), 1):
            try:
                rows.append(measure_it())
                shown = line(rows[-1])
            except Exception as error:  # noqa: BLE001  whatever an engine raises, the others go on
                shown = f"{name} FAILED: {error}"
                self.failed.append(f"{section}, {shown}")
            print(f"{self.seconds // 60:2}:{self.seconds % 60:02}  {section} {at}/{len(work)}  {shown}", flush=True)


def measure(*, quick: bool) -> dict[str, Any]:
    """All sections."""
    log, repeats = Log(), 1 if quick else 5
    for section in plan(quick=quick):
        # Each in a process of its own: threads that another section's peers leave behind wait by spinning.
        with worker(section.threads) as run:
            work = {case.name: partial(run, measured, section, case) for case in section.cases}
            log.fill(section.name, work, summary.line)
    losses = QUICK if quick else tuple(dict.fromkeys(case.entry.loss for case in CASES))
    log.fill(
        "start", {name: partial(start.measured, name, losses, repeats) for name in start.NAMES}, summary.start_line
    )
    configs = training.CONFIGS[:1] if quick else training.CONFIGS
    with worker(1) as run:
        log.fill("training", {name: partial(run, training.measured, name, repeats) for name in configs}, summary.line)
    return machine() | {"seconds": log.seconds, "failed": log.failed, "sections": log.sections}


def machine() -> dict[str, Any]:
    """Where and with what it was measured."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cpu": cpu(),
        "cores": lossreg.get_num_threads(),
        "python": platform.python_version(),
        "packages": {name: version(name).partition("+")[0] for name in PACKAGES},
    }


def main() -> int:
    """Measure, write and show."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few cases, within two minutes")
    parser.add_argument("--show", action="store_true", help="show the results as committed, without measuring")
    given = parser.parse_args()
    directory = SCRATCH if given.quick else summary.HERE
    if given.show:
        results = summary.recorded()
    else:
        results = measure(quick=given.quick)
        directory.mkdir(parents=True, exist_ok=True)
        summary.write(results, directory / "results.json")
    import plot

    plot.draw(results, directory)
    if not given.quick:
        summary.into_page(results)
    print("\n" + summary.closing(results))
    print(f"\n{os.path.relpath(directory)}: results.json, {', '.join(plot.FILES)}")
    return 1 if results["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
