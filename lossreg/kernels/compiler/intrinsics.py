"""Operations on a tuple of operands, some of them arrays and some numbers: they let one template serve every signature.

As intrinsics they cost the compiler nothing. As functions that recurse over the tuple, each step was compiled on its
own: 39 functions and 2.8 s for binary cross-entropy, where there are 10 now and 0.9 s.
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


@intrinsic
def items(typing: Any, operands: Any, key: Any) -> Any:
    """Of each array the item or slice at `key`; everything else as it is."""
    signatures = [
        typing.resolve_function_type(operator.getitem, (operand, key), {}) if isinstance(operand, types.Array) else None
        for operand in operands
    ]
    found = [
        operand if getitem is None else getitem.return_type
        for operand, getitem in zip(operands, signatures, strict=True)
    ]

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        packed, index = arguments
        results = []
        for at, getitem in enumerate(signatures):
            value = builder.extract_value(packed, at)
            if getitem is not None and isinstance(getitem.return_type, types.Array) and isinstance(key, types.Integer):
                kinds = (operands[at], getitem.return_type)
                value = borrowed(context, builder, kinds, value, context.cast(builder, index, key, types.intp))
            elif getitem is not None:
                index_in = context.cast(builder, index, key, getitem.args[1])
                value = context.get_function(operator.getitem, getitem)(builder, (value, index_in))
            results.append(value)
        return context.make_tuple(builder, form.return_type, results)

    return signature(Tuple(found), operands, key), generate


def borrowed(context: Any, builder: Any, kinds: tuple[Any, Any], array: Any, index: Any) -> Any:
    """Emit a row of an array that somebody else holds, at an index that is not negative, which numba would ask."""
    whole = make_array(kinds[0])(context, builder, array)
    shape, strides = (cgutils.unpack_tuple(builder, part) for part in (whole.shape, whole.strides))
    data = cgutils.pointer_add(builder, whole.data, builder.mul(index, strides[0]))
    return unheld(context, builder, kinds[1], data, shape[1:], strides[1:])


def unheld(context: Any, builder: Any, kind: Any, data: Any, shape: Any, strides: Any) -> Any:
    """Emit an array of numbers that lie at a pointer, which it does not keep in memory."""
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
    """Room for a block of numbers like one, on the stack: which no other array shares, and nobody has to free."""
    row = types.Array(like, 1, "C")

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        data = cgutils.alloca_once(builder, context.get_value_type(like), BLOCK)
        size, step = (
            context.get_constant(types.intp, each) for each in (BLOCK, context.get_abi_sizeof(data.type.pointee))
        )
        return unheld(context, builder, row, data, [size], [step])

    return signature(row, like), generate


APART = 1024
"""Bytes that no row lies closer to another: of closer ones a loop asks whether they overlap, and adds up otherwise."""


@intrinsic
def room(_: Any, row: Any) -> Any:
    """Room for a row like another, freed when nobody holds it any more: numpy's empty_like takes 60 ms to compile."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        given, made = make_array(row)(context, builder, arguments[0]), make_array(row)(context, builder)
        size = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(row.dtype)))
        around = context.get_constant(types.intp, 2 * APART)
        memory = context.nrt.meminfo_alloc(builder, builder.add(builder.mul(given.nitems, size), around))
        data = cgutils.pointer_add(builder, context.nrt.meminfo_data(builder, memory), around.type(APART))
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
    """The operands that are arrays; one without a number where there are none."""
    kept = [at for at, operand in enumerate(operands) if isinstance(operand, types.Array)]
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
    """The numbers with a fraction in the type of `like`; everything else as it is."""
    found = [like if isinstance(operand, types.Float) else operand for operand in operands]

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        values = [
            context.cast(builder, builder.extract_value(arguments[0], at), operand, to)
            for at, (operand, to) in enumerate(zip(operands, found, strict=True))
        ]
        # Arrays that go through are held by one tuple more.
        return impl_ret_borrowed(
            context, builder, form.return_type, context.make_tuple(builder, form.return_type, values)
        )

    return signature(Tuple(found), operands, like), generate


@intrinsic
def scaled(typing: Any, numbers: Any, factor: Any, counts: Any) -> Any:
    """Each of the numbers times a factor, or 0 where it does not count: numbers, or lanes of them."""
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
    """Store each number in its own array of one axis, at an index that is not negative; None takes no number."""

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
