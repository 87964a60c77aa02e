"""Training: data, model and loss matched, and the steps of a run."""
