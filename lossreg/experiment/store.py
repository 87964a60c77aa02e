"""The store: each run has a directory of its own, and what is in it is the truth.

    config.yaml            the config with every default filled in; running it again repeats the run
    environment.json       Python, packages, processor, git commit, and each plugin with its version and hash
    status.json            running, finished, failed or interrupted
    metrics.jsonl          one line for each epoch; nan and infinity are the texts "nan", "inf" and "-inf"
    weights.safetensors    the final weights
    predictions.safetensors    what they make of the rows to test on

On one machine, a config and a seed give the same bytes of metrics.jsonl, except for the keys in TIMES, and of
weights.safetensors. Files appear whole or not at all; metrics grow by whole lines.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import re
import secrets
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossreg.experiment.document import dump

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lossreg.experiment.config import Config

TIMES = ("seconds", "samples_per_second")


class Store:
    """One run's directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, name: str, root: str | Path | None = None) -> Store:
        """Make a directory that no other run has, under `root`, or $LOSSREG_RUNS, or experiments/runs."""
        parent = Path(root or os.environ.get("LOSSREG_RUNS") or "experiments/runs")
        parent.mkdir(parents=True, exist_ok=True)
        plain = re.sub(r"[^\w.-]+", "-", name)[:60]
        while True:
            path = parent / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{plain}-{secrets.token_hex(3)}"
            with suppress(FileExistsError):
                path.mkdir()
                return cls(path)

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file: under another name first, so that nobody ever sees half of it."""
        temporary = self.path / f".{name}.part"
        with temporary.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path / name)

    def begin(self, config: Config) -> None:
        """Write what is known before training."""
        self.write("config.yaml", dump(config.resolved()))
        self.write("environment.json", json.dumps(environment(config), indent=2) + "\n")
        self.status("running", pid=os.getpid(), host=platform.node())

    def status(self, status: str, **details: Any) -> None:
        """Write how the run is doing, with the time."""
        self.write("status.json", json.dumps({"status": status, "time": now(), **details}) + "\n")

    def log(self, record: Mapping[str, Any]) -> None:
        """Append a line to the metrics."""
        line = json.dumps({key: plain(value) for key, value in record.items()}, allow_nan=False)
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def save(self, weights: Mapping[str, Any]) -> None:
        """Write the weights."""
        import numpy as np
        from safetensors.numpy import save

        # safetensors 0.8 writes wrong numbers for arrays that are not contiguous
        self.write("weights.safetensors", save({key: np.ascontiguousarray(array) for key, array in weights.items()}))


def plain(value: Any) -> Any:
    """A number as JSON has it: nan and infinity, which JSON lacks, become text that `float` reads."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def now() -> str:
    """The time, as ISO 8601 has it."""
    return datetime.now(UTC).isoformat()


def environment(config: Config) -> dict[str, Any]:
    """Everything beside the config that a run depends on."""
    from importlib.metadata import distributions

    installed = [distribution.metadata for distribution in distributions()]
    packages = {str(package["Name"]): str(package["Version"]) for package in installed if package and package["Name"]}
    return {
        "python": sys.version,
        "platform": platform.platform(),
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "git": git(),
        "plugins": [
            {
                "kind": noun,
                "name": choice.offer.name,
                "distribution": choice.offer.distribution,
                "version": choice.offer.version,
                "sha256": sha256(choice.component.file),
            }
            for noun, choice in config.choices.items()
        ],
        "packages": dict(sorted(packages.items(), key=lambda item: item[0].lower())),
    }


def cpu() -> str:
    """The processor's name, or its architecture where that is all there is to know."""
    with suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()


def git() -> dict[str, Any] | None:
    """The commit of the current directory's repository, and whether files differ from it; None where there is none."""
    try:
        commit, changes = (
            subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()  # noqa: S603
            for command in (["git", "rev-parse", "HEAD"], ["git", "status", "--porcelain"])  # nothing of anybody's
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "dirty": bool(changes)}


def sha256(file: str) -> str | None:
    """The hash of a plugin's source; None for one that has no file, as in a notebook."""
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError:
        return None
