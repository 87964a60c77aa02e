"""Weighted sums of losses in configs: trained, logged term by term, swept, resumed and used for predictions."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

import lossreg
from lossreg.experiment.config.run_config import load
from lossreg.experiment.report.page_data import page_data
from lossreg.experiment.storage.records import higher_is_better
from lossreg.experiment.storage.runs import Run
from lossreg.experiment.training.prepare import prepare

BASE = {
    "data": {"name": "random", "samples": 90, "features": 3},
    "model": "linear",
    "optimizer": {"name": "sgd", "lr": 0.05},
    "train": {"epochs": 2, "batch_size": 16},
}
DIGITS = {**BASE, "data": {"name": "digits", "standardise": True}}
SUM = [{"name": "cross_entropy", "factor": 0.5}, {"name": "dice", "over": "batch", "factor": 2}]
EMBEDDED = {"name": "info_nce", "factor": 3.0}


def weights(result):
    return load_file(result.path / "weights.safetensors")


def test_a_sum_is_trained_as_the_loss_that_it_equals(tmp_path):
    alone = lossreg.run({**BASE, "loss": "mse"}, root=tmp_path)
    parts = [{"name": "mse", "factor": 0.25}, {"name": "mse", "factor": 1.5, "as": "more"}]
    parts.append({"name": "mse", "factor": -0.75, "as": "less"})
    both = lossreg.run({**BASE, "loss": parts}, root=tmp_path)
    for name, expected in weights(alone).items():
        np.testing.assert_allclose(weights(both)[name], expected, rtol=1e-5, atol=1e-7)
    final = both.final
    assert final["test_loss"] == pytest.approx(alone.final["test_loss"], rel=1e-5)
    assert final["test_loss.more"] == final["test_loss.mse"] == final["test_loss.less"]


def test_each_term_is_recorded_and_has_its_own_targets_and_inverse_link(tmp_path):
    result = lossreg.run({**DIGITS, "loss": SUM, "report": ["multi_margin"]}, root=tmp_path)
    lines = [json.loads(line) for line in (result.path / "metrics.jsonl").read_text().splitlines()]
    assert len(lines) == 2
    for record in lines:
        for split in ("train", "test"):
            terms = 0.5 * record[f"{split}_loss.cross_entropy"] + 2 * record[f"{split}_loss.dice"]
            assert record[f"{split}_loss"] == pytest.approx(terms, rel=1e-12)
    assert [key for key in result.final if key.startswith("test_")] == [
        "test_loss",
        "test_accuracy",
        "test_loss.cross_entropy",
        "test_loss.dice",
        "test_loss_multi_margin",
    ]
    model, (inputs, labels) = lossreg.load(result.path), digits()
    assert (model.predict(inputs).astype(int) == labels).mean() > 0.5
    np.testing.assert_allclose(model.predict_proba(inputs).sum(axis=1), 1, rtol=1e-5)  # the softmax of cross-entropy


def digits():
    from sklearn.datasets import load_digits

    return load_digits(return_X_y=True)


@pytest.mark.parametrize("terms", [SUM, [EMBEDDED], ["mse", {"name": "gaussian_nll"}]])
def test_the_gradient_is_that_of_the_sum_of_the_values(terms):
    model = {"name": "linear", "outputs": 4} if terms[0] == EMBEDDED else "linear"
    prepared = prepare(load({**(BASE if terms[0] == "mse" else DIGITS), "model": model, "loss": terms}))
    objective, learned = prepared.objective, prepared.objective.first.learned
    batch = prepared.train.allocate(12, prepared.outputs)
    prepared.train.fill(np.arange(12), batch)
    outputs = np.random.default_rng(0).normal(size=batch.grad.shape).astype(np.float32)

    def value(changed):
        return objective.value_and_grad(changed, batch.targets, batch.beside, out=np.empty_like(batch.grad))

    objective.value_and_grad(outputs, batch.targets, batch.beside, out=batch.grad)
    grads = [(outputs, batch.grad.copy())]
    if learned:
        grads.append((learned.weights, learned.grads.copy()))
    for numbers, grad in grads:
        before, step, values = numbers.copy(), np.float32(1e-2), []
        for sign in (1, -1):
            numbers[...] = before + sign * step * np.sign(grad)
            values.append(value(outputs))
        numbers[...] = before
        assert (values[0] - values[1]) / (2 * step) == pytest.approx(abs(grad).sum(), rel=2e-2)


def test_the_loss_with_the_most_inputs_decides_what_is_predicted(tmp_path):
    for terms in (["mse", "gaussian_nll"], ["gaussian_nll", "mse"]):
        result = lossreg.run({**BASE, "model": "mlp", "loss": terms}, root=tmp_path)
        assert result.final["test_loss.mse"] == pytest.approx(result.final["test_rmse"] ** 2, rel=1e-4)
        assert [term["name"] for term in result.config["loss"]] == terms


def test_parts_of_a_batch_add_up_where_the_terms_divide_by_different_numbers(tmp_path):
    loss = [{"name": "cross_entropy", "weight": [float(1 + at) for at in range(10)]}, "multi_margin"]
    train = {"steps": 3, "batch_size": 64, "shuffle": False}
    once = lossreg.run({**DIGITS, "loss": loss, "train": train}, root=tmp_path)
    parts = lossreg.run({**DIGITS, "loss": loss, "train": {**train, "batch_size": 16, "accumulate": 4}}, root=tmp_path)
    for name, expected in weights(once).items():
        np.testing.assert_allclose(weights(parts)[name], expected, rtol=1e-4, atol=1e-6)


def test_it_is_resumed_swept_shown_and_reported(tmp_path):
    given = {**BASE, "loss": ["mse", {"name": "huber", "factor": 0.5, "delta": 0.1}]}
    given["train"] = {"epochs": 4, "batch_size": 16, "checkpoint_epochs": 1}
    finished = lossreg.run(given, root=tmp_path / "one")

    class Stop(lossreg.Progress):
        def epoch(self, record):
            if record["epoch"] == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lossreg.run(given, root=tmp_path / "other", progress=Stop())
    (stopped,) = (tmp_path / "other").iterdir()
    resumed = lossreg.resume(stopped)
    assert (resumed.path / "weights.safetensors").read_bytes() == (finished.path / "weights.safetensors").read_bytes()
    assert (resumed.path / "metrics.jsonl").read_bytes() == (finished.path / "metrics.jsonl").read_bytes()

    run = Run(resumed.path)
    assert run.values["loss"] == "1 mse + 0.5 huber"
    assert run.values["loss.1.delta"] == 0.1
    assert not run.problems
    page = page_data([run])
    assert page["losses"][page["runs"][0]["loss"]]["call"] == "1 mse(weight=1.0) + 0.5 huber(delta=0.1, weight=1.0)"
    assert [len(loss["lines"]) > 0 for loss in page["losses"]] == [False, True, True]
    assert not any("problem" in loss for loss in page["losses"])

    sweep = {**given, "sweep": {"grid": {"loss.1.factor": [0.0, 2.0]}, "metric": "test_rmse"}}
    summary = lossreg.sweep(sweep, root=tmp_path / "sweep")
    assert len(summary.configs) == 2


def test_a_term_is_changed_by_its_number():
    changed = load({**BASE, "loss": ["mse", "huber"]}, ["loss.1.factor=0.5", "loss.1.delta=2"])
    assert changed.resolved()["loss"] == [
        {"name": "mse", "factor": 1.0, "as": None, "weight": 1.0},
        {"name": "huber", "factor": 0.5, "as": None, "delta": 2.0, "weight": 1.0},
    ]
    assert load(changed.resolved()).resolved() == changed.resolved()


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ([], "loss: expected a loss, or a list of at least one"),
        (["mse", "mse"], "loss.1: mse is repeated; distinguish the two with a label, such as `as: mse_2`"),
        ([{"name": "mse", "factor": "x"}], "loss.0.factor: expected a finite number, got 'x'"),
        (["mse", {"name": "huber", "facto": 2}], "loss.1.facto: unknown key; did you mean 'factor'?"),
        (["mse", "cross_entropy"], "loss.1: cross_entropy takes class labels, but random has real targets"),
        (["mse", "hubr"], "loss.1: no loss named 'hubr' is installed; did you mean 'huber'?"),
        (
            ["margin_ranking", "mse"],
            "loss.1: mse takes real targets, but the trained loss margin_ranking pairs",
        ),
    ],
)
def test_what_is_no_sum_is_refused(loss, message):
    with pytest.raises(lossreg.InvalidConfig) as caught:
        prepare(load({**BASE, "loss": loss}))
    assert message in str(caught.value)


def test_the_metric_of_a_term_falls_whatever_its_name():
    assert not higher_is_better("test_loss.pairwise_auc")
