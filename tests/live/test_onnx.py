"""Models of runs as ONNX: every kind of model, with scaling, categories and missing cells, in onnxruntime."""

import numpy as np
import onnx
import pytest
from onnxruntime import InferenceSession

import lossreg
from lossreg import InvalidInput
from lossreg.cli import main
from lossreg.experiment.prediction.onnx_check import TOLERANCE, check
from lossreg.experiment.prediction.onnx_export import as_onnx

TRAIN = {"epochs": 2, "batch_size": 32}
ADAM = {"name": "adam", "lr": 0.01}


def trained(folder, data, model, loss, optimizer=ADAM):
    config = {"data": data, "model": model, "optimizer": optimizer, "loss": loss, "train": TRAIN}
    return lossreg.run(config, root=folder / "runs")


IRIS = {"name": "iris", "standardise": True}
DIABETES = {"name": "diabetes", "standardise": True, "standardise_targets": True}
MLP = {"name": "mlp", "hidden": [8, 4]}


@pytest.mark.parametrize(
    ("data", "model", "loss"),
    [
        (IRIS, MLP, "cross_entropy"),
        (IRIS, {"name": "mlp", "hidden": [5], "activation": "sigmoid"}, "multi_margin"),
        (IRIS, "linear", "kl_div"),
        (IRIS, {"name": "mlp", "activation": "tanh"}, "nll"),
        ({"name": "breast_cancer", "standardise": True}, MLP, "bce_with_logits"),
        ({"name": "breast_cancer", "standardise": True}, MLP, "bce"),
        ({"name": "breast_cancer", "standardise": True}, "linear", "hinge"),
        (DIABETES, MLP, "huber"),
        (DIABETES, {"name": "mean_variance", "hidden": [8]}, "gaussian_nll"),
        ({"name": "diabetes"}, "linear", "poisson_nll"),
        ({"name": "random", "outputs": 3}, "linear", "mse"),
        (IRIS, {"name": "siamese", "hidden": [8]}, "triplet_margin"),
        (IRIS, {"name": "autoencoder", "code": 2}, "mse"),
    ],
)
def test_onnx_gives_what_the_model_predicts(tmp_path, data, model, loss):
    model = trained(tmp_path, data, model, loss).model
    content = as_onnx(model)
    assert check(content, model) <= TOLERANCE
    graph = onnx.load_from_string(content).graph
    assert {each.name for each in graph.initializer} <= {name for node in graph.node for name in node.input}
    draw = np.random.default_rng(1)
    rows = draw.normal(size=(50, len(model.features))) * 3
    found = InferenceSession(content).run(["prediction"], {"inputs": rows})[0]
    expected = model.predict(rows)
    assert found.shape == expected.shape
    if expected.dtype.kind == "f":
        assert np.allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    else:
        assert found.tolist() == expected.tolist()


def mixed_table():
    """A table with words, numbers and missing cells, as CSV."""
    draw = np.random.default_rng(0)
    words, sizes = draw.choice(["red", "green", ""], 90), draw.normal(size=90)
    lines = [f"{word},{size:.3f},{draw.choice(['yes', 'no'])}" for word, size in zip(words, sizes, strict=True)]
    return "\n".join(["colour,size,y", ",0.5,yes", "red,,no", *lines]) + "\n"


def test_categories_and_missing_cells_are_encoded_in_the_file(tmp_path, capsys):
    (tmp_path / "t.csv").write_text(mixed_table())
    data = {"name": "csv", "path": str(tmp_path / "t.csv"), "target": "y", "on_missing": "mean", "standardise": True}
    result = trained(tmp_path, data, MLP, "cross_entropy")
    with pytest.raises(SystemExit) as done:
        main(["export", str(result.path), str(tmp_path / "model.onnx")])
    assert not done.value.code
    assert "results differ from the model's by" in capsys.readouterr().out
    session = InferenceSession(str(tmp_path / "model.onnx"))
    fed = {
        "colour": np.array([["red"], ["green"], [""], ["NA"], ["blue"]], object),
        "size": np.array([[0.5], [np.nan], [1.0], [2.0], [-1.0]]),
    }
    table = {"colour": ["red", "green", "", "NA", "blue"], "size": ["0.5", "", "1.0", "2.0", "-1.0"]}
    prediction, probability = session.run(["prediction", "probability"], fed)
    assert prediction.tolist() == result.model.predict(table).tolist()
    assert np.allclose(probability, result.model.predict_proba(table), rtol=1e-5)


def test_a_difference_is_found(tmp_path):
    model = trained(tmp_path, IRIS, "linear", "cross_entropy").model
    content = as_onnx(model)
    model.network.weights[0] += 0.01
    with pytest.raises(InvalidInput, match="the ONNX model differs from the original by"):
        check(content, model)


