"""Make the README's table of losses from what is installed.

python tests/readme.py            # prints it
python tests/readme.py --write    # puts it into README.md
"""

import sys
from pathlib import Path

from lossreg.registry.registries import losses, normalized_name

README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- losses -->\n", "<!-- /losses -->"

PYTORCH = (
    *("AdaptiveLogSoftmaxWithLoss", "BCELoss", "BCEWithLogitsLoss", "CTCLoss", "CosineEmbeddingLoss"),
    *("CrossEntropyLoss", "GaussianNLLLoss", "HingeEmbeddingLoss", "HuberLoss", "KLDivLoss", "L1Loss"),
    *("LinearCrossEntropyLoss", "MSELoss", "MarginRankingLoss", "MultiLabelMarginLoss", "MultiLabelSoftMarginLoss"),
    *("MultiMarginLoss", "NLLLoss", "PoissonNLLLoss", "SmoothL1Loss", "SoftMarginLoss", "TripletMarginLoss"),
    "TripletMarginWithDistanceLoss",
)
"""PyTorch's loss classes."""


def readme_table():
    """The built-in losses: a row for each, by name."""
    rows = ["| loss | task | what it is | parameters | in PyTorch |", "|---|---|---|---|---|"]
    for offer in losses.offers():
        if offer.distribution != "lossreg":
            continue
        loss = losses.load(offer)
        parameters = ", ".join(f"`{p.name}`" if p.required else f"`{p.name}={p.default!r}`" for p in loss.parameters)
        peers = [f"`{name}`" for name in PYTORCH if normalized_name(name) == normalized_name(loss.name)]
        cells = [f"`{loss.name}`", loss.task, loss.summary.replace("|", "\\|"), parameters, *(peers or [""])]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def parts():
    """The README before the table, the table, and what comes after."""
    before, _, rest = README.read_text("utf-8").partition(START)
    table, _, after = rest.partition(END)
    return before, table, after


def main():
    """Print the table, or write it to its place."""
    if "--write" in sys.argv:
        before, _, after = parts()
        README.write_text(before + START + readme_table() + END + after, "utf-8")
    else:
        sys.stdout.write(readme_table())


if __name__ == "__main__":
    main()
