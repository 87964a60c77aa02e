"""Training: match data, model and loss, prepare everything that a run needs, and take its steps."""
