"""Measure the conformance kit on every loss: the processor time of each level, with an empty cache of compiled loops.

    python experiments/speed/kit.py [--full] [--output FILE] [LOSS ...]

Each figure is of a process of its own, which begins where lossreg and numba are imported. The level quick compiles
nothing itself; a kernel that calls another loss compiles the loops of that loss once.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import TYPE_CHECKING, Any

import numba

import lossreg
from lossreg.testing import check_loss

if TYPE_CHECKING:
    from lossreg.testing.loss_under_test import Level

HERE = Path(__file__).parent


def checked(name: str, level: Level, cache: str) -> dict[str, Any]:
    """The figures of one check of a loss in a child process."""
    reading, writing = os.pipe()
    if not os.fork():
        numba.config.CACHE_DIR = cache
        loss, start = lossreg.get(name), process_time()
        report = check_loss(loss, level=level, on_failure="return")
        found = {
            "seconds": process_time() - start,
            "checks": len(report.results),
            "failed": [result.check for result in report.failed],
            "grade": report.grade,
        }
        os.write(writing, json.dumps(found).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        made: dict[str, Any] = json.loads(pipe.read())
    os.wait()
    return made


def measured(name: str, *, full: bool) -> dict[str, Any]:
    """The figures of a loss: quick with an empty cache, and if asked for full with an empty cache and again."""
    with TemporaryDirectory() as cache:
        found = {"quick": checked(name, "quick", cache)}
        for state in ("full", "full, again") if full else ():
            found[state] = checked(name, "full", cache)
        return found


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The figures as Markdown: seconds of processor time, the number of checks, and the grade of exactness."""
    columns = list(next(iter(rows.values())))
    lines = [
        "# What the conformance kit takes for each loss",
        "",
        "Seconds of processor time with an empty cache, one thread, without numba's import (`kit.py`). A check that",
        "fails is expected to; tests/test_contract.py has the reasons, such as slopes of PyTorch.",
        "",
        f"| loss | {' | '.join(columns)} | checks | grade |",
        "|---|" + "---|" * (len(columns) + 2),
    ]
    for name, found in rows.items():
        last = found[columns[-1]]
        seconds = " | ".join(f"{found[column]['seconds']:.2f}" for column in columns)
        failed = f", fails {', '.join(last['failed'])}" if last["failed"] else ""
        lines.append(f"| {name} | {seconds} | {last['checks']}{failed} | {last['grade']} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("losses", nargs="*", help="names of losses; all, if none is given")
    parser.add_argument("--full", action="store_true", help="measure the level full too, which takes half an hour")
    parser.add_argument("--output", type=Path, default=HERE.parent / "runs" / "speed" / "kit.md")
    given = parser.parse_args()
    lossreg.set_num_threads(1)
    rows = {}
    for name in given.losses or lossreg.names():
        rows[name] = measured(name, full=given.full)
        print(table({name: rows[name]}).splitlines()[-1], flush=True)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(table(rows), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
