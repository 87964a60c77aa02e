"""The model of a finished run, which predicts from new rows as it was trained: the same columns, scaling and link."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import InvalidConfig, InvalidInput, listed
from lossreg.experiment.blas import blas_threads
from lossreg.experiment.config.run_config import load as load_config
from lossreg.experiment.data.encoding import Encoding
from lossreg.experiment.data.preprocessing import Scaling
from lossreg.experiment.network.boosted import BoostedNetwork
from lossreg.experiment.network.make_network import make_network
from lossreg.experiment.prediction.probabilities import probabilities
from lossreg.experiment.storage import digests, files, schemas, untrusted
from lossreg.experiment.storage.environment import config_changes
from lossreg.experiment.task.metrics import PREDICTED, metric_kind
from lossreg.experiment.task.requirements import requirements_of
from lossreg.experiment.training.evaluation import chunk_size, evaluated_chunks
from lossreg.experiment.training.examples import Examples, InputRows
from lossreg.experiment.training.learned import PREFIX
from lossreg.experiment.training.objective import Objective
from lossreg.extras import optional_imports

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from lossreg.experiment.config.run_config import Config
    from lossreg.experiment.network.interface import Network
    from lossreg.experiment.storage.schemas import Check

LEARNED_BYTES = 100_000_000
"""How much a file of weights may have besides the network's: the learned inputs of a loss."""
LARGEST_TREES = 2**30
"""How much a file of boosted trees may have."""
FILES = ("config.yaml", "data.json", "weights.safetensors")


class TrainedModel:
    """The model of a finished run.

    Data are an array of shape (rows, features), or a table of named columns such as a mapping of names to cells, or a
    pandas, polars or pyarrow table; its columns may be in any order, and others are ignored. Raises InvalidInput for
    data that do not have the columns that the model was trained on, or cells that it cannot use.

    config: the config of the run.
    features, targets, classes: the names of the inputs, of the target columns and of the classes.
    notes: what was unusual in the latest data, such as categories that were not trained on.
    """

    def __init__(self, config: Config, encoding: Encoding, network: Network) -> None:
        self.config, self.encoding, self.network = config, encoding, network
        self.features, self.targets = tuple(encoding.features), tuple(encoding.targets)
        self.classes = tuple(encoding.classes)
        self.notes: list[str] = []
        choice = config.loss
        requirements = requirements_of(choice.component, choice.parameters)
        if requirements is None:
            raise InvalidInput(f"{choice.name} is no longer a loss that a model on a table can be trained with")
        self.requirements = requirements
        self.objective = Objective(choice.component, "mean", choice.parameters, requirements)
        kind = metric_kind(requirements.task, any_width=requirements.any_width)
        self.kind = kind if requirements.task.rows == 1 and kind in PREDICTED else "embedding"
        self.reconstructs = self.kind == "regression" and "outputs" not in config.model.component.supplied
        self.probability_link = probabilities(choice.component, requirements)

    def __repr__(self) -> str:
        return f"<model {self.config.model.name} trained with {self.config.loss.name}: {len(self.features)} features>"

    def outputs(self, data: Any) -> NDArray[np.float32]:
        """The outputs of the network, of shape (rows, outputs), before any link."""
        inputs, self.notes = self.encoding.inputs(data)
        if not len(inputs):
            raise InvalidInput("expected at least one row to predict, got none")
        return np.concatenate([outputs.copy() for outputs in self._chunks(inputs)])

    def _chunks(self, inputs: NDArray[np.float32]) -> Iterable[NDArray[np.float32]]:
        """The outputs of some rows at a time, in the chunks of an evaluation, so that they have the same bits."""
        examples = Examples(InputRows(inputs, np.arange(len(inputs))[:, np.newaxis]), None)
        with blas_threads(self.config.train.threads):
            for chunk in evaluated_chunks(self.network, examples, chunk_size(examples)):
                yield chunk.outputs

    def predict(self, data: Any) -> NDArray[Any]:
        """Predict each row: a class by its label, a real target in the units of the data, or an embedding.

        The result has the shape (rows,), or for several targets or labels (rows, columns).
        """
        return self.predictions(self.outputs(data))

    def predict_proba(self, data: Any) -> NDArray[Any]:
        """The probability of each class, of shape (rows, classes). Raises InvalidInput if the loss defines none."""
        found = self.probabilities(self.outputs(data))
        if found is None:
            raise InvalidInput(f"{self.config.loss.name} does not define probabilities of classes; use predict")
        return found

    def predictions(self, outputs: NDArray[np.float32]) -> NDArray[Any]:
        """The predictions for outputs of the network."""
        if self.kind == "embedding":
            return squeezed(outputs)
        if self.kind == "regression":
            values = self.objective.real_values(outputs)
            scaling = self.encoding.scaling if self.reconstructs else self.encoding.target_scaling
            values = Scaling.from_json(scaling).undo(values) if scaling else values
            return squeezed(values)
        scores = self.objective.scores(outputs)
        if self.kind == "multilabel":
            return np.asarray(scores > 0)
        positions = scores.argmax(axis=1) if self.kind == "multiclass" else (scores[:, 0] > 0).astype(np.intp)
        labels = self.labels if self.classes else np.arange(max(2, scores.shape[1]))
        return np.asarray(labels[positions])

    @property
    def labels(self) -> NDArray[Any]:
        """The label of each class as it was in the data: an integer where labels are integers, or else its name."""
        return np.array(self.classes).astype(np.int64 if self.encoding.integer_labels else np.str_)

    def probabilities(self, outputs: NDArray[np.float32]) -> NDArray[Any] | None:
        """The probabilities for outputs of the network; None if the loss defines none."""
        if self.probability_link is None or self.kind in ("embedding", "regression"):
            return None
        found = self.probability_link(self.objective.split(outputs)[0])
        return np.hstack([1 - found, found]) if self.kind == "binary" else found


