"""Compile losses ahead, each in a process of its own, so that first calls find their machine code in numba's cache.

This compiles what plain calls run: float32 and float64, the value alone and the value with its gradient, a reduction
to one number, default parameters, a small batch and a batch large enough for several threads, and rows that are short,
long, or strided (an image's classes).
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
"""The size of a batch that one thread computes, and of one that several threads share."""
NARROW, WIDE = 3, 100
"""The length of short rows, which are computed several at a time, and of long ones."""


class Outcome(NamedTuple):
    """The result for one loss: how many loops were compiled because the cache did not have them, or the error."""

    loss: str
    compiled: int = 0
    error: str = ""


def compile_loss(name: str) -> Outcome:
    """Compile what plain calls of a loss run; return an error as part of the outcome."""
    from lossreg.criterion.criterion import Criterion
    from lossreg.kernels.compiler.compile_events import compilations
    from lossreg.registry.registries import losses

    try:
        loss = losses.get(name)
        with compilations() as compiled:
            for arrays, parameters in batches(loss):
                criterion = Criterion(loss, parameters=parameters)
                for _ in range(3):  # the third call runs the plan that the second one cached
                    criterion(*arrays)
                    criterion.value_and_grad(*arrays)
    except Exception as error:  # noqa: BLE001  one loss that fails does not stop the others
        return Outcome(name, error=f"{type(error).__name__}: {error}")
    return Outcome(name, len(compiled))


def batches(loss: Loss) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """Yield arrays and parameters to call a loss with: for each form and dtype a small batch and a large one."""
    import numpy as np

    for number, form in enumerate(loss.forms):
        for real in (np.float32, np.float64):
            if form.by_batch:  # compiles the same loops whatever the size
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
    """Yield shapes for a form's arrays: small and large batches, of short and of long rows, and of strided classes."""
    if not form.by_row:
        yield from ((SMALL,), (LARGE,))
        return
    for width in (NARROW, WIDE):
        yield from ((SMALL, width), (-(-LARGE // width), width))
    if any(entry.axis == 1 for entry in form.inputs):
        yield SMALL, NARROW, SMALL


def compile_all(names: Sequence[str], jobs: int) -> Iterator[Outcome]:
    """Compile losses in `jobs` processes; yield the outcome of each as soon as it is done."""
    ignore_interrupts = (signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by this process, which stops the others
    workers = max(1, min(jobs, len(names)))
    pool = ProcessPoolExecutor(workers, get_context("spawn"), signal.signal, ignore_interrupts)
    try:
        waiting = {pool.submit(compile_loss, name): name for name in names}
        for future in as_completed(waiting):
            try:
                yield future.result()
            except BrokenProcessPool as error:
                yield Outcome(waiting[future], error=str(error))
    finally:
        pool.shutdown(cancel_futures=True)
