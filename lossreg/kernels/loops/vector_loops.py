"""The templates of vector loops, which compute LANES elements or rows at a time.

With explicit vectors of 16 numbers LLVM generates wider vector instructions than by auto-vectorization: cross_entropy
of 10 classes takes a quarter of the time. With the scalar loop, value and gradient of 1M float32 on one thread take 1.6
times as long for bce_with_logits (3.3 ms against 2.1), 1.5 for soft_margin, 1.1 for poisson_nll and 1.6 for bce; of 64k
float64 they take 1.3, 1.4, 1.7 and 1.2 times as long. Those of mse, l1 and huber take 1.2 to 1.4 times as long, since
their values are added in a second pass. Rows are transposed into buffers, class by class. At the end of a block the
last element or row is repeated in the lanes that are left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.kernels.compiler.bytecode import has_uniform_control_flow
from lossreg.kernels.compiler.options import LANES, is_stock

if TYPE_CHECKING:
    # Replaced in each clone, as in lossreg.kernels.loops.scalar_loops.
    from lossreg.kernels.compiler.intrinsics import cast, scaled, scratch  # noqa: TC004
    from lossreg.kernels.elementary.row_sums import lane_sum  # noqa: TC004
    from lossreg.kernels.loops.row_parameters import row_parameters  # noqa: TC004
    from lossreg.kernels.numerics.sums import accumulate, block_sum, compensated_add, compensated_sum  # noqa: TC004
    from lossreg.kernels.simd.contiguous_vectors import leading, wide_lanes  # noqa: TC004
    from lossreg.kernels.simd.row_buffers import (  # noqa: TC004
        allocate_row_buffers,
        lane_rows,
        load_rows,
        load_vectors,
        load_weights,
        mask_integers,
        store_rows,
        store_vector,
        store_vectors,
    )
    from lossreg.kernels.simd.vector_call import call_vectorized  # noqa: TC004
    from lossreg.kernels.simd.vector_rows import any_lane, choose  # noqa: TC004

# Replaced in each clone, as in lossreg.kernels.loops.scalar_loops.
kernel: Any = None
guard: Any = None
REAL: Any = np.float64
STORED = 1
INPUTS = 2
BY_ROW: tuple[bool, ...] = ()
# Whether the values of a block are added in a loop of their own. After exponentials and logarithms, whose arithmetic
# fills the processor's vector units, that is faster than conversions and compensated additions between them, and
# without them it is slower.
BUFFERED = False


def is_vectorizable(function: Any) -> bool:
    """Whether a kernel can run for several rows at a time: no loop of it depends on the data."""
    return not is_stock() and has_uniform_control_flow(function)


def vector_elements(
    sums: Any,
    values: Any,
    sample_weight: Any,
    where: Any,
    scale: float,
    operands: Any,
    extent: Any,
) -> tuple[float, bool]:
    """Run the kernel over the elements of some blocks, LANES at a time; return the sum, and whether one is outside."""
    size, length, first, last = extent[0], extent[1], extent[2], extent[3]
    total, error, outside = 0.0, 0.0, False
    numbers = cast(operands, REAL(0))
    slopes, arguments = numbers[:STORED], numbers[STORED:]
    kept: Any = scratch(REAL(0))
    for block in range(first, last):
        begin, end = block * length, (block + 1) * length
        end = end if end < size else size
        added, lost = wide_lanes(), wide_lanes()
        for start in range(begin, end, LANES):
            many = LANES if end - start > LANES else end - start
            point = load_vectors(arguments, start, many)
            weight = load_weights(sample_weight, where, start, many, REAL(1))
            counts = weight != 0
            outside |= any_lane(counts & guard(point[:INPUTS], point[INPUTS:])[1])
            outcome = call_vectorized(kernel, point, weight)
            value = choose(counts, weight * outcome[0], REAL(0))
            if values is not None:
                store_vector(values, start, many, value)
            if BUFFERED:
                store_vector(kept, start - begin, LANES, value)
            else:
                if many < LANES:
                    value = choose(leading(many), value, REAL(0))
                added, lost = accumulate(added, lost, value)
            factor = weight * REAL(scale)
            counts = factor != 0
            store_vectors(slopes, start, many, scaled(outcome[1:], factor, counts))
        if BUFFERED:
            sums[block] = block_sum(kept[: end - begin])
        else:
            sums[block] = lane_sum(added, lost)
        total, error = compensated_add(total, error, sums[block])
    return compensated_sum(total, error), outside


def vector_rows(
    sums: Any,
    values: Any,
    sample_weight: Any,
    where: Any,
    scale: float,
    operands: Any,
    extent: Any,
) -> tuple[float, bool]:
    """Run the kernel over the rows of some blocks, LANES at a time; return their sum, and whether one is outside.

    Arrays of rows are (N, C), or channels-first, (N, C, S); then each block is in one sample, and `size` is S.
    """
    size, length, first, last = extent[0], extent[1], extent[2], extent[3]
    total, error, outside = 0.0, 0.0, False
    slopes, others = operands[:STORED], operands[STORED:]
    inputs, parameters = others[:INPUTS], row_parameters(cast(others[INPUTS:], REAL(0)), BY_ROW)
    width = inputs[0].shape[1]
    input_buffers, slope_buffers = allocate_row_buffers(inputs, width), allocate_row_buffers(slopes, width)
    parts = (size + length - 1) // length
    for block in range(first, last):
        added, lost = wide_lanes(), wide_lanes()
        sample, begin = block // parts, block % parts * length
        end = begin + length if begin + length < size else size
        for start in range(begin, end, LANES):
            many, i = LANES if end - start > LANES else end - start, sample * size + start
            load_rows(inputs, input_buffers, sample, start, many)
            point = load_vectors(input_buffers, i, many)
            weight = load_weights(sample_weight, where, i, many, REAL(1))
            ignored, beyond = guard(point, parameters)
            outside |= any_lane((weight != 0) & beyond)
            counts = (weight != 0) & (not ignored) & (not beyond)
            found = call_vectorized(kernel, (*mask_integers(point, counts), *slope_buffers, *parameters), weight)
            value = choose(counts, weight * found, REAL(0))
            if values is not None:
                store_vector(values, i, many, value)
            if many < LANES:
                value = choose(leading(many), value, REAL(0))
            added, lost = accumulate(added, lost, value)
            factor = weight * REAL(scale)
            for slope in lane_rows(slope_buffers, REAL(0)):
                for j in range(len(slope)):
                    slope[j] = choose(counts, slope[j] * factor, REAL(0))
            store_rows(slopes, slope_buffers, sample, start, many)
        sums[block] = lane_sum(added, lost)
        total, error = compensated_add(total, error, sums[block])
    return compensated_sum(total, error), outside
