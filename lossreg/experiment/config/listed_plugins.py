"""Check the lists of a config: the metrics to record, and the losses to report beside the trained one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lossreg.experiment.config.keys import LABEL
from lossreg.experiment.task.metrics import scorer_problem
from lossreg.registry.registries import losses, metrics

if TYPE_CHECKING:
    from lossreg.experiment.config.validation import ConfigValidator, PluginConfig
    from lossreg.registry.registries import Registry


def validate_metrics(validator: ConfigValidator, content: Mapping[str, Any]) -> tuple[PluginConfig, ...] | None:
    """Check the metrics; None stands for the usual ones of the task."""
    if content.get("metrics") is None:
        return None
    items = validator.items("metrics", content, "[accuracy, f1_macro]")
    for index, given in enumerate(items):
        problem = scorer_problem(str(given.get("name") if isinstance(given, Mapping) else given))
        if problem:
            validator.document.add_problem(("metrics", index), problem)
    return validate_labelled(validator, metrics, "metrics", items)


def validate_reported_losses(validator: ConfigValidator, content: Mapping[str, Any]) -> tuple[PluginConfig, ...]:
    """Check the losses to report in addition to the trained one."""
    items = validator.items("report", content, "[mse, {name: huber, delta: 2}]")
    return validate_labelled(validator, losses, "report", items)


def validate_labelled(
    validator: ConfigValidator, registry: Registry[Any], key: str, items: list[Any]
) -> tuple[PluginConfig, ...]:
    """Check the items of a list of plugins, each of which has a label of its own."""
    plugins = []
    labels: set[str] = set()
    for index, given in enumerate(items):
        path = (key, index)
        plugin = validator.plugin(registry, path, given, (LABEL,))
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
