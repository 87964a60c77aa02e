"""What a check found: how many points it tried, the worst of them, and whether that is good enough."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Status = Literal["passed", "failed", "expected failure"]


class CheckFailure(AssertionError):  # noqa: N818  a noun phrase, as all of our errors
    """A check has seen what must not be."""


@dataclass(frozen=True)
class Worst:
    """The point at which a check found the largest error: the error, what it is measured in, and the point."""

    error: float
    unit: str
    limit: float
    place: str
    point: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.error:.3g} {self.unit} (at most {self.limit:g}) at {self.place}"


@dataclass(frozen=True)
class Result:
    """One check of one loss, done. `figures` are further measurements, such as an error without its allowance."""

    check: str
    status: Status
    points: int
    worst: Worst | None = None
    message: str = ""
    hint: str = ""
    reason: str = ""
    figures: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        told = f"{self.check}: {self.message or self.status}"
        told += f"\n    worst: {self.worst}" if self.status == "failed" and self.worst else ""
        return told + (f"\n    hint: {self.hint}" if self.status == "failed" and self.hint else "")


@dataclass(frozen=True)
class Report:
    """The checks of one loss, in order, and those left out because they do not concern it, with the reason."""

    loss: str
    results: tuple[Result, ...]
    left_out: dict[str, str]

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __getitem__(self, check: str) -> Result:
        return next(result for result in self.results if result.check == check)

    @property
    def failed(self) -> tuple[Result, ...]:
        """The checks that failed, and those that were expected to and did not."""
        return tuple(result for result in self.results if result.status == "failed")

    def __str__(self) -> str:
        head = ["check", "status", "points", "worst"]
        rows = [[r.check, r.status, str(r.points), r.reason or (str(r.worst) if r.worst else "")] for r in self.results]
        rows += [[check, "left out", "", reason] for check, reason in self.left_out.items()]
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows))
        return "\n".join([self.loss, *(f"  {line}".rstrip() for line in lines)])


class Trial:
    """A check under way: it counts its points and keeps the worst."""

    def __init__(self) -> None:
        self.points = 0
        self.worst: Worst | None = None
        self.told = ""
        self.hint = ""
        self.figures: dict[str, float] = {}

    def measure(
        self,
        error: float,
        limit: float,
        unit: str,
        place: Callable[[], tuple[str, dict[str, Any]]],
        explain: Callable[[], tuple[str, str]],
    ) -> None:
        """Count a point with its error; of the worst, have `place` and `explain` (message, hint) tell."""
        self.points += 1
        error = float("inf") if isnan(error) else error
        if self.worst is None or error / limit > self.worst.error / self.worst.limit:
            self.worst = Worst(error, unit, limit, *place())
            self.told, self.hint = explain() if error > limit else ("", "")

    def figure(self, name: str, number: float) -> None:
        """Keep the largest of a further measurement."""
        self.figures[name] = max(number, self.figures.get(name, 0.0))

    def require(self, condition: Any, told: str) -> None:
        """Count a point, and end the check where the condition does not hold."""
        self.points += 1
        if not condition:
            raise CheckFailure(told)

    def conclude(self) -> None:
        """End the check where its worst point is too bad, or where it has tried nothing."""
        if self.points == 0:
            raise CheckFailure("tried no point, and so shows nothing")
        if self.worst is not None and self.worst.error > self.worst.limit:
            raise CheckFailure(self.told)
