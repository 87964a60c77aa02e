"""Lanes: a numba type for vectors of LANES numbers, one of each of several elements or rows, and its operations.

The loop of a kernel over ten classes is too short to fill vector registers, and its logarithm is a scalar. Compiled for
the lanes of 16 rows, the kernel computes all of them at a time. Both sides of a branch are computed, and each lane
takes its result (lossreg.kernels.simd.if_conversion).
"""

from __future__ import annotations

import math
import operator
from typing import Any

from numba import types
from numba.extending import infer_getattr, lower_builtin, lower_cast, models, register_model

from lossreg.kernels.compiler.numba_api import (
    AbstractTemplate,
    AttributeTemplate,
    Conversion,
    cgutils,
    llvm,
    signature,
    unliteral,
)
from lossreg.kernels.compiler.options import LANES
from lossreg.kernels.compiler.type_inference import kernel_operation


class Lanes(types.Type):
    """The type of a vector of LANES numbers."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(f"Lanes({dtype})")

    def can_convert_from(self, _: Any, other: Any) -> Any:
        """Whether a number can be broadcast to lanes."""
        return Conversion.safe if isinstance(other, types.Number | types.Boolean) else None

    def unify(self, _: Any, other: Any) -> Any:
        """The common type of a number and lanes is lanes."""
        return self if isinstance(other, types.Number | types.Boolean) else None


class LaneClass(types.Opaque):
    """The type of `type(x)` for lanes x, which converts numbers and lanes to lanes."""

    def __init__(self, instance: Any) -> None:
        self.instance = instance
        super().__init__(f"LaneClass({instance})")


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):
    """The data model: an LLVM vector."""

    def __init__(self, manager: Any, kind: Lanes) -> None:
        super().__init__(manager, kind, llvm.VectorType(manager[kind.dtype].get_value_type(), LANES))


register_model(LaneClass)(models.OpaqueModel)


def is_number(kind: Any) -> bool:
    """Whether a type is that of a number or of lanes."""
    return isinstance(kind, Lanes | types.Number | types.Boolean)


def common(*kinds: Any) -> Any:
    """The scalar type of an operation: the widest of the floats, else integers, else booleans; lanes before numbers."""
    for family in (types.Float, types.Integer, types.Boolean):
        lanes = [kind.dtype for kind in kinds if isinstance(kind, Lanes) and isinstance(kind.dtype, family)]
        found = lanes or [unliteral(kind) for kind in kinds if isinstance(kind, family)]
        if found:
            return max(found, key=lambda kind: getattr(kind, "bitwidth", 1))
    return None


def splat(builder: Any, number: Any) -> Any:
    """Broadcast a number to a vector."""
    form = llvm.VectorType(number.type, LANES)
    single = builder.insert_element(llvm.Constant(form, llvm.Undefined), number, llvm.IntType(32)(0))
    first = llvm.Constant(llvm.VectorType(llvm.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(single, llvm.Constant(form, llvm.Undefined), first)


def convert(context: Any, builder: Any, value: Any, kind: Any, to: Lanes) -> Any:
    """Convert a number, or lanes, to lanes of another type."""
    if not isinstance(kind, Lanes):
        return splat(builder, context.cast(builder, value, kind, to.dtype))
    source, target = kind.dtype, to.dtype
    if source == target:
        return value
    form, wider = context.get_value_type(to), getattr(target, "bitwidth", 1) > getattr(source, "bitwidth", 1)
    if isinstance(target, types.Float):
        if isinstance(source, types.Float):
            return (builder.fpext if wider else builder.fptrunc)(value, form)
        return (builder.uitofp if source is types.boolean else builder.sitofp)(value, form)
    if source is types.boolean:
        return builder.zext(value, form)
    return (builder.sext if wider else builder.trunc)(value, form)


@lower_cast(types.Any, Lanes)
@lower_cast(Lanes, Lanes)
def _cast(context: Any, builder: Any, kind: Any, to: Any, value: Any) -> Any:
    return convert(context, builder, value, kind, to)


def generator(emit: Any) -> Any:
    """The implementation of an operation on lanes for numba's lower_builtin."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        return emit(builder, form.args[0].dtype, *arguments)

    return generate


def define(function: Any, emit: Any, result: Any, count: int) -> None:
    """Define an operation on lanes: its code, and the scalar type of the result as a function of the arguments'."""

    @kernel_operation(function)
    class Operation(AbstractTemplate):
        def generic(self, args: Any, _: Any) -> Any:
            if len(args) == count and any(isinstance(x, Lanes) for x in args) and all(map(is_number, args)):
                kind = common(*args)
                return signature(Lanes(result(kind)), *(Lanes(kind) for _ in args))
            return None

    lower_builtin(function, *(Lanes for _ in range(count)))(generator(emit))


