"""Numbers that record the operations of a kernel, each with its derivative by the first input.

The functions of lossreg.kernels.numerics have rules of their own, so that sigmoid and softplus have the right
derivative at 0 too, where differentiating through abs gives 0.
"""

from __future__ import annotations

import math
import types
from typing import TYPE_CHECKING, Any

from lossreg.definition.plain_python.substitution import SubstitutedModule, copy_function
from lossreg.errors import InvalidParameter
from lossreg.kernels import numerics

if TYPE_CHECKING:
    from collections.abc import Callable


class UndecidedError(Exception):
    """Raised where a kernel asks for a condition that is not decided yet."""


class Recording:
    """The statements of a kernel as it runs, with the conditions that are decided."""

    def __init__(self, decided: tuple[bool, ...]) -> None:
        self.statements: list[str] = []
        self.decided = list(decided)
        self.condition = ""

    def assign(self, expression: str, derivative: Any = None) -> Recorded:
        """Add a statement; return the number that it assigns."""
        name = f"t{len(self.statements)}"
        self.statements.append(f"{name} = {expression}")
        return Recorded(self, name, derivative)

    def decide(self, name: str) -> bool:
        """Whether a condition holds on this way through the kernel."""
        if not self.decided:
            self.condition = name
            raise UndecidedError
        return self.decided.pop(0)


