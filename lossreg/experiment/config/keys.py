"""The keys of a config, what each may be, and its default.

`PLUGIN_KEYS` choose a plugin each. Besides the parameters of the plugin they take the settings in `SETTINGS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lossreg.definition.annotations import Finite, Fraction, NonNegative, NonNegativeInteger, Positive, PositiveInteger
from lossreg.definition.parameters import Parameter
from lossreg.experiment.data.given_columns import GIVEN, SECOND_VIEW, SPLIT_BY
from lossreg.registry.registries import data, losses, models, optimizers, schedules

EXTENDS = "extends"
SWEEP = "sweep"
FOLD = "data.fold"
REPLICATES = ("seed", FOLD)
"""The keys in which runs of one config differ."""

PLUGIN_KEYS: dict[str, Any] = {
    "data": data,
    "model": models,
    "optimizer": optimizers,
    "schedule": schedules,
    "loss": losses,
}
"""The keys that choose a plugin, each with the registry that finds it."""
DEFAULT_PLUGINS = {"schedule": "constant"}

TEST_FRACTION = 0.25

SETTINGS: dict[str, tuple[Parameter, ...]] = {
    "data": (
        Parameter("test", Fraction | str, TEST_FRACTION),
        Parameter("validation", Fraction | str, 0.0),
        Parameter("folds", PositiveInteger | None, None),
        Parameter("fold", PositiveInteger | None, None),
        *(Parameter(name, str | None, None) for name in SPLIT_BY),
        Parameter("standardise", bool, default=False),
        Parameter("standardise_targets", bool, default=False),
        *(Parameter(name, str | None, None) for name in GIVEN),
        Parameter("class_weight", Literal["balanced"] | dict[str, NonNegative] | None, None),
        Parameter(SECOND_VIEW, tuple[str, ...] | None, None),
    ),
    "model": (Parameter("inputs", PositiveInteger | None, None), Parameter("outputs", PositiveInteger | None, None)),
    "optimizer": (),
    "schedule": (),
    "loss": (),
}
LABEL = Parameter("as", str | None, None)
"""The name of a reported loss, or of a term of a sum, in the metrics; by default that of the loss."""
TERM = (Parameter("factor", Finite, 1.0), LABEL)
"""What a term of a weighted sum of losses takes."""

TRAIN = (
    Parameter("epochs", PositiveInteger | None, None),
    Parameter("steps", PositiveInteger | None, None),
    Parameter("batch_size", PositiveInteger, 32),
    Parameter("shuffle", bool, default=True),
    Parameter("accumulate", PositiveInteger, 1),
    Parameter("clip_norm", Positive | None, None),
    Parameter("clip_value", Positive | None, None),
    Parameter("patience", PositiveInteger | None, None),
    Parameter("restore_best", bool, default=False),
    Parameter("checkpoint_epochs", PositiveInteger | None, None),
    Parameter("checkpoint_steps", PositiveInteger | None, None),
    Parameter("keep_checkpoints", PositiveInteger, 2),
    Parameter("threads", PositiveInteger, 1),
)
DEFAULT_EPOCHS = 10
OF_BATCHES = ("batch_size", "shuffle", "accumulate", "clip_norm", "clip_value")
"""The keys of `train` that a boosted model, which is trained on all rows at a time, does not take."""

OTHER_KEYS = (
    Parameter("reduction", Literal["mean", "sum", "batchmean"], "mean"),  # or a plugin, as the keys above choose one
    Parameter("seed", NonNegativeInteger, 0),
)


@dataclass(frozen=True)
class TrainingOptions:
    """How to train, from the key `train`; `lossreg show train` says what each option means."""

    epochs: int | None
    steps: int | None
    batch_size: int
    shuffle: bool
    accumulate: int
    clip_norm: float | None
    clip_value: float | None
    patience: int | None
    restore_best: bool
    checkpoint_epochs: int | None
    checkpoint_steps: int | None
    keep_checkpoints: int
    threads: int
