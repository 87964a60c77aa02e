"""Steps: batches of any size, accumulated, clipped; and when they end: early, and with the best weights."""

import math

import numpy as np
import pytest
from safetensors.numpy import load_file

import lossreg
from lossreg import InvalidConfig, Progress
from lossreg.experiment.config.run_config import load
from lossreg.experiment.storage import checkpoint
from lossreg.experiment.training.interrupts import InterruptHandler
from lossreg.experiment.training.loop import TrainingLoop, index_of_best, make_step
from lossreg.experiment.training.prepare import prepare
from lossreg.experiment.training.steps.gradient_step import clip_norm, clip_value


def config(**changes):
    return {
        "data": {"name": "random", "samples": 110, "features": 4, "classes": 3, "test": 0},
        "model": {"name": "mlp", "hidden": [6]},
        "optimizer": {"name": "sgd", "lr": 0.1},
        "loss": {"name": "cross_entropy", "weight": [1.0, 5.0, 0.2]},
        "train": {"epochs": 2, "batch_size": 24},
    } | changes


@pytest.mark.parametrize("reduction", ["mean", "sum", "batchmean"])
@pytest.mark.parametrize(
    "loss",
    [{"name": "cross_entropy", "weight": [1.0, 5.0, 0.2]}, {"name": "cross_entropy", "ignore_index": 1}],
    ids=["weight", "ignored"],
)
def test_accumulated_batches_are_one_large_batch(loss, reduction):
    given = {"loss": loss, "reduction": reduction, "optimizer": {"name": "sgd", "lr": 0.002, "momentum": 0.9}}
    large, small = (
        TrainingLoop(prepare(load(config(**given, train={"epochs": 2, "batch_size": size, "accumulate": 25 // size}))))
        for size in (25, 5)
    )
    for training in (large, small):
        while not training.done:
            training.advance(InterruptHandler())
            if (
                training.at_epoch_end
            ):  # on a busy machine an epoch is advanced in parts, between which checkpoints are due
                training.evaluate()
    assert large.step == small.step == 10
    np.testing.assert_allclose(small.prepared.network.weights, large.prepared.network.weights, rtol=2e-5, atol=1e-6)
    assert small.losses == pytest.approx(large.losses, rel=1e-5)
    assert large.losses[-1] < large.losses[0]


@pytest.mark.parametrize(
    ("data", "model", "loss"),
    [
        ("wine", "autoencoder", "mse"),
        ("wine", "siamese", "hinge_embedding"),
        pytest.param("wine", "siamese", "triplet_margin", marks=pytest.mark.slow),
        ("diabetes", "linear", "margin_ranking"),
        ("diabetes", "mean_variance", "gaussian_nll"),
    ],
)
def test_accumulation_holds_for_whatever_an_example_is(data, model, loss):
    losses = []
    for train in ({"batch_size": 24}, {"batch_size": 8, "accumulate": 3}):
        noun = {"name": data, "test": 0, "standardise": True}
        given = {"data": noun, "model": model, "loss": loss, "train": {"steps": 8, **train}}
        training = TrainingLoop(prepare(load(config(**given, optimizer={"name": "sgd", "lr": 0.01}))))
        while not training.done:
            training.advance(InterruptHandler())
        losses.append(training.prepared.network.weights.copy())
    np.testing.assert_allclose(*losses, rtol=2e-4, atol=2e-6)


def gradient(**train):
    """The gradient that the first step goes by: what the weights lose, at a rate of 1."""
    prepared = prepare(
        load(config(optimizer={"name": "sgd", "lr": 1.0}, train={"steps": 1, "batch_size": 110} | train))
    )
    before = prepared.network.weights.copy()
    make_step(prepared).take(np.arange(110), 1.0)
    return before - prepared.network.weights


def test_a_gradient_is_clipped_by_norm_by_value_or_both():
    whole = gradient()
    norm, largest = np.linalg.norm(whole), abs(whole).max()
    assert np.allclose(gradient(clip_norm=float(norm) / 4), whole / 4, atol=1e-6)
    assert np.allclose(gradient(clip_norm=float(norm) * 4), whole, atol=1e-6)
    by_value = gradient(clip_value=float(largest) / 2)
    assert np.allclose(by_value, np.clip(whole, -largest / 2, largest / 2), atol=1e-6)
    assert not np.allclose(by_value, whole, atol=1e-3)
    both = gradient(clip_value=float(largest) / 2, clip_norm=0.01)
    assert np.allclose(both, by_value * 0.01 / np.linalg.norm(by_value), atol=1e-6)


def test_clipping_survives_squares_that_overflow():
    grads = np.array([3e30, -4e30], np.float32)
    with np.errstate(over="ignore"):
        clip_norm(grads, 1.0)
    assert grads == pytest.approx([0.6, -0.8])
    clip_value(grads, 0.7)
    assert grads == pytest.approx([0.6, -0.7])


@pytest.mark.slow  # 2 s of processor time
def test_validation_rows_are_neither_trained_nor_tested_on_and_keep_the_classes(tmp_path):
    given = config(data={"name": "iris", "test": 0.2, "validation": 0.4})
    prepared = prepare(load(given))
    assert {name: len(part) for name, part in prepared.splits.items()} == {
        "train": 60,
        "validation": 60,
        "test": 30,
    }
    counts = [np.bincount(part.targets).tolist() for part in prepared.splits.values()]
    assert counts == [[20, 20, 20], [20, 20, 20], [10, 10, 10]]
    without = prepare(load(config(data={"name": "iris", "test": 0.2})))
    assert np.array_equal(without.splits["test"].inputs.index, prepared.splits["test"].inputs.index)
    rows = np.concatenate([part.inputs.index[:, 0] for part in prepared.splits.values()])
    assert np.array_equal(np.sort(rows), np.arange(150))
    assert {"train_loss", "validation_loss", "test_loss"} <= set(lossreg.run(given, root=tmp_path).final)


def test_parts_that_leave_nothing_are_refused_at_their_place():
    with pytest.raises(
        InvalidConfig, match=r"data\.validation: 0\.5, together with the other sets, leaves no rows to train on"
    ):
        prepare(load(config(data={"name": "iris", "test": 0.5, "validation": 0.5})))


OVERFITTING = {
    "data": {"name": "random", "samples": 60, "features": 20, "noise": 2.0, "validation": 0.3},
    "optimizer": {"name": "adam", "lr": 0.03},
    "loss": "mse",
}


def test_training_stops_when_the_loss_has_not_fallen_for_so_many_epochs(tmp_path):
    given = config(**OVERFITTING, train={"epochs": 200, "batch_size": 8, "patience": 4})
    result = lossreg.run(given, root=tmp_path)
    losses = [record["validation_loss"] for record in result.metrics]
    assert len(losses) < 200
    assert int(np.argmin(losses)) == len(losses) - 5
    assert result.final == result.metrics[-1]


def test_the_best_epochs_weights_are_kept_and_restored(tmp_path):
    train = {"epochs": 30, "batch_size": 8, "keep_checkpoints": 1}
    last, restored = (
        lossreg.run(config(**OVERFITTING, train={**train, "restore_best": restore}), root=tmp_path)
        for restore in (False, True)
    )
    assert last.metrics == restored.metrics
    losses = [record["validation_loss"] for record in last.metrics]
    step = last.metrics[int(np.argmin(losses))]["step"]
    assert last.final == last.metrics[-1] != restored.final
    assert restored.final["validation_loss"] == min(losses)
    for result in (last, restored):
        kept = sorted(path.name for path in (result.path / "checkpoints").iterdir())
        assert kept == sorted(f"step-{n}.safetensors" for n in (step, last.final["step"]))
    saved = load_file(restored.path / "checkpoints" / f"step-{step}.safetensors")
    for name, array in load_file(restored.path / "weights.safetensors").items():
        assert np.array_equal(array, saved[name])
        assert np.array_equal(array, restored.weights[name])
        assert not np.array_equal(array, last.weights[name])


def test_the_best_is_the_first_of_the_lowest_and_never_nan():
    assert index_of_best([]) == -1
    assert index_of_best([2.0, 1.0, 1.0]) == 1
    assert index_of_best([math.nan, math.inf, 3.0]) == 2
    assert index_of_best([math.nan, math.nan]) == 0


@pytest.mark.parametrize(
    ("train", "steps"),
    [
        ({"checkpoint_epochs": 2}, [6, 12, 14]),
        ({"checkpoint_steps": 4}, [3, 4, 6, 8, 12, 14]),  # also of 3 and 6, the best epochs until then
        ({"checkpoint_steps": 4, "checkpoint_epochs": 1}, [3, 4, 6, 8, 9, 12, 14]),
        ({}, [14]),
    ],
)
def test_checkpoints_come_as_often_as_asked(tmp_path, train, steps):
    given = config(train={"steps": 14, "batch_size": 50, "keep_checkpoints": 100, **train})
    result = lossreg.run(given, root=tmp_path)
    assert checkpoint.steps_in(result.path / "checkpoints") == steps


def test_unless_asked_checkpoints_come_when_the_last_is_old(tmp_path, monkeypatch):
    for constant in ("FIRST_CHECKPOINT_SECONDS", "CHECKPOINT_SECONDS"):
        monkeypatch.setattr(f"lossreg.experiment.training.loop.{constant}", 0.0)
    result = lossreg.run(config(train={"steps": 7, "batch_size": 50, "keep_checkpoints": 100}), root=tmp_path)
    assert checkpoint.steps_in(result.path / "checkpoints") == [1, 2, 3, 4, 5, 6, 7]


def test_progress_receives_every_epoch_with_its_times(tmp_path):
    class Listening(Progress):
        def __init__(self):
            self.records = []

        def epoch(self, record):
            self.records.append(record)

    report = Listening()
    result = lossreg.run(config(), root=tmp_path, progress=report)
    times = [{key: record[key] for key in ("seconds", "samples_per_second")} for record in report.records]
    assert [record | time for record, time in zip(result.metrics, times, strict=True)] == report.records
    assert all(value > 0 for time in times for value in time.values())
