"""Lanes: one number of each of several elements or rows, as one vector, for which a kernel runs once.

A kernel's loop over ten classes is too short to fill the processor's vectors, and its logarithm is one number. Compiled
for the lanes of 16 rows it does the same with all of them. What both branches of a condition give is computed, and each
lane takes its own (lossreg.kernels.simd.if_conversion).
"""

from __future__ import annotations

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
    """A number of each of several elements or rows."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(f"Lanes({dtype})")

    def can_convert_from(self, _: Any, other: Any) -> Any:
        """A number stands for itself in every row."""
        return Conversion.safe if isinstance(other, types.Number | types.Boolean) else None

    def unify(self, _: Any, other: Any) -> Any:
        """What may be either a number or lanes is lanes."""
        return self if isinstance(other, types.Number | types.Boolean) else None


class LaneClass(types.Opaque):
    """What `type` gives of lanes: it makes lanes of numbers."""

    def __init__(self, instance: Any) -> None:
        self.instance = instance
        super().__init__(f"LaneClass({instance})")


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):
    """A vector."""

    def __init__(self, manager: Any, kind: Lanes) -> None:
        super().__init__(manager, kind, llvm.VectorType(manager[kind.dtype].get_value_type(), LANES))


register_model(LaneClass)(models.OpaqueModel)


def is_number(kind: Any) -> bool:
    """Whether a type is a number, or one for each row."""
    return isinstance(kind, Lanes | types.Number | types.Boolean)


def common(*kinds: Any) -> Any:
    """The type in which numbers meet: of those with a fraction, else of the integers; that of lanes before others."""
    for family in (types.Float, types.Integer, types.Boolean):
        lanes = [kind.dtype for kind in kinds if isinstance(kind, Lanes) and isinstance(kind.dtype, family)]
        found = lanes or [unliteral(kind) for kind in kinds if isinstance(kind, family)]
        if found:
            return max(found, key=lambda kind: getattr(kind, "bitwidth", 1))
    return None


def splat(builder: Any, number: Any) -> Any:
    """Emit a vector of one number."""
    form = llvm.VectorType(number.type, LANES)
    single = builder.insert_element(llvm.Constant(form, llvm.Undefined), number, llvm.IntType(32)(0))
    first = llvm.Constant(llvm.VectorType(llvm.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(single, llvm.Constant(form, llvm.Undefined), first)


def convert(context: Any, builder: Any, value: Any, kind: Any, to: Lanes) -> Any:
    """Emit a number, or lanes, as lanes of another type."""
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
    """The implementation of an operation on vectors."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        return emit(builder, form.args[0].dtype, *arguments)

    return generate


def defines(function: Any, emit: Any, result: Any, count: int) -> None:
    """Define an operation on lanes: what it emits, and its numbers' type from that of the arguments."""

    @kernel_operation(function)
    class Operation(AbstractTemplate):
        def generic(self, args: Any, _: Any) -> Any:
            if len(args) == count and any(isinstance(x, Lanes) for x in args) and all(map(is_number, args)):
                kind = common(*args)
                return signature(Lanes(result(kind)), *(Lanes(kind) for _ in args))
            return None

    lower_builtin(function, *(Lanes for _ in range(count)))(generator(emit))


def call(builder: Any, name: str, *arguments: Any) -> Any:
    """Emit a call of an operation of LLVM's on vectors of floats."""
    form = arguments[0].type
    kind = llvm.FunctionType(form, [form] * len(arguments))
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.{spelt(form)}"), arguments)


def spelt(form: Any) -> str:
    """A vector as LLVM writes it in the names of its operations."""
    number = form.element
    return f"v{LANES}" + ({llvm.FloatType(): "f32", llvm.DoubleType(): "f64"}.get(number) or f"i{number.width}")


def either(by_float: str, by_integer: str) -> Any:
    """An operation that the builder has two names for."""
    return lambda builder, kind, x, y: getattr(builder, by_float if isinstance(kind, types.Float) else by_integer)(x, y)


def comparison(symbol: str) -> Any:
    """A comparison: false where a number is nan, but != true."""

    def emit(builder: Any, kind: Any, x: Any, y: Any) -> Any:
        if isinstance(kind, types.Float):
            return (builder.fcmp_unordered if symbol == "!=" else builder.fcmp_ordered)(symbol, x, y)
        return (builder.icmp_unsigned if kind is types.boolean else builder.icmp_signed)(symbol, x, y)

    return emit


def extreme(symbol: str) -> Any:
    """Python's max or min: the first unless the second is beyond it."""
    return lambda builder, kind, x, y: builder.select(comparison(symbol)(builder, kind, y, x), y, x)


def magnitude(builder: Any, kind: Any, x: Any) -> Any:
    """The absolute value."""
    if isinstance(kind, types.Float):
        return call(builder, "fabs", x)
    return builder.select(builder.icmp_signed("<", x, x.type(None)), builder.neg(x), x)


def negative(builder: Any, kind: Any, x: Any) -> Any:
    """The number with the other sign."""
    return (builder.fneg if isinstance(kind, types.Float) else builder.neg)(x)


def opposite(builder: Any, _: Any, x: Any) -> Any:
    """Not."""
    return builder.not_(x)


def same(kind: Any) -> Any:
    """The type of what operations give numbers of a type: their own."""
    return kind


def truth(_: Any) -> Any:
    """The type of what comparisons give."""
    return types.boolean


FLOATS = {"add": "fadd", "sub": "fsub", "mul": "fmul", "truediv": "fdiv"}
INTEGERS = {name: name for name in ("add", "sub", "mul", "and_", "or_", "xor")} | {"lshift": "shl", "rshift": "ashr"}
COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}

_operations = [
    (getattr(operator, either_way), either(FLOATS.get(name, ""), INTEGERS.get(name, "")), same, 2)
    for name in FLOATS | INTEGERS
    for either_way in (name, f"i{name.rstrip('_')}")
] + [(getattr(operator, name), comparison(symbol), truth, 2) for name, symbol in COMPARISONS.items()]
_operations += [(max, extreme(">"), same, 2), (min, extreme("<"), same, 2), (abs, magnitude, same, 1)]
_operations += [(operator.neg, negative, same, 1), (operator.not_, opposite, truth, 1)]
for _operation in _operations:
    defines(*_operation)


@infer_getattr
class LanesAttributes(AttributeTemplate):
    """What lanes have: their class."""

    key = Lanes

    def resolve___class__(self, lanes: Lanes) -> LaneClass:
        """The class that makes lanes of the same type."""
        return LaneClass(lanes)


@infer_getattr
class LaneClassAttributes(AttributeTemplate):
    """What the class of lanes can do: be called."""

    key = LaneClass

    def resolve___call__(self, kind: LaneClass) -> Any:
        """The call with one number, or lanes."""

        class Making(AbstractTemplate):
            key = kind

            def generic(self, args: Any, _: Any) -> Any:
                return signature(kind.instance, *args) if len(args) == 1 and is_number(args[0]) else None

        return types.Function(Making)


@lower_builtin(LaneClass, types.Any)
def _convert(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
    return convert(context, builder, arguments[0], form.args[0], form.return_type)
