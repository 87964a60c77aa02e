"""Describe a plugin in words: the text that `lossreg show` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.definition.loss import Loss
from lossreg.formatting import as_yaml, columns
from lossreg.registry.loading import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.definition.component import Component
    from lossreg.definition.signature import Form, Input
    from lossreg.registry.registries import Offer


def describe(
    kind: str, offer: Offer[Any], component: Component, *, trainable: bool = True, elsewhere: Iterable[str] = ()
) -> str:
    """Return a plugin's documentation, inputs, parameters (as YAML if a config can have it) and origin.

    `elsewhere` has the names that other libraries have for it.
    """
    blocks = [f"{component.name} ({kind})", without_examples(component.doc)]
    forms = component.forms if isinstance(component, Loss) else []
    blocks.extend("or " * (form is not forms[0]) + describe_inputs(form) for form in forms)
    installed = not offer.value.endswith(SUFFIX)
    name = component.name if installed else offer.value
    blocks.append("in YAML\n" + config_of(kind, component, name) if trainable else python_parameters(component))
    coupled = forms[0].couples if forms else ""
    facts = [
        ("measures", ", ".join(getattr(component, "kinds", ()))),
        ("task", getattr(component, "task", "")),
        ("samples coupled", coupled),
        ("elsewhere", ", ".join(elsewhere)),
        ("from", str(offer) if installed else "a file that is not installed; a config has its path"),
        ("file", component.file),
    ]
    blocks.append("origin\n" + indented((name, value) for name, value in facts if value))
    return "\n\n".join(blocks)


def without_examples(doc: str) -> str:
    """Return a docstring without its examples, which are for those who read and test the source."""
    paragraphs = doc.split("\n\n")
    return "\n\n".join(paragraph for paragraph in paragraphs if not paragraph.lstrip().startswith(">>>")).rstrip()


def describe_inputs(form: Form) -> str:
    """Return the inputs of one form of a loss: name, domain and shape."""
    rows = ([entry.name, f"{entry.domain.name}: {entry.description}", shape(entry, form)] for entry in form.inputs)
    return "inputs\n" + indented(rows)


def shape(entry: Input, form: Form) -> str:
    """Return an input's shape, relative to the form's other inputs."""
    if entry.axes:
        axes = f"({', '.join(entry.axes)})"
        return axes + ", one or more arrays" * entry.variadic + ", optional" * entry.optional
    axis = next((other.axis for other in form.inputs if other.axis is not None), None)
    if axis is None:
        return "any shape" if len(form.inputs) == 1 else "any shape, the same for all inputs"
    rows, single = ("(C), (N, C) or (N, C, ...)", "(), (N) or (N, ...)") if axis == 1 else ("(..., D)", "(...)")
    return rows if entry.axis is not None else single


def config_of(kind: str, component: Component, name: str) -> str:
    """Return the lines of a config that choose the plugin: every parameter, with its default and what it may be."""
    rows = [[f"name: {as_yaml(name)}", ""]]
    for parameter in component.parameters:
        required, default = ("required: ", "") if parameter.required else ("", as_yaml(parameter.default))
        rows.append([f"{parameter.name}: {default}", f"# {required}{parameter.description}"])
    first, *rest = columns(rows)
    # A config lists trackers and metrics.
    key, dash, indent = (f"{kind}s", "- ", "  ") if kind in {"tracker", "metric"} else (kind, "", "")
    return "\n".join([f"  {key}:", f"    {dash}{first}", *(f"    {indent}{line}" for line in rest)])


def python_parameters(component: Component) -> str:
    """Return the parameters of a loss that no config can train with: each with its default and what it may be."""
    rows = ([p.name, "required" if p.required else repr(p.default), p.description] for p in component.parameters)
    return "from Python only, because no model for tables gives these inputs\n" + indented(rows)


def indented(rows: Iterable[Iterable[str]]) -> str:
    """Return rows in indented columns."""
    return "\n".join(f"  {line}".rstrip() for line in columns(rows))
