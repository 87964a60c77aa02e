"""Check the lists of a config: the metrics to record, and the losses to report beside the trained one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lossreg.experiment.config.keys import LABEL
from lossreg.experiment.task.metrics import METRIC_NAMES, unknown_metric
from lossreg.registry.registries import losses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lossreg.experiment.config.validation import ConfigValidator, PluginConfig


def validate_metrics(validator: ConfigValidator, content: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Check the names of metrics; None stands for the usual ones of the task."""
    if content.get("metrics") is None:
        return None
    names = validator.items("metrics", content, "[accuracy, f1_macro]")
    for index, name in enumerate(names):
        path = ("metrics", index)
        if name not in METRIC_NAMES:
            validator.document.add_problem(path, unknown_metric(name))
        elif name in names[:index]:
            validator.document.add_problem(path, f"{name} is repeated")
    return tuple(names)


def validate_reported_losses(validator: ConfigValidator, content: Mapping[str, Any]) -> tuple[PluginConfig, ...]:
    """Check the losses to report in addition to the trained one."""
    plugins = []
    labels: set[str] = set()
    for index, given in enumerate(validator.items("report", content, "[mse, {name: huber, delta: 2}]")):
        path = ("report", index)
        plugin = validator.plugin(losses, path, given, (LABEL,))
        if plugin is None:
            continue
        label = plugin.label
        if not re.fullmatch(r"\w+", label):
            validator.document.add_problem((*path, "as"), f"expected letters, digits and underscores, got {label!r}")
        if label in labels:
            problem = f"{label} is repeated; distinguish the two with a label, such as as: {label}_2"
            validator.document.add_problem(path, problem)
        labels.add(label)
        plugins.append(plugin)
    return tuple(plugins)