def squeezed(values: NDArray[Any]) -> NDArray[Any]:
    """The values without the axis of columns, if there is a single one."""
    return values[:, 0] if values.shape[1] == 1 else values


def load(path: str | Path) -> TrainedModel:
    """Load the model of a finished run from its directory; see `lossreg.load`."""
    folder = files.folder("path", path)
    for name in FILES:
        try:
            with files.opened(folder / name, os.O_RDONLY):
                pass
        except FileNotFoundError:
            raise InvalidInput(f"{path}: expected the directory of a finished run; it has no {name}") from None
        except OSError as error:
            raise InvalidInput(f"{path}: the run cannot be loaded: {name} {error.strerror}") from None
    try:
        config = load_config(folder / "config.yaml")
        check_config(folder / "environment.json", config)
        encoding = read_encoding(folder / "data.json")
        network = make_network(config, len(encoding.features), encoding.outputs, np.random.default_rng(0))
        read_weights(folder / "weights.safetensors", network)
    except InvalidConfig as error:
        raise InvalidInput(f"{path}: the run cannot be loaded:\n{error}") from error
    except InvalidInput as error:
        raise InvalidInput(f"{path}: the run cannot be loaded: {error}") from error
    return TrainedModel(config, encoding, network)


def check_config(path: Path, config: Config) -> None:
    """Raise InvalidInput for a config that has changed since environment.json was written, if the run has that file."""
    if not path.exists():
        return
    environment = read_mapping(path, schemas.ENVIRONMENT)
    changes = config_changes(environment.get("config", {}), config)
    if changes:
        raise InvalidInput(
            f"config.yaml has changed since the training, as {path.name} shows: {listed(changes)}; undo that change"
        )


def read_encoding(path: Path) -> Encoding:
    """Read the encoding of a run's data; raises InvalidInput for a file that is damaged."""
    content = read_mapping(path, schemas.ENCODING)
    try:
        return Encoding.from_json(content)
    except InvalidInput as error:
        raise InvalidInput(f"{path.name} is damaged: {error}") from error


def read_mapping(path: Path, schema: Mapping[str, Check]) -> dict[str, Any]:
    """Read a file of JSON in the directory of a run; raises InvalidInput for one that is damaged."""
    try:
        content = untrusted.read_json(path)
    except untrusted.Unreadable as error:
        raise InvalidInput(f"{path.name} is damaged: {error}") from error
    found = untrusted.checked(content if isinstance(content, dict) else {}, schema)
    for problem in found.problems:
        raise InvalidInput(f"{path.name} is damaged: {problem}")
    return found.content


def read_weights(path: Path, network: Network) -> None:
    """Read the weights of a network from a file; raises InvalidInput for others than it has."""
    with optional_imports():
        from safetensors import SafetensorError
        from safetensors.numpy import load as decoded
    expected = {name: view.shape for name, view in network.named.items()}
    most = (
        LARGEST_TREES
        if isinstance(network, BoostedNetwork)
        else 2 * sum(view.nbytes for view in network.named.values()) + LEARNED_BYTES
    )
    try:
        content = untrusted.read_bytes(path, most)
        untrusted.check_digest(content)
        if isinstance(network, BoostedNetwork) and not digests.has_digest(content):
            raise InvalidInput(f"{path.name} has no digest, without which trees are not read")
        found = {name: array for name, array in decoded(content).items() if not name.startswith(PREFIX)}
    except (OSError, SafetensorError, untrusted.Unreadable) as error:
        raise InvalidInput(f"{path.name} is damaged: {error}") from error
    if isinstance(network, BoostedNetwork):
        network.restore(found)
        return
    shapes = {name: array.shape for name, array in found.items()}
    if shapes != expected:
        raise InvalidInput(f"{path.name} has the weights {shapes}, where the model has {expected}")
    for name, view in network.named.items():
        view[...] = found[name]
