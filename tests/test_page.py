"""The page's content, whatever the runs are; tests/browser looks at the page itself."""

import base64
import errno
import hashlib
import json
import math
import re
import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

import lossreg
from lossreg.cli import main
from lossreg.experiment.report import page_data as page_module
from lossreg.experiment.report.html_page import SCRIPTS, asset, page
from lossreg.experiment.report.learning_curves import MAX_SEGMENTS, thinned
from lossreg.experiment.report.loss_curves import call, loss_curves
from lossreg.experiment.report.page_data import page_data
from lossreg.experiment.report.prediction_summary import MAX_CLASSES, prediction_summary
from lossreg.experiment.report.readable_values import readable
from lossreg.experiment.runner.predictions import FILE, read
from lossreg.experiment.storage import files
from lossreg.experiment.storage.runs import Run, runs_in

WINE = {"data": {"name": "wine", "standardise": True}, "model": "linear", "optimizer": "adam", "train": {"epochs": 3}}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for loss in ("cross_entropy", {"name": "cross_entropy", "label_smoothing": 0.1}):
        lossreg.run({**WINE, "loss": loss}, root=root)
    return runs_in(root)


def embedded(html):
    return json.loads(re.search(r'id="content">(.*?)</script>', html, re.DOTALL)[1])


def test_the_page_holds_its_content_and_names_all_that_may_run(runs):
    html = page(runs)
    assert embedded(html) == json.loads(json.dumps({**page_data(runs), "made": embedded(html)["made"]}))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    for name in (*SCRIPTS, "page.css"):
        assert base64.b64encode(hashlib.sha256(asset(name).encode()).digest()).decode() in policy
        assert asset(name) in html
    addresses = re.findall(r"""(?:src|href)="([^"]*)""", html)
    assert addresses
    assert all(address.startswith(("#", "data:")) for address in addresses)


def test_no_text_of_a_run_ends_the_script_that_holds_it(tmp_path):
    path = tmp_path / "20260102T030405.000006Z-x-abcdef"
    path.mkdir()
    path.joinpath("status.json").write_text(
        json.dumps({"status": "failed", "error": "</script><!--<script>\u2028{{ x }}"})
    )
    html = page([Run(path)])
    assert embedded(html)["runs"][0]["error"] == "</script><!--<script>\u2028{{ x }}"
    assert html.count("</script>") == 1 + len(SCRIPTS)


def test_runs_of_one_task_are_compared_and_others_are_not(runs, tmp_path):
    columns = {column["key"]: column["rises"] for column in page_data(runs)["columns"]}
    assert columns["test_accuracy"] is True
    assert columns["loss.label_smoothing"] is columns["test_loss"] is None  # another loss's value is another thing
    other = lossreg.run({**WINE, "data": "iris", "loss": "cross_entropy"}, root=tmp_path)
    columns = {column["key"]: column["rises"] for column in page_data([*runs, Run(other.path)])["columns"]}
    assert set(columns.values()) == {None}
    seeds = [lossreg.run({**WINE, "loss": "cross_entropy", "seed": seed}, root=tmp_path) for seed in (1, 2)]
    columns = {column["key"]: column["rises"] for column in page_data([Run(seed.path) for seed in seeds])["columns"]}
    assert (columns["test_loss"], columns["test_accuracy"], columns["seed"]) == (False, True, None)


def test_curves_are_what_was_logged(runs):
    found = page_data(runs)
    assert [chart["metric"] for chart in found["charts"]] == ["loss", "accuracy"]
    assert found["charts"][0]["keys"] == {"train": "train_loss", "test": "test_loss"}
    curve = found["runs"][1]["curves"]["test_loss"]
    assert curve["epoch"] == [1, 2, 3]
    assert curve["y"] == [pytest.approx(record["test_loss"], rel=1e-5) for record in runs[1].records]


def test_a_long_curve_keeps_its_ends_its_spikes_and_what_is_no_number():
    values = np.sin(np.arange(50_000) / 3000).tolist()
    values[12_345], values[33_333], values[40_000] = 9.0, -9.0, math.nan
    points = [(n, n, value) for n, value in enumerate(values)]
    kept = thinned(points)
    assert len(kept) <= 2 * MAX_SEGMENTS + 3
    assert {0, 12_345, 33_333, 40_000, 49_999} <= {n for n, _, _ in kept}
    assert kept == sorted(kept, key=lambda point: point[0])
    assert thinned(points[:500]) == points[:500]


