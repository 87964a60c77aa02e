"""Runs: what they learn, that they repeat to the byte, and what is refused before they begin."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import lossreg
from lossreg import InvalidConfig, Progress
from lossreg.definition.domains import NON_NEGATIVE
from lossreg.errors import BrokenPlugin
from lossreg.experiment.config.run_config import load
from lossreg.experiment.task.requirements import requirements_of
from lossreg.experiment.task.tasks import Task
from lossreg.experiment.training.compatibility import suitable_losses
from lossreg.experiment.training.evaluation import MAX_CHUNK, Evaluator
from lossreg.experiment.training.examples import Examples, InputRows
from lossreg.experiment.training.interrupts import InterruptHandler
from lossreg.experiment.training.loop import TrainingLoop
from lossreg.experiment.training.objective import Objective
from lossreg.experiment.training.prepare import prepare
from lossreg.plugin import Table
from lossreg.registry.registries import Registry, data as data_sets, losses

CONFIGS = Path(__file__).parents[1] / "configs"


def config(**changes):
    return {
        "data": {"name": "random", "samples": 100, "features": 3},
        "model": "linear",
        "optimizer": {"name": "sgd", "lr": 0.1},
        "loss": "mse",
        "train": {"epochs": 3, "batch_size": 16},
    } | changes


@pytest.fixture
def run(tmp_path):
    return lambda given, **options: lossreg.run(given, root=tmp_path, **options)


@pytest.mark.losses
@pytest.mark.parametrize(
    ("name", "metric", "least"),
    [
        ("linear_mse", "test_r2", 0.98),
        ("binary_bce", "test_accuracy", 0.94),
        ("mlp_cross_entropy", "test_accuracy", 0.6),
        ("digits_mlp", "test_accuracy", 0.96),
        ("digits_early_stopping", "test_accuracy", 0.96),
        ("breast_cancer_logistic", "test_accuracy", 0.95),
        ("diabetes_huber", "test_r2", 0.35),
        ("breast_cancer_bce", "test_accuracy", 0.95),
        ("breast_cancer_soft_margin", "test_accuracy", 0.95),
        ("diabetes_gaussian", "test_r2", 0.3),
        ("diabetes_poisson", "test_r2", 0.35),
        ("diabetes_ranking", "test_accuracy", 0.68),
        ("digits_autoencoder", "test_r2", 0.6),
        ("digits_cosine", "test_accuracy", 0.9),
        ("digits_hinge", "test_accuracy", 0.85),
        ("digits_kl_div", "test_accuracy", 0.95),
        ("digits_multilabel", "test_precision_at_1", 0.95),
        ("digits_multilabel_margin", "test_precision_at_1", 0.95),
        ("digits_nll", "test_accuracy", 0.95),
        ("digits_dice", "test_f1_macro", 0.91),
        ("breast_cancer_auc", "test_roc_auc", 0.97),
        pytest.param("wine_coral", "test_accuracy", 0.93, marks=pytest.mark.slow),
        ("diabetes_auc", "test_roc_auc", 0.88),
        ("diabetes_coral", "test_cohen_kappa", 0.2),
        ("diabetes_aft", "test_concordance", 0.7),
        pytest.param("diabetes_cox", "test_concordance", 0.7, marks=pytest.mark.slow),
        ("diabetes_list_mle", "test_ndcg", 0.92),
        ("diabetes_top_k", "test_r2", 0.38),
        pytest.param("digits_dice_cross_entropy", "test_f1_macro", 0.94, marks=pytest.mark.slow),
        ("digits_tilted", "test_accuracy", 0.94),
        ("digits_triplet", "test_accuracy", 0.95),
        ("wine_margin", "test_accuracy", 0.9),
    ],
)
def test_every_config_learns_what_its_header_says(run, name, metric, least):
    result = run(CONFIGS / f"{name}.yaml")
    assert result.final[metric] >= least
    assert result.final["train_loss"] < result.metrics[0]["train_loss"]


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("diabetes_ensemble", 37.0),
        pytest.param("digits_supcon", 4.4, marks=pytest.mark.slow),
        ("digits_arcface", 1.0),
        pytest.param("digits_info_nce", 5.67, marks=pytest.mark.slow),
        pytest.param("boxes_giou", 0.07, marks=pytest.mark.slow),
    ],
)
def test_configs_without_a_metric_end_at_a_loss_of_test_rows(run, name, most):
    result = run(CONFIGS / f"{name}.yaml")
    assert result.final["test_loss"] <= most < result.metrics[0]["test_loss"]


def test_nine_of_ten_targets_are_below_their_quantile(run):
    result = run(CONFIGS / "diabetes_quantile.yaml")
    table = data_sets.get("diabetes").function()
    tested = load_file(result.path / "predictions.safetensors")["row"]
    below = table.targets[:, 0] < result.model.predict(table.inputs)
    assert np.delete(below, tested).mean() == pytest.approx(0.9, abs=0.02)
    assert below[tested].mean() == pytest.approx(0.9, abs=0.1)


def test_mistyped_targets_hardly_change_the_typical_error(run):
    assert run(CONFIGS / "diabetes_trimmed.yaml").final["test_median_absolute_error"] < 55  # 140 by squared errors


def test_every_config_is_tested():
    tests = (
        test_every_config_learns_what_its_header_says,
        test_configs_without_a_metric_end_at_a_loss_of_test_rows,
    )
    marks = [mark for test in tests for mark in test.pytestmark if mark.name == "parametrize"]
    given = [arguments for mark in marks for arguments in mark.args[1]]
    tested = {getattr(arguments, "values", arguments)[0] for arguments in given}  # pytest.param has values
    tested |= {"diabetes_quantile", "diabetes_trimmed"}
    assert tested == {path.stem for path in CONFIGS.glob("*.yaml")}


def test_one_epoch_is_gradient_descent_written_out(run):
    given = config(train={"epochs": 2, "batch_size": 75, "shuffle": False})
    prepared = prepare(load(given))
    weights = prepared.network.weights.astype(np.float64)
    x = np.c_[prepared.train.inputs.take(slice(None)), np.ones(75)].astype(np.float64)
    y = prepared.train.targets[:, 0].astype(np.float64)
    for _ in range(2):
        weights = weights - 0.1 * 2 / 75 * x.T @ (x @ weights - y)
    result = run(given)
    np.testing.assert_allclose(np.r_[result.weights["0.weight"][0], result.weights["0.bias"]], weights, rtol=1e-5)
    assert result.final["train_loss"] == pytest.approx(((x @ weights - y) ** 2).mean(), rel=1e-5)


def orders(**changes):
    """The rows that each epoch's batches have, in their order."""
    prepared = prepare(load(config(**changes)))
    seen = []

    class Watched:
        weights, grads, named = prepared.network.weights, prepared.network.grads, prepared.network.named
        backward = prepared.network.backward

        def forward(self, inputs):
            seen.append(inputs.copy())
            return session_forward(inputs)

    session_forward = prepared.network.forward
    object.__setattr__(prepared, "network", Watched())
    found, training = [], TrainingLoop(prepared)
    for _ in range(prepared.epochs):
        seen.clear()
        training.advance(InterruptHandler())
        while not training.at_epoch_end:
            training.advance(InterruptHandler())
        assert len(seen) == prepared.steps_per_epoch
        found.append(np.concatenate(seen))
    return prepared.train.inputs.take(slice(None)), found


