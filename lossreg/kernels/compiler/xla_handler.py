"""Handlers of XLA's foreign function interface: C functions that run a compiled loop on the buffers of a call.

A handler needs neither Python nor its lock. It gets the address of a call frame, a C structure of version 0.3 of the
interface; what it computes is in its program, an array of integers whose address is an attribute of the call. So
one handler serves all calls with arrays of the same kinds, whatever the kernel and the sizes.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import intrinsic

from lossreg.kernels.compiler.fingerprint import fingerprint
from lossreg.kernels.compiler.intrinsics import unheld
from lossreg.kernels.compiler.numba_api import CPointer, Tuple, c_function, cgutils, llvm, signature, unliteral
from lossreg.kernels.compiler.options import EXACT
from lossreg.kernels.compiler.specialize import clone

INTERFACE = 0, 3
"""The version of the interface, major and minor, whose layout is written down here."""
WORD = 8
"""The bytes of an address."""
EXTENSION, API, STAGE, INPUTS, OUTPUTS, ATTRIBUTES, FRAME = 1, 2, 4, 9, 14, 20, 22
"""The words of a call frame that are read, and how many it has."""
METADATA, VERSION = 3, 3
"""The word of the extension that refers to the metadata, and the word of the metadata with the version."""
EXECUTE = 3
"""The stage in which inputs and outputs are there."""
DATA, ATTRIBUTE = 3, 1
"""The word of a buffer with the address of its numbers, and the word of an attribute with that of its number."""

FALL_BACK, LOOP, EXTENT, DIVISOR, WEIGHT, SIZE, WIDTH, ROW, LABELS = 0, 1, 2, 7, 8, 9, 10, 11, 12
SUM, SUM_EXTENT, LIMITS, FACTORS, CLASSES, PARAMETERS = 13, 14, 18, 21, 22, 23
"""The words of a program: the address of the handler for everything unusual, and of the loop; the five numbers of the
loop's extent, of which the fourth is the number of blocks; the divisor, and the weight of one element; the elements or
rows, and the length of a row; the offsets in the scratch output of a row of slopes, and of labels; the address of the
loop that adds up weights, the four numbers of its extent, its three limits, and the address and the number of weights
by class; then the parameters, each a float, or the address and the size of an array."""
BLOCKS = EXTENT + 3


@intrinsic
def words(_: Any, address: Any) -> Any:
    """The integers at an address."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(form.return_type))

    return signature(CPointer(types.int64), types.int64), generate


@intrinsic
def as_float(_: Any, bits: Any) -> Any:
    """The float64 of these bits."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float64))

    return signature(types.float64, types.int64), generate


@intrinsic
def numbers(_: Any, address: Any, like: Any, shape: Any) -> Any:
    """The C-contiguous array at an address, of the type of `like` and a shape of one or two axes."""
    kind = types.Array(like, len(shape), "C")

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        data = builder.inttoptr(arguments[0], context.get_data_type(like).as_pointer())
        sizes = cgutils.unpack_tuple(builder, arguments[2])
        step = context.get_constant(types.intp, context.get_abi_sizeof(data.type.pointee))
        steps = [step] if len(sizes) == 1 else [builder.mul(sizes[1], step), step]
        return unheld(context, builder, kind, data, sizes, steps)

    return signature(kind, types.int64, like, types.UniTuple(types.int64, len(shape))), generate


RETURNED = Tuple([types.float64, types.boolean])
"""What both loops return: a sum, and a truth."""


@intrinsic
def run_loop(_: Any, address: Any, arguments: Any) -> Any:
    """Call the machine code of a loop, which was compiled for arguments of these types."""
    given = tuple(unliteral(kind) for kind in arguments)

    def generate(context: Any, builder: Any, form: Any, values: Any) -> Any:
        kind = context.call_conv.get_function_type(RETURNED, given)
        function = builder.inttoptr(values[0], kind.as_pointer())
        _, outcome = context.call_conv.call_function(
            builder, function, RETURNED, given, cgutils.unpack_tuple(builder, values[1])
        )
        return outcome

    return signature(RETURNED, types.int64, Tuple(given)), generate


@intrinsic
def fall_back(_: Any, address: Any, frame: Any) -> Any:
    """Call a C function with the address of the call frame."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        word = llvm.IntType(64)
        function = builder.inttoptr(arguments[0], llvm.FunctionType(word, [word]).as_pointer())
        return builder.call(function, [arguments[1]])

    return signature(types.int64, types.int64, types.int64), generate


class Weighing(NamedTuple):
    """What weighs the elements or rows of a call.

    weighted, masked: whether sample weights, and a mask, follow the inputs.
    counted: whether weights are added up; `divides`: whether their sum is the divisor.
    labelled, by_class: whether labels decide on weights, and whether there are weights by class.
    """

    weighted: bool
    masked: bool
    counted: bool
    divides: bool
    labelled: bool
    by_class: bool


