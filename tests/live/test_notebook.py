"""The tutorial that is a notebook: its cells run from the first to the last, and show what is committed."""

import json
import tempfile
from pathlib import Path

import nbclient
import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorials" / "notebook.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook with what its cells show, executed in an empty folder."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def outputs(cells):
    """What each cell of code shows, as pairs of kinds and text, without errors and progress."""
    return [
        [(kind, "".join(text)) for output in cell["outputs"] for kind, text in output.get("data", {}).items()]
        for cell in cells
        if cell["cell_type"] == "code"
    ]


def test_losses_criteria_runs_and_sweeps_show_themselves(executed):
    html = [dict(shown).get("text/html", "") for shown in outputs(executed.cells)]
    loss, criterion, _, own, result, _, summary = html[:7]
    assert "<td>delta</td>" in loss
    assert "delta=0.5" in criterion
    assert "</svg>" in criterion
    assert "</svg>" in own
    assert "<b>mae</b>" in result
    assert "polyline" in result
    assert "<th>test_mae</th>" in summary


def test_the_committed_outputs_are_of_the_same_kinds(executed):
    committed = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    kinds = [[sorted(kind for kind, _ in shown) for shown in outputs(cells)] for cells in (committed, executed.cells)]
    assert kinds[0] == kinds[1]
    assert str(Path.home()) not in NOTEBOOK.read_text("utf-8")
    assert tempfile.gettempdir() not in NOTEBOOK.read_text("utf-8")
