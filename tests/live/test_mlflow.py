"""MLflow's own client finds in its store what the run's directory has."""

import json
import os
import subprocess
import sys

RUN = {
    "data": {"name": "random", "samples": 60, "features": 3},
    "model": "linear",
    "optimizer": "sgd",
    "loss": "mse",
    "train": {"epochs": 3},
}

MLFLOW = """
import json, sys
from pathlib import Path
import lossreg
from lossreg.experiment.runner import trackers
from mlflow import MlflowClient

trackers.TIMEOUT = 100.0  # a busy machine imports for long
config = {**json.loads(sys.argv[1]), "trackers": [{"name": "mlflow", "uri": sys.argv[2], "experiment": "trial"}]}
class Stopper(lossreg.Progress):
    def epoch(self, record):
        if record["epoch"] == 2:
            raise OSError("a process that ends after an epoch without a checkpoint")
try:
    lossreg.run(config, root="runs", progress=Stopper())
except OSError:
    pass
(path,) = Path("runs").iterdir()
for checkpoint in (path / "checkpoints").iterdir():
    checkpoint.unlink()
result = lossreg.resume(path)
client = MlflowClient(sys.argv[2])
(run,) = client.search_runs([client.get_experiment_by_name("trial").experiment_id])
history = [[m.step, m.value] for m in client.get_metric_history(run.info.run_id, "test_loss")]
report = {"name": run.info.run_name, "status": run.info.status, "params": run.data.params, "history": history}
print(json.dumps({**report, "metrics": run.data.metrics, "result": result.metrics, "path": result.path.name}))
"""


def test_mlflow_has_what_a_resumed_run_has_each_step_once(tmp_path):
    store = (tmp_path / "mlruns").as_uri()
    done = subprocess.run(
        [sys.executable, "-c", MLFLOW, json.dumps(RUN), store],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "failed and gets no more metrics" not in done.stderr
    report = json.loads(done.stdout)
    assert (report["name"], report["status"]) == (report["path"], "FINISHED")
    assert report["params"]["data.samples"] == "60"
    assert report["params"]["loss.name"] == "mse"
    assert report["history"] == [[record["step"], record["test_loss"]] for record in report["result"]]
    assert report["metrics"]["train_r2"] == report["result"][-1]["train_r2"]
