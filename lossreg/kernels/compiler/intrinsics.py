"""Operations on tuples of arrays and numbers, which let one template serve kernels of every signature.

Intrinsics add hardly anything to compile time. Functions that recurse over the tuple had each step compiled separately:
39 functions and 2.8 s for binary cross-entropy, now 10 functions and 0.9 s.
"""

from __future__ import annotations

import operator
from typing import Any

from numba import types
from numba.extending import intrinsic

from lossreg.kernels.compiler.numba_api import (
    MemInfoPointer,
    Tuple,
    cgutils,
    impl_ret_borrowed,
    impl_ret_new_ref,
    make_array,
    populate_array,
    signature,
    struct_value,
)
from lossreg.kernels.compiler.options import BLOCK


class KernelRow(types.Type):
    """A base class of the types of rows that are not numba's arrays; such a row has a length.

    dtype: the type of the numbers that a kernel reads from a row and stores in it.
    """

    dtype: Any


class RowArray(types.Array):
    """A base class of the types of arrays whose rows have a type of their own, and are found by a function.

    row: the type of a row.
    """

    row: Any

    def row_at(self, context: Any, builder: Any, array: Any, index: Any) -> Any:
        """Emit a row of an array of this type."""
        raise NotImplementedError


@intrinsic
def items(typing: Any, operands: Any, key: Any) -> Any:
    """Index every array of a tuple with `key`, an integer or a slice; keep the other members."""
    signatures = [
        typing.resolve_function_type(operator.getitem, (operand, key), {})
        if isinstance(operand, types.Array) and not isinstance(operand, RowArray)
        else None
        for operand in operands
    ]
    found = [
        getitem.return_type if getitem else operand.row if isinstance(operand, RowArray) else operand
        for operand, getitem in zip(operands, signatures, strict=True)
    ]

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        packed, index = arguments
        results = []
        for at, getitem in enumerate(signatures):
            value = builder.extract_value(packed, at)
            if isinstance(operands[at], RowArray):
                value = operands[at].row_at(context, builder, value, context.cast(builder, index, key, types.intp))
            elif (
                getitem is not None and isinstance(getitem.return_type, types.Array) and isinstance(key, types.Integer)
            ):
                kinds = (operands[at], getitem.return_type)
                value = borrowed_row(context, builder, kinds, value, context.cast(builder, index, key, types.intp))
            elif getitem is not None:
                index_in = context.cast(builder, index, key, getitem.args[1])
                value = context.get_function(operator.getitem, getitem)(builder, (value, index_in))
            results.append(value)
        return context.make_tuple(builder, form.return_type, results)

    return signature(Tuple(found), operands, key), generate


def borrowed_row(context: Any, builder: Any, kinds: tuple[Any, Any], array: Any, index: Any) -> Any:
    """Emit a row of an array, without a reference to it and without numba's test for a negative index."""
    matrix = make_array(kinds[0])(context, builder, array)
    shape, strides = (cgutils.unpack_tuple(builder, part) for part in (matrix.shape, matrix.strides))
    data = cgutils.pointer_add(builder, matrix.data, builder.mul(index, strides[0]))
    return unheld(context, builder, kinds[1], data, shape[1:], strides[1:])


def unheld(context: Any, builder: Any, kind: Any, data: Any, shape: Any, strides: Any) -> Any:
    """Emit an array of the memory at a pointer, without ownership: it has no reference count."""
    array = make_array(kind)(context, builder)
    populate_array(
        array,
        data=data,
        shape=shape,
        strides=strides,
        itemsize=context.get_constant(types.intp, context.get_abi_sizeof(data.type.pointee)),
        meminfo=cgutils.get_null_value(context.get_value_type(MemInfoPointer(types.voidptr))),
    )
    return struct_value(array)


@intrinsic
def scratch(_: Any, like: Any) -> Any:
    """Allocate a buffer of BLOCK numbers of the type of `like` on the stack; it overlaps no array and is not freed."""
    row = types.Array(like, 1, "C")

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        data = cgutils.alloca_once(builder, context.get_value_type(like), BLOCK)
        size, step = (
            context.get_constant(types.intp, each) for each in (BLOCK, context.get_abi_sizeof(data.type.pointee))
        )
        return unheld(context, builder, row, data, [size], [step])

    return signature(row, like), generate