def test_values_are_json():
    given = [0.1 + 0.2, math.nan, -math.inf, True, None, [1, "a"], "x", 3]
    assert [readable(value) for value in given] == [0.3, "nan", "-inf", True, None, '[1, "a"]', "x", 3]


@pytest.mark.slow  # 3 s of processor time
def test_a_sweep_has_its_ranked_configs_and_the_name_of_its_directory(tmp_path):
    grid = {"loss": ["cross_entropy", "multi_margin"]}
    sweep = {"grid": grid, "repeats": 2, "metric": "test_accuracy"}
    path = lossreg.sweep({**WINE, "train": {"epochs": 1}, "sweep": sweep}, root=tmp_path).path
    runs = runs_in(path)
    found = page_data(runs)
    assert found["title"] == "run: 4 runs"
    results = found["results"]
    assert (results["metric"], results["rises"], results["over"]) == ("test_accuracy", True, ["seed"])
    best, worse = results["groups"]
    assert best["mean"] >= worse["mean"]
    for group in results["groups"]:
        scores = [runs[index].final["test_accuracy"] for index in group["runs"]]
        assert group["mean"] == pytest.approx(np.mean(scores), rel=1e-5)
        assert group["std"] == pytest.approx(np.std(scores, ddof=1), rel=1e-4)
    assert all(value not in (None, "[]") for _, value in found["shared"])
    assert {chart["metric"]: chart["unit"] for chart in found["charts"]} == {
        "loss": "values of different losses",
        "accuracy": "0 to 1",
    }
    assert all(run["values"]["seconds"] > 0 for run in found["runs"])
    seconds = found["runs"][0]["curves"]["test_loss"]["seconds"]
    assert seconds == [found["runs"][0]["values"]["seconds"]]
    assert page_data(runs[:1])["results"] is None


def test_of_many_runs_the_page_has_the_curves_of_the_best_and_of_some_others(monkeypatch, tmp_path):
    path = lossreg.run({**WINE, "loss": "cross_entropy"}, root=tmp_path).path
    for number in range(9):
        copy = shutil.copytree(path, tmp_path / f"20260102T030405.00000{number}Z-x-abcde{number}")
        config = copy / "config.yaml"
        config.write_text(config.read_text().replace("lr: 0.001", f"lr: 0.{number + 1}"))
        metrics = copy / "metrics.jsonl"
        metrics.write_text(metrics.read_text().replace('"test_loss": ', f'"test_loss": {number + 1}'))
    monkeypatch.setattr(page_module, "MOST_CURVES", 4)
    runs = runs_in(tmp_path)
    found = page_data(runs)
    drawn = [run["values"]["test_loss"] for run in found["runs"] if run["curves"]]
    assert len(drawn) == 4
    everything = sorted(run["values"]["test_loss"] for run in found["runs"])
    assert everything[:2] == sorted(drawn)[:2]
    assert max(drawn) > everything[5]


# Losses


@pytest.mark.parametrize("name", [name for name in lossreg.names() if not lossreg.get(name).forms[0].by_batch])
def test_every_loss_has_a_shape_with_its_own_slope(name):
    found = loss_curves({"name": name})
    assert "problem" not in found
    assert found["lines"]
    for line in found["lines"]:
        x, values, slopes = (np.array(line[key], float) for key in ("x", "value", "slope"))
        assert np.isfinite([values, slopes]).all()
        slope = np.diff(values) / np.diff(x)
        between = (slopes[1:] + slopes[:-1]) / 2
        kinks = np.abs(np.diff(slopes)) > 0.25 * np.abs(slopes).max()
        assert np.allclose(slope[~kinks], between[~kinks], rtol=0.05, atol=0.02 * np.abs(slopes).max() + 1e-4)
    assert any(np.ptp(np.array(line["value"], float)) > 0.1 for line in found["lines"])


def test_a_shape_has_the_runs_own_parameters():
    assert loss_curves({"name": "huber", "delta": 1.0, "weight": 1.0})["call"] == "huber"
    found = loss_curves({"name": "huber", "delta": [0.5, 2.0], "weight": 1.0})
    assert found["call"] == "huber(delta=[0.5, 2.0])"
    assert max(found["lines"][0]["slope"]) == 0.5
    weighted = loss_curves({"name": "cross_entropy", "weight": [2.0, 1.0, 1.0, 1.0, 1.0]})["lines"]
    plain = loss_curves({"name": "cross_entropy", "weight": [1.0] * 5})["lines"]
    assert weighted[0]["value"][0] == pytest.approx(2 * plain[0]["value"][0], rel=1e-5)
    assert call({"name": "x"}) == "x"


