"""A plugin in words: what `lossreg show` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.definition import Loss

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.component import Component
    from lossreg.definition import Form, Input
    from lossreg.parameters import Parameter
    from lossreg.registry import Offer


def describe(kind: str, offer: Offer[Any], component: Component) -> str:
    """A plugin's documentation, inputs, parameters and origin."""
    blocks = [f"{component.name} ({kind})", without_examples(component.doc)]
    forms = component.forms if isinstance(component, Loss) else []
    blocks.extend("or " * (form is not forms[0]) + inputs_in_words(form) for form in forms)
    if component.parameters:
        blocks.append("parameters\n" + aligned(map(parameter_in_words, component.parameters)))
    facts = [("task", getattr(component, "task", "")), ("from", str(offer)), ("file", component.file)]
    blocks.append("origin\n" + aligned((name, value) for name, value in facts if value))
    return "\n\n".join(blocks)


def without_examples(doc: str) -> str:
    """Leave out a docstring's examples, which are there for those who read and test the source."""
    paragraphs = doc.split("\n\n")
    return "\n\n".join(paragraph for paragraph in paragraphs if not paragraph.lstrip().startswith(">>>")).rstrip()


def inputs_in_words(form: Form) -> str:
    """The inputs of one form of a loss: name, domain and shape."""
    rows = ([entry.name, f"{entry.domain.name}: {entry.domain.extent}", shape(entry, form)] for entry in form.inputs)
    return "inputs\n" + aligned(rows)


def shape(entry: Input, form: Form) -> str:
    """An input's shape, beside those of the form's other inputs."""
    axis = next((other.axis for other in form.inputs if other.axis is not None), None)
    if axis is None:
        return "any shape" if len(form.inputs) == 1 else "any shape, all alike"
    rows, single = ("(C), (N, C) or (N, C, ...)", "(), (N) or (N, ...)") if axis == 1 else ("(..., D)", "(...)")
    return rows if entry.axis is not None else single


def parameter_in_words(parameter: Parameter) -> list[str]:
    """A parameter's name, domain and default."""
    default = "required" if parameter.required else f"default {as_yaml(parameter.default)}"
    return [parameter.name, default, parameter.allowed]


def as_yaml(value: Any) -> str:
    """A default as a config has it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"[{', '.join(map(as_yaml, value))}]" if isinstance(value, list | tuple) else str(value)


def aligned(rows: Iterable[Iterable[str]]) -> str:
    """Rows in columns, indented."""
    return "\n".join(f"  {line}".rstrip() for line in columns(rows))


def columns(rows: Iterable[Iterable[str]], right: Iterable[bool] = ()) -> list[str]:
    """The lines of a table whose columns are as wide as their widest cell; those that are `right` begin with blanks."""
    table = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    signs = [">" if is_right else "<" for is_right in right] or ["<"] * len(widths)
    line = "  ".join(f"{{:{sign}{width}}}" for sign, width in zip(signs, widths, strict=True))
    return [line.format(*row).rstrip() for row in table]