class Recorded:
    """A number or condition in a recording; `derivative` is another one, or None for 0."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, recording: Recording, name: str, derivative: Any = None) -> None:
        self.recording, self.name, self.derivative = recording, name, derivative

    def __bool__(self) -> bool:
        return self.recording.decide(self.name)

    def __neg__(self) -> Any:
        return self.recording.assign(f"-{self.name}", None if self.derivative is None else -self.derivative)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        inner = self.derivative
        return self.recording.assign(
            f"abs({self.name})", None if inner is None else inner * called("sign", still(self))
        )

    def __invert__(self) -> Any:
        return self.recording.assign(f"not {self.name}")

    def __add__(self, other: Any) -> Any:
        return self.recording.assign(f"{self.name} + {text(other)}", plus(self.derivative, slope(other)))

    def __radd__(self, other: Any) -> Any:
        return self.recording.assign(f"{text(other)} + {self.name}", self.derivative)

    def __sub__(self, other: Any) -> Any:
        inner = slope(other)
        return self.recording.assign(
            f"{self.name} - {text(other)}", plus(self.derivative, None if inner is None else -inner)
        )

    def __rsub__(self, other: Any) -> Any:
        inner = self.derivative
        return self.recording.assign(f"{text(other)} - {self.name}", None if inner is None else -inner)

    def __mul__(self, other: Any) -> Any:
        found = plus(times(self.derivative, other), times(slope(other), self))
        return self.recording.assign(f"{self.name} * {text(other)}", found)

    def __rmul__(self, other: Any) -> Any:
        return self.recording.assign(f"{text(other)} * {self.name}", times(self.derivative, other))

    def __truediv__(self, other: Any) -> Any:
        made = self.recording.assign(f"{self.name} / {text(other)}")
        inner = times(slope(other), made)
        top = plus(self.derivative, None if inner is None else -inner)
        # By a reciprocal where the divisor varies: kernels often divide by it again, and a division takes as long as
        # ten products. A constant may be so small that its reciprocal overflows.
        made.derivative = None if top is None else top / other if inner is None else top * (1 / still(other))
        return made

    def __rtruediv__(self, other: Any) -> Any:
        return self.recording.assign(text(other)) / self

    def __pow__(self, other: Any) -> Any:
        if slope(other) is not None:
            return called("exp", other * called("log", self))
        exponent = repr(other) if isinstance(other, int) else text(other)
        made = self.recording.assign(f"{self.name} ** {exponent}")
        made.derivative = None if self.derivative is None else still(self) ** (other - 1) * other * self.derivative
        return made

    def __rpow__(self, other: Any) -> Any:
        return called("exp", self * called("log", self.recording.assign(text(other))))


def compared(sign: str) -> Callable[[Recorded, Any], Any]:
    """A comparison or a logical operation, which has no derivative."""
    return lambda self, other: self.recording.assign(f"{self.name} {sign} {text(other)}")


for method, operator in {
    "__lt__": "<",
    "__le__": "<=",
    "__gt__": ">",
    "__ge__": ">=",
    "__eq__": "==",
    "__ne__": "!=",
    "__and__": "&",
    "__or__": "|",
    "__rand__": "&",
    "__ror__": "|",
}.items():
    setattr(Recorded, method, compared(operator))


def text(x: Any) -> str:
    """A number or condition as it is written; constants have the type of the inputs."""
    if isinstance(x, Recorded):
        return x.name
    if isinstance(x, bool):
        return repr(x)
    return f"T({x!r})" if math.isfinite(x) else f"T({'NAN' if math.isnan(x) else '-INFINITY' if x < 0 else 'INFINITY'})"


def slope(x: Any) -> Any:
    """The derivative of a number, None for 0."""
    return x.derivative if isinstance(x, Recorded) else None


def plus(x: Any, y: Any) -> Any:
    """The sum of two derivatives."""
    return y if x is None else x if y is None else x + y


def times(x: Any, factor: Any) -> Any:
    """The product of a derivative and a number."""
    return None if x is None else x * still(factor)


def still(x: Any) -> Any:
    """A number without its derivative, as derivatives are differentiated no further."""
    return Recorded(x.recording, x.name) if isinstance(x, Recorded) else x


def called(name: str, *x: Any) -> Any:
    """A call of a function of lossreg.kernels.numerics."""
    recording = next(each.recording for each in x if isinstance(each, Recorded))
    made = recording.assign(f"{name}({', '.join(map(text, x))})")
    if name in RULES and any(slope(each) is not None for each in x):
        made.derivative = RULES[name](made, *[(still(each), slope(each)) for each in x])
    return made


def no_rule(name: str) -> Callable[..., Any]:
    """Refuse a function whose derivative is not known."""

    def refuse(*_: Any) -> Any:
        raise InvalidParameter(f"the derivative of {name} is not known")

    return refuse


TWO_BY_ROOT_PI = 2 / math.sqrt(math.pi)
RULES: dict[str, Callable[..., Any]] = {
    "exp": lambda made, x: made * x[1],
    "expm1": lambda _, x: called("exp", x[0]) * x[1],
    "log": lambda _, x: x[1] / x[0],
    "log1p": lambda _, x: x[1] / (1 + x[0]),
    "sqrt": lambda made, x: x[1] / (2 * made),
    "sigmoid": lambda made, x: made * called("sigmoid", -x[0]) * x[1],
    "softplus": lambda _, x: called("sigmoid", x[0]) * x[1],
    "tanh": lambda made, x: (1 - made * made) * x[1],
    "erf": lambda _, x: called("exp", -x[0] * x[0]) * TWO_BY_ROOT_PI * x[1],
    "atan": lambda _, x: x[1] / (1 + x[0] * x[0]),
    "hypot": lambda made, x, y: plus(times(x[1], x[0] / made), times(y[1], y[0] / made)),
    "sin": lambda _, x: called("cos", x[0]) * x[1],
    "cos": lambda _, x: -called("sin", x[0]) * x[1],
    "lgamma": lambda _, x: called("digamma", x[0]) * x[1],
    "digamma": no_rule("digamma"),
    "stirling_error": no_rule("stirling_error"),
    "power": lambda _, x, p: (
        called("power", x[0], p[0] - 1) * p[0] * x[1] if p[1] is None else no_rule("a power by its exponent")()
    ),
    "difference": lambda _, x, y: plus(x[1], None if y[1] is None else -y[1]),
    "ratio": lambda made, x, y: times(plus(x[1], None if y[1] is None else -times(y[1], made)), 1 / y[0]),
    "weighted": lambda _, w, x: (
        called("weighted", w[0], x[1]) if w[1] is None else plus(times(w[1], x[0]), times(x[1], w[0]))
    ),
    "log_sum": lambda _, x, y: plus(x[1], y[1]) / (x[0] + y[0]),
    "log1p_square": lambda _, x: x[1] * 2 * x[0] / (1 + x[0] * x[0]),
    "copysign": lambda _, x, y: None if x[1] is None else x[1] * called("copysign", called("sign", x[0]), y[0]),
    "sign": lambda *_: None,
    "isnan": lambda *_: None,
    "isfinite": lambda *_: None,
    "isinf": lambda *_: None,
}
"""By the name of a function: its derivative, from its result and its arguments. Other functions are recorded."""
FUNCTIONS = {name: getattr(numerics, name, None) or getattr(math, name) for name in RULES}
"""What the written function calls."""
NAMES = {function: name for name, function in FUNCTIONS.items()}
NAMES |= {getattr(math, name): name for name in RULES if hasattr(math, name)} | {math.pow: "power"}
"""The name of each function that a kernel may call."""


def recorded_value(value: Any, name: str) -> Any:
    """What replaces a value that a kernel refers to."""
    value = getattr(value, "py_func", value)
    if value is type:
        return type_of
    if isinstance(value, types.FunctionType | types.BuiltinFunctionType) and value in NAMES:
        return lambda *x: called(NAMES[value], *x) if any(isinstance(each, Recorded) for each in x) else value(*x)
    if isinstance(value, types.ModuleType):
        return SubstitutedModule(value, recorded_value)
    if isinstance(value, types.FunctionType):
        return copy_function(value, recorded_value, {})
    return value


def type_of(x: Any) -> Any:
    """The type of a number: a function that converts to the type of the inputs."""
    if not isinstance(x, Recorded):
        return type(x)
    return lambda y: x.recording.assign(f"T({y.name})", slope(y)) if isinstance(y, Recorded) else y
