"""The proofs of each loss in one table: source, oracle, libraries compared, exactness, speed and config.

python experiments/proofs/table.py --measure NAME...    # grade the exactness of losses, into grades.json
python experiments/proofs/table.py --write              # write docs/proofs.md
"""  # noqa: INP001  a script

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

import lossreg

if TYPE_CHECKING:
    from lossreg import Loss

ROOT = Path(__file__).parents[2]
GRADES = Path(__file__).with_name("grades.json")
DOCUMENT = ROOT / "docs" / "proofs.md"
SPEED = ROOT / "experiments" / "speed"
OWN_TESTS = {
    "coral": "coral-pytorch",
    "corn": "coral-pytorch",
    "cox": "statsmodels",
    "crps_ensemble": "properscoring",
    "energy_distance": "SciPy",
    "list_net": "optax",
    "nt_xent": "optax",
}
"""The libraries that tests of their own in tests/live/test_batch_peers.py compare with."""
PEERS = ("torch", "torch.compile", "jax.jit")
START, END = "<!-- proofs -->\n", "<!-- /proofs -->"


def values_of(path: Path, name: str) -> ast.Dict:
    """The dict literal that a module assigns to a name."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            found = node.value
            if isinstance(found, ast.Dict):
                return found
    raise LookupError(f"{path} has no dict {name}")


def keys_of(path: Path, name: str) -> list[str]:
    """The keys of the dict literal that a module assigns to a name."""
    return [key.value for key in values_of(path, name).keys if isinstance(key, ast.Constant)]


def libraries() -> dict[str, list[str]]:
    """The libraries that each loss is compared with."""
    live = ROOT / "tests" / "live"
    found: dict[str, list[str]] = {}
    for path in (ROOT / "tests" / "golden" / "losses").glob("*.json"):
        found.setdefault(path.stem, []).append("PyTorch")
    for key in keys_of(live / "test_peers.py", "CASES"):
        name, _, library = key.partition(" in ")
        found.setdefault(name.split()[-1], []).append(library.partition(",")[0])
    for name in keys_of(live / "test_batch_peers.py", "METRIC_LEARNING"):
        found.setdefault(name, []).append("pytorch-metric-learning")
    for name, library in OWN_TESTS.items():
        found.setdefault(name, []).append(library)
    return {name: list(dict.fromkeys(each)) for name, each in found.items()}


def oracles() -> dict[str, str]:
    """The file with the oracle of each loss."""
    tests = ROOT / "tests"
    found = dict.fromkeys(keys_of(tests / "batch_catalogue.py", "BATCHES"), "batch_catalogue.py")
    found |= dict.fromkeys((path.stem for path in (tests / "golden" / "losses").glob("*.json")), "oracles.py")
    return found


def configs() -> dict[str, str]:
    """A config that trains each loss."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "configs").glob("*.yaml")):
        given = yaml.safe_load(path.read_text("utf-8")).get("loss")
        for term in given if isinstance(given, list) else [given]:
            name = term["name"] if isinstance(term, dict) else term
            found.setdefault(lossreg.get(name).name, path.stem)
    return found


def speeds() -> dict[str, tuple[float, float]]:
    """The time of the fastest peer divided by ours, in the worst and in the best case of each loss."""
    found: dict[str, list[float]] = {}
    for path in sorted(SPEED.glob("*results.json")):
        for case in json.loads(path.read_text("utf-8"))["sections"]["cases"]:
            peers = [case["ratios"][engine][1] for engine in PEERS if engine in case["ratios"]]
            if peers:
                found.setdefault(case["loss"], []).append(min(peers))
    return {name: (min(each), max(each)) for name, each in found.items()}


def source_of(loss: Loss) -> str:
    """The first source that the docstring names."""
    match = re.search(r"Source: (.*?)(?:;|\.\n|\.$|\. [A-Z])", loss.doc, re.DOTALL)
    return " ".join(match[1].split()).rstrip(".") if match else ""


def measure(names: list[str]) -> None:
    """Grade the exactness of losses, and keep the grades."""
    from lossreg.testing import CHECKS
    from lossreg.testing.check import run_check
    from lossreg.testing.loss_under_test import loss_under_test

    for name in names:
        tested = loss_under_test(name)
        if lossreg.get(name).forms[0].by_batch:
            continue
        results = [run_check(CHECKS[f"exact_in_{real}"], tested) for real in ("float32", "float64")]
        worst = max((result.worst.error for result in results if result.worst), default=0.0)
        recorded = json.loads(GRADES.read_text("utf-8")) if GRADES.exists() else {}
        recorded[name] = {"grade": max(result.grade for result in results), "ulps": float(f"{worst:.3g}")}
        GRADES.write_text(json.dumps(dict(sorted(recorded.items())), indent=1) + "\n", "utf-8")
        sys.stdout.write(f"{name} {recorded[name]}\n")


def table() -> str:
    """The table, a row for each loss."""
    grades: dict[str, Any] = json.loads(GRADES.read_text("utf-8")) if GRADES.exists() else {}
    compared, oracle, trained, fast = libraries(), oracles(), configs(), speeds()
    rows = [["loss", "source", "oracle", "compared with", "grade", "speed", "config"], ["---"] * 7]
    for name in lossreg.names():
        graded = grades.get(name)
        rows.append(
            [
                f"`{name}`",
                source_of(lossreg.get(name)).replace("|", "\\|"),
                oracle.get(name, "catalogue.py"),
                ", ".join(compared.get(name, [])) or "-",
                f"{graded['grade']} ({graded['ulps']:g} ulps)" if graded else "-",
                "{:.2g} to {:.2g}".format(*fast[name]) if name in fast else "-",
                f"`{trained[name]}`" if name in trained else "-",
            ]
        )
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--measure", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    measure(options.measure)
    if options.write:
        before, _, rest = DOCUMENT.read_text("utf-8").partition(START)
        DOCUMENT.write_text(before + START + table() + END + rest.partition(END)[2], "utf-8")


if __name__ == "__main__":
    main()
