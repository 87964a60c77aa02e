"""Statements that a compiled kernel cannot have, found in its source before it is compiled."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossreg.definition.returned_values import counts_of_expression, definition_of, own_returns
from lossreg.errors import InvalidDefinition

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FunctionType


def check_source(name: str, function: FunctionType, results: int = 0) -> bool:
    """Return whether a function may run for ever; raises InvalidDefinition for a statement that no kernel can have.

    results: how many numbers the function returns; not checked if 0. A function without source is not checked.
    """
    definition = definition_of(function)
    if definition is None:
        return True
    for node, problem in problems(definition, results):
        file, line = Path(function.__code__.co_filename).name, node.lineno
        text = ast.unparse(node).partition("\n")[0]
        raise InvalidDefinition(f"{name}: {problem} ({file}, line {line}: {text})")
    return any(isinstance(node, ast.While | ast.For) for node in ast.walk(definition))


REFUSED: dict[type[ast.AST] | tuple[type[ast.AST], ...], str] = {
    (ast.Raise, ast.Assert): "raise an error; declare a domain, which is checked before, or return nan",
    ast.Try: "handle errors, as compiled code raises none; use a condition",
    (ast.Global, ast.Nonlocal): "change what is outside it, as it runs in several threads",
    (ast.Import, ast.ImportFrom): "import; import at the top of the file",
    (ast.Yield, ast.YieldFrom, ast.Await): "be a generator or a coroutine; return the results",
    (ast.GeneratorExp, ast.SetComp, ast.DictComp): "have a generator, a set or a dict; write a loop",
    (ast.JoinedStr, ast.Dict, ast.Set): "use texts, dicts or sets, as it computes with numbers",
}
"""What a kernel cannot do, by the nodes of its syntax."""

REFUSED_CALLS = (
    ("print(", "print, as it runs for every element"),
    *(
        (start, "draw random numbers, as equal calls have equal results; take them as an input")
        for start in ("random.", "np.random.", "numpy.random.")
    ),
)
"""What a kernel cannot do, by how a call begins."""


def problems(definition: ast.FunctionDef, results: int) -> Iterator[tuple[Any, str]]:
    """Yield the nodes of a function that are not allowed, each with the reason."""
    for node in ast.walk(definition):
        for kinds, what in REFUSED.items():
            if isinstance(node, kinds):
                yield node, f"a kernel cannot {what}"
        called = f"{ast.unparse(node.func)}(" if isinstance(node, ast.Call) else ""
        yield from ((node, f"a kernel cannot {what}") for start, what in REFUSED_CALLS if called.startswith(start))
    if not results:
        return
    for statement in own_returns(definition):
        for count in counts_of_expression(statement.value):
            if count != results:
                expected = "the value alone" if results == 1 else f"{results} numbers, a value and its slopes"
                yield statement, f"expected it to return {expected}"
    if can_reach_end(definition.body):
        yield definition.body[-1], "it ends without a return statement in some cases"


def can_reach_end(statements: list[ast.stmt]) -> bool:
    """Whether the statements can be passed without a return, as far as their syntax shows."""
    for statement in statements:
        if isinstance(statement, ast.Return | ast.Raise | ast.Break | ast.Continue):
            return False
        if isinstance(statement, ast.If) and not can_reach_end(statement.body) and not can_reach_end(statement.orelse):
            return False
        if isinstance(statement, ast.While) and isinstance(statement.test, ast.Constant) and statement.test.value:
            return any(isinstance(node, ast.Break) for node in ast.walk(statement))
        if isinstance(statement, ast.With) and not can_reach_end(statement.body):
            return False
    return True
