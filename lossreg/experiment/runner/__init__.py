"""Execute runs: train, resume, write the directory of a run, show progress, and inform trackers."""
