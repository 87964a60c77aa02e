"""The directory of a run, which holds everything that is known about it.

    config.yaml            the config with all defaults filled in; running it repeats the run
    data.json              how the data were encoded (names, categories, means, scaling), and their fingerprint
    environment.json       that config and its hash, Python, packages, processor, git commit, and each plugin with its
                           version and hash
    origin.json            for a run that began with the weights of another: which run, which step, and what changed
    status.json            running, finished, failed, interrupted or diverged; after which step, and why
    metrics.jsonl          one line for each epoch; nan and infinity are the texts "nan", "inf" and "-inf"
    timings.jsonl          how long the steps of each epoch took: the keys in TIMES
    checkpoints/           step-N.safetensors: everything that is needed to continue after step N
    weights.safetensors    the final weights
    predictions.safetensors    their predictions for the test rows
    log.txt                the events of the run, with their times
    .lossreg               the marker that proves that lossreg made the directory, so that it may be deleted
    .lock                  an empty file, locked while a process works on the run

On one machine, a config gives the same bytes of metrics.jsonl, weights.safetensors and predictions.safetensors, however
often the run is stopped and resumed, and for any number of jobs and of threads in the environment: `train.threads`, on
which they depend, is part of the config. The same holds for another machine with the same model of processor and the
same versions of Python, numpy, numba and BLAS, all of which environment.json records; on others the last bits differ. A
BLAS that threadpoolctl cannot control, such as Apple's Accelerate, is left to its own number of threads.

Files appear complete or not at all; the last line of a .jsonl may be cut short by a crash, until the run is resumed.
The .json files, the weights and the checkpoints have a digest of their content, and a checkpoint has those of the
.jsonl files, so that a damaged file is refused by name; config.yaml is compared with environment.json.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from lossreg.errors import NotResumable
from lossreg.experiment.config.yaml_syntax import dump
from lossreg.experiment.storage import digests, files, labels, locks, marked_directories, schemas, untrusted
from lossreg.experiment.storage.checkpoint import LogState, encode
from lossreg.experiment.storage.digests import json_file
from lossreg.experiment.storage.environment import environment
from lossreg.experiment.storage.marked_directories import plain_name
from lossreg.experiment.storage.records import TIMES, plain
from lossreg.experiment.storage.runs import ORIGIN, Run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lossreg.experiment.training.prepare import PreparedRun

METRICS, TIMINGS = "metrics.jsonl", "timings.jsonl"
SCHEMAS = {
    "data.json": schemas.ENCODING,
    "environment.json": schemas.ENVIRONMENT,
    "status.json": schemas.STATUS,
    ORIGIN: schemas.ORIGIN,
    labels.FILE: schemas.LABELS,
}


class RunDirectory:
    """The directory of a run; as a context manager, it is locked against other processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: Any = None
        self._hashes: dict[str, Any] = {}  # of the content of the logs

    @classmethod
    def create(cls, name: str, root: str | Path | None = None) -> Self:
        """Make a new directory under `root`, or $LOSSREG_RUNS, or experiments/runs."""
        parent = files.root_of(root)
        with files.explaining(parent, "written to", f"runs go to {files.PLACES}"):
            parent.mkdir(parents=True, exist_ok=True)
            while True:
                path = parent / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{plain_name(name)}-{secrets.token_hex(3)}"
                with suppress(FileExistsError):
                    marked_directories.create(path, "run")
                    return cls(path)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open the directory of an earlier run; raises NotResumable if it is not one, or if the run never started."""
        given = files.folder("path", path)
        directory = cls(given.resolve() if given.is_symlink() else given)
        for name in ("config.yaml", "environment.json", "status.json"):
            if not (directory.path / name).is_file():
                raise NotResumable(f"{path}: this is not the directory of a run: it has no {name}")
        return directory

    def __enter__(self) -> Self:
        marked_directories.check(self.path)
        self._lock = locks.acquire(self.path)
        if self._lock is None:
            pid = Run(self.path).state.get("pid")
            process = f", as process {pid}" if pid else ""
            raise NotResumable(f"{self.path}: is running{process}{locks.hint(self.path)}")
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    @property
    def checkpoints(self) -> Path:
        """The directory of the checkpoints."""
        return self.path / "checkpoints"

    def describe(self, prepared: PreparedRun) -> None:
        """Write the config, the encoding of the data, and the environment."""
        self.checkpoints.mkdir(exist_ok=True)
        files.write(self.path / "config.yaml", dump(prepared.config.resolved()))
        for name, content in (("data", prepared.encoding.to_json()), ("environment", environment(prepared.config))):
            files.write(self.path / f"{name}.json", json_file(content, indent=2))

    def status(self, status: str, **details: Any) -> None:
        """Write the status of the run, with the time, the process and the machine."""
        content = {"status": status, "time": now(), **locks.this_process(), **details}
        files.write(self.path / "status.json", json_file(content))

    def note(self, text: str) -> None:
        """Append an event to the log."""
        files.append(self.path / "log.txt", f"{now()} {text}")

    def check(self, *names: str) -> None:
        """Raise NotResumable for any of the .json files that exists and is damaged."""
        for name in names:
            if (self.path / name).exists():
                self.read(name)

    def read(self, name: str, *keys: str) -> Any:
        """The content of one of the .json files; raises NotResumable for one that is damaged or lacks a key."""
        path = self.path / name
        try:
            content = untrusted.read_json(path)
        except untrusted.Unreadable as error:
            raise NotResumable(f"{path}: is damaged: {error}") from None
        if not isinstance(content, dict):
            raise NotResumable(f"{path}: is damaged: expected a mapping")
        for key in keys:
            if key not in content:
                raise NotResumable(f"{path}: is damaged: it has no {key}")
        for problem in untrusted.checked(content, SCHEMAS[name]).problems:
            raise NotResumable(f"{path}: is damaged: {problem}")
        return content

    def log(self, record: Mapping[str, Any]) -> None:
        """Append the record of an epoch to the metrics and the timings."""
        contents = {
            METRICS: {key: value for key, value in record.items() if key not in TIMES},
            TIMINGS: {key: record[key] for key in ("epoch", "step", *TIMES) if key in record},
        }
        for name, content in contents.items():
            line, hashed = json.dumps(plain(content), allow_nan=False), self._hash(name)
            files.append(self.path / name, line)
            hashed.update(f"{line}\n".encode())

    def _hash(self, name: str) -> Any:
        """The hash of a log, which grows with it, so that a checkpoint does not read the log again."""
        if name not in self._hashes:
            path = self.path / name
            self._hashes[name] = digests.hash_of(
                untrusted.read_bytes(path, untrusted.LARGEST_LOG) if path.exists() else b""
            )
        return self._hashes[name]

    def sync(self) -> None:
        """Flush metrics and timings to the disk."""
        for name in (METRICS, TIMINGS):
            files.sync(self.path / name)

    def has_other_data(self, fingerprint: str) -> bool:
        """Whether the run was trained on other data than those of a fingerprint; False if it recorded none."""
        return bool(self.read("data.json").get("fingerprint", fingerprint) != fingerprint)

    def logs(self) -> dict[str, LogState]:
        """The states of metrics and timings, to which a resumed run returns."""
        return {
            name: LogState(files.size(self.path / name), self._hash(name).hexdigest()) for name in (METRICS, TIMINGS)
        }

    def check_logs(self, logs: Mapping[str, LogState]) -> None:
        """Raise NotResumable for a log that does not begin with what it had at a checkpoint."""
        for name in (METRICS, TIMINGS):
            (size, digest), path = logs.get(name, LogState()), self.path / name
            if (found := files.size(path)) < size:
                raise NotResumable(f"{path}: is damaged: it has {found} bytes, and had {size} at the latest checkpoint")
            try:
                content = untrusted.read_bytes(path, untrusted.LARGEST_LOG)[:size] if digest and size else b""
            except untrusted.Unreadable as error:
                raise NotResumable(f"{path}: is damaged: {error}") from None
            if content and digests.digest(content) != digest:
                raise NotResumable(f"{path}: is damaged: its content is not what it was at the latest checkpoint")

    def rewind(self, logs: Mapping[str, LogState]) -> None:
        """Truncate metrics and timings to what they had at a checkpoint, or to nothing; delete partial files."""
        self._hashes.clear()
        for name in (METRICS, TIMINGS):
            files.cut(self.path / name, logs.get(name, LogState()).size)
        for folder in (self.path, self.checkpoints):
            for partial in folder.glob(".*.part"):
                partial.unlink()

    def records(self, size: int | None = None) -> list[dict[str, Any]]:
        """The metrics of each epoch in the first `size` bytes, nan and infinity as numbers.

        Raises NotResumable for what is not a record.
        """
        path = self.path / METRICS
        try:
            return [untrusted.complete_record(line) for line in untrusted.read_lines(path, size)]
        except FileNotFoundError:
            return []
        except untrusted.Unreadable as error:
            raise NotResumable(f"{path}: is damaged: {error}") from None

    def save(self, weights: Mapping[str, Any]) -> None:
        """Write the final weights."""
        encoded = encode(weights, {digests.KEY: digests.BLANK.decode()})
        files.write(self.path / "weights.safetensors", digests.with_digest(encoded))


def now() -> str:
    """The time, as ISO 8601 has it."""
    return datetime.now(UTC).isoformat()
