"""Run a config, or resume a run, and log it to a directory."""
