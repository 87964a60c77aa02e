"""The schemas of the files of a run: the type of value of each key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lossreg.experiment.config.yaml_syntax import MAX_INTEGER
from lossreg.experiment.storage.records import COUNTERS

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_TEXT = 100_000
"""The largest number of characters of a text that is read."""

Check = Callable[[Any], bool]


def is_text(value: Any) -> bool:
    """Whether a value is text of at most LONGEST_TEXT characters."""
    return isinstance(value, str) and len(value) <= LONGEST_TEXT


def is_number(value: Any) -> bool:
    """Whether a value is a number that fits into 64 bits."""
    return isinstance(value, float) or (is_integer(value) and abs(value) <= MAX_INTEGER)


def is_integer(value: Any) -> bool:
    """Whether a value is an integer, which true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_count(value: Any) -> bool:
    """Whether a value is an integer from 0 on that fits into 64 bits."""
    return is_integer(value) and 0 <= value <= MAX_INTEGER


def is_flag(value: Any) -> bool:
    """Whether a value is true or false."""
    return isinstance(value, bool)


def is_scalar(value: Any) -> bool:
    """Whether a value is a number, text, true, false or null."""
    return value is None or isinstance(value, bool) or is_number(value) or is_text(value)


def is_mapping(value: Any) -> bool:
    """Whether a value is a mapping."""
    return isinstance(value, dict)


def is_list(value: Any) -> bool:
    """Whether a value is a list."""
    return isinstance(value, list)


def is_choice(value: Any) -> bool:
    """Whether a value is a mapping with the name of a plugin."""
    return isinstance(value, dict) and is_text(value.get("name"))


def is_loss(value: Any) -> bool:
    """Whether a value is the choice of a loss, or a list of those that are the terms of a sum."""
    return is_choice(value) or (isinstance(value, list) and bool(value) and all(map(is_choice, value)))


def is_reduction(value: Any) -> bool:
    """Whether a value is the name of a built-in reduction, or a mapping with the name of a plugin."""
    return is_text(value) or is_choice(value)


def is_commit(value: Any) -> bool:
    """Whether a value is the state of a Git repository, or of none."""
    return value is None or (isinstance(value, dict) and is_text(value.get("commit")))


def are_plugins(value: Any) -> bool:
    """Whether a value is a list of plugins, each with its origin."""
    keys = ("kind", "name", "distribution", "version")
    return isinstance(value, list) and all(
        isinstance(entry, dict)
        and all(is_text(entry.get(key)) for key in keys)
        and (is_text(entry.get("sha256", 0)) or entry.get("sha256", 0) is None)
        for entry in value
    )


def are_texts(value: Any) -> bool:
    """Whether a value is a mapping of text by name."""
    return isinstance(value, dict) and all(map(is_text, value.values()))


def are_names(value: Any) -> bool:
    """Whether a value is a list of texts."""
    return isinstance(value, list) and all(map(is_text, value))


def are_categories(value: Any) -> bool:
    """Whether a value is a mapping of lists of texts."""
    return isinstance(value, dict) and all(map(are_names, value.values()))


def are_numbers(value: Any) -> bool:
    """Whether a value is a list of numbers, or null."""
    return value is None or (isinstance(value, list) and all(map(is_number, value)))


def is_scaling(value: Any) -> bool:
    """Whether a value is the mean and the deviation of each column, which is null for a constant one; or null."""
    if value is None:
        return True
    if not isinstance(value, dict) or set(value) != {"mean", "deviation"} or value["mean"] is None:
        return False
    deviation = value["deviation"]
    known = [each for each in deviation if each is not None] if isinstance(deviation, list) else None
    return known is not None and are_numbers(value["mean"]) and are_numbers(known)


EXPECTED: Mapping[Check, str] = {
    is_text: "a text",
    is_number: "a number",
    is_count: "an integer, 0 or above",
    is_scalar: "a number or a text",
    is_mapping: "a mapping",
    is_list: "a list",
    is_flag: "true or false",
    is_choice: "a mapping with a name",
    is_loss: "a mapping with a name, or a list of them",
    is_reduction: "a text or a mapping with a name",
    is_commit: "a mapping with a commit",
    are_plugins: "a list of plugins with kind, name, distribution, version and sha256",
    are_texts: "a mapping of texts",
    are_names: "a list of texts",
    are_categories: "a mapping of lists of texts",
    are_numbers: "a list of numbers",
    is_scaling: "a mapping with the lists mean and deviation",
}
STATUS: Mapping[str, Check] = {
    **dict.fromkeys(("status", "time", "host", "machine", "process_started", "error", "metric", "reason"), is_text),
    "value": is_scalar,
    **dict.fromkeys(("pid", "step"), is_count),
}
ORIGIN: Mapping[str, Check] = {
    **dict.fromkeys(("run", "path", "sha256"), is_text),
    "step": is_count,
    "changes": are_names,
}
LABELS: Mapping[str, Check] = {"tags": are_names, "note": is_text}
ENVIRONMENT: Mapping[str, Check] = {
    **dict.fromkeys(("name", "config_sha256", "python", "platform", "cpu"), is_text),
    "config": is_mapping,
    "git": is_commit,
    "plugins": are_plugins,
    "packages": are_texts,
}
ENCODING: Mapping[str, Check] = {
    **dict.fromkeys(("features", "targets", "classes", "missing"), are_names),
    "kinds": are_texts,
    "categories": are_categories,
    "fill": are_numbers,
    **dict.fromkeys(("scaling", "target_scaling"), is_scaling),
    "outputs": is_count,
    "fingerprint": is_text,
    "integer_labels": is_flag,
    "target_means": is_mapping,
}
CONFIG: Mapping[str, Check] = {
    **dict.fromkeys(("data", "model", "optimizer", "schedule"), is_choice),
    "loss": is_loss,
    "train": is_mapping,
    "reduction": is_reduction,
    "seed": is_count,
    **dict.fromkeys(("report", "trackers"), is_list),
}
RECORD: Mapping[str, Check] = {**dict.fromkeys(COUNTERS, is_number), **dict.fromkeys(("epoch", "step"), is_count)}
