"""Prepare a run: load the data, match it with loss and model, and make everything that the first step needs.

The same config and seed draw the same random numbers in every run: the split, the pairs and triplets, the initial
weights and the order of each epoch have random streams of their own, and the order of an epoch depends only on the seed
and the number of the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lossreg.definition.signature import CLASSES, SAMPLES
from lossreg.errors import BrokenPlugin, InvalidInput, InvalidParameter, InvalidType, listed
from lossreg.experiment.blas import blas_threads
from lossreg.experiment.data.encoding import Encoding
from lossreg.experiment.data.fingerprint import fingerprint
from lossreg.experiment.data.given_columns import WEIGHT, weigh_classes
from lossreg.experiment.data.preprocessing import prepare_inputs
from lossreg.experiment.data.split import split_table
from lossreg.experiment.network.boosted import BoostedNetwork
from lossreg.experiment.network.make_network import make_network
from lossreg.experiment.storage.records import SPLITS
from lossreg.experiment.task.tasks import Task
from lossreg.experiment.training.compatibility import MatchedLoss, match, standardise_targets
from lossreg.experiment.training.evaluation import Evaluator
from lossreg.experiment.training.examples import BatchBuffers, Examples, GroupedRows, make_examples
from lossreg.experiment.training.learned import LearnedInputs
from lossreg.experiment.training.objective import WeightedObjectives
from lossreg.experiment.training.tables import Tables, data_error
from lossreg.formatting import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lossreg.experiment.config.run_config import Config
    from lossreg.experiment.data.table import Table
    from lossreg.experiment.network.interface import Network

SPLIT, WEIGHTS, ORDER, EXAMPLES, LEARNED = range(5)
"""The purposes of random streams."""


@dataclass(frozen=True)
class PreparedRun:
    """Everything that a run needs before its first step."""

    config: Config
    splits: dict[str, Examples]
    """The examples of each of SPLITS that has any."""
    network: Network
    outputs: int
    """How many outputs the network has for each row."""
    objective: WeightedObjectives
    evaluator: Evaluator
    encoding: Encoding
    """How the data were encoded."""
    notes: tuple[str, ...] = ()
    """What users should know about the data."""

    @property
    def trained(self) -> str:
        """What steps change: so many weights, or boosted trees."""
        if self.config.model.component.boosted:
            return "boosted trees"
        return counted(sum(view.size for view in self.network.named.values()), "weight")

    @property
    def train(self) -> Examples:
        """The training examples."""
        return self.splits["train"]

    @property
    def examples_per_step(self) -> int:
        """The number of examples of a step; the last step of an epoch may have fewer."""
        if self.config.model.component.boosted:
            return len(self.train)
        return self.config.train.batch_size * self.config.train.accumulate

    @property
    def steps_per_epoch(self) -> int:
        """The number of steps in one pass over the training examples."""
        return -(-len(self.train) // self.examples_per_step)

    @property
    def steps(self) -> int:
        """The number of steps of the run."""
        train = self.config.train
        return train.steps or (train.epochs or 0) * self.steps_per_epoch

    @property
    def epochs(self) -> int:
        """The number of epochs of the run, including the last if it is not complete."""
        return -(-self.steps // self.steps_per_epoch)

    @property
    def monitored(self) -> str:
        """The metric that early stopping, the choice of the best epoch and schedules go by; lower is better."""
        return "validation_loss" if "validation" in self.splits else "train_loss"

    def order(self, epoch: int) -> NDArray[np.intp]:
        """The order of the training examples in an epoch (from 1)."""
        count = len(self.train)
        if not self.config.train.shuffle:
            return np.arange(count)
        return random_stream(self.config.seed, ORDER, epoch - 1).permutation(count)


def random_stream(seed: int, *key: int) -> np.random.Generator:
    """The random generator of a seed for one purpose, which the key identifies."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def prepare(config: Config, tables: Tables | None = None) -> PreparedRun:
    """Prepare a run, and evaluate the loss of one example. Raises InvalidConfig for what cannot work."""
    with blas_threads(config.train.threads):
        return prepare_with_table(config, (tables or Tables()).get(config))


