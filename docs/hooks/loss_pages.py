"""A page for each loss, and an index of them by task and by family; everything is read from the plugins."""

from __future__ import annotations

import inspect
import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import loss_pictures
import numpy as np
import yaml
from latex2mathml.converter import convert

from lossreg.commands.plugins.show import is_trainable
from lossreg.experiment.choosing.guide import guide
from lossreg.formatting import as_yaml
from lossreg.registry.describe import config_of, shape, without_examples
from lossreg.registry.registries import libraries, losses, normalized_name

sys.path.insert(0, str(Path(__file__).parents[1]))
import generate

if TYPE_CHECKING:
    from lossreg.definition.loss import Loss
    from lossreg.definition.parameters import Parameter
    from lossreg.registry.registries import Offer

ROOT = Path(__file__).parents[2]
SPEED = ROOT / "experiments" / "speed"
EXACTNESS = ROOT / "experiments" / "exactness" / "results.json"
FORMULAS = ROOT / "docs" / "formulas.yaml"
PEERS = ("torch", "torch.compile", "jax.jit", "scikit-learn")
COUPLED = {"anchors": "each with the others", "batch": "in a batch", "groups": "in each group"}
"""What the samples of a loss are coupled with; a parameter may decide it."""
FACTS = re.compile(r"(?:^|(?<=[.;] ))(Shapes|Ranges|Exactness|Source): ", re.MULTILINE)


def pages() -> dict[str, str]:
    """Return the text of each page by its path."""
    return {"losses/index.md": index(), **{f"losses/{loss.name}.md": page(loss) for loss in built_in()}}


@cache
def built_in() -> dict[Loss, Offer[Loss]]:
    """Return the losses that ship with lossreg, with their offers, sorted by name."""
    return {losses.load(offer): offer for offer in losses.offers() if offer.distribution == "lossreg"}


def navigation() -> list[dict[str, list[str]]]:
    """Return the pages of losses as sections of the navigation, one for each family."""
    sections: dict[str, list[str]] = {}
    for loss in built_in():
        sections.setdefault(generate.family(loss), []).append(f"losses/{loss.name}.md")
    return [{title: pages} for title, pages in sorted(sections.items())]


def index() -> str:
    """Return the page with every loss, by task and by family."""
    by_task: dict[str, list[Loss]] = {}
    by_family: dict[str, list[Loss]] = {}
    for loss in built_in():
        by_task.setdefault(loss.task or "other", []).append(loss)
        by_family.setdefault(generate.family(loss), []).append(loss)
    lines = [
        f"# {len(built_in())} losses",
        "",
        "Each has a page with its formula, pictures, parameters and names elsewhere.",
        "[Which loss?](../choosing.md) helps to choose. The task follows from the inputs that a loss takes.",
        "",
        "## By task",
        "",
    ]
    for task, members in sorted(by_task.items()):
        lines += [f"### {task[:1].upper()}{task[1:]}", "", "| loss | what it is |", "|---|---|"]
        lines += [f"| [`{loss.name}`]({loss.name}.md) | {cell(loss.summary)} |" for loss in members]
        lines.append("")
    lines += ["## By family", "", "| family | losses |", "|---|---|"]
    for title, members in sorted(by_family.items()):
        lines.append(f"| {title} | {', '.join(f'[`{loss.name}`]({loss.name}.md)' for loss in members)} |")
    return "\n".join([*lines, ""])


def page(loss: Loss) -> str:
    """Return the page of one loss."""
    name, (summary, *body), facts = loss.name, *documentation(loss)
    title, _, meaning = summary.partition(": ")
    parts = [
        f"---\ndescription: {as_yaml(summary)}\n---\n\n# {name}\n\n**{title}**"
        + (f": {meaning}" if meaning else "")
        + f"\n\n{task_line(loss)}",
        formula(loss),
        "\n\n".join(body),
        loss_pictures.pictures(loss),
        "## Inputs\n\n" + inputs(loss),
        *(f"**{title}.** {text}" for title, text in facts if title in {"Shapes", "Ranges"}),
        "## Parameters\n\n" + parameters(loss),
        "## Use\n\n" + use(loss),
        "## Elsewhere\n\n" + elsewhere(loss) + "\n\n" + "".join(text for title, text in facts if title == "Source"),
        *(f"## Exactness\n\n{text}" for text in [exactness(loss)] if text),
        *(f"## Speed\n\n{text}" for text in [speed(loss)] if text),
        "## Related losses\n\n" + related(loss),
        "## Source\n\n" + source(loss),
    ]
    return "\n\n".join(parts) + "\n"


