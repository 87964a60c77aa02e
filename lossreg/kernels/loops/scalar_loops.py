"""The templates of scalar loops over elements, rows, samples and weights, in plain Python.

lossreg.kernels.compiler compiles a template once for each kernel, float type and set of outputs. `clone` gives each
copy its own values of the globals below; for the compiler they are constants, so that a branch on one costs nothing.
The operands of a template are slopes, then inputs, then parameters; absent and unwanted ones are None. Its extent is an
array: the number of elements or rows, that of those in a block, the first block and the one after the last, and whether
to release Python's lock.

Sums: the values of a block are added in float64, with compensation if they are float64. The sums of blocks are added in
order, with compensation. The blocks do not depend on the number of threads, and neither do the bits of the sum. A
separate loop adds the values of a block, so that their sum has the same bits with and without a gradient. If blocks
were not sliced first, so that each loop counts from 0, the loop would not vectorize.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    # Replaced in each clone, like the kernel: importing them takes longer than loading a loop from disk.
    from lossreg.kernels.compiler.intrinsics import arrays, cast, items, scaled, scratch, store_items  # noqa: TC004
    from lossreg.kernels.loops.row_parameters import row_parameters  # noqa: TC004
    from lossreg.kernels.loops.scaled_slopes import call_filling_slopes  # noqa: TC004
    from lossreg.kernels.numerics.row_maps import fill_row, rescaled  # noqa: TC004
    from lossreg.kernels.numerics.sums import accumulate, block_sum, compensated_add, compensated_sum  # noqa: TC004
    from lossreg.kernels.simd.stored_arrays import store_filled, to_fill  # noqa: TC004

# Replaced in each clone: the kernel; its guard, which returns whether a point is ignored and whether it is outside its
# domain; the float type; the numbers of slopes (or states) and of inputs; which parameters are rows; the input that the
# only slope overwrites, row by row, or -1.
kernel: Any = None
guard: Any = None
REAL: Any = np.float64
STORED = 1
INPUTS = 2
BY_ROW: tuple[bool, ...] = ()
OVER = -1


def elementwise(
    sums: Any,
    values: Any,
    sample_weight: Any,
    where: Any,
    scale: float,
    operands: Any,
    extent: Any,
) -> tuple[float, bool]:
    """Run the kernel over the elements of some blocks; return the sum of the values, and whether one is outside."""
    size, length, first, last = extent[0], extent[1], extent[2], extent[3]
    total, error, outside = 0.0, 0.0, False
    numbers = cast(operands, REAL(0))
    kept: Any = scratch(REAL(0))
    for block in range(first, last):
        start, stop = block * length, (block + 1) * length
        stop = stop if stop < size else size
        part = items(numbers, slice(start, stop))
        slopes, arguments = part[:STORED], part[STORED:]
        if sample_weight is not None:
            block_weights = sample_weight[start:stop]
        if where is not None:
            block_mask = where[start:stop]
        for i in range(stop - start):
            weight = REAL(1)
            if sample_weight is not None:
                weight = REAL(block_weights[i])
            if where is not None:
                weight = weight if block_mask[i] else REAL(0)
            counts = weight != 0
            point = items(arguments, i)
            outside |= counts & guard(point[:INPUTS], point[INPUTS:])[1]
            outcome = kernel(*point)
            kept[i] = weight * outcome[0] if counts else REAL(0)
            factor = weight * REAL(scale)
            store_items(slopes, i, scaled(outcome[1:], factor, factor != 0))
        sums[block] = block_sum(kept[: stop - start])
        total, error = compensated_add(total, error, sums[block])
        if values is not None:
            for i in range(stop - start):
                values[start + i] = kept[i]
    return compensated_sum(total, error), outside


def rows(
    sums: Any,
    values: Any,
    sample_weight: Any,
    where: Any,
    scale: float,
    operands: Any,
    extent: Any,
) -> tuple[float, bool]:
    """Run the kernel over the rows of some blocks; return the sum of the values, and whether one is outside its domain.

    A slope array with a single row is scratch: the caller does not want it, or it overwrites an input afterwards. An
    optional slope that the caller does not want is None.
    """
    size, length, first, last = extent[0], extent[1], extent[2], extent[3]
    total, error, outside = 0.0, 0.0, False
    slopes, arguments = to_fill(operands[:STORED]), operands[STORED:]
    inputs, parameters = arguments[:INPUTS], row_parameters(cast(arguments[INPUTS:], REAL(0)), BY_ROW)
    kept = len(arrays(slopes)[0]) > 1
    for block in range(first, last):
        added, lost = 0.0, 0.0
        stop = (block + 1) * length
        for i in range(block * length, stop if stop < size else size):
            weight = REAL(1)
            if sample_weight is not None:
                weight = REAL(sample_weight[i])
            if where is not None:
                weight = weight if where[i] else REAL(0)
            point = items(inputs, i)
            place = i if kept else 0
            slope_rows = items(slopes, place)
            ignored, beyond = guard(point, parameters)
            outside |= (weight != 0) & beyond
            counts = (weight != 0) & (not ignored) & (not beyond)
            value, factor = REAL(0), weight * REAL(scale)
            if counts:
                value, factor = call_filling_slopes(kernel, point, slope_rows, parameters, factor)
                value *= weight
            if (not counts) | (factor != 1):
                for slope in arrays(slope_rows):
                    fill_row(slope, slope, slope, rescaled, factor, counts)
            if OVER >= 0:
                # An explicit loop, because numba takes two seconds to compile the assignment of a row.
                target = point[OVER]
                for j in range(target.size):
                    target[j] = slope_rows[0][j]
            store_filled(slopes, slope_rows, place)
            added, lost = accumulate(added, lost, value)
            if values is not None:
                values[i] = value
        sums[block] = compensated_sum(added, lost)
        total, error = compensated_add(total, error, sums[block])
    return compensated_sum(total, error), outside


def add_blocks(sums: Any) -> float:
    """Add the sums of all blocks, in order, as the loops above do for the blocks of one thread."""
    total, error = 0.0, 0.0
    for block in range(sums.size):
        total, error = compensated_add(total, error, sums[block])
    return compensated_sum(total, error)


def each(first: int, last: int, *operands: Any) -> None:
    """Call the kernel for every number from `first` to `last`."""
    for i in range(first, last):
        kernel(i, *operands)


def update(weights: Any, grads: Any, step: float, *operands: Any) -> None:
    """Update weights and states in place by an optimizer's rule, which returns the new weight and the new states."""
    numbers = cast(operands, REAL(0))
    for i in range(weights.size):
        outcome = kernel(weights[i], grads[i], REAL(step), *items(numbers, i))
        store_items((weights,) + numbers[:STORED], i, outcome)