PADDING = 1024
"""Bytes before and after a heap buffer. LLVM tests at run time whether rows that are closer together overlap, and its
code for overlapping rows adds up in another order."""


@intrinsic
def heap_buffer(_: Any, row: Any) -> Any:
    """Allocate a reference-counted row of the shape of another: like numpy.empty_like, which takes 60 ms to compile."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        given, made = make_array(row)(context, builder, arguments[0]), make_array(row)(context, builder)
        size = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(row.dtype)))
        padding = context.get_constant(types.intp, 2 * PADDING)
        memory = context.nrt.meminfo_alloc(builder, builder.add(builder.mul(given.nitems, size), padding))
        data = cgutils.pointer_add(builder, context.nrt.meminfo_data(builder, memory), padding.type(PADDING))
        populate_array(
            made,
            data=builder.bitcast(data, made.data.type),
            shape=cgutils.unpack_tuple(builder, given.shape),
            strides=[size],
            itemsize=size,
            meminfo=memory,
        )
        return impl_ret_new_ref(context, builder, row, struct_value(made))

    return signature(row, row), generate


@intrinsic
def arrays(_: Any, operands: Any) -> Any:
    """The arrays among the operands; one empty array if there are none: numba cannot loop over an empty tuple."""
    kept = [at for at, operand in enumerate(operands) if isinstance(operand, types.Array | KernelRow)]
    found = [operands[at] for at in kept] or [types.Array(types.float32, 1, "C")]

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        values = [builder.extract_value(arguments[0], at) for at in kept]
        values = values or [context.get_constant_null(found[0])]
        return impl_ret_borrowed(
            context, builder, form.return_type, context.make_tuple(builder, form.return_type, values)
        )

    return signature(Tuple(found), operands), generate


@intrinsic
def cast(_: Any, operands: Any, like: Any) -> Any:
    """Cast the floats of a tuple to the type of `like`; keep the other members."""
    found = [like if isinstance(operand, types.Float) else operand for operand in operands]

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        values = [
            context.cast(builder, builder.extract_value(arguments[0], at), operand, to)
            for at, (operand, to) in enumerate(zip(operands, found, strict=True))
        ]
        # One more tuple now holds references to the arrays.
        return impl_ret_borrowed(
            context, builder, form.return_type, context.make_tuple(builder, form.return_type, values)
        )

    return signature(Tuple(found), operands, like), generate


@intrinsic
def scaled(typing: Any, numbers: Any, factor: Any, counts: Any) -> Any:
    """Multiply each number of a tuple, or each of its vectors of lanes, by a factor; 0 where `counts` is false."""
    products = [typing.resolve_function_type(operator.mul, (number, factor), {}) for number in numbers]
    found = [product.return_type for product in products]

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        packed, multiplier, condition = arguments
        results = []
        for at, (number, product) in enumerate(zip(numbers, products, strict=True)):
            pair = (builder.extract_value(packed, at), multiplier)
            given = [context.cast(builder, *each) for each in zip(pair, (number, factor), product.args, strict=True)]
            result = context.get_function(operator.mul, product)(builder, given)
            results.append(builder.select(condition, result, context.get_constant_null(product.return_type)))
        return context.make_tuple(builder, form.return_type, results)

    return signature(Tuple(found), numbers, factor, counts), generate


@intrinsic
def store_items(_: Any, destinations: Any, index: Any, numbers: Any) -> Any:
    """Store each number of a tuple at `index`, not negative, of its own one-dimensional array; skip None."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        packed, at, values = arguments
        for position, (kind, number) in enumerate(zip(destinations, numbers, strict=True)):
            if isinstance(kind, types.Array):
                array = make_array(kind)(context, builder, builder.extract_value(packed, position))
                place = cgutils.get_item_pointer(context, builder, kind, array, [at], wraparound=False)
                value = context.cast(builder, builder.extract_value(values, position), number, kind.dtype)
                context.pack_value(builder, kind.dtype, value, place)
        return context.get_dummy_value()

    return signature(types.none, destinations, types.intp, numbers), generate
