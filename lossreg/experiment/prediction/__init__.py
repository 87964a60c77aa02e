"""Models of finished runs: loaded from a run's directory, to predict from new rows."""
