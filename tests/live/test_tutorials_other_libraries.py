"""The tutorials and examples that need other libraries print what they show."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from following import compare, follow, steps  # noqa: E402  it is beside the other tests


@pytest.mark.parametrize("name", ["more_of_the_runner", "other_libraries", "sweep_on_dask"])
def test_a_tutorial_can_be_followed_from_an_empty_folder(name, tmp_path):
    for step, printed in follow((ROOT / "docs" / "tutorials" / f"{name}.md").read_text("utf-8"), tmp_path):
        compare(step, printed)


def test_the_examples_of_the_readme_for_other_libraries_print_what_they_show(tmp_path):
    text = (ROOT / "README.md").read_text("utf-8")
    part = text[text.index("## Keep your framework") : text.index("## Write a loss")]
    for step, printed in follow(part, tmp_path):
        compare(step, printed)


@pytest.mark.parametrize(
    ("library", "backend"), [("Keras", "torch"), ("Keras", "jax"), ("skorch", ""), ("Lightning", "")]
)
def test_a_recipe_prints_what_it_shows(library, backend, tmp_path):
    page = (ROOT / "docs" / "tutorials" / "keras_skorch_lightning.md").read_text("utf-8")
    (step,) = steps(page.split(f"## {library}\n")[1].split("\n## ")[0])
    environment = os.environ | {"KERAS_BACKEND": backend}
    done = subprocess.run(
        [sys.executable, "-c", step.code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    compare(step, done.stdout)
