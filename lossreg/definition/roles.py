"""Roles: what arguments of kernels are for, if lossreg treats them differently because of it."""

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
    TIME = "time"
    """A target that is a time: of an event, or of the last observation of a sample that had none until then."""
    EVENT = "event"
    """An input that is 1 for a sample whose event was observed, and 0 for one that is censored."""
    GROUP = "group"
    """An input with the group of each sample, as any integer: only samples of one group are compared."""
    VIEW = "second view"
    """A prediction for another view of the same samples, or for other samples that belong to them."""
    LEARNED = "learned"
    """An input that is trained beside the network: it has a gradient, and an initial value."""
    DATA = "data"
    """Any other input that is given and has no gradient."""
    LENGTH = "length"
    """An input with the lengths of the samples; a mean divides the value of a sample by its length, by 1 for 0."""
    WEIGHT = "weight"
    """A parameter that the values are multiplied by; a mean divides by the sum of the weights."""
    SCALE = "scale"
    """A parameter that the values are multiplied by; a mean still divides by the number of elements."""
    IGNORED_LABEL = "ignored label"
    """A parameter: rows with this label are left out of the value, the gradient and the count."""

    @property
    def note(self) -> str:
        """What users should know about an argument with this role, besides its domain; empty for targets."""
        return NOTES.get(self, "")


TARGETS = (Role.TARGET, Role.LABEL, Role.LABELS, Role.TIME)
"""The roles of inputs that a prediction is compared with."""

GIVEN = (Role.TIME, Role.EVENT, Role.GROUP, Role.DATA, Role.LENGTH)
"""The roles of inputs that a batch kernel has no slopes of."""

NOTES = {
    Role.GROUP: "only samples of one group are compared",
    Role.VIEW: "of another view of the same samples",
    Role.LEARNED: "trained beside the network",
    Role.LENGTH: "a mean divides by it, by 1 for 0",
    Role.WEIGHT: "a mean divides by the sum of the weights",
    Role.SCALE: "a mean divides by the number of elements, not by the scales",
    Role.IGNORED_LABEL: "rows with this label, or one of these, are left out",
}

TARGET_NAMES = ("target", "label", "labels")
"""The names of inputs that are targets unless their annotation gives them another role."""


def input_role(name: str, declared: Role | None) -> Role | None:
    """Return the role of an input: the declared one, or that of its name."""
    return declared or (Role.TARGET if name in TARGET_NAMES else None)
