"""The tutorials and examples that need other libraries print what they show."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from following import compare, follow  # noqa: E402  it is beside the other tests


@pytest.mark.parametrize("name", ["other_libraries", "sweep_on_dask"])
def test_a_tutorial_can_be_followed_from_an_empty_folder(name, tmp_path):
    for step, printed in follow((ROOT / "docs" / "tutorials" / f"{name}.md").read_text("utf-8"), tmp_path):
        compare(step, printed)


def test_the_example_of_the_readme_for_pytorch_prints_what_it_shows(tmp_path):
    text = (ROOT / "README.md").read_text("utf-8")
    part = text[text.index("## Keep your framework") : text.index("## Write a loss")]
    for step, printed in follow(part, tmp_path):
        compare(step, printed)