@pytest.mark.parametrize("size", [1, 7, 75, 1000])
def test_every_row_is_trained_on_once_an_epoch_whatever_the_batch(size):
    rows, found = orders(train={"epochs": 2, "batch_size": size})
    assert len(rows) == 75
    for order in found:
        assert np.array_equal(np.sort(order, axis=0), np.sort(rows, axis=0))
        assert not np.array_equal(order, rows)
    assert not np.array_equal(*found)
    rows, found = orders(train={"epochs": 2, "batch_size": size, "shuffle": False})
    assert all(np.array_equal(order, rows) for order in found)


def test_the_seed_decides_split_weights_and_order_each():
    one, same, other = (prepare(load(config(seed=seed))) for seed in (0, 0, 1))
    rows, rows_too, others = (prepared.train.inputs.take(slice(None)) for prepared in (one, same, other))
    assert np.array_equal(rows, rows_too)
    assert np.array_equal(one.network.weights, same.network.weights)
    assert not np.array_equal(rows, others)
    assert not np.array_equal(one.network.weights, other.network.weights)
    every_row = {"name": "random", "samples": 50, "test": 0}
    (rows, one), (rows_too, other) = (orders(data=every_row, seed=seed) for seed in (0, 1))
    assert np.array_equal(rows, rows_too)
    assert not np.array_equal(one[0], other[0])


