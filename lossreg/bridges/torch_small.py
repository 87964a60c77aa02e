"""Losses of small tensors: compiled code that reads and writes their memory, without arrays of numpy in between.

To make arrays of tensors and tensors of arrays takes longer than the loss of 64 rows of 10 numbers, and so does each
other step in Python. What a repeated call needs is kept by the types and shapes of its tensors.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy import empty
from torch import Tensor, empty_like, from_numpy, is_grad_enabled

from lossreg.bridges.torch_compiled import CRITERIA
from lossreg.bridges.torch_functions import OrdinaryCall
from lossreg.criterion.native_call import native_call
from lossreg.criterion.plans.loop_plan import ALIGNED_FROM
from lossreg.criterion.sums.weighted_sum import WeightedSum
from lossreg.kernels.compiler.xla_handler import ATTRIBUTE, ATTRIBUTES, DATA, EXECUTE, FRAME, INPUTS, OUTPUTS, STAGE

if TYPE_CHECKING:
    from lossreg.criterion.native_call import NativeCall

PLAIN = frozenset({Tensor, torch.nn.Parameter})
"""The classes of tensors that are nothing but numbers in memory."""
BUFFER = DATA + 1
"""The words of a buffer of a call frame."""
KEPT = 1024
"""The signatures of calls that are kept."""
KINDS = {
    torch.float32: np.float32,
    torch.float64: np.float64,
    torch.int32: np.int32,
    torch.int64: np.int64,
}
"""The types of tensors that a compiled loop reads as they are."""


@ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
def refuse(frame: int) -> int:  # noqa: ARG001  the arguments of a handler
    """The handler of what a compiled one leaves over, such as an error."""
    return 1


class CallFrame:
    """A call frame, with the buffers of a number of arrays and scratch memory after them.

    words: the words of the buffers; word DATA of each is the address of its numbers.
    """

    def __init__(self, native: NativeCall, inputs: int, outputs: int) -> None:
        self.words = (ctypes.c_int64 * (BUFFER * (inputs + outputs + 1)))()
        self.scratch = empty(native.scratch, np.uint8)
        self.words[BUFFER * (inputs + outputs) + DATA] = self.scratch.ctypes.data
        first = ctypes.addressof(self.words)
        buffers = [first + ctypes.sizeof(ctypes.c_int64) * BUFFER * at for at in range(inputs + outputs + 1)]
        self.program = np.array([native.program.ctypes.data])
        self.attribute = np.zeros(ATTRIBUTE + 1, np.int64)
        self.attribute[ATTRIBUTE] = self.program.ctypes.data
        self.attributes = np.array([self.attribute.ctypes.data])
        self.buffers = np.array(buffers)
        self.frame = np.zeros(FRAME, np.int64)
        self.frame[STAGE], self.frame[ATTRIBUTES] = EXECUTE, self.attributes.ctypes.data
        self.frame[INPUTS], self.frame[OUTPUTS] = self.buffers.ctypes.data, self.buffers[inputs:].ctypes.data
        self.address = self.frame.ctypes.data


class SmallCall:
    """The loss of tensors of certain types and shapes, and the gradients of those that need one.

    fixed: what it is called with besides tensors, as `OrdinaryCall` has it.
    """

    def __init__(self, criterion: Any, native: NativeCall, kind: type, needed: tuple[bool, ...]) -> None:
        self.fixed = criterion, None, None, None
        self.native, self.kind = native, kind
        self.graded = tuple([place for place, needs in enumerate(needed) if needs])
        self.absent = (None,) * len(needed)
        self.function = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(native.address)
        self.unused: list[CallFrame] = []

    def run(self, tensors: tuple[Tensor, ...], needed: tuple[bool, ...]) -> tuple[Tensor, list[Tensor | None] | None]:
        """The value, and the gradients of the inputs that need one, None for the others."""
        try:
            frame = self.unused.pop()
        except IndexError:  # a call in another thread uses it
            frame = CallFrame(self.native, len(tensors), 1 + len(self.graded))
        words, at = frame.words, DATA
        for x in tensors:
            words[at] = x.data_ptr()
            at += BUFFER
        value = from_numpy(empty((), self.kind))
        words[at] = value.data_ptr()
        grads: list[Tensor | None] = [*self.absent]
        for place in self.graded:
            grads[place] = grad = empty_like(tensors[place])
            at += BUFFER
            words[at] = grad.data_ptr()
        refused = self.function(frame.address)
        self.unused.append(frame)
        return OrdinaryCall(*self.fixed).run(tensors, needed) if refused else (value, grads)


def small_call(key: str, tensors: tuple[Tensor, ...]) -> SmallCall | None:
    """How a call of the criterion with a key is computed in compiled code; None if it takes no such tensors."""
    signature: tuple[Any, ...] = ()
    for x in tensors:
        if x.__class__ not in PLAIN or not x.is_cpu or not x.is_contiguous() or x.is_neg():
            return None
        signature += x.dtype, x.shape, x.requires_grad
    found = signature_of(key, is_grad_enabled(), *signature)
    return found.call if found.complete else found.next_call()


class Signature:
    """What calls of a criterion with tensors of certain types and shapes have in common.

    kinds, shapes, needed: the types and shapes of the tensors, and whether they need a gradient.
    call: how such calls are computed, or None if a compiled loop does not take such tensors. It is made when tensors of
        the signature come for the second time, as it takes longer than a batch of a size that does not come again.
    """

    def __init__(self, criterion: Any, kinds: Any, shapes: Any, needed: tuple[bool, ...]) -> None:
        self.criterion, self.kinds, self.shapes, self.needed = criterion, kinds, shapes, needed
        self.call: SmallCall | None = None
        self.complete, self.seen = not self.fits(), False

    def fits(self) -> bool:
        """Whether a compiled loop may take such tensors as they are, in one thread."""
        small = sum(shape.numel() for shape in self.shapes) < ALIGNED_FROM
        reduced = not isinstance(self.criterion, WeightedSum) and self.criterion.reduction != "none"
        return small and reduced and KINDS.keys() >= set(self.kinds)

    def next_call(self) -> SmallCall | None:
        """How the next call is computed."""
        if not self.seen:
            self.seen = True
            return None
        arrays = [empty(shape, KINDS[kind]) for kind, shape in zip(self.kinds, self.shapes, strict=True)]
        plan = self.criterion.plan(*arrays)
        wrt = tuple([name for name, needs in zip(plan.input_names, self.needed, strict=True) if needs])
        otherwise = ctypes.cast(refuse, ctypes.c_void_p).value or 0
        native = native_call(self.criterion, arrays, None, None, wrt, otherwise)
        self.call = None if native is None else SmallCall(self.criterion, native, plan.kind, self.needed)
        self.complete = True
        return self.call


@lru_cache(KEPT)
def signature_of(key: str, graded: bool, *signature: Any) -> Signature:
    """The signature of calls with tensors of these types and shapes that require, or do not require, a gradient."""
    needed = tuple([graded and requires for requires in signature[2::3]])
    return Signature(CRITERIA[key], signature[::3], signature[1::3], needed)
