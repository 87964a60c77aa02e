"""Roles: what arguments of kernels are for, where lossreg treats them differently because of it."""

from __future__ import annotations

from enum import Enum


class Role(Enum):
    """What an input or a parameter is for."""

    TARGET = "target"
    """An input that the prediction is compared with; its gradient is computed only on request."""
    LABEL = "label"
    """A target that is the index of a class, into the row that has a number for each class."""
    LABELS = "labels"
    """A target that is a row of indices of classes, which the first -1 ends."""
    LENGTH = "length"
    """An input with the lengths of the samples; a mean divides the value of a sample by its length, by 1 for 0."""
    WEIGHT = "weight"
    """A parameter that the values are multiplied by; a mean divides by the sum of the weights."""
    SCALE = "scale"
    """A parameter that the values are multiplied by; a mean divides by the number of elements all the same."""
    IGNORED_LABEL = "ignored label"
    """A parameter: rows with this label are left out of the value, the gradient and the count."""

    @property
    def note(self) -> str:
        """What users should know about an argument with this role, besides its domain; empty for targets."""
        return NOTES.get(self, "")


TARGETS = (Role.TARGET, Role.LABEL, Role.LABELS)
"""The roles of inputs that a prediction is compared with."""

NOTES = {
    Role.LENGTH: "a mean divides by it, by 1 for 0",
    Role.WEIGHT: "a mean divides by the sum of the weights",
    Role.SCALE: "a mean divides by the number of elements, not by the scales",
    Role.IGNORED_LABEL: "rows with this label are left out",
}