@pytest.mark.parametrize(("steps", "epochs"), [(1, [1]), (5, [1]), (7, [1, 2]), (10, [1, 2])])
def test_steps_end_a_run_in_the_middle_of_an_epoch(run, steps, epochs):
    result = run(config(train={"steps": steps, "batch_size": 16}))
    assert [record["epoch"] for record in result.metrics] == epochs
    assert result.final["step"] == steps


def part(inputs, targets):
    return Examples(InputRows(inputs, np.arange(len(inputs))[:, np.newaxis]), targets)


def measured(name, inputs, targets, **parameters):
    """The metrics of a network that gives its inputs again."""

    class Identity:
        forward = staticmethod(lambda inputs: inputs)

    loss = losses.get(name)
    return Evaluator(Objective(loss, "mean", parameters, requirements_of(loss)))(Identity(), part(inputs, targets))


def test_metrics_are_means_over_all_rows_however_they_are_cut():
    rows = MAX_CHUNK + 300
    random = np.random.default_rng(0)
    inputs, targets = random.normal(size=(rows, 2)).astype(np.float32), random.normal(size=(rows, 2)).astype(np.float32)
    errors = inputs.astype(np.float64) - targets
    assert measured("mse", inputs, targets) == pytest.approx(
        {
            "loss": (errors**2).mean(),
            "r2": (1 - (errors**2).sum(axis=0) / ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)).mean(),
            "mae": np.abs(errors).mean(),
            "rmse": np.sqrt((errors**2).mean()),
        },
        rel=1e-5,
    )
    labels = random.integers(0, 2, rows)
    found = measured("cross_entropy", inputs, labels, weight=[1.0, 5.0])
    whole = lossreg.create("cross_entropy", weight=[1.0, 5.0])(inputs, labels)
    assert found["loss"] == pytest.approx(float(whole), rel=1e-5)
    assert found["accuracy"] == (inputs.argmax(axis=1) == labels).mean()
    found = measured("soft_margin", inputs, np.sign(targets))
    assert found["accuracy"] == ((inputs > 0) == (targets > 0)).mean()


def test_what_is_measured_of_one_part_says_nothing_of_another():
    random, loss = np.random.default_rng(1), losses.get("cross_entropy")
    measure = Evaluator(Objective(loss, "mean", {"weight": [1.0, 5.0]}, requirements_of(loss)))

    class Identity:
        forward = staticmethod(lambda inputs: inputs)

    for rows in (40, 3, MAX_CHUNK + 5, 40):
        inputs, labels = random.normal(size=(rows, 2)).astype(np.float32), random.integers(0, 2, rows)
        one = part(inputs, labels)
        whole = float(lossreg.create("cross_entropy", weight=[1.0, 5.0])(inputs, labels))
        for _ in range(2):
            assert measure(Identity(), one)["loss"] == pytest.approx(whole, rel=1e-5)


