"""Schedules: pure functions of how far a run is, and what they do to its steps."""

import re
from itertools import pairwise

import numpy as np
import pytest

import lossreg
from lossreg import InvalidConfig
from lossreg.definition.component import Schedule
from lossreg.errors import InvalidDefinition
from lossreg.experiment.training.schedule import BoundSchedule
from lossreg.registry.registries import schedules


def factors(name, steps=20, per_epoch=5, losses=(), **parameters):
    """The factor at each step of a run whose epochs have these losses."""
    found = schedules.get(name)
    rate = BoundSchedule(found, found.bind(parameters), steps)
    epochs = [divmod(step, per_epoch)[0] + 1 for step in range(steps)]
    return [rate.in_epoch(epoch, losses[: epoch - 1])(step) for step, epoch in enumerate(epochs, 1)]


def test_the_names():
    assert {"constant", "cosine", "linear_warmup", "plateau", "step"} <= set(schedules.names())


def test_constant_is_one():
    assert factors("constant") == [1.0] * 20


def test_step_falls_after_so_many_epochs():
    assert factors("step", every=2, factor=0.5) == [1.0] * 10 + [0.5] * 10
    assert factors("step", every=1, factor=0.5) == [1.0] * 5 + [0.5] * 5 + [0.25] * 5 + [0.125] * 5


def test_cosine_is_half_a_wave_after_its_warm_up():
    wave = factors("cosine", final=0.2)
    assert wave[0] == 1
    assert wave[10] == pytest.approx(0.6)
    assert all(one > other > 0.2 for one, other in pairwise(wave))
    warm = factors("cosine", warmup=4)
    assert warm[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert warm[4:] == pytest.approx(factors("cosine", steps=16))
    assert factors("cosine", warmup=40)[-1] == 0.5


def test_linear_warm_up_rises_and_may_fall():
    assert factors("linear_warmup", warmup=4)[:6] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert factors("linear_warmup", warmup=4, final=0.5)[3::8] == [1.0, 0.75, 0.5]


def test_plateau_waits_for_its_patience_and_starts_again():
    losses = [5.0, 4.0, 4.0, 4.1, 4.2, 3.0, float("nan"), 3.0, 3.0]
    found = factors("plateau", steps=10, per_epoch=1, losses=losses, patience=1, factor=0.5)
    assert found == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]
    found = factors("plateau", steps=10, per_epoch=1, losses=losses, patience=0, factor=0.1, least=0.01)
    assert min(found) == 0.01
    falling = [-1.0, -1.05, -1.5]  # a likelihood may be below zero
    assert factors("plateau", 4, 1, falling, patience=0, factor=0.5, threshold=0.1) == [1, 1, 0.5, 0.5]


def test_a_schedule_that_does_not_ask_for_the_step_is_called_once_an_epoch():
    calls = []

    @lossreg.plugin.schedule
    def counted(losses: list[float]) -> float:
        calls.append(len(losses))
        return 2.0

    factor = BoundSchedule(counted, {}, 10).in_epoch(3, [0.5, 0.25])
    assert [factor(step) for step in range(5)] == [2.0] * 5
    assert calls == [2]


def test_a_schedule_gets_only_what_there_is():
    def wrong(stpe: int) -> float:
        return float(stpe)

    message = "wrong: a schedule is given epoch, losses, step, steps; 'stpe' is a parameter and needs a default"
    with pytest.raises(InvalidDefinition, match=re.escape(message)):
        lossreg.plugin.schedule(wrong)


def small(**changes):
    return {
        "data": {"name": "random", "samples": 40, "features": 2, "test": 0},
        "model": "linear",
        "optimizer": {"name": "sgd", "lr": 0.1},
        "loss": "mse",
        "train": {"epochs": 2, "batch_size": 10},
    } | changes


def test_the_factor_is_on_the_learning_rate(tmp_path):
    constant = lossreg.run(small(train={"steps": 1}), root=tmp_path)
    halved = small(train={"steps": 1}, schedule={"name": "linear_warmup", "warmup": 2})
    other = lossreg.run(small(train={"steps": 1}, optimizer={"name": "sgd", "lr": 0.05}), root=tmp_path)
    found = lossreg.run(halved, root=tmp_path)
    assert np.array_equal(found.weights["0.weight"], other.weights["0.weight"])
    assert not np.array_equal(found.weights["0.weight"], constant.weights["0.weight"])


def test_constant_is_what_is_taken_without_one(tmp_path):
    one, other = (lossreg.run(given, root=tmp_path) for given in (small(), small(schedule="constant")))
    assert one.config == other.config
    assert one.config["schedule"] == {"name": "constant"}
    assert one.metrics == other.metrics


def test_an_optimizer_without_a_rate_takes_no_schedule_of_it(monkeypatch):
    monkeypatch.setattr(lossreg.registry.registries.optimizers, "_registered", {})

    @lossreg.register
    @lossreg.plugin.optimizer
    def signs(
        weight: lossreg.plugin.Real, grad: lossreg.plugin.Real, step: lossreg.plugin.Real, last: lossreg.plugin.Real
    ) -> tuple[float, float]:
        return weight - grad / step, last

    message = "schedule: cosine changes the learning rate, but signs has no parameter lr"
    with pytest.raises(InvalidConfig, match=message):
        lossreg.run(small(optimizer="signs", schedule="cosine"))


def test_what_is_supplied_is_documented():
    assert all(f"`{name}: " in lossreg.definition.component.__doc__ for name in Schedule.available)
