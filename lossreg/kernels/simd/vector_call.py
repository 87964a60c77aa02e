"""Call a kernel for several elements or rows at a time, vectorized or, if that is not possible, lane by lane."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic

from lossreg.kernels.compiler.intrinsics import unheld
from lossreg.kernels.compiler.numba_api import BaseTuple, NumbaError, Tuple, cgutils, signature
from lossreg.kernels.compiler.options import LANES
from lossreg.kernels.simd.vector_rows import INDEX, LaneRow, load
from lossreg.kernels.simd.vectors import Lanes


def resolved(typing: Any, kernel: Any, kinds: tuple[Any, ...]) -> Any:
    """The signature of a function for arguments of these types; None if it does not compile for them."""
    try:
        return typing.resolve_function_type(kernel, kinds, {})
    except NumbaError:
        return None


@intrinsic
def call_vectorized(typing: Any, kernel: Any, arguments: Any, like: Any) -> Any:
    """Call the kernel with lanes and rows of lanes; lane by lane if it does not compile for them."""
    form = resolved(typing, kernel, tuple(arguments))
    by_lane: Any = None if form else typing.resolve_function_type(kernel, tuple(map(single, arguments)), {})
    given = (form or by_lane).return_type
    found = Tuple([like] * len(given)) if isinstance(given, BaseTuple) else like

    def generate(context: Any, builder: Any, outer: Any, values: Any) -> Any:
        members = [builder.extract_value(values[1], at) for at in range(len(arguments))]
        if form:
            return apply(context, builder, kernel, form, members, found)
        # The lanes go through memory, so that LLVM can vectorize this loop.
        pointers = [
            spilled(builder, value) if isinstance(kind, Lanes) else value
            for kind, value in zip(arguments, members, strict=True)
        ]
        count = 1 if found is like else len(given)
        kind = Tuple([like.dtype] * count)
        results = [spilled(builder, context.get_constant_null(like)) for _ in range(count)]
        with cgutils.for_range(builder, INDEX(LANES)) as loop:
            row = [lane_of(context, builder, *pair, loop.index) for pair in zip(arguments, pointers, strict=True)]
            made = apply(context, builder, kernel, by_lane, row, like.dtype if found is like else kind)
            for at, pointer in enumerate(results):
                value = made if found is like else builder.extract_value(made, at)
                builder.store(value, builder.gep(pointer, [loop.index]))
        vectors = [load(builder, pointer) for pointer in results]
        return vectors[0] if found is like else context.make_tuple(builder, found, vectors)

    return signature(found, kernel, arguments, like), generate


def spilled(builder: Any, vector: Any) -> Any:
    """Store lanes on the stack; return a pointer to the first."""
    pointer = cgutils.alloca_once_value(builder, vector)
    return builder.bitcast(pointer, vector.type.element.as_pointer())


def apply(context: Any, builder: Any, function: Any, form: Any, given: list[Any], kind: Any) -> Any:
    """Call a function, with its defaults for missing arguments, and cast the result to `kind`."""
    defaults = [context.get_constant_generic(builder, x, x.value) for x in form.args[len(given) :]]
    result = context.get_function(function, form)(builder, [*given, *defaults])
    return context.cast(builder, result, form.return_type, kind)


def single(kind: Any) -> Any:
    """The type of one lane: of lanes a number, of a row of lanes a strided array."""
    if isinstance(kind, LaneRow):
        return types.Array(kind.dtype.dtype, 1, "A")
    return kind.dtype if isinstance(kind, Lanes) else kind


def lane_of(context: Any, builder: Any, kind: Any, value: Any, lane: Any) -> Any:
    """One lane: of lanes in memory a number, of a row of lanes a strided array; other values as they are."""
    if isinstance(kind, Lanes):
        return builder.load(builder.gep(value, [lane]))
    if not isinstance(kind, LaneRow):
        return value
    row = cgutils.create_struct_proxy(kind)(context, builder, value)
    step = context.get_constant(types.intp, context.get_abi_sizeof(row.data.type.pointee) * LANES)
    return unheld(context, builder, single(kind), builder.gep(row.data, [lane]), [row.size], [step])
