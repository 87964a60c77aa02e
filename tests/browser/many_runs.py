"""Make the directory of a sweep with any number of runs, as copies of one run with other settings and metrics."""

import json
import random
import shutil

import yaml

import lossreg
from lossreg.experiment.storage import marked_directories

LOSSES = ("cross_entropy", "multi_margin", "poly1", "sparsemax", "entmax15")
CONFIG = {
    "data": {"name": "digits", "standardise": True},
    "model": "mlp",
    "optimizer": {"name": "adam", "lr": 0.01},
    "loss": "cross_entropy",
    "train": {"epochs": 2, "batch_size": 256},
}
EPOCHS = 30


def make_runs(folder, count):
    """Make `count` runs in a folder: for each of some losses and learning rates, five seeds."""
    one = lossreg.run(CONFIG, root=folder.parent / "one").path
    marked_directories.ensure(folder, "sweep")
    draw = random.Random(0)  # noqa: S311  curves, not secrets
    for number in range(count):
        config = yaml.safe_load((one / "config.yaml").read_text())
        group, config["seed"] = divmod(number, 5)
        config["loss"]["name"] = LOSSES[group % len(LOSSES)]
        config["optimizer"]["lr"] = float(f"{10 ** (-1 - group / 80):.4g}")
        path = folder / f"{config['loss']['name']}-{draw.getrandbits(48):012x}"
        marked_directories.create(path, "run")
        (path / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        for name in ("environment.json", "status.json", "data.json", "predictions.safetensors"):
            shutil.copy(one / name, path)
        level = 0.6 + 0.35 * draw.random()
        records, times = [], []
        for epoch in range(1, EPOCHS + 1):
            accuracy = level * (1 - 0.8 ** (epoch + 2)) + 0.01 * draw.random()
            values = {f"{split}_{key}": value for split in ("train", "test") for key, value in
                      (("loss", 2 * (1 - accuracy)), ("accuracy", accuracy))}  # fmt: skip
            records.append({"epoch": epoch, "step": 6 * epoch, **values})
            times.append({"epoch": epoch, "step": 6 * epoch, "seconds": 0.2, "samples_per_second": 6000.0})
        for name, lines in (("metrics.jsonl", records), ("timings.jsonl", times)):
            (path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder
