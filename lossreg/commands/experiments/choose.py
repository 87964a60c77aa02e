"""`lossreg choose`: recommend losses for the target of a file of data, say why, and print a config that trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from lossreg.experiment.choosing.recommend import Recommendation
    from lossreg.experiment.data.columns import Columns

CLASSES = 10
"""Up to how many different integers are taken for classes, unless --task says otherwise."""
LEAST = 2
"""How many rows, and how many classes, there have to be."""
TASKS = ("regression", "classification")


def add(commands: Any) -> None:
    """Add the command's parser."""
    description = (
        "Measure the target of a data file: what it is, whether some are far off, classes are rare, labels contradict "
        "those of similar rows, counts vary much, times are censored. Then recommend up to three losses, say why and "
        "which study measured it, and print a config that trains with the first. Everything is an advice: compare the "
        "losses on your data with `lossreg sweep`."
    )
    command = commands.add_parser("choose", help="recommend losses for data, and say why", description=description)
    command.add_argument("file", metavar="FILE", help="a CSV or parquet file")
    command.add_argument("--target", metavar="COLUMN", help="the column to predict, by default the last one")
    whole = f"by default classes if the target has words or at most {CLASSES} different integers"
    command.add_argument("--task", choices=TASKS, help=f"what the target is; {whole}")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure, recommend, and print the config."""
    from pathlib import Path

    from lossreg.commands.output import say
    from lossreg.errors import InvalidInput
    from lossreg.experiment.choosing.measurements import measure
    from lossreg.experiment.choosing.recommend import recommend
    from lossreg.experiment.config.yaml_syntax import dump
    from lossreg.experiment.data.table import Table
    from lossreg.extras import optional_imports
    from lossreg.formatting import columns as in_columns, counted, one_line

    path = Path(options.file)
    settings, source = data_settings(path, options.target, options.task)
    with optional_imports():
        table = Table.of(source)
    for what, count in (("rows", len(table.inputs)), ("classes", len(table.classes) or LEAST)):
        if count < LEAST:
            raise InvalidInput(f"{path}: expected at least two {what}, got {count}")
    measured = measure(table)
    say(f"{path}: {counted(len(table.inputs), 'row')}, target {one_line(settings['target'])}: {measured.task}")
    say("\n".join(f"  {line}".rstrip() for line in in_columns(measured.facts)))
    found = recommend(measured)
    print_recommendations(found)
    say()
    say(f"A config with {found[0].loss}, for `lossreg run`:")
    say()
    say(dump(found[0].config(settings, measured)).rstrip())


def data_settings(path: Path, target: str | None, task: str | None) -> tuple[dict[str, Any], Columns]:
    """Return the key `data` of a config for a file, and its columns as that reads them."""
    from lossreg.commands.experiments.data import cleaned, guessed, load
    from lossreg.errors import InvalidInput, nearest
    from lossreg.experiment.data.columns import Columns, as_arrow
    from lossreg.experiment.data.description import describe

    if path.suffix in {".yaml", ".yml"}:
        raise InvalidInput(f"{path}: expected a CSV or parquet file, not a config")
    given = guessed(path, target)
    columns = load({"data": given}, ())
    assert isinstance(columns, Columns)  # noqa: S101  that is what a file of columns gives
    names = as_arrow(columns.source).column_names
    if target is None:
        given["target"] = names[-1]
    elif target not in names:
        raise InvalidInput(f"target: there is no column {target!r}; {nearest(target, names) or ', '.join(names)}")
    columns = load({"data": given}, ())
    assert isinstance(columns, Columns)  # noqa: S101  as above
    described = describe(columns)
    settings = cleaned(given, described)
    own = next(column for column in described if column.name == given["target"])
    if task is None and own.kind == "number" and is_few_integers(columns, given["target"], own.distinct):
        task = "classification"
    if task is not None:
        settings["task"] = task
    columns = load({"data": settings}, ())
    assert isinstance(columns, Columns)  # noqa: S101  as above
    return settings, columns


def is_few_integers(columns: Columns, target: str, distinct: int) -> bool:
    """Whether a target has few different numbers, all of them integers."""
    import numpy as np

    if distinct > CLASSES:
        return False
    values = columns.options.read(columns.source, [target])[0].values
    known = values[np.isfinite(values)]
    return len(known) > 0 and bool(np.array_equal(known, np.round(known)))


def print_recommendations(found: Sequence[Recommendation]) -> None:
    """Print the losses with their parameters, each with the reason and the study."""
    from textwrap import fill

    from lossreg.commands.output import say, width
    from lossreg.formatting import as_yaml

    before = ""
    for at, one in enumerate(found, 1):
        settings = [f"{name} {as_yaml(value)}" for name, value in [*one.parameters.items(), *one.data.items()]]
        say()
        say(f"{at}. {one.loss}" + (f" with {', '.join(settings)}" if settings else ""))
        study = f" (study: {one.study})" if one.study else ""
        text = f"{one.reason[0].upper()}{one.reason[1:]}.{study}" if one.reason != before else "For the same reason."
        before = one.reason
        say(fill(text, width() or 100, initial_indent="   ", subsequent_indent="   "))
