"""Files of a run: writing, checkpoints, and reading the runs that there are."""