def formula(loss: Loss) -> str:
    """Return the formula of the value as MathML."""
    return f'<div class="formula">{convert(formulas()[loss.name], display="block")}</div>'


@cache
def formulas() -> dict[str, str]:
    """Return the formulas of values as LaTeX, by the names of the losses."""
    found: dict[str, str] = yaml.safe_load(FORMULAS.read_text("utf-8"))
    return found


def documentation(loss: Loss) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the paragraphs of a docstring up to its facts, and the facts: shapes, ranges, source."""
    doc = inspect.cleandoc(without_examples(loss.doc))
    at = match.start() if (match := FACTS.search(doc)) else len(doc)
    parts = FACTS.split(doc[at:])[1:]
    facts = [(title, " ".join(text.split())) for title, text in zip(parts[::2], parts[1::2], strict=True)]
    # A line that is part of a formula starts with spaces; Markdown needs a blank line before the first of them.
    paragraphs = [escaped(text) for text in re.split(r"\n\s*\n", doc[:at].strip("\n"))]
    return paragraphs, [(title, escaped(text)) for title, text in facts]


def escaped(paragraph: str) -> str:
    """Escape prose for Markdown; a formula, which is indented, stays as it is."""
    if paragraph.startswith("    "):
        return "```text\n" + inspect.cleandoc("\n" + paragraph) + "\n```"
    parts = re.split(r"(`[^`]*`)", paragraph)
    return "".join(part if at % 2 else re.sub(r"([*_<\[\]|\\])", r"\\\1", part) for at, part in enumerate(parts))


def task_line(loss: Loss) -> str:
    """Return what a loss is for and what it can do, as one line."""
    form = loss.forms[0]
    second = [f"`{name}`" for name in loss.hessians]
    facts = [
        f"Task: {loss.task}" if loss.task else "",
        f"family: {generate.family(loss).lower()}",
        f"samples: coupled {COUPLED.get(form.couples, f'as `{form.couples}` says')}"
        if form.couples
        else "samples: independent",
        f"second derivatives: {', '.join(second)}" if second else "",
    ]
    return " · ".join(filter(None, facts))


def inputs(loss: Loss) -> str:
    """Return the inputs of each form as a table."""
    tables = []
    for form in loss.forms:
        lines = ["| input | domain | shape | gradient |", "|---|---|---|---|"]
        for entry in form.inputs:
            requested = "on request" if entry.name in form.slopes else ""
            gradient = "by default" if entry.name in form.default_wrt else requested
            lines.append(f"| `{entry.name}` | {cell(entry.description)} | {cell(shape(entry, form))} | {gradient} |")
        tables.append("\n".join(lines))
    return "\n\nor\n\n".join(tables)


def parameters(loss: Loss) -> str:
    """Return the parameters as a table."""
    if not loss.parameters:
        return "None."
    lines = ["| parameter | default | values |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| `{p.name}` | {default(p)} | {cell(values(p))} |" for p in loss.parameters)])


def default(parameter: Parameter) -> str:
    """Return the default of a parameter."""
    return "required" if parameter.required else f"`{parameter.default!r}`"


def values(parameter: Parameter) -> str:
    """Return what a parameter may be."""
    return parameter.description + ("; also an array" if parameter.accepts_array else "")


def use(loss: Loss) -> str:
    """Return the loss in Python and, if a run can train with it, in a config."""
    required = "".join(f", {p.name}=..." for p in loss.parameters if p.required)
    arguments = ", ".join(entry.name for entry in loss.inputs)
    python = f'criterion = lossreg.create("{loss.name}"{required})\nvalue, grad = criterion.value_and_grad({arguments})'
    blocks = [f"```python\nimport lossreg\n\n{python}\n```"]
    if is_trainable(loss):
        blocks.append("In a config of `lossreg run`, with the defaults:\n\n```yaml\n" + section(loss) + "\n```")
    else:
        blocks.append("It is used from Python only, because no model for tables gives its inputs.")
    return "\n\n".join(blocks)


def section(loss: Loss) -> str:
    """Return the section of a config that chooses the loss."""
    return inspect.cleandoc("\n" + config_of("loss", loss, loss.name))


def elsewhere(loss: Loss) -> str:
    """Return the names that other libraries have for a loss."""
    pytorch = [name for name in generate.PYTORCH if normalized_name(name) == normalized_name(loss.name)]
    names = {"PyTorch": pytorch} | {x: losses.aliases(built_in()[loss], x) for x in libraries()}
    lines = [f"| {library} | {', '.join(f'`{x}`' for x in found)} |" for library, found in names.items() if found]
    if not lines:
        return "No other library that lossreg knows the names of has this loss."
    return "\n".join(["| library | name |", "|---|---|", *lines])


def exactness(loss: Loss) -> str:
    """Return the grade that was measured of a loss, or nothing."""
    if not EXACTNESS.is_file():
        return ""
    results = json.loads(EXACTNESS.read_text("utf-8"))
    found = results["losses"].get(loss.name)
    if not found or not found["grade"]:
        return ""
    about = f"Grade {found['grade']}: {results['grades'][found['grade']]}"
    worst = ", ".join(f"{number:.3g} ulps in {real}" for real, number in found["ulps"].items())
    largest = f" Largest error at ordinary numbers: {worst}." if worst else ""
    reason = dict(documentation(loss)[1]).get("Exactness", "")
    return f"{about} ([what the grades mean](../numbers.md#exactness)).{largest} {reason}".rstrip()


def speed(loss: Loss) -> str:
    """Return what was measured of a loss, or nothing: lossreg's time, and those of other libraries divided by it."""
    rows = [row for row in measurements() if row["loss"] == loss.name]
    if not rows:
        return ""
    peers = [name for name in PEERS if any(name in row["ratios"] for row in rows)]
    lines = [f"| case | lossreg | {' | '.join(peers)} |", "|---" * (len(peers) + 2) + "|"]
    for row in rows:
        own = float(np.median(row["seconds"]["lossreg"]))
        cells = [f"{row['ratios'][name][1]:.2g}" if name in row["ratios"] else "" for name in peers]
        lines.append(f"| {row['case']} | {1e6 * own:,.4g} µs | {' | '.join(cells)} |")
    about = "Value and gradient in float32 on one thread: lossreg's time, and the times of others divided by it"
    return "\n".join([f"{about} ([how it is measured](../speed.md)).", "", *lines])


