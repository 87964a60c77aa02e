"""Generate the parts of the documents that follow from code and data: losses, their guide, keys of configs, files.

python docs/generate.py --write    # update README.md, and pages in docs/
python docs/generate.py --check    # exit with 1 if one of them is out of date, and say which
"""  # noqa: INP001  a script

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lossreg.experiment.choosing.guide import guide
from lossreg.experiment.config.reference import markdown
from lossreg.registry.registries import losses

if TYPE_CHECKING:
    from lossreg.definition.loss import Loss
    from lossreg.experiment.choosing.guide import Problem

ROOT = Path(__file__).parents[1]

PYTORCH = (
    *("AdaptiveLogSoftmaxWithLoss", "BCELoss", "BCEWithLogitsLoss", "CTCLoss", "CosineEmbeddingLoss"),
    *("CrossEntropyLoss", "GaussianNLLLoss", "HingeEmbeddingLoss", "HuberLoss", "KLDivLoss", "L1Loss"),
    *("LinearCrossEntropyLoss", "MSELoss", "MarginRankingLoss", "MultiLabelMarginLoss", "MultiLabelSoftMarginLoss"),
    *("MultiMarginLoss", "NLLLoss", "PoissonNLLLoss", "SmoothL1Loss", "SoftMarginLoss", "TripletMarginLoss"),
    "TripletMarginWithDistanceLoss",
)
"""PyTorch's loss classes."""


FAMILIES = {
    "binary": "Two classes",
    "classes": "Several classes",
    "distributions": "Distributions and counts",
    "embeddings": "Embeddings",
    "images": "Pixels of images",
    "preference": "Preferences",
    "regression": "Regression",
    "samples": "Samples and distances of distributions",
    "sequences": "Sequences",
    "survival": "Survival",
}
"""The titles of families, where the name of the folder capitalized would not do."""


def family(loss: Loss) -> str:
    """Return the title of a loss's family: the folder that it is in."""
    folder = Path(loss.file).parent.name
    return FAMILIES.get(folder, folder.replace("_", " ").capitalize())


def list_of_losses() -> str:
    """Return the names of the built-in losses by family, as a Markdown list."""
    by_family: dict[str, list[str]] = {}
    for offer in losses.offers():
        if offer.distribution == "lossreg":
            loss = losses.load(offer)
            by_family.setdefault(family(loss), []).append(f"`{loss.name}`")
    return "".join(f"* {title}: {', '.join(names)}\n" for title, names in sorted(by_family.items()))


def choosing() -> str:
    """Return the guide as Markdown: the plain loss of each task, and what to do about each problem."""
    if not guide().tasks:
        raise ValueError("lossreg has no guide, as its entry points are old: run pip install -e . again")
    lines = ["## By task", "", "| you predict | plain loss | it estimates | instead |", "|---|---|---|---|"]
    for plain in guide().tasks:
        others = [one.loss for problem in guide().problems for one in problem.instead if plain.key in one.tasks]
        names = dict.fromkeys(name for name in (*others, *plain.also) if name != plain.loss)
        instead = ", ".join(f"`{name}`" for name in names)
        lines.append(f"| {plain.predicts} | `{plain.loss}` | {plain.estimates} | {instead} |")
    lines += ["", "## By what goes wrong", ""]
    return linked("\n".join(lines + [f"{paragraph(problem)}\n" for problem in guide().problems]), "losses/") + "\n"


def paragraph(problem: Problem) -> str:
    """Return what the guide says about a problem, with a link to the study that measured it."""
    text = f"**{problem.title}.** {problem.prose}"
    if problem.study:
        folder = ROOT / "experiments" / "studies" / problem.study
        title = (folder / "README.md").read_text("utf-8").partition("\n")[0].removeprefix("# ")
        text += f" Measured in [{title}](../experiments/studies/{problem.study}/README.md)"
        text += f": {problem.evidence}." if problem.evidence else "."
    return text + (" `lossreg choose` recognizes it." if problem.sign else "")


def linked(text: str, folder: str) -> str:
    """Return prose in which the names of losses link to their pages."""
    names = "|".join(losses.names())
    return re.sub(rf"`({names})`", lambda match: f"[{match[0]}]({folder}{match[1]}.md)", text)


def tree() -> str:
    """Return the folders and files of lossreg and of its plugins as a Markdown block, with a line about each."""
    lines = [*entries(ROOT / "lossreg", 0), "plugins/"]
    for package in sorted(path.parent for path in (ROOT / "plugins").glob("*/__init__.py")):
        lines += [entry(package, package / "__init__.py", 1)]
        lines += [entry(inner.parent, inner, 2) for inner in sorted(package.glob("*/__init__.py"))]
    return "\n".join(["```", *lines, "```"]) + "\n"


def entries(package: Path, depth: int) -> list[str]:
    """Return the lines of a package, of its modules and of the packages inside it."""
    lines = [entry(package, package / "__init__.py", depth)]
    children = sorted(path for path in package.iterdir() if path.name not in {"__init__.py", "__pycache__"})
    for path in sorted(children, key=lambda path: path.is_dir()):
        if (path / "__init__.py").is_file():
            lines += entries(path, depth + 1)
        elif path.suffix == ".py":
            lines.append(entry(path, path, depth + 1))
    return lines


def entry(path: Path, source: Path, depth: int) -> str:
    """Return the line of one file or folder: its name, and the first line of the docstring in `source`."""
    name = "  " * depth + path.name + ("/" if path.is_dir() else "")
    summary = (ast.get_docstring(ast.parse(source.read_text("utf-8"))) or "").partition("\n")[0]
    return f"{name:<30} {summary}".rstrip()


GENERATED = (
    (ROOT / "README.md", "losses", list_of_losses),
    (ROOT / "docs" / "choosing.md", "guide", choosing),
    (ROOT / "docs" / "config.md", "config", markdown),
    (ROOT / "docs" / "architecture.md", "tree", tree),
)
"""The documents with generated parts: the file, the name of the part in its markers, and what makes the part."""


def split(path: Path, name: str) -> tuple[str, str, str]:
    """Return what a document has before a generated part, the part, and what it has after it."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, opened, rest = path.read_text("utf-8").partition(start)
    part, closed, after = rest.partition(end)
    if not (opened and closed):
        raise ValueError(f"{path} has no part between {start.strip()} and {end}")
    return before + start, part, end + after


def outdated() -> list[str]:
    """Return the names of the documents of which a generated part is out of date."""
    return [path.name for path, name, generate in GENERATED if split(path, name)[1] != generate()]


def write() -> None:
    """Update the generated part of each document."""
    for path, name, generate in GENERATED:
        before, _, after = split(path, name)
        path.write_text(before + generate() + after, "utf-8")


def main() -> int:
    """Check or write the documents; the exit code is 1 if a check fails and 2 for another argument."""
    if sys.argv[1:] == ["--write"]:
        write()
        return 0
    if sys.argv[1:] != ["--check"]:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    stale = outdated()
    if stale:
        sys.stderr.write(f"out of date: {', '.join(stale)}; python docs/generate.py --write updates them\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
