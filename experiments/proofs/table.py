"""The proofs of each loss in one table: source, oracle, libraries compared, exactness, speed and config.

python experiments/proofs/table.py --write    # write docs/proofs.md; without --write show the table
"""  # noqa: INP001  a script

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

import lossreg
from lossreg.registry.registries import losses

if TYPE_CHECKING:
    from lossreg import Loss

ROOT = Path(__file__).parents[2]
GRADES = ROOT / "experiments" / "exactness" / "results.json"
DOCUMENT = ROOT / "docs" / "proofs.md"
SPEED = ROOT / "experiments" / "speed"
OWN_TESTS = {
    "barlow_twins": "MONAI",
    "coral": "coral-pytorch",
    "corn": "coral-pytorch",
    "cox": "statsmodels",
    "crps_ensemble": "properscoring",
    "energy_distance": "SciPy",
    "list_net": "optax",
    "lovasz_softmax": "kornia",
    "nt_xent": "optax",
}
"""The libraries that tests of their own in tests/live compare with."""
WITHOUT_PEER = {
    **dict.fromkeys(("dpo", "kto", "orpo", "simpo"), "none: TRL has it inside a trainer of language models"),
    **dict.fromkeys(("ciou", "diou"), "none: torchvision has no build for PyTorch without CUDA"),
    "asymmetric": "none: timm needs torchvision, which has no build for PyTorch without CUDA",
    "rnnt": "a dynamic programme in PyTorch; torchaudio has no build without CUDA",
    **dict.fromkeys(
        ("beta_nll", "evidential", "ldam", "logit_adjusted", "pairwise_auc", "poly1_bce", "siglip"), "none has it alone"
    ),
    **dict.fromkeys(("squentropy", "symmetric_cross_entropy", "wing"), "none has it alone"),
}
"""What stands in the place of a library."""
SEQUENCES, LAYERS = "none: a row of a table is no sequence", "none: the weights of the layer are an input"
ANSWERS, SAMPLES = "none: a model on a table has no log-probabilities of texts", "none: samples have no pairs to learn"
WITHOUT_CONFIG = {
    **dict.fromkeys(("ctc", "rnnt"), SEQUENCES),
    **dict.fromkeys(("adaptive_log_softmax", "linear_cross_entropy"), LAYERS),
    **dict.fromkeys(("dpo", "kto", "orpo", "simpo"), ANSWERS),
    **dict.fromkeys(("energy_distance", "mmd"), SAMPLES),
    "distillation": "none: a config does not name the logits of a teacher",
    "mixture_nll": "none: a metric does not know which of three rows is the prediction",
}
"""Why no config trains a loss; experiments/families/README.md says more."""
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


def keys_returned(path: Path, name: str) -> list[str]:
    """The keys of the dict literal that a function of a module returns."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            returned = node.body[-1]
            if isinstance(returned, ast.Return) and isinstance(returned.value, ast.Dict):
                return [key.value for key in returned.value.keys if isinstance(key, ast.Constant)]
    raise LookupError(f"{path} has no function {name} that returns a dict")


def libraries() -> dict[str, list[str]]:
    """The libraries that each loss is compared with."""
    live = ROOT / "tests" / "live"
    found: dict[str, list[str]] = {}
    for path in (ROOT / "tests" / "golden" / "losses").glob("*.json"):
        found.setdefault(path.stem, []).append("PyTorch")
    for key in keys_of(live / "test_peers.py", "CASES"):
        name, _, library = key.partition(" in ")
        found.setdefault(name.split()[-1], []).append(library.partition(",")[0])
    for key in keys_of(live / "test_formula_peers.py", "CASES"):
        name, _, library = key.partition(" in ")
        found.setdefault(name, []).append(library)
    for key in keys_returned(live / "test_formula_peers.py", "expected_values"):
        name, _, library = key.partition(" in ")
        found.setdefault(name, []).append(library)
    for name in keys_of(live / "test_formula_peers.py", "LISTS"):
        found.setdefault(name, []).append("rax")
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
    """A config that trains each loss, or a sweep."""
    found: dict[str, str] = {}
    for path in (*sorted((ROOT / "configs").glob("*.yaml")), *sorted((ROOT / "configs" / "sweeps").glob("*.yaml"))):
        content = yaml.safe_load(path.read_text("utf-8"))
        for given in content["sweep"]["grid"].get("loss", []) if "sweep" in content else [content.get("loss")]:
            for term in given if isinstance(given, list) else [given]:
                name = term["name"] if isinstance(term, dict) else term
                found.setdefault(lossreg.get(name).name, str(path.relative_to(ROOT / "configs").with_suffix("")))
    return found


def speeds() -> dict[str, tuple[float, float]]:
    """The time of the fastest peer divided by ours, in the worst and in the best case of each loss."""
    found: dict[str, list[float]] = {}
    for path in (SPEED / "results.json", SPEED / "catalogue" / "results.json"):
        for case in json.loads(path.read_text("utf-8"))["sections"]["cases"]:
            peers = [case["ratios"][engine][1] for engine in PEERS if engine in case["ratios"]]
            if peers:
                found.setdefault(case["loss"], []).append(min(peers))
    return {name: (min(each), max(each)) for name, each in found.items()}


def source_of(loss: Loss) -> str:
    """The first source that the docstring names."""
    match = re.search(r"Source: (.*?)(?:;|\.\n|\.$|\. [A-Z])", loss.doc, re.DOTALL)
    return " ".join(match[1].split()).rstrip(".") if match else ""


def grade_of(loss: Loss, graded: dict[str, Any] | None) -> str:
    """The grade of a loss with its largest error, and the reason that the docstring gives for one below A."""
    if graded is None:
        return ""
    worst = f"{graded['grade']} ({max(graded['ulps'].values(), default=0):g} ulps)"
    return worst if graded["grade"] == "A" else f"{worst}: {inexact(loss)}"


def inexact(loss: Loss) -> str:
    """Why a loss is not exact at all inputs, as its docstring says."""
    match = re.search(r"^Exactness: (.*?)\.$", loss.doc, re.DOTALL | re.MULTILINE)
    return " ".join(match[1].split()) if match else ""


def rows() -> list[list[str]]:
    """The row of each loss: no cell is empty."""
    grades: dict[str, Any] = json.loads(GRADES.read_text("utf-8"))["losses"]
    compared, oracle, trained, fast = libraries(), oracles(), configs(), speeds()
    return [
        [
            f"`{name}`",
            source_of(lossreg.get(name)).replace("|", "\\|"),
            oracle.get(name, "catalogue.py"),
            ", ".join(compared.get(name, [])) or WITHOUT_PEER.get(name, ""),
            grade_of(lossreg.get(name), grades.get(name)),
            "{:.2g} to {:.2g}".format(*fast[name]) if name in fast else "not measured",
            f"`{trained[name]}`" if name in trained else WITHOUT_CONFIG.get(name, ""),
        ]
        for name in lossreg.names()
        if losses.find(name).distribution == "lossreg"
    ]


def table() -> str:
    """The table, a row for each loss."""
    head = [["loss", "source", "oracle", "compared with", "grade", "speed", "config"], ["---"] * 7]
    return "".join(f"| {' | '.join(row)} |\n" for row in head + rows())


def main() -> None:
    """Show the table; with --write put it into the document."""
    if "--write" in sys.argv:
        before, _, rest = DOCUMENT.read_text("utf-8").partition(START)
        DOCUMENT.write_text(before + START + table() + END + rest.partition(END)[2], "utf-8")
    else:
        sys.stdout.write(table())


if __name__ == "__main__":
    main()
