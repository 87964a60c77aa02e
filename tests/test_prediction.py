"""Models of finished runs: they predict from new rows as they were trained, bit for bit."""

import json
import os
import pickle
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_iris
from sklearn.inspection import permutation_importance

import lossreg
from lossreg import InvalidInput
from lossreg.cli import main
from lossreg.errors import NotResumable
from lossreg.experiment.prediction import trained_model
from lossreg.experiment.training import evaluation
from lossreg.registry.registries import data

TRAIN = {"epochs": 3, "batch_size": 32}
ROWS = [("1,5", "red", "10"), ("2,5", "blue", "20"), ("3,5", "red", "30"), ("0,5", "", "15"), ("2,1", "blue", "22")]


def config(path, **changes):
    return {
        "data": {"test": 0.3, **path},
        "model": "linear",
        "optimizer": "adam",
        "loss": "mse",
        "train": TRAIN,
    } | changes


@pytest.fixture
def prices(tmp_path):
    lines = ["size;colour;price", *(";".join(row) for row in ROWS * 8)]
    (tmp_path / "prices.csv").write_text("\n".join(lines), "utf-8")
    return {
        "name": "csv",
        "path": str(tmp_path / "prices.csv"),
        "target": "price",
        "separator": ";",
        "decimal": ",",
        "on_missing": "mean",
    }


def logged(result):
    return load_file(result.path / "predictions.safetensors")


@pytest.mark.parametrize("loss", ["cross_entropy", "multi_margin", "kl_div", "bce_with_logits"])
@pytest.mark.parametrize("model", [{"name": "mlp", "hidden": [8]}])
def test_a_model_predicts_what_its_run_logged_bit_for_bit(tmp_path, loss, model):
    name = "breast_cancer" if loss == "bce_with_logits" else "iris"
    result = lossreg.run(config({"name": name}, model=model, loss=loss), root=tmp_path)
    saved, found = logged(result), result.model
    inputs = data.get(name).function().inputs[saved["row"]]
    classes = np.array(found.classes)
    assert np.array_equal(found.predict(inputs), classes[saved["prediction"]])
    assert np.array_equal(lossreg.load(result.path).predict(inputs), classes[saved["prediction"]])
    if loss == "multi_margin":
        assert "probability" not in saved
        with pytest.raises(InvalidInput, match="multi_margin does not define probabilities of classes; use predict"):
            found.predict_proba(inputs)
    else:
        probabilities = found.predict_proba(inputs)
        assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-6)
        assert np.array_equal(probabilities.argmax(axis=1), saved["prediction"])
        assert np.array_equal(probabilities, saved["probability"])


def test_real_predictions_have_the_units_of_the_data(tmp_path):
    given = {"name": "diabetes", "standardise_targets": True}
    result = lossreg.run(config(given, metrics=["mae"]), root=tmp_path)
    saved = logged(result)
    table = data.get("diabetes").function()
    assert np.allclose(saved["target"], table.targets[saved["row"]], rtol=1e-6)
    assert np.array_equal(result.model.predict(table.inputs[saved["row"]]), saved["prediction"][:, 0])
    assert result.final["test_mae"] == pytest.approx(np.abs(saved["prediction"] - saved["target"]).mean(), rel=1e-6)


