"""Results of checks: one check's outcome with its worst point, and the report on a loss."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Status = Literal["passed", "failed", "expected failure", "not run"]

EXACT = 4
"""The largest error of an exact result, in units in its last place; or, because inputs are rounded too, as a multiple
of the change that one unit in the last place of each input makes."""
CLOSE = 256
"""The largest error of a result that has lost a few digits only."""
GRADES = {
    "A": f"at most {EXACT} ulps at all inputs",
    "B": f"at most {EXACT} ulps at ordinary inputs",
    "C": f"at most {CLOSE} ulps at ordinary inputs",
    "D": "more",
}
"""The grades of exactness, from what they say of the largest error."""


ULPS = "ulps"
"""The unit of exactness."""


class CheckFailure(AssertionError):  # noqa: N818  a noun phrase, like the names of all errors here
    """A check found a fault in the loss."""


@dataclass(frozen=True)
class WorstPoint:
    """The point at which a check found its largest error; `place` and `point` are the point as text and as data."""

    error: float
    unit: str
    limit: float
    place: str
    point: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        limit = f" (at most {self.limit:g})" if self.unit != ULPS or self.error > self.limit else ""
        return f"{self.error:.3g} {self.unit}{limit} at {self.place}"


@dataclass(frozen=True)
class CheckResult:
    """The result of one check of one loss.

    worst: the worst point, of a check of exactness the worst of ordinary numbers; `extreme` is that of all others.
    figures: further measurements, such as an error without allowance.
    """

    check: str
    status: Status
    points: int
    worst: WorstPoint | None = None
    extreme: WorstPoint | None = None
    message: str = ""
    hint: str = ""
    reason: str = ""
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def grade(self) -> str:
        """The grade of exactness, one of GRADES; nothing for other checks."""
        found = self.worst or self.extreme
        if found is None or found.unit != ULPS:
            return ""
        ordinary, extreme = (point.error if point else 0.0 for point in (self.worst, self.extreme))
        if ordinary <= EXACT:
            return "A" if extreme <= EXACT else "B"
        return "C" if ordinary <= CLOSE else "D"

    def __str__(self) -> str:
        text = f"{self.check}: {self.message or self.status}"
        text += f"\n    worst: {self.worst}" if self.status == "failed" and self.worst else ""
        return text + (f"\n    hint: {self.hint}" if self.status == "failed" and self.hint else "")


@dataclass(frozen=True)
class ConformanceReport:
    """The results of all checks of one loss, and the checks that do not apply to it, each with the reason."""

    loss: str
    results: tuple[CheckResult, ...]
    not_applicable: dict[str, str]
    seconds: float = 0.0

    def __iter__(self) -> Iterator[CheckResult]:
        return iter(self.results)

    def __getitem__(self, check: str) -> CheckResult:
        return next(result for result in self.results if result.check == check)

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that failed, and those that passed although they were expected to fail."""
        return tuple(result for result in self.results if result.status == "failed")

    @property
    def grade(self) -> str:
        """The grade of exactness: the lowest of those of the checks, and nothing if there is none."""
        return max((result.grade for result in self.results), default="")

    def rows(self) -> list[list[str]]:
        """Return the report as a table: check, status, points, and the worst point or a reason."""
        rows = []
        for result in self.results:
            status = f"{result.status}, {result.grade}" if result.grade else result.status
            found = result.extreme if result.grade == "B" else result.worst or result.extreme
            rows.append([result.check, status, str(result.points), result.reason or (str(found) if found else "")])
        return rows + [[check, "not applicable", "", reason] for check, reason in self.not_applicable.items()]

    def __str__(self) -> str:
        head, rows = ["check", "status", "points", "worst"], self.rows()
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows))
        return "\n".join([self.loss, *(f"  {line}".rstrip() for line in lines)])


class CheckRun:
    """A check while it runs: it counts the points that were tested and keeps the worst one.

    bound: the largest error that the loss declares for ordinary numbers, in units in the last place, or None.
    """

    def __init__(self, bound: float | None = None) -> None:
        self.points, self.bound = 0, bound
        self.worst: WorstPoint | None = None
        self.extreme: WorstPoint | None = None
        self.message = ""
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
        """Count a point with its error; `place` and `explain` describe it (and give a hint) if it is the worst yet."""
        self.points += 1
        error = float("inf") if isnan(error) else error
        if self.worst is None or error / limit > self.worst.error / self.worst.limit:
            self.worst = WorstPoint(error, unit, limit, *place())
            self.message, self.hint = explain() if error > limit else ("", "")

    def measure_extreme(
        self, error: float, limit: float, unit: str, place: Callable[[], tuple[str, dict[str, Any]]]
    ) -> None:
        """Count a point of extreme numbers, whose error is graded and no failure."""
        self.points += 1
        error = float("inf") if isnan(error) else error
        if self.extreme is None or error > self.extreme.error:
            self.extreme = WorstPoint(error, unit, limit, *place())

    def figure(self, name: str, number: float) -> None:
        """Keep the largest value of a further measurement."""
        self.figures[name] = max(number, self.figures.get(name, 0.0))

    def require(self, condition: Any, message: str) -> None:
        """Count a point, and fail with the message if the condition does not hold."""
        self.points += 1
        if not condition:
            raise CheckFailure(message)

    def conclude(self) -> None:
        """Fail if the worst point is over its limit, or if no point was tested."""
        if self.points == 0:
            raise CheckFailure("no point was tested, so the check shows nothing")
        if self.worst is not None and self.worst.error > self.worst.limit:
            raise CheckFailure(self.message)
