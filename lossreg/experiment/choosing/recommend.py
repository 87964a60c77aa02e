"""Recommend losses for what was measured, by the guides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lossreg.experiment.choosing.guide import Instead, guide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lossreg.experiment.choosing.guide import PlainLoss, Problem
    from lossreg.experiment.choosing.measurements import Measurements

MOST = 3
"""How many losses are recommended."""


@dataclass(frozen=True)
class Recommendation:
    """A loss with its parameters, settings of the data, why it is recommended, and the study behind it, if any."""

    loss: str
    parameters: Mapping[str, Any]
    data: Mapping[str, Any]
    reason: str
    study: str = ""

    def config(self, data: Mapping[str, Any], measured: Measurements) -> dict[str, Any]:
        """Return a config that trains with the loss on some data."""
        plain, base = guide().plain(measured.task), guide().config
        loss = {"name": self.loss, **self.parameters} if self.parameters else self.loss
        return {
            "data": {**data, "standardise": True, **plain.data, **measured.data, **self.data},
            **{key: value for key, value in base.items() if key != "train"},
            "loss": loss,
            "train": {**base.get("train", {}), **plain.train},
        }


def recommend(measured: Measurements) -> list[Recommendation]:
    """Return up to three losses for a target, the best first; the plain one is always among them."""
    plain = guide().plain(measured.task)
    found = [
        of_problem(problem, one, measured)
        for problem in guide().problems
        if problem.sign in measured.signs
        for one in problem.instead
        if measured.task in one.tasks
    ]
    by_loss = {(one.loss, tuple(one.data)): one for one in reversed(found)}
    unique = [one for one in found if by_loss[one.loss, tuple(one.data)] is one]
    if all((one.loss, one.data) != (plain.loss, {}) for one in unique[:MOST]):
        unique.insert(min(len(unique), MOST - 1), of_task(plain, has_signs=bool(found)))
    return unique[:MOST]


def of_task(plain: PlainLoss, *, has_signs: bool) -> Recommendation:
    """Return the plain loss of a task as a recommendation."""
    reason = f"it is the plain loss for {plain.predicts}, and estimates {plain.estimates}"
    return Recommendation(plain.loss, {}, {}, reason + ("" if has_signs else "; nothing measured speaks against it"))


def of_problem(problem: Problem, one: Instead, measured: Measurements) -> Recommendation:
    """Return a loss that the guide has for a problem as a recommendation."""
    parameters = {name: resolved(value, measured) for name, value in one.parameters.items()}
    reason = f"{measured.signs[problem.sign]}. {problem.title}" + (f": {problem.evidence}" if problem.evidence else "")
    return Recommendation(one.loss, parameters, one.data, reason, problem.study)


def resolved(value: Any, measured: Measurements) -> Any:
    """Return the value of a parameter, which may be a measured one."""
    if not isinstance(value, dict):
        return value
    number = measured.numbers[value["measured"]]
    return number if isinstance(number, list) else float(f"{value['times'] * number:.3g}")