def test_columns_are_found_by_name_in_any_table(tmp_path, prices):
    result = lossreg.run(config(prices), root=tmp_path)
    found = result.model
    expected = found.predict({"colour": ["red", None, "blue"], "size": [1.5, 0.5, 2.5], "other": [0, 0, 0]})
    assert expected.shape == (3,)
    assert len(set(expected.tolist())) == 3
    table = pa.table({"size": [1.5, 0.5, 2.5], "colour": ["red", "", " blue "]})
    assert np.array_equal(found.predict(table), expected)
    assert found.notes == []
    found.predict({"colour": ["green", "red"], "size": [1.0, 1.0]})
    assert "1 row with categories that were not trained on (green)" in found.notes[0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"color": ["red"], "size": [1.0]}, "there is no column 'colour'; did you mean 'color'?"),
        ({"colour": ["red"], "size": ["big"]}, "column 'size': not a number in 1 of 1 rows; the first is 'big'"),
        (np.zeros((2, 2)), "expected a table with the columns colour, size, as some hold words"),
        ({"colour": [], "size": []}, "expected at least one row to predict, got none"),
        ({"colour": ["red", "red"], "size": [1.0]}, "expected a table of named columns of equal length"),
        ({"colour": ["red"], "size": [np.inf]}, "'size': expected a number, got inf, in row 1"),
    ],
)
def test_rows_that_do_not_fit_are_refused(tmp_path, prices, rows, message):
    found = lossreg.run(config(prices), root=tmp_path).model
    with pytest.raises(InvalidInput) as caught:
        found.predict(rows)
    assert message in str(caught.value)


def test_a_copy_predicts_and_a_damaged_run_is_refused(tmp_path):
    result = lossreg.run(config({"name": "iris"}, loss="cross_entropy"), root=tmp_path / "runs")
    inputs = data.get("iris").function().inputs
    expected = result.model.predict_proba(inputs)
    copy = shutil.copytree(result.path, tmp_path / "elsewhere")
    assert np.array_equal(lossreg.load(copy).predict_proba(inputs), expected)
    weights = load_file(copy / "weights.safetensors")
    save_file(
        {"0.weight": weights["0.weight"][:, :2].copy(), "0.bias": weights["0.bias"]}, copy / "weights.safetensors"
    )
    with pytest.raises(InvalidInput, match="has the weights"):
        lossreg.load(copy)
    (copy / "weights.safetensors").write_bytes(b"no weights")
    with pytest.raises(InvalidInput, match="is damaged"):
        lossreg.load(copy)
    shutil.copy(result.path / "weights.safetensors", copy)
    encoding = json.loads((copy / "data.json").read_text())
    del encoding["blake2b"]
    for change, message in (
        ({"fill": [1.0]}, "its lists have different lengths"),
        ({"scaling": {"mean": "x"}}, "scaling: expected a mapping with the lists mean and deviation"),
        ({"classes": 3}, "classes: expected a list of texts"),
        ({"unknown": 3}, "not the encoding of a run's data: the unknown keys unknown"),
    ):
        (copy / "data.json").write_text(json.dumps(encoding | change))
        with pytest.raises(InvalidInput, match=message):
            lossreg.load(copy)
    with pytest.raises(InvalidInput, match="expected the directory of a finished run; it has no"):
        lossreg.load(tmp_path)


def test_a_run_whose_data_changed_is_not_resumed(tmp_path, prices):
    class Stop(lossreg.Progress):
        def epoch(self, _):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lossreg.run(config(prices), root=tmp_path / "runs", progress=Stop())
    (run,) = (tmp_path / "runs").iterdir()
    path = tmp_path / "prices.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-5]), "utf-8")
    with pytest.raises(NotResumable, match="the data have changed since the run began"):
        lossreg.resume(run)
    assert lossreg.resume(run, force=True).metrics


@pytest.mark.parametrize("name", ["config.yaml", "data.json", "weights.safetensors"])
def test_a_model_is_loaded_from_regular_files_only(tmp_path, name):
    path = lossreg.run(config({"name": "iris"}, loss="cross_entropy"), root=tmp_path / "runs").path
    (path / name).rename(tmp_path / name)
    (path / name).symlink_to(tmp_path / name)
    with pytest.raises(InvalidInput, match=f"{name} is a link, which is not followed"):
        lossreg.load(path)
    (path / name).unlink()
    os.mkfifo(path / name)
    with pytest.raises(InvalidInput, match=f"{name} is not a regular file"):
        lossreg.load(path)


