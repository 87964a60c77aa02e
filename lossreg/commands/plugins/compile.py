"""`lossreg compile`: compile losses ahead of their first use."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from lossreg.commands.plugins.compile_workers import Outcome


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Compile losses ahead of their first use, in parallel. A first call then finds its machine code in the cache "
        "on disk: for float32 and float64, for the value and its gradient, with default parameters."
    )
    command = commands.add_parser("compile", help="compile losses ahead of their first use", description=description)
    command.add_argument("losses", nargs="*", metavar="LOSS", help="the name of a loss (default: every loss)")
    command.add_argument("--jobs", type=int, metavar="N", help="the number of processes (default: one per processor)")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Compile what is not in the cache yet; exit with code 1 if a loss fails to compile."""
    from collections import Counter

    from lossreg.commands.plugins.compile_workers import compile_all
    from lossreg.errors import InvalidInput
    from lossreg.formatting import columns
    from lossreg.kernels.drivers.threads import default_num_threads
    from lossreg.registry.registries import losses

    if options.jobs is not None and options.jobs < 1:
        raise InvalidInput(f"--jobs: expected an integer of at least 1, got {options.jobs}")
    given = [losses.find(name) for name in options.losses] or losses.offers()
    offered = Counter(offer.name for offer in losses.offers())
    names = sorted({f"{x.distribution}:{x.name}" if offered[x.name] > 1 else x.name for x in given})
    failed, compiled = [], 0
    with progress(len(names)) as show:
        for outcome in compile_all(names, options.jobs or default_num_threads()):
            show(outcome)
            compiled += outcome.compiled > 0
            if outcome.error:
                failed.append(outcome)
    total, cached = len(names), len(names) - compiled - len(failed)
    print(
        f"{total} loss{'es' * (total != 1)}: {compiled} compiled, {cached} already compiled"
        + f", {len(failed)} failed" * bool(failed)
    )
    if failed:
        for line in columns([["loss", "error"], *([x.loss, " ".join(x.error.split())] for x in failed)]):
            print(line)
        sys.exit(1)


@contextmanager
def progress(count: int) -> Iterator[Callable[[Outcome], None]]:
    """Yield a function that prints an outcome; a terminal (if rich is installed) also gets a progress bar."""
    from importlib.util import find_spec

    if not (sys.stdout.isatty() and find_spec("rich")):
        yield lambda outcome: print(in_words(outcome), flush=True)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    parts = (TextColumn("loss"), MofNCompleteColumn(), BarColumn(24), TimeElapsedColumn())
    with Progress(*parts, transient=True) as bar:
        task = bar.add_task("", total=count)

        def show(outcome: Outcome) -> None:
            bar.print(in_words(outcome), markup=False, highlight=False)
            bar.advance(task)

        yield show


def in_words(outcome: Outcome) -> str:
    """Return the line about one loss."""
    if outcome.error:
        return f"{outcome.loss}: failed"
    if not outcome.compiled:
        return f"{outcome.loss}: already compiled"
    return f"{outcome.loss}: compiled {outcome.compiled} loop{'s' * (outcome.compiled > 1)}"
