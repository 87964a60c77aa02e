"""Summaries of the results: the table of docs/speed.md, and the text that is printed at the end, faster peers first.

A ratio is a peer's time over lossreg's in the same round, so above 1 lossreg is faster; of the limit it is lossreg's
time over that of the limit. Means are geometric, over the medians of the cases.
"""

from __future__ import annotations

import json
from functools import partial
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "speed.md"
START, END = "<!-- speed -->\n", "<!-- /speed -->"

PEERS = ("torch", "torch.compile", "jax.jit", "scikit-learn")

Row = dict[str, Any]


def recorded() -> dict[str, Any]:
    """The results as committed."""
    results: dict[str, Any] = json.loads((HERE / "results.json").read_text("utf-8"))
    return results


def write(results: dict[str, Any], path: Path) -> None:
    """Write the results: a line for each row, so that two runs can be compared."""
    sections = results["sections"]
    lines = [
        f"  {json.dumps(name)}: [\n" + ",\n".join(f"   {json.dumps(row)}" for row in rows) + "\n  ]"
        for name, rows in sections.items()
    ]
    others = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in results.items() if key != "sections"]
    path.write_text("{\n" + ",\n".join([*others, ' "sections": {\n' + ",\n".join(lines) + "\n }"]) + "\n}\n", "utf-8")


# Numbers


def middle(spread: Sequence[float]) -> float:
    """The median."""
    return spread[1]


def ratio(row: Row, engine: str) -> float | None:
    """How many times as long the engine takes as lossreg; None where it did not take part."""
    spread = row["ratios"].get(engine)
    return spread and middle(spread)


def above_limit(row: Row) -> float | None:
    """How many times as long lossreg takes as the limit; None for a small batch."""
    found = ratio(row, "limit")
    return 1 / found if found and row["group"] != "small batch" else None


def mean(values: Iterable[float]) -> float:
    """The geometric mean."""
    logarithms = [log(value) for value in values]
    return exp(sum(logarithms) / len(logarithms))


def duration(seconds: float) -> str:
    """A time in the unit that suits it."""
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if abs(seconds) * factor >= 0.9995:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def times(value: float) -> str:
    """A ratio, to two digits or so."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def faster_peers(rows: Sequence[Row]) -> list[tuple[Sequence[float], str, str]]:
    """The peers that are faster than lossreg: the spread of the ratio, case and peer; the worst first."""
    found = [(spread, row["case"], name) for row in rows for name, spread in row["ratios"].items() if name in PEERS]
    return sorted((entry for entry in found if middle(entry[0]) < 1), key=lambda entry: middle(entry[0]))


# Lines while it runs


def line(row: Row) -> str:
    """One row: lossreg's time, the ratio of each engine, and how far above the limit lossreg is."""
    own, above = duration(middle(row["seconds"]["lossreg"])), above_limit(row)
    others = [f"{name} {times(middle(spread))}" for name, spread in row["ratios"].items() if name != "limit"]
    others += [f"above the limit {times(above)}"] if above else []
    return f"{row['case']:<38} {own:>8}   {', '.join(others)}"


def start_line(row: Row) -> str:
    """One row of the new processes: what the trivial one takes, and the others beyond it."""
    ordered = sorted((middle(spread), name) for name, spread in row["beyond"].items())
    least, most = (f"{duration(seconds)} ({name})" for seconds, name in (ordered[0], ordered[-1]))
    return f"{row['case']}: beyond numba's {duration(middle(row['seconds']['numba']))} from {least} to {most}"


# Tables


