"""Tasks: what a loss needs of data and model, and the metrics that suit it."""
