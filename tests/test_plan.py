"""What a sweep says, the trials that follow, and every mistake at its place before any of them runs."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lossreg import InvalidConfig
from lossreg.experiment.config.run_config import load
from lossreg.experiment.sweep.trials import SweepPlan

CONFIGS = Path(__file__).parents[1] / "configs" / "sweeps"
BASE = """\
data: {name: diabetes, standardise: true}
model: linear
optimizer: {name: sgd, lr: 0.1}
loss: {name: huber, delta: 3}
train: {epochs: 3}
"""


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def read(text, *changes):
        tmp_path.joinpath("x.yaml").write_text(BASE + text)
        return SweepPlan.read("x.yaml", changes)

    return read


def problems(act):
    with pytest.raises(InvalidConfig) as caught:
        act()
    return str(caught.value).splitlines()


def values(plan):
    return [trial.values for trial in plan.trials()]


def test_grid_is_every_combination_and_zip_goes_in_step(plan):
    found = values(
        plan("sweep: {grid: {seed: [5, 6], train.epochs: [1, 2]}, zip: {model: [linear, mlp], data.test: [0.1, 0.2]}}")
    )
    assert len(found) == 8
    assert {tuple(each) for each in found} == {("seed", "train.epochs", "model", "data.test")}
    assert Counter((each["model"], each["data.test"]) for each in found) == {("linear", 0.1): 4, ("mlp", 0.2): 4}
    assert len({(each["seed"], each["train.epochs"]) for each in found}) == 4


def test_a_loss_is_swept_as_a_whole_and_so_are_its_parameters(plan):
    trials = plan("sweep: {grid: {loss: [l1, huber, {name: smooth_l1, beta: 2}]}, metric: test_r2}").trials()
    assert [trial.config.loss.resolved() for trial in trials] == [
        {"name": "l1", "weight": 1.0},
        {"name": "huber", "delta": 3.0, "weight": 1.0},  # the same loss keeps what the config says of it
        {"name": "smooth_l1", "beta": 2.0},
    ]
    trials = plan("sweep: {grid: {loss.delta: [1, 2], loss: [huber, HuberLoss]}, metric: test_r2}").trials()
    assert [trial.config.loss.parameters["delta"] for trial in trials] == [1.0, 2.0]  # two names of one loss


def test_repeats_have_seeds_from_the_configs_own(plan):
    assert [each["seed"] for each in values(plan("seed: 7\nsweep: {repeats: 3}"))] == [7, 8, 9]
    assert [each["seed"] for each in values(plan("sweep: {repeats: 3}"))] == [0, 1, 2]


def test_draws_follow_from_the_seed_alone_and_a_sweep_can_grow(plan):
    lr = "optimizer.lr: {log_uniform: [1e-3, 10]}"
    draw = f"draw: {{{lr}, data.test: {{uniform: [0.2, 0.4]}}, model: {{choice: [linear, mlp]}}}}"
    few = values(plan(f"sweep: {{{draw}, trials: 5}}"))
    many = values(plan(f"sweep: {{{draw}, trials: 200}}"))
    assert many[:5] == few
    assert [each["optimizer.lr"] for each in values(plan(f"sweep: {{draw: {{{lr}}}, trials: 5}}"))] == [
        each["optimizer.lr"] for each in few
    ]
    assert values(plan(f"sweep: {{{draw}, trials: 5, seed: 1}}")) != few
    assert all(0.2 <= each["data.test"] <= 0.4 for each in many)
    assert 40 < sum(each["optimizer.lr"] < 0.1 for each in many) < 160  # half, on a scale of logarithms
    assert Counter(each["model"] for each in many).keys() == {"linear", "mlp"}
    assert len(values(plan(f"sweep: {{{draw}, trials: 5, grid: {{seed: [1, 2]}}}}"))) == 10


def test_integers_are_drawn_from_the_whole_range_and_on_a_scale_of_logarithms(plan):
    draw = "draw: {train.batch_size: {log_integer: [1, 100]}, train.epochs: {integer: [3, 5]}}"
    drawing = plan(f"sweep: {{{draw}, trials: 300}}")
    found = [{value.key[-1]: value.value for value in drawing.drawn(number)} for number in range(300)]
    sizes = [each["batch_size"] for each in found]
    assert all(type(size) is int and 1 <= size <= 100 for size in sizes)
    assert 100 < sum(size <= 10 for size in sizes) < 220
    assert {each["epochs"] for each in found} == {3, 4, 5}
    (line,) = problems(lambda: plan("sweep: {draw: {train.epochs: {integer: [1.5, 3]}}, trials: 2}"))
    assert "integer: expected the lowest and the highest value, two integers such as [1, 10], got [1.5, 3]" in line


def test_a_parameter_inside_of_a_choice_is_drawn_only_with_it(plan):
    huber, quantile = "{name: huber, delta: {uniform: [0.5, 2]}}", "{name: quantile, level: {choice: [0.1, 0.9]}}"
    loss = f"loss: {{choice: [mse, {huber}, {quantile}]}}"
    trials = plan(f"sweep: {{draw: {{{loss}}}, trials: 60, metric: test_r2}}").trials()
    by_loss = {}
    for trial in trials:
        by_loss.setdefault(trial.config.loss.name, []).append(trial.config.loss.parameters)
    assert by_loss.keys() == {"mse", "huber", "quantile"}
    deltas = [parameters["delta"] for parameters in by_loss["huber"]]
    assert len({*deltas}) == len(deltas) > 5
    assert all(0.5 <= delta <= 2 for delta in deltas)
    assert {parameters["level"] for parameters in by_loss["quantile"]} == {0.1, 0.9}
    assert all(("loss.delta" in trial.values) == (trial.config.loss.name == "huber") for trial in trials)
    (line,) = problems(lambda: plan("sweep: {draw: {loss: {choice: [{name: huber, delta: {uniform: 3}}]}}, trials: 2}"))
    assert line.startswith("x.yaml:6:")
    assert "sweep.draw.loss.choice.0.delta: uniform: expected the lowest" in line


def test_a_trial_is_named_by_its_config_however_that_is_written(plan):
    ids = [trial.id for trial in plan("sweep: {grid: {optimizer.lr: [0.1, 0.2]}}").trials()]
    other = plan("sweep: {grid: {optimizer: [{lr: 2e-1}, {name: sgd, lr: 0.1}]}}").trials()
    assert [trial.id for trial in other] == ids[::-1]
    assert [name.partition("-")[0] for name in ids] == ["huber", "huber"]
    assert len(values(plan("sweep: {grid: {optimizer.lr: [0.1, 1e-1, 0.2]}}"))) == 2


def test_set_changes_what_is_swept_and_what_is_not(plan):
    text = "sweep: {grid: {optimizer.lr: [0.1, 0.2]}, repeats: 2}"
    assert len(values(plan(text, "sweep.repeats=3"))) == 6
    assert len(values(plan(text, "sweep.grid.optimizer.lr=[1, 2, 3]"))) == 6
    assert len(values(plan(text, "sweep.grid={train.epochs: [1, 2]}"))) == 8
    assert {trial.config.loss.parameters["delta"] for trial in plan(text, "loss.delta=9").trials()} == {9.0}


def test_a_run_of_a_sweep_is_refused_and_a_sweep_of_a_run_too(plan):
    plan("sweep: {repeats: 2}")
    assert problems(lambda: load("x.yaml")) == [
        "x.yaml:6:1: sweep: this is a config of many runs; lossreg sweep runs it"
    ]
    assert load("x.yaml", ["sweep=null"]).seed == 0
    assert problems(lambda: plan("sweep:")) == [
        "x.yaml:1:1: sweep is missing: expected a key such as sweep: {grid: {loss: [mse, l1]}}"
    ]


def test_every_mistake_in_a_block_is_reported_at_its_location(plan):
    text = """\
