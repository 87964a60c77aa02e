"""Load the tables of configs, once for all trials of a sweep.

A sweep loads the table of each of its data sets and writes those that are large into files of its directory. The
processes of its trials map these files into memory, so that all share one copy. A data frame is always written, as only
the process of the sweep has it.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.roles import Role
from lossreg.errors import BrokenPlugin, InvalidInput, InvalidParameter, InvalidType
from lossreg.experiment.data.columns import Columns, as_arrow
from lossreg.experiment.data.fingerprint import fingerprint
from lossreg.experiment.data.given_columns import GROUP, SPLIT_BY, SPLIT_COLUMN, take_columns
from lossreg.experiment.data.split import PARTS
from lossreg.experiment.data.table import Table
from lossreg.experiment.storage import files

if TYPE_CHECKING:
    from lossreg.errors import InvalidConfig
    from lossreg.experiment.config.run_config import Config
    from lossreg.experiment.config.yaml_document import KeyPath

FOLDER = ".tables"
FILE = "(file)"
"""The column that says from which file a row is."""
SHARED_BYTES = 2**22
"""The size from which a table is shared; a smaller one is loaded as quickly as it is read."""
TEXTS = ("classes", "features", "target_names", "missing", "notes")
WORDS = ("categories", "codes", "target_words")


class Tables:
    """The tables of configs, each loaded when it is first asked for.

    folder: the directory in which another process has written tables.
    source: the data frame of a config whose data are given in Python.
    """

    def __init__(self, folder: Path | None = None, source: Any = None) -> None:
        self.folder, self.source = folder, source
        self.loaded: dict[str, Table] = {}

    def get(self, config: Config) -> Table:
        """The table of a config; raises InvalidConfig if it cannot be used, and BrokenPlugin if it is no table."""
        key = key_of(config)
        if key not in self.loaded:
            is_written = self.folder is not None and (self.folder / f"{key}.json").is_file()
            self.loaded[key] = read(self.folder, key) if self.folder and is_written else load_data(config, self.source)
        names = [entry.name for each in config.losses for entry in each.component.inputs if entry.role is Role.DATA]
        try:
            settings = dict(config.data.settings)
            if part_files(config):
                settings[SPLIT_COLUMN] = FILE
            return take_columns(self.loaded[key], settings, names)
        except InvalidInput as error:
            raise data_error(config, error) from error

    def write(self, folder: Path) -> None:
        """Write the loaded tables that are large or of a frame, for other processes, and map them into this one."""
        remove(folder)
        for key, table in self.loaded.items():
            if self.source is not None or is_shareable(table):
                folder.mkdir(exist_ok=True)
                write(folder, key, table)
                self.loaded[key] = read(folder, key)


def remove(folder: Path) -> None:
    """Delete written tables; processes that have mapped them keep them."""
    shutil.rmtree(folder, ignore_errors=True)


def key_of(config: Config) -> str:
    """Identify the data of a config: their plugin, its parameters, and the settings by which they are loaded."""
    data = (config.data.name, config.data.parameters, coded_columns(config), part_files(config))
    return blake2b(repr(data).encode(), digest_size=16).hexdigest()


def coded_columns(config: Config) -> list[str]:
    """The columns by which rows are split or grouped."""
    settings = config.data.settings
    return sorted({settings[key] for key in (GROUP, *SPLIT_BY) if settings[key] is not None})


def part_files(config: Config) -> dict[str, str]:
    """The files of their own that test or validation rows have."""
    settings = config.data.settings
    return {name: settings[name] for name in PARTS[1:] if isinstance(settings[name], str)}


def is_shareable(table: Table) -> bool:
    """Whether a table is large, and consists of inputs and targets in memory."""
    in_memory = not isinstance(table.inputs, np.memmap) and not table.given and table.second_view is None
    return in_memory and table.inputs.nbytes + table.targets.nbytes >= SHARED_BYTES


def write(folder: Path, key: str, table: Table) -> None:
    """Write a table; the file that completes it comes last."""
    for name in ("inputs", "targets"):
        np.save(folder / f"{key}.{name}.npy", getattr(table, name), allow_pickle=False)
    content: dict[str, Any] = {name: list(getattr(table, name)) for name in TEXTS}
    content |= {part: {name: list(words) for name, words in getattr(table, part).items()} for part in WORDS}
    content |= {name: getattr(table, name) for name in ("impute_missing", "integer_labels")}
    content |= {"kinds": dict(table.kinds), "fingerprint": fingerprint(table)}
    files.write(folder / f"{key}.json", json.dumps(content))


def read(folder: Path, key: str) -> Table:
    """Map a table that was written."""
    arrays = [np.load(folder / f"{key}.{name}.npy", "r").view(np.ndarray) for name in ("inputs", "targets")]
    content: dict[str, Any] = json.loads((folder / f"{key}.json").read_text())
    content |= {name: tuple(content[name]) for name in TEXTS}
    for part in WORDS:
        content[part] = {name: tuple(words) for name, words in content[part].items()}
    return Table(*arrays, **content)


def load_data(config: Config, source: Any = None) -> Table:
    """Load the data, or encode the frame that is given.

    Raises InvalidConfig if they cannot be read, and BrokenPlugin if they are not a Table.
    """
    component = config.data.component
    if source is not None and not component.supplied:
        problem = f"{config.data.name} loads its rows itself; a frame is given to data of the name frame"
        raise config.error((("data",), problem))
    try:
        table = component.function(*[source] * len(component.supplied), **config.data.parameters)
        if part_files(config):
            table = with_part_files(config, table)
        if isinstance(table, Columns):
            table = Table.of(replace(table, coded=[*table.coded, *coded_columns(config)]))
    except (InvalidInput, InvalidParameter, InvalidType) as error:
        raise data_error(config, error) from error
    except MemoryError:
        raise config.error((("data",), "the data do not fit into memory")) from None
    if not isinstance(table, Table):
        raise BrokenPlugin(f"data {config.data.name!r} returns {type(table).__name__}, expected a Table or Columns")
    return table


def with_part_files(config: Config, columns: Any) -> Columns:
    """The columns of all files of a config, one below the other, with a column that says which rows are for what."""
    import pyarrow as pa

    data, (first, *_) = config.data, part_files(config)
    if not isinstance(columns, Columns) or "path" not in data.parameters:
        raise InvalidInput(f"{first}: {data.name} has no other files to test on; give a fraction of its rows")
    if data.settings["folds"] or data.settings[SPLIT_COLUMN] not in (None, FILE):
        raise InvalidInput(f"{first}: rows of a file of their own are not split by another column, or into folds")
    sources = {"train": as_arrow(columns.source)}
    for name, path in part_files(config).items():
        if Path(path).resolve() == Path(data.parameters["path"]).resolve():
            raise InvalidInput(f"{name}: {path} has the training rows; give another file, or a fraction of the rows")
        try:
            other = as_arrow(data.component.function(**{**data.parameters, "path": path}).source)
        except InvalidInput as error:
            raise InvalidInput(str(error).replace("path: ", f"{name}: ", 1)) from None
        absent = [column for column in sources["train"].column_names if column not in other.column_names]
        if absent:
            raise InvalidInput(f"{name}: {path}: there is no column {absent[0]!r}, unlike in {data.parameters['path']}")
        sources[name] = other.select(sources["train"].column_names)
    labelled = [
        source.append_column(FILE, pa.array([name] * source.num_rows, pa.string())) for name, source in sources.items()
    ]
    return replace(
        columns, source=pa.concat_tables(labelled, promote_options="permissive"), coded=[*columns.coded, FILE]
    )


def data_error(config: Config, error: Exception) -> InvalidConfig:
    """Make the error for data that cannot be used: each line at the key that it begins with, or else at `data`."""
    problems: list[tuple[KeyPath, str]] = []
    message = re.sub(r"\[errno \d+\] ", "", str(error), flags=re.IGNORECASE)  # part of the message of an OSError
    for line in message.splitlines():
        name, _, rest = line.partition(": ")
        known = name in config.data.parameters or name in config.data.settings
        problems.append((("data", name), rest) if known else (("data",), line))
    return config.error(*problems)