@cache
def handler(
    inputs: tuple[Any, ...],
    slopes: tuple[Any, ...],
    parameters: tuple[Any, ...],
    real: type,
    *,
    each: bool,
    weights: Weighing,
) -> Any:
    """Compile the handler for arrays of these kinds, or load it from disk; `address_of` has its address.

    inputs: for each input its numpy type, and whether it has rows; one of int32 is converted to int64.
    slopes: for each slope of the loop what it is: "array", "rows", "scratch", or None.
    parameters: for each parameter its kind, a number type or (type, 1).
    real: the float type, also that of sample weights. each: whether values are stored instead of added up.
    """
    body, space = written(inputs, slopes, parameters, weights, each=each)
    names = {"words": words, "as_float": as_float, "numbers": numbers, "run_loop": run_loop, "fall_back": fall_back}
    space |= names | {"REAL": real(0), "MOST": float(np.finfo(real).max), "F8": np.float64(0), "I8": np.int64(0)}
    space |= {"MASK": np.bool_(False)}
    source = "def handle(frame):\n" + "".join(f"    {line}\n" for line in body)
    space["__name__"] = __name__  # numba's cache imports the module of a function
    exec(compile(source, __file__, "exec"), space)  # noqa: S102  written here
    name = fingerprint(source, inputs, slopes, parameters, real)
    function: Any = clone(space["handle"], name, {}, options=EXACT | {"no_cfunc_wrapper": False})
    function.compile((types.int64,))
    return function


def address_of(handler: Any) -> int:
    """The address of a handler, a C function of the address of a call frame."""
    return c_function(handler, (types.int64,))


def written(
    inputs: tuple[Any, ...], slopes: tuple[Any, ...], parameters: tuple[Any, ...], weights: Weighing, *, each: bool
) -> tuple[list[str], dict[str, Any]]:
    """The statements of a handler, and the types that they refer to."""
    space: dict[str, Any] = {}
    stored = [at for at, kind in enumerate(slopes) if kind in {"array", "rows"}]
    body = [
        "call = words(frame)",
        f"if call[{EXTENSION}] != 0:",
        f"    words(words(call[{EXTENSION}])[{METADATA}])[{VERSION}] = {INTERFACE[0] | INTERFACE[1] << 32}",
        "    return 0",
        f"if call[{STAGE}] & 0xFFFFFFFF != {EXECUTE}:",
        "    return 0",
        f"address = words(words(words(call[{ATTRIBUTES}])[0])[{ATTRIBUTE}])[0]",
        "program = words(address)",
        f"inputs, outputs = words(call[{INPUTS}]), words(call[{OUTPUTS}])",
        f"scratch = words(outputs[{1 + len(stored)}])[{DATA}]",
        f"size, width = program[{SIZE}], program[{WIDTH}]",
        f"sums = numbers(scratch, F8, (program[{BLOCKS}],))",
    ]
    operands, labels = [], "None"
    for at, kind in enumerate(slopes):
        if kind is None:
            operands.append("None")
            continue
        shape = {"array": "size,", "rows": "size, width", "scratch": "1, width"}[kind]
        place = f"scratch + program[{ROW}]" if kind == "scratch" else f"words(outputs[{1 + stored.index(at)}])[{DATA}]"
        body.append(f"slope{at} = numbers({place}, REAL, ({shape}))")
        operands.append(f"slope{at}")
    for at, (kind, has_rows) in enumerate(inputs):
        space[f"TYPE{at}"] = kind(0)
        shape = "size, width" if has_rows else "size,"
        body.append(f"input{at} = numbers(words(inputs[{at}])[{DATA}], TYPE{at}, ({shape}))")
        if kind is np.int32:
            body += [
                f"wide{at} = numbers(scratch + program[{LABELS}], I8, (size,))",
                "for i in range(size):",
                f"    wide{at}[i] = input{at}[i]",
            ]
        operands.append(f"wide{at}" if kind is np.int32 else f"input{at}")
        if weights.labelled and kind in {np.int32, np.int64}:
            labels = operands[-1]
    word = PARAMETERS
    for at, kind in enumerate(parameters):
        if isinstance(kind, tuple):
            space[f"KIND{at}"] = kind[0](0)
            operands.append(f"numbers(program[{word}], KIND{at}, (program[{word + 1}],))")
            word += 2
        else:
            operands.append(f"as_float(program[{word}])" if kind is float else f"program[{word}]")
            word += 1
    following = [f"words(inputs[{len(inputs) + at}])[{DATA}]" for at in range(2)]
    weight = f"numbers({following[0]}, REAL, (size,))" if weights.weighted else "None"
    mask = f"numbers({following[weights.weighted]}, MASK, (size,))" if weights.masked else "None"
    body += [f"weight, mask = {weight}, {mask}", f"divisor = as_float(program[{DIVISOR}])"]
    if weights.counted:
        limits = f"numbers(address + {LIMITS * WORD}, F8, (3,))"
        extent = f"numbers(address + {SUM_EXTENT * WORD}, I8, (4,))"
        factors = f"numbers(program[{FACTORS}], F8, (program[{CLASSES}],))" if weights.by_class else "None"
        given = f"weight, mask, {labels}, {factors}, {limits}, {extent}"
        body.append(f"added, ordinary = run_loop(program[{SUM}], ({given}))")
        if weights.divides:
            body += ["if added != size:", f"    divisor = as_float(program[{WEIGHT}]) * added"]
        body += ["if not (ordinary and divisor > 0):", f"    return fall_back(program[{FALL_BACK}], frame)"]
    values = f"numbers(words(outputs[0])[{DATA}], REAL, (size,))" if each else "None"
    extent = f"numbers(address + {EXTENT * WORD}, I8, (5,))"
    arguments = f"(sums, {values}, weight, mask, 1 / divisor, ({', '.join(operands)},), {extent})"
    body += [
        f"total, outside = run_loop(program[{LOOP}], {arguments})",
        "value = total / divisor",
        f"if outside{'' if each else ' or not abs(value) <= MOST'}:",
        f"    return fall_back(program[{FALL_BACK}], frame)",
    ]
    if not each:
        body.append(f"numbers(words(outputs[0])[{DATA}], REAL, (1,))[0] = value")
    return [*body, "return 0"], space
