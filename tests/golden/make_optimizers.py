"""Make optimizers.json: what PyTorch's optimizers do to some weights, for tests that have no PyTorch.

python tests/golden/make_optimizers.py
"""

import json
from pathlib import Path

import torch

CASES = [
    ("sgd", {}),
    ("sgd", {"lr": 0.1, "weight_decay": 0.02}),
    ("sgd", {"lr": 0.1, "momentum": 0.9}),
    ("sgd", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01}),
    ("adam", {}),
    ("adam", {"lr": 0.05, "beta1": 0.8, "beta2": 0.99, "eps": 1e-3}),
    ("adam", {"lr": 0.05, "weight_decay": 0.1}),
    ("adamw", {}),
    ("adamw", {"lr": 0.05, "beta1": 0.7, "beta2": 0.9, "eps": 1e-2, "weight_decay": 0.3}),
]
CLASSES = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
STEPS, WEIGHTS = 20, 6


def trajectory(name, parameters, weights, grads):
    """The weights after each step, in float64."""
    options = dict(parameters)
    if "beta1" in options:
        options["betas"] = (options.pop("beta1"), options.pop("beta2"))
    weight = torch.nn.Parameter(torch.tensor(weights, dtype=torch.float64))
    optimizer = CLASSES[name]([weight], **options)
    path = []
    for grad in grads:
        weight.grad = torch.tensor(grad, dtype=torch.float64)
        optimizer.step()
        path.append(weight.tolist())
    return path


def main():
    """Write the file beside this script."""
    torch.manual_seed(0)
    weights = torch.randn(WEIGHTS, dtype=torch.float64).tolist()
    grads = torch.randn(STEPS, WEIGHTS, dtype=torch.float64)
    grads[:, 0] = 0  # a weight that no data reaches
    grads[5] *= 1000  # and a step that goes wrong
    cases = [
        {"name": name, "parameters": parameters, "path": trajectory(name, parameters, weights, grads.tolist())}
        for name, parameters in CASES
    ]
    content = {"torch": torch.__version__, "weights": weights, "grads": grads.tolist(), "cases": cases}
    Path(__file__).with_name("optimizers.json").write_text(json.dumps(content) + "\n", "utf-8")


if __name__ == "__main__":
    main()
