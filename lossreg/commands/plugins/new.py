"""`lossreg new`: write the files of a new loss, as a distribution that can be installed and tested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

KINDS = {
    "element": "its kernel is the formula of one element, as for regression or binary targets",
    "row": "its kernel takes one row, such as the scores of all classes or an embedding",
    "batch": "its kernel takes the arrays of a batch, as for sequences, rankings or layers",
}
REGRESSION = (
    "data: {name: diabetes, standardise: true}\n"
    "model: {name: mlp, hidden: [32]}\n"
    "optimizer: {name: adam, lr: 0.1}\n"
    "train: {epochs: 20, batch_size: 32}\n"
)
CLASSIFICATION = (
    "data: {name: digits, standardise: true}\n"
    "model: {name: mlp, hidden: [32]}\n"
    "optimizer: {name: adam, lr: 0.01}\n"
    "train: {epochs: 5, batch_size: 32}\n"
)
CONFIGS = {"element": REGRESSION, "row": CLASSIFICATION, "batch": REGRESSION}
"""The config that trains with the new loss of a kind."""


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = "Write a distribution with one working loss, for you to change."
    command = commands.add_parser("new", help="write the files of a new loss", description=description)
    command.add_argument("name", metavar="NAME", help="the name of the loss and of the new directory, such as my_loss")
    kinds = "; ".join(f"{kind}: {what}" for kind, what in KINDS.items())
    command.add_argument("--kind", choices=KINDS, default="element", help=f"{kinds} (default: element)")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the distribution."""
    import re
    from importlib.resources import files
    from keyword import iskeyword
    from pathlib import Path
    from string import Template

    from lossreg.commands.output import say
    from lossreg.errors import InvalidParameter

    name, kind = options.name, options.kind
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or iskeyword(name):
        raise InvalidParameter(
            f"expected a name of lower-case letters, digits and underscores that is no keyword of Python; got {name!r}"
        )
    folder = Path(name)
    if folder.exists():
        raise InvalidParameter(f"{folder}: exists already; nothing was written")
    words = {"name": name, "dashed": name.replace("_", "-"), "title": name.replace("_", " ").capitalize()}
    written = {
        "pyproject.toml": "pyproject.toml.txt",
        "README.md": "README.md.txt",
        f"{name}.py": f"{kind}.py.txt",
        f"tests/test_{name}.py": "test.py.txt",
    }
    (folder / "tests").mkdir(parents=True)
    for file, template in written.items():
        text = files(f"{__package__}.templates").joinpath(template).read_text("utf-8")
        (folder / file).write_text(Template(text).substitute(words), "utf-8")
    (folder / "config.yaml").write_text(f"{CONFIGS[kind]}loss: {name}\n", "utf-8")
    say(f"wrote {folder}, a distribution with a loss in {name}.py; its README.md has the next steps")
    say(f"install     pip install -e './{folder}[test]'")
    say(f"check       lossreg check {name}")
    say(f"train       lossreg run {folder / 'config.yaml'}")
