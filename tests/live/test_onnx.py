"""Models of runs as ONNX: every kind of model, with scaling, categories and missing cells, in onnxruntime."""

import numpy as np
import onnx
import pytest
from onnxruntime import InferenceSession

import lossreg
from lossreg import InvalidInput
from lossreg.cli import main
from lossreg.experiment.prediction.onnx_export import TOLERANCE, as_onnx, check

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


def test_categories_and_missing_cells_are_encoded_in_the_file(tmp_path, capsys):
    draw = np.random.default_rng(0)
    words, sizes = draw.choice(["red", "green", ""], 90), draw.normal(size=90)
    lines = [f"{word},{size:.3f},{draw.choice(['yes', 'no'])}" for word, size in zip(words, sizes, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["colour,size,y", ",0.5,yes", "red,,no", *lines]) + "\n")
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


def test_a_difference_is_found_and_what_onnx_cannot_express_is_refused(tmp_path, monkeypatch):
    model = trained(tmp_path, IRIS, "linear", "cross_entropy").model
    content = as_onnx(model)
    model.network.weights[0] += 0.01
    with pytest.raises(InvalidInput, match="the ONNX model differs from the original by"):
        check(content, model)
    (tmp_path / "nets_for_onnx.py").write_text("from torch.nn import Linear as make\n")
    monkeypatch.chdir(tmp_path)
    model = trained(tmp_path, IRIS, {"name": "torch", "module": "nets_for_onnx:make"}, "cross_entropy").model
    with pytest.raises(InvalidInput, match="torch is no sequence of dense layers"):
        as_onnx(model)
