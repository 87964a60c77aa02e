"""A plugin in words: what `lossreg show` prints."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from lossreg.definition.loss import Loss

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.definition.component import Component
    from lossreg.definition.signature import Form, Input
    from lossreg.registry.registries import Offer


def describe(kind: str, offer: Offer[Any], component: Component, *, trainable: bool = True) -> str:
    """A plugin's documentation, inputs, parameters as a config has them, if one can, and origin."""
    blocks = [f"{component.name} ({kind})", without_examples(component.doc)]
    forms = component.forms if isinstance(component, Loss) else []
    blocks.extend("or " * (form is not forms[0]) + inputs_in_words(form) for form in forms)
    blocks.append("in YAML\n" + in_yaml(kind, component) if trainable else in_python(component))
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
    if entry.axes:
        words = f"({', '.join(entry.axes)})"
        return words + " each, all that are left" * entry.several + ", or none" * entry.optional
    axis = next((other.axis for other in form.inputs if other.axis is not None), None)
    if axis is None:
        return "any shape" if len(form.inputs) == 1 else "any shape, all alike"
    rows, single = ("(C), (N, C) or (N, C, ...)", "(), (N) or (N, ...)") if axis == 1 else ("(..., D)", "(...)")
    return rows if entry.axis is not None else single


def in_yaml(kind: str, component: Component) -> str:
    """The lines of a config that choose the plugin, every parameter at its default, with what it may be."""
    rows = [[f"name: {component.name}", ""]]
    for parameter in component.parameters:
        required, default = ("required: ", "") if parameter.required else ("", as_yaml(parameter.default))
        rows.append([f"{parameter.name}: {default}", f"# {required}{parameter.allowed}"])
    first, *rest = columns(rows)
    head, dash, indent = (
        ("trackers", "- ", "  ") if kind == "tracker" else (kind, "", "")
    )  # of trackers there is a list
    return "\n".join([f"  {head}:", f"    {dash}{first}", *(f"    {indent}{line}" for line in rest)])


def in_python(component: Component) -> str:
    """The parameters of a loss that no config can train by, each with its default and what it may be."""
    rows = ([p.name, "required" if p.required else repr(p.default), p.allowed] for p in component.parameters)
    return "from Python only, as no model on a table gives these inputs\n" + aligned(rows)


def as_yaml(value: Any) -> str:
    """A default as a config has it; JSON is YAML, but for what JSON lacks and for text that needs no quotes."""
    if isinstance(value, str) and value.isidentifier():
        return value
    if isinstance(value, float) and not isfinite(value):
        return f"{value:f}".replace("inf", ".inf").replace("nan", ".nan")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_yaml, value))}]"
    from json import dumps

    return dumps(value)


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
