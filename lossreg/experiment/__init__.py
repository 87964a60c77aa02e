"""Experiments: configs in YAML, training, the directories of runs, sweeps and reports."""