NETS = """
import torch


class Gated(torch.nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.first, self.gate = torch.nn.Linear(inputs, 8), torch.nn.Linear(inputs, 8)
        self.norm, self.last = torch.nn.LayerNorm(8), torch.nn.Linear(8, outputs)

    def forward(self, x):
        hidden = torch.nn.functional.gelu(self.first(x)) * torch.sigmoid(self.gate(x))
        return self.last(self.norm(hidden))


class Branching(Gated):
    def forward(self, x):
        return super().forward(x if x.sum() > 0 else -x)
"""


@pytest.mark.slow  # PyTorch's exporter takes ten seconds to import
def test_a_module_of_pytorch_is_written_with_its_preprocessing_or_refused_with_the_reason(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "nets_for_onnx.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "t.csv"
    table.write_text(mixed_table())
    data = {"name": "csv", "path": str(table), "target": "y", "on_missing": "mean", "standardise": True}
    gated = {"name": "torch", "module": "nets_for_onnx:Gated"}
    for given, loss in ((data, "cross_entropy"), (IRIS, "cross_entropy"), (DIABETES, "huber")):
        model = trained(tmp_path, given, gated, loss).model
        content = as_onnx(model)
        assert check(content, model) <= TOLERANCE
        assert not onnx.load_from_string(content).functions
    model = trained(tmp_path, DIABETES, {"name": "torch", "module": "nets_for_onnx:Branching"}, "huber").model
    capsys.readouterr()
    with pytest.raises(InvalidInput, match="PyTorch cannot write the module as ONNX: "):
        as_onnx(model)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("model", [{"name": "xgboost", "max_depth": 4}, {"name": "lightgbm", "min_data_in_leaf": 3}])
@pytest.mark.parametrize(
    ("data", "loss"),
    [
        ("mixed", "bce_with_logits"),
        (IRIS, "cross_entropy"),
        ({"name": "diabetes"}, "huber"),
        (DIABETES, "pseudo_huber"),
        ({"name": "random", "outputs": 3, "samples": 300}, "mse"),
    ],
)
def test_trees_give_what_the_model_predicts_at_their_thresholds_too(tmp_path, model, data, loss):
    if data == "mixed":
        (tmp_path / "t.csv").write_text(mixed_table())
        data = {"name": "csv", "path": str(tmp_path / "t.csv"), "target": "y", "on_missing": "mean"}
    config = {"data": data, "model": model, "loss": loss, "train": {"epochs": 40}}
    found = lossreg.run(config, root=tmp_path / "runs").model
    assert len(found.network.trees.trees()) == 40 * found.network.width
    content = as_onnx(found)
    assert check(content, found) <= 1e-6  # another leaf would differ by far more
    found.network.start[0] *= 1.01
    found.network.start[0] += 0.01
    with pytest.raises(InvalidInput, match="the ONNX model differs from the original by"):
        check(content, found)


def test_mean_targets_of_words_are_written_and_hashes_of_words_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text(mixed_table())
    data = {"name": "csv", "path": str(tmp_path / "t.csv"), "target": "y", "on_missing": "mean", "standardise": True}
    model = trained(tmp_path, data | {"kinds": {"colour": "target_mean"}}, MLP, "bce_with_logits").model
    content = as_onnx(model)
    assert check(content, model) <= TOLERANCE
    fed = {"colour": np.array([["red"], ["new"]], object), "size": np.array([[0.5], [np.nan]])}
    found = InferenceSession(content).run(["probability"], fed)[0]
    assert np.allclose(found, model.predict_proba({"colour": ["red", "new"], "size": ["0.5", ""]}), rtol=1e-5)
    model = trained(tmp_path, data | {"kinds": {"colour": "hash"}}, MLP, "bce_with_logits").model
    with pytest.raises(InvalidInput, match="column 'colour' is encoded by hashes of its words, for which ONNX has no"):
        as_onnx(model)


def test_trees_that_tell_zeros_from_other_numbers_are_refused(tmp_path):
    model = {"name": "lightgbm", "options": {"zero_as_missing": True}}
    config = {"data": {"name": "digits"}, "model": model, "loss": "cross_entropy", "train": {"epochs": 1}}
    with pytest.raises(InvalidInput, match="by whether a number is 0"):
        as_onnx(lossreg.run(config, root=tmp_path).model)


class Other:
    """A network of some plugin."""


def test_a_network_that_does_not_say_how_it_is_written_is_refused(tmp_path):
    model = trained(tmp_path, IRIS, "linear", "cross_entropy").model
    model.network = Other()
    with pytest.raises(InvalidInput, match="linear is neither dense layers nor trees, and has no method to_onnx"):
        as_onnx(model)
