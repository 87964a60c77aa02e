"""MLflow: log the settings and metrics of a run to an MLflow server.

`uri` is the address of the server; by default MLflow chooses it, for example from $MLFLOW_TRACKING_URI. A resumed run
continues the MLflow run of the same name. Needs `pip install 'lossreg[mlflow]'`, which installs MLflow's client; a
local database needs the full `mlflow` package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.plugin import hookimpl, tracker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TAG = "lossreg.run"
BATCH = 100  # the most parameters that the server accepts in one request
STATUSES = {"finished": "FINISHED", "interrupted": "KILLED"}


class MlflowRun:
    """A run on the server."""

    def __init__(self, client: Any, run: str, sent: Mapping[str, int]) -> None:
        self.client, self.run, self.sent = client, run, sent

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Send the metrics after a step, unless an earlier process of the run has sent them."""
        from time import time

        from mlflow.entities import Metric

        now = int(time() * 1000)
        new = {name: value for name, value in metrics.items() if step > self.sent.get(name, -1)}
        self.client.log_batch(self.run, [Metric(name, value, now, step) for name, value in new.items()])

    def close(self, status: str) -> None:
        """Set the final status of the run."""
        self.client.set_terminated(self.run, STATUSES.get(status, "FAILED"))


@tracker
def mlflow(path: str, config: dict[str, Any], *, uri: str | None = None, experiment: str = "lossreg") -> MlflowRun:
    from pathlib import Path

    from mlflow import MlflowClient
    from mlflow.entities import Param

    client, name = MlflowClient(uri), Path(path).name
    known = client.get_experiment_by_name(experiment)
    number = known.experiment_id if known else client.create_experiment(experiment)
    runs = client.search_runs([number], f"tags.`{TAG}` = '{name}'", max_results=1)
    run = (runs[0] if runs else client.create_run(number, tags={TAG: name}, run_name=name)).info.run_id
    parameters = [Param(key, str(value)) for key, value in leaves(config)]
    for start in range(0, len(parameters), BATCH):
        client.log_batch(run, params=parameters[start : start + BATCH])
    logged = client.get_run(run).data.metrics
    sent = {name: max(point.step for point in client.get_metric_history(run, name)) for name in logged}
    return MlflowRun(client, run, sent)


def leaves(config: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """The settings with dotted keys."""
    if not isinstance(config, dict):
        yield key, config
        return
    for name, value in config.items():
        yield from leaves(value, f"{key}.{name}" if key else name)


@hookimpl
def lossreg_component() -> Any:
    return mlflow
