"""Measure the conformance kit on every loss: the processor time of each level, with an empty cache of compiled loops.

    python experiments/speed/kit.py [--full] [--output FILE] [LOSS ...]

Each figure is of a process of its own, without its start and the import of numba, which are measured too. The level
quick compiles nothing itself; a kernel that calls another loss compiles the loops of that loss once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lossreg

HERE = Path(__file__).parent

CHECK = """
import json, sys, time
import lossreg
from lossreg.testing import check_loss

loss = lossreg.get(sys.argv[1])
start = time.process_time()
report = check_loss(loss, level=sys.argv[2], on_failure="return")
found = {
    "start": start,
    "seconds": time.process_time() - start,
    "checks": len(report.results),
    "failed": [result.check for result in report.failed],
    "grade": report.grade,
}
print(json.dumps(found))
"""


def checked(name: str, level: str, cache: str) -> dict[str, Any]:
    """The figures of one check of a loss in a new process."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache, "NUMBA_NUM_THREADS": "1"}
    command = [sys.executable, "-c", CHECK, name, level]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603  this script's
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


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
        "Seconds of processor time, one thread, by `experiments/speed/kit.py`. The start of a process with the import",
        f"of numba takes {sorted(found[columns[0]]['start'] for found in rows.values())[len(rows) // 2]:.1f} s more.",
        "",
        "A check that fails is expected to; tests/test_contract.py has the reasons, such as slopes of PyTorch.",
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
    rows = {}
    for name in given.losses or lossreg.names():
        rows[name] = measured(name, full=given.full)
        print(table({name: rows[name]}).splitlines()[-1], flush=True)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(table(rows), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
