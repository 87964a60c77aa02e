"""`lossreg predict`: predict new rows by the model of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.commands.results.output import add_names

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from lossreg.experiment.prediction.trained_model import TrainedModel


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Predict the rows of a file by the model of a finished run, and print them as CSV: the prediction, and the "
        "probability of each class where the loss defines it. The file has the columns that the model was trained on, "
        "in any order, and is read as the run's data were (data.separator, data.decimal, ...); .npy holds an array."
    )
    command = commands.add_parser("predict", help="predict new rows by the model of a run", description=description)
    add_names(command, 1)
    command.add_argument("file", metavar="FILE", help="the file of rows: .csv, .parquet or .npy")
    command.add_argument("-o", "--output", metavar="FILE", help="the file to write (default: standard output)")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Predict, and print or write the predictions."""
    from pathlib import Path

    from lossreg.commands.output import say, warn
    from lossreg.experiment.prediction.trained_model import load
    from lossreg.experiment.storage.files import write
    from lossreg.experiment.storage.query import find

    model = load(find(options.names, options.runs)[0].path)
    outputs = model.outputs(read(Path(options.file), model))
    for note in model.notes:
        warn(note)
    content = as_csv(model, outputs)
    if options.output is None:
        print(content, end="")
    else:
        write(Path(options.output), content, "-o FILE writes to another file")
        say(f"{options.output}: {len(outputs)} rows")


def read(path: Path, model: TrainedModel) -> Any:
    """Read a file of rows, with the options of the run's data where it is of the same kind."""
    import numpy as np

    from lossreg.errors import InvalidInput, LossregError
    from lossreg.extras import optional_imports
    from lossreg.registry.registries import data

    if path.suffix == ".npy":
        try:
            return np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InvalidInput(f"{path}: cannot be read as npy: {error}") from None
    trained = model.config.data
    kind = "parquet" if path.suffix in (".parquet", ".pq") else "csv"
    same = trained.name == kind
    component = trained.component if same else data.get(kind)
    given = dict(trained.parameters) if same else component.bind({"path": "", "target": list(model.targets)})
    # The target and the choice of columns are those of the model.
    settings = {**given, "path": str(path), "columns": None}
    try:
        with optional_imports():
            return component.function(**settings)
    except LossregError as error:
        raise InvalidInput(str(error).removeprefix("path: ")) from None


def as_csv(model: TrainedModel, outputs: Any) -> str:
    """Predictions and probabilities as CSV."""
    import csv
    from io import StringIO

    import numpy as np

    from lossreg.formatting import csv_cell

    predictions = model.predictions(outputs)
    columns = predictions if predictions.ndim > 1 else predictions[:, np.newaxis]
    width = columns.shape[1]
    names = model.targets if len(model.targets) == width else model.classes if len(model.classes) == width else ()
    header = list(names) or ["prediction", *(f"prediction_{number}" for number in range(2, width + 1))]
    table = columns.tolist()
    probabilities = model.probabilities(outputs)
    if probabilities is not None:
        classes = model.classes or tuple(map(str, range(probabilities.shape[1])))
        header += [f"probability of {name}" for name in classes]
        table = [[*row, *more] for row, more in zip(table, probabilities.tolist(), strict=True)]
    output = StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow([csv_cell(name) for name in header])
    writer.writerows([[csv_cell(cell) for cell in row] for row in table])
    return output.getvalue()
