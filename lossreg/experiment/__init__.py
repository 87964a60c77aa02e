"""Experiments: a run, from YAML to table."""
