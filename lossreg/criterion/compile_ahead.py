"""Warming: losses are compiled ahead, each in another process, so that first calls find their loops in numba's cache.

Compiled is what plain calls run: float32 and float64, the value and the value with its gradient, a reduction to one
number, default parameters, a small batch and one for several threads, short rows, long ones and those across planes.
"""

from __future__ import annotations

import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lossreg.definition.loss import Loss
    from lossreg.definition.signature import Form

SMALL, LARGE = 4, 1 << 20
"""The numbers, or rows, of a batch that one thread takes, and the numbers of one for several."""
NARROW, WIDE = 3, 100
"""The numbers in a row: few, which are taken several rows at a time, and many."""


class Outcome(NamedTuple):
    """What came of warming a loss: how many loops were not in the cache yet, and an error."""

    loss: str
    compiled: int = 0
    error: str = ""


def warm(name: str) -> Outcome:
    """Compile what plain calls of a loss run."""
    from lossreg.criterion.criterion import Criterion
    from lossreg.kernels.compiler.events import compilations
    from lossreg.registry.registries import losses

    try:
        loss = losses.get(name)
        with compilations() as compiled:
            for arrays, parameters in batches(loss):
                criterion = Criterion(loss, parameters=parameters)
                for _ in range(3):  # the third call goes the way that the second has found
                    criterion(*arrays)
                    criterion.value_and_grad(*arrays)
    except Exception as error:  # noqa: BLE001  whatever it is, the others go on
        return Outcome(name, error=f"{type(error).__name__}: {error}")
    return Outcome(name, len(compiled))


def batches(loss: Loss) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """The batches that a loss is called with: of each form and type, a small one and a large one, with parameters."""
    import numpy as np

    for number, form in enumerate(loss.forms):
        for real in (np.float32, np.float64):
            if form.whole:  # compiles the same loops whatever the size
                made, parameters = loss.examples[number](np.random.default_rng(0), SMALL)
                yield [x if x.dtype.kind in "iu" else x.astype(real) for x in made], parameters
                continue
            for extent in extents(form):
                own = (extent[0], *extent[2:])
                shapes = [own if entry.axis is None else extent for entry in form.inputs]
                kinds = [np.int64 if entry.domain.integer else real for entry in form.inputs]
                members = [entry.domain.example for entry in form.inputs]
                yield list(map(np.full, shapes, members, kinds)), {}


def extents(form: Form) -> Iterator[tuple[int, ...]]:
    """The shapes of a form's arrays, few and many: of rows short and long, and of classes across planes too."""
    if not form.by_row:
        yield from ((SMALL,), (LARGE,))
        return
    for width in (NARROW, WIDE):
        yield from ((SMALL, width), (-(-LARGE // width), width))
    if any(entry.axis == 1 for entry in form.inputs):
        yield SMALL, NARROW, SMALL


def warm_all(names: Sequence[str], jobs: int) -> Iterator[Outcome]:
    """Warm losses in so many processes; gives what came of each as it is done."""
    spawn, deaf = get_context("spawn"), (signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for this process
    pool = ProcessPoolExecutor(max(1, min(jobs, len(names))), spawn, signal.signal, deaf)
    try:
        waiting = {pool.submit(warm, name): name for name in names}
        for future in as_completed(waiting):
            try:
                yield future.result()
            except BrokenProcessPool as error:
                yield Outcome(waiting[future], error=str(error))
    finally:
        pool.shutdown(cancel_futures=True)