def test_a_loss_that_is_not_there_is_said():
    found = loss_curves({"name": "hubr", "delta": 1.0})
    assert found["lines"] == []
    assert "did you mean 'huber'" in found["problem"]


# Predictions


def test_a_run_keeps_its_predictions(runs):
    for run in runs:
        found = read(run.path)
        assert found.classes == ("class_0", "class_1", "class_2")
        assert np.mean(found.prediction == found.target) == run.final["test_accuracy"]


@pytest.mark.parametrize("loss", ["bce_with_logits", "soft_margin"])
def test_two_classes_are_classes(tmp_path, loss):
    config = {**WINE, "data": {"name": "breast_cancer", "standardise": True}, "loss": loss}
    result = lossreg.run(config, root=tmp_path)
    found = prediction_summary(result.path)
    assert found["classes"] == ["malignant", "benign"]
    assert found["correct"] / found["rows"] == result.final["test_accuracy"]
    assert np.sum(found["counts"]) == found["rows"]


def test_numbers_have_residuals(tmp_path):
    result = lossreg.run({**WINE, "data": "diabetes", "loss": "mse"}, root=tmp_path)
    prediction, target, classes = read(result.path)
    assert (prediction.shape, classes) == (target.shape, ())
    assert np.sqrt(np.mean((prediction - target) ** 2)) == pytest.approx(result.final["test_rmse"])
    (found,) = prediction_summary(result.path)["residuals"]
    assert (found["rows"], found["not_finite"], sum(found["counts"])) == (len(target), 0, len(target))
    assert found["mean"] == pytest.approx(np.mean(prediction - target), rel=1e-3)


def test_no_rows_to_test_on_and_files_that_cannot_be_read_are_no_outcome(tmp_path):
    result = lossreg.run({**WINE, "data": {"name": "wine", "test": 0}, "loss": "cross_entropy"}, root=tmp_path)
    assert not (result.path / FILE).exists()
    assert prediction_summary(result.path) is None
    result.path.joinpath(FILE).write_bytes(b"half")
    (run,) = page_data([Run(result.path)])["runs"]
    assert run["predictions"] is None
    assert [problem.partition(": ")[0] for problem in run["problems"]] == [FILE]


LABELS = {"prediction": np.zeros(5, np.int64), "target": np.zeros(5, np.int64)}


@pytest.mark.parametrize(
    ("arrays", "classes", "problem"),
    [
        ({"target": np.array([0, 1, 10**9, 0, 0])}, '["a", "b"]', "target: classes 0 to 1000000000; there are 2"),
        ({"prediction": np.array([0, 1, -1, 0, 0])}, '["a", "b"]', "prediction: classes -1 to 1; there are 2"),
        ({"prediction": np.zeros(4, np.int64)}, '["a"]', "prediction: not what a run writes: int64 of shape (4,)"),
        ({"target": np.zeros(5)}, '["a"]', "target: not what a run writes: float64 of shape (5,)"),
        ({"target": np.zeros((5, 1), np.int64)}, '["a"]', "not what a run writes: int64 of shape (5,)"),
        ({"target": np.zeros((), np.int64)}, '["a"]', "not what a run writes"),
        ({}, "[]", "not what a run writes: int64 of shape (5,)"),
        ({}, "[3]", "expected a list of the names of the classes"),
        ({}, '{"a": 1}', "expected a list of the names of the classes"),
        ({}, "[" * 60_000, "nested more than 50 levels deep"),
        ({"target": None}, '["a"]', "is damaged: File does not contain tensor target"),
    ],
)
def test_predictions_that_a_run_does_not_write_are_a_problem(runs, tmp_path, arrays, classes, problem):
    path = tmp_path / runs[0].id
    shutil.copytree(runs[0].path, path)
    given = {name: array for name, array in (LABELS | arrays).items() if array is not None}
    save_file(given, path / FILE, {"classes": classes})
    bad, good = page_data([Run(path), runs[1]])["runs"]
    assert bad["predictions"] is None
    assert any(found.startswith(f"{FILE}: ") and problem in found for found in bad["problems"]), bad["problems"]
    assert good["predictions"] is not None