@cache
def measurements() -> list[dict[str, Any]]:
    """Return the cases of the committed results of the benchmark, and of the losses that are measured apart from it."""
    files = sorted(SPEED.glob("**/results.json"))
    return [case for path in files for case in json.loads(path.read_text("utf-8"))["sections"]["cases"]]


def related(loss: Loss) -> str:
    """Return the losses that the documentation of this one names, those that name this one, and its family."""
    by_name = {other.name: other for other in built_in() if other is not loss}
    named = [other for name, other in by_name.items() if f"`{name}`" in loss.doc]
    naming = [other for other in by_name.values() if f"`{loss.name}`" in other.doc and other not in named]
    rows = [*advice(loss)]
    rows += [f"* [`{other.name}`]({other.name}.md): {escaped(other.summary)}" for other in (*named, *naming)]
    rest = [o for o in by_name.values() if generate.family(o) == generate.family(loss) and o not in (*named, *naming)]
    links = ", ".join(f"[`{other.name}`]({other.name}.md)" for other in rest)
    rows += [f"* In the same family: {links}"] if links else []
    return "\n".join(rows) or "None."


def advice(loss: Loss) -> list[str]:
    """Return what the guide says of a loss: what to take instead of it and when, and instead of what to take it."""
    found: dict[str, None] = {}
    for plain in guide().tasks:
        for problem in guide().problems:
            names = [one.loss for one in problem.instead if plain.key in one.tasks and one.loss != plain.loss]
            when = f"({problem.title[:1].lower()}{problem.title[1:]})"
            if loss.name == plain.loss and names:
                links = " or ".join(f"[`{name}`]({name}.md)" for name in names)
                found[f"* Instead of it {when}: {links}"] = None
            elif loss.name in names:
                found[f"* Instead of [`{plain.loss}`]({plain.loss}.md) {when}"] = None
    return [*found]


def source(loss: Loss) -> str:
    """Return the file of a loss, which can be unfolded."""
    path = Path(loss.file)
    code = "\n".join(f"    {line}".rstrip() for line in path.read_text("utf-8").splitlines())
    folder = "/".join(path.parts[-4:])
    return f'??? example "`{folder}`"\n\n    ```python\n{code}\n    ```'


def cell(text: str) -> str:
    """Return text for a cell of a table."""
    return escaped(text)
