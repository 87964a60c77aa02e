"""How many numbers a kernel returns, as its return annotation or its return statements declare.

def squared(x: Real, y: Real) -> tuple[float, float]: ...     a value and one slope
return e * e, 2 * e                                           the same, without an annotation
"""

from __future__ import annotations

import ast
import linecache
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from lossreg.definition.annotations import type_hints
from lossreg.errors import InvalidDefinition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Returned:
    """A declared number of results, and where it is declared."""

    count: int
    place: str

    def __str__(self) -> str:
        numbers = {0: "nothing", 1: "one number"}.get(self.count, f"{self.count} numbers")
        return f"it returns {numbers} ({self.place})"


def returned_values(function: Callable[..., Any]) -> Returned | None:
    """Return how many numbers a function returns, 0 for nothing; None if neither annotation nor source shows it.

    Raises InvalidDefinition if its return statements disagree.
    """
    annotation = type_hints(function).get("return", Any)
    declared = count_of_annotation(annotation)
    if declared is not None:
        return Returned(declared, "its return annotation")
    found = dict.fromkeys(Returned(count, f"line {line}") for count, line in return_statements(function))
    if len({returned.count for returned in found}) > 1:
        counts = ", and ".join(map(str, found))
        raise InvalidDefinition(f"{function.__name__}: expected one number of results in all cases; {counts}")
    return next(iter(found), None)


def count_of_annotation(annotation: Any) -> int | None:
    """Return how many numbers a return annotation stands for, or None if it does not say."""
    if annotation is type(None):
        return 0
    if get_origin(annotation) is tuple:
        return None if ... in get_args(annotation) else len(get_args(annotation))
    plain = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return 1 if plain in (float, int) else None


def return_statements(function: Callable[..., Any]) -> Iterator[tuple[int, int]]:
    """Yield how many numbers each return statement gives, as far as its text shows, and its line in the file."""
    definition = definition_of(function)
    if definition is None:
        return
    statements = list(own_returns(definition))
    for statement in statements:
        for count in counts_of_expression(statement.value):
            yield count, statement.lineno
    if not statements:
        yield 0, definition.lineno


def definition_of(function: Callable[..., Any]) -> ast.FunctionDef | None:
    """Return the syntax tree of a function's definition, or None if its source is not available."""
    code = function.__code__
    tree = parsed("".join(linecache.getlines(code.co_filename, function.__globals__)))
    definitions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return next((node for node in definitions if first_line(node) == code.co_firstlineno), None)


@lru_cache(1)  # several kernels of one file are read one after the other
def parsed(source: str) -> ast.Module:
    """Return the syntax tree of a file, empty if it is not Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def first_line(node: ast.FunctionDef) -> int:
    """Return the line that a definition begins at, that of its first decorator if there is one."""
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def own_returns(tree: ast.AST) -> Iterator[ast.Return]:
    """Yield the return statements of a function, without those of functions inside it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Return):
            yield node
        elif not isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            yield from own_returns(node)


def counts_of_expression(value: ast.expr | None) -> Iterator[int]:
    """Yield how many numbers an expression gives; nothing if its text does not show it, as for a call."""
    if value is None or (isinstance(value, ast.Constant) and value.value is None):
        yield 0
    elif isinstance(value, ast.IfExp):
        yield from counts_of_expression(value.body)
        yield from counts_of_expression(value.orelse)
    elif isinstance(value, ast.Tuple) and not any(isinstance(item, ast.Starred) for item in value.elts):
        yield len(value.elts)
    elif isinstance(value, ast.Constant | ast.BinOp | ast.UnaryOp | ast.Compare):
        yield 1