def test_a_report_runs_no_file_that_a_run_names_as_its_loss(runs, tmp_path):
    path = tmp_path / runs[0].id
    shutil.copytree(runs[0].path, path)
    path.joinpath("evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    path.joinpath("config.yaml").write_text(json.dumps({"loss": {"name": str(path / "evil.py")}}))
    assert "as that would run the file" in page([Run(path)])
    assert not (tmp_path / "ran").exists()


def test_a_loss_of_many_classes_is_not_drawn():
    found = loss_curves({"name": "cross_entropy", "weight": [1.0] * 50_000})
    assert found["problem"] == "50,000 classes are too many to draw"


def test_many_classes_are_a_list_of_confusions_and_nan_is_counted(tmp_path):
    size = MAX_CLASSES + 5
    target = np.repeat(np.arange(size), 3)
    prediction = target.copy()
    prediction[:3] = 7
    classes = {"classes": json.dumps([f"c{n}" for n in range(size)])}
    save_file({"prediction": prediction, "target": target}, tmp_path / FILE, metadata=classes)
    assert prediction_summary(tmp_path) == {"rows": 3 * size, "correct": 3 * size - 3, "confusions": [["c0", "c7", 3]]}
    lost = np.array([[1.0], [np.nan], [np.inf]], np.float32)
    save_file({"prediction": lost, "target": np.zeros_like(lost)}, tmp_path / FILE)
    (found,) = prediction_summary(tmp_path)["residuals"]
    assert (found["rows"], found["not_finite"], found["mean"]) == (3, 2, 1.0)
    save_file({"prediction": lost[1:], "target": np.zeros_like(lost[1:])}, tmp_path / FILE)
    assert prediction_summary(tmp_path) == {"residuals": [{"rows": 2, "not_finite": 2}]}


@pytest.mark.parametrize(
    ("data", "model", "loss", "classes"),
    [
        ("diabetes", "linear", "poisson_nll", ()),
        ("wine", "autoencoder", "mse", ()),
        ("breast_cancer", "linear", "bce", ("malignant", "benign")),
        ("breast_cancer", "linear", "soft_margin", ("malignant", "benign")),
        ("wine", "linear", "kl_div", ("class_0", "class_1", "class_2")),
        ("diabetes", "linear", "margin_ranking", ("below", "above")),
        ("wine", "siamese", "cosine_embedding", ("apart", "together")),
        pytest.param(
            *("wine", "siamese", "triplet_margin_with_distance", ("apart", "together")), marks=pytest.mark.slow
        ),
    ],
)
def test_what_was_predicted_agrees_with_the_metrics(tmp_path, data, model, loss, classes):
    result = lossreg.run(
        {**WINE, "data": {"name": data, "standardise": True}, "model": model, "loss": loss}, root=tmp_path
    )
    found = read(result.path)
    assert found.classes == classes
    if classes:
        assert (found.prediction == found.target).mean() == pytest.approx(result.final["test_accuracy"])
    else:
        assert abs(found.prediction - found.target).mean() == pytest.approx(result.final["test_mae"], rel=1e-5)
    assert prediction_summary(result.path)


def test_rows_of_several_classes_have_no_predictions(tmp_path):
    result = lossreg.run({**WINE, "loss": "multilabel_soft_margin"}, root=tmp_path)
    assert read(result.path) is None
    assert prediction_summary(result.path) is None


def test_a_number_that_json_lacks_in_the_environment_of_a_run_is_shown_as_text(runs, tmp_path):
    path = tmp_path / runs[0].id
    shutil.copytree(runs[0].path, path)
    environment = json.loads((path / "environment.json").read_text())
    del environment["blake2b"]
    (path / "environment.json").write_text(json.dumps({**environment, "cores": float("nan")}))
    assert ["cores", "nan"] in embedded(page([Run(path)]))["environments"][0]["facts"]


def test_a_report_that_cannot_be_written_to_the_end_leaves_the_old_one(runs, tmp_path, monkeypatch, capsys):
    output = tmp_path / "report.html"
    output.write_text("old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(SystemExit) as ended:
        main(["report", str(runs[0].path), "-o", str(output)])
    assert ended.value.code == 1
    assert "report.html: cannot be written: No space left on device; -o FILE" in capsys.readouterr().err
    assert (output.read_text(), [path.name for path in tmp_path.iterdir()]) == ("old", ["report.html"])