def test_a_finished_run_goes_through_its_test_rows_once(tmp_path, monkeypatch):
    passes = []
    original = evaluation.evaluated_chunks

    def counted(network, examples, size):
        passes.append(len(examples))
        return original(network, examples, size)

    for module in (evaluation, trained_model):
        monkeypatch.setattr(module, "evaluated_chunks", counted)
    result = lossreg.run(config({"name": "iris", "test": 0.2}, loss="cross_entropy"), root=tmp_path)
    epochs = result.final["epoch"]
    assert passes.count(30) == epochs + 1
    assert set(load_file(result.path / "predictions.safetensors")) == {"prediction", "target", "row", "probability"}


def test_a_model_is_an_estimator_of_scikit_learn_that_is_rebuilt_from_its_directory(tmp_path):
    rows, labels = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[labels]
    result = lossreg.run(config({"name": "iris", "test": 0.2}, loss="cross_entropy"), root=tmp_path)
    model, estimator = result.model, lossreg.load_estimator(result.path)
    assert estimator.score(rows, names) == np.mean(model.predict(rows) == names)
    assert permutation_importance(clone(estimator), rows, names, n_repeats=1).importances.shape == (4, 1)
    assert estimator.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert (estimator.n_features_in_, is_classifier(estimator)) == (4, True)
    stored = pickle.dumps(estimator)
    assert len(stored) < 1000  # a path, and no weights
    again = pickle.loads(stored)  # noqa: S301  made above
    assert np.array_equal(again.predict_proba(rows), model.predict_proba(rows))
    regression = lossreg.run(config({"name": "diabetes"}), root=tmp_path)
    assert is_regressor(lossreg.load_estimator(regression.path))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["7", "11", "-1"], [-1, 7, 11]),
        (["007", "7", "11"], ["007", "7", "11"]),
        (["1.0", "2.0", "3.0"], ["1.0", "2.0", "3.0"]),
        (["9007199254740993", "9007199254740992", "1"], [1, 9007199254740992, 9007199254740993]),
        (["99999999999999999999", "1", "2"], ["1", "2", "99999999999999999999"]),
    ],
)
def test_labels_are_predicted_as_they_were_in_a_csv(tmp_path, capsys, labels, expected):
    rows = [f"{number},{labels[number % 3]}" for number in range(45)]
    (tmp_path / "t.csv").write_text("\n".join(["x,y", *rows]) + "\n")
    data = {"name": "csv", "path": str(tmp_path / "t.csv"), "target": "y", "task": "classification"}
    result = lossreg.run(config(data, loss="cross_entropy"), root=tmp_path)
    assert result.model.labels.tolist() == expected
    assert result.model.predict({"x": [1.0]}).dtype.kind == ("i" if isinstance(expected[0], int) else "U")
    with pytest.raises(SystemExit):
        main(["predict", str(result.path), str(tmp_path / "t.csv")])
    header, *cells = [line.split(",") for line in capsys.readouterr().out.splitlines()]
    assert header == ["y", *(f"probability of {label}" for label in expected)]
    assert {cell[0] for cell in cells} <= {*map(str, expected)}


def test_labels_are_predicted_as_they_were_in_typed_data(tmp_path):
    draw = np.random.default_rng(0)
    inputs, labels = draw.normal(size=(40, 2)), np.arange(40) % 2
    for integers in (True, False):
        values = labels if integers else labels.astype(str)
        np.savez(tmp_path / "t.npz", x=inputs, y=values)
        pq.write_table(pa.table({"x": inputs[:, 0], "y": values}), tmp_path / "t.parquet")
        for source in ({"name": "npz"}, {"name": "parquet", "target": "y", "task": "classification"}):
            given = config({**source, "path": str(tmp_path / f"t.{source['name']}")}, loss="cross_entropy")
            result = lossreg.run(given, root=tmp_path)
            assert result.model.labels.tolist() == ([0, 1] if integers else ["0", "1"])
            estimator = lossreg.load_estimator(result.path)
            assert estimator.classes_.tolist() == result.model.labels.tolist()


def test_weights_of_which_a_bit_has_changed_are_refused(tmp_path):
    path = lossreg.run(config({"name": "iris"}, loss="cross_entropy"), root=tmp_path).path / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"weights.safetensors is damaged: its content has changed"):
        lossreg.load(path.parent)
