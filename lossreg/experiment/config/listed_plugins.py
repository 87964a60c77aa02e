"""Check the lists of a config: the terms of a sum of losses, the losses that are reported, and the metrics."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lossreg.experiment.config.keys import LABEL, TERM
from lossreg.experiment.task.metrics import scorer_problem
from lossreg.registry.registries import losses, metrics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.definition.parameters import Parameter
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


def validate_sum(validator: ConfigValidator, content: Mapping[str, Any]) -> dict[str, Any]:
    """Check a weighted sum of losses, which is a list; return its terms, and the one with the most inputs as the loss.

    Returns nothing for a single loss.
    """
    given = content.get("loss")
    if not isinstance(given, list | tuple):
        return {}
    if not given:
        validator.document.add_problem(("loss",), "expected a loss, or a list of at least one")
    terms = validate_labelled(validator, losses, "loss", given, TERM)
    return {"loss": max(terms, key=lambda term: len(term.component.inputs), default=None), "terms": terms}


def validate_labelled(
    validator: ConfigValidator,
    registry: Registry[Any],
    key: str,
    items: Iterable[Any],
    settings: Iterable[Parameter] = (LABEL,),
) -> tuple[PluginConfig, ...]:
    """Check the items of a list of plugins, each of which has a label of its own."""
    plugins = []
    labels: set[str] = set()
    for index, given in enumerate(items):
        path = (key, index)
        plugin = validator.plugin(registry, path, given, settings)
        if plugin is None:
            continue
        label = plugin.label
        if not re.fullmatch(r"\w+", label):
            validator.document.add_problem((*path, "as"), f"expected letters, digits and underscores, got {label!r}")
        if label in labels:
            problem = f"{label} is repeated; distinguish the two with a label, such as `as: {label}_2`"
            validator.document.add_problem(path, problem)
        labels.add(label)
        plugins.append(plugin)
    return tuple(plugins)