def call(builder: Any, name: str, *arguments: Any) -> Any:
    """Call an LLVM intrinsic on vectors of floats."""
    form = arguments[0].type
    kind = llvm.FunctionType(form, [form] * len(arguments))
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.{spelt(form)}"), arguments)


def spelt(form: Any) -> str:
    """The suffix for a vector type in the names of LLVM's intrinsics, such as v16f32."""
    number = form.element
    return f"v{LANES}" + ({llvm.FloatType(): "f32", llvm.DoubleType(): "f64"}.get(number) or f"i{number.width}")


def either(by_float: str, by_integer: str) -> Any:
    """An operation for which the builder has one method for floats and one for integers."""
    return lambda builder, kind, x, y: getattr(builder, by_float if isinstance(kind, types.Float) else by_integer)(x, y)


def comparison(symbol: str) -> Any:
    """A comparison; with nan it is false, except for !=, which is true."""

    def emit(builder: Any, kind: Any, x: Any, y: Any) -> Any:
        if isinstance(kind, types.Float):
            return (builder.fcmp_unordered if symbol == "!=" else builder.fcmp_ordered)(symbol, x, y)
        return (builder.icmp_unsigned if kind is types.boolean else builder.icmp_signed)(symbol, x, y)

    return emit


def extreme(symbol: str) -> Any:
    """Python's max or min: the first argument unless the second is larger, or smaller."""
    return lambda builder, kind, x, y: builder.select(comparison(symbol)(builder, kind, y, x), y, x)


def magnitude(builder: Any, kind: Any, x: Any) -> Any:
    """The absolute value."""
    if isinstance(kind, types.Float):
        return call(builder, "fabs", x)
    return builder.select(builder.icmp_signed("<", x, x.type(None)), builder.neg(x), x)


def negative(builder: Any, kind: Any, x: Any) -> Any:
    """The negative."""
    return (builder.fneg if isinstance(kind, types.Float) else builder.neg)(x)


def root(builder: Any, _: Any, x: Any) -> Any:
    """The square root."""
    return call(builder, "sqrt", x)


def signed(builder: Any, _: Any, x: Any, y: Any) -> Any:
    """The magnitude of the first with the sign of the second."""
    return call(builder, "copysign", x, y)


def inverted(builder: Any, _: Any, x: Any) -> Any:
    """Logical not."""
    return builder.not_(x)


def same(kind: Any) -> Any:
    """The result type of an arithmetic operation: that of the arguments."""
    return kind


def truth(_: Any) -> Any:
    """The result type of a comparison."""
    return types.boolean


FLOATS = {"add": "fadd", "sub": "fsub", "mul": "fmul", "truediv": "fdiv"}
INTEGERS = {name: name for name in ("add", "sub", "mul", "and_", "or_", "xor")} | {"lshift": "shl", "rshift": "ashr"}
COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}

_operations = [
    (getattr(operator, either_way), either(FLOATS.get(name, ""), INTEGERS.get(name, "")), same, 2)
    for name in FLOATS | INTEGERS
    for either_way in (name, f"i{name.rstrip('_')}")
] + [(getattr(operator, name), comparison(symbol), truth, 2) for name, symbol in COMPARISONS.items()]
_operations += [(math.sqrt, root, same, 1), (math.copysign, signed, same, 2)]
_operations += [(max, extreme(">"), same, 2), (min, extreme("<"), same, 2), (abs, magnitude, same, 1)]
_operations += [(operator.neg, negative, same, 1), (operator.not_, inverted, truth, 1)]
for _operation in _operations:
    define(*_operation)


@infer_getattr
class LanesAttributes(AttributeTemplate):
    """The attribute __class__ of lanes."""

    key = Lanes

    def resolve___class__(self, lanes: Lanes) -> LaneClass:
        """The class that makes lanes of the same type."""
        return LaneClass(lanes)


@infer_getattr
class LaneClassAttributes(AttributeTemplate):
    """The attribute __call__ of the class of lanes."""

    key = LaneClass

    def resolve___call__(self, kind: LaneClass) -> Any:
        """The type of a call with one number, or lanes."""

        class ConversionCall(AbstractTemplate):
            key = kind

            def generic(self, args: Any, _: Any) -> Any:
                return signature(kind.instance, *args) if len(args) == 1 and is_number(args[0]) else None

        return types.Function(ConversionCall)


@lower_builtin(LaneClass, types.Any)
def _convert(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
    return convert(context, builder, arguments[0], form.args[0], form.return_type)
