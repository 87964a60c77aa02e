"""`lossreg warm`: compile losses ahead."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from lossreg.criterion.compile_ahead import Outcome


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Compile losses ahead, in parallel, so that the first call in any process finds them in the cache on disk: "
        "float32 and float64, the value and its gradient, default parameters."
    )
    command = commands.add_parser("warm", help="compile losses ahead", description=description)
    command.add_argument("losses", nargs="*", metavar="LOSS", help="the name of a loss; all of them unless given")
    command.add_argument("--jobs", type=int, metavar="N", help="how many processes (as many as there are processors)")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Compile what is not compiled yet, and exit with 1 if something cannot be."""
    from collections import Counter

    from lossreg.criterion.compile_ahead import warm_all
    from lossreg.errors import InvalidInput
    from lossreg.kernels.drivers.threads import available
    from lossreg.registry.describe import columns
    from lossreg.registry.registries import losses

    if options.jobs is not None and options.jobs < 1:
        raise InvalidInput(f"--jobs: expected a whole number from 1, got {options.jobs}")
    given = [losses.find(name) for name in options.losses] or losses.offers()
    offered = Counter(offer.name for offer in losses.offers())
    names = sorted({f"{x.distribution}:{x.name}" if offered[x.name] > 1 else x.name for x in given})
    failed, compiled = [], 0
    with progress(len(names)) as tell:
        for outcome in warm_all(names, options.jobs or available()):
            tell(outcome)
            compiled += outcome.compiled > 0
            if outcome.error:
                failed.append(outcome)
    total, ready = len(names), len(names) - compiled - len(failed)
    print(f"{total} loss{'es' * (total != 1)}: {compiled} compiled, {ready} already warm")
    if failed:
        print(f"{len(failed)} failed:")
        for line in columns([["loss", "error"], *([x.loss, " ".join(x.error.split())] for x in failed)]):
            print(line)
        sys.exit(1)


@contextmanager
def progress(count: int) -> Iterator[Callable[[Outcome], None]]:
    """What tells of each outcome: on a terminal (where rich is installed) a bar goes along below."""
    from importlib.util import find_spec

    if not (sys.stdout.isatty() and find_spec("rich")):
        yield lambda outcome: print(in_words(outcome), flush=True)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    parts = (TextColumn("loss"), MofNCompleteColumn(), BarColumn(24), TimeElapsedColumn())
    with Progress(*parts, transient=True) as bar:
        task = bar.add_task("", total=count)

        def tell(outcome: Outcome) -> None:
            bar.print(in_words(outcome), markup=False, highlight=False)
            bar.advance(task)

        yield tell


def in_words(outcome: Outcome) -> str:
    """A line about a loss."""
    loops = f"compiled {outcome.compiled} loop{'s' * (outcome.compiled > 1)}" if outcome.compiled else "already warm"
    return f"{outcome.loss}: {'failed' if outcome.error else loops}"