def test_constant_targets_have_no_r2():
    ones, some = np.full((4, 1), 0.1, np.float32), np.float32([[1], [2], [3], [5]])
    assert np.isnan(measured("mse", some, ones)["r2"])
    both = measured("mse", np.c_[ones, some + 1], np.c_[ones, some])["r2"]
    assert both == pytest.approx(measured("mse", some + 1, some)["r2"])


def test_reductions_change_the_steps_and_not_the_measure(run):
    small = {"name": "sgd", "lr": 0.001}
    mean, total = (run(config(optimizer=small, reduction=reduction)) for reduction in ("mean", "sum"))
    assert total.final["train_loss"] < mean.final["train_loss"] / 2


REPEAT = """
import sys
import lossreg
print(lossreg.run(sys.argv[1], root=sys.argv[2]).path)
"""


@pytest.mark.slow  # 8 s of processor time
def test_two_processes_write_the_same_bytes(tmp_path):
    paths = [
        Path(
            subprocess.run(
                [sys.executable, "-c", REPEAT, str(CONFIGS / "digits_mlp.yaml"), str(tmp_path)],
                check=True,
                capture_output=True,
                text=True,
            ).stdout.strip(),
        )
        for _ in range(2)
    ]
    one, other = ((path / "weights.safetensors").read_bytes() for path in paths)
    assert one == other
    for name in ("metrics.jsonl", "config.yaml"):
        assert (paths[0] / name).read_bytes() == (paths[1] / name).read_bytes()


def test_the_resolved_config_repeats_the_run_and_another_seed_does_not(run):
    first = run(config())
    again, other = run(first.path / "config.yaml"), run(config(seed=1))
    assert np.array_equal(again.weights["0.weight"], first.weights["0.weight"])
    assert not np.array_equal(other.weights["0.weight"], first.weights["0.weight"])


@pytest.mark.slow  # 2 s of processor time
def test_random_data_imports_no_scikit_learn(tmp_path):
    code = "import sys, lossreg; lossreg.run(sys.argv[1], root=sys.argv[2]); assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, str(CONFIGS / "linear_mse.yaml"), str(tmp_path)], check=True)