def groups(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """The rows by group, in the order they come, and all of them at the end."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["group"], []).append(row)
    return [*found.items(), *([("all", list(rows))] if rows else [])]


def cell(rows: Sequence[Row], of: Callable[[Row], float | None]) -> str:
    """The mean of a ratio, and its range."""
    values = [value for row in rows if (value := of(row)) is not None]
    if not values:
        return ""
    spread = f" ({times(min(values))} to {times(max(values))})" if len(values) > 1 else ""
    return times(mean(values)) + spread


def by_group(rows: Sequence[Row]) -> list[list[str]]:
    """The cells of each group: its name, the number of cases, lossreg's time, each peer's over it, and the limit's."""
    table = []
    for group, members in groups(rows):
        own = duration(mean(middle(row["seconds"]["lossreg"]) for row in members)) if group != "all" else ""
        ratios = [cell(members, partial(ratio, engine=peer)) for peer in PEERS]
        table.append([group, str(len(members)), own, *ratios, cell(members, above_limit)])
    return table


def page_table(results: dict[str, Any]) -> str:
    """The table of docs/speed.md, and what is to be said of it."""
    rows = results["sections"]["cases"]
    table = [["size", "cases", "lossreg", *PEERS, "limit"], ["---"] * (len(PEERS) + 4), *by_group(rows)]
    shown = "".join(f"| {' | '.join(cells)} |\n" for cells in table)
    slower = [f"`{case}` ({peer} {times(middle(spread))})" for spread, case, peer in faster_peers(rows)]
    verdict = f"A peer takes less time in {', '.join(slower)}." if slower else "No peer is faster in any case."
    packages = ", ".join(f"{name} {version}" for name, version in results["packages"].items())
    origin = f"Measured on {results['date']}: {results['cpu']}, Python {results['python']}, {packages}."
    return f"{shown}\n{verdict}\n\n{origin}\n"


def in_page() -> tuple[str, str, str]:
    """The page before the table, the table, and what comes after."""
    before, _, rest = PAGE.read_text("utf-8").partition(START)
    found, _, after = rest.partition(END)
    return before, found, after


def into_page(results: dict[str, Any]) -> None:
    """Write the table to its place."""
    before, _, after = in_page()
    PAGE.write_text(before + START + page_table(results) + END + after, "utf-8")


def columns(table: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines, the cells one below another."""
    widths = [max(map(len, cells)) for cells in zip(*table, strict=True)]
    return ["  ".join(x.ljust(width) for x, width in zip(row, widths, strict=True)).rstrip() for row in table]


def closing(results: dict[str, Any]) -> str:
    """What is printed at the end: first where a peer is faster, then the means, then the other questions."""
    sections = results["sections"]
    lines = [f"FAILED  {what}" for what in results["failed"]]
    lines.append("Where a peer is faster: its time over lossreg's, median and quartiles")
    for name in ("cases", "float64", "value", "threads", "sizes", "training"):
        for (low, median, high), case, peer in faster_peers(sections[name]):
            lines.append(f"  {times(median)} ({times(low)} to {times(high)})  {case}, {peer} [{name}]")
    lines += [] if lines[-1].startswith("  ") else ["  nowhere"]
    for name, question in (
        ("cases", "float32, value and gradient, one thread: the mean of a peer's time over lossreg's (its range)"),
        ("float64", "float64, value and gradient, one thread"),
        ("value", "float32, the value alone, one thread"),
        ("threads", f"float32, value and gradient, {results['cores']} threads"),
    ):
        heads = ["size", "cases", "lossreg", *PEERS, "over the limit"]
        lines += ["", question, *columns([heads, *by_group(sections[name])])]
    lines += ["", "lossreg beside itself: the mean (its range)"]
    for what, engine, section in (
        ("out= given", "lossreg out=", "cases"),
        ("float32, over float64", "lossreg float32", "float64"),
        (f"one thread, over {results['cores']}", "lossreg one thread", "scaling"),
    ):
        own = groups(sections[section])
        table = [[group, cell(rows, partial(ratio, engine=engine))] for group, rows in own]
        lines += [f"  {what}", *(f"    {shown}" for shown in columns(table))]
    lines += ["", "A new process, and how much of it is beyond one that calls a trivial function out of numba's cache"]
    for row in sections["start"]:
        table = [[name, *(duration(middle(row[of][name])) for of in ("seconds", "beyond"))] for name in row["beyond"]]
        lines += [f"  {start_line(row)}", *(f"    {shown}" for shown in columns(table))]
    lines += ["", "A training step, and a peer's over it", *(f"  {line(row)}" for row in sections["training"])]
    return "\n".join(lines)
