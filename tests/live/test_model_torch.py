"""Modules of PyTorch as models of runs: trained, resumed, predicted from and compared like the others."""

import sys

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import lossreg
from lossreg import InvalidConfig
from lossreg.experiment.runner.progress import Progress
from lossreg.registry.registries import models

NETS = """
import torch


def make(inputs, outputs, hidden=8):
    return torch.nn.Sequential(torch.nn.Linear(inputs, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, outputs))


def frozen(inputs, outputs):
    made = make(inputs, outputs)
    made[0].weight.requires_grad = False
    made.register_buffer("scale", torch.tensor(2.0))
    return made


def random(inputs, outputs):
    return torch.nn.Sequential(torch.nn.Linear(inputs, outputs), torch.nn.Dropout())


def number(inputs, outputs):
    return 1


class Broken(torch.nn.Module):
    def __init__(self, compute, inputs, outputs):
        super().__init__()
        self.layer, self.compute = torch.nn.Linear(inputs, outputs), compute

    def forward(self, rows):
        return self.compute(self.layer(rows))


def pair(inputs, outputs):
    return Broken(lambda x: (x, x), inputs, outputs)


def wide(inputs, outputs):
    return Broken(lambda x: x.double(), inputs, outputs)


def summed(inputs, outputs):
    return Broken(lambda x: x.sum(1), inputs, outputs)


def detached(inputs, outputs):
    return Broken(lambda x: x.detach(), inputs, outputs)


def misfit(inputs, outputs):
    return torch.nn.Linear(inputs + 1, outputs)
"""


@pytest.fixture(autouse=True)
def nets(tmp_path, monkeypatch):
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "unparsable.py").write_text("def make(inputs, outputs) return 1")
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("nets", None)


def config(module="nets:make", **changes):
    return {
        "data": {"name": "iris", "standardise": True},
        "model": {"name": "torch", "module": module},
        "optimizer": {"name": "adam", "lr": 0.02},
        "loss": "cross_entropy",
        "train": {"epochs": 4, "batch_size": 16},
    } | changes


def test_its_outputs_and_gradients_are_those_of_the_mlp():
    draw = np.random.default_rng(0)
    inputs, grad = draw.normal(size=(5, 3)).astype(np.float32), draw.normal(size=(5, 2)).astype(np.float32)
    module = models.get("torch").function(3, 2, draw, module="nets:make")
    ours = models.get("mlp").function(3, 2, draw, hidden=(8,), activation="tanh")
    ours.weights[:] = module.weights
    assert np.allclose(module.forward(inputs), ours.forward(inputs), rtol=1e-5, atol=1e-6)
    for network in (module, ours):
        network.backward(grad.copy())
    assert np.allclose(module.grads, ours.grads, rtol=1e-5, atol=1e-6)


def test_a_run_is_resumed_to_the_same_bytes_and_predicts_what_it_logged(tmp_path):
    class Stops(Progress):
        def epoch(self, record):
            if record["epoch"] == 2:
                raise KeyboardInterrupt

    for module in ("nets:make", "nets:frozen"):
        once = lossreg.run(config(module), root=tmp_path / "runs")
        with pytest.raises(KeyboardInterrupt):
            lossreg.run(config(module), root=tmp_path / "stopped", progress=Stops())
        (path,) = [path for path in (tmp_path / "stopped").iterdir() if not (path / "weights.safetensors").exists()]
        again = lossreg.resume(path)
        for name in ("weights.safetensors", "metrics.jsonl", "predictions.safetensors"):
            assert (once.path / name).read_bytes() == (again.path / name).read_bytes()
        logged = load_file(once.path / "predictions.safetensors")
        rows = load_iris_rows(logged["row"])
        assert np.array_equal(once.model.predict_proba(rows), logged["probability"])
    assert once.final["train_accuracy"] > 0.5


def load_iris_rows(rows):
    from sklearn.datasets import load_iris

    return load_iris().data[rows]


def test_threads_of_the_caller_stay_as_they_are():
    before = torch.get_num_threads()
    network = models.get("torch").function(3, 2, np.random.default_rng(0), module="nets:make", threads=before + 1)
    network.forward(np.zeros((2, 3), np.float32))
    assert torch.get_num_threads() == before


@pytest.mark.slow
def test_it_is_compared_beside_the_mlp_over_losses_and_folds(tmp_path):
    content = config(data={"name": "iris", "folds": 2})
    grid = {
        "model": [{"name": "torch", "module": "nets:make"}, {"name": "mlp", "hidden": [8]}],
        "loss": ["cross_entropy", "multi_margin", "focal_cross_entropy", "crammer_singer"],
    }
    content |= {"sweep": {"grid": grid, "metric": "test_accuracy"}}
    summary = lossreg.sweep(content, root=tmp_path / "runs", jobs=2)
    assert summary.counts == {"finished": 16}
    assert [len(each.scores) for each in summary.configs] == [2] * 8


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("nets", "module: expected a name such as 'nets:make', got 'nets'"),
        ("nosuch:make", "module: 'nosuch' cannot be imported: No module named 'nosuch'"),
        ("nets:other", "module: 'nets' has no function 'other'"),
        ("nets:number", "nets:number: expected it to return a torch.nn.Module, got int"),
        ("nets:pair", r"nets:pair: expected the module to return a float32 tensor of shape \(n, 3\), got tuple"),
        ("nets:wide", r"of shape \(n, 3\), got torch.float64 of shape \(3, 3\) for 3 rows"),
        ("nets:summed", r"got torch.float32 of shape \(3,\) for 3 rows"),
        ("nets:detached", "nets:detached: the module's outputs do not depend on parameters that can be trained"),
        ("nets:misfit", "nets:misfit: the module fails for rows of 4 numbers: mat1 and mat2"),
        ("unparsable:make", "module: 'unparsable' cannot be imported: expected ':'"),
        ("nets:random", "module: 1 is a Dropout, which in training differs from evaluation"),
    ],
)
def test_what_is_no_module_is_refused(module, message, tmp_path):
    with pytest.raises(InvalidConfig, match=message):
        lossreg.run(config(module), root=tmp_path / "runs")
