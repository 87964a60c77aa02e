"""`lossreg export`: write the model of a run as ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.results.output import add_names

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Write the model of a finished run as an ONNX file, which takes the rows of a table as the model does "
        "(scaling, categories and missing cells included) and gives predictions, and probabilities where the loss "
        "defines them. "
        "The file is compared with the model on random rows before it is written."
    )
    command = commands.add_parser("export", help="write the model of a run as ONNX", description=description)
    add_names(command, 1)
    command.add_argument("file", metavar="FILE", help="the file to write, such as model.onnx")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the file, and print its inputs and outputs."""
    from pathlib import Path

    from lossreg.commands.output import say
    from lossreg.experiment.prediction.onnx_check import check
    from lossreg.experiment.prediction.onnx_export import as_onnx
    from lossreg.experiment.prediction.trained_model import load
    from lossreg.experiment.storage.files import write
    from lossreg.experiment.storage.query import find

    model = load(find(options.names, options.runs)[0].path)
    content = as_onnx(model)
    difference = check(content, model)
    write(Path(options.file), content, "FILE may be in another directory")
    say(f"{options.file}: {len(content):,} bytes; results differ from the model's by {difference:.1e} at most")
