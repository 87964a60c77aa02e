"""Exactness of each built-in loss: the errors that the conformance kit finds against 60 digits, for its page.

python experiments/exactness/measure.py            # the losses that results.json does not have; some minutes for all
python experiments/exactness/measure.py huber l1   # these losses again
"""  # noqa: INP001  a script

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import lossreg
from lossreg.registry.registries import losses
from lossreg.testing import GRADES, checks_of

RESULTS = Path(__file__).parent / "results.json"
CHECKS = {"exact_in_float32": "float32", "exact_in_float64": "float64"}


def measured(name: str) -> dict[str, Any]:
    """Return the grade of a loss, and its largest errors at ordinary numbers in units in the last place."""
    grades, ulps = [], {}
    for check, run in checks_of(name):
        if check in CHECKS:
            result = run()
            grades.append(result.grade)
            if result.worst:  # without one, every result at ordinary numbers is exact
                ulps[CHECKS[check]] = round(result.worst.error, 2)
    return {"grade": max(grades, default=""), "ulps": ulps}


def main() -> None:
    """Measure the losses that are given, or that are missing, and write the results after each."""
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))["losses"] if RESULTS.is_file() else {}
    built_in = [offer.name for offer in losses.offers() if offer.distribution == "lossreg"]
    for name in sys.argv[1:] or [name for name in built_in if name not in found]:
        try:
            found[name] = measured(name)
        except lossreg.LossregError as error:
            sys.stderr.write(f"{error}\n")
            continue
        kept = {each: found[each] for each in sorted(found) if each in built_in}
        RESULTS.write_text(json.dumps({"grades": GRADES, "losses": kept}, indent=1) + "\n", "utf-8")
        sys.stderr.write(f"{name} {found[name]}\n")


if __name__ == "__main__":
    main()