sweep:
  gird: {loss: [mse]}
  grid: {train.epochs: [], loss: mse, seed: [1, 2], sweep.seed: [1]}
  zip: {train.batch_size: [1, 2], data.test: [0.1, 0.2, 0.3]}
  draw:
    optimizer.lr: {log_unifrom: [1e-4, 1]}
    loss.delta: {uniform: [2, 1]}
    optimizer.momentum: {log_uniform: [0, 1]}
    train.epochs: {choice: []}
    model: 3
  method: optune
  repeats: 2
  trials: 0
"""
    finite = "expected the lowest and the highest value, two finite numbers"
    one_of = "expected one of uniform, log_uniform, integer, log_integer, choice, such as {uniform: [0, 1]}, got"
    values = "expected a list of the values to try, such as [1, 2], got"
    assert problems(lambda: plan(text)) == [
        "x.yaml:7:3: sweep.gird: unknown key; did you mean 'grid'?",
        f"x.yaml:8:24: sweep.grid.train.epochs: {values} []",
        f"x.yaml:8:34: sweep.grid.loss: {values} 'mse'",
        "x.yaml:8:39: sweep.grid.seed: seed is also set by repeats",
        "x.yaml:8:53: sweep.grid.sweep.seed: sweep cannot be swept, as it is not a key of a run",
        "x.yaml:9:27: sweep.zip.train.batch_size: 2 values, but another key of zip has 3; expected equally many",
        f"x.yaml:11:33: sweep.draw.optimizer.lr.log_unifrom: {one_of} [0.0001, 1]; did you mean 'log_uniform'?",
        f"x.yaml:12:17: sweep.draw.loss.delta: uniform: {finite} such as [1, 10], got [2, 1]",
        f"x.yaml:13:25: sweep.draw.optimizer.momentum: log_uniform: {finite} above 0 such as [1, 10], got [0, 1]",
        f"x.yaml:14:19: sweep.draw.train.epochs: {values} []",
        f"x.yaml:15:12: sweep.draw.model: {one_of} 3",
        "x.yaml:16:11: sweep.method: expected 'random' or 'optuna', got 'optune'; did you mean 'optuna'?",
        "x.yaml:18:11: sweep.trials: expected an integer, 1 or above, or null, got 0",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("sweep: [1]", "6:8: sweep: expected a mapping such as {grid: {loss: [mse, l1]}}, got [1]"),
        ("sweep: {}", "6:8: sweep: there is nothing to try; give grid, zip, draw or repeats"),
        ("sweep: {repeats: 100000000}", "6:8: sweep: 100,000,000 trials; a sweep has at most 10,000"),
        (
            "sweep: {grid: {train.epochs: [1, 2]}, draw: {optimizer.lr: {uniform: [1, 2]}}, trials: 5001}",
            "6:8: sweep: 10,002 trials; a sweep has at most 10,000",
        ),
        ("sweep: {grid: 3}", "6:15: sweep.grid: expected a mapping such as {loss: [mse, l1]}, got 3"),
        ("sweep: {draw: {seed: {choice: [1]}}}", "6:8: sweep: trials is missing: how many times to draw"),
        ("sweep: {repeats: 2, trials: 3}", "6:29: sweep.trials: the number of draws, but there is no draw"),
        ("sweep: {grid: {seed: [1]}, zip: {seed: [2]}}", "6:34: sweep.zip.seed: seed is also set by grid"),
        (
            "sweep: {grid: {train.epochs: [1], train: {epochs: [2]}}}",
            "6:43: sweep.grid.train.epochs: train.epochs is repeated",
        ),
        (
            "sweep: {method: optuna, grid: {seed: [1]}}",
            "6:17: sweep.method: optuna supports only draw; write the values of grid and zip as draws with choice",
        ),
    ],
)
def test_what_a_block_cannot_be(plan, text, problem):
    assert problems(lambda: plan(text)) == [f"x.yaml:{problem}"]


def test_mistakes_of_trials_are_reported_once_at_the_value_with_the_trials_that_have_them(plan):
    text = """\