def prepare_with_table(config: Config, table: Table) -> PreparedRun:
    """Prepare a run whose data have been loaded."""
    matched = match(config, table)
    check_schedule(config)
    settings = config.data.settings
    try:
        rows = split_table(table, settings, random_stream(config.seed, SPLIT))
        weighted = weigh_classes(table, settings["class_weight"], rows["train"])
    except InvalidInput as error:
        raise data_error(config, error) from error
    check_classes(config, matched, table, rows["train"])
    if settings["standardise_targets"]:
        matched = standardise_targets(matched, rows["train"], config)
    try:
        measured = prepare_inputs(table, rows["train"], standardise=settings["standardise"])
        splits = {
            name: make_examples(
                *(matched, weighted, measured.inputs, rows[name], measured.batch_scaling),
                random_stream(config.seed, EXAMPLES, number),
            )
            for number, name in enumerate(SPLITS)
            if len(rows[name])
        }
    except InvalidInput as error:
        raise data_error(config, error) from error
    train = splits["train"]
    network, outputs = build_network(config, matched, train, random_stream(config.seed, WEIGHTS))
    try:
        learned = make_learned(config, matched, len(table.classes), outputs)
        terms = (matched, *matched.added)
        objective = WeightedObjectives.of(config, [each.requirements for each in terms], learned[0])
        batch = one_example(train, outputs)
        objective.value_and_grad(network.forward(batch.inputs), batch.targets, batch.beside, out=batch.grad)
        if isinstance(network, BoostedNetwork) and train.targets is not None:
            network.begin(train.targets, train.beside.get(WEIGHT))
    except (InvalidInput, InvalidParameter, InvalidType) as error:
        raise config.error((("loss",), str(error))) from error
    encoding = Encoding(
        list(table.features),
        list(table.target_names),
        list(table.classes),
        dict(table.kinds),
        {name: list(words) for name, words in table.categories.items()},
        list(table.missing),
        None if measured.fill is None else measured.fill.tolist(),
        measured.scaling and measured.scaling.to_json(),
        matched.scaling and matched.scaling.to_json(),
        outputs,
        table.fingerprint or fingerprint(table),
        table.integer_labels,
        measured.target_means,
    )
    evaluator = Evaluator.of(config, matched, learned)
    notes = (*table.notes, *notes_on_resuming(config, network))
    return PreparedRun(config, splits, network, outputs, objective, evaluator, encoding, notes)


def notes_on_resuming(config: Config, network: Network) -> list[str]:
    """What is not promised of a run that is stopped and resumed: the same trees, if options draw random numbers."""
    options = network.trees.random_options if isinstance(network, BoostedNetwork) else []
    reason = f"{listed(options)} of {config.model.name} draws random numbers, which no checkpoint holds"
    note = f"{reason}: if this run is stopped and resumed, its later trees differ from those of a run that is not"
    return [note] if options else []


def check_classes(config: Config, matched: MatchedLoss, table: Table, rows: NDArray[np.intp]) -> None:
    """Raise InvalidConfig for training rows of a single class, of which nothing can be learned."""
    if not table.classes or matched.reconstructs_inputs or matched.requirements.task is Task.VIEWS:
        return
    present = np.unique(table.targets[rows])
    if len(present) == 1:
        what = f"all {len(rows):,} training rows are of the class {table.classes[present[0]]!r}"
        key = ("data", "target") if "target" in config.data.parameters else ("data",)
        raise config.error((key, f"{what}; at least two classes are needed"))


def one_example(examples: Examples, outputs: int) -> BatchBuffers:
    """A batch of the first example."""
    if isinstance(examples.inputs, GroupedRows):
        return examples.grouped(np.arange(1), outputs)
    batch = examples.allocate(1, outputs)
    examples.fill(np.arange(1), batch)
    return batch


def make_learned(config: Config, matched: MatchedLoss, classes: int, outputs: int) -> list[LearnedInputs | None]:
    """Make the learned inputs of the trained loss and of the reported ones, which share those of the same names.

    Axes have the sizes of the network's outputs and of the classes. Raises InvalidParameter for one of another size.
    """
    made: list[LearnedInputs | None] = []
    for each in matched.every:
        required, sizes = each.requirements, {CLASSES: classes}
        own = [axis for axis in required.predictions[0].axes if axis.isidentifier() and axis not in {SAMPLES, CLASSES}]
        sizes |= dict.fromkeys(own, outputs // required.predictions_per_row)
        if not required.learned:
            made.append(None)
        elif made and made[0] and [x.name for x in made[0].entries] == [x.name for x in required.learned]:
            made.append(made[0])
        else:
            made.append(LearnedInputs(required.learned, sizes, random_stream(config.seed, LEARNED)))
    return made


def build_network(
    config: Config, matched: MatchedLoss, examples: Examples, random: np.random.Generator
) -> tuple[Network, int]:
    """Build the network, and return it with the number of its outputs, which have to be as many as the loss takes."""
    model, component, features = config.model.name, config.model.component, examples.inputs.shape[1]
    try:
        network = make_network(config, features, matched.outputs, random)
    except InvalidParameter as error:
        raise config.error((("model",), str(error))) from error
    except MemoryError:
        raise config.error((("model",), "the weights do not fit into memory")) from None
    rows = examples.inputs.take(slice(0, 1))
    shape = network.forward(rows).shape
    if matched.outputs is None or shape == (len(rows), matched.outputs):
        return network, shape[1]
    if "outputs" not in component.supplied:
        problem = f"{model} has {shape[1]} outputs for each row, but {config.loss.name} takes {matched.outputs}"
        raise config.error((("model",), problem))
    raise BrokenPlugin(
        f"{model} returns an array of shape {shape} for {counted(len(rows), 'row')}, "
        f"expected {(len(rows), matched.outputs)}"
    )


def check_schedule(config: Config) -> None:
    """Raise InvalidConfig for a schedule that changes the learning rate of an optimizer that has none."""
    if config.schedule.component.supplied and "lr" not in (config.optimizer.parameters if config.optimizer else ()):
        trained_by = (config.optimizer or config.model).name
        problem = f"{config.schedule.name} changes the learning rate, but {trained_by} has no parameter lr"
        raise config.error((("schedule",), problem))