def test_no_rows_to_test_on_are_no_test_metrics(run):
    result = run(config(data={"name": "random", "test": 0}))
    assert not any(key.startswith("test") for key in result.final)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": "digits"}, "loss: mse takes real targets, but digits has 10 classes; suitable losses: "),
        (
            {"data": "iris", "loss": "bce_with_logits"},
            "loss: bce_with_logits takes two classes, encoded as 0 and 1, but iris has 3 classes; suitable losses: ",
        ),
        (
            {"loss": "cross_entropy"},
            "loss: cross_entropy takes class labels, but random has real targets; suitable losses: ",
        ),
        (
            {"loss": "cosine_embedding"},
            "takes pairs of rows of the same class or of different classes, but random has real",
        ),
        ({"loss": "kl_div"}, "loss: kl_div expects targets to be 0 or above, summing to 1, but the data have oth"),
        (
            {"model": {"name": "linear", "outputs": 2}},
            "model.outputs: expected 1, the number of outputs that mse takes for random, got 2",
        ),
        (
            {"data": "digits", "loss": "cross_entropy", "model": {"name": "linear", "inputs": 10, "outputs": 1}},
            (
                "model.inputs: expected 64, the number of features of digits, got 10; leave it out or write 64\n"
                "model.outputs: expected 10, the number of outputs that cross_entropy takes for digits, got 1; "
                "leave it out or write 10"
            ),
        ),
        ({"data": "digits", "loss": "triplet_margin"}, "model: outputs is missing: the length of the embeddings that"),
        (
            {"data": "digits", "loss": "triplet_margin", "model": {"name": "siamese", "outputs": 3}},
            "model.outputs: siamese chooses its outputs itself; leave this out",
        ),
        ({"data": "digits", "loss": "ctc"}, "loss: ctc takes log_probs (logarithms of probabilities), labels (a class"),
        ({"model": "siamese"}, "model: siamese has 16 outputs for each row, but mse takes 3"),
        ({"model": "autoencoder", "loss": "gaussian_nll"}, "model: autoencoder has 3 outputs for each row, but gauss"),
        ({"model": "autoencoder", "loss": "poisson_nll"}, "loss: autoencoder reconstructs its inputs, which needs a"),
        ({"model": "mean_variance"}, "model: mean_variance predicts a mean and a variance for each target, but "),
        ({"model": {"name": "mlp", "hidden": [10**12]}}, "model: the weights do not fit into memory"),
        ({"data": {"name": "random", "samples": 10**12}}, "data: the data do not fit into memory"),
        (
            {"data": {"name": "digits", "standardise_targets": True}, "loss": "cross_entropy"},
            "data.standardise_targets: only targets that may be any real numbers can be standar",
        ),
        (
            {"loss": "margin_ranking", "data": {"name": "random", "outputs": 2}},
            "expects one target column to rank rows by, but",
        ),
        ({"data": {"name": "csv", "path": "none.csv", "target": "y"}}, "data.path: none.csv: cannot be read as csv: "),
        (
            {"data": {"name": "random", "samples": 3, "test": 0.01}},
            "data.test: 0.01 of 3 rows gives no test rows; give a larger fraction, or 0 to have none",
        ),
        (
            {"data": "iris", "loss": {"name": "cross_entropy", "weight": [1, 2]}},
            "loss: cross_entropy: expected weight of ",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_before_the_run(tmp_path, changes, message):
    with pytest.raises(InvalidConfig, match=re.escape(message)):
        lossreg.run(config(**changes), root=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_mismatch_stands_at_its_place_in_the_file(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("data: digits\nmodel:\n  name: linear\n  outputs: 1\noptimizer: sgd\nloss: CrossEntropyLoss\n")
    with pytest.raises(InvalidConfig, match=re.escape(f"{path}:4:12: model.outputs: expected 10")):
        lossreg.run(path)


def test_a_config_that_fails_twice_says_the_same_twice(run):
    loaded = load(config(loss="cross_entropy"))
    for _ in range(2):
        with pytest.raises(InvalidConfig, match=r"^loss: cross_entropy takes [^\n]*$"):
            run(loaded)


@pytest.fixture
def registered(monkeypatch):
    for name in ("losses", "models", "data"):
        monkeypatch.setattr(getattr(lossreg.registry.registries, name), "_registered", {})


@pytest.mark.usefixtures("registered")
def test_a_loss_with_two_sides_trains_on_two_classes(run):
    @lossreg.register
    @lossreg.plugin.loss
    def two_sided(logit: lossreg.plugin.Real, side: lossreg.plugin.Sign) -> tuple[float, float]:
        T = type(logit)
        margin = max(T(1) - side * logit, T(0))
        return margin * margin, T(-2) * side * margin

    assert requirements_of(two_sided).task is Task.SIGNED_BINARY
    result = run(config(data={"name": "breast_cancer", "standardise": True}, loss="two_sided"))
    assert result.final["test_accuracy"] > 0.9


@pytest.mark.usefixtures("registered")
def test_targets_outside_a_losss_domain_name_the_first_row(run):
    @lossreg.register
    @lossreg.plugin.loss
    def counting(prediction: lossreg.plugin.Real, target: lossreg.plugin.NonNegative) -> tuple[float, float]:
        """Count."""
        return prediction * target, target

    with pytest.raises(
        InvalidConfig,
        match=rf"expects targets to be {NON_NEGATIVE.description}, .* in \d+ of 100 rows; the first is \[.*\], in row ",
    ):
        run(config(loss="counting"))


def test_the_losses_that_fit_are_found_by_their_domains():
    rows = [[0.0], [1.0], [2.0]]
    real, two, three = (Table(rows, [0, 1, 1.5]), *(Table.labelled(rows, labels) for labels in ([0, 1, 1], [0, 1, 2])))
    assert {"huber", "l1", "mse", "smooth_l1"} <= set(suitable_losses(real))
    assert {"bce_with_logits", "cross_entropy"} <= set(suitable_losses(two))
    assert "cross_entropy" in suitable_losses(three)
    assert set(suitable_losses(real)) & set(suitable_losses(two)) == {"margin_ranking"}
    assert "bce_with_logits" not in suitable_losses(three)
    with pytest.raises(InvalidConfig, match=r"suitable losses: .*huber, .*mse, .*, or use data with class labels"):
        lossreg.run(config(loss="cross_entropy"))


def test_alternatives_leave_broken_plugins_out(monkeypatch):
    table = prepare(load(config())).config.data.component.function()
    whole = suitable_losses(table)

    def load_all_but_mse(self, offer):
        if offer.name == "mse":
            raise BrokenPlugin
        return original(self, offer)

    original = Registry.load
    monkeypatch.setattr(Registry, "load", load_all_but_mse)
    assert suitable_losses(table) == [name for name in whole if name != "mse"]
    assert "mse" in whole


@pytest.mark.usefixtures("registered")
def test_a_model_of_the_wrong_shape_is_named(run):
    @lossreg.register
    @lossreg.plugin.model
    def wide(inputs: int, outputs: int, random: object) -> lossreg.plugin.Network:
        return lossreg.plugin.Sequential([lossreg.plugin.Dense(inputs, outputs + 1)], random)

    with pytest.raises(BrokenPlugin, match=r"wide returns an array of shape \(1, 2\) for 1 row, expected \(1, 1\)"):
        run(config(model="wide"))


@pytest.mark.usefixtures("registered")
def test_data_that_are_no_table_are_named(run):
    @lossreg.register
    @lossreg.plugin.data
    def listed() -> list:
        return [1, 2]

    with pytest.raises(BrokenPlugin, match="data 'listed' returns list, expected a Table"):
        run(config(data="listed"))


def test_targets_are_standardised_by_the_rows_to_train_on(run):
    result = run(config(data={"name": "diabetes", "standardise_targets": True}))
    targets = prepare(load(config(data={"name": "diabetes", "standardise_targets": True}))).train.targets
    assert (targets.mean(), targets.std()) == (pytest.approx(0, abs=1e-6), pytest.approx(1))
    saved = json.loads((result.path / "data.json").read_text())
    assert saved["target_scaling"]["mean"][0] == pytest.approx(152, abs=5)
    assert saved["features"][:2] == ["age", "sex"]


def test_an_autoencoder_learns_its_standardised_inputs():
    prepared = prepare(load(config(data={"name": "wine", "standardise": True}, model="autoencoder")))
    batch = prepared.train.allocate(3, prepared.outputs)
    prepared.train.fill(np.arange(3), batch)
    assert prepared.outputs == 13
    assert batch.targets[0] is batch.inputs
    assert abs(batch.inputs).max() < 10


def test_a_missing_extra_names_the_command(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(
        lossreg.errors.MissingExtra, match=re.escape("safetensors is not installed; pip install 'lossreg[exper")
    ):
        run(config())
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(lossreg.errors.MissingExtra, match="scikit-learn is not installed"):
        run(config(data="iris", loss="cross_entropy"))


@pytest.mark.usefixtures("registered")
def test_another_missing_module_is_not_taken_for_an_extra(run):
    @lossreg.register
    @lossreg.plugin.data
    def far() -> lossreg.plugin.Table:
        import no_such_module  # noqa: F401

    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        run(config(data="far"))


class Failing(Progress):
    def __init__(self, error):
        self.error = error
        self.where = None

    def epoch(self, record):
        assert record["epoch"] == 1
        raise self.error

    def stopped(self, path):
        self.where = path


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt(), "interrupted"), (ValueError("x"), "failed")])
def test_a_run_that_stops_says_so_in_its_directory(run, error, status):
    report = Failing(error)
    with pytest.raises(type(error)):
        run(config(), progress=report)
    found = json.loads((report.where / "status.json").read_text())
    assert (found["status"], found["error"]) == (status, f"{type(error).__name__}: {error}")
    assert len((report.where / "metrics.jsonl").read_text().splitlines()) == 1
    assert not (report.where / "weights.safetensors").exists()


def test_a_result_is_short_to_read(run):
    assert re.fullmatch(r"<result train_loss=[\d.]+, .*test_rmse=[\d.]+; .*-run-\w{6}>", repr(run(config())))


TASKS = {
    "bce": Task.BINARY,
    "bce_with_logits": Task.BINARY,
    "cosine_embedding": Task.PAIRS,
    "cross_entropy": Task.CLASSIFICATION,
    "gaussian_nll": Task.REGRESSION,
    "hinge_embedding": Task.PAIRS,
    "huber": Task.REGRESSION,
    "kl_div": Task.DISTRIBUTION,
    "l1": Task.REGRESSION,
    "margin_ranking": Task.RANKING,
    "mse": Task.REGRESSION,
    "multi_margin": Task.CLASSIFICATION,
    "multilabel_margin": Task.MULTILABEL,
    "multilabel_soft_margin": Task.MULTILABEL,
    "nll": Task.CLASSIFICATION,
    "poisson_nll": Task.REGRESSION,
    "smooth_l1": Task.REGRESSION,
    "soft_margin": Task.SIGNED_BINARY,
    "triplet_margin": Task.TRIPLETS,
}


@pytest.mark.parametrize("name", TASKS)
def test_a_losss_task_is_read_from_its_inputs(name):
    assert requirements_of(losses.get(name)).task is TASKS[name]


def test_data_of_one_class_are_refused(tmp_path):
    (tmp_path / "one.csv").write_text("a,y\n" + "1,yes\n2,yes \n3,yes\n" * 4)
    data = {"name": "csv", "path": str(tmp_path / "one.csv"), "target": "y"}
    with pytest.raises(InvalidConfig, match=r"data.target: all 9 training rows are of the class 'yes'; at least two"):
        prepare(load(config(data=data, loss="multi_margin")))


def test_a_metric_that_is_not_defined_on_a_split_says_so(tmp_path):
    rows = "".join(f"{row},{'yes' if row in {3, 33} else 'no'}\n" for row in range(40))
    (tmp_path / "rare.csv").write_text("a,y\n" + rows)
    data = {"name": "csv", "path": str(tmp_path / "rare.csv"), "target": "y", "test": 0.1}
    notes = []

    class Notes(Progress):
        def note(self, text):
            notes.append(text)

    settings = config(data=data, loss="cross_entropy", metrics=["roc_auc"])
    result = lossreg.run(settings, root=tmp_path / "runs", progress=Notes())
    assert notes == ["test_roc_auc: not defined, as the targets of all test rows are equal; nan is recorded"]
    assert notes[0] in (result.path / "log.txt").read_text()


def test_a_single_target_for_several_outputs_is_standardised(tmp_path):
    data = {"name": "diabetes", "standardise": True, "standardise_targets": True}
    content = {"data": data, "model": {"name": "linear", "outputs": 4}, "loss": "crps_ensemble"}
    result = lossreg.run({**content, "optimizer": {"name": "adam", "lr": 0.03}, "train": {"epochs": 4}}, root=tmp_path)
    predicted = np.asarray(lossreg.load(result.path).predict(np.zeros((2, 10))))
    assert result.metrics[-1]["test_loss"] < result.metrics[0]["test_loss"]
    assert predicted.min() > 0  # in the unit of the data, whose mean is 152