sweep:
  grid:
    loss: [huber, {name: huber, detla: 2}, l1]
    loss.delta: [1, -1]
    optimzer.lr: [0.1]
    optimizer.lr: [fast, 1]
"""
    rest, above, trial = "optimzer.lr=0.1, optimizer.lr=fast and", "expected a number above 0", "(in the trial of loss="
    nearest = "unknown key; did you mean 'delta'?"
    assert set(problems(plan(text).trials)) == {
        "x.yaml:10:5: optimzer: unknown key; did you mean 'optimizer'?",
        f"x.yaml:9:21: loss.delta: {above}, got -1 {trial}huber, loss.delta=-1, {rest} 3 more)",
        f"x.yaml:9:5: loss.delta: unknown key; allowed: name, weight {trial}l1, loss.delta=1, {rest} 3 more)",
        f"x.yaml:8:33: loss.detla: {nearest} {trial}huber(detla=2), loss.delta=1, {rest} 3 more)",
        f"x.yaml:11:20: optimizer.lr: {above}, got 'fast' {trial}huber, loss.delta=1, {rest} 5 more)",
    }


def test_what_does_not_go_together_is_found_without_training(plan):
    found = plan("sweep: {grid: {loss: [mse, cross_entropy]}, metric: test_r2, repeats: 9}")
    (line,) = problems(lambda: found.verify(found.trials()))
    assert line.startswith("x.yaml:6:28: loss: cross_entropy takes class labels, but diabetes has real targets")
    assert line.endswith("(in the trial of loss=cross_entropy, seed=0)")


def test_losses_of_different_kinds_are_compared_by_a_metric_that_all_have(plan):
    different = plan("sweep: {grid: {loss: [mse, l1]}}")
    (line,) = problems(lambda: different.metric(different.trials()))
    assert line.startswith(
        "x.yaml:6:8: sweep.metric: is missing: the values of different losses cannot be compared; name a metric"
    )
    same = plan("sweep: {grid: {optimizer.lr: [0.1, 0.2]}}")
    assert same.metric(same.trials()) == "test_loss"
    same = plan("sweep: {repeats: 2}", "data.test=0")
    assert same.metric(same.trials()) == "train_loss"
    same = plan("sweep: {repeats: 2}", "data.validation=0.2")
    assert same.metric(same.trials()) == "validation_loss"
    misspelt = plan("sweep: {repeats: 2, metric: test_r3}")
    (line,) = problems(lambda: misspelt.verify(misspelt.trials()))
    assert line.startswith(
        "x.yaml:6:29: sweep.metric: there is no metric 'test_r3'; did you mean 'test_r2'?; the metrics are train_loss,"
    )
    plan("sweep: {repeats: 2, metric: best.test_r2}").verify(misspelt.trials()[:1])


@pytest.mark.losses
@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_sweep_in_configs_says_its_question_and_its_command_and_is_valid(path):
    header = path.read_text("utf-8").partition("\n\n")[0]
    assert "?" in header
    assert f"lossreg sweep configs/sweeps/{path.name}" in header
    found = SweepPlan.read(path)
    trials = found.trials()
    if path.stem != "diabetes_models":  # tests/live has PyTorch and XGBoost
        found.verify(trials)
    every = {"breast_cancer_losses": 64, "diabetes_models": 60, "wine_ordered": 12}
    losses = {str(trial.values["loss"]) for trial in trials}
    assert len(trials) == every.get(path.stem, len(losses))
    assert len({trial.id for trial in trials}) == len(trials)


def test_an_array_is_the_list_of_its_numbers():
    grid = {"optimizer.lr": np.logspace(-3, -1, 3), "seed": np.arange(2)}
    content = {"data": "iris", "model": "linear", "optimizer": "adam", "loss": "nll", "sweep": {"grid": grid}}
    values = [trial.values for trial in SweepPlan.read(content).trials()]
    assert repr(values[:2]) == "[{'optimizer.lr': 0.001, 'seed': 0}, {'optimizer.lr': 0.001, 'seed': 1}]"
    assert len(values) == 6
