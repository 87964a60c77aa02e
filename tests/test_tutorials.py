"""The README, the tutorials and the pages are right: their commands and examples print what they show."""

import pytest
from following import compare, follow, steps
from project import ROOT

DOCS = ROOT / "docs"


def run(text, folder):
    for step, printed in follow(text, folder):
        compare(step, printed)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["first_run", "own_csv", "compare_losses", "write_a_loss"])
def test_a_tutorial_can_be_followed_from_an_empty_folder(name, tmp_path):
    run((DOCS / "tutorials" / f"{name}.md").read_text("utf-8"), tmp_path)


@pytest.mark.parametrize("name", ["index", "numbers"])
def test_the_examples_of_a_page_print_what_it_shows(name, tmp_path):
    run((DOCS / f"{name}.md").read_text("utf-8"), tmp_path)


def test_the_first_example_of_the_readme_prints_what_it_shows(tmp_path):
    text = (ROOT / "README.md").read_text("utf-8")
    run(text[text.index("## Call a loss from Python") : text.index("## Compare losses from YAML")], tmp_path)


def test_the_config_in_the_readme_is_the_one_that_it_names():
    text = (ROOT / "README.md").read_text("utf-8")
    (shown,) = (step.code for step in steps(text) if step.kind == "yaml")
    config = (ROOT / "configs" / "digits_mlp.yaml").read_text("utf-8")
    assert shown == "".join(line for line in config.splitlines(keepends=True) if line.strip() and line[0] != "#")


def test_every_tutorial_is_followed_by_a_test():
    live = {"keras_skorch_lightning", "more_of_the_runner", "other_libraries", "sweep_on_dask"}
    assert {path.stem for path in (DOCS / "tutorials").glob("*.md")} == {
        *("index", "first_run", "own_csv", "compare_losses", "write_a_loss"),
        *live,
    }


def test_a_step_that_prints_something_else_fails(tmp_path):
    with pytest.raises(AssertionError, match="printed"):
        run('```python\nprint("2 of 3")\n```\n\n```text\n... of 4\n```\n', tmp_path)
    with pytest.raises(AssertionError, match="no_such_command"):
        run("```sh\nno_such_command\n```\n", tmp_path)
