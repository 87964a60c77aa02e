"""PyTorch's side of the README's table of differences, by the PyTorch that is installed."""

import compare
import pytest


@pytest.mark.parametrize(
    ("case", "row"),
    list(zip(compare.CASES, compare.recorded()["cases"], strict=True)),
    ids=lambda x: getattr(x, "words", ""),
)
def test_pytorch_still_prints_what_the_table_says(case, row):
    assert compare.pytorch(case) == row["pytorch"]
