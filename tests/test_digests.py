"""A flipped bit in any file that predict, resume and load read is refused, with a message that names the file."""

import json
import random
import re
import shutil

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import lossreg
from lossreg import InvalidInput
from lossreg.errors import LossregError, NotResumable
from lossreg.experiment.storage import digests

CONFIG = {
    "data": {"name": "iris", "standardise": True},
    "model": "linear",
    "optimizer": "adam",
    "loss": "cross_entropy",
    "train": {"epochs": 4, "batch_size": 60, "checkpoint_epochs": 1},
}
ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [6.3, 2.9, 5.6, 1.8]])
LOADED = ("config.yaml", "data.json", "environment.json", "weights.safetensors")
RESUMED = ("config.yaml", "environment.json", "status.json", "data.json", "origin.json", "labels.json")
LOGS = ("metrics.jsonl", "timings.jsonl")


class Stops(lossreg.Progress):
    def epoch(self, record):
        if record["epoch"] == 6:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The directory of a finished run, and of one that began with its weights and was stopped, each with labels."""
    root = tmp_path_factory.mktemp("runs")
    finished = lossreg.run(CONFIG, root=root, tags=["a"]).path
    with pytest.raises(KeyboardInterrupt):
        lossreg.resume(finished, progress=Stops(), changes=["train.epochs=8"])
    (stopped,) = (path for path in root.iterdir() if path != finished)
    return finished, stopped


def flipped(content, draw, part=None):
    """The content with one bit changed, in a part of it."""
    at = draw.randrange(*(part or (0, len(content))))
    return content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :]


def copied(path, folder):
    shutil.rmtree(folder / "copy", ignore_errors=True)
    return shutil.copytree(path, folder / "copy")


@pytest.mark.parametrize("name", LOADED)
def test_a_flipped_bit_is_refused_by_load_or_changes_nothing(tmp_path, runs, name):
    draw, expected = random.Random(name), lossreg.load(runs[0]).predict_proba(ROWS)  # noqa: S311  damage, not secrets
    content = (runs[0] / name).read_bytes()
    copy = copied(runs[0], tmp_path)
    for _ in range(40):
        (copy / name).write_bytes(flipped(content, draw))
        try:
            found = lossreg.load(copy).predict_proba(ROWS)
        except InvalidInput as error:
            assert name in str(error)  # noqa: PT017  both are allowed for config.yaml
        else:
            assert name == "config.yaml", "the digest covers every byte"
            assert np.array_equal(found, expected)


@pytest.mark.parametrize("name", [*RESUMED, *LOGS, "checkpoint"])
def test_a_flipped_bit_is_refused_by_resume(tmp_path, runs, name):
    draw, resumed = random.Random(name), 0  # noqa: S311  damage, not secrets
    path = runs[1]
    relative = latest(path).relative_to(path) if name == "checkpoint" else name
    content = (path / relative).read_bytes()
    part = (0, digests_end(path)) if name in LOGS else None
    for _ in range(4):
        copy = copied(path, tmp_path)
        (copy / relative).write_bytes(flipped(content, draw, part))
        for changes in ([], ["train.epochs=9"]):
            try:
                lossreg.resume(copy, root=tmp_path / "more", changes=changes)
            except LossregError as error:
                shown = str(error)
                assert str(relative) in shown or (name == "config.yaml" and " was " in shown)
            else:
                resumed += 1
    assert resumed == 0 or name == "config.yaml"


def latest(path):
    """The latest checkpoint of a run."""
    return max(path.glob("checkpoints/*"), key=lambda file: int(file.stem.partition("-")[2]))


def digests_end(path):
    """How many bytes every log had at the latest checkpoint at least."""
    with safe_open(latest(path), "np") as file:
        return min(json.loads(file.metadata()["lossreg"])["sizes"].values())


def test_every_byte_of_a_file_is_covered_and_its_digest_too():
    for content in (digests.json_file({"a": 1, "b": ["x"]}), digests.json_file({"a": 1}, indent=2)):
        assert digests.is_intact(content)
        for at in range(len(content)):
            for bit in range(8):
                damaged = content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]
                assert not digests.is_intact(damaged), (at, bit)


def test_a_run_without_digests_is_loaded_resumed_and_continued(tmp_path, runs):
    copy = copied(runs[1], tmp_path)
    for file in copy.glob("*.json"):
        content = json.loads(file.read_text())
        assert re.fullmatch("[0-9a-f]{64}", content.pop("blake2b"))
        file.write_text(json.dumps(content))
    for file in copy.glob("checkpoints/*"):
        with safe_open(file, "np") as opened:
            header = json.loads(opened.metadata()["lossreg"])
        kept = json.dumps({key: header[key] for key in ("step", "sizes")})
        save_file(load_file(file), file, {"lossreg": kept})
    resumed = lossreg.resume(copy)
    once = lossreg.run({**CONFIG, "train": {**CONFIG["train"], "epochs": 8}}, root=tmp_path / "once")
    assert (resumed.path / "weights.safetensors").read_bytes() == (once.path / "weights.safetensors").read_bytes()
    arrays = load_file(copy / "weights.safetensors")
    save_file(arrays, copy / "weights.safetensors")
    (copy / "environment.json").unlink()
    assert np.array_equal(lossreg.load(copy).predict_proba(ROWS), once.model.predict_proba(ROWS))


def test_a_config_that_was_changed_is_not_used_to_predict_or_to_begin_from(tmp_path, runs):
    copy = copied(runs[0], tmp_path)
    text = (copy / "config.yaml").read_text()
    (copy / "config.yaml").write_text(text.replace("batch_size: 60", "batch_size: 61"))
    with pytest.raises(InvalidInput, match=r"config\.yaml has changed since .* shows: train\.batch_size was 60, is 61"):
        lossreg.load(copy)
    with pytest.raises(NotResumable, match=r"config\.yaml: has changed since the run began: train\.batch_size was 60"):
        lossreg.resume(copy, root=tmp_path, changes=["train.epochs=9"])
    assert lossreg.resume(copy, root=tmp_path, changes=["train.epochs=9"], force=True).metrics
