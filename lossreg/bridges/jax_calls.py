"""Calls of criteria from compiled JAX programs: an XLA custom call that reads and writes XLA's buffers where they are.

XLA calls a handler with the address of a call frame, a C structure whose layout belongs to version 0 of XLA's foreign
function interface. Handlers are compiled where a loop takes the arrays as they are (see
lossreg.criterion.native_call): they need no Python, and of 64 rows of 10 logits take half the time of optax's
loss. The handler here runs in Python, for kernels of whole batches, conversions and errors, and holds the interpreter's
lock until the kernel starts. Where the interface is another one, the calls are host callbacks, which copy and take 5 to
20 times as long for small batches.
"""

from __future__ import annotations

import ctypes
import struct
import warnings
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from lossreg.criterion.native_call import NativeCall, native_call
from lossreg.criterion.sums.weighted_sum import WeightedSum
from lossreg.kernels.compiler.xla_handler import (
    API,
    ATTRIBUTES,
    DATA,
    EXECUTE,
    EXTENSION,
    FRAME,
    INPUTS,
    INTERFACE,
    METADATA,
    OUTPUTS,
    STAGE,
    VERSION,
)

if TYPE_CHECKING:
    from lossreg.criterion.criterion import Criterion

    Array = np.ndarray[Any, Any]

TARGET = "lossreg_evaluate"
"""The name of the custom call."""
POINTER = 8
CALL_FRAME = struct.Struct(f"{FRAME}q")
COUNT = 17
"""The word of a call frame with the number of attributes. They are sorted by name; `number` is the last one."""
MAKE_ERROR = 6 * POINTER
INVALID_ARGUMENT = 3


@dataclass(frozen=True)
class Evaluation:
    """What a call computes: the value, and the gradients of some inputs; it knows the types and shapes of all arrays.

    criterion, needed: the criterion, and for each of its inputs whether its gradient is wanted.
    weighted, masked: whether sample weights, and a mask, follow the inputs.
    inputs, outputs: the shapes and dtypes of all arrays.
    """

    criterion: Criterion | WeightedSum
    needed: tuple[bool, ...]
    weighted: bool
    masked: bool
    inputs: tuple[tuple[tuple[int, ...], str], ...]
    outputs: tuple[tuple[tuple[int, ...], str], ...]

    def run(self, inputs: list[Array], outputs: list[Array]) -> None:
        """Fill the outputs, the value and the gradients, from the inputs."""
        arrays, others = inputs[: len(self.needed)], inputs[len(self.needed) :]
        where = others.pop() if self.masked else None
        weight = others.pop() if self.weighted else None
        value, *grads = outputs
        if not any(self.needed):
            value[...] = self.criterion(*arrays, sample_weight=weight, where=where)
            return
        value[...] = self.criterion.value_and_grad(
            *arrays, sample_weight=weight, where=where, wrt=self.wrt(arrays), out=tuple(grads)
        )[0]

    def wrt(self, arrays: list[Array]) -> tuple[str, ...]:
        """The names of the inputs whose gradient is wanted."""
        names = self.criterion.plan(*arrays).input_names
        return tuple([name for name, needs in zip(names, self.needed, strict=True) if needs])


EVALUATIONS: list[Evaluation] = []
"""What the calls of compiled programs refer to by position."""
POSITIONS: dict[Evaluation, int] = {}
"""The position of each."""


def evaluate(
    criterion: Criterion | WeightedSum,
    arrays: tuple[Any, ...],
    weight: Any,
    where: Any,
    needed: tuple[bool, ...],
    value: Any,
) -> list[Any]:
    """The value, which is like `value`, and the gradients of the inputs that are needed, in a JAX program."""
    given = [*arrays, *(x for x in (weight, where) if x is not None)]
    results = [
        value,
        *(jax.ShapeDtypeStruct(x.shape, x.dtype) for x, needs in zip(arrays, needed, strict=True) if needs),
    ]
    kinds = [tuple([(tuple(x.shape), np.dtype(x.dtype).str) for x in each]) for each in (given, results)]
    evaluation = Evaluation(criterion, needed, weight is not None, where is not None, kinds[0], kinds[1])
    if not native():
        return jax.pure_callback(on_host(evaluation), results, *given, vmap_method="sequential")
    at = POSITIONS.setdefault(evaluation, len(EVALUATIONS))
    if at == len(EVALUATIONS):
        EVALUATIONS.append(evaluation)
    call = compiled(evaluation)
    if call is None:
        return jax.ffi.ffi_call(TARGET, results, vmap_method="sequential")(*given, number=np.int64(at))
    results.append(jax.ShapeDtypeStruct((call.scratch,), np.uint8))
    target, program = named_target(call), np.int64(call.program.ctypes.data)
    return jax.ffi.ffi_call(target, results, vmap_method="sequential")(*given, at=program, number=np.int64(at))[:-1]


@cache
def compiled(evaluation: Evaluation) -> NativeCall | None:
    """The compiled handler of an evaluation; None if its arrays are not those that a loop takes as they are."""
    if isinstance(evaluation.criterion, WeightedSum):
        return None
    arrays = [np.empty(*kind) for kind in evaluation.inputs]
    where = arrays.pop() if evaluation.masked else None
    weight = arrays.pop() if evaluation.weighted else None
    address = ctypes.cast(HANDLER, ctypes.c_void_p).value
    assert address is not None  # noqa: S101  it is a function
    return native_call(evaluation.criterion, arrays, weight, where, evaluation.wrt(arrays), address)


NAMES: dict[int, str] = {}
"""The name of the custom call of each compiled handler."""


def named_target(call: NativeCall) -> str:
    """The name of the custom call of a compiled handler, which is registered under it."""
    if call.address not in NAMES:
        NAMES[call.address] = f"{TARGET}_{len(NAMES)}"
        jax.ffi.register_ffi_target(
            NAMES[call.address], jax.ffi.pycapsule(ctypes.c_void_p(call.address)), platform="cpu"
        )
    return NAMES[call.address]


def on_host(evaluation: Evaluation) -> Any:
    """The evaluation as a host callback of JAX."""

    def run(*given: Any) -> list[Array]:
        outputs = [np.empty(shape, kind) for shape, kind in evaluation.outputs]
        evaluation.run([np.asarray(x) for x in given], outputs)
        return outputs

    return run


@cache
def native() -> bool:
    """Register the custom call, and return whether this version of JAX has the interface that it was written for."""
    if "API_MINOR 3\n" in header() and "API_MAJOR 0\n" in header():
        jax.ffi.register_ffi_target(TARGET, jax.ffi.pycapsule(HANDLER), platform="cpu")
        return True
    warnings.warn(
        f"jaxlib {jax.lib.__version__} has another foreign function interface than the one that lossreg knows; "
        "losses are host callbacks, which take longer for small batches",
        RuntimeWarning,
        stacklevel=2,
    )
    return False


def header() -> str:
    """The declarations of the interface that come with jaxlib."""
    from pathlib import Path

    path = Path(jax.ffi.include_dir(), "xla", "ffi", "api", "c_api.h")
    return path.read_text("utf-8") if path.exists() else ""


@ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
def HANDLER(address: int) -> int | None:  # noqa: N802  a constant to its callers
    """Run the evaluation of a call frame; return nothing, or the address of an error."""
    frame = CALL_FRAME.unpack(ctypes.string_at(address, CALL_FRAME.size))
    if frame[EXTENSION]:
        (metadata,) = words(frame[EXTENSION] + METADATA * POINTER, 1)
        ctypes.memmove(metadata + VERSION * POINTER, struct.pack("2i", *INTERFACE), 2 * POINTER // 2)
        return None
    if frame[STAGE] & 0xFFFFFFFF != EXECUTE:
        return None
    try:
        attribute = words(frame[ATTRIBUTES], frame[COUNT])[-1]
        (number,) = words(attribute + POINTER, 1)
        evaluation = EVALUATIONS[words(number, 1)[0]]
        evaluation.run(views(frame[INPUTS], evaluation.inputs), views(frame[OUTPUTS], evaluation.outputs))
    except Exception as error:  # noqa: BLE001  whatever it is, XLA reports it
        return error_of(frame[API], str(error))
    return None


def words(address: int, count: int) -> tuple[int, ...]:
    """Integers of 64 bits at an address."""
    return struct.unpack(f"{count}q", ctypes.string_at(address, count * POINTER))


def views(address: int, kinds: tuple[tuple[tuple[int, ...], str], ...]) -> list[Array]:
    """Arrays over the memory of buffers, whose addresses are at an address."""
    found = []
    for buffer, (shape, kind) in zip(words(address, len(kinds)), kinds, strict=True):
        (data,) = words(buffer + DATA * POINTER, 1)
        size = prod(shape) * np.dtype(kind).itemsize
        memory: Any = (ctypes.c_char * size).from_address(data) if size else b""
        found.append(np.ndarray(shape, kind, memory))
    return found


def error_of(api: int, message: str) -> int:
    """The address of an error of XLA with a message; XLA frees it."""
    make = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(words(api + MAKE_ERROR, 1)[0])
    text = ctypes.create_string_buffer(message.encode())
    size = 3 * POINTER + 4
    arguments = ctypes.create_string_buffer(struct.pack("qqqi", size, 0, ctypes.addressof(text), INVALID_ARGUMENT))
    made: int = make(ctypes.addressof(arguments))
    return made
